"""The contraction: the conformance suite, NumPy's einsum as the specification, dtypes, copies."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullback.core.errors import ShapeError
from pullback.core.primitive import infer_types
from pullback.core.types import type_of
from pullback.primitives.contraction import contract, matmul
from tests.conformance import check_rules

SIZES = {0: 2, 1: 3, 2: 4, 3: 2, 4: 3, 5: 2, 6: 1}
CASES = {
    "matrix matrix": ((0, 1), (1, 2), (0, 2)),
    "matrix vector": ((0, 1), (1,), (0,)),
    "vector matrix": ((1,), (1, 2), (2,)),
    "vector vector": ((0,), (0,), ()),
    "outer": ((0,), (1,), (0, 1)),
    "outer, turned": ((0,), (1,), (1, 0)),
    "turned result": ((0, 1), (1, 2), (2, 0)),
    "turned operands": ((1, 0), (2, 1), (0, 2)),
    "stacks": ((5, 0, 1), (5, 1, 2), (5, 0, 2)),
    "stack and matrix": ((5, 0, 1), (1, 2), (5, 0, 2)),
    "matrix and stack": ((0, 1), (5, 1, 2), (5, 0, 2)),
    "batch inside": ((5, 0, 1), (5, 1, 2), (0, 5, 2)),
    "rows by rows": ((5, 0), (5, 0), (5,)),
    "scaled rows": ((5, 0), (5,), (5, 0)),
    "stack and vectors": ((5, 0, 1), (5, 1), (5, 0)),
    "two summed": ((0, 1, 2), (2, 1, 3), (3, 0)),
    "tensors": ((0, 1, 2, 3), (1, 4, 2), (3, 4, 0)),
    "summed alone": ((0, 1), (1, 2), (0,)),
    "both summed alone": ((0, 1), (2,), ()),
    "trace of a product": ((0, 1), (1, 0), ()),
    "scalar and vector": ((), (0,), (0,)),
    "scalars": ((), (), ()),
    "outer of tensors": ((0, 1, 2), (3,), (3, 0, 1, 2)),
    "two batches": ((5, 6, 0, 1), (6, 5, 1, 2), (5, 6, 0, 2)),
    "everything": ((5, 0, 3, 1), (5, 1, 3, 2), (0, 2, 5)),
}


def _params(axes):
    return dict(zip(("a_axes", "b_axes", "out_axes"), axes, strict=True))


def _operands(rng, axes):
    return (rng.normal(size=[SIZES[label] for label in own]) for own in axes[:2])


@pytest.mark.parametrize("axes", CASES.values(), ids=CASES.keys())
def test_it_keeps_every_rule(axes, rng):
    check_rules(contract, *_operands(rng, axes), rng=rng, **_params(axes))


@pytest.mark.parametrize("axes", [CASES["matrix matrix"], CASES["stacks"], CASES["two summed"]])
def test_it_keeps_every_rule_for_other_dtypes(axes, rng):
    a, b = _operands(rng, axes)
    check_rules(contract, a * (1 + 1j), b, rng=rng, **_params(axes), variants=("float32", "non-contiguous"))


def test_it_keeps_every_rule_of_nothing(rng):
    check_rules(contract, rng.normal(size=(2, 0)), rng.normal(size=(0, 3)), rng=rng, **_params(CASES["matrix matrix"]))
    check_rules(contract, 2.0, rng.normal(size=3), rng=rng, **_params(CASES["scalar and vector"]))


@pytest.mark.parametrize("axes", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("dtypes", [("i4", "i4"), ("?", "?"), ("f4", "f8"), ("c8", "f4"), ("i2", "f4"), ("?", "i1")])
def test_it_is_numpys_einsum(axes, dtypes, rng):
    a, b = (np.abs(np.rint(2 * x)).astype(t) for x, t in zip(_operands(rng, axes), dtypes, strict=True))
    expected = np.asarray(np.einsum(a, axes[0], b, axes[1], axes[2]))
    found = contract(a, b, **_params(axes))
    assert np.asarray(found).dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    assert infer_types(contract, (type_of(a), type_of(b)), _params(axes)) == (type_of(expected),)


@given(data=st.data())
def test_any_labels_in_any_order_are_numpys_einsum(data):
    labels = st.lists(st.sampled_from(range(5)), unique=True, max_size=4)
    a_axes, b_axes = (tuple(data.draw(labels)) for _ in range(2))
    used = sorted({*a_axes, *b_axes})
    out_axes = tuple(data.draw(st.permutations([x for x in used if data.draw(st.booleans())])))
    rng = np.random.default_rng(0)
    a, b = (rng.integers(-3, 4, size=[SIZES[x] for x in axes]).astype(float) for axes in (a_axes, b_axes))
    expected = np.einsum(a, a_axes, b, b_axes, out_axes)
    found = contract(a, b, a_axes=a_axes, b_axes=b_axes, out_axes=out_axes)
    np.testing.assert_array_equal(found, expected)


def test_labels_that_do_not_fit_are_an_error():
    a, b = type_of(np.zeros((2, 3))), type_of(np.zeros((4, 2)))
    with pytest.raises(ShapeError, match=r"\(2, 3\) and \(4, 2\): 3 and 4 differ"):
        infer_types(contract, (a, b), _params(CASES["matrix matrix"]))
    with pytest.raises(ShapeError, match="none of them twice"):
        infer_types(contract, (a, b), {"a_axes": (0, 0), "b_axes": (0, 1), "out_axes": (1,)})


@pytest.mark.parametrize(
    ("lead_a", "lead_b"), list(itertools.product([(), (2,), (1,), (3, 2), (3, 1)], [(), (2,), (3, 2), (1, 2)]))
)
def test_matmul_broadcasts_leading_axes(lead_a, lead_b, rng):
    a, b = rng.normal(size=(*lead_a, 2, 3)), rng.normal(size=(*lead_b, 3, 4))
    np.testing.assert_allclose(matmul(a, b), a @ b, rtol=1e-13, atol=1e-14)


def test_it_counts_a_multiplication_and_an_addition_a_term():
    a, b = type_of(np.zeros((2, 3))), type_of(np.zeros((3, 4)))
    params = _params(CASES["matrix matrix"])
    cost = contract.cost((a, b), infer_types(contract, (a, b), params), **params)
    assert cost == (2 * 2 * 3 * 4, 8 * (6 + 12 + 8))
