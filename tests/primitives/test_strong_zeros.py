"""Where a choice has cut a function, its derivatives at the edge are 0 at every order, in every mix of modes."""

import numpy as np
import pytest

from pullback.primitives.arithmetic import add, div, mul
from pullback.primitives.choice import clip, maximum, select
from pullback.primitives.comparison import greater, less
from pullback.primitives.complex import absolute, angle, complex_
from pullback.primitives.discrete import copysign, ldexp, remainder
from pullback.primitives.exponential import (
    erf,
    exp,
    log,
    log1p,
    logaddexp,
    power,
    reciprocal,
    sigmoid,
    sqrt,
    square,
)
from pullback.primitives.trigonometric import arccos, arccosh, arcsin, arctan2, arctanh, hypot, sin, tan
from tests.primitives.derivatives import forward, reverse

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def _above(edge, f):
    return lambda x: select(greater(x, edge), f(x), 0.0)


def _below(edge, f):
    return lambda x: select(less(x, edge), f(x), 0.0)


CASES = {
    "sqrt": (_above(0.0, sqrt), [0.0, -1.0]),
    "log": (_above(0.0, log), [0.0, -1.0]),
    "x log x": (_above(0.0, lambda x: mul(x, log(x))), [0.0, -1.0]),
    "x to the x": (_above(0.0, lambda x: power(x, x)), [0.0, -1.0]),
    "x to the 0.3": (_above(0.0, lambda x: power(x, 0.3)), [0.0, -1.0]),
    "square of log of sqrt": (_above(0.0, lambda x: square(log(sqrt(x)))), [0.0, -2.0]),
    "log1p": (_above(-1.0, log1p), [-1.0, -2.0]),
    "reciprocal": (_above(0.0, reciprocal), [0.0]),
    "sin x over x": (_above(0.0, lambda x: div(sin(x), x)), [0.0]),
    "tan of 1/x": (_above(0.0, lambda x: tan(reciprocal(x))), [0.0]),
    "sigmoid of 1/x": (_above(0.0, lambda x: sigmoid(reciprocal(x))), [0.0]),
    "erf of 1/x": (_above(0.0, lambda x: erf(reciprocal(x))), [0.0]),
    "logaddexp": (_above(0.0, lambda x: logaddexp(reciprocal(x), log(x))), [0.0]),
    "remainder": (_above(0.0, lambda x: remainder(2.0, x)), [0.0]),
    "ldexp": (_above(0.0, lambda x: ldexp(log(x), 3)), [0.0]),
    "sqrt of square": (_above(0.0, lambda x: sqrt(mul(x, x))), [0.0]),
    "hypot": (_above(0.0, lambda x: hypot(x, mul(2.0, x))), [0.0]),
    "arctan2": (_above(0.0, lambda x: arctan2(x, mul(2.0, x))), [0.0]),
    "angle": (_above(0.0, lambda x: angle(complex_(x, x))), [0.0]),
    "modulus": (_above(0.0, lambda x: absolute(complex_(x, x))), [0.0]),
    "arcsin": (_below(1.0, arcsin), [1.0, 2.0]),
    "arccos": (_below(1.0, arccos), [1.0, 2.0]),
    "arctanh": (_below(1.0, arctanh), [1.0, 2.0]),
    "arccosh": (_above(1.0, arccosh), [1.0, -2.0]),
    "exp that overflows": (_below(1.0, exp), [1000.0]),
    "softplus that overflows": (_below(1.0, lambda x: log(add(1.0, exp(x)))), [1000.0]),
    "maximum": (lambda x: maximum(sqrt(x), 1.0), [0.0]),
    "maximum of a product": (lambda x: maximum(mul(sqrt(x), log(add(x, 1.0))), 1.0), [0.0]),
    "clip": (lambda x: clip(log(x), -1.0, 1.0), [0.0]),
    "abs of sqrt": (lambda x: absolute(sqrt(x)), [0.0]),
    "copysign of sqrt": (lambda x: copysign(sqrt(x), -1.0), [0.0]),
}


@pytest.mark.parametrize("modes", ["r", "f", "rr", "rf", "fr", "ff", "rrr", "rfr", "frr", "fff"])
@pytest.mark.parametrize("case", CASES)
def test_derivatives_at_the_edge_are_0(case, modes):
    f, points = CASES[case]
    for mode in modes:
        f = {"r": reverse, "f": forward}[mode](f)
    np.testing.assert_array_equal(f(np.array(points)), np.zeros(len(points)))


@pytest.mark.parametrize("mode", [reverse, forward])
def test_without_a_choice_zero_times_infinity_stays_nan(mode):
    assert np.isnan(mode(lambda x: square(sqrt(x)))(np.float64(0.0)))
    assert np.isnan(mode(lambda x: power(sqrt(x), 2.0))(np.float64(0.0)))
    assert np.isnan(mode(lambda x: hypot(sqrt(x), 1.0))(np.float64(0.0)))  # it is 0.5, and no mask may make it 0
