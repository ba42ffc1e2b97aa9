"""checkpoint recomputes: fewer bytes kept, a lower peak, the same numbers; stop_gradient cuts."""

import math
import tracemalloc

import numpy as np
import pytest

import pullback as pb
from tests import oracles

X = np.linspace(0.1, 0.9, 100)


def deep(x):
    for _ in range(8):
        x = np.sin(x)
    return x


def kept(f, *args):
    return sum(r.nbytes for r in pb.vjp(f, *args)[1].residuals)


def test_only_the_inputs_are_kept():
    assert kept(deep, X) == 8 * X.nbytes
    assert kept(pb.checkpoint(deep), X) == X.nbytes


def test_what_it_closes_over_is_an_input():
    w = np.full(100, 0.9)
    f = lambda w: np.sum(pb.checkpoint(lambda x: deep(x * w))(X))  # noqa: E731
    assert kept(f, w) == 2 * X.nbytes
    np.testing.assert_allclose(pb.grad(f)(w), pb.grad(lambda w: np.sum(deep(X * w)))(w), rtol=1e-14)
    v = np.cos(X)
    np.testing.assert_allclose(pb.grad(f)(w) @ v, oracles.complex_step(lambda w: np.sum(deep(X * w)), w, v), rtol=1e-12)


def peak(run):
    tracemalloc.start()
    run()
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


@pytest.mark.parametrize("closed_over", [False, True])
def test_the_measured_peak_falls(closed_over):
    n, blocks, depth = 20_000, 8, 8
    x = np.linspace(0.1, 0.9, n)

    def block(y):
        for _ in range(depth):
            y = np.sin(y) * 1.1
        return y

    def partial_of(block, y):
        return lambda: block(y)

    def chain(wrap):
        def f(x):
            y = x
            for _ in range(blocks):
                y = wrap(partial_of(block, y))() if closed_over else wrap(block)(y)
            return np.sum(y)

        return lambda: pb.grad(f)(x)

    plain, less = chain(lambda f: f), chain(pb.checkpoint)
    np.testing.assert_allclose(less(), plain(), rtol=1e-13)
    assert peak(less) < peak(plain) / 2


ORDERS = {
    "grad": lambda f: pb.grad(f),
    "jvp": lambda f: lambda x: pb.jvp(f, (x,), (1.0,))[1],
    "jit of grad": lambda f: pb.jit(pb.grad(f)),
    "grad of jit": lambda f: pb.grad(pb.jit(f)),
    "vmap of grad": lambda f: lambda x: pb.vmap(pb.grad(f))(np.array([x, x]))[0],
    "jacfwd": pb.jacfwd,
    "in a scan": lambda f: pb.grad(lambda x: pb.scan(lambda c, _: (f(c), None), x, length=1)[0]),
}


@pytest.mark.parametrize("mode", ORDERS)
def test_every_mode_goes_through_checkpoint(mode):
    f = lambda x: np.sin(x) * np.exp(x)  # noqa: E731
    want = oracles.complex_step(f, 0.7, 1.0)
    np.testing.assert_allclose(ORDERS[mode](pb.checkpoint(f))(0.7), want, rtol=1e-14)


def test_derivatives_of_derivatives_of_a_checkpoint():
    f = pb.checkpoint(lambda x: np.sin(x) * x)
    second = 2 * np.cos(0.7) - 0.7 * np.sin(0.7)
    for d2 in (pb.grad(pb.grad(f)), pb.hessian(f), pb.jacrev(pb.jacfwd(f)), pb.grad(pb.checkpoint(pb.grad(f)))):
        np.testing.assert_allclose(d2(0.7), second, rtol=1e-14)
    third = -3 * np.sin(0.7) - 0.7 * np.cos(0.7)
    np.testing.assert_allclose(pb.grad(pb.grad(pb.grad(f)))(0.7), third, rtol=1e-13)


def test_checkpoints_nest():
    f = pb.checkpoint(lambda x: pb.checkpoint(np.sin)(pb.checkpoint(np.exp)(x)) * x)
    np.testing.assert_allclose(
        pb.grad(f)(0.4), oracles.complex_step(lambda x: np.sin(np.exp(x)) * x, 0.4, 1.0), rtol=1e-14
    )


def test_python_control_flow_works_inside():
    f = pb.checkpoint(lambda x: np.sin(x) if x > 0 else x**2)
    assert pb.grad(f)(0.5) == np.cos(0.5)
    assert pb.grad(f)(-0.5) == -1.0


def test_a_checkpointed_function_takes_trees_and_static_values():
    f = pb.checkpoint(lambda p, n, how="up": {"y": p["x"] ** n if how == "up" else p["x"]})
    assert f({"x": 3.0}, 2)["y"] == 9.0
    assert pb.grad(lambda x: f({"x": x}, 3, how="up")["y"])(2.0) == 12.0


def test_a_checkpoint_in_a_scan_tapes_only_the_carry():
    def body(c, _):
        return deep(c), None

    def run(body):
        return lambda x: pb.scan(body, x, length=10)[0]

    assert kept(run(pb.checkpoint(body)), X) < 12 * X.nbytes
    assert kept(run(body), X) >= 80 * X.nbytes


def test_the_value_is_computed_once_on_the_way_forward():
    calls = []

    def f(x):
        calls.append(1)
        return np.sin(x)

    pb.grad(pb.checkpoint(f))(0.5)
    assert len(calls) == 1


# stop_gradient --------------------------------------------------------------------------------


def test_nothing_flows_through_stop_gradient():
    f = lambda x: x * pb.stop_gradient(x) ** 2  # noqa: E731
    for mode in ORDERS.values():
        np.testing.assert_allclose(mode(f)(3.0), 9.0)
    assert pb.grad(pb.grad(lambda x: pb.stop_gradient(x) * x**2))(3.0) == 6.0


def test_stop_gradient_gives_plain_values_eagerly():
    def f(x):
        y = pb.stop_gradient(x)
        assert isinstance(y, np.float64)
        return x * math.sin(y)

    assert pb.grad(f)(0.5) == math.sin(0.5)


def test_stop_gradient_takes_trees_and_copies():
    x = np.ones(3)
    out = pb.stop_gradient({"a": x, "b": ("text", None)})
    out["a"][:] = 5.0
    assert out["b"] == ("text", None)
    np.testing.assert_array_equal(x, 1.0)


def test_stop_gradient_stops_the_derivatives_of_all_levels():
    f = lambda x: pb.grad(lambda y: pb.stop_gradient(y) * y)(x)  # noqa: E731
    assert f(3.0) == 3.0
    assert pb.grad(f)(3.0) == 0.0
