"""Assembling: the conformance suite, and NumPy's own functions as the specification."""

import numpy as np
import pytest

from pullback.core.errors import ShapeError
from pullback.core.primitive import infer_types
from pullback.core.types import type_of
from pullback.primitives.assembling import concatenate, flip, iota, pad, roll, triangle
from pullback.primitives.exponential import sqrt
from pullback.primitives.reductions import sum_
from tests.conformance import check_rules
from tests.primitives.gradients import gradient


@pytest.mark.parametrize(
    ("shapes", "axis"), [([(2, 3), (2, 1), (2, 0)], 1), ([(2,), (3,)], 0), ([(2,)], 0), ([(1, 2, 2), (2, 2, 2)], 0)]
)
def test_concatenate_keeps_every_rule(shapes, axis, rng):
    xs = [rng.normal(size=s) for s in shapes]
    check_rules(concatenate, *xs, rng=rng, axis=axis, variants=("float32", "non-contiguous"))
    np.testing.assert_array_equal(concatenate(*xs, axis=axis), np.concatenate(xs, axis))


def test_concatenate_promotes_dtypes(rng):
    a, b, c = rng.normal(size=2), rng.normal(size=1) * 1j, np.arange(3)
    check_rules(concatenate, a, b, c, rng=rng, axis=0)


def test_shapes_that_do_not_go_together_are_an_error():
    types = type_of(np.zeros((2, 3))), type_of(np.zeros((3, 3)))
    with pytest.raises(ShapeError, match="must match exactly"):
        infer_types(concatenate, types, {"axis": 1})
    with pytest.raises(ShapeError, match="one pair of widths an axis"):
        infer_types(pad, (types[0], type_of(0.0)), {"widths": ((1, 1),)})
    with pytest.raises(ShapeError, match=r"\(..., m, n\)"):
        infer_types(triangle, (type_of(np.zeros(3)),), {"lower": True})


@pytest.mark.parametrize("widths", [((1, 0), (0, 2)), ((0, 0), (0, 0)), ((2, 1), (1, 1))])
def test_pad_keeps_every_rule(widths, rng):
    x = rng.normal(size=(2, 3))
    check_rules(pad, x, np.float64(2.0), rng=rng, widths=widths, jvp_oracle="differences")
    np.testing.assert_array_equal(pad(x, 2.0, widths=widths), np.pad(x, widths, constant_values=2.0))


@pytest.mark.parametrize("shape", [(2, 3), (2, 0)])
def test_flip_and_roll_keep_every_rule(shape, rng):
    x = rng.normal(size=shape)
    check_rules(flip, x, rng=rng, axes=(0, 1))
    check_rules(roll, x, rng=rng, shifts=(1, -2), axes=(0, 1))
    np.testing.assert_array_equal(roll(x, shifts=(1, -2), axes=(0, 1)), np.roll(x, (1, -2), (0, 1)))


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("k", [-1, 0, 2])
@pytest.mark.parametrize("shape", [(3, 3), (2, 3, 4), (3, 2)])
def test_triangle_keeps_every_rule(shape, lower, k, rng):
    x = rng.normal(size=shape)
    check_rules(triangle, x, rng=rng, lower=lower, k=k)
    np.testing.assert_array_equal(triangle(x, lower=lower, k=k), (np.tril if lower else np.triu)(x, k))


def test_what_a_triangle_leaves_out_gets_a_strong_zero():
    f = lambda x: sum_(triangle(sqrt(x), lower=True), axes=(0, 1))  # noqa: E731
    np.testing.assert_array_equal(gradient(f)(np.array([[1.0, 0.0], [4.0, 1.0]])), [[0.5, 0], [0.25, 0.5]])


def test_iota_counts(rng):
    check_rules(iota, rng=rng, n=3, dtype=np.dtype(np.float32))
    assert iota(n=0, dtype=np.dtype(int)).shape == (0,)
