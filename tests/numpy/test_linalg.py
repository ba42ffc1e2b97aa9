"""Linear algebra: norms of every order, solutions, determinants, factors."""

import numpy as np
import pytest

import pullback as pb
from pullback.core import errors
from tests.numpy.checks import check, check_derivative, check_value

V = np.array([3.0, -1.0, 2.0, 0.5])
A = np.array([[2.0, 0.5, -1.0], [0.3, 3.0, 0.7], [1.0, -0.4, 1.5]])
S = np.stack([A, A.T + np.eye(3)])
C = A + 1j * np.array([[0.3, -0.7, 0.2], [1.1, 0.4, -0.6], [0.9, 0.8, -1.3]])
P = A @ A.T + np.eye(3)


@pytest.mark.parametrize("ord", [None, 1, 2, 3, 2.5, 0.5, -1, -2, 0, np.inf, -np.inf], ids=repr)
def test_every_norm_of_vectors_is_numpys(ord, rng):
    check(lambda x: np.linalg.norm(x, ord), V, rng=rng, exact=False, smooth=ord != 0)
    check(lambda x: np.linalg.norm(x, ord, axis=-1, keepdims=True), S, rng=rng, exact=False, smooth=ord != 0)
    check(lambda x: np.linalg.norm(x, ord, axis=0), C, rng=rng, exact=False, smooth=ord != 0)
    check_value(lambda x: np.linalg.vector_norm(x, ord=2 if ord is None else ord, axis=(0, 2)), S, exact=False)


@pytest.mark.parametrize("ord", [None, "fro", 1, -1, np.inf, -np.inf], ids=repr)
@pytest.mark.parametrize("axis", [(0, 1), (-1, 0), (2, 1)], ids=repr)
def test_every_norm_of_matrices_is_numpys(ord, axis, rng):
    check(lambda x: np.linalg.norm(x, ord, axis=axis), S, rng=rng, exact=False)
    check(lambda x: np.linalg.norm(x, ord, axis=axis, keepdims=True), S, rng=rng, exact=False)


def test_norms_by_their_other_names_are_numpys(rng):
    check(np.linalg.norm, S, rng=rng, exact=False)
    check(lambda x: np.linalg.norm(x, "fro"), A, rng=rng, exact=False)
    check(lambda x: np.linalg.matrix_norm(x), S, rng=rng, exact=False)
    check(lambda x: np.linalg.vector_norm(x), S, rng=rng, exact=False)
    check_value(np.linalg.norm, np.arange(4))


@pytest.mark.parametrize("ord", [None, 2, 3, 1, np.inf], ids=repr)
def test_the_norm_at_zero_has_derivative_zero_at_every_order(ord):
    def f(x):
        return np.linalg.norm(x, ord)

    np.testing.assert_array_equal(pb.grad(f)(np.zeros(3)), np.zeros(3))
    if ord != np.inf:
        np.testing.assert_array_equal(pb.hessian(f)(np.zeros(3)), np.zeros((3, 3)))
    np.testing.assert_array_equal(
        pb.grad(lambda x: np.linalg.norm(x, ord, axis=1).sum())(np.zeros((2, 3))), np.zeros((2, 3))
    )


def test_the_norm_at_zero_is_honest_when_asked():
    with pb.conventions(norm="nan"):
        assert np.isnan(pb.grad(np.linalg.norm)(np.zeros(3))).all()


@pytest.mark.parametrize("a", [A, S, C], ids=["matrix", "stack", "complex"])
def test_inverse_and_determinants_are_numpys(a, rng):
    check(np.linalg.inv, a, rng=rng, exact=False, lanes=False)
    check(np.linalg.det, a, rng=rng, exact=False, lanes=False)
    check(lambda x: tuple(np.linalg.slogdet(x)), a, rng=rng, exact=False, lanes=False)
    np.testing.assert_allclose(pb.vmap(np.linalg.inv)(np.stack([a, a])), np.linalg.inv(np.stack([a, a])))


def test_slogdet_names_its_parts():
    np.testing.assert_allclose(pb.grad(lambda x: np.linalg.slogdet(x).logabsdet)(A), np.linalg.inv(A).T)


@pytest.mark.parametrize(
    ("a", "b"),
    [((3, 3), (3,)), ((3, 3), (3, 2)), ((2, 3, 3), (2, 3, 2)), ((2, 3, 3), (3, 1)), ((2, 3, 3), (3,))],
    ids=repr,
)
def test_solutions_are_numpys(a, b, rng):
    a = rng.normal(size=a) + 3 * np.eye(3)
    b = rng.normal(size=b)
    check_value(np.linalg.solve, a, b, exact=False)
    check_derivative(np.linalg.solve, a, b, rng=rng)
    check(lambda b: np.linalg.solve(a, b), b, rng=rng, exact=False, lanes=False)


@pytest.mark.parametrize("upper", [False, True])
def test_cholesky_factors_are_numpys(upper, rng):
    check(lambda x: np.linalg.cholesky(x, upper=upper), np.stack([P, P + np.eye(3)]), rng=rng, exact=False, lanes=False)


def test_diagonals_and_triangles_are_numpys(rng):
    wide = np.arange(12.0).reshape(3, 4)
    for k in (-5, -2, -1, 0, 1, 3, 6):
        check(lambda x, k=k: np.diagonal(x, k), wide, rng=rng)
        check(lambda x, k=k: np.diag(x, k), wide, rng=rng)
        check(lambda x, k=k: np.diag(x, k), V, rng=rng)
        check(lambda x, k=k: np.tril(x, k), wide, rng=rng)
        check(lambda x, k=k: np.triu(x, k), wide, rng=rng)
        check(lambda x, k=k: np.trace(x, k), wide, rng=rng, exact=False)
    check(lambda x: np.diagonal(x, 1, 0, 2), S, rng=rng)
    check(lambda x: x.diagonal(axis1=1, axis2=2), S, rng=rng)
    check(lambda x: np.trace(x, axis1=1, axis2=2), S, rng=rng, exact=False)
    check(np.linalg.trace, S, rng=rng, exact=False)
    check(np.linalg.diagonal, S, rng=rng)
    check(np.diagflat, A[:2, :2], rng=rng)
    check(np.tril, S, rng=rng)
    check(np.triu, V, rng=rng)
    check(lambda x: np.vander(x, 3), V, rng=rng)
    check(lambda x: np.vander(x, increasing=True), V, rng=rng)
    check_value(lambda x: np.trace(x, dtype=np.float32), A)


@pytest.mark.parametrize(
    ("f", "kind", "match"),
    [
        (lambda x: np.linalg.inv(x[:2]), np.linalg.LinAlgError, "must be square"),
        (lambda x: np.linalg.det(x[0]), np.linalg.LinAlgError, "at least two-dimensional"),
        (lambda x: np.linalg.solve(x, np.ones(4)), errors.ShapeError, "3 rows, the right-hand side 4"),
        (lambda x: np.linalg.norm(x, "nuc"), errors.NotWritten, "singular values"),
        (lambda x: np.linalg.norm(x, 3), ValueError, "Invalid norm order"),
        (lambda x: np.linalg.norm(x[0], "fro"), ValueError, "Invalid norm order"),
        (lambda x: np.linalg.norm(x, axis=(0, 1, 2)), ValueError, "out of bounds"),
        (np.linalg.eigh, errors.NotTraceable, "linalg.eigh"),
        (np.linalg.svd, errors.NotTraceable, "no rule"),
    ],
)
def test_misuse_is_refused_as_by_numpy(f, kind, match):
    with pytest.raises(kind, match=match):
        pb.trace(f)(A)
