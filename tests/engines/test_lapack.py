"""Linear algebra in native code: against NumPy, alone, in loops, branches and lanes, and where it has no result."""

import numpy as np
import pytest

import pullback as pb
from pullback.core.errors import MatrixError
from pullback.core.types import type_of
from pullback.primitives.decompositions import eigh, qr, svd
from pullback.primitives.determinants import cofactor, cofactor_tangent
from pullback.primitives.linalg import cholesky, det, inv, slogdet, solve, triangular_solve
from pullback.primitives.pseudoinverse import pinv
from tests import oracles
from tests.engines.native import Compiled, alone, held

from pullback.engines.llvm.kinds import kind_of  # isort: skip  (where llvmlite is, which native.py has asked for)

SIZES = [1, 2, 3, 4, 5, 17]  # in registers up to 4
DTYPES = ["float64", "float32", "complex128", "complex64"]


def draw(rng, shape, dtype="float64"):
    a = rng.normal(size=shape)
    return (a + 1j * rng.normal(size=shape) if dtype.startswith("c") else a).astype(dtype)


def regular(rng, shape, dtype="float64"):
    """Matrices of singular values between 1 and 3."""
    a = draw(rng, shape, dtype)
    return (2 * np.eye(shape[-1]) + a / np.linalg.norm(a, axis=(-2, -1), keepdims=True)).astype(dtype)


def positive(rng, shape, dtype="float64"):
    a = regular(rng, shape, dtype)
    return a @ np.conj(np.swapaxes(a, -1, -2))


def close(dtype, n):
    """Two backward stable ways differ by some n eps times the condition, which is 9 at most, of results of size 9."""

    def compare(actual, expected):
        scale = max(1.0, np.abs(expected).max(initial=0))
        np.testing.assert_allclose(actual, expected, rtol=0, atol=100 * n * np.finfo(dtype).eps * scale)

    return compare


def native(program):
    """Whether all of a Program is native code."""
    return all(kind_of(eq) == "matrix" for eq in program.equations)


@pytest.mark.parametrize(("n", "dtype"), [(n, t) for t in DTYPES for n in (SIZES if t == "float64" else (2, 7))])
def test_every_matrix_of_a_stack_is_as_in_numpy(n, dtype, rng):
    shapes = [(n, n), (2, 3, n, n)]
    for primitive, make in ((inv, regular), (det, regular), (slogdet, regular), (cholesky, positive)):
        program, operands = alone(primitive, [((make(rng, shape, dtype),), {}) for shape in shapes])
        assert native(program)
        held(program, operands, close(dtype, n))


@pytest.mark.parametrize(("n", "dtype"), [(n, t) for t in DTYPES for n in (SIZES if t == "float64" else (2, 7))])
def test_solutions_are_as_in_numpy_for_one_column_and_for_many(n, dtype, rng):
    cases = [((regular(rng, (n, n), dtype), draw(rng, (n, columns), dtype)), {}) for columns in (1, 2, 9)]
    program, operands = alone(solve, cases)
    assert native(program)
    held(program, operands, close(dtype, n))


@pytest.mark.parametrize("unit", [False, True])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("n", [1, 3, 6])
def test_triangular_solutions_read_the_triangle_that_they_name(n, lower, turned, unit, rng):
    params = {"lower": lower, "turned": turned, "unit": unit}
    for dtype in ("float64", "complex128"):
        shapes = [((2, n, n), (2, n, columns)) for columns in (1, 2, 7)]
        cases = [((regular(rng, a, dtype), draw(rng, b, dtype)), params) for a, b in shapes]
        program, operands = alone(triangular_solve, cases)
        assert native(program)
        held(program, operands, close(dtype, n))


@pytest.mark.parametrize("n", [3, 6])
@pytest.mark.parametrize(("a", "b"), [((), (2,)), ((2,), ()), ((2, 1), (3,)), ((3,), (2, 1))])
def test_leading_axes_broadcast(a, b, n, rng):
    x, y = regular(rng, (*a, n, n)), rng.normal(size=(*b, n, 2))
    for primitive, params in ((solve, {}), (triangular_solve, {"lower": True})):
        program, operands = alone(primitive, [((x, y), params)])
        assert native(program)
        held(program, operands, close("float64", n))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_small_cofactors_are_written_out(n, rng):
    for dtype in ("float64", "complex128"):
        a, v = draw(rng, (2, 5, n, n), dtype)
        program, operands = alone(cofactor, [((a,), {}), ((np.zeros((n, n), dtype),), {})])
        assert native(program)
        held(program, operands, close(dtype, n))
        program, operands = alone(cofactor_tangent, [((a, v), {})])
        assert native(program)
        held(program, operands, close(dtype, n))


def test_what_lapack_does_not_take_is_numpys(rng):
    for x in (np.eye(3, dtype=int), np.eye(3, dtype=np.longdouble), np.zeros((0, 0)), np.zeros((0, 3, 3))):
        if x.dtype == np.longdouble and x.dtype != np.float64:
            continue  # which NumPy does not take either
        program, operands = alone(inv, [((x,), {})])
        held(program, operands)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 2, 30])
def test_eigenvectors_are_lapacks_as_numpy_has_them(n, dtype, rng):
    cases = [((draw(rng, (*lead, n, n), dtype),), {"lower": lower}) for lead in ((), (2,)) for lower in (True, False)]
    program, operands = alone(eigh, cases)
    assert native(program)
    results = Compiled(program)(*operands)
    for ((a,), params), w, v in zip(cases, results[::2], results[1::2], strict=True):
        lower = params["lower"]
        np.testing.assert_allclose(w, np.linalg.eigvalsh(a, "L" if lower else "U"), atol=200 * n * np.finfo(dtype).eps)
        half = np.tril(a, -1) if lower else np.triu(a, 1)
        whole = half + np.conj(np.swapaxes(half, -1, -2)) + np.eye(n) * np.real(a)
        np.testing.assert_allclose(whole @ v, v * w[..., None, :], atol=200 * n * np.finfo(dtype).eps)
        np.testing.assert_allclose(np.conj(np.swapaxes(v, -1, -2)) @ v, np.broadcast_to(np.eye(n), v.shape),
                                   atol=200 * n * np.finfo(dtype).eps)  # fmt: skip


SHAPES = [("float64", m, n) for m, n in [(1, 1), (4, 4), (7, 3), (3, 8), (1, 5), (30, 12)]]
SHAPES += [(dtype, 5, 3) for dtype in DTYPES[1:]] + [("complex128", 3, 4)]


@pytest.mark.parametrize(("dtype", "m", "n"), SHAPES)
def test_singular_vectors_qr_and_pseudo_inverses_are_lapacks(dtype, m, n, rng):
    eps, k = 200 * max(m, n) * np.finfo(dtype).eps, min(m, n)
    a = draw(rng, (2, m, n), dtype) + 2 * np.eye(m, n).astype(dtype)
    program, operands = alone(svd, [((a,), {"full": True}), ((a,), {"full": False}), ((a[0],), {"full": True})])
    assert native(program)
    results = Compiled(program)(*operands)
    for u, s, vh in (results[:3], results[3:6], [x[None] for x in results[6:]]):
        np.testing.assert_allclose(s, np.linalg.svd(a, compute_uv=False)[: len(s)], atol=eps)
        np.testing.assert_allclose((u[..., :k] * s[..., None, :]) @ vh[..., :k, :], a[: len(s)], atol=eps)
        for x in (u, np.conj(np.swapaxes(vh, -1, -2))):
            eye = np.broadcast_to(np.eye(x.shape[-1]), (len(s), x.shape[-1], x.shape[-1]))
            np.testing.assert_allclose(np.conj(np.swapaxes(x, -1, -2)) @ x, eye, atol=eps)
    program, operands = alone(qr, [((a,), {"complete": True}), ((a,), {"complete": False})])
    assert native(program)
    expected = [*np.linalg.qr(a, "complete"), *np.linalg.qr(a)]
    for x, y in zip(Compiled(program)(*operands), expected, strict=True):
        np.testing.assert_allclose(x, y, atol=eps)
    program, operands = alone(pinv, [((a, np.array([1e-3, 0.3])), {}), ((a, 1e-6), {})])
    assert native(program)
    for x, cut in zip(Compiled(program)(*operands), (np.array([1e-3, 0.3]), 1e-6), strict=True):
        np.testing.assert_allclose(x, np.linalg.pinv(a, cut), atol=eps * np.abs(x).max() ** 2)


def test_a_pseudo_inverse_leaves_out_what_is_small(rng):
    low = np.outer(rng.normal(size=6), rng.normal(size=4))
    np.testing.assert_allclose(pb.jit(np.linalg.pinv)(low), np.linalg.pinv(low), atol=1e-14)
    np.testing.assert_array_equal(pb.jit(np.linalg.pinv)(np.zeros((3, 2))), np.zeros((2, 3)))


@pytest.mark.parametrize("f", [np.linalg.eigvalsh, np.linalg.svdvals, np.linalg.pinv])
def test_decompositions_that_do_not_converge_are_numpys_error(f):
    bad = np.full((5, 5), np.nan)
    try:
        expected = f(bad)
    except np.linalg.LinAlgError as error:
        with pytest.raises(MatrixError, match=str(error)):
            pb.jit(f)(bad)
    else:
        np.testing.assert_array_equal(pb.jit(f)(bad), expected)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_gradients_through_decompositions_are_native(dtype, rng):
    a = draw(rng, (6, 4), dtype)
    p = positive(rng, (5, 5), dtype)
    cases = [
        (lambda a: np.sum(np.real(np.linalg.pinv(a)) ** 2), a),
        (lambda a: np.sum(np.linalg.svdvals(a) ** 3), a),
        (lambda a: np.sum(np.real(np.linalg.qr(a)[1]) ** 2), a),
        (lambda a: np.sum(np.exp(np.linalg.eigvalsh(a))), p),
    ]
    for f, x in cases:
        jitted = pb.jit(pb.grad(f))
        assert not jitted.lower(x).callbacks
        np.testing.assert_allclose(jitted(x), pb.grad(f)(x), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("n", [2, 3, 4, 6, 20])
def test_rows_change_places_where_pivots_are_zero(n, rng):
    a = np.eye(n)[rng.permutation(n)] * np.arange(1, n + 1)
    for primitive in (inv, det, slogdet):
        program, operands = alone(primitive, [((a,), {})])
        held(program, operands, close("float64", n))
    program, operands = alone(solve, [((a, rng.normal(size=(n, 3))), {})])
    held(program, operands, close("float64", n))


@pytest.mark.parametrize("n", [2, 4, 6])
def test_a_singular_matrix_has_numpys_determinant(n):
    for a in (np.zeros((n, n)), np.ones((n, n)), np.diag([0.0, *np.ones(n - 1)])):
        program, operands = alone(det, [((a,), {})])
        np.testing.assert_array_equal(Compiled(program)(*operands)[0], 0.0)
        program, operands = alone(slogdet, [((a,), {})])
        sign, log = Compiled(program)(*operands)
        assert (sign, log) == (0.0, -np.inf)


@pytest.mark.parametrize("n", [2, 4, 6])
def test_extreme_matrices_are_as_in_numpy(n):
    big = np.diag(np.array([1e200, 1e-200] * (n // 2)))
    assert np.isclose(pb.jit(np.linalg.det)(big), 1.0, rtol=1e-12)
    nans = np.full((n, n), np.nan)
    for f in (np.linalg.inv, np.linalg.det):
        with np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(pb.jit(f)(nans), f(nans))
    assert np.isnan(pb.jit(np.linalg.cholesky)(nans)[0, 0])


# No result ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [2, 3, 6])
@pytest.mark.parametrize(
    ("f", "bad", "message"),
    [
        (np.linalg.inv, np.zeros, "Singular matrix"),
        (lambda a: np.linalg.solve(a, np.ones(len(a))), np.ones, "Singular matrix"),
        (np.linalg.cholesky, lambda shape: -np.eye(shape[0]), "Matrix is not positive definite"),
        (np.linalg.cholesky, np.ones, "Matrix is not positive definite"),
    ],
)
def test_no_result_is_numpys_error_with_the_line(f, bad, message, n):
    a = bad((n, n))
    with pytest.raises(np.linalg.LinAlgError, match=message):
        f(a)
    jitted = pb.jit(f)
    assert not jitted.lower(a).callbacks
    with pytest.raises(np.linalg.LinAlgError, match=message) as info:
        jitted(a)
    assert isinstance(info.value, MatrixError)
    assert "test_lapack.py" in info.value.where
    np.testing.assert_allclose(jitted(np.eye(n)), f(np.eye(n)))  # the call after it is a fresh one


@pytest.mark.parametrize("n", [2, 6])
def test_one_bad_matrix_of_a_stack_is_an_error(n, rng):
    a = regular(rng, (5, n, n))
    a[3] = 0.0
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        pb.jit(np.linalg.inv)(a)


@pytest.mark.parametrize("n", [2, 6])
def test_a_zero_on_a_diagonal_has_no_triangular_solution(n):
    program, operands = alone(triangular_solve, [((np.zeros((n, n)), np.ones((n, 1))), {"lower": True})])
    with pytest.raises(np.linalg.LinAlgError, match="singular matrix"):
        Compiled(program)(*operands)


def test_an_error_ends_the_call_where_it_is():
    """The loop would never end, and the callback must not be called."""
    seen = []

    def note(x):
        seen.append(x)
        return x

    def f(a):
        x = np.linalg.inv(a)
        x = pb.while_loop(lambda x: x[0, 0] != 0.0, lambda x: x * 0.5, x)
        return pb.pure_callback(note, x, x)

    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        pb.jit(f)(np.zeros((5, 5)))
    assert seen == []


def test_a_callbacks_linalg_error_has_the_line_too():
    jitted = pb.jit(np.linalg.eig)
    a = np.full((5, 5), np.nan)
    assert jitted.lower(a).callbacks
    with pytest.raises(MatrixError, match="must not contain infs or NaNs") as info:
        jitted(a)
    assert "isfinite" in info.value.fix


# In programs --------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [3, 7])
def test_a_gradient_through_a_solution_is_that_of_differences(n, rng):
    a, b = regular(rng, (n, n)), rng.normal(size=n)
    f = lambda a, b: np.sum(np.sin(np.linalg.solve(a, b)))  # noqa: E731
    grad = pb.jit(pb.grad(f, argnums=(0, 1)))
    assert not grad.lower(a, b).callbacks
    va, vb = rng.normal(size=a.shape), rng.normal(size=b.shape)
    ga, gb = grad(a, b)
    expected = oracles.complex_step(f, (a, b), (va, vb))
    np.testing.assert_allclose(np.sum(ga * va) + np.sum(gb * vb), expected, rtol=1e-11)


@pytest.mark.parametrize("n", [3, 7])
def test_a_gaussian_likelihood_and_its_gradient_are_native(n, rng):
    p, x = positive(rng, (n, n)), rng.normal(size=n)

    def nll(p):
        half = np.linalg.cholesky((p + p.T) / 2)
        return np.sum(np.log(np.diagonal(half))) + 0.5 * x @ np.linalg.solve(p, x)

    def plain(p):
        return 0.5 * np.linalg.slogdet(p)[1] + 0.5 * x @ np.linalg.solve(p, x)

    value_and_grad = pb.jit(pb.value_and_grad(nll))
    assert not value_and_grad.lower(p).callbacks
    value, g = value_and_grad(p)
    v = rng.normal(size=(n, n))
    v = v + v.T
    np.testing.assert_allclose(value, plain(p), rtol=1e-12)
    np.testing.assert_allclose(np.sum(g * v), oracles.directional(plain, (p,), (v,)), rtol=1e-8)


@pytest.mark.parametrize("n", [2, 5])
def test_a_kalman_filter_in_a_scan_is_native_and_right(n, rng):
    f_, h = regular(rng, (n, n)), rng.normal(size=(n, n))
    ys = rng.normal(size=(6, n))

    def step(carry, y):
        m, p = carry
        m, p = f_ @ m, f_ @ p @ f_.T + np.eye(n)
        s = h @ p @ h.T + np.eye(n)
        k = np.linalg.solve(s, h @ p).T
        r = y - h @ m
        ll = -0.5 * (np.linalg.slogdet(s)[1] + r @ np.linalg.solve(s, r))
        return (m + k @ r, p - k @ h @ p), ll

    def scanned(q):
        return np.sum(pb.scan(step, (np.zeros(n), q * np.eye(n)), ys)[1])

    def plain(q):
        carry, total = (np.zeros(n), q * np.eye(n)), 0.0
        for y in ys:
            carry, ll = step(carry, y)
            total += ll
        return total

    grad = pb.jit(pb.value_and_grad(scanned))
    assert not grad.lower(0.7).callbacks
    value, g = grad(0.7)
    np.testing.assert_allclose(value, plain(0.7), rtol=1e-10)
    np.testing.assert_allclose(g, oracles.directional(plain, (0.7,), (1.0,)), rtol=1e-7)


@pytest.mark.parametrize("n", [3, 6])
def test_a_loop_keeps_its_carry_apart_from_working_memory(n, rng):
    a = regular(rng, (n, n))

    def f(a):
        return pb.fori_loop(0, 5, lambda i, x: np.linalg.inv(x) + np.linalg.inv(x @ a) + 0.1 * i * x, a)

    expected = a
    for i in range(5):
        expected = np.linalg.inv(expected) + np.linalg.inv(expected @ a) + 0.1 * i * expected
    np.testing.assert_allclose(pb.jit(f)(a), expected, rtol=1e-9)


def test_lanes_of_small_matrices_are_solved_in_one_loop(rng):
    a, b = regular(rng, (50, 3, 3)), rng.normal(size=(50, 3))
    f = pb.jit(pb.vmap(pb.grad(lambda a, b: np.sum(np.linalg.solve(a, b) ** 2))))
    assert not f.lower(a, b).callbacks
    one = pb.grad(lambda a, b: np.sum(np.linalg.solve(a, b) ** 2))
    np.testing.assert_allclose(f(a, b), [one(x, y) for x, y in zip(a, b, strict=True)], rtol=1e-10)


def test_a_branch_not_taken_raises_nothing(rng):
    f = pb.jit(lambda a, ok: pb.cond(ok, lambda: np.linalg.inv(a), lambda: a))
    np.testing.assert_array_equal(f(np.zeros((5, 5)), False), 0.0)
    with pytest.raises(np.linalg.LinAlgError):
        f(np.zeros((5, 5)), True)


def test_matrices_are_read_where_they_are_computed(rng):
    """A transpose or a sum that only a factorisation reads is not stored."""
    a = regular(rng, (6, 6))
    lowered = pb.jit(lambda a: np.linalg.inv(a.T + 1.0)).lower(a)
    assert "store" not in lowered.loops
    np.testing.assert_allclose(pb.jit(lambda a: np.linalg.inv(a.T + 1.0))(a), np.linalg.inv(a.T + 1.0), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_one_factorisation_serves_a_solution_its_transpose_and_the_determinant(dtype, rng):
    a, b, c = regular(rng, (3, 6, 6), dtype), draw(rng, (3, 6, 2), dtype), draw(rng, (3, 6, 1), dtype)

    def f(a, b, c):
        t = np.swapaxes(a, 1, 2)
        return np.linalg.solve(a, b), np.linalg.solve(t, c), np.linalg.det(t), np.linalg.inv(t), np.linalg.inv(a @ a)

    lowered = pb.jit(f).lower(a, b, c)
    assert lowered.llvm_ir.count(f"call void @{'d' if dtype == 'float64' else 'z'}getrf") == 2
    for x, y in zip(pb.jit(f)(a, b, c), f(a, b, c), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-10, atol=1e-12)
    turns = pb.jit(
        lambda a, b, c: pb.fori_loop(0, 3, lambda i, s: 0.5 * s + sum(map(np.sum, f(a + s, b, c))), a[0, 0, 0])
    )
    expected = a[0, 0, 0]
    for _ in range(3):
        expected = 0.5 * expected + sum(map(np.sum, f(a + expected, b, c)))
    np.testing.assert_allclose(turns(a, b, c), expected, rtol=1e-9)


def test_a_shared_factorisation_says_whose_matrix_is_singular():
    f = pb.jit(lambda a: np.linalg.slogdet(a)[1] + np.sum(np.linalg.inv(a)))
    with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
        f(np.ones((6, 6)))
    one, other = pb.jit(lambda a: (np.linalg.det(a), np.linalg.slogdet(a.T)[0]))(np.ones((6, 6)))
    assert (one, other) == (0.0, 0.0)


def test_the_second_derivative_is_native_too(rng):
    a = positive(rng, (5, 5))
    f = lambda a: np.linalg.slogdet(a)[1]  # noqa: E731
    hessian = pb.jit(pb.hessian(f))
    assert not hessian.lower(a).callbacks
    i = np.linalg.inv(a)
    np.testing.assert_allclose(hessian(a), -np.einsum("li,jk->ijkl", i, i), rtol=1e-9, atol=1e-12)


def test_types_of_results_are_numpys(rng):
    for dtype in DTYPES:
        a = regular(rng, (5, 5), dtype)
        for f in (np.linalg.inv, np.linalg.det, np.linalg.cholesky, np.linalg.eigvalsh):
            x = a @ np.conj(a.T)
            assert type_of(pb.jit(f)(x)) == type_of(f(x))
