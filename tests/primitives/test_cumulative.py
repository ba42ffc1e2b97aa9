"""Cumulative operations: the conformance suite, zeros in products, ties, dtypes."""

import numpy as np
import pytest

from pullback.core.conventions import conventions
from pullback.core.errors import ShapeError
from pullback.core.primitive import infer_types
from pullback.core.types import type_of
from pullback.primitives.arithmetic import mul
from pullback.primitives.cumulative import cummax, cummin, cumprod, cumsum, recurrence, shift
from pullback.primitives.reductions import sum_
from tests import oracles
from tests.conformance import check_rules
from tests.primitives.gradients import gradient, tangent

SHAPES = [
    pytest.param((4,), 0, id="vector"),
    pytest.param((2, 4, 3), 1, id="middle axis"),
    pytest.param((3, 1), 1, id="axis of one"),
    pytest.param((0,), 0, id="empty"),
]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(("shape", "axis"), SHAPES)
@pytest.mark.parametrize("primitive", [cumsum, cumprod, cummax, cummin], ids=str)
def test_they_keep_every_rule(primitive, shape, axis, reverse, rng):
    oracle = "complex step" if primitive in (cumsum, cumprod) else "differences"
    check_rules(
        primitive, rng.normal(size=shape), rng=rng, jvp_oracle=oracle, variants=("float32", "non-contiguous"),
        axis=axis, reverse=reverse,
    )  # fmt: skip


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_a_recurrence_keeps_every_rule(shape, axis, reverse, rng):
    a, b = rng.normal(size=(2, *shape))
    check_rules(recurrence, a, b, rng=rng, axis=axis, reverse=reverse, variants=("float32",))
    check_rules(recurrence, a, b * 1j, rng=rng, axis=axis, reverse=reverse)


@pytest.mark.parametrize("shape", [(5,), (5, 2)])
def test_a_recurrence_is_what_a_loop_gives(shape, rng):
    a, b = rng.normal(size=(2, *shape))
    h, expected = np.zeros(shape[1:]), []
    for p, q in zip(a, b, strict=True):
        h = p * h + q
        expected.append(h)
    np.testing.assert_allclose(recurrence(a, b, axis=0), expected, rtol=1e-15)
    backwards = recurrence(a[::-1], b[::-1], axis=0, reverse=True)
    np.testing.assert_allclose(backwards, expected[::-1], rtol=1e-15)


def test_a_recurrence_of_two_lengths_is_an_error():
    with pytest.raises(ShapeError, match=r"\(3,\) and \(4,\)"):
        infer_types(recurrence, (type_of(np.zeros(3)), type_of(np.zeros(4))), {"axis": 0})


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int32, np.uint8, np.float32])
def test_they_widen_as_numpy_does(dtype):
    x = np.array([[1, 0], [1, 1]], dtype)
    for primitive, function in [(cumsum, np.cumsum), (cumprod, np.cumprod)]:
        expected = function(x, axis=1)
        np.testing.assert_array_equal(primitive(x, axis=1), expected)
        assert infer_types(primitive, (type_of(x),), {"axis": 1}) == (type_of(expected),)


def test_running_extrema_are_numpys(rng):
    x = rng.integers(0, 9, size=(3, 7))
    np.testing.assert_array_equal(cummax(x, axis=1), np.maximum.accumulate(x, 1))
    np.testing.assert_array_equal(cummin(x, axis=0), np.minimum.accumulate(x, 0))


@pytest.mark.parametrize("zeros", [[1], [0, 3], [0, 1, 2]])
def test_a_product_with_zeros_is_right_to_second_order(zeros, rng):
    x, w, v = rng.normal(size=(3, 4))
    x[zeros] = 0
    f = lambda x: sum_(mul(cumprod(x, axis=0), w), axes=(0,))  # noqa: E731
    plain = lambda x: np.sum(np.cumprod(x) * w)  # noqa: E731
    np.testing.assert_allclose(
        np.sum(gradient(f)(x) * v), oracles.complex_step(plain, (x,), (v,)), rtol=1e-13, atol=1e-15
    )
    along = tangent(gradient(f), x, v)
    expected = oracles.hessian_by_differences(plain, x) @ v
    np.testing.assert_allclose(along, expected, atol=1e-8)


def test_a_running_maximum_shares_ties_or_gives_all_to_the_first():
    x = np.array([1.0, 0.0, 1.0, 2.0, 2.0])
    v = np.array([1.0, 50.0, 3.0, 4.0, 6.0])
    f = lambda x: cummax(x, axis=0)  # noqa: E731
    np.testing.assert_array_equal(tangent(f, x, v), [1, 1, 2, 4, 5])
    with conventions(ties="first"):
        np.testing.assert_array_equal(tangent(f, x, v), [1, 1, 1, 4, 4])
        np.testing.assert_array_equal(tangent(f, np.zeros(5), v), [1, 1, 1, 1, 1])


@pytest.mark.parametrize("reverse", [False, True])
def test_shift_moves_one_place_on(reverse, rng):
    x = rng.normal(size=(2, 3))
    moved = shift(x, 7.0, 1, reverse)
    np.testing.assert_array_equal(moved, np.c_[x[:, 1:], [7, 7]] if reverse else np.c_[[7, 7], x[:, :-1]])
