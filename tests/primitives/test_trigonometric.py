"""Circular and hyperbolic functions: the conformance suite, and tails in ulp."""

import mpmath
import numpy as np
import pytest

from pullback.core.conventions import conventions
from pullback.primitives.arithmetic import mul
from pullback.primitives.trigonometric import (
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctan2,
    arctanh,
    cos,
    cosh,
    hypot,
    sin,
    sinc,
    sinh,
    spherical_jn,
    tan,
    tanh,
)
from tests import oracles
from tests.conformance import check_rules
from tests.primitives.derivatives import forward, reverse, slope

ALL = ("float32", "0-d", "empty", "non-contiguous")
ANALYTIC = [sin, cos, tan, arcsin, arccos, arctan, sinh, cosh, tanh, arcsinh, arctanh, sinc]


@pytest.mark.parametrize("primitive", ANALYTIC, ids=str)
def test_analytic_functions_keep_every_rule(primitive, rng):
    check_rules(primitive, rng.uniform(-0.9, 0.9, size=(2, 3)), rng=rng, variants=ALL)


@pytest.mark.parametrize("primitive", [*ANALYTIC, arccosh], ids=str)
def test_they_keep_them_for_complex_numbers(primitive, rng):
    z = rng.uniform(0.2, 0.9, size=(2, 3)) + 1j * rng.uniform(0.2, 0.9, size=(2, 3))
    check_rules(primitive, z, rng=rng, variants=("float32", "0-d", "empty"))


def test_arccosh_keeps_every_rule(rng):
    check_rules(arccosh, rng.uniform(1.2, 3.0, size=(2, 3)), rng=rng, variants=ALL)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_spherical_bessel_functions_keep_every_rule(n, rng):
    check_rules(spherical_jn, rng.uniform(0.3, 5.0, size=4), rng=rng, jvp_oracle="differences", variants=ALL, n=n)


@pytest.mark.parametrize("primitive", [arctan2, hypot], ids=str)
@pytest.mark.parametrize("signs", [(1, 1), (-1, 1), (1, -1), (-1, -1)])
def test_polar_coordinates_keep_every_rule_in_each_quadrant(primitive, signs, rng):
    a, b = signs[0] * rng.uniform(0.5, 2, size=(2, 3)), signs[1] * rng.uniform(0.5, 2, size=3)
    check_rules(primitive, a, b, rng=rng, jvp_oracle="differences", variants=ALL if signs == (1, 1) else ())


TAILS = [
    pytest.param(sin, mpmath.sin, [-1e5, -1.5, 0.0, 1e-300, 1.5707963267948966, 1e5], 2, id="sin"),
    pytest.param(cos, mpmath.cos, [-1e5, -1.5, 1e-300, 3.141592653589793, 1e5], 2, id="cos"),
    pytest.param(tan, mpmath.tan, [-1e5, -1.5, 0.0, 1e-300, 1.5707963267948966, 1e5], 4, id="tan"),
    pytest.param(arcsin, mpmath.asin, [-0.9999999999, -0.5, 0.0, 1e-9, 0.99999999999], 3, id="arcsin"),
    pytest.param(arccos, mpmath.acos, [-0.9999999999, -0.5, 0.0, 1e-9, 0.99999999999], 3, id="arccos"),
    pytest.param(arctan, mpmath.atan, [-1e150, -3.0, -1e-9, 0.0, 0.5, 1e8], 3, id="arctan"),
    pytest.param(sinh, mpmath.sinh, [-700.0, -1e-9, 0.0, 3.0, 700.0], 3, id="sinh"),
    pytest.param(cosh, mpmath.cosh, [-700.0, -1e-9, 3.0, 700.0], 3, id="cosh"),
    pytest.param(tanh, mpmath.tanh, [-300.0, -20.0, -1.0, -1e-8, 0.0, 1e-300, 3.0, 20.0, 300.0], 4, id="tanh"),
    pytest.param(arcsinh, mpmath.asinh, [-1e200, -3.0, -1e-9, 0.0, 0.5, 1e8, 1e300], 3, id="arcsinh"),
    pytest.param(arccosh, mpmath.acosh, [1.0000000001, 1.5, 30.0, 1e8, 1e200, 1e300], 4, id="arccosh"),
    pytest.param(arctanh, mpmath.atanh, [-0.99999999999, -0.5, 0.0, 1e-9, 0.9999999999], 3, id="arctanh"),
]


@pytest.mark.parametrize(("primitive", "function", "points", "ulps"), TAILS)
def test_derivatives_are_accurate_relative_to_themselves(primitive, function, points, ulps):
    x = np.array(points)
    oracles.assert_ulp(slope(primitive, x), oracles.mp_derivative(function, x, digits=60), ulps)


@pytest.mark.parametrize(
    ("primitive", "function"),
    [(tan, mpmath.tan), (tanh, mpmath.tanh), (arctan, mpmath.atan), (arcsin, mpmath.asin)],
    ids=["tan", "tanh", "arctan", "arcsin"],
)
def test_complex_derivatives_do_not_cancel(primitive, function):
    points = {tan: 0.3 + 20j, tanh: 20 + 0.3j, arctan: 1e-9 + 1.000000001j, arcsin: 0.999999999 + 1e-9j}
    z = points[primitive]
    with mpmath.workdps(60):
        exact = mpmath.diff(function, mpmath.mpc(z))
    oracles.assert_ulp(slope(primitive, np.array([z])), [exact], 24)


def test_products_of_lengths_neither_overflow_nor_underflow():
    y, x = np.array([3e200, 3e-200]), np.array([4e200, 4e-200])
    np.testing.assert_allclose(slope(arctan2, y, x), 0.8 / np.array([5e200, 5e-200]), rtol=1e-15)
    np.testing.assert_allclose(slope(hypot, y, x), [0.6, 0.6], rtol=1e-15)


@pytest.mark.parametrize("mode", [reverse, forward])
def test_the_length_of_nothing_has_derivative_0_by_convention(mode):
    length = lambda x: hypot(x, mul(x, 2.0))  # noqa: E731
    assert mode(length)(np.float64(0.0)) == 0
    with conventions(norm="nan"):
        assert np.isnan(mode(length)(np.float64(0.0)))


@pytest.mark.parametrize("mode", [reverse, forward])
def test_sinc_is_right_at_0_and_beside_it_at_every_order(mode):
    x = np.array([0.0, 1e-9, 1e-3, 0.5, 1.0, -2.5])
    f = sinc
    for order in (1, 2, 3):
        f = mode(f)
        with mpmath.workdps(60):
            # Σ (-1)^k (πx)^(2k) / (2k+1)!, differentiated term by term.
            exact = [_sinc_derivative(mpmath.mpf(float(a)), order) for a in x]
        np.testing.assert_allclose(f(x), np.array(exact, float), rtol=1e-12, atol=1e-15)


def _sinc_derivative(x, order):
    def term(k):
        n = 2 * int(k)
        if n < order:
            return mpmath.mpf(0)
        factor = mpmath.factorial(n) / mpmath.factorial(n - order)
        return (-1) ** int(k) * mpmath.pi**n * factor * x ** (n - order) / mpmath.factorial(n + 1)

    return sum(term(k) for k in range(60))


@pytest.mark.parametrize("primitive", [sin, tanh, arcsin, arcsinh, sinc], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128], ids=lambda t: t.__name__)
def test_the_dtype_is_kept(primitive, dtype):
    x = np.full(2, 0.5, dtype)
    assert primitive(x).dtype == dtype
    assert slope(primitive, x).dtype == dtype


@pytest.mark.parametrize("primitive", [arcsin, arctanh, arccosh], ids=str)
def test_at_the_edge_of_the_domain_the_derivative_is_infinite(primitive):
    assert np.isinf(slope(primitive, np.float64(1.0)))
