"""Exponentials, logarithms, roots, powers: the conformance suite, tails in ulp, and the points where they are hard."""

import mpmath
import numpy as np
import pytest

from pullback.primitives.exponential import (
    cbrt,
    erf,
    erfc,
    exp,
    exp2,
    expm1,
    gaussian,
    integer_power,
    log,
    log1p,
    log2,
    log10,
    logaddexp,
    logaddexp2,
    power,
    reciprocal,
    sigmoid,
    sqrt,
    square,
)
from tests import oracles
from tests.conformance import check_rules
from tests.primitives.derivatives import forward, reverse, slope

ALL = ("float32", "0-d", "empty", "non-contiguous")
ANALYTIC = [exp, exp2, expm1, log, log2, log10, log1p, sqrt, square, reciprocal, sigmoid, gaussian, erf, erfc]
LN2 = mpmath.log(2)


@pytest.mark.parametrize("primitive", ANALYTIC, ids=str)
def test_analytic_functions_keep_every_rule(primitive, rng):
    check_rules(primitive, rng.uniform(0.2, 2.0, size=(2, 3)), rng=rng, variants=ALL)


@pytest.mark.parametrize("primitive", ANALYTIC, ids=str)
def test_they_keep_them_for_complex_numbers(primitive, rng):
    z = rng.uniform(0.2, 0.9, size=(2, 3)) + 1j * rng.uniform(-0.9, 0.9, size=(2, 3))
    check_rules(primitive, z, rng=rng, variants=("float32", "0-d", "empty"))


@pytest.mark.parametrize("n", [-2, -1, 0, 1, 2, 3, 7])
def test_integer_powers_keep_every_rule(n, rng):
    check_rules(integer_power, rng.uniform(0.5, 1.5, size=(2, 3)), rng=rng, variants=ALL, n=n)


def test_the_cube_root_keeps_every_rule_on_both_sides_of_0(rng):
    x = rng.uniform(0.5, 2.0, size=4) * [1, -1, 1, -1]
    check_rules(cbrt, x, rng=rng, jvp_oracle="differences", variants=ALL)


def test_power_keeps_every_rule_in_both_operands(rng):
    check_rules(power, rng.uniform(0.5, 2.0, size=(2, 3)), rng.uniform(-2, 2, size=3), rng=rng, variants=ALL)


def test_power_takes_a_negative_base_to_integer_exponents(rng):
    check_rules(power, rng.uniform(-2, -1, size=3), np.array([2, -1, 3]), rng=rng, jvp_oracle="differences")
    check_rules(power, rng.uniform(-2, -1, size=3), 3.0, rng=rng, jvp_oracle="differences", moving=(0,))


def test_power_takes_complex_numbers(rng):
    z = rng.uniform(0.5, 1.5, size=3) + 1j * rng.uniform(0.5, 1.5, size=3)
    check_rules(power, z, rng.normal(size=3), rng=rng)
    check_rules(power, rng.uniform(0.5, 1.5, size=3), z, rng=rng)


@pytest.mark.parametrize("primitive", [logaddexp, logaddexp2], ids=str)
def test_sums_of_exponentials_keep_every_rule(primitive, rng):
    check_rules(primitive, rng.normal(size=(2, 3)), rng.normal(size=3), rng=rng, jvp_oracle="differences", variants=ALL)


TAILS = [
    # In ulp: of the function (1 to 4 in NumPy and SciPy), and one for each product or quotient.
    pytest.param(exp, mpmath.exp, [-740.0, -30.0, -1e-10, 0.0, 3.0, 700.0], 3, id="exp"),
    pytest.param(exp2, lambda x: mpmath.power(2, x), [-1000.0, -3.5, 0.0, 0.1, 1000.0], 3, id="exp2"),
    pytest.param(expm1, mpmath.expm1, [-700.0, -40.0, -1e-12, 0.0, 1e-12, 2.0, 700.0], 3, id="expm1"),
    pytest.param(log, mpmath.log, [1e-300, 1e-5, 1.0, 7.0, 1e300], 1, id="log"),
    pytest.param(log2, lambda x: mpmath.log(x) / LN2, [1e-300, 1e-5, 1.0, 7.0, 1e300], 2, id="log2"),
    pytest.param(log10, mpmath.log10, [1e-300, 1e-5, 1.0, 7.0, 1e300], 2, id="log10"),
    pytest.param(log1p, mpmath.log1p, [-0.999999999, -0.5, -1e-15, 0.0, 1e-15, 3.0, 1e300], 2, id="log1p"),
    pytest.param(sqrt, mpmath.sqrt, [1e-300, 0.3, 4.0, 1e300], 2, id="sqrt"),
    pytest.param(cbrt, mpmath.cbrt, [1e-300, 0.3, 8.0, 1e300], 6, id="cbrt"),
    pytest.param(reciprocal, lambda x: 1 / x, [-1e100, -0.3, 1e-100, 7.0, 1e100], 2, id="reciprocal"),
    pytest.param(
        sigmoid, lambda x: 1 / (1 + mpmath.exp(-x)), [-700.0, -40.0, -1.0, 0.0, 1e-3, 40.0, 700.0], 6, id="sigmoid"
    ),
    pytest.param(erf, mpmath.erf, [-26.0, -5.1, -1e-8, 0.0, 0.3, 3.3, 19.7, 26.0], 5, id="erf"),
    pytest.param(erfc, mpmath.erfc, [-26.0, -5.1, -1e-8, 0.0, 0.3, 3.3, 19.7, 26.0], 5, id="erfc"),
    pytest.param(gaussian, lambda x: mpmath.exp(-x * x), [-26.0, -5.1, 0.3, 3.3, 19.7, 26.0], 6, id="gaussian"),
]


@pytest.mark.parametrize(("primitive", "function", "points", "ulps"), TAILS)
def test_derivatives_are_accurate_relative_to_themselves(primitive, function, points, ulps):
    x = np.array(points)
    oracles.assert_ulp(slope(primitive, x), oracles.mp_derivative(function, x, digits=60), ulps)


@pytest.mark.parametrize("primitive", [sigmoid, gaussian], ids=str)
def test_what_numpy_lacks_is_accurate_in_its_value(primitive):
    function = {sigmoid: lambda x: 1 / (1 + mpmath.exp(-x)), gaussian: lambda x: mpmath.exp(-x * x)}[primitive]
    x = np.array([-700.0, -26.0, -5.3, -1e-9, 0.0, 1e-9, 0.7, 5.3, 26.0, 700.0])
    with mpmath.workdps(60):
        exact = [function(mpmath.mpf(a)) for a in x]
    oracles.assert_ulp(primitive(x), exact, 4)
    single = x.astype(np.float32)
    with mpmath.workdps(60):
        exact = [function(mpmath.mpf(float(a))) for a in single]
    oracles.assert_ulp(primitive(single), exact, 4)


def test_sums_of_exponentials_have_accurate_derivatives_in_the_tails():
    a = np.array([-300.0, -40.0, 0.0, 1.0, 40.0, 300.0])
    b = np.array([300.0, 1.5, 0.0, -1.0, 2.0, -300.0])
    for by in (0, 1):
        with mpmath.workdps(400):
            terms = [(mpmath.exp(mpmath.mpf(p)), mpmath.exp(mpmath.mpf(q))) for p, q in zip(a, b, strict=True)]
            exact = [t[by] / (t[0] + t[1]) for t in terms]
        oracles.assert_ulp(slope(logaddexp, a, b, by=by), exact, 6)  # a - b is exact on these points
        with mpmath.workdps(400):
            terms = [(mpmath.mpf(2) ** p, mpmath.mpf(2) ** q) for p, q in zip(a, b, strict=True)]
            exact = [t[by] / (t[0] + t[1]) for t in terms]
        # (a - b) ln 2 is rounded once: |a - b| ln 2 / 2 ulp, 208 at 600.
        oracles.assert_ulp(slope(logaddexp2, a, b, by=by), exact, 220)


def test_equal_infinities_share_the_derivative_of_logaddexp():
    infinities = np.array([-np.inf, np.inf])
    for by in (0, 1):
        np.testing.assert_array_equal(slope(logaddexp, infinities, infinities, by=by), [0.5, 0.5])


@pytest.mark.parametrize("primitive", [exp, expm1, sigmoid, sqrt, erf, gaussian, square], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128], ids=lambda t: t.__name__)
def test_the_dtype_is_kept(primitive, dtype):
    x = np.ones(2, dtype)
    assert primitive(x).dtype == dtype
    assert slope(primitive, x).dtype == dtype
    assert slope(power, x, 2.0).dtype == dtype


class TestPower:
    @pytest.mark.parametrize(
        ("y", "expected"),
        [(2.0, 0.0), (1.0, 1.0), (0.0, 0.0), (0.5, np.inf), (-1.0, -np.inf), (3, 0.0), (1, 1.0), (0, 0.0)],
    )
    def test_by_the_base_at_0_it_is_what_the_formula_says_in_the_limit(self, y, expected):
        assert slope(power, np.float64(0.0), y) == expected
        with np.errstate(all="ignore"):
            assert reverse(lambda x: power(x, y))(np.float64(0.0)) == expected

    def test_by_the_exponent_at_base_0_it_is_0(self):
        y = np.array([0.0, 0.5, 1.0, 3.0])
        np.testing.assert_array_equal(slope(power, np.zeros(4), y, by=1), np.zeros(4))
        np.testing.assert_array_equal(reverse(lambda e: power(np.zeros(4), e))(y), np.zeros(4))

    def test_at_negative_exponents_of_0_it_is_infinite(self):
        assert slope(power, np.float64(0.0), np.float64(-1.0), by=1) == -np.inf

    @pytest.mark.parametrize("mode", [reverse, forward])
    @pytest.mark.parametrize("n", [2, 3])
    def test_every_derivative_of_an_integer_power_at_0_and_below_is_exact(self, mode, n):
        x = np.array([-2.0, 0.0, 2.0])
        expected = [np.power(x, n), n * np.power(x, n - 1), n * (n - 1) * np.power(x, n - 2)]
        for f in (lambda t: power(t, n), lambda t: power(t, float(n)), lambda t: integer_power(t, n=n)):
            g = f
            for order in (1, 2):
                g = mode(g)
                np.testing.assert_array_equal(g(x), expected[order])
            # n (n-1) ... 1, and 0 beyond.
            np.testing.assert_array_equal(mode(g)(x), np.full(3, 0.0 if n == 2 else 6.0))
            np.testing.assert_array_equal(mode(mode(g))(x), np.zeros(3))

    def test_python_numbers_stay_weak_and_single_precision_stays_single(self):
        assert type(power(2.0, 3)) is float
        assert type(integer_power(2.0, n=3)) is float
        assert power(np.float32(2.0), 3.0).dtype == np.float32
        assert integer_power(np.ones(2, np.float32), n=-1).dtype == np.float32
        assert integer_power(np.ones(2, bool), n=2).dtype == np.int64

    def test_integers_to_negative_powers_raise_as_in_numpy(self):
        with pytest.raises(ValueError, match="negative integer powers"):
            integer_power(np.arange(3), n=-1)


def test_the_derivative_of_a_root_at_0_is_infinite():
    for root in (sqrt, cbrt):
        assert slope(root, np.float64(0.0)) == np.inf
