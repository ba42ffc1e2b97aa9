"""Where a derivative is a matter of choice, or there is none: docs/conventions.md, both ways and compiled."""

import numpy as np
import pytest

import pullback as pb

INF, NAN = np.inf, np.nan

# function, point, gradient
CASES = {
    "x**0": (lambda x: x**0, [0.0, 2.0], [0.0, 0.0]),
    "x**0.0": (lambda x: np.power(x, 0.0), [0.0, -2.0], [0.0, 0.0]),
    "x**1.0 at 0": (lambda x: np.power(x, 1.0), [0.0], [1.0]),
    "x**y by x at 0": (lambda x: np.power(x, [0.0, 1.0, 2.0]), [0.0] * 3, [0.0, 1.0, 0.0]),
    "x**0.5 at 0": (lambda x: np.power(x, 0.5), [0.0], [INF]),
    "0**y by y": (lambda y: np.power(0.0, y), [0.0, 0.5, 2.0], [0.0, 0.0, 0.0]),
    "x**y by y, x < 0": (lambda y: np.power(-2.0, y), [3.0], [NAN]),
    "arctan2 at 0, by y": (lambda y: np.arctan2(y, 0.0), [0.0], [NAN]),
    "arctan2 at 0, by x": (lambda x: np.arctan2(0.0, x), [0.0], [NAN]),
    "angle at 0": (lambda x: np.angle(x + 1j * x), [0.0], [NAN]),
    "hypot at 0": (lambda x: np.hypot(x, 0.0), [0.0], [0.0]),
    "var of one": (np.var, [3.0], [0.0]),
    "var of one, ddof=1": (lambda x: np.var(x, ddof=1), [3.0], [NAN]),
    "std of equals": (np.std, [3.0, 3.0], [0.0, 0.0]),
    "a zero in prod": (np.prod, [0.0, 2.0, 3.0], [6.0, 0.0, 0.0]),
    "two zeros in prod": (np.prod, [0.0, 2.0, 0.0], [0.0, 0.0, 0.0]),
    "a zero in cumprod": (np.cumprod, [0.0, 2.0, 3.0], [9.0, 0.0, 0.0]),
    "ties of max": (np.max, [2.0, 1.0, 2.0], [0.5, 0.0, 0.5]),
    "ties of nanmax": (np.nanmax, [2.0, NAN, 2.0], [0.5, 0.0, 0.5]),
    "ties of sort": (lambda x: np.sort(x) * np.array([1.0, 2.0, 3.0]), [2.0, 2.0, 1.0], [2.0, 3.0, 1.0]),
    "ties of partition": (lambda x: np.partition(x, 1)[1], [2.0, 2.0, 1.0], [1.0, 0.0, 0.0]),
    "ties of median, odd": (np.median, [2.0, 2.0, 2.0], [0.0, 1.0, 0.0]),
    "ties of median, even": (np.median, [1.0, 2.0, 2.0, 5.0], [0.0, 0.5, 0.5, 0.0]),
    "ties of percentile": (lambda x: np.percentile(x, 25), [2.0, 2.0, 2.0], [0.5, 0.5, 0.0]),
    "interp at its points": (lambda x: np.interp(x, [0, 1, 2], [0.0, 1.0, 3.0]), [0.0, 1.0, 2.0], [1.0, 2.0, 0.0]),
    "nanmean of no number": (np.nanmean, [NAN, NAN], [0.0, 0.0]),
    "nanvar of no number": (np.nanvar, [NAN, NAN], [0.0, 0.0]),
    "nanmedian of no number": (np.nanmedian, [NAN, NAN], [0.0, 0.0]),
    "sinc at 0": (np.sinc, [0.0], [0.0]),
    "logaddexp.reduce of -inf": (np.logaddexp.reduce, [-INF, -INF], [0.5, 0.5]),
    "logaddexp.reduce with inf": (np.logaddexp.reduce, [INF, 1.0], [1.0, 0.0]),
}  # fmt: skip


@pytest.mark.parametrize(("f", "x", "expected"), CASES.values(), ids=CASES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's own: 0/0 in the value
def test_the_convention_holds_both_ways_and_compiled(f, x, expected):
    x, expected = np.array(x), np.array(expected)

    def total(x):
        return np.sum(f(x))

    np.testing.assert_array_equal(pb.grad(total)(x), expected)
    np.testing.assert_array_equal(pb.jit(pb.grad(total))(x), expected)
    for i, v in enumerate(np.eye(len(x))):
        np.testing.assert_array_equal(pb.jvp(total, (x,), (v,))[1], expected[i])


# What works with known values only: the first of equal elements is picked.
PICKED = {
    "unique": (np.unique, [2.0, 1.0, 2.0], [1.0, 1.0, 0.0]),
    "unique of rows": (lambda x: np.unique(x[:, None], axis=0), [2.0, 1.0, 2.0], [1.0, 1.0, 0.0]),
    "intersect1d": (lambda x: np.intersect1d(x, [2.0, 5.0]), [2.0, 1.0, 2.0], [1.0, 0.0, 0.0]),
    "union1d": (lambda x: np.union1d(x, [2.0, 5.0]), [2.0, 1.0, 2.0], [1.0, 1.0, 0.0]),
    "setxor1d": (lambda x: np.setxor1d(x, [2.0, 5.0]), [2.0, 1.0, 2.0], [0.0, 1.0, 0.0]),
    "setdiff1d": (lambda x: np.setdiff1d(x, [2.0, 5.0]), [2.0, 1.0, 1.0], [0.0, 1.0, 0.0]),
}


@pytest.mark.parametrize(("f", "x", "expected"), PICKED.values(), ids=PICKED)
def test_of_equal_elements_the_first_is_picked(f, x, expected):
    x = np.array(x)
    np.testing.assert_array_equal(pb.grad(lambda x: np.sum(f(x)))(x), expected)
    np.testing.assert_array_equal(pb.vjp(f, x)[0], f(x))
