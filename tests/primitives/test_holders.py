"""Primitives that hold Programs: every rule against plain Python that does the same."""

import numpy as np
import pytest

import pullback as pb
from pullback.core.check import check
from pullback.core.program import intern
from pullback.primitives.call import call
from pullback.primitives.checkpoint import checkpoint
from pullback.primitives.cond import cond
from pullback.primitives.custom import custom, custom_linear
from pullback.primitives.loop import loop
from tests import oracles


def closed(f, *args):
    """Return the closed Program of a function of arrays."""
    traced = pb.trace(f)(*args)
    assert not traced.constants
    return intern(traced)


X, Y = np.array([0.3, -1.2, 0.7]), np.array([1.5, 0.2, -0.4])


def two(x, y):
    return np.sin(x) * y, x + y * y


def body(t, w, c, x):
    return np.sin(w * c) + x, c * x


def run_loop(w, c, xs, order=(0, 1, 2)):
    ys = [None] * 3
    for t in order:
        c, ys[t] = np.sin(w * c) + xs[t], c * xs[t]
    return c, np.array(ys)


ONE = np.float64(0.4)
LOOP = {
    "body": closed(body, np.int64(0), ONE, ONE, ONE),
    "predicate": None,
    "length": 3,
    "n_consts": 1,
    "n_carry": 1,
    "reverse": False,
}
BRANCHES = (closed(lambda x: np.sin(x), X), closed(lambda x: x * x * x, X))

CASES = [
    pytest.param(lambda x, y: call(x, y, program=closed(two, X, Y), label="two"), two, (X, Y), id="call"),
    pytest.param(lambda x, y: checkpoint(x, y, program=closed(two, X, Y)), two, (X, Y), id="checkpoint"),
    pytest.param(lambda x: cond(np.int64(0), x, branches=BRANCHES), lambda x: (np.sin(x),), (X,), id="first branch"),
    pytest.param(lambda x: cond(np.int64(7), x, branches=BRANCHES), lambda x: (x * x * x,), (X,), id="nearest branch"),
    pytest.param(lambda w, c, xs: loop(w, c, xs, **LOOP), run_loop, (ONE, ONE, X), id="loop"),
    pytest.param(
        lambda w, c, xs: loop(w, c, xs, **{**LOOP, "reverse": True}),
        lambda w, c, xs: run_loop(w, c, xs, (2, 1, 0)),
        (ONE, ONE, X),
        id="reverse loop",
    ),
]


@pytest.mark.parametrize(("f", "plain", "args"), CASES)
def test_evaluate_does_what_python_does(f, plain, args):
    for a, b in zip(f(*args), plain(*args), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-15)


@pytest.mark.parametrize(("f", "plain", "args"), CASES)
def test_push_agrees_with_the_complex_step(f, plain, args, rng):
    vs = [rng.normal(size=np.shape(x)) for x in args]
    _, pushed = pb.jvp(f, args, tuple(np.float64(v) if np.ndim(v) == 0 else v for v in vs))
    h = 1e-30
    expected = plain(*[x + 1j * h * v for x, v in zip(args, vs, strict=True)])
    for a, b in zip(pushed, expected, strict=True):
        np.testing.assert_allclose(a, np.imag(b) / h, rtol=1e-13)


@pytest.mark.parametrize(("f", "plain", "args"), CASES)
def test_the_linear_part_and_its_transpose_are_one_map(f, plain, args, rng):
    value, f_jvp = pb.linearize(f, *args)
    pullback = pb.vjp(f, *args)[1]
    vs = tuple(rng.normal(size=np.shape(x))[()] for x in args)
    us = tuple(rng.normal(size=np.shape(y))[()] for y in value)
    left = sum(np.vdot(u, v) for u, v in zip(us, f_jvp(*vs), strict=True))
    right = sum(np.vdot(u, v) for u, v in zip(pullback(us), vs, strict=True))
    assert abs(left - right) <= 1e-12 * max(abs(left), 1.0)


@pytest.mark.parametrize(("f", "plain", "args"), CASES)
def test_batch_does_lane_by_lane_what_one_lane_does(f, plain, args, rng):
    for flags in np.ndindex(*(2,) * len(args)):
        if not any(flags):
            continue
        lanes = [np.stack([x, 2.0 * x]) if b else x for x, b in zip(args, flags, strict=True)]
        got = pb.vmap(f, in_axes=tuple(0 if b else None for b in flags))(*lanes)
        for k in range(2):
            one = plain(*[x[k] if b else x for x, b in zip(lanes, flags, strict=True)])
            for a, b in zip(got, one, strict=True):
                np.testing.assert_allclose(a[k], b, rtol=1e-14)


@pytest.mark.parametrize(("f", "plain", "args"), CASES)
def test_every_derived_program_keeps_the_invariants(f, plain, args):
    def total(*xs):
        return sum(np.sum(y) for y in f(*xs))

    argnums = tuple(range(len(args)))
    check(pb.trace(pb.grad(total, argnums=argnums))(*args))
    check(pb.trace(pb.hessian(total, argnums=argnums))(*args))


def test_a_custom_rule_is_used_in_every_mode():
    @pb.custom_vjp
    def f(x):
        return np.sin(x)

    f.defvjp(lambda x: (np.sin(x), x), lambda x, u: (3.0 * u * np.cos(x),))
    assert {custom.name, custom_linear.name} == {"custom", "custom_linear"}
    expected = 3.0 * np.imag(np.sin(0.5 + 1e-30j)) / 1e-30
    for derivative in (
        pb.grad(f)(0.5),
        pb.jit(pb.grad(f))(0.5),
        pb.jvp(f, (0.5,), (1.0,))[1],
        pb.jit(pb.jacfwd(f))(0.5),
        pb.vmap(pb.grad(f))(np.array([0.5]))[0],
    ):
        np.testing.assert_allclose(derivative, expected, rtol=1e-15)


def test_a_loop_of_unknown_length_tapes_as_many_turns_as_it_runs():
    def f(x):
        return pb.while_loop(lambda y: y < 100.0, lambda y: y * y + 1.0, x)

    def plain(x):
        while x.real < 100.0:
            x = x * x + 1.0
        return x

    for x in (1.5, 3.0, 50.0, 200.0):
        expected = oracles.complex_step(plain, np.array(x), np.array(1.0))
        np.testing.assert_allclose(pb.grad(f)(x), expected, rtol=1e-14)
