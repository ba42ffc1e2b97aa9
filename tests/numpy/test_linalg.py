"""Linear algebra: every public function of numpy.linalg, norms of every order, and results by NumPy's names."""

import inspect

import numpy as np
import pytest

import pullback as pb
from pullback.core import errors
from pullback.numpy.registry import FACE
from tests import oracles
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


T = np.array([[[2.0, 0.3], [-0.5, 1.0], [0.7, 0.2]], [[1.0, -1.0], [0.4, 2.5], [0.1, 0.6]]])
W = np.array([[1.0, 2.0, -0.5, 0.3], [0.2, -1.0, 0.7, 1.1]])


def test_every_function_of_linalg_has_a_handler():
    functions = {n for n, f in vars(np.linalg).items() if callable(f) and not inspect.isclass(f) and n[0] != "_"}
    missing = {n for n in functions - {"test"} if getattr(np.linalg, n) not in FACE}
    assert not missing


@pytest.mark.parametrize("ord", [2, -2, "nuc"])
def test_norms_of_singular_values_are_numpys(ord, rng):
    for x in (A, C, T[0], W):
        check(lambda x: np.linalg.norm(x, ord), x, rng=rng, exact=False, lanes=False)
    for axis in ((0, 1), (-1, 0), (2, 1)):
        check(lambda x, a=axis: np.linalg.norm(x, ord, axis=a, keepdims=True), T, rng=rng, exact=False, lanes=False)
    check(lambda x: np.linalg.matrix_norm(x, ord=ord), T, rng=rng, exact=False, lanes=False)
    if ord != -2:
        check_value(lambda x: np.linalg.norm(x, ord), np.zeros((0, 3)))


@pytest.mark.parametrize("ord", [2, "nuc", "fro"])
def test_norms_of_matrices_have_derivative_zero_at_zero(ord):
    np.testing.assert_array_equal(pb.grad(lambda x: np.linalg.norm(x, ord))(np.zeros((3, 2))), np.zeros((3, 2)))
    with pb.conventions(norm="nan"):
        honest = pb.grad(lambda x: np.linalg.norm(x, ord))(np.zeros((3, 2)))
        assert np.isnan(honest).all() if ord == "fro" else np.linalg.norm(honest, 2) <= 1.0 + 1e-12  # a subgradient


def test_the_nuclear_norm_of_a_matrix_of_low_rank_has_the_least_subgradient():
    x = np.outer([1.0, 2.0, -1.0], [3.0, 4.0])
    np.testing.assert_allclose(pb.grad(lambda x: np.linalg.norm(x, "nuc"))(x), x / np.linalg.norm(x), atol=1e-14)


@pytest.mark.parametrize("a", [P, np.stack([P, P + np.diag([1.0, 2.0, 3.0])]), C], ids=["matrix", "stack", "complex"])
@pytest.mark.parametrize("uplo", ["L", "U", "l"])
def test_hermitian_eigenvalues_are_numpys(a, uplo, rng):
    check(lambda x: np.linalg.eigvalsh(x, uplo), a, rng=rng, exact=False, lanes=False)
    check_value(lambda x: tuple(np.linalg.eigh(x, UPLO=uplo)), a, exact=False)
    assert isinstance(pb.vjp(np.linalg.eigh, a)[0], type(np.linalg.eigh(a)))


def test_eigenvalues_are_numpys_and_real_where_they_are_known_to_be(rng):
    check(np.linalg.eigvals, C, rng=rng, exact=False, lanes=False)
    check_value(lambda x: tuple(np.linalg.eig(x)), np.stack([C, C.T]), exact=False)
    turning = np.array([[1.0, 4.0], [-2.0, 1.5]])
    check(np.linalg.eigvals, turning, rng=rng, exact=False, lanes=False)
    value, pull = pb.vjp(lambda x: np.linalg.eig(x).eigenvalues, A.T @ A)
    assert value.dtype == float
    np.testing.assert_allclose(pull(np.ones(3))[0], np.eye(3), atol=1e-12)
    assert pb.jit(np.linalg.eigvals)(P).dtype == complex
    np.testing.assert_allclose(np.sort(pb.jit(np.linalg.eigvals)(P)), np.linalg.eigvalsh(P), rtol=1e-12)


@pytest.mark.parametrize("x", [A, T, W, C], ids=["square", "tall", "wide", "complex"])
def test_singular_values_are_numpys(x, rng):
    check(np.linalg.svdvals, x, rng=rng, exact=False, lanes=False)
    check(lambda x: np.linalg.svd(x, compute_uv=False), x, rng=rng, exact=False, lanes=False)
    for full in (True, False):
        check_value(lambda x, full=full: tuple(np.linalg.svd(x, full_matrices=full)), x, exact=False)
    assert pb.vjp(np.linalg.svd, x)[0]._fields == ("U", "S", "Vh")

    def back(x):
        u, s, vh = np.linalg.svd(x, full_matrices=False)
        return u * s[..., None, :] @ vh * np.arange(x.shape[-1])

    check(back, x, rng=rng, exact=False, lanes=False)


@pytest.mark.parametrize(
    "x", [P - 4 * np.eye(3), np.stack([P, P - 2 * np.eye(3)]), C], ids=["matrix", "stack", "complex"]
)
def test_hermitian_singular_values_are_numpys(x, rng):
    check(lambda x: np.linalg.svd(x, compute_uv=False, hermitian=True), x, rng=rng, exact=False, lanes=False)
    check_value(lambda x: tuple(np.linalg.svd(x, hermitian=True)), x, exact=False)
    check(lambda x: np.linalg.pinv(x, hermitian=True), x, rng=rng, exact=False, lanes=False)


@pytest.mark.parametrize("x", [A, T, W, C], ids=["square", "tall", "wide", "complex"])
def test_qr_is_numpys(x, rng):
    check(lambda x: tuple(np.linalg.qr(x)), x, rng=rng, exact=False, lanes=False)
    check(lambda x: np.linalg.qr(x, mode="r"), x, rng=rng, exact=False, lanes=False)
    check_value(lambda x: tuple(np.linalg.qr(x, mode="complete")), x, exact=False)
    assert pb.vjp(np.linalg.qr, x)[0]._fields == ("Q", "R")


@pytest.mark.parametrize("x", [A, T, W, C], ids=["square", "tall", "wide", "complex"])
def test_pseudo_inverses_and_conditions_are_numpys(x, rng):
    check(np.linalg.pinv, x, rng=rng, exact=False, lanes=False)
    check(lambda x: np.linalg.pinv(x, rtol=None), x, rng=rng, exact=False, lanes=False)
    check(np.linalg.cond, x, rng=rng, exact=False, lanes=False)
    check(lambda x: np.linalg.cond(x, -2), x, rng=rng, exact=False, lanes=False)
    if x.shape[-1] == x.shape[-2]:
        for p in ("fro", 1, -1, np.inf, "nuc"):
            check(lambda x, p=p: np.linalg.cond(x, p), x, rng=rng, exact=False, lanes=False)


def test_tolerances_are_numpys():
    for rcond in (0.3, np.array([0.5, 0.1])):
        check_value(lambda x, r=rcond: np.linalg.pinv(x, r), T, exact=False)
        check_value(lambda x, r=rcond: np.linalg.matrix_rank(x, rtol=r), T)
        check_value(lambda x, r=rcond: np.linalg.matrix_rank(x, r), T)
    check_value(np.linalg.pinv, np.zeros((0, 3)))


def test_the_condition_of_a_singular_matrix_is_infinite_in_the_spectral_norm_and_an_error_in_others():
    assert pb.vjp(np.linalg.cond, np.zeros((2, 2)))[0] == np.inf == np.linalg.cond(np.zeros((2, 2)))
    assert pb.jit(np.linalg.cond)(np.diag([1.0, 0.0])) == np.inf
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        pb.vjp(lambda x: np.linalg.cond(x, 1), np.zeros((2, 2)))


def test_ranks_are_numpys_and_do_not_move():
    low = np.outer([1.0, 2.0], [3.0, 4.0])
    for x in (A, low, np.zeros((2, 2)), T, V, np.zeros(3), np.zeros((2, 0))):
        check_value(np.linalg.matrix_rank, x)
    check_value(lambda x: np.linalg.matrix_rank(x, hermitian=True), P)
    np.testing.assert_array_equal(pb.grad(lambda x: np.linalg.matrix_rank(x) * np.sum(x))(low), np.ones((2, 2)))


@pytest.mark.parametrize(
    "b", [np.array([1.0, -2.0, 0.5]), np.arange(6.0).reshape(3, 2) ** 2], ids=["vector", "columns"]
)
def test_least_squares_are_numpys(b, rng):
    parts = lambda r: (r[0], r[1], r[3])  # noqa: E731  (the rank does not move)
    for a in (T[0], A, W[:, :3].T, T[0] + 1j * T[1]):
        check_value(lambda a, b: tuple(np.linalg.lstsq(a, b)), a, b, exact=False)
        check_derivative(lambda a, b: parts(np.linalg.lstsq(a, b)), a, b, rng=rng)
    check_value(lambda a: tuple(np.linalg.lstsq(a, b[:2])), W, exact=False)
    check_derivative(lambda a: parts(np.linalg.lstsq(a, b[:2])), W, rng=rng)


def test_deficient_least_squares_have_the_derivative_among_matrices_of_their_rank(rng):
    left, right, e, b = rng.normal(size=(5, 2)), rng.normal(size=(2, 4)), rng.normal(size=(5, 2)), rng.normal(size=5)
    f = lambda t: np.sum(np.linalg.lstsq((left + t * e) @ right, b, rcond=1e-10)[0] ** 2)  # noqa: E731
    value, rank = np.linalg.lstsq(left @ right, b, rcond=1e-10)[::2]
    found = pb.vjp(lambda a: np.linalg.lstsq(a, b, rcond=1e-10), left @ right)[0]
    assert (found[2], found[1].shape) == (rank, (0,)) == (2, (0,))
    np.testing.assert_allclose(found[0], value, rtol=1e-11)
    np.testing.assert_allclose(pb.grad(f)(0.0), oracles.directional(f, (0.0,), (1.0,)), rtol=1e-7)


def test_compiled_least_squares_know_no_rank():
    x, residuals, rank, s = pb.jit(np.linalg.lstsq)(T[0], np.ones(3))
    for a, b in zip((x, residuals, rank, s), np.linalg.lstsq(T[0], np.ones(3)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_tensor_equations_are_numpys(rng):
    a = rng.normal(size=(6, 6)) + 4 * np.eye(6)
    b = np.arange(6.0).reshape(2, 3)
    check(lambda a, b: np.linalg.tensorsolve(a.reshape(2, 3, 6), b), a, b, rng=rng, exact=False, lanes=False)
    check(lambda a: np.linalg.tensorsolve(a.reshape(2, 6, 3), b, axes=(1,)), a, rng=rng, exact=False, lanes=False)
    check(lambda a: np.linalg.tensorinv(a.reshape(2, 3, 6)), a, rng=rng, exact=False, lanes=False)
    check(lambda a: np.linalg.tensorinv(a.reshape(6, 2, 3), ind=1), a, rng=rng, exact=False, lanes=False)


def test_decompositions_are_right_in_lanes_loops_and_compiled(rng):
    xs = np.stack([P, P + np.diag([1.0, 0.0, 2.0]), 2 * P])
    for f in (np.linalg.eigvalsh, np.linalg.svdvals, np.linalg.pinv, lambda x: np.linalg.qr(x)[1], np.linalg.cond):
        expected = np.stack([f(x) for x in xs])
        np.testing.assert_allclose(pb.vmap(f)(xs), expected, rtol=1e-10)
        np.testing.assert_allclose(pb.jit(pb.vmap(f))(xs), expected, rtol=1e-10)
        np.testing.assert_allclose(pb.scan(lambda c, x, f=f: (c, f(x)), 0.0, xs)[1], expected, rtol=1e-10)
        g = lambda x, f=f: np.sum(f(x) ** 2)  # noqa: E731
        np.testing.assert_allclose(pb.jit(pb.vmap(pb.grad(g)))(xs), [pb.grad(g)(x) for x in xs], rtol=1e-9, atol=1e-9)


def test_lists_of_tracers_are_matrices_in_plain_numpy():
    with pb.plain_numpy():
        g = pb.grad(lambda t: np.linalg.det(np.linalg.inv([[t, 1.0], [0.0, 2.0]])))(3.0)
    np.testing.assert_allclose(g, -1 / 18)


@pytest.mark.parametrize(
    ("f", "kind", "match"),
    [
        (lambda x: np.linalg.inv(x[:2]), np.linalg.LinAlgError, "must be square"),
        (lambda x: np.linalg.det(x[0]), np.linalg.LinAlgError, "at least two-dimensional"),
        (lambda x: np.linalg.solve(x, np.ones(4)), errors.ShapeError, "3 rows, the right-hand side 4"),
        (lambda x: np.linalg.norm(x, "no"), ValueError, "Invalid norm order"),
        (lambda x: np.linalg.norm(x, 3), ValueError, "Invalid norm order"),
        (lambda x: np.linalg.norm(x[0], "fro"), ValueError, "Invalid norm order"),
        (lambda x: np.linalg.norm(x, axis=(0, 1, 2)), ValueError, "out of bounds"),
        (lambda x: np.linalg.eigh(x[:2]), np.linalg.LinAlgError, "must be square"),
        (lambda x: np.linalg.eigh(x, "X"), ValueError, "UPLO argument must be 'L' or 'U'"),
        (lambda x: np.linalg.svd(x[0]), np.linalg.LinAlgError, "at least two-dimensional"),
        (lambda x: np.linalg.qr(x, "raw"), errors.NotWritten, "reflectors"),
        (lambda x: np.linalg.qr(x, "no"), ValueError, "Unrecognized mode 'no'"),
        (lambda x: np.linalg.pinv(x, 0.1, rtol=0.1), ValueError, "can't be both set"),
        (lambda x: np.linalg.matrix_rank(x, 0.1, rtol=0.1), ValueError, "can't be both set"),
        (lambda x: np.linalg.lstsq(x, np.ones(4)), np.linalg.LinAlgError, "Incompatible dimensions"),
        (lambda x: np.linalg.lstsq(x[None], np.ones(4)), np.linalg.LinAlgError, "must be two-dimensional"),
        (lambda x: np.linalg.cond(x[:0]), np.linalg.LinAlgError, "not defined on empty"),
        (lambda x: np.linalg.tensorsolve(x[:2], np.ones(2)), np.linalg.LinAlgError, "must satisfy"),
        (lambda x: np.linalg.tensorinv(x, 0), ValueError, "Invalid ind"),
    ],
)
def test_misuse_is_refused_as_by_numpy(f, kind, match):
    with pytest.raises(kind, match=match):
        pb.trace(f)(A)
