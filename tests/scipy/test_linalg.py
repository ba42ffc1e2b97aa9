"""scipy.linalg of Tracers: values are SciPy's, derivatives those of differences of SciPy's."""

import numpy as np
import pytest
import scipy.linalg

import pullback as pb
from pullback.core.errors import ArgumentError, NotTraceable, NotWritten
from pullback.scipy import linalg
from tests import oracles

RNG = np.random.default_rng(7)
A = RNG.normal(size=(3, 3)) * 0.4 + 2 * np.eye(3)
S = A @ A.T + np.eye(3)
B, COLUMN, ROW = RNG.normal(size=(3, 2)), RNG.normal(size=3), RNG.normal(size=4)


def both(s, x):  # Cholesky's factor and a solution by it
    c = s.cho_factor(x, lower=True)
    return s.cho_solve(c, B)


CASES = [  # (name, function of (linalg, x), x)
    ("solve", lambda s, x: s.solve(x, B), A), ("solve a vector", lambda s, x: s.solve(x, COLUMN), A),
    ("solve transposed", lambda s, x: s.solve(x, B, transposed=True), A),
    ("solve by b", lambda s, x: s.solve(A, x), B), ("solve sym", lambda s, x: s.solve(x, B, assume_a="sym"), S),
    ("solve pos, lower", lambda s, x: s.solve(x, B, assume_a="pos", lower=True, overwrite_a=False), S),
    ("solve_triangular", lambda s, x: s.solve_triangular(x, B), A),
    ("solve_triangular, lower", lambda s, x: s.solve_triangular(x, COLUMN, trans=1, lower=True), A),
    ("solve_triangular, unit", lambda s, x: s.solve_triangular(x, B, trans="C", unit_diagonal=True), A),
    ("inv", lambda s, x: s.inv(x), A), ("det", lambda s, x: s.det(x), A), ("norm", lambda s, x: s.norm(x), A),
    ("norm 1", lambda s, x: s.norm(x, 1, axis=0), A),
    ("cholesky", lambda s, x: s.cholesky(x), S), ("cholesky, lower", lambda s, x: s.cholesky(x, lower=True), S),
    ("cho_solve", both, S), ("cho_solve, upper", lambda s, x: s.cho_solve(s.cho_factor(x), COLUMN), S),
    ("lu", lambda s, x: s.lu(x)[1] + s.lu(x)[2], A), ("lu permuted", lambda s, x: s.lu(x, permute_l=True)[0], A[::-1]),
    ("lu rows", lambda s, x: x[s.lu(x, p_indices=True)[0]], A[::-1]),
    ("eigvalsh", lambda s, x: s.eigvalsh(x), S), ("eigh", lambda s, x: np.abs(s.eigh(x)[1]), S),
    ("eigh, upper", lambda s, x: s.eigh(x, lower=False, eigvals_only=True), S),
    ("eigh of a pair", lambda s, x: s.eigh(x, S + np.diag([1.0, 2.0, 3.0]))[0], S),
    ("eigh of a pair, by b", lambda s, x: np.abs(s.eigh(S, x)[1]), S + np.diag([1.0, 2.0, 3.0])),
    ("svd", lambda s, x: np.abs(s.svd(x, full_matrices=False)[0]), A), ("svdvals", lambda s, x: s.svdvals(x), A),
    ("qr", lambda s, x: np.abs(s.qr(x)[1]), A), ("qr r", lambda s, x: np.abs(s.qr(x, mode="r")[0]), A),
    ("qr economic", lambda s, x: np.abs(s.qr(x, mode="economic")[0]), B),
    ("expm", lambda s, x: s.expm(x), A), ("logm", lambda s, x: s.logm(x), S), ("sqrtm", lambda s, x: s.sqrtm(x), S),
    ("cosm", lambda s, x: s.cosm(x), A), ("sinhm", lambda s, x: s.sinhm(x), A),
    ("solve_sylvester", lambda s, x: s.solve_sylvester(x, B.T @ B + np.eye(2), B), A),
    ("solve_continuous_lyapunov", lambda s, x: s.solve_continuous_lyapunov(x, S), A),
    ("solve_discrete_lyapunov", lambda s, x: s.solve_discrete_lyapunov(x, S), 0.3 * A),
    ("block_diag", lambda s, x: s.block_diag(x, B, COLUMN), A), ("toeplitz", lambda s, x: s.toeplitz(x), COLUMN),
    ("toeplitz of two", lambda s, x: s.toeplitz(COLUMN, x), ROW), ("hankel", lambda s, x: s.hankel(x), COLUMN),
    ("hankel of two", lambda s, x: s.hankel(COLUMN, x), ROW), ("circulant", lambda s, x: s.circulant(x), COLUMN),
]  # fmt: skip


@pytest.mark.parametrize(("name", "f", "x"), CASES, ids=[name for name, _, _ in CASES])
def test_values_are_scipys_and_derivatives_those_of_differences(name, f, x, rng):
    expected = f(scipy.linalg, x)
    v = rng.normal(size=x.shape)
    value, slope = pb.jvp(lambda x: f(linalg, x), (x,), (v,))
    native = pb.jit(lambda x: f(linalg, x))(x)
    for found in (value, native):
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13)
        assert np.shape(found) == np.shape(expected)
    difference = oracles.directional(lambda x: f(scipy.linalg, x), x, v)
    np.testing.assert_allclose(slope, difference, rtol=1e-7, atol=1e-9)
    u = rng.normal(size=np.shape(expected))
    (pulled,) = pb.vjp(lambda x: f(linalg, x), x)[1](u)
    assert np.sum(pulled * v) == pytest.approx(np.sum(u * slope), rel=1e-10, abs=1e-12)


def test_with_plain_arguments_it_is_scipy():
    np.testing.assert_array_equal(linalg.expm(A), scipy.linalg.expm(A))
    np.testing.assert_array_equal(linalg.hilbert(3), scipy.linalg.hilbert(3))
    assert "expm" in dir(linalg)
    assert linalg.expm.__doc__ == scipy.linalg.expm.__doc__
    assert issubclass(linalg.LinAlgError, Exception)
    with pytest.raises(AttributeError):
        linalg.nothing_of_this_name  # noqa: B018


def test_lanes_of_vmap_are_matrices(rng):
    stack = rng.normal(size=(4, 3, 3))
    np.testing.assert_allclose(pb.vmap(linalg.expm)(stack), [scipy.linalg.expm(a) for a in stack], rtol=1e-13)
    found = pb.vmap(lambda a: linalg.solve_sylvester(a, B.T @ B + np.eye(2), B))(stack)
    expected = [scipy.linalg.solve_sylvester(a, B.T @ B + np.eye(2), B) for a in stack]
    np.testing.assert_allclose(found, expected, rtol=1e-11)


def test_what_is_not_there_says_so():
    with pytest.raises(NotTraceable, match=r"scipy\.linalg\.schur"):
        pb.jit(lambda x: linalg.schur(x))(A)
    with pytest.raises(ArgumentError, match="assume_a='posi'"):
        pb.jit(lambda x: linalg.solve(x, B, assume_a="posi"))(A)
    with pytest.raises(NotWritten, match="pivoting"):
        pb.jit(lambda x: linalg.qr(x, pivoting=True))(A)
    with pytest.raises(NotWritten, match="type=2"):
        pb.jit(lambda x: linalg.eigh(x, S, type=2))(S)
