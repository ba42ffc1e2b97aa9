"""With the collector off, memory is flat: nothing that a derivative makes points back at itself."""

import gc
import weakref

import numpy as np
import pytest

import pullback as pb
from pullback.core.errors import LeakedTracer


def f(x):
    y = np.sin(x) * np.exp(-x)
    return np.sum(np.where(y > 0, y, y * y)) + y[0] * x[-1]


JITTED = pb.jit(f)


@pb.custom_vjp
def ruled(x):
    return np.sin(x)


ruled.defvjp(lambda x: (np.sin(x), x), lambda x, u: (u * np.cos(x),))


class Sine(pb.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return np.sin(x)

    @staticmethod
    def backward(ctx, u):
        (x,) = ctx.saved_tensors
        return u * np.cos(x)


X = np.linspace(0.1, 1.0, 5)
CASES = {
    "grad": (lambda: pb.grad(f)(X), 300),
    "grad of grad": (lambda: pb.grad(lambda x: np.sum(pb.grad(f)(x) ** 2))(X), 30),
    "vjp": (lambda: pb.vjp(f, X)[1](1.0), 300),
    "jvp": (lambda: pb.jvp(f, (X,), (X,)), 300),
    "jvp of grad": (lambda: pb.hvp(f, (X,), (X,)), 50),
    "jacobian": (lambda: pb.jacobian(lambda x: x * np.sin(x))(X), 50),
    "vmap": (lambda: pb.vmap(f)(np.stack([X, X])), 100),
    "jit": (lambda: JITTED(X), 300),
    "grad of jit": (lambda: pb.grad(JITTED)(X), 200),
    "scan": (lambda: pb.grad(lambda x: pb.scan(lambda c, a: (c * a, c), 1.0, x)[0])(X), 50),
    "while": (lambda: pb.grad(lambda x: pb.while_loop(lambda y: y < 3.0, lambda y: y * 1.5, x))(0.5), 50),
    "cond": (lambda: pb.grad(lambda x: pb.cond(x > 0, np.sin, np.cos, x))(0.5), 50),
    "checkpoint": (lambda: pb.grad(lambda x: np.sum(pb.checkpoint(np.sin)(x)))(X), 50),
    "custom": (lambda: pb.grad(lambda x: np.sum(ruled(x)))(X), 100),
    "Function": (lambda: pb.grad(lambda x: np.sum(Sine.apply(x)))(X), 100),
    "trace": (lambda: pb.trace(f)(X), 100),
}


@pytest.mark.parametrize("name", CASES)
def test_objects_are_flat_with_the_collector_off(name):
    run, times = CASES[name]
    for _ in range(3):
        run()
    gc.collect()
    gc.disable()
    try:
        run()
        before = len(gc.get_objects())
        for _ in range(times):
            run()
        grown = len(gc.get_objects()) - before
    finally:
        gc.enable()
    assert grown < times, f"{grown} objects left of {times} calls"


def test_a_thousand_gradients_leave_nothing():
    pb.grad(f)(X)
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        for _ in range(1000):
            pb.grad(f)(X)
        grown = len(gc.get_objects()) - before
    finally:
        gc.enable()
    assert grown < 50


def test_residuals_die_with_the_pullback():
    class Big(np.ndarray):
        pass

    kept = []

    def g(x):
        y = np.exp(x)
        kept.append(weakref.ref(pb.stop_gradient(y)))
        return np.sum(y)

    _, pullback = pb.vjp(g, np.ones(4))
    residual = pullback._at.tape.steps[0][2][0]
    alive = weakref.ref(residual)
    del residual
    assert alive() is not None
    del pullback
    assert alive() is None


def test_a_tracer_kept_in_a_list_has_leaked():
    kept = []

    def g(x):
        kept.append(x * 2.0)
        return x * x

    for run in (
        lambda: pb.grad(g)(1.0),
        lambda: pb.jvp(g, (1.0,), (1.0,)),
        lambda: pb.jit(g)(1.0),
        lambda: pb.vmap(g)(X),
    ):
        kept.clear()
        run()
        with pytest.raises(LeakedTracer, match=r"after its trace had ended; it was made at test_memory\.py"):
            kept[0] + 1.0


def test_a_tracer_leaked_from_a_loop_body_is_found():
    kept = []

    def turn(i, y):
        kept.append(y)
        return np.sin(y)

    pb.fori_loop(0, 3, turn, 1.0)
    with pytest.raises(LeakedTracer):
        kept[0] * 2.0


def test_an_error_in_the_users_function_leaves_no_trace_open():
    def broken(x):
        raise ZeroDivisionError

    for run in (
        pb.grad(broken),
        pb.jit(broken),
        pb.vmap(broken),
        lambda x: pb.jvp(broken, (x,), (x,)),
        pb.trace(broken),
    ):
        with pytest.raises(ZeroDivisionError):
            run(X)
    assert pb.grad(lambda x: x * x)(2.0) == 4.0
    with pytest.raises(ZeroDivisionError):
        pb.grad(lambda x: pb.fori_loop(0, 2, lambda i, y: broken(y), x))(1.0)
    assert pb.grad(lambda x: x if x > 0 else -x)(2.0) == 1.0
