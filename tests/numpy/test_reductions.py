"""Reductions: every form of axis, keepdims, where and initial, against NumPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback.core import errors
from tests.numpy.checks import check, check_value

X = np.array([[0.5, -1.25, 2.0, 0.75], [3.0, 0.3, -0.7, 1.5], [0.1, 2.5, 1.1, -2.0]])
C = X + 1j * X[::-1]
MASK = np.array([[True, False, True, True], [True, True, False, True], [False, True, True, True]])

CASES = [
    pytest.param(f, id=name)
    for name, f in {
        "sum": lambda x: np.sum(x),
        "sum axis": lambda x: np.sum(x, axis=0),
        "sum negative axis": lambda x: np.sum(x, axis=-1, keepdims=True),
        "sum axes": lambda x: np.sum(x, axis=(1, 0), keepdims=True),
        "sum no axes": lambda x: np.sum(x, axis=()),
        "sum where initial": lambda x: np.sum(x, axis=1, where=MASK, initial=2.5),
        "sum dtype": lambda x: np.sum(x, dtype=np.float32),
        "sum method": lambda x: x.sum(0, keepdims=True),
        "prod": lambda x: np.prod(x, axis=1),
        "prod all": lambda x: x.prod(),
        "prod where": lambda x: np.prod(x, axis=0, where=MASK, initial=-1.0),
        "max": lambda x: np.max(x, axis=1),
        "max all": lambda x: x.max(keepdims=True),
        "max where": lambda x: np.max(x, axis=0, where=MASK, initial=-9.0),
        "min": lambda x: np.min(x, axis=(0, 1)),
        "amin initial": lambda x: np.amin(x, axis=0, initial=0.2),
        "ptp": lambda x: np.ptp(x, axis=1),
        "mean": lambda x: np.mean(x),
        "mean axis": lambda x: x.mean(axis=-1, keepdims=True),
        "mean where": lambda x: np.mean(x, axis=0, where=MASK),
        "var": lambda x: np.var(x, axis=0),
        "var ddof": lambda x: x.var(axis=1, ddof=1, keepdims=True),
        "var correction": lambda x: np.var(x, correction=1),
        "std": lambda x: np.std(x),
        "std where": lambda x: np.std(x, axis=1, where=MASK),
        "average": lambda x: np.average(x, axis=1),
        "average weights": lambda x: np.average(x, axis=1, weights=np.array([1.0, 2.0, 3.0, 4.0])),
        "average full": lambda x: np.average(x, weights=x**2 + 1, returned=True),
        "median": lambda x: np.median(x),
        "median axis": lambda x: np.median(x, axis=1, keepdims=True),
        "quantile": lambda x: np.quantile(x, [0.1, 0.5, 0.77], axis=0),
        "percentile": lambda x: np.percentile(x, 30),
        "percentile lower": lambda x: np.percentile(x, 30, method="lower"),
        "nansum": lambda x: np.nansum(x, axis=0),
        "nanmean": lambda x: np.nanmean(x, axis=0),
        "nanvar": lambda x: np.nanvar(x, axis=1),
        "nanmax": lambda x: np.nanmax(x, axis=1),
    }.items()
]


@pytest.mark.parametrize("f", CASES)
def test_a_reduction_is_numpys_and_has_its_derivative(f, rng):
    smooth = f(X) is not None and all(np.asarray(y).dtype != np.float32 for y in np.atleast_1d(f(X)))
    check(f, X, rng=rng, exact=False, smooth=smooth)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(x, axis=0),
        lambda x: np.prod(x, axis=1),
        lambda x: np.mean(x),
        lambda x: np.var(x, axis=0, ddof=1),
        lambda x: np.std(x, axis=1),
    ],
)
def test_moments_of_complex_numbers_are_numpys(f, rng):
    check(f, C, rng=rng, exact=False)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(x),
        lambda x: np.sum(x, axis=0),
        lambda x: np.prod(x, axis=1),
        lambda x: np.mean(x, axis=0),
        lambda x: np.max(x),
        lambda x: np.any(x > 1, axis=0),
        lambda x: np.all(x, keepdims=True),
        lambda x: np.argmax(x),
        lambda x: x.argmin(axis=1, keepdims=True),
        lambda x: np.count_nonzero(x, axis=1),
        lambda x: np.cumsum(x),
        lambda x: np.var(x),
    ],
)
@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint16, np.int64, np.float32, np.float64])
def test_the_dtype_of_a_reduction_is_numpys(f, dtype):
    x = np.array([[0, 1, 2], [3, 0, 1]]).astype(dtype)
    check_value(f, x, exact=False)


@given(st.lists(st.integers(0, 3), min_size=0, max_size=3), st.data())
def test_any_shape_and_any_axes_reduce_as_in_numpy(shape, data):
    x = np.arange(float(np.prod(shape))).reshape(shape) - 2
    axes = data.draw(
        st.lists(st.integers(-len(shape), len(shape) - 1), unique_by=lambda i: i % len(shape)) if shape else st.just([])
    )
    keepdims = data.draw(st.booleans())
    check_value(lambda x: np.sum(x, axis=tuple(axes), keepdims=keepdims), x)
    check_value(lambda x: np.prod(x, axis=tuple(axes), keepdims=keepdims), x)


@pytest.mark.parametrize("function", [np.max, np.min, np.argmax])
def test_the_extreme_of_nothing_is_an_error_as_in_numpy(function):
    with pytest.raises(ValueError, match=r"zero-size|empty sequence"):
        pb.trace(function)(np.zeros((0,)))


def test_an_axis_out_of_range_is_numpys_axis_error():
    with pytest.raises(np.exceptions.AxisError, match="axis 2 is out of bounds"):
        pb.grad(lambda x: np.sum(x, axis=2).sum())(X)
    with pytest.raises(ValueError, match="duplicate value in 'axis'"):
        pb.grad(lambda x: np.sum(x, axis=(0, -2)).sum())(X)


def test_ties_of_a_maximum_share():
    np.testing.assert_array_equal(pb.grad(np.max)(np.array([1.0, 3.0, 3.0])), [0.0, 0.5, 0.5])


def test_the_derivative_of_std_at_no_variance_is_zero_at_every_order():
    x = np.ones(3)
    np.testing.assert_array_equal(pb.grad(np.std)(x), np.zeros(3))
    np.testing.assert_array_equal(pb.hessian(np.std)(x), np.zeros((3, 3)))
    with pb.conventions(norm="nan"):
        assert np.isnan(pb.grad(np.std)(x)).all()


def test_out_of_a_plain_array_is_refused():
    out = np.zeros(())
    with pytest.raises(errors.MutationError, match=r"x = np.sum\(...\) in place of out=x"):
        pb.grad(lambda x: np.sum(x, out=out))(X)
