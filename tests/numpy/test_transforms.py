"""Every case of the other tables once more: its gradient under jit and vmap, and its second derivative."""

import warnings

import numpy as np
import pytest

import pullback as pb
from pullback.core import errors
from tests.numpy.checks import leaves
from tests.numpy.test_dtypes import CASES

# Rounded to single precision on the way: differences say nothing.
SINGLE = {"sum dtype"}


def scalar(f):
    """`f` made into a real function of a vector: sines, so that the second derivative is not zero."""

    def g(x):
        moving = [y for y in leaves(f(x)) if getattr(y, "dtype", None) is not None and y.dtype.kind == "f"]
        return sum((np.sin(y) * (k + 1)).sum() for k, y in enumerate(moving)) + 0.0 * x.sum()

    return g


@pytest.mark.parametrize(("f", "x"), CASES)
def test_the_gradient_is_the_same_under_jit_and_vmap(f, x, request):
    g = scalar(f)
    close = 1e-12 if request.node.callspec.id not in SINGLE else 1e-4  # a sum in another order, in single precision
    expected = pb.grad(g)(x)
    try:
        compiled = pb.jit(pb.grad(g))(x)
    except errors.NoValue:
        pytest.skip("its shape depends on values")
    np.testing.assert_allclose(compiled, expected, rtol=close, atol=close)
    np.testing.assert_allclose(pb.grad(pb.jit(g))(x), expected, rtol=close, atol=close)
    np.testing.assert_allclose(pb.vmap(pb.grad(g))(np.stack([x + 1, x]))[1], expected, rtol=close, atol=close)


@pytest.mark.parametrize(("f", "x"), [c for c in CASES if c.id not in SINGLE])
def test_the_second_derivative_is_that_of_the_gradient(f, x, rng):
    g = scalar(f)
    v = rng.normal(size=x.shape)
    h = 2.0**-17  # eps^(1/3): what is left is about eps^(2/3), times the third derivative (sines of numbers up to 100)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = (pb.grad(g)(x + h * v) - pb.grad(g)(x - h * v)) / (2 * h)
        found = pb.hvp(g, (x,), (v,))
    scale = max(1.0, float(np.max(np.abs(expected), initial=0.0)))
    np.testing.assert_allclose(found, expected, atol=1e-5 * scale, rtol=1e-5)
