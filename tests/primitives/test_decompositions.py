"""Decompositions: the conformance suite, repeated and zero values, defective matrices, second derivatives, errors."""

import mpmath
import numpy as np
import pytest
import scipy.linalg

import pullback as pb
from pullback.core.primitive import infer_types
from pullback.core.types import type_of
from pullback.primitives.decompositions import diagonal, eig, eigh, hermitian, qr, same_space, svd
from pullback.primitives.pseudoinverse import pinv
from tests import oracles
from tests.conformance import check_rules

STILL = {"lanes": "scale"}  # the elements of a matrix permuted may be no such matrix
SHAPES = [(4, 4), (5, 3), (3, 5), (3, 1), (1, 1), (2, 3, 3), (2, 4, 2)]


def draw(rng, shape, dtype=float):
    return rng.normal(size=shape) + (1j * rng.normal(size=shape) if dtype is complex else 0)


def unitary(rng, n, dtype=float):
    return np.linalg.qr(draw(rng, (n, n), dtype))[0]


def hermitian_of(w, rng, dtype=float):
    """A Hermitian matrix of given eigenvalues, and a Hermitian direction."""
    q = unitary(rng, len(w), dtype)
    a = (q * w) @ np.conj(q.T)
    e = draw(rng, a.shape, dtype)
    return (a + np.conj(a.T)) / 2, (e + np.conj(e.T)) / 2


def with_singular_values(s, m, n, rng, dtype=float):
    """A matrix of given singular values."""
    u, v = unitary(rng, m, dtype)[:, : len(s)], unitary(rng, n, dtype)[:, : len(s)]
    return (u * s) @ np.conj(v.T)


def regular(rng, shape, dtype=float):
    """Matrices whose columns (or rows) are far from dependent, and whose singular values are well apart."""
    return np.eye(*shape[-2:]) * np.arange(2, 2 + shape[-1]) + 0.2 * draw(rng, shape, dtype)


# The rules ------------------------------------------------------------------------------------------


# Which of v and -v LAPACK gives may jump: eigh and svd are held to differences by what does not depend on it.


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (4, 4), (2, 3, 3), (0, 0)])
def test_eigh_keeps_every_rule(shape, lower, dtype, rng):
    check_rules(eigh, draw(rng, shape, dtype), rng=rng, rtol=1e-11, jvp_oracle=None, lower=lower, **STILL)


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (4, 4), (2, 3, 3), (0, 0)])
def test_eig_keeps_every_rule_and_lapacks_normalisation(shape, rng):
    apart = np.diag(np.arange(1, shape[-1] + 1) * (2 + 1j))
    check_rules(eig, apart + 0.2 * draw(rng, shape, complex), rng=rng, rtol=1e-10, jvp_oracle="differences", **STILL)
    check_rules(eig, draw(rng, shape), rng=rng, rtol=1e-9, jvp_oracle=None, **STILL)


def test_complex_eigenvectors_of_a_real_matrix_are_normalised_as_by_lapack(rng):
    a = np.array([[1.0, 4.0], [-2.0, 1.5]])
    check_rules(eig, a, rng=rng, rtol=1e-10, jvp_oracle="differences", **STILL)


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_svd_keeps_every_rule(shape, full, dtype, rng):
    check_rules(svd, regular(rng, shape, dtype), rng=rng, rtol=1e-10, jvp_oracle=None, full=full, **STILL)


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_qr_keeps_every_rule(shape, complete, dtype, rng):
    oracle = None if complete and shape[-2] > shape[-1] else "differences"
    check_rules(qr, regular(rng, shape, dtype), rng=rng, rtol=1e-10, jvp_oracle=oracle, complete=complete, **STILL)


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("shape", SHAPES)
def test_pinv_keeps_every_rule(shape, dtype, rng):
    a = regular(rng, shape, dtype)
    check_rules(pinv, a, 1e-15, rng=rng, rtol=1e-10, jvp_oracle="differences", moving=(0,), **STILL)
    if len(shape) == 3:
        rcond = np.array([1e-15, 1e-3])
        check_rules(pinv, a, rcond, rng=rng, rtol=1e-10, jvp_oracle="differences", moving=(0,), **STILL)


@pytest.mark.parametrize("dtype", [float, complex])
def test_each_vector_moves_as_its_differences(dtype, rng):
    """By v vᴴ of each eigenvector, u vᴴ of each pair of singular ones, and v times its row of the inverse."""
    a, e = hermitian_of(np.array([-1.0, 0.5, 2.0, 3.0]), rng, dtype)
    b, f = regular(rng, (5, 3), dtype), draw(rng, (5, 3), dtype)

    def projectors(a):
        w, v = np.linalg.eigh(a)
        return np.einsum("ik,jk->kij", v, np.conj(v)) * w[:, None, None]

    def dyads(a):
        u, s, vh = np.linalg.svd(a, full_matrices=False)
        return np.einsum("ik,kj->kij", u, vh) * s[:, None, None] ** 2

    def oblique(a):
        w, v = np.linalg.eig(a)
        return np.sum(v[:, :, None] * np.linalg.inv(v)[None] * (w**2)[:, None], axis=1)

    cases = [(projectors, a, e), (dyads, b, f), (oblique, a + np.diag([1.0, 2.0, 3.0, 4.0]), draw(rng, (4, 4), dtype))]
    for function, x, v in cases:
        weights = rng.normal(size=function(x).shape)
        scalar = lambda x, f=function, w=weights: np.real(np.sum(f(x) * w))  # noqa: E731
        np.testing.assert_allclose(pb.jvp(scalar, (x,), (v,))[1], oracles.directional(scalar, (x,), (v,)), rtol=1e-8)
        np.testing.assert_allclose(*second(scalar, x, v), rtol=1e-7)


def test_single_precision_keeps_every_rule(rng):
    a = regular(rng, (3, 3)).astype(np.float32)
    for primitive in (eigh, eig, svd, qr):
        check_rules(primitive, a, rng=rng, jvp_oracle=None, **STILL)
    check_rules(pinv, a, 1e-6, rng=rng, jvp_oracle=None, moving=(0,), **STILL)


@pytest.mark.parametrize("is_unitary", [True, False])
def test_same_space_is_its_operand_until_values_are_repeated(is_unitary, rng):
    v, w = unitary(rng, 3), np.array([1.0, 2.0, 3.0])
    check_rules(same_space, v, w, rng=rng, rtol=1e-11, moving=(0,), unitary=is_unitary, **STILL)
    _, moved = pb.jvp(
        lambda v: same_space(v, np.array([1.0, 1.0, 3.0]), unitary=is_unitary), (v,), (v @ np.eye(3, k=1),)
    )
    assert np.isnan(moved).any()


# What does not depend on the choice of the vectors ----------------------------------------------------


def second(f, a, e):
    """The second derivative along e, and differences of the first."""
    first = lambda a: pb.jvp(f, (a,), (e,))[1]  # noqa: E731
    return pb.jvp(first, (a,), (e,))[1], oracles.directional(first, (a,), (e,))


def spectral(g, b):
    """Return Re Σ b g(A), by eigenvectors."""

    def f(a):
        w, v = np.linalg.eigh(a)
        return np.real(np.sum(((v * g(w)) @ np.conj(v.T)) * b))

    return f


@pytest.mark.parametrize("dtype", [float, complex])
def test_a_function_of_a_matrix_by_its_eigenvectors_has_its_derivatives(dtype, rng):
    a, e = hermitian_of([1.0, 0.5, 1.5, 2.0, 3.0], rng, dtype)
    f = spectral(np.exp, draw(rng, a.shape, dtype))
    np.testing.assert_allclose(pb.jvp(f, (a,), (e,))[1], oracles.directional(f, (a,), (e,)), rtol=1e-8)
    np.testing.assert_allclose(*second(f, a, e), rtol=1e-8)


def test_the_derivative_of_the_exponential_is_frechets(rng):
    """Against the block triangle of Mathias (1996): exp [[A, E], [0, A]] has it in its corner, here in mpmath."""
    a, e = hermitian_of([0.3, 1.0, 1.7], rng)
    block = mpmath.matrix(np.block([[a, e], [np.zeros((3, 3)), a]]).tolist())
    exact = np.array(mpmath.expm(block, method="taylor").tolist(), dtype=float)[:3, 3:]

    def exponential(a):
        w, v = np.linalg.eigh(a)
        return (v * np.exp(w)) @ v.T

    np.testing.assert_allclose(pb.jvp(exponential, (a,), (e,))[1], exact, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("w", [[1.0, 1.0, 1.0, 2.0, 3.0], [0.0, 0.0, 2.0, 2.0, 2.0], [1.0] * 4, [0.0] * 3], ids=repr)
def test_traces_of_functions_are_right_at_repeated_eigenvalues(w, dtype, rng):
    a, e = hermitian_of(np.array(w), rng, dtype)
    f = spectral(np.exp, np.eye(len(w)))
    expected = np.real(np.trace(scipy.linalg.expm(a) @ e))
    np.testing.assert_allclose(pb.jvp(f, (a,), (e,))[1], expected, rtol=1e-12, atol=1e-13)
    values = lambda a: np.sum(np.exp(np.linalg.eigvalsh(a)))  # noqa: E731
    np.testing.assert_allclose(pb.jvp(values, (a,), (e,))[1], expected, rtol=1e-12, atol=1e-13)
    g = pb.grad(values)(a)
    np.testing.assert_allclose(np.real(np.sum(g * e)), expected, rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(np.triu(g, 1), 0)  # of the lower triangle, which is what NumPy reads


@pytest.mark.parametrize("dtype", [float, complex])
def test_the_space_of_a_repeated_eigenvalue_moves_as_it_should(dtype, rng):
    a, e = hermitian_of(np.array([1.0, 1.0, 1.0, 2.0, 3.0]), rng, dtype)
    b = draw(rng, a.shape, dtype)

    def projector(a):
        v = np.linalg.eigh(a)[1][:, :3]
        return np.real(np.sum((v @ np.conj(v.T)) * b))

    np.testing.assert_allclose(pb.jvp(projector, (a,), (e,))[1], oracles.directional(projector, (a,), (e,)), rtol=1e-7)


def test_second_derivatives_at_repeated_values_are_nan_and_not_wrong(rng):
    a, e = hermitian_of(np.array([1.0, 1.0, 2.0]), rng)
    cube = lambda a: np.sum(np.linalg.eigvalsh(a) ** 3)  # noqa: E731
    assert np.isnan(pb.jvp(lambda a: pb.jvp(cube, (a,), (e,))[1], (a,), (e,))[1])
    assert np.isnan(pb.hessian(cube)(np.eye(2))).any()
    assert np.isnan(pb.hessian(lambda a: np.sum(np.linalg.svdvals(a) ** 3))(np.eye(2))).any()
    assert np.isnan(pb.hessian(lambda a: np.sum(np.real(np.linalg.eigvals(a)) ** 3))(np.eye(2))).any()
    apart, e = hermitian_of(np.array([1.0, 1.0 + 1e-4, 2.0]), rng)
    found = pb.jvp(lambda a: pb.jvp(cube, (a,), (e,))[1], (apart,), (e,))[1]
    np.testing.assert_allclose(found, 6 * np.trace(apart @ e @ e), rtol=1e-9)


def test_the_turning_of_repeated_vectors_is_nan_when_asked(rng):
    a, e = hermitian_of(np.array([1.0, 1.0, 2.0]), rng)
    with pb.conventions(repeated="nan"):
        assert np.isnan(pb.jvp(spectral(np.exp, np.eye(3)), (a,), (e,))[1])
        values = lambda a: np.sum(np.linalg.eigvalsh(a) ** 2)  # noqa: E731
        np.testing.assert_allclose(pb.jvp(values, (a,), (e,))[1], 2 * np.trace(a @ e), rtol=1e-12)


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("s", [[3.0, 2.0, 1.0], [2.0, 2.0, 1.0], [1.0, 1.0, 1.0]], ids=repr)
@pytest.mark.parametrize(("m", "n"), [(3, 3), (5, 3), (3, 4)])
def test_polar_factors_and_pseudo_inverses_are_right_at_repeated_singular_values(m, n, s, dtype, rng):
    a, e = with_singular_values(s, m, n, rng, dtype), draw(rng, (m, n), dtype)
    b = draw(rng, (m, n), dtype)

    def polar(a):
        u, _, vh = np.linalg.svd(a, full_matrices=False)
        return np.real(np.sum((u @ vh) * b))

    def complements(a):
        u, _, vh = np.linalg.svd(a)
        u, v = u[:, 3:], vh[3:]
        return np.real(np.sum((u @ np.conj(u.T)) * b[0, 0]) + np.sum((np.conj(v.T) @ v) * b[0, 1]))

    inverse = lambda a: np.real(np.sum(np.linalg.pinv(a) * b.T))  # noqa: E731
    for f in (polar, complements, inverse, lambda a: np.linalg.norm(a, "nuc")):
        found = pb.jvp(f, (a,), (e,))[1]
        np.testing.assert_allclose(found, oracles.directional(f, (a,), (e,)), rtol=1e-7, atol=1e-9)
        g = pb.grad(f)(a)
        np.testing.assert_allclose(np.real(np.sum(g * e)), found, rtol=1e-10, atol=1e-12)
    if len(set(s)) == 3:
        np.testing.assert_allclose(*second(polar, a, e), rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(*second(inverse, a, e), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize(("m", "n"), [(4, 4), (5, 3), (3, 5)])
def test_pinv_and_its_second_derivative_are_right_at_deficient_rank_among_matrices_of_that_rank(m, n, dtype, rng):
    left, right, e, f = (
        draw(rng, (m, 2), dtype),
        draw(rng, (2, n), dtype),
        draw(rng, (m, 2), dtype),
        draw(rng, (n, m), dtype),
    )
    moved = lambda t: np.real(np.sum(np.linalg.pinv((left + t * e) @ right, rcond=1e-10) * f))  # noqa: E731
    plain = lambda t: np.real(np.sum(scipy.linalg.pinv((left + t * e) @ right, rtol=1e-10) * f))  # noqa: E731
    np.testing.assert_allclose(pb.grad(moved)(0.0), oracles.directional(plain, (0.0,), (1.0,)), rtol=1e-7)
    np.testing.assert_allclose(
        pb.grad(pb.grad(moved))(0.0), oracles.directional(pb.grad(moved), (0.0,), (1.0,)), rtol=1e-7
    )


def test_a_zero_singular_value_keeps_what_is_not_of_it(rng):
    a, e = with_singular_values([2.0, 1.0, 0.0], 4, 3, rng), rng.normal(size=(4, 3))
    squares = lambda a: np.sum(np.linalg.svdvals(a) ** 2)  # noqa: E731
    np.testing.assert_allclose(pb.jvp(squares, (a,), (e,))[1], 2 * np.sum(a * e), rtol=1e-11)

    def rank_two(a):
        u, s, vh = np.linalg.svd(a, full_matrices=False)
        return np.sum(((u[:, :2] * s[:2]) @ vh[:2]) * e)

    np.testing.assert_allclose(pb.jvp(rank_two, (a,), (e,))[1], oracles.directional(rank_two, (a,), (e,)), rtol=1e-7)


# Eigenvectors without symmetry ------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [float, complex])
def test_functions_of_eigenvalues_have_their_derivatives(dtype, rng):
    a, e = draw(rng, (5, 5), dtype), draw(rng, (5, 5), dtype)
    f = lambda a: np.real(np.sum(np.exp(np.linalg.eigvals(a))))  # noqa: E731
    np.testing.assert_allclose(pb.jvp(f, (a,), (e,))[1], np.real(np.trace(scipy.linalg.expm(a) @ e)), rtol=1e-10)
    np.testing.assert_allclose(*second(f, a, e), rtol=1e-7)


def test_a_repeated_eigenvalue_with_a_whole_space_is_no_matter(rng):
    x = rng.normal(size=(4, 4)) + 4 * np.eye(4)
    a, e = x @ np.diag([1.0, 1.0, 2.0, 3.0]) @ np.linalg.inv(x), rng.normal(size=(4, 4))
    f = lambda a: np.real(np.sum(np.exp(np.linalg.eigvals(a))))  # noqa: E731
    np.testing.assert_allclose(pb.jvp(f, (a,), (e,))[1], np.trace(scipy.linalg.expm(a) @ e), rtol=1e-10)


def test_a_defective_matrix_has_no_derivative_and_says_so():
    for a in (np.array([[1.0, 1.0], [0.0, 1.0]]), np.array([[2.0, 1.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 3.0]])):
        assert np.isnan(pb.grad(lambda a: np.real(np.sum(np.linalg.eigvals(a) ** 2)))(a)).any()


# QR -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [float, complex])
def test_the_complement_of_complete_qr_moves_as_a_space(dtype, rng):
    a, e, b = draw(rng, (5, 2), dtype), draw(rng, (5, 2), dtype), draw(rng, (5, 5), dtype)

    def f(a):
        q, r = np.linalg.qr(a, "complete")
        return np.real(np.sum((q[:, 2:] @ np.conj(q[:, 2:].T)) * b) + np.sum(r[:2] * b[:2, :2]))

    np.testing.assert_allclose(pb.jvp(f, (a,), (e,))[1], oracles.directional(f, (a,), (e,)), rtol=1e-7)


def test_the_parts_of_qr_stay_what_they_are_as_they_move(rng):
    a, e = rng.normal(size=(2, 5, 3))
    (q, r), (dq, dr) = pb.jvp(lambda a: tuple(np.linalg.qr(a)), (a,), (e,))
    np.testing.assert_allclose(dq @ r + q @ dr, e, atol=1e-13)
    np.testing.assert_allclose(q.T @ dq + dq.T @ q, 0, atol=1e-13)
    np.testing.assert_array_equal(np.tril(dr, -1), 0)


def test_qr_of_dependent_columns_has_no_derivative():
    with pytest.raises(np.linalg.LinAlgError, match="singular"):
        pb.grad(lambda a: np.sum(np.linalg.qr(a)[0]))(np.zeros((3, 2)))


# Helpers, types and errors ------------------------------------------------------------------------------


def test_hermitian_and_diagonal_read_what_they_say(rng):
    a = draw(rng, (2, 3, 3), complex)
    lower = np.tril(a, -1) + np.conj(np.swapaxes(np.tril(a, -1), 1, 2)) + np.eye(3) * np.real(a)
    np.testing.assert_allclose(hermitian(a, lower=True), lower)
    np.testing.assert_allclose(hermitian(np.conj(np.swapaxes(a, 1, 2)), lower=False), lower)
    np.testing.assert_array_equal(diagonal(a), np.diagonal(a, axis1=1, axis2=2))


def test_errors_are_numpys():
    for primitive in (eigh, eig, svd, qr):
        with pytest.raises(np.linalg.LinAlgError, match="at least two-dimensional"):
            infer_types(primitive, (type_of(np.zeros(3)),), {})
        with pytest.raises(TypeError, match="float16"):
            infer_types(primitive, (type_of(np.eye(2, dtype=np.float16)),), {})
        assert infer_types(primitive, (type_of(np.eye(2, dtype=int)),), {})[0].dtype.kind in "fc"
    for primitive in (eigh, eig):
        with pytest.raises(np.linalg.LinAlgError, match="square"):
            infer_types(primitive, (type_of(np.zeros((2, 3))),), {})
    with pytest.raises(np.linalg.LinAlgError, match="did not converge"):
        svd(np.full((2, 2), np.nan))


def test_costs_grow_with_the_matrix():
    for primitive, params in ((svd, {}), (qr, {}), (eigh, {})):
        flops = [primitive.cost((t := (type_of(np.zeros((n, n))),)), t, **params).flops for n in (4, 8)]
        assert flops[1] == 8 * flops[0]
    t = type_of(np.zeros((4, 4)))
    assert pinv.cost((t, type_of(0.1)), (t,)).flops > 0
