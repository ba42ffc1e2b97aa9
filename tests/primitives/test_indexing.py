"""Indexing: the conformance suite, NumPy's own brackets as the specification, repeats, clipping, errors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullback.core.body import ProgramRecorder
from pullback.core.errors import NotWritten, NoValue, ShapeError
from pullback.core.primitive import infer_types
from pullback.core.types import type_of
from pullback.primitives.arithmetic import mul
from pullback.primitives.exponential import sqrt
from pullback.primitives.indexing import (
    cut,
    dynamic_slice,
    dynamic_update_slice,
    index_add,
    index_get,
    index_set,
    last_written,
    normalise,
    ramp,
    scatter,
    slice_,
    take_along,
)
from pullback.primitives.reductions import sum_
from tests.conformance import check_rules
from tests.primitives.gradients import gradient

A = np.array
SHAPE = (3, 4, 5)
MASK = np.arange(12).reshape(3, 4) % 3 == 0
BASIC = [
    1, -1, slice(1, 3), slice(None), slice(None, None, -1), slice(3, 0, -2), (Ellipsis, 1), (None, 1), (),
    (1, None, slice(None)), (slice(None), 1, slice(0, 5, 2)), (1, 2, 3), (1, 2, 3, None), (np.int64(1), slice(2, 2)),
    (slice(None, None, 2), slice(3, None, -1), slice(-1, -4, -2)), np.uint8(2), Ellipsis, (A(1), slice(None), A(2)),
]  # fmt: skip
ADVANCED = [
    A([0, 2, 2]), A([[0, 1], [2, -1]]), (slice(None), A([1, 3])), (A([0, 1]), slice(None), A([2, 3])),
    (A([0, 1]), A([2, 3])), (slice(None), A([1, 2]), A([0, 0])), (0, slice(None), A([1, 1, 2])), (0, A([1, 1, 2])),
    (A([[0], [1]]), A([2, 3, 3])), (slice(0, 2), None, A([1, 0]), slice(1, 3)), (A([0, 1]), None, A([1, 2])),
    (None, A([0, 1]), A([1, 2])), (Ellipsis, A([0, 1, 1])), A([True, False, True]), MASK, (A(1), A([0, 0, 1])),
    (slice(None), A([True, False, True, False])), [0, 1], ([0, 1], [1, 2]), A([], dtype=int), [],
    (np.int8(1), slice(None), A([[1]])),
]  # fmt: skip
ids = {"ids": lambda index: str(index).replace("\n", "")}


def _lanes(spec, first):
    """Return other lanes: index arrays permuted; starts of slices as they are, for they would leave the array."""
    starts = {first + item[1] for item in spec if item[0] == "slice"}

    def lane(i, x, k):
        x = np.asarray(x)
        return x if i in starts or not x.ndim else np.random.default_rng(k).permutation(x.ravel()).reshape(x.shape)

    return lane


@pytest.mark.parametrize("index", BASIC + ADVANCED, **ids)
def test_reading_is_numpys_brackets(index, rng):
    x = rng.normal(size=SHAPE)
    spec, operands = normalise(x, index)
    np.testing.assert_array_equal(index_get(x, *operands, spec=spec), x[index])


@pytest.mark.parametrize("index", [i for i in BASIC if not isinstance(i, tuple)], **ids)
def test_a_basic_index_gives_a_view(index, rng):
    x = rng.normal(size=SHAPE)
    spec, operands = normalise(x, index)
    assert np.shares_memory(index_get(x, *operands, spec=spec), x)


@pytest.mark.parametrize("index", BASIC + ADVANCED, **ids)
def test_reading_keeps_every_rule(index, rng):
    x = rng.normal(size=SHAPE)
    spec, operands = normalise(x, index)
    check_rules(index_get, x, *operands, rng=rng, spec=spec, lanes=_lanes(spec, 1))
    u = rng.normal(size=x[index].shape)
    check_rules(scatter, u, *operands, rng=rng, shape=SHAPE, spec=spec, lanes=_lanes(spec, 1))
    check_rules(cut, x, *operands, rng=rng, spec=spec, lanes=_lanes(spec, 1))


@pytest.mark.parametrize("index", BASIC + ADVANCED, **ids)
@pytest.mark.parametrize("scalar", [False, True])
def test_writing_is_numpys(index, scalar, rng):
    x = rng.normal(size=SHAPE)
    v = np.float64(2) if scalar else rng.normal(size=x[index].shape)
    spec, operands = normalise(x, index)
    expected = x.copy()
    expected[index] = v
    np.testing.assert_array_equal(index_set(x, v, *operands, spec=spec), expected)
    expected = x.copy()
    np.add.at(expected, index, v)
    np.testing.assert_allclose(index_add(x, v, *operands, spec=spec), expected, rtol=1e-15, atol=1e-15)


@pytest.mark.parametrize("index", [BASIC[i] for i in (0, 2, 6, 8, 12)] + ADVANCED[:10], **ids)
@pytest.mark.parametrize("primitive", [index_set, index_add], ids=str)
def test_writing_keeps_every_rule(primitive, index, rng):
    x = rng.normal(size=SHAPE)
    spec, operands = normalise(x, index)
    for v in (rng.normal(size=x[index].shape), np.float64(2)):
        check_rules(
            primitive, x, v, *operands, rng=rng, spec=spec, lanes=_lanes(spec, 2), jvp_oracle="differences"
        )  # fmt: skip


@given(data=st.data())
def test_any_mixture_of_indices_is_numpys(data):
    block = data.draw(st.sampled_from([(), (2,), (2, 3), (1, 3)]))
    items = []
    for n in SHAPE[: data.draw(st.integers(0, 3))]:
        kind = data.draw(st.sampled_from(["int", "slice", "array", "scalar array"]))
        if kind == "int":
            items.append(data.draw(st.integers(-n, n - 1)))
        elif kind == "slice":
            bound = st.none() | st.integers(-n - 1, n + 1)
            items.append(slice(data.draw(bound), data.draw(bound), data.draw(st.sampled_from([None, 1, 2, -1, -2]))))
        else:
            items.append(np.random.default_rng(n).integers(-n, n, size=block if kind == "array" else ()))
        if data.draw(st.integers(0, 4)) == 0:
            items.append(None)
    if data.draw(st.booleans()):
        items.insert(data.draw(st.integers(0, len(items))), Ellipsis)
    x, index = np.arange(60.0).reshape(SHAPE), tuple(items)
    spec, operands = normalise(x, index)
    np.testing.assert_array_equal(index_get(x, *operands, spec=spec), x[index])
    found = scatter(x[index], *operands, shape=SHAPE, spec=spec)
    expected = np.zeros(SHAPE)
    np.add.at(expected, index, x[index])
    np.testing.assert_array_equal(found, expected)


BAD = [3, -4, (0, 0, 0, 0), 1.5, "a", (..., ...), A([1.5]), A([True, False]), (0, 5), A([5]), (A([0, 1]), A([0, 1, 2]))]


def _read(x, index):
    spec, operands = normalise(x, index)
    return index_get(x, *operands, spec=spec)


@pytest.mark.parametrize("index", BAD, **ids)
def test_errors_are_numpys_word_for_word(index):
    x = np.zeros(SHAPE)
    with pytest.raises(IndexError) as theirs:
        x[index]
    with pytest.raises(IndexError) as ours:
        _read(x, index)
    assert str(ours.value).strip() == str(theirs.value).strip()


def test_a_single_boolean_among_other_indices_is_not_written_yet():
    with pytest.raises(NotWritten, match=r"x\[0, True\]"):
        normalise(np.zeros(3), True)


def test_a_mask_without_a_value_is_an_error_that_says_so():
    with ProgramRecorder() as recorder:
        mask = recorder.input(type_of(np.zeros(3, bool)))
        with pytest.raises(NoValue, match="mask"):
            normalise(np.zeros(3), mask)


def test_a_traced_integer_is_an_operand():
    with ProgramRecorder() as recorder:
        i = recorder.input(type_of(np.int64(0)))
        spec, operands = normalise(np.zeros((3, 2)), (Ellipsis, i))
        assert spec == (("all",), ("array", 0))
        assert operands[0] is i


def test_what_is_written_must_fit():
    types = type_of(np.zeros(3)), type_of(np.zeros(2)), type_of(0)
    with pytest.raises(ShapeError, match=r"shape \(2,\) could not be broadcast to indexing result of shape \(\)"):
        infer_types(index_set, types, {"spec": (("array", 0),)})


@pytest.mark.parametrize("k", [1, 3])
def test_where_an_index_is_repeated_only_the_last_value_counts(k):
    x, v, i = np.arange(4.0), A([1.0, 2.0, 3.0]), A([2, k, 2])
    f = lambda v: sum_(mul(index_set(x, v, i, spec=(("array", 0),)), A([1.0, 2.0, 4.0, 8.0])), axes=(0,))  # noqa: E731
    np.testing.assert_array_equal(gradient(f)(v), [0, 2.0**k, 4])
    check_rules(last_written, i, rng=np.random.default_rng(0), shape=(4,), spec=(("array", 0),))


def test_an_index_that_is_repeated_adds_up():
    i = A([2, 0, 2])
    f = lambda x: sum_(mul(index_get(x, i, spec=(("array", 0),)), A([1.0, 2.0, 4.0])), axes=(0,))  # noqa: E731
    np.testing.assert_array_equal(gradient(f)(np.zeros(4)), [2, 0, 5, 0])


def test_what_was_not_read_gets_a_strong_zero():
    f = lambda x: sum_(slice_(sqrt(x), starts=(1,), stops=(3,)), axes=(0,))  # noqa: E731
    np.testing.assert_array_equal(gradient(f)(A([0.0, 1.0, 4.0])), [0, 0.5, 0.25])
    twice = gradient(lambda x: sum_(gradient(f)(x), axes=(0,)))(A([0.0, 1.0, 4.0]))
    np.testing.assert_allclose(twice, [0, -1 / 4, -1 / 32], rtol=1e-15)


def test_what_was_written_over_gets_a_strong_zero():
    f = lambda x: sum_(index_set(sqrt(x), 1.0, 0, spec=(("array", 0),)), axes=(0,))  # noqa: E731
    np.testing.assert_array_equal(gradient(f)(A([0.0, 4.0])), [0, 0.25])


@pytest.mark.parametrize(
    ("index", "clipped"), [([9, -1, -20], [6, 6, 0]), ([0, 6, 7], [0, 6, 6])], ids=["far out", "at the end"]
)
def test_clip_moves_an_index_into_range(index, clipped, rng):
    x, spec = rng.normal(size=(2, 7)), (("all",), ("array", 0))
    np.testing.assert_array_equal(index_get(x, A(index), spec=spec, mode="clip"), x[:, clipped])
    check_rules(index_get, x, A(index), rng=rng, spec=spec, mode="clip")
    v = rng.normal(size=(2, 3))
    for primitive in (index_set, index_add):
        check_rules(primitive, x, v, A(index), rng=rng, spec=spec, mode="clip", jvp_oracle="differences")
    with pytest.raises(IndexError, match="out of bounds for axis 1 with size 7"):
        index_get(x, A([9]), spec=spec)


def test_dynamic_slices_are_moved_to_where_they_fit(rng):
    x = rng.normal(size=(6, 7))
    for i, j in [(0, 0), (4, 1), (-2, 6), (99, -99)]:
        a, b = min(max(i + 6 if i < 0 else i, 0), 3), min(max(j + 7 if j < 0 else j, 0), 5)
        np.testing.assert_array_equal(dynamic_slice(x, i, j, sizes=(3, 2)), x[a : a + 3, b : b + 2])
        expected, v = x.copy(), rng.normal(size=(3, 2))
        expected[a : a + 3, b : b + 2] = v
        np.testing.assert_array_equal(dynamic_update_slice(x, v, i, j), expected)


@pytest.mark.parametrize("steps", [(1, 1), (-1, 2)])
def test_dynamic_slices_keep_every_rule(steps, rng):
    x, spec = (
        rng.normal(size=(6, 7)),
        tuple(("slice", k, n, s) for k, (n, s) in enumerate(zip((3, 2), steps, strict=True))),
    )
    lanes = lambda i, x, k: np.asarray(x) if np.ndim(x) else np.asarray(x + 3 * k - 2)  # noqa: E731
    check_rules(index_get, x, 4, 1, rng=rng, spec=spec, mode="clip", lanes=lanes)
    v = rng.normal(size=(3, 2))
    for primitive in (index_set, index_add):
        check_rules(
            primitive, x, v, 4, 1, rng=rng, spec=spec, mode="clip", lanes=lanes, jvp_oracle="differences"
        )  # fmt: skip


@pytest.mark.parametrize("axis", [0, 1])
def test_take_along_is_numpys(axis, rng):
    x = rng.normal(size=(3, 4))
    order = np.argsort(rng.normal(size=(3, 4)), axis)
    np.testing.assert_array_equal(take_along(x, order, axis), np.take_along_axis(x, order, axis))
    some = rng.integers(0, 3, size=(2, 4) if axis == 0 else (3, 1))
    np.testing.assert_array_equal(take_along(x, some, axis), np.take_along_axis(x, some, axis))
    spec = (("array", 0), ("iota", 1)) if axis == 0 else (("iota", 2), ("array", 0))
    check_rules(index_get, x, some, rng=rng, spec=spec)
    check_rules(index_get, x, order, rng=rng, spec=spec, unique=True, lanes="repeat")


def test_dynamic_slices_mix_with_index_arrays(rng):
    x, spec = rng.normal(size=(6, 4, 5)), (("slice", 0, 2, 1), ("array", 1), ("iota", 1))
    lanes = lambda i, x, k: np.asarray(x + k) if i == 1 else np.asarray(x)  # noqa: E731
    index = rng.integers(0, 4, size=(3, 5))
    np.testing.assert_array_equal(index_get(x, 1, index, spec=spec), x[1:3, index, np.arange(5)])
    check_rules(index_get, x, 1, index, rng=rng, spec=spec, mode="clip", lanes=lanes)
    check_rules(scatter, rng.normal(size=(2, 3, 5)), 1, index, rng=rng, shape=(6, 4, 5), spec=spec, mode="clip",
                lanes=lanes)  # fmt: skip


def test_an_index_unique_in_each_lane_may_be_repeated_over_all_lanes():
    order = A([[0, 1, 2], [2, 1, 0]])
    params = {"spec": (("array", 0),), "unique": True}
    f = lambda x: sum_(index_get.batch(2, (x, order), (False, True), **params), axes=(0, 1))  # noqa: E731
    np.testing.assert_array_equal(gradient(f)(np.zeros(3)), [2, 2, 2])


def test_slices_take_starts_stops_and_steps(rng):
    x = rng.normal(size=(6, 7))
    np.testing.assert_array_equal(slice_(x, starts=(1, 6), stops=(6, -1), steps=(2, -3)), x[1:6:2, 6::-3])
    np.testing.assert_array_equal(slice_(x, starts=(0, 2), stops=(6, 4)), x[:, 2:4])
    assert slice_(x, starts=(0, 0), stops=(6, 7)) is x


def test_ramp_keeps_every_rule(rng):
    check_rules(ramp, A([1, 2]), rng=rng, n=3, step=2)
    check_rules(ramp, np.int64(9), rng=rng, n=3, bound=5)
    assert ramp(-2, n=3, bound=5).tolist() == [2, 3, 4]


def test_complex_and_single_precision_keep_every_rule(rng):
    i, spec = A([1, 1, 3]), (("array", 0),)
    z = rng.normal(size=4) + 1j
    check_rules(index_get, z, i, rng=rng, spec=spec)
    check_rules(index_set, z, rng.normal(size=3), i, rng=rng, spec=spec)
    check_rules(index_get, z.real, i, rng=rng, spec=spec, variants=("float32", "non-contiguous"))
