"""Linear algebra: the conformance suite, singular determinants, third derivatives, complex numbers, errors."""

import numpy as np
import pytest

from pullback.core.primitive import infer_types
from pullback.core.types import type_of
from pullback.primitives.arithmetic import add, mul
from pullback.primitives.determinants import cofactor, cofactor_tangent, minors, sum_minors
from pullback.primitives.linalg import (
    adjoint,
    cholesky,
    det,
    inv,
    slogdet,
    solve,
    transposed,
    triangular_solve,
)
from pullback.primitives.reductions import sum_
from tests import oracles
from tests.conformance import check_rules
from tests.primitives.gradients import gradient, tangent

SHAPES = [(1, 1), (2, 2), (3, 3), (4, 4), (2, 3, 3), (2, 4, 4), (0, 0)]
STILL = {"lanes": "scale"}  # the elements of a matrix permuted may be no such matrix


def _regular(rng, shape, dtype=float):
    """Return a matrix whose singular values lie between 1 and 3."""
    a = rng.normal(size=shape) + (1j * rng.normal(size=shape) if dtype is complex else 0)
    return 2 * np.eye(shape[-1]) + a / np.linalg.norm(a, axis=(-2, -1), keepdims=True)


def _positive(rng, shape, dtype=float):
    a = _regular(rng, shape, dtype)
    return a @ np.conj(np.swapaxes(a, -1, -2))


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("shape", SHAPES)
def test_inverse_and_determinants_keep_every_rule(shape, dtype, rng):
    a = _regular(rng, shape, dtype)
    check_rules(inv, a, rng=rng, rtol=1e-11, **STILL)
    check_rules(det, a, rng=rng, rtol=1e-11, **STILL)
    check_rules(slogdet, a, rng=rng, rtol=1e-11, jvp_oracle="differences", **STILL)


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("shape", SHAPES)
def test_cholesky_keeps_every_rule(shape, dtype, rng):
    check_rules(cholesky, _positive(rng, shape, dtype), rng=rng, rtol=1e-11, jvp_oracle="differences", **STILL)


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("shape", SHAPES)
def test_solving_keeps_every_rule(shape, dtype, rng):
    a, b = _regular(rng, shape, dtype), rng.normal(size=(*shape[:-1], 2))
    check_rules(solve, a, b, rng=rng, rtol=1e-11, **STILL)
    check_rules(triangular_solve, a, b, rng=rng, rtol=1e-11, lower=True, **STILL)
    check_rules(triangular_solve, a, b, rng=rng, rtol=1e-11, lower=False, turned=True, unit=True, **STILL)


@pytest.mark.parametrize(("a", "b"), [((3, 3), (2, 3, 1)), ((2, 3, 3), (3, 1)), ((2, 1, 3, 3), (2, 3, 1))])
def test_solving_broadcasts_leading_axes(a, b, rng):
    a, b = _regular(rng, a), rng.normal(size=b)
    check_rules(solve, a, b, rng=rng, rtol=1e-11, **STILL)
    check_rules(triangular_solve, a, b, rng=rng, rtol=1e-11, lower=True, **STILL)


def test_single_precision_keeps_every_rule(rng):
    a, b = _regular(rng, (3, 3)), rng.normal(size=(3, 1))
    for primitive in (inv, det, cofactor):
        check_rules(primitive, a, rng=rng, variants=("float32", "non-contiguous"), **STILL)
    check_rules(solve, a, b, rng=rng, variants=("float32",), **STILL)
    check_rules(cholesky, _positive(rng, (3, 3)).astype(np.float32), rng=rng, jvp_oracle=None, **STILL)


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("shape", SHAPES)
def test_cofactors_keep_every_rule(shape, dtype, rng):
    a, v = _regular(rng, shape, dtype), _regular(rng, shape, dtype)
    check_rules(cofactor, a, rng=rng, rtol=1e-11, jvp_oracle="differences", **STILL)
    check_rules(cofactor_tangent, a, v, rng=rng, rtol=1e-11, jvp_oracle="differences", **STILL)


@pytest.mark.parametrize("signed", [False, True])
def test_minors_keep_every_rule(signed, rng):
    check_rules(minors, rng.normal(size=(3, 3)), rng=rng, signed=signed)
    check_rules(sum_minors, rng.normal(size=(3, 3, 2, 2)), rng=rng, signed=signed)


def _all_of(a):
    return np.array([[np.linalg.det(np.delete(np.delete(a, i, 0), j, 1)) * (-1) ** (i + j)
                      for j in range(len(a))] for i in range(len(a))])  # fmt: skip


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("deficit", [0, 1, 2])
@pytest.mark.parametrize("n", [2, 3, 4, 6])
def test_the_gradient_of_a_determinant_is_right_at_singular_matrices(n, deficit, dtype, rng):
    r = n - deficit
    a = rng.normal(size=(n, r)) @ rng.normal(size=(r, n)) + 0j if r else np.zeros((n, n), complex)
    if dtype is complex:
        a = a * (1 + 2j)
    a = a.real.copy() if dtype is float else a
    scale = max(1.0, np.linalg.norm(a) ** (n - 1))
    np.testing.assert_allclose(gradient(det)(a), _all_of(a), rtol=0, atol=1e-14 * scale)


@pytest.mark.parametrize("deficit", [0, 1, 2])
@pytest.mark.parametrize("n", [2, 3, 4])
def test_the_hessian_of_a_determinant_is_right_at_singular_matrices(n, deficit, rng):
    a = rng.normal(size=(n, n - deficit)) @ rng.normal(size=(n - deficit, n))
    v = rng.normal(size=(n, n))
    expected = np.tensordot(oracles.hessian_by_differences(np.linalg.det, a), v, 2)
    np.testing.assert_allclose(tangent(gradient(det), a, v), expected, atol=1e-7)
    np.testing.assert_allclose(gradient(lambda x: sum_(mul(gradient(det)(x), v), axes=(0, 1)))(a), expected, atol=1e-7)


def test_the_third_derivative_of_a_determinant_is_right_at_rank_one(rng):
    a, u, v = np.outer(*rng.normal(size=(2, 4))), *rng.normal(size=(2, 4, 4))
    second = lambda x: sum_(mul(tangent(gradient(det), x, u), v), axes=(0, 1))  # noqa: E731
    plain = lambda x: np.sum(cofactor_tangent(x, u) * v)  # noqa: E731  (of which the hessian above is the test)
    w = rng.normal(size=(4, 4))
    np.testing.assert_allclose(np.sum(gradient(second)(a) * w), oracles.directional(plain, (a,), (w,)), rtol=1e-8)


def test_log_of_a_determinant_through_cholesky_and_slogdet_agree(rng):
    a = _positive(rng, (4, 4))
    by_slogdet = gradient(lambda x: slogdet(x)[1])(a)
    np.testing.assert_allclose(by_slogdet, np.linalg.inv(a).T, rtol=1e-11)
    symmetric = lambda x: mul(add(x, adjoint(x)), 0.5)  # noqa: E731
    eye = np.eye(4)
    # Σ L² is the trace of A: of which the gradient by A, symmetrised, is the identity.
    through = gradient(lambda x: sum_(mul(cholesky(symmetric(x)), cholesky(symmetric(x))), axes=(0, 1)))(a)
    np.testing.assert_allclose(through, eye, atol=1e-12)


def test_cholesky_reads_the_lower_triangle_only(rng):
    a = _positive(rng, (3, 3))
    w = rng.normal(size=(3, 3))
    g = gradient(lambda x: sum_(mul(cholesky(x), w), axes=(0, 1)))(a)
    np.testing.assert_array_equal(np.triu(g, 1), 0)


def test_only_the_triangle_is_read(rng):
    a, b = _regular(rng, (3, 3)), rng.normal(size=(3, 1))
    np.testing.assert_allclose(triangular_solve(a, b, lower=True), np.linalg.solve(np.tril(a), b), rtol=1e-12)
    np.testing.assert_allclose(
        triangular_solve(a, b, lower=False, turned=True), np.linalg.solve(np.triu(a).T, b), rtol=1e-12
    )


def test_transposed_and_adjoint(rng):
    a = rng.normal(size=(2, 3, 4)) + 1j
    np.testing.assert_array_equal(transposed(a), np.swapaxes(a, 1, 2))
    np.testing.assert_array_equal(adjoint(a), np.conj(np.swapaxes(a, 1, 2)))


def test_errors_are_numpys():
    for primitive in (inv, det, slogdet, cholesky):
        for shape, message in [((2, 3), "square"), ((3,), "at least two-dimensional")]:
            with pytest.raises(np.linalg.LinAlgError, match=message):
                infer_types(primitive, (type_of(np.zeros(shape)),), {})
    with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
        inv(np.zeros((2, 2)))
    with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
        solve(np.zeros((2, 2)), np.ones((2, 1)))
    with pytest.raises(np.linalg.LinAlgError, match="positive definite"):
        cholesky(-np.eye(2))
    with pytest.raises(np.linalg.LinAlgError, match="singular"):
        triangular_solve(np.zeros((2, 2)), np.ones((2, 1)), lower=True)
    with pytest.raises(ValueError, match=r"solve\(a, b\[:, None\]\)"):
        infer_types(solve, (type_of(np.eye(2)), type_of(np.ones(2))), {})
    with pytest.raises(TypeError, match="float16"):
        infer_types(inv, (type_of(np.eye(2, dtype=np.float16)),), {})


def test_integers_become_floats():
    for primitive in (inv, det):
        assert infer_types(primitive, (type_of(np.eye(2, dtype=int)),), {})[0].dtype == np.float64
