"""scipy.special of Tracers: by plain import and by pullback's face; sums of exponentials; what is no ufunc."""

import itertools
import subprocess
import sys

import mpmath as mp
import numpy as np
import pytest
import scipy.special

import pullback as pb
from pullback.core.errors import ArgumentError, DTypeError, NotTraceable, NotWritten
from pullback.scipy import special
from tests import oracles

X = np.array([0.3, 1.2, 4.5])


# Plain import ------------------------------------------------------------------------------------


def test_ufuncs_work_by_plain_import_in_every_transformation():
    f = lambda x: scipy.special.gammaln(x)  # noqa: E731
    np.testing.assert_array_equal(pb.jacobian(f)(X), np.diag(scipy.special.digamma(X)))
    np.testing.assert_array_equal(pb.vmap(f)(X), f(X))
    np.testing.assert_allclose(pb.jit(f)(X), f(X), rtol=1e-14)
    np.testing.assert_allclose(pb.jit(pb.vmap(pb.grad(f)))(X), scipy.special.digamma(X), rtol=1e-14)
    third = pb.grad(pb.grad(pb.grad(f)))
    np.testing.assert_allclose(third(1.2), scipy.special.polygamma(2, 1.2), rtol=1e-14)
    total = lambda x: pb.fori_loop(0, 3, lambda i, s: s + scipy.special.j0(s), x)  # noqa: E731
    assert pb.grad(total)(0.7) == pytest.approx(float(oracles.directional(total, np.array(0.7), 1.0)), rel=1e-10)
    chosen = lambda x: pb.cond(x > 0, scipy.special.erfcx, lambda x: 0.0 * x, x)  # noqa: E731
    assert pb.jit(pb.grad(chosen))(0.7) == pytest.approx(pb.grad(scipy.special.erfcx)(0.7), rel=1e-14)


def test_scipy_is_not_imported_before_it_is_used():
    code = """
import sys, pullback as pb, pullback.scipy
assert not [m for m in sys.modules if m.split(".")[0] == "scipy"]
import scipy.special                      # after pullback: its ufuncs are known when the first one comes
print(pb.grad(scipy.special.expit)(0.0), pb.grad(scipy.special.j0)(0.0))
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["0.25", "-0.0"]


def test_the_options_of_ufuncs_work():
    f = lambda x: scipy.special.expit(x, dtype=np.float32)  # noqa: E731
    assert pb.jit(f)(X.astype(np.float32)).dtype == np.float32
    with pytest.raises(NotWritten, match="where"):
        pb.grad(lambda x: np.sum(scipy.special.gamma(x, where=x > 1)))(X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtypes_are_scipys(dtype):
    x = X.astype(dtype)
    for f in (
        scipy.special.gammaln,
        scipy.special.ndtr,
        lambda x: scipy.special.jv(2, x),
        special.softmax,
        special.logsumexp,
        lambda x: special.polygamma(1, x),
        lambda x: scipy.special.airy(x)[0],
    ):
        expected = f(x)
        for how in (pb.jit, lambda f: lambda x: pb.jvp(f, (x,), (np.ones_like(x),))[0]):
            found = how(f)(x)
            assert np.asarray(found).dtype == np.asarray(expected).dtype
            np.testing.assert_allclose(found, expected, rtol=20 * np.finfo(np.asarray(expected).dtype).eps)


def test_integers_become_floats():
    n = np.array([1, 2, 3])
    np.testing.assert_allclose(pb.jit(scipy.special.gammaln)(n), scipy.special.gammaln(n), atol=1e-15)


def test_dtypes_that_scipy_does_not_take_are_refused():
    with pytest.raises(DTypeError, match="gammaln of complex128"):
        pb.jit(scipy.special.gammaln)(X + 1j)


# The face ----------------------------------------------------------------------------------------


def test_with_plain_arguments_it_is_scipy():
    assert special.gammaln(2.5) == scipy.special.gammaln(2.5)
    np.testing.assert_array_equal(special.logsumexp(X), scipy.special.logsumexp(X))
    np.testing.assert_array_equal(special.bernoulli(4), scipy.special.bernoulli(4))
    assert "gammaln" in dir(special)
    assert special.gammaln.__doc__ == scipy.special.gammaln.__doc__
    with pytest.raises(AttributeError):
        special.nothing_of_this_name  # noqa: B018


def test_what_has_no_derivative_says_so():
    with pytest.raises(NotTraceable, match=r"special\.bernoulli"):
        pb.jit(lambda x: special.bernoulli(x))(3.0)
    with pytest.raises(NotWritten, match="by v"):
        pb.grad(lambda v: special.kv(v, 1.0))(1.0)


PYTHON = [  # (function of pullback's, and of SciPy's, of x)
    ("polygamma", lambda s, x: s.polygamma(2, x)),
    ("polygamma of arrays", lambda s, x: s.polygamma(np.array([0, 1, 3]), x)),
    ("zeta", lambda s, x: s.zeta(2.5, x)),
    ("multigammaln", lambda s, x: s.multigammaln(x + 2, 3)),
    ("comb", lambda s, x: s.comb(x + 3, 2.0)),
    ("comb, repeated", lambda s, x: s.comb(x + 3, 2.0, repetition=True)),
    ("perm", lambda s, x: s.perm(x + 3, 2.0)),
    ("lambertw", lambda s, x: s.lambertw(x)),
    ("lambertw, another branch", lambda s, x: s.lambertw(x, -1)),
    ("spherical_jn", lambda s, x: s.spherical_jn(2, x)),
    ("spherical_jn'", lambda s, x: s.spherical_jn(2, x, derivative=True)),
    ("spherical_yn'", lambda s, x: s.spherical_yn(0, x, derivative=True)),
    ("spherical_in'", lambda s, x: s.spherical_in(1, x, True)),
    ("spherical_kn'", lambda s, x: s.spherical_kn(1, x, True)),
    ("jvp", lambda s, x: s.jvp(1.5, x)), ("yvp", lambda s, x: s.yvp(1.5, x, 2)), ("ivp", lambda s, x: s.ivp(1, x, 3)),
    ("kvp", lambda s, x: s.kvp(1, x, 2)), ("h1vp", lambda s, x: s.h1vp(1, x)), ("h2vp", lambda s, x: s.h2vp(1, x)),
    ("assoc_laguerre", lambda s, x: s.assoc_laguerre(x, 3, 0.5)),
    ("sinc", lambda s, x: s.sinc(x)),
    ("legendre_p", lambda s, x: s.legendre_p(3, x)),
    ("sph_harm_y", lambda s, x: s.sph_harm_y(3, 1, x, 0.4)),
    ("log_softmax", lambda s, x: s.log_softmax(x)),
    ("softmax", lambda s, x: s.softmax(np.outer(x, x), axis=0)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "f"), PYTHON, ids=[name for name, _ in PYTHON])
def test_what_scipy_computes_in_python_is_here_too(name, f):
    """Values are SciPy's, eagerly and compiled; derivatives those of differences of SciPy's."""
    needed = name.split()[0].rstrip("',")
    if not hasattr(scipy.special, needed):
        pytest.skip(f"no {needed} in this SciPy")
    x = np.array([0.9, 1.7, 3.0])
    expected = f(scipy.special, x)
    value, slope = pb.jvp(lambda x: f(special, x), (x,), (np.ones(3),))
    native = pb.jit(lambda x: f(special, x))(x)
    for found in (value, native):
        np.testing.assert_allclose(found, expected, rtol=1e-13)
        assert np.shape(found) == np.shape(expected)
    # Third derivatives, and so the error of differences, are large near the poles at 0.
    np.testing.assert_allclose(slope, oracles.directional(lambda x: f(scipy.special, x), x, np.ones(3)), rtol=1e-7)


def test_factorials_are_gamma_functions():
    assert pb.grad(lambda n: special.factorial(n))(3.0) == pytest.approx(6 * float(mp.digamma(4)), rel=1e-14)
    assert pb.grad(lambda n: special.factorial(n))(-3.0) == 0.0


def test_what_would_be_exact_integers_is_refused():
    with pytest.raises(ArgumentError, match="exact=True"):
        pb.grad(lambda n: special.comb(n, 2, exact=True))(3.0)
    with pytest.raises(NotWritten, match="diff_n=1"):
        pb.grad(lambda x: special.legendre_p(2, x, diff_n=1)[0])(0.3)
    with pytest.raises(NotWritten, match="out="):
        pb.grad(lambda x: special.zeta(2.0, x, np.zeros(())))(0.3)


# Sums of exponentials ----------------------------------------------------------------------------

A = np.array([[0.3, -1.2, 700.0], [2.5, -np.inf, 0.1]])
B = np.array([[0.3, -2.0, 1e-3], [1.5, 2.0, 0.0]])


OPTIONS = list(itertools.product([None, 0, 1, -1, (0, 1)], [False, True], [None, B, 2.0], [False, True]))


@pytest.mark.parametrize(("axis", "keepdims", "b", "sign"), OPTIONS)
def test_logsumexp_is_scipys_in_full(axis, keepdims, b, sign):
    options = {"axis": axis, "keepdims": keepdims, "b": b, "return_sign": sign}
    with np.errstate(all="ignore"):
        expected = scipy.special.logsumexp(A, **options)
    for how in (pb.jit, lambda f: lambda a: pb.jvp(f, (a,), (np.ones_like(a),))[0]):
        found = how(lambda a: special.logsumexp(a, **options))(A)
        for x, y in zip(found if sign else [found], expected if sign else [expected], strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-14)
            assert np.shape(x) == np.shape(y)


def test_logsumexp_is_differentiated_in_all_of_its_arguments(rng):
    a, b = rng.normal(size=(3, 4)), rng.uniform(0.2, 2.0, size=(3, 4))
    for axis in (None, 0, 1):
        f = lambda a, b, axis=axis: scipy.special.logsumexp(a, axis=axis, b=b)  # noqa: E731
        g = lambda a, b, axis=axis: special.logsumexp(a, axis=axis, b=b)  # noqa: E731
        v = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
        np.testing.assert_allclose(pb.jvp(g, (a, b), v)[1], oracles.directional(f, (a, b), v), rtol=1e-9)
    signed = lambda a: special.logsumexp(a, b=np.array([1.0, -3.0, 0.5, 1.0]), return_sign=True)[0]  # noqa: E731
    f = lambda a: scipy.special.logsumexp(a, b=np.array([1.0, -3.0, 0.5, 1.0]), return_sign=True)[0]  # noqa: E731
    np.testing.assert_allclose(pb.grad(signed)(a[0]), oracles.jacobian_by_differences(f, a[0]), rtol=1e-9)
    z = a[0] + 1j * b[0]
    v = (b[1] + 1j * a[1],)
    np.testing.assert_allclose(
        pb.jvp(special.logsumexp, (z,), v)[1], oracles.directional(scipy.special.logsumexp, (z,), v), rtol=1e-9
    )


def test_the_gradient_of_logsumexp_is_accurate_where_it_is_tiny():
    x = np.array([0.0, -40.0, -700.0, 1.0])
    with mp.workdps(50):
        terms = [mp.exp(mp.mpf(a)) for a in x]
        exact = [t / mp.fsum(terms) for t in terms]
    oracles.assert_ulp(pb.grad(special.logsumexp)(x), exact, 4)
    oracles.assert_ulp(pb.value_and_grad(special.logsumexp)(x[:2])[0][()], mp.log1p(mp.exp(-40)), 2)


def test_terms_that_are_all_0_do_not_move():
    gone = np.array([[-np.inf, -np.inf], [1.0, 2.0]])
    slope = pb.grad(lambda a: np.sum(np.exp(special.logsumexp(a, axis=1))))(gone)
    np.testing.assert_allclose(slope, np.exp(gone), rtol=1e-15)
    np.testing.assert_array_equal(pb.jacobian(lambda a: special.logsumexp(a, axis=1))(gone)[0], np.zeros((2, 2)))


def test_softmax_sums_to_1_and_its_derivative_to_0(rng):
    x = rng.normal(size=(4, 5)) * 300
    y, v = pb.jvp(lambda x: special.softmax(x, axis=1), (x,), (rng.normal(size=(4, 5)),))
    np.testing.assert_allclose(y.sum(axis=1), 1.0, rtol=1e-14)
    np.testing.assert_allclose(v.sum(axis=1), 0.0, atol=1e-14)
    np.testing.assert_allclose(
        pb.jit(lambda x: special.log_softmax(x, axis=1))(x), scipy.special.log_softmax(x, axis=1), rtol=1e-14
    )
