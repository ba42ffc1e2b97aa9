"""while_loop, fori_loop, scan, map: forward and reverse through all of them, nested, batched, jitted."""

import functools
import tracemalloc

import numpy as np
import pytest

import pullback as pb
from pullback.core.errors import ArgumentError, AxisSizeError, DTypeError, ShapeError, TreeError
from tests import oracles


def newton(a):
    """sqrt(a) by Newton's iteration, until it stands."""
    step = lambda y: 0.5 * (y + a / y)  # noqa: E731
    return pb.while_loop(
        lambda s: abs(s[1] - s[0]) > 1e-14 * s[0], lambda s: (step(s[0]), s[0]), (step(1.0 * a), 1.0 * a)
    )[0]


def collatz_like(x):
    """x doubled until it exceeds 100: the number of turns depends on the value."""
    return pb.while_loop(lambda y: y < 100.0, lambda y: y * y * 0.9, x)


def collatz_python(x):
    while x < 100.0:
        x = x * x * 0.9
    return x


DERIVATIVES = {
    "grad": lambda f: pb.grad(f),
    "jvp": lambda f: lambda x: pb.jvp(f, (x,), (1.0,))[1],
    "jit of grad": lambda f: pb.jit(pb.grad(f)),
    "grad of jit": lambda f: pb.grad(pb.jit(f)),
    "jacfwd": lambda f: pb.jacfwd(f),
    "jacrev": lambda f: pb.jacrev(f),
    "linearize": lambda f: lambda x: pb.linearize(f, x)[1](1.0),
    "vmap of grad": lambda f: lambda x: pb.vmap(pb.grad(f))(np.array([x, x]))[1],
    "jit of jvp": lambda f: pb.jit(lambda x: pb.jvp(f, (x,), (1.0,))[1]),
    "grad of vmap": lambda f: lambda x: pb.grad(lambda x: pb.vmap(f)(x[None])[0])(np.asarray(x)),
    "checkpoint": lambda f: pb.grad(pb.checkpoint(f)),
}


@pytest.mark.parametrize("mode", DERIVATIVES)
def test_every_mode_goes_through_while_loop(mode):
    np.testing.assert_allclose(DERIVATIVES[mode](newton)(2.0), 0.5 / np.sqrt(2.0), rtol=1e-12)
    want = oracles.complex_step(lambda x: _complex_while(x), 1.7, 1.0)
    np.testing.assert_allclose(DERIVATIVES[mode](collatz_like)(1.7), want, rtol=1e-13)


def _complex_while(x):
    while x.real < 100.0:
        x = x * x * 0.9
    return x


def test_second_and_third_derivatives_of_a_while_loop():
    f1, f2, f3 = (pb.grad(newton), pb.grad(pb.grad(newton)), pb.grad(pb.grad(pb.grad(newton))))
    np.testing.assert_allclose(f1(2.0), 0.5 * 2.0**-0.5, rtol=1e-12)
    np.testing.assert_allclose(f2(2.0), -0.25 * 2.0**-1.5, rtol=1e-10)
    np.testing.assert_allclose(f3(2.0), 0.375 * 2.0**-2.5, rtol=1e-9)


def vector_loop(x):
    def body(s):
        i, y = s
        return i + 1, np.sin(y) * x + np.roll(y, 1) * 0.5

    return np.sum(pb.while_loop(lambda s: s[0] < 4, body, (0, x))[1] ** 2)


def vector_python(x):
    y = x
    for _ in range(4):
        y = np.sin(y) * x + np.roll(y, 1) * 0.5
    return np.sum(y**2)


X = np.array([0.3, -0.7, 1.1])


@pytest.mark.parametrize("wrap", [lambda f: f, pb.jit], ids=["eager", "jit"])
def test_a_hessian_through_while_loop(wrap):
    want = oracles.jacobian_by_differences(
        lambda x: np.array([oracles.complex_step(vector_python, x, e) for e in np.eye(3)]), X
    )
    np.testing.assert_allclose(wrap(pb.hessian(vector_loop))(X), want, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(pb.hessian(wrap(vector_loop))(X), want, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(wrap(pb.jacrev(pb.jacrev(vector_loop)))(X), want, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(wrap(pb.jacrev(pb.jacfwd(vector_loop)))(X), want, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(wrap(pb.jacfwd(pb.jacfwd(vector_loop)))(X), want, rtol=1e-8, atol=1e-9)


LANES = np.array([1.2, 3.0, 9.0, 50.0, 200.0])


def test_each_lane_runs_its_own_number_of_turns():
    want = [collatz_python(x) for x in LANES]
    np.testing.assert_array_equal(pb.vmap(collatz_like)(LANES), want)
    np.testing.assert_array_equal(pb.jit(pb.vmap(collatz_like))(LANES), want)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda f: pb.vmap(pb.grad(f)), id="vmap of grad"),
        pytest.param(lambda f: pb.grad(lambda x: np.sum(pb.vmap(f)(x))), id="grad of vmap"),
        pytest.param(lambda f: pb.jit(pb.vmap(pb.grad(f))), id="jit of vmap of grad"),
        pytest.param(lambda f: pb.vmap(pb.jit(pb.grad(f))), id="vmap of jit of grad"),
        pytest.param(lambda f: lambda x: pb.vmap(lambda a: pb.jvp(f, (a,), (1.0,))[1])(x), id="vmap of jvp"),
        pytest.param(lambda f: lambda x: pb.jvp(pb.vmap(f), (x,), (np.ones(5),))[1], id="jvp of vmap"),
    ],
)
def test_derivatives_of_lanes_with_their_own_trip_counts(make):
    want = [oracles.complex_step(_complex_while, x, 1.0) for x in LANES]
    np.testing.assert_allclose(make(collatz_like)(LANES), want, rtol=1e-13)


def test_second_derivatives_of_lanes_with_their_own_trip_counts():
    one = [float(pb.grad(pb.grad(collatz_like))(x)) for x in LANES]
    np.testing.assert_allclose(pb.vmap(pb.grad(pb.grad(collatz_like)))(LANES), one, rtol=1e-13)


def test_lanes_that_have_finished_do_not_poison():
    """1/(10 - y) would blow up in lanes that are done."""

    def f(x):
        return pb.while_loop(lambda y: y < 10.0, lambda y: y + np.minimum(1.0, 10.0 - y) + 1.0 / (10.0 - y) * 0.0, x)

    got = pb.vmap(pb.grad(f))(np.array([9.5, 3.0, 0.5]))
    assert np.all(np.isfinite(got))


# fori_loop -------------------------------------------------------------------------------------


def power(x, n):
    return pb.fori_loop(0, n, lambda i, y: y * x, 1.0)


@pytest.mark.parametrize("mode", DERIVATIVES)
def test_every_mode_goes_through_fori_loop(mode):
    np.testing.assert_allclose(DERIVATIVES[mode](lambda x: power(x, 5))(1.3), 5 * 1.3**4, rtol=1e-13)


def test_a_trip_count_may_be_traced():
    f = pb.jit(lambda x, n: pb.fori_loop(0, n, lambda i, y: y * x, 1.0))
    for n in (0, 1, 6):
        np.testing.assert_allclose(f(1.3, n), 1.3**n, rtol=1e-14)
        np.testing.assert_allclose(pb.grad(f)(1.3, n), n * 1.3 ** max(n - 1, 0), rtol=1e-13)
        np.testing.assert_allclose(pb.jit(pb.grad(f))(1.3, n), n * 1.3 ** max(n - 1, 0), rtol=1e-13)
        np.testing.assert_allclose(
            pb.jvp(lambda x, n=n: f(x, n), (1.3,), (1.0,))[1], n * 1.3 ** max(n - 1, 0), rtol=1e-13
        )
        np.testing.assert_allclose(
            pb.jit(pb.hessian(lambda x, n: f(x, n)))(1.3, n), n * (n - 1) * 1.3 ** max(n - 2, 0), rtol=1e-12
        )


def test_lanes_may_have_their_own_traced_trip_counts():
    ns, xs = np.array([0, 1, 5, 3]), np.array([1.3, 0.7, 1.1, 2.0])
    np.testing.assert_allclose(pb.vmap(power)(xs, ns), xs**ns, rtol=1e-14)
    want = ns * xs ** np.maximum(ns - 1, 0)
    np.testing.assert_allclose(pb.vmap(pb.grad(power))(xs, ns), want, rtol=1e-13)
    np.testing.assert_allclose(pb.jit(pb.vmap(pb.grad(power)))(xs, ns), want, rtol=1e-13)
    np.testing.assert_allclose(pb.vmap(power, in_axes=(None, 0))(1.5, ns), 1.5**ns, rtol=1e-14)
    got = pb.grad(lambda x: np.sum(pb.vmap(power, in_axes=(None, 0))(x, ns)))(1.5)
    np.testing.assert_allclose(got, np.sum(ns * 1.5 ** np.maximum(ns - 1, 0)), rtol=1e-13)


def test_bounds_need_not_start_at_zero_and_may_be_the_wrong_way_round():
    total = lambda lo, hi: pb.fori_loop(lo, hi, lambda i, y: y + i, 0.0)  # noqa: E731
    assert total(3, 6) == 12.0
    assert total(-2, 2) == -2.0
    assert total(6, 3) == 0.0
    assert pb.jit(total)(3, 6) == 12.0
    assert pb.jit(total)(6, 3) == 0.0


def test_the_carry_may_mix_integers_booleans_and_floats():
    def body(i, s):
        n, flag, y, z = s
        return n + 2, ~flag, y * 1.5 + n, z + 1j * y

    def f(y):
        n, flag, y, z = pb.fori_loop(0, 3, body, (np.int64(1), np.array(False), y, y * (1.0 + 0j)))
        return n, flag, y, z

    n, flag, _, _ = f(2.0)
    assert (n, bool(flag)) == (7, True)
    assert np.asarray(n).dtype == np.int64
    for derivative in DERIVATIVES.values():
        got = derivative(lambda y: f(y)[2] + np.imag(f(y)[3]))(2.0)
        np.testing.assert_allclose(got, 1.5**3 + (1 + 1.5 + 1.5**2), rtol=1e-13)


def test_loops_nest_in_loops_with_conds_and_closures():
    def f(x):
        def outer(i, y):
            def inner(j, z):
                return pb.cond(j % 2 == 0, lambda z: z * x, lambda z: z + np.sin(x) * y, z)

            return pb.fori_loop(0, i + 1, inner, y)  # a trip count of the outer turn

        return pb.fori_loop(0, 3, outer, x)

    def python(x):
        y = x
        for i in range(3):
            z = y
            for j in range(i + 1):
                z = z * x if j % 2 == 0 else z + np.sin(x) * y
            y = z
        return y

    want = oracles.complex_step(python, 0.9, 1.0)
    second = oracles.directional(lambda x: oracles.complex_step(python, x, 1.0), 0.9, 1.0)
    for name, derivative in DERIVATIVES.items():
        np.testing.assert_allclose(derivative(f)(0.9), want, rtol=1e-12, err_msg=name)
    np.testing.assert_allclose(pb.grad(pb.grad(f))(0.9), second, rtol=1e-9)
    np.testing.assert_allclose(pb.jit(pb.hessian(f))(0.9), second, rtol=1e-9)
    np.testing.assert_allclose(pb.vmap(pb.grad(pb.grad(f)))(np.array([0.9, 0.9])), [second] * 2, rtol=1e-9)


def test_while_in_scan_in_while():
    def f(x):
        def turn(c, a):
            y = pb.while_loop(lambda y: y < 4.0, lambda y: y * (1.0 + a), c)
            return y * 0.5, y

        def outer(s):
            c, ys = pb.scan(turn, s[0], np.array([0.5, 0.7]) * x)
            return c + np.sum(ys) * 0.1, s[1] + 1

        return pb.while_loop(lambda s: s[1] < 2, outer, (x, 0))[0]

    def python(x):
        c = x
        for _ in range(2):
            ys = 0.0
            for a in np.array([0.5, 0.7]) * x:
                while c.real < 4.0:
                    c = c * (1.0 + a)
                ys, c = ys + c, c * 0.5
            c = c + ys * 0.1
        return c

    want = oracles.complex_step(python, 1.1, 1.0)
    np.testing.assert_allclose(f(1.1), python(np.complex128(1.1)).real, rtol=1e-14)
    lanes = np.array([1.1, 0.3, 2.9])
    each = [oracles.complex_step(python, x, 1.0) for x in lanes]
    np.testing.assert_allclose(pb.vmap(pb.grad(f))(lanes), each, rtol=1e-12)
    np.testing.assert_allclose(pb.jit(pb.vmap(pb.grad(f)))(lanes), each, rtol=1e-12)
    for name, derivative in DERIVATIVES.items():
        np.testing.assert_allclose(derivative(f)(1.1), want, rtol=1e-12, err_msg=name)


def test_forward_mode_of_many_steps_takes_the_memory_of_one():
    x = np.ones(1000)

    def f(x, n):
        return pb.fori_loop(0, n, lambda i, y: y + 1e-6 * np.sin(y), x)

    peaks = []
    for n in (100, 10_000):
        tracemalloc.start()
        pb.jvp(functools.partial(f, n=n), (x,), (x,))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 20 * x.nbytes


@pytest.mark.slow
def test_forward_mode_of_pythons_own_loops_is_flat():
    def f(x):
        for _ in range(5_000):
            x = x + 1e-6 * x
        return x

    tracemalloc.start()
    _, v = pb.jvp(f, (np.ones(10),), (np.ones(10),))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_allclose(v, (1 + 1e-6) ** 5_000, rtol=1e-9)
    assert peak < 200_000


@pytest.mark.slow
def test_forward_mode_of_a_while_loop_of_1e5_turns_is_flat():
    def f(x):
        return pb.while_loop(lambda s: s[0] < 100_000, lambda s: (s[0] + 1, s[1] * 1.00001), (0, x))[1]

    tracemalloc.start()
    _, v = pb.jvp(f, (1.0,), (1.0,))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_allclose(v, 1.00001**100_000, rtol=1e-9)
    assert peak < 500_000


def test_reverse_mode_tapes_only_what_it_needs():
    """A linear body needs no tape; a product of the carry with a constant keeps only that constant."""
    w, x = np.full(100, 1.01), np.ones(100)
    _, pullback = pb.vjp(lambda x: pb.fori_loop(0, 50, lambda i, y: y * w, x), x)
    assert sum(r.nbytes for r in pullback.residuals) < 3 * x.nbytes
    _, pullback = pb.vjp(lambda x: pb.fori_loop(0, 50, lambda i, y: np.sin(y), x), x)
    assert 50 * x.nbytes <= sum(r.nbytes for r in pullback.residuals) < 52 * x.nbytes


def test_zero_turns_are_the_identity():
    for f in (
        lambda x: pb.fori_loop(0, 0, lambda i, y: np.sin(y), x),
        lambda x: pb.while_loop(lambda y: False, lambda y: np.sin(y), x),
        lambda x: pb.scan(lambda c, a: (np.sin(c), a), x, np.zeros((0, 2)))[0],
    ):
        np.testing.assert_array_equal(f(X), X)
        np.testing.assert_array_equal(pb.jacrev(f)(X), np.eye(3))
        np.testing.assert_array_equal(pb.jacfwd(f)(X), np.eye(3))
        np.testing.assert_array_equal(pb.jit(pb.jacrev(f))(X), np.eye(3))


# scan ------------------------------------------------------------------------------------------


def scanned(c, xs, reverse=False):
    def turn(c, x):
        return np.sin(c) + x["a"] * c, {"y": c * x["a"], "z": (x["b"],)}

    return pb.scan(turn, c, xs, reverse=reverse)


def scanned_python(c, xs, reverse=False):
    n = len(xs["a"])
    ys, zs = [None] * n, [None] * n
    for t in reversed(range(n)) if reverse else range(n):
        x = xs["a"][t], xs["b"][t]
        ys[t], zs[t] = c * x[0], x[1]
        c = np.sin(c) + x[0] * c
    return c, np.array(ys), np.array(zs)


@pytest.mark.parametrize("reverse", [False, True])
def test_scan_forward_and_reverse_agree_with_a_python_loop(reverse, rng):
    a, b, c = rng.normal(size=4), rng.normal(size=(4, 2)), rng.normal()
    out, ys = scanned(c, {"a": a, "b": b}, reverse)
    want = scanned_python(c, {"a": a, "b": b}, reverse)
    for got, w in zip((out, ys["y"], ys["z"][0]), want, strict=True):
        np.testing.assert_allclose(got, w, rtol=1e-14)

    def f(c, a, b):
        out, ys = scanned(c, {"a": a, "b": b}, reverse)
        return out + np.sum(ys["y"] ** 2) + np.sum(ys["z"][0] * np.arange(2.0))

    def python(c, a, b):
        out, y, z = scanned_python(c, {"a": a, "b": b}, reverse)
        return out + np.sum(y**2) + np.sum(z * np.arange(2.0))

    v = (0.3, rng.normal(size=4), rng.normal(size=(4, 2)))
    want = oracles.complex_step(python, (c, a, b), v)
    for g in (f, pb.jit(f)):
        np.testing.assert_allclose(pb.jvp(g, (c, a, b), v)[1], want, rtol=1e-12)
        got = pb.grad(g, argnums=(0, 1, 2))(c, a, b)
        np.testing.assert_allclose(sum(np.sum(p * q) for p, q in zip(got, v, strict=True)), want, rtol=1e-12)


def test_scan_without_xs_and_without_ys():
    carry, ys = pb.scan(lambda c, _: (c * 2.0, None), 1.0, None, length=5)
    assert carry == 32.0
    assert ys is None
    carry, ys = pb.scan(lambda c, _: (c * 2.0, c), 1.0, length=3)
    np.testing.assert_array_equal(ys, [1.0, 2.0, 4.0])
    assert pb.grad(lambda x: pb.scan(lambda c, _: (c * x, None), 1.0, None, length=5)[0])(2.0) == 80.0
    carry, ys = pb.scan(lambda _, x: (None, x * 2.0), None, np.arange(3.0))
    assert carry is None
    np.testing.assert_array_equal(ys, [0.0, 2.0, 4.0])


def test_scan_over_lanes():
    xs, c = np.arange(6.0).reshape(3, 2) / 5.0, np.array([0.1, 0.2, 0.3])
    f = lambda c, xs: pb.scan(lambda c, x: (np.sin(c) * x, c + x), c, xs)  # noqa: E731
    got = pb.vmap(f)(c, xs)
    for k in range(3):
        one = f(c[k], xs[k])
        np.testing.assert_allclose(got[0][k], one[0], rtol=1e-15)
        np.testing.assert_allclose(got[1][k], one[1], rtol=1e-15)
    shared = pb.vmap(f, in_axes=(0, None))(c, xs[0])
    np.testing.assert_allclose(shared[1][2], f(c[2], xs[0])[1], rtol=1e-15)
    g = pb.vmap(pb.grad(lambda c, xs: np.sum(f(c, xs)[1])))(c, xs)
    np.testing.assert_allclose(g[1], pb.grad(lambda c: np.sum(f(c, xs[1])[1]))(c[1]), rtol=1e-14)


def test_map_is_vmap_one_at_a_time():
    xs = np.arange(6.0).reshape(3, 2)
    f = lambda x: (np.sum(x**2), x * 2.0)  # noqa: E731
    for a, b in zip(pb.map(f, xs), pb.vmap(f)(xs), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(pb.map(f, xs, batch_size=2), pb.vmap(f)(xs), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(pb.grad(lambda x: np.sum(pb.map(lambda a: np.sum(a**2), x)))(xs), 2 * xs)


@pytest.mark.parametrize("n", [0, 1, 2, 5, 8, 13])
@pytest.mark.parametrize("reverse", [False, True])
def test_associative_scan_gives_all_prefixes(n, reverse, rng):
    x = rng.uniform(0.5, 1.5, size=n)
    want = np.cumprod(x[::-1])[::-1] if reverse else np.cumprod(x)
    np.testing.assert_allclose(pb.associative_scan(np.multiply, x, reverse=reverse), want, rtol=1e-14)
    got = pb.grad(lambda x: np.sum(pb.associative_scan(np.multiply, x, reverse=reverse)))(x)
    step = [oracles.complex_step(lambda x: np.sum(np.cumprod(x[::-1] if reverse else x)), x, e) for e in np.eye(n)]
    np.testing.assert_allclose(got, step, rtol=1e-12) if n else None


def test_associative_scan_of_matrices(rng):
    a = rng.normal(size=(5, 2, 2))
    want = [a[0]]
    for k in range(1, 5):
        want.append(want[-1] @ a[k])
    np.testing.assert_allclose(pb.associative_scan(np.matmul, a), want, rtol=1e-12)


def test_associative_scan_of_a_tree_along_another_axis(rng):
    x = rng.normal(size=(2, 6))
    got = pb.associative_scan(lambda p, q: (p[0] + q[0], np.maximum(p[1], q[1])), (x, x), axis=1)
    np.testing.assert_allclose(got[0], np.cumsum(x, axis=1), rtol=1e-13)
    np.testing.assert_array_equal(got[1], np.maximum.accumulate(x, axis=1))


# Misuse ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("run", "error", "match"),
    [
        (lambda: pb.fori_loop(0, 3, lambda i, y: (y, y), 1.0), TreeError, "carry of fori_loop"),
        (lambda: pb.fori_loop(0, 3, lambda i, y: np.stack([y, y]), 1.0), ShapeError, "leaf 0 of the carry"),
        (lambda: pb.fori_loop(0, 3.5, lambda i, y: y, 1.0), DTypeError, "upper of fori_loop"),
        (lambda: pb.while_loop(lambda y: np.ones(2) < y, lambda y: y, 1.0), ShapeError, "condition of while_loop"),
        (lambda: pb.scan(lambda c, x: c, 0.0, np.ones(3)), TreeError, "returns a pair"),
        (lambda: pb.scan(lambda c, x: (c, x), 0.0), ArgumentError, "length"),
        (lambda: pb.scan(lambda c, x: (c, x), 0.0, (np.ones(3), np.ones(4))), AxisSizeError, "3.*4"),
        (lambda: pb.scan(lambda c, x: (c, x), 0.0, 1.0), AxisSizeError, "no axis"),
        (lambda: pb.scan(lambda c, x: (c, "text"), 0.0, np.ones(3)), TreeError, "returned a str"),
        (lambda: pb.fori_loop(0, 2, lambda i, y: y, "text"), TreeError, "carry arrays"),
    ],
)
def test_misuse_is_told(run, error, match):
    with pytest.raises(error, match=match):
        run()


def test_an_integer_carry_that_becomes_a_float_is_widened():
    assert pb.fori_loop(0, 3, lambda i, y: y * 1.5, 2) == 2 * 1.5**3
    y = pb.fori_loop(0, 3, lambda i, y: y * 1.5, np.int32(2))
    assert np.asarray(y).dtype == np.float64


def test_float32_carries_stay_float32():
    y = pb.fori_loop(0, 3, lambda i, y: y * 1.5, np.float32(2))
    assert np.asarray(y).dtype == np.float32
    g = pb.grad(lambda x: pb.fori_loop(0, 3, lambda i, y: y * 1.5 * x, x))(np.float32(2))
    assert np.asarray(g).dtype == np.float32
    np.testing.assert_allclose(g, 1.5**3 * 4 * 2**3, rtol=1e-6)


def test_the_condition_closes_over_what_is_differentiated_or_mapped():
    f = lambda x: pb.while_loop(lambda y: y < 10 * x, lambda y: y * 2.0, 1.0 * x)  # noqa: E731
    for mode in DERIVATIVES.values():
        np.testing.assert_allclose(mode(f)(1.5), 16.0)
    g = lambda n: pb.while_loop(lambda y: y < n, lambda y: y * 2.0, 1.0)  # noqa: E731
    np.testing.assert_array_equal(pb.vmap(g)(np.array([3.0, 9.0, 0.0])), [4.0, 16.0, 1.0])


def test_a_while_loop_in_a_cond_in_a_scan():
    def f(x, b):
        def turn(c, a):
            c = pb.cond(a > 1, lambda c: pb.while_loop(lambda y: y < 5, lambda y: y * 1.7, c), lambda c: c * a, c)
            return c, c

        return pb.scan(turn, x, b)[0]

    def python(x, b):
        for a in b:
            if a > 1:
                while x.real < 5:
                    x = x * 1.7
            else:
                x = x * a
        return x

    xs, bs = np.array([1.3, 0.2]), np.array([[0.5, 2.0, 0.3], [3.0, 0.1, 2.0]])
    want = [oracles.complex_step(lambda x, b=b: python(x, b), x, 1.0) for x, b in zip(xs, bs, strict=True)]
    np.testing.assert_allclose([pb.grad(f)(x, b) for x, b in zip(xs, bs, strict=True)], want, rtol=1e-13)
    np.testing.assert_allclose(pb.vmap(pb.grad(f))(xs, bs), want, rtol=1e-13)
    np.testing.assert_allclose(pb.jit(pb.vmap(pb.grad(f)))(xs, bs), want, rtol=1e-13)


def test_elements_are_indexed_by_the_turn():
    f = lambda x: pb.fori_loop(0, 3, lambda i, y: y + x[i] ** 2 * i, 0.0)  # noqa: E731
    for g in (pb.grad(f), pb.jit(pb.grad(f)), pb.jacfwd(f)):
        np.testing.assert_allclose(g(np.array([5.0, 2.0, 3.0])), [0.0, 4.0, 12.0])


def test_complex_carries():
    f = lambda z: np.abs(pb.fori_loop(0, 3, lambda i, y: y * z, 1.0 + 0.0j)) ** 2  # noqa: E731
    np.testing.assert_allclose(pb.grad(f)(1.0 + 1.0j), pb.grad(lambda z: np.abs(z**3) ** 2)(1.0 + 1.0j))
    dx, dy = (oracles.directional(f, 1.0 + 1.0j, v) for v in (1.0, 1.0j))
    np.testing.assert_allclose(pb.grad(f)(1.0 + 1.0j), dx - 1j * dy, rtol=1e-9)
