"""Every transformation of every transformation, against one oracle: complex step and differences."""

import itertools

import numpy as np
import pytest

import pullback as pb
from tests import oracles


def f(x):
    """A function of one number, smooth and never trivial: its derivatives are known by mpmath."""
    return np.sin(x) * np.exp(0.3 * x) + x**3


# Derivatives of f, by sympy-free hand: checked against differences in the first test.
def derivative(n, x):
    wave = [(1.0, 0.0)]  # a sin + b cos, times exp(0.3 x)
    for _ in range(n):
        a, b = wave[-1]
        wave.append((0.3 * a - b, 0.3 * b + a))
    a, b = wave[n]
    power = [x**3, 3 * x**2, 6 * x, 6.0][n] if n < 4 else 0.0
    return (a * np.sin(x) + b * np.cos(x)) * np.exp(0.3 * x) + power


X = 0.8

# name: (order added, transformation of a scalar function of a scalar)
TRANSFORMS = {
    "grad": (1, pb.grad),
    "value_and_grad": (1, lambda f: lambda x: pb.value_and_grad(f)(x)[1]),
    "jvp": (1, lambda f: lambda x: pb.jvp(f, (x,), (np.float64(1.0),))[1]),
    "vjp": (1, lambda f: lambda x: pb.vjp(f, x)[1](np.float64(1.0))[0]),
    "linearize": (1, lambda f: lambda x: pb.linearize(f, x)[1](np.float64(1.0))),
    "jacfwd": (1, pb.jacfwd),
    "jacrev": (1, pb.jacrev),
    "hessian": (2, pb.hessian),
    "hvp": (2, lambda f: lambda x: pb.hvp(f, (x,), (np.float64(1.0),))),
    "jit": (0, pb.jit),
    "vmap": (0, lambda f: lambda x: pb.vmap(f)(np.stack([x, 2.0 * x]))[0]),
    "vmap chunked": (0, lambda f: lambda x: pb.vmap(f, chunk_size=1)(np.stack([2.0 * x, x]))[1]),
    "checkpoint": (0, pb.checkpoint),
    "cond": (0, lambda f: lambda x: pb.cond(x > 0.0, f, lambda x: -x, x)),
    "switch": (0, lambda f: lambda x: pb.switch(1, [lambda x: -x, f, lambda x: x], x)),
    "scan": (0, lambda f: lambda x: pb.scan(lambda c, a: (c, f(a)), 0.0, np.stack([x, x]))[1][1]),
    "fori_loop": (0, lambda f: lambda x: pb.fori_loop(0, 1, lambda i, y: f(y), x)),
    "while_loop": (0, lambda f: lambda x: pb.while_loop(lambda s: s[0] < 1, lambda s: (s[0] + 1, f(s[1])), (0, x))[1]),
    "map": (0, lambda f: lambda x: pb.map(f, np.stack([x, x]))[0]),
    "linear_transpose": (
        0,
        lambda f: lambda x: pb.linear_transpose(lambda u: u * f(x), np.float64(0.0))(np.float64(1.0))[0],
    ),
    "trace": (0, lambda f: lambda x: pb.trace(f)(np.float64(0.1))(x)),
}


def test_the_oracle_is_right():
    for n in range(6):
        got = oracles.complex_step(lambda x, n=n: derivative(n, x), X, 1.0)
        np.testing.assert_allclose(derivative(n + 1, X), got, rtol=1e-12)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_each_transformation(name):
    order, t = TRANSFORMS[name]
    np.testing.assert_allclose(t(f)(X), derivative(order, X), rtol=1e-12)


@pytest.mark.parametrize("outer", TRANSFORMS)
@pytest.mark.parametrize("inner", TRANSFORMS)
def test_each_pair(outer, inner):
    (a, s), (b, t) = TRANSFORMS[outer], TRANSFORMS[inner]
    got = s(t(f))(X)
    assert np.shape(got) == ()
    np.testing.assert_allclose(got, derivative(a + b, X), rtol=1e-10)


CORE = ["grad", "jvp", "jacrev", "jit", "vmap", "checkpoint", "cond", "scan", "while_loop"]


@pytest.mark.parametrize("outer", CORE)
@pytest.mark.parametrize("middle", CORE)
def test_triples(outer, middle):
    for inner in CORE:
        (a, s), (b, t), (c, r) = (TRANSFORMS[k] for k in (outer, middle, inner))
        got = s(t(r(f)))(X)
        np.testing.assert_allclose(got, derivative(a + b + c, X), rtol=1e-9, err_msg=f"{outer} {middle} {inner}")


@pytest.mark.slow
@pytest.mark.parametrize("names", list(itertools.product(["grad", "jvp", "jit", "vmap", "while_loop"], repeat=4))[::3])
def test_quadruples(names):
    g, order = f, 0
    for name in reversed(names):
        n, t = TRANSFORMS[name]
        g, order = t(g), order + n
    np.testing.assert_allclose(g(X), derivative(order, X), rtol=1e-8)


# Perturbation confusion -------------------------------------------------------------------------

DIFF = {
    "grad": pb.grad,
    "jvp": lambda f: lambda x: pb.jvp(f, (x,), (1.0,))[1],
    "jacfwd": pb.jacfwd,
    "jit of grad": lambda f: pb.jit(pb.grad(f)),
}


@pytest.mark.parametrize("outer", DIFF)
@pytest.mark.parametrize("inner", DIFF)
def test_perturbations_are_not_confused(outer, inner):
    d, e = DIFF[outer], DIFF[inner]
    assert d(lambda x: x * e(lambda y: x + y)(1.0))(1.0) == 1.0
    assert d(lambda x: x * e(lambda y: x * y)(2.0))(3.0) == 6.0
    assert d(lambda x: e(lambda y: x * x * y)(2.0))(3.0) == 6.0
    assert d(lambda x: e(lambda y: x)(x))(3.0) == 0.0
    assert d(lambda x: e(lambda y: y * x)(x) * x)(3.0) == 6.0
    # d/dz (x y z²) at y is 2 x y²; its d/dy at x is 4 x²; and d/dx of that is 8 x.
    assert d(lambda x: e(lambda y: d(lambda z: x * y * z * z)(y))(x))(2.0) == 16.0


def test_a_function_that_returns_a_function():
    """The amazing bug of Manzyuk, Pearlmutter et al. (2019): D of a curried shift."""

    def shift(offset):
        return lambda f: lambda x: f(x + offset)

    d_shift = lambda g: lambda y: pb.jvp(lambda o: shift(o)(g)(y), (0.0,), (1.0,))[1]  # noqa: E731
    np.testing.assert_allclose(d_shift(d_shift(np.exp))(1.0), np.exp(1.0), rtol=1e-14)


# Python's own control flow ----------------------------------------------------------------------

EAGER = {
    "grad": pb.grad,
    "jvp": DIFF["jvp"],
    "jacfwd": pb.jacfwd,
    "jacrev": pb.jacrev,
    "linearize": lambda f: lambda x: pb.linearize(f, x)[1](1.0),
    "vjp": lambda f: lambda x: pb.vjp(f, x)[1](1.0)[0],
    "checkpoint": lambda f: pb.grad(pb.checkpoint(f)),
}


def branching(x):
    if x > 1.0:
        return x * x
    return 3.0 * x if -1.0 < x <= 1.0 else -x


def looping(x):
    n = 0
    while x < 100.0:
        x, n = x * x, n + 1
    return x * n


def recursive(x, depth=0):
    return x if abs(x) > 50.0 or depth > 8 else recursive(x * x + 1.0, depth + 1)


def generating(x):
    def powers():
        y = x
        while True:
            yield y
            y = y * x

    return sum(itertools.islice(powers(), 4))


def trying(x):
    try:
        if x < 2.0:
            raise ValueError
        return x * 5.0
    except ValueError:
        return x * x


def comparing(x):
    return sorted([x * 2.0, x * x, x + 1.0], key=float_of)[1]


def float_of(x):
    return pb.stop_gradient(x)


def unpacking(x):
    a, *rest = np.stack([x, x * x, x**3])
    assert len(rest) == 2
    return a * rest[0] + rest[1]


def matching(x):
    match (bool(x > 1.0), bool(x < 5.0)):
        case (True, True):
            return x**2
        case _:
            return x


@pytest.mark.parametrize("mode", EAGER)
@pytest.mark.parametrize(
    "g", [branching, looping, recursive, generating, trying, comparing, unpacking, matching], ids=lambda g: g.__name__
)
def test_pythons_own_control_flow(mode, g):
    for x in (1.7, 4.0) if g is looping else (0.3, 1.7, 4.0):
        want = oracles.directional(lambda x: g(float(x)), x, 1.0)
        np.testing.assert_allclose(EAGER[mode](g)(x), want, rtol=1e-8)


def test_value_dependent_control_flow_at_higher_orders():
    assert pb.grad(pb.grad(branching))(2.0) == 2.0
    assert pb.grad(pb.grad(branching))(0.5) == 0.0
    assert pb.hessian(branching)(2.0) == 2.0
    assert pb.jvp(pb.grad(branching), (2.0,), (1.0,))[1] == 2.0
    assert pb.grad(lambda x: pb.jacfwd(branching)(x) if x > 1.0 else x)(2.0) == 2.0


def test_formatting_and_printing_show_values(capsys):
    def g(x):
        print(x, f"{x:.2f}", str(x))  # noqa: T201
        return x * 2.0

    pb.grad(g)(1.5)
    assert "1.5 1.50 1.5" in capsys.readouterr().out
    assert pb.grad(lambda x: x * len(f"{x:.1f}"))(1.5) == 3.0


def test_int_and_range_of_integer_tracers():
    def g(x):
        n = np.argmax(x)
        total = 0.0
        for i in range(n + 1):
            total = total + x[i]
        return total * int(n)

    np.testing.assert_array_equal(pb.grad(g)(np.array([1.0, 2.0, 5.0, 3.0])), [2.0, 2.0, 2.0, 0.0])


def test_dictionaries_and_classes_hold_tracers():
    class Body:
        def __init__(self, x):
            self.x = x
            self.v = {"speed": x * 2.0}

    def g(x):
        b = Body(x)
        b.v["speed"] = b.v["speed"] * b.x
        return b.v["speed"]

    assert pb.grad(g)(3.0) == 12.0
