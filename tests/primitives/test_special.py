"""Special functions: first and second derivatives against mpmath, relative to themselves; the table; the rules."""

import itertools
import math

import mpmath as mp
import numpy as np
import pytest
import scipy.special

import pullback as pb
from pullback.core.errors import NotWritten
from pullback.primitives.special import ALIASES, TABLE, apply, define, special, special_parts
from tests import oracles
from tests.conformance import check_rules
from tests.primitives.derivatives import forward, reverse
from tests.primitives.special_cases import Integral, cases

CASES = {name: list(group) for name, group in itertools.groupby(sorted(cases(), key=lambda c: c[0]), lambda c: c[0])}


def _exact(function, point):
    """Return the first and second derivative at a point, by differences in mpmath.

    The step is 1e-25 of the point; where a derivative is far smaller than the function, they are taken again, with
    700 digits. What is left of rounding is taken for 0.
    """
    for digits, small in ((90, -25), (700, -60)):
        with mp.workdps(digits):
            p = mp.mpf(point)
            scale = abs(p) or mp.mpf(1)
            h = mp.mpf(10) ** small * scale
            if isinstance(function, Integral):
                below, at, above = (function.density(p + k * h) for k in (-1, 0, 1))
                return at, (above - below) / (2 * h)
            below, at, above = (function(p + k * h) for k in (-1, 0, 1))
            first, second = (above - below) / (2 * h), (above - 2 * at + below) / h**2
            if abs(first) * scale > 1e-8 * abs(at):
                break
    noise = mp.mpf(10) ** -30 * (abs(at) + abs(first) * scale)
    return first, second if abs(second) * scale**2 > noise else mp.mpf(0)


def _error(actual, exact, least=1e-300):
    """Return the error relative to the exact value; of what underflows or overflows, whether we do too."""
    if abs(exact) < least:
        return abs(complex(actual))
    if abs(exact) > 1e307:
        return 0.0 if not np.isfinite(actual) else math.inf
    return float(abs(mp.mpc(complex(actual)) - exact) / abs(exact)) if np.isfinite(actual) else math.inf


@pytest.mark.parametrize("name", CASES)
def test_derivatives_are_accurate_relative_to_themselves(name):
    for _, at, function, others, points, *tolerances in CASES[name]:
        held = [x for x in others if x != ()]

        def f(x, held=held, at=at):
            return apply(name, *held[:at], x, *held[at:])

        x = np.array(points)
        with np.errstate(all="ignore"):
            found = [forward(f)(x), reverse(forward(f))(x) if tolerances[1] else None]
        for i, point in enumerate(points):
            exact = _exact(function, point)
            for order, (actual, tolerance) in enumerate(zip(found, tolerances, strict=True)):
                if tolerance is not None:
                    error = _error(np.asarray(actual)[i], exact[order], 1e-15 if point == 0 else 1e-300)
                    assert error <= tolerance, f"by {at} of {others}, order {order + 1}, at {point}: {error:.2g}"


# Inverses: their derivative is one over the function's, at the value ------------------------------

INVERSES = [
    # the inverse, the function, the point that is inverted at, the argument inverted by, others
    ("erfinv", "erf", [-0.999999, -0.6, 0.0, 0.3, 0.49, 0.51, 0.99]),
    ("erfcinv", "erfc", [1e-300, 1e-10, 0.3, 1.0, 1.5, 1.999]),
    ("ndtri", "ndtr", [1e-300, 1e-10, 0.2, 0.26, 0.5, 0.74, 0.76, 1 - 1e-10]),
]


@pytest.mark.parametrize(("name", "of", "points"), INVERSES)
def test_quantiles_are_accurate_far_out(name, of, points):
    derivative = forward(lambda p: apply(name, p))(np.array(points))
    functions = {"erf": mp.erf, "erfc": mp.erfc, "ndtr": lambda x: mp.erfc(-x / mp.sqrt(2)) / 2}
    with mp.workdps(60):
        for p, actual in zip(points, derivative, strict=True):
            start = mp.mpf(float(getattr(scipy.special, name)(p)))
            y = mp.findroot(lambda y: mp.log(functions[of](y) / p) if p > 0 else functions[of](y) - p, start)  # noqa: B023
            assert _error(actual, 1 / mp.diff(functions[of], y)) < 1e-13


PAIRS = [
    ("gammaincinv", "gammainc", (2.5,), 1), ("gammainccinv", "gammaincc", (2.5,), 1),
    ("betaincinv", "betainc", (2.5, 0.7), 2), ("betainccinv", "betaincc", (2.5, 0.7), 2),
    ("chdtri", "chdtrc", (3.0,), 1), ("gdtrix", "gdtr", (3.0, 2.5), 2), ("pdtri", "pdtr", (3, ), 1),
    ("bdtri", "bdtr", (3, 10), 2), ("nbdtri", "nbdtr", (3, 5), 2), ("fdtri", "fdtr", (3.0, 7.0), 2),
    ("stdtrit", "stdtr", (4.0,), 1), ("kolmogi", "kolmogorov", (), 0), ("smirnovi", "smirnov", (5,), 1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "of", "others", "at"), PAIRS)
def test_an_inverse_undoes_its_function_and_so_do_their_derivatives(name, of, others, at):
    p = np.array([0.01, 0.3, 0.8])
    y, slope = pb.jvp(lambda p: apply(name, *others, p), (p,), (np.ones(3),))
    _, back = pb.jvp(lambda y: apply(of, *others, y), (y,), (slope,))
    np.testing.assert_allclose(back, 1.0, rtol=1e-11)


DIFFERENCES = [
    # (name, arguments, which of them move): what mpmath has not, or not quickly
    ("tklmbda", (0.3, 0.4), (0, 1)), ("tklmbda", (-0.7, -0.5), (0, 1)), ("voigt_profile", (0.4, 1.2, 0.7), (0, 1, 2)),
    ("jve", (1.5, 2.0), (1,)), ("yve", (1.5, 2.0), (1,)), ("hankel1", (1.5, 2.0 + 0.3j), (1,)),
    ("hankel2", (1.5, 2.0 + 0.3j), (1,)), ("hankel1e", (1.5, 2.0 + 0.3j), (1,)), ("hankel2e", (1.5, 2.0 + 0.3j), (1,)),
    ("wofz", (0.5 + 0.3j,), (0,)), ("wofz", (20.0 + 3.0j,), (0,)), ("besselpoly", (0.7, 1.0, 0.5), (0,)),
    ("wright_bessel", (0.7, 1.3, 0.9), (2,)), ("log_wright_bessel", (0.7, 1.3, 0.9), (2,)), ("berp", (1.2,), (0,)),
    ("beip", (1.2,), (0,)), ("kerp", (1.2,), (0,)), ("keip", (1.2,), (0,)), ("nrdtrimn", (0.3, 1.2, 0.7), (0, 1, 2)),
    ("nrdtrisd", (0.3, 0.7, 0.9), (0, 1, 2)), ("gdtria", (0.3, 2.5, 1.2), (0, 2)), ("gdtrix", (1.3, 2.5, 0.3), (0, 2)),
    ("radian", (1.0, 2.0, 3.0), (0, 1, 2)), ("it2struve0", (1.5,), (0,)), ("smirnov", (5, 0.33), (1,)),
    ("ndtri_exp", (-0.3,), (0,)), ("ndtri_exp", (-30.0,), (0,)), ("chndtrix", (0.4, 3.0, 2.0), (0, 2)),
    ("chndtrinc", (3.0, 3.0, 0.3), (0, 2)), ("sph_harm_y", (3, 1, 0.4, 0.9), (2, 3)),
    ("sph_harm_y", (2, -2, 0.4, 0.9), (2, 3)), ("digamma", (0.4 + 1.2j,), (0,)), ("gamma", (0.4 + 1.2j,), (0,)),
    ("airy", (1.3,), (0,)), ("airy", (-1.3 + 0.4j,), (0,)), ("airye", (1.3,), (0,)),
    ("kelvin", (1.3,), (0,)), ("itj0y0", (1.3,), (0,)), ("iti0k0", (1.3,), (0,)), ("it2j0y0", (0.4,), (0,)),
    ("it2i0k0", (1.3,), (0,)), ("pbdv", (0.7, 1.3), (1,)), ("pbvv", (0.7, 1.3), (1,)), ("pbwa", (0.7, 1.3), (1,)),
    ("fresnel", (1.3,), (0,)), ("fresnel", (0.4 + 0.3j,), (0,)), ("sici", (1.3,), (0,)), ("shichi", (0.2,), (0,)),
    ("shichi", (1.3,), (0,)), ("modfresnelp", (0.7,), (0,)), ("modfresnelm", (0.7,), (0,)),
    ("ellipj", (0.7, 0.4), (0, 1)),
    ("ellipj", (9.0, 0.4), (0, 1)), ("mathieu_cem", (2, 1.5, 20.0), (2,)), ("mathieu_sem", (2, 1.5, 20.0), (2,)),
    ("mathieu_modcem1", (2, 1.5, 0.3), (2,)), ("mathieu_modcem2", (2, 1.5, 0.3), (2,)),
    ("mathieu_modsem1", (2, 1.5, 0.3), (2,)), ("mathieu_modsem2", (2, 1.5, 0.3), (2,)),
    ("pro_ang1", (1, 2, 1.5, 0.3), (3,)), ("pro_rad1", (1, 2, 1.5, 1.3), (3,)), ("pro_rad2", (1, 2, 5.0, 2.3), (3,)),
    ("obl_ang1", (1, 2, 1.5, 0.3), (3,)), ("obl_rad1", (1, 2, 1.5, 0.3), (3,)), ("obl_rad2", (1, 2, 5.0, 2.3), (3,)),
    ("eval_sh_jacobi", (3, 2.5, 1.2, 0.3), (3,)), ("spherical_jn", (2, 0.7 + 0.2j), (1,)), ("psi", (0.4 + 1.2j,), (0,)),
    ("loggamma", (0.4 + 1.2j,), (0,)), ("rgamma", (0.4 + 1.2j,), (0,)), ("erfcx", (0.4 + 1.2j,), (0,)),
    ("dawsn", (0.4 + 1.2j,), (0,)), ("lambertw", (0.4 + 1.2j, 1, 1e-8), (0,)), ("spence", (0.4 + 1.2j,), (0,)),
    ("exp1", (0.4 + 1.2j,), (0,)), ("elliprf", (0.4 + 0.2j, 1.0, 2.0), (0,)), ("log_ndtr", (0.4 + 0.2j,), (0,)),
    ("iv", (1.5, 0.4 + 1.2j), (1,)), ("kve", (1.5, 0.4 + 1.2j), (1,)), ("jn", (2, 1.5), (1,)), ("yn", (2, 1.5), (1,)),
    ("kn", (0, 1.5), (1,)), ("kn", (2, 1.5), (1,)),
    ("betaincc", (1.5, 2.5, 0.3), (0, 1, 2)), ("gammaincc", (2.5, 1.3), (0,)), ("gammaincinv", (2.5, 0.3), (0,)),
    ("gammainccinv", (2.5, 0.3), (0,)), ("betaincinv", (2.5, 1.3, 0.3), (0, 1)), ("chdtr", (3.0, 2.5), (0,)),
    ("betainccinv", (2.5, 1.3, 0.3), (0, 1)), ("chdtrc", (3.0, 2.5), (0,)), ("chdtri", (3.0, 0.4), (0,)),
    ("chdtriv", (0.4, 2.5), (0, 1)), ("gdtr", (1.2, 2.5, 1.4), (1,)), ("gdtrc", (1.2, 2.5, 1.4), (0, 1)),
    ("gdtria", (0.3, 2.5, 1.4), (1,)), ("gdtrix", (1.2, 2.5, 0.3), (1,)), ("gdtrib", (1.2, 0.4, 1.4), (0, 1, 2)),
    ("btdtria", (0.4, 2.5, 0.6), (0, 1, 2)), ("btdtrib", (2.5, 0.4, 0.6), (0, 1, 2)), ("xlog1py", (1.5, 2.5), (0, 1)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "moving"), DIFFERENCES)
def test_derivatives_are_those_of_differences(name, arguments, moving):
    def of(at):
        return lambda x: _parts(getattr(scipy.special, name)(*arguments[:at], x, *arguments[at + 1 :]))

    for at in moving:
        x = arguments[at]
        expected = oracles.directional(of(at), np.asarray(x), np.ones_like(x))
        with np.errstate(all="ignore"):
            _, actual = pb.jvp(
                lambda t, at=at: apply(name, *arguments[:at], t, *arguments[at + 1 :]), (x,), (np.ones_like(x),)
            )
        np.testing.assert_allclose(_parts(actual), expected, rtol=2e-8, atol=1e-11)


def _parts(y):
    return np.stack([np.asarray(a) for a in y]) if isinstance(y, tuple) else np.asarray(y)


# The table ---------------------------------------------------------------------------------------


def test_every_ufunc_of_the_installed_scipy_is_in_the_table():
    ufuncs = [n for n in scipy.special.__all__ if isinstance(getattr(scipy.special, n), np.ufunc)]
    assert not [n for n in ufuncs if n not in TABLE and n not in ALIASES]


def test_every_derivative_in_the_table_is_held_to_an_oracle():
    tested = {(case[0], case[1]) for group in CASES.values() for case in group}
    tested |= {(name, at) for name, _, moving in DIFFERENCES for at in moving}
    tested |= {(name, at) for name, _, _, at in PAIRS} | {(name, 0) for name, _, _ in INVERSES}
    promised = {
        (name, at)
        for name, entry in TABLE.items()
        for at, slope in enumerate(entry.slopes)
        if callable(slope) and not name.startswith("_") and not name.endswith("_cv") and hasattr(scipy.special, name)
    }
    missing = promised - tested - {("itairy", 0)}
    symmetric = {("betaln", 1), ("beta", 1), ("agm", 1), ("elliprf", 0), ("elliprf", 2), ("elliprg", 0), ("elliprg", 2),
                 ("elliprj", 0), ("elliprj", 2)}  # fmt: skip
    assert missing <= symmetric, missing - symmetric


def test_every_derivative_in_the_table_says_where_it_stands():
    assert not [n for n, entry in TABLE.items() if any(map(callable, entry.slopes)) and not entry.source]


@pytest.mark.parametrize(
    ("name", "arguments", "at", "argument"),
    [("jv", (1.5, 2.0), 0, "v"), ("zeta", (3.0, 2.0), 0, "x"), ("hyp2f1", (1.0, 2.0, 3.0, 0.1), 2, "c"),
     ("ncfdtr", (1.0, 2.0, 3.0, 0.1), 3, "f"), ("smirnov", (5.0, 0.2), 0, "n")],
)  # fmt: skip
def test_a_derivative_that_is_not_known_is_refused_by_name(name, arguments, at, argument):
    def f(x):
        return apply(name, *arguments[:at], x, *arguments[at + 1 :])

    with pytest.raises(NotWritten, match=rf"the derivative of special\.{name}\(.*\) by {argument}\n") as error:
        pb.grad(f)(arguments[at])
    assert "test_special.py" in error.value.where
    assert f"pullback.stop_gradient({argument})" in error.value.fix


def test_second_derivatives_by_parameters_of_integrals_are_refused():
    with pytest.raises(NotWritten, match=r"the derivative of ∂gammainc\(a, x\)/∂a by a\n"):
        pb.grad(pb.grad(lambda a: apply("gammainc", a, 1.5)))(2.0)
    mixed = pb.grad(lambda x: pb.grad(lambda a: apply("betainc", a, 2.0, x))(1.5))(0.3)
    crossed = pb.grad(lambda a: pb.grad(lambda x: apply("betainc", a, 2.0, x))(0.3))(1.5)
    assert mixed == pytest.approx(crossed, rel=1e-13)


def test_scaled_functions_of_complex_numbers_are_refused():
    with pytest.raises(NotWritten, match=r"special\.ive by complex z"):
        pb.jvp(lambda z: apply("ive", 1.0, z), (1.0 + 1.0j,), (1.0 + 0.0j,))


def test_strange_signatures_are_refused_when_the_table_is_made():
    with pytest.raises(TypeError, match="says what the derivatives by z are"):
        define("nothing(x)", "", z=None)


# The rules ---------------------------------------------------------------------------------------

RULES = [
    ("gammaln", (np.array([[0.7, 1.3, 2.2]]),), (0,)),
    ("jv", (np.array([0, 1, 2]), np.array([0.7, 1.3, 2.2])), (1,)),
    ("elliprf", (2.5, np.array([[0.7], [1.2]]), np.array([0.2, 0.3, 0.6])), (0, 1, 2)),
    ("expn", (np.array([1, 2, 3]), np.array([0.7, 1.3, 2.2])), (1,)),
    ("wofz", (np.array([0.7 + 0.1j, 1.3, 2.2j]),), (0,)),
    ("sph_harm_y", (3, 1, np.array([0.7, 1.3, 2.2]), np.array([0.5, 1.3, 2.2])), (2, 3)),
]


@pytest.mark.parametrize(("name", "operands", "moving"), RULES)
def test_special_functions_keep_every_rule(name, operands, moving, rng):
    check_rules(
        special, *operands, rng=rng, moving=moving, jvp_oracle="differences", lanes="repeat", rtol=1e-11, function=name
    )


def test_functions_with_several_results_keep_every_rule(rng):
    x = np.array([[0.7, 1.3], [2.2, 0.4]])
    check_rules(special_parts, x, rng=rng, jvp_oracle="differences", lanes="repeat", rtol=1e-11, function="airy")


def test_integrals_of_airys_functions_are_differentiated_exactly():
    """SciPy's own values of itairy are right to 1e-6 only: too little for differences."""
    _, slopes = pb.jvp(scipy.special.itairy, (1.3,), (1.0,))
    ai, _, bi, _ = scipy.special.airy(1.3)
    below, _, rising, _ = scipy.special.airy(-1.3)
    assert slopes == (ai, bi, below, rising)


def test_at_the_edges_nothing_is_nan_that_has_a_limit():
    at = lambda name, *xs: float(pb.grad(lambda x: apply(name, *xs[:-1], x))(xs[-1]))  # noqa: E731
    with np.errstate(all="ignore"):
        assert at("xlogy", 0.0, 0.0) == 0.0
        assert at("ellipk", 0.0) == pytest.approx(math.pi / 8, rel=1e-15)
        assert at("spence", 1.0) == -1.0
        assert at("rgamma", -3.0) == pytest.approx(-6.0, rel=1e-15)
        assert at("eval_legendre", 5, 1.0) == 15.0
        assert at("iv", 1.0, 0.0) == 0.5
        assert at("entr", 0.0) == math.inf
        assert at("boxcox", 0.0, 0.5) == pytest.approx(4.0)
        assert at("gammainc", 1.0, 0.0) == 1.0
        assert at("betainc", 1.0, 1.0, 0.0) == 1.0
