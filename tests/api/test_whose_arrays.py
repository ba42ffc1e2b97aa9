"""Whose arrays a transformed function writes to: its own, never the caller's, and never those of another lane."""

import numpy as np
import pytest

import pullback as pb

X = np.array([1.0, 2.0, 3.0])


def scaled(x, y):
    y += 1.0
    y *= x
    return np.sum(y**2)


WAYS = {
    "grad": lambda x, y: pb.grad(scaled)(x, y),
    "grad by keyword": lambda x, y: pb.grad(scaled)(x, y=y),
    "value_and_grad": lambda x, y: pb.value_and_grad(scaled)(x, y)[1],
    "jacfwd": lambda x, y: pb.jacfwd(scaled)(x, y),
    "jacrev": lambda x, y: pb.jacrev(scaled)(x, y),
    "in a tree": lambda x, y: pb.grad(lambda x, t: scaled(x, t["a"][0]))(x, {"a": [y], "b": None}),
    "jit": lambda x, y: pb.jit(pb.grad(scaled))(x, y),
    "in a body": lambda x, y: pb.jit(lambda x: pb.checkpoint(lambda x: pb.grad(scaled)(x, y))(x))(x),
}


@pytest.mark.parametrize("way", WAYS)
def test_an_argument_that_is_not_differentiated_is_the_functions_own_too(way):
    y = np.array([0.5, 1.0, 1.5])
    expected = 2 * X * (y + 1) ** 2
    np.testing.assert_allclose(WAYS[way](X, y), expected)
    np.testing.assert_array_equal(y, [0.5, 1.0, 1.5])

    def outer(y):  # where it is a Tracer of an outer level
        g = WAYS[way](X, y)
        return np.sum(g * y)

    np.testing.assert_allclose(pb.grad(outer)(y), 2 * X * ((y + 1) ** 2 + 2 * y * (y + 1)))


def test_an_argument_that_all_lanes_share_is_each_lanes_own():
    def lane(x, y):
        y *= 2.0
        y += x
        return np.sum(y)

    y = np.array([0.5, 1.0, 1.5])
    expected = [np.sum(2 * y + x) for x in X]
    np.testing.assert_allclose(pb.vmap(lane, in_axes=(0, None))(X, y), expected)
    np.testing.assert_allclose(pb.vmap(lane, in_axes=(0, None), chunk_size=1)(X, y), expected)
    np.testing.assert_array_equal(y, [0.5, 1.0, 1.5])

    def outer(y):
        return np.sum(pb.vmap(lane, in_axes=(0, None))(X, y)) + np.sum(y)

    value, gradient = pb.value_and_grad(outer)(y)
    np.testing.assert_allclose(value, np.sum(expected) + np.sum(y))
    np.testing.assert_allclose(gradient, np.full(3, 7.0))


@pytest.mark.parametrize("transformed", [pb.grad, lambda f: pb.jit(pb.grad(f)), lambda f: pb.grad(pb.jit(f))])
def test_a_copy_of_what_lies_outside_of_a_body_is_the_bodys_own(transformed):
    copies = [lambda y: y.copy(), lambda y: np.copy(y), lambda y: np.array(y), lambda y: +y, lambda y: y.astype(float)]

    def f(x):
        y = np.sin(x)

        def body(u, copy):
            own = copy(y)
            own[0] = u[1] * 2
            own *= u
            return np.sum(own * y)

        return sum(pb.checkpoint(lambda u, c=c: body(u, c))(x) for c in copies)

    def derivative(x):
        s, c = np.sin(x), np.cos(x)
        rest = 2 * x * s * c + s * s
        rest[0] = 2 * x[1] * (s[0] + x[0] * c[0])
        rest[1] += 2 * x[0] * s[0]
        return len(copies) * rest

    np.testing.assert_allclose(transformed(f)(X), derivative(X))


def test_what_is_written_over_with_something_from_outside_stays_the_bodys_own():
    def f(x):
        y = np.sin(x)

        def turn(carry, e):
            np.copyto(carry, y)
            carry += e
            return carry, np.sum(carry**2)

        return np.sum(pb.scan(turn, np.zeros(3), x)[1])

    expected = sum(2 * np.sum(np.sin(X) + e) * np.eye(3)[i] + 2 * (np.sin(X) + e) * np.cos(X) for i, e in enumerate(X))
    np.testing.assert_allclose(pb.grad(f)(X), expected)
    np.testing.assert_allclose(pb.jit(pb.grad(f))(X), expected)


def test_require_copies_only_what_does_not_own_its_data():
    def f(x):
        y, z = x * 1.0, (x * 1.0)[:]
        np.require(y, requirements="O")[0] = 5.0
        np.require(z, requirements="O")[0] = 5.0
        return y + z

    np.testing.assert_allclose(pb.jit(f)(X), f(X))


def doubled(u):
    u *= 2.0
    return np.sum(u)


def doubled_with_its_rule():
    f = pb.custom_vjp(doubled)

    def forward(u):
        return doubled(u), u

    def backward(u, t):
        u *= 0.0
        t *= 2.0
        return (u + t,)

    f.defvjp(forward, backward)
    return f


class Doubled(pb.Function):
    @staticmethod
    def forward(ctx, u):
        u *= 2.0
        ctx.save_for_backward(u)
        return np.sum(u)

    @staticmethod
    def backward(ctx, t):
        (u,) = ctx.saved_tensors
        u *= 0.0
        return u + 2.0 * t


HOW = {
    "grad": pb.grad,
    "jit": lambda f: pb.jit(pb.grad(f)),
    "of jit": lambda f: pb.grad(pb.jit(f)),
    "vmap": lambda f: lambda x: pb.vmap(pb.grad(f))(x[None])[0],
    "checkpoint": lambda f: pb.grad(pb.checkpoint(f)),
}


@pytest.mark.parametrize("custom", [doubled_with_its_rule(), Doubled.apply])
@pytest.mark.parametrize("how", HOW)
def test_custom_functions_and_their_rules_write_to_their_own_arrays(custom, how):
    def on_an_argument(x):
        return np.sum(x**2) + custom(x) + np.sum(x**3)

    def on_a_result(x):
        y = x * 1.0
        return np.sum(y**2) + custom(y) + np.sum(y**3) + custom(y)

    np.testing.assert_allclose(HOW[how](on_an_argument)(X), 2 * X + 2 + 3 * X**2)
    np.testing.assert_allclose(HOW[how](on_a_result)(X), 2 * X + 4 + 3 * X**2)


def test_a_pullback_through_a_rule_that_writes_can_be_used_twice():
    _, pull = pb.vjp(doubled_with_its_rule(), X)
    u = np.array(1.0)
    for _ in range(2):
        np.testing.assert_array_equal(pull(u)[0], [2.0, 2.0, 2.0])
    assert u == 1.0


@pytest.mark.parametrize("run", [lambda f: f, pb.jit, lambda f: lambda x: pb.vmap(f)(x[None])[0]])
def test_a_callback_writes_to_its_own_arrays_and_may_use_a_buffer_again(run):
    buffer = np.empty(3)

    def halved(v):
        v /= 2.0
        buffer[:] = v
        return buffer

    def f(x):
        y = x + 1.0
        a, b = pb.pure_callback(halved, x, x), pb.pure_callback(halved, x, y)
        return a + 10.0 * b + 100.0 * x + 1000.0 * y

    x = X.copy()
    np.testing.assert_allclose(run(f)(x), X / 2 + 5 * (X + 1) + 100 * X + 1000 * (X + 1))
    np.testing.assert_array_equal(x, X)
