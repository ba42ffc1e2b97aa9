"""Complex numbers in native code: against NumPy, mpmath and differences, and never by a callback."""

import mpmath
import numpy as np
import pytest

import pullback as pb
from pullback.core.primitive import primitives
from pullback.engines.llvm import compiled
from tests import oracles
from tests.engines.native import Compiled, alone, evaluated, held, in_ulp, same

DTYPES = [np.complex128, np.complex64]
ALL = ("all",)


@pytest.fixture(autouse=True)
def native(monkeypatch):
    """Run what is tested here natively, whatever the environment of the suite says."""
    monkeypatch.delenv("PULLBACK_ENGINE", raising=False)


def normal(rng, *shape, dtype=np.complex128):
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(dtype)


def all_native(f, *args):
    """Return what compiled code gives, having seen that all of it is native."""
    run = pb.jit(f)
    lowered = run.lower(*args)
    assert not lowered.why
    assert str(lowered.callbacks) == "no callbacks: all of it is native code"
    return run(*args)


# Functions ----------------------------------------------------------------------------------

GROWING = ["exp", "sin", "cos", "tan", "sinh", "cosh", "tanh"]
FUNCTIONS = [*GROWING, "log", "sqrt", "arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh"]
ULP = {np.complex128: 5, np.complex64: 1}  # a part alone; complex64 is calculated in float64


def spread(rng, n):
    """Points of all sizes, near the axes, and near the circle on which log |z| is 0."""
    size = 10.0 ** rng.uniform(-12, 2.4, n)
    turn = rng.uniform(-np.pi, np.pi, n)
    near = np.exp(1j * rng.uniform(-np.pi, np.pi, n)) * (1 + 10.0 ** rng.uniform(-17, -2, n))
    thin = rng.uniform(-9, 9, n) + 1j * 10.0 ** rng.uniform(-20, -1, n)
    wide = 10.0 ** rng.uniform(-300, 300, n) + 1j * 10.0 ** rng.uniform(-300, 300, n)
    return {"size": size * np.exp(1j * turn), "near": near, "thin": thin, "thin, turned": 1j * thin, "wide": wide}


def exact(name, z, digits=80):
    """Return both parts of a function of complex numbers by mpmath, each rounded once."""
    with mpmath.workdps(digits):
        f = getattr(mpmath, name.replace("arc", "a"))
        ys = [f(mpmath.mpc(x.real, x.imag)) for x in z.astype(complex)]
        return np.array([float(y.real) for y in ys]), np.array([float(y.imag) for y in ys])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_both_parts_of_a_function_are_within_a_few_ulp(name, dtype, rng):
    for where, z in spread(rng, 25).items():
        with np.errstate(all="ignore"):
            z = z.astype(dtype)
        z = z[np.isfinite(z) & (z.real != 0) & (z.imag != 0)]  # mpmath has one zero, which is on every cut
        if name in GROWING:
            z = z[np.abs(z) < (300 if dtype is np.complex128 else 80)]
        if where == "wide":
            z = z[:5]
        got = all_native(getattr(np, name), z)
        assert got.dtype == dtype
        expected = exact(name, z, 700 if where == "wide" else 80)  # parts of 1e300 and 1e-300 in one number
        for a, b in zip((got.real, got.imag), expected, strict=True):
            with np.errstate(all="ignore"):
                b = b.astype(np.finfo(dtype).dtype)
            assert in_ulp(a, b) <= ULP[dtype], where


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_machine_without_fused_multiplication_is_as_exact(name, rng, monkeypatch):
    monkeypatch.setattr(compiled, "has_fma", lambda: False)
    points = spread(rng, 12)
    z = np.concatenate([points["near"], points["thin"]])
    program, operands = alone(primitives[name], [((z,), {})])
    got = Compiled(program)(*operands)[0]
    for a, b in zip((got.real, got.imag), exact(name, z), strict=True):
        assert in_ulp(a, b) <= ULP[np.complex128]


EDGES = [0.0, -0.0, 1.0, -2.0, np.inf, -np.inf, np.nan]
GRID = np.array([complex(a, b) for a in EDGES for b in EDGES])
OPEN = {  # where C leaves a sign open: (function, whether a part's sign is)
    "sinh": lambda z: np.isneginf(z.real) & ~np.isfinite(z.imag),
    "cosh": lambda z: ~np.isfinite(z.imag) | np.isnan(z.real),
    "cos": lambda z: ~np.isfinite(z.real) | np.isnan(z.imag),
    "sin": lambda z: ~np.isfinite(z.real),
    "exp": lambda z: np.isneginf(z.real) & ~np.isfinite(z.imag),
}


@pytest.mark.parametrize("name", [*FUNCTIONS, "absolute", "angle", "sign", "reciprocal", "log10", "log1p", "conj"])
def test_special_values_and_branch_cuts_are_numpys(name):
    program, operands = alone(primitives[name], [((GRID,), {})])
    run = Compiled(program)
    assert not run.called_back
    got, expected = run(*operands)[0], evaluated(program, operands)[0]
    free = OPEN.get(name, lambda z: np.zeros(z.shape, bool))(GRID)
    for part in ("real", "imag"):
        a, b = (np.where(free, np.abs(getattr(y, part)), getattr(y, part)) for y in (got, expected))
        np.testing.assert_allclose(a, b, rtol=1e-15)
        np.testing.assert_array_equal(np.signbit(a) & (a == 0), np.signbit(b) & (b == 0))


def test_the_sides_of_a_cut_are_told_apart_by_the_sign_of_zero():
    above, below = np.array([complex(-4.0, 0.0)]), np.array([complex(-4.0, -0.0)])
    assert all_native(np.sqrt, above)[0] == 2j
    assert all_native(np.sqrt, below)[0] == -2j
    assert all_native(np.log, above)[0].imag == np.pi
    assert all_native(np.log, below)[0].imag == -np.pi


def test_what_is_finite_does_not_overflow_on_the_way():
    z = np.array([709.9 + 1.57j, -745.0 + 0.1j, 1e200 + 1e200j, 3e-200 + 4e-200j])
    for name in ("exp", "sinh"):
        got, (re, im) = all_native(getattr(np, name), z[:1]), exact(name, z[:1])
        np.testing.assert_allclose([got[0].real, got[0].imag], [re[0], im[0]], rtol=1e-13)
    np.testing.assert_allclose(all_native(np.abs, z[2:]), [2**0.5 * 1e200, 5e-200], rtol=1e-15)
    same(all_native(lambda z: z / z, z[2:]), np.array([1.0 + 0j, 1.0 + 0j]))
    np.testing.assert_allclose(all_native(np.sqrt, z[2:]), np.sqrt(z[2:]), rtol=1e-15)


POWERS = [0, 1, 2, 5, -1, -3, 0.5, -1.5, 2 + 1j, 1j, 0j]


@pytest.mark.parametrize("w", POWERS)
def test_a_power_is_numpys(w, rng):
    z = np.concatenate([normal(rng, 20), [1.0, -1.0, 1j]])
    np.testing.assert_allclose(all_native(lambda z: z**w, z), z**w, rtol=1e-13)
    exponents = np.full(z.shape, w, np.complex128)
    np.testing.assert_allclose(all_native(np.power, z, exponents), np.power(z, exponents), rtol=1e-13)


def test_a_power_of_zero_is_numpys():
    zero, w = np.zeros(4, complex), np.array([0, 2, 0.5 + 1j, -1])
    with np.errstate(all="ignore"):
        expected = np.power(zero, w)
    same(all_native(np.power, zero, w), expected)


# What moves and reduces, in complex64 too: complex128 is in test_conformance ---------------------

C = (np.arange(24).reshape(2, 3, 4) - 3 + 1j * np.arange(24).reshape(2, 3, 4)[::-1]).astype(np.complex64)
STRUCTURAL = {
    "reshape": [((C,), {"shape": (4, 6)})],
    "broadcast": [((C[0],), {"shape": (2, 3, 4)})],
    "transpose": [((C,), {"axes": (2, 0, 1)})],
    "flip": [((C,), {"axes": (0, 2)})],
    "roll": [((C,), {"shifts": (1, 2), "axes": (0, 2)})],
    "pad": [((C, np.complex64(1j)), {"widths": ((0, 1), (2, 0), (1, 1))})],
    "triangle": [((C,), {"lower": True, "k": 0})],
    "concatenate": [((C, C[:1]), {"axis": 0}), ((C, C.real.copy()), {"axis": 1})],
    "stack": [((C, C), {"axis": 1})],
    "index_get": [((C, np.array([1, 0, 1])), {"spec": (("array", 0), ALL, ALL)})],
    "index_set": [((C, C[:1] * 0, np.array([1])), {"spec": (("array", 0), ALL, ALL)})],
    "index_add": [((C, C, np.array([1, 1])), {"spec": (("array", 0), ALL, ALL)})],
    "scatter": [((C, np.array([2, 2])), {"shape": (4, 3, 4), "spec": (("array", 0), ALL, ALL)})],
    "sum": [((C,), {"axes": a, "keepdims": False}) for a in ((0,), (0, 1, 2), (1, 2))],
    "prod": [((C[:, :2],), {"axes": a, "keepdims": False}) for a in ((0,), (2,))],
    "any": [((C,), {"axes": (0,), "keepdims": False})],
    "all": [((C,), {"axes": (1,), "keepdims": False})],
    "cumsum": [((C,), {"axis": 1}), ((C,), {"axis": 2, "reverse": True})],
    "cumprod": [((C[:, :2],), {"axis": 1})],
    "convert": [((x,), {"dtype": np.dtype(d)}) for x in (C,) for d in ("complex128", "bool")]
    + [((np.arange(5).astype(d),), {"dtype": np.dtype("complex64")}) for d in ("bool", "int32", "int64", "float64")],
    "select": [((C.real > 2, C, C.real.copy()), {})],
    "contract": [((C, C), {"a_axes": (0, 1, 2), "b_axes": (0, 3, 2), "out_axes": (0, 1, 3)})],
}


@pytest.mark.parametrize("name", STRUCTURAL)
def test_complex64_is_moved_and_reduced_natively(name):
    program, operands = alone(primitives[name], STRUCTURAL[name])
    assert not Compiled(program).called_back
    held(program, operands, lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-5))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(3, 4, 5), (20, 30, 20), (60, 50, 40), (1, 70, 1), (200, 70, 1), (1, 70, 200)])
def test_a_product_of_matrices_is_numpys(shape, dtype, rng):
    m, k, n = shape
    a, b = normal(rng, m, k, dtype=dtype), normal(rng, n, k, dtype=dtype)
    expected = a.astype(complex) @ b.T.astype(complex)
    bound = 4 * k * np.finfo(dtype).eps * (np.abs(a) @ np.abs(b).T).max()  # Higham 2002, §3.5
    for f in (lambda a, b: a @ b.T, lambda a, b: (b @ a.T).T, lambda a, b: np.conj(np.conj(a) @ np.conj(b).T)):
        got = all_native(f, a, b)
        assert got.dtype == dtype
        np.testing.assert_allclose(got, expected, atol=bound, rtol=0)


def test_a_product_is_scaled_and_added_by_blas(rng):
    a, b, c = normal(rng, 40, 50), normal(rng, 50, 60), normal(rng, 40, 60)

    def f(a, b, c):
        return c - 0.5 * (a @ b)

    np.testing.assert_allclose(all_native(f, a, b, c), f(a, b, c), rtol=1e-12)

    def g(a, b, c):
        return c - 0.5j * (a @ b)

    np.testing.assert_allclose(all_native(g, a, b, c), g(a, b, c), rtol=1e-12)


def test_contracted_arithmetic_is_that_of_complex_numbers_too(rng):
    z, w = normal(rng, 100), normal(rng, 100)

    def f(z, w):
        return z * w - w / z

    np.testing.assert_allclose(pb.jit(f, fp="contract")(z, w), f(z, w), rtol=1e-13)


# Programs -----------------------------------------------------------------------------------


def potential(z, w):
    """A real function of complex arrays: with conjugates, moduli, quotients and matrices."""
    y = np.tanh(z @ w) + np.conj(z[:, 0])
    return np.sum(np.abs(y) ** 2) + np.real(np.sum(np.exp(y) / (2.0 + y))) + np.imag(np.prod(y[:3]))


@pytest.mark.parametrize("n", [3, 40])
def test_a_gradient_of_a_complex_function_is_native(n, rng):
    z, w = 0.5 * normal(rng, 4, n) / n, normal(rng, n)
    gz, gw = all_native(pb.grad(potential, argnums=(0, 1)), z, w)
    vz, vw = normal(rng, 4, n), normal(rng, n)
    expected = oracles.directional(potential, (z, w), (vz, vw))
    # the pairing of tangents and cotangents is Re Σ u v
    np.testing.assert_allclose(np.sum((gz * vz).real) + np.sum((gw * vw).real), expected, rtol=1e-9)


def step(z, c):
    return 0.5 * z * z + c * np.exp(-z)


def steps(z, c):
    return pb.fori_loop(0, 30, lambda i, z: step(z, c), z)


def steps_in_python(z, c):
    for _ in range(30):
        z = step(z, c)
    return z


def test_a_loop_carries_complex_values_and_is_differentiated(rng):
    z, c = 0.3 * normal(rng, 5), 0.3 * normal(rng, 5)
    np.testing.assert_allclose(all_native(steps, z, c), steps_in_python(z, c), rtol=1e-12)
    gz, gc = all_native(pb.grad(lambda z, c: np.sum(np.abs(steps(z, c))), argnums=(0, 1)), z, c)
    v, w = normal(rng, 5), normal(rng, 5)
    expected = oracles.directional(lambda z, c: np.sum(np.abs(steps_in_python(z, c))), (z, c), (v, w))
    np.testing.assert_allclose(np.sum((gz * v).real) + np.sum((gc * w).real), expected, rtol=1e-8)


def escape(c):
    """The Mandelbrot set's: how many turns until |z| > 2."""

    def more(carry):
        z, n = carry
        return (np.abs(z) <= 2.0) & (n < 100)

    return pb.while_loop(more, lambda carry: (carry[0] ** 2 + c, carry[1] + 1), (0j * c, 0))


@pytest.mark.parametrize("c", [0.3 + 0.5j, -0.8 + 0.156j, 1.0 + 1.0j, 0.26 + 0.0j])
def test_a_loop_ends_when_a_complex_number_says_so(c):
    z, n = 0j, 0
    while abs(z) <= 2.0 and n < 100:
        z, n = z**2 + c, n + 1
    got, turns = all_native(escape, c)
    assert turns == n
    np.testing.assert_allclose(got, z, rtol=1e-9)


def test_an_element_of_a_complex_carry_is_written_in_place(rng):
    z = normal(rng, 50)

    def running(z):
        return pb.fori_loop(1, 50, lambda i, x: x.at[i].set(0.5 * x[i - 1] + z[i]), z)

    expected = z.copy()
    for i in range(1, 50):
        expected[i] = 0.5 * expected[i - 1] + z[i]
    np.testing.assert_allclose(all_native(running, z), expected, rtol=1e-12)


def test_a_branch_gives_complex_values(rng):
    z = normal(rng, 6)

    def f(p, z):
        return pb.cond(p > 0, lambda z: np.sqrt(z), lambda z: z * 1j, z)

    np.testing.assert_allclose(all_native(f, 1.0, z), np.sqrt(z), rtol=1e-14)
    np.testing.assert_allclose(all_native(f, -1.0, z), z * 1j, rtol=1e-14)


def test_lanes_of_complex_values_are_one_loop(rng):
    z, w = normal(rng, 70, 3), normal(rng, 70, 3)

    def f(z, w):
        return np.sum(z * np.conj(w)) * z

    expected = np.array([f(a, b) for a, b in zip(z, w, strict=True)])
    np.testing.assert_allclose(all_native(pb.vmap(f), z, w), expected, rtol=1e-12)


def test_a_callback_between_complex_nests_sees_their_memory(rng):
    z = normal(rng, 30)

    def f(z):
        return np.sort(z * 2.0) + 1j

    lowered = pb.jit(f).lower(z)
    assert "sort" in str(lowered.callbacks)
    np.testing.assert_allclose(pb.jit(f)(z), f(z), rtol=1e-14)


def test_python_numbers_bend_to_complex64(rng):
    z = normal(rng, 8, dtype=np.complex64)
    for f in (lambda z: z * 2j, lambda z: z + 1, lambda z: 0.5 * z, lambda z: z**2, lambda z: 1 / z):
        got, expected = all_native(f, z), f(z)
        assert got.dtype == expected.dtype == np.complex64
        np.testing.assert_allclose(got, expected, rtol=1e-6)
    assert all_native(lambda z: z * np.float64(2), z).dtype == np.complex128
