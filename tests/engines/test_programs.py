"""Random Programs with control flow in control flow, and their derivatives: native code against the evaluator."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback.transforms.jvp import jvp_program
from pullback.transforms.linearize import linearize_program
from pullback.transforms.transpose import transpose
from pullback.transforms.vmap import batch_program
from tests.engines.native import Compiled, Unsupported, evaluated
from tests.engines.nested import inputs_of, nested
from tests.transforms.programs import random_function, random_inputs, random_linear
from tests.transforms.test_random_programs import programs

few = settings(max_examples=5)
SLOW = [pytest.param(how, marks=pytest.mark.slow) for how in ("jvp", "vmap", "hessian", "vmap of grad")]


def total(f):
    return lambda *xs: sum(np.sum(np.sin(y)) for y in f(*xs))


def lanes(xs):
    return [np.stack([x, 0.5 * x, -x]) for x in xs]


def vmap_of_grad(f, *xs):
    return pb.vmap(pb.grad(total(f), argnums=tuple(range(len(xs)))))(*lanes(xs))


TRANSFORMED = {
    "itself": lambda f: f,
    "grad": lambda f: lambda *xs: pb.grad(total(f), argnums=tuple(range(len(xs))))(*xs),
    "jvp": lambda f: lambda *xs: pb.jvp(f, xs, tuple(np.cos(x) for x in xs)),
    "vmap": lambda f: lambda *xs: pb.vmap(f)(*lanes(xs)),
    "hessian": lambda f: lambda *xs: pb.hessian(lambda x: total(f)(xs[0], x, *xs[2:]))(xs[1]),
    "vmap of grad": lambda f: lambda *xs: vmap_of_grad(f, *xs),
}


def compare(program, operands, rtol=1e-9):
    """Native = evaluator, twice; what the engine leaves alone is left alone."""
    expected = evaluated(program, operands)
    try:
        run = Compiled(program)
    except Unsupported as reason:
        if "tape" in str(reason):  # of tapes, and out of branches: those are native
            raise
        return False
    for _ in range(2):
        with np.errstate(all="ignore"):
            actual = run(*operands)
        for a, b, t in zip(actual, expected, program.out_types, strict=True):
            assert np.asarray(a).dtype == t.dtype
            scale = np.max(np.abs(b), initial=1e-3, where=np.isfinite(b)) if b.dtype.kind in "fc" else 0.0
            np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * scale)
    return True


@pytest.mark.parametrize("how", ["itself", "grad", *SLOW])
@few
@given(seed=st.integers(0, 10_000))
def test_nested_control_flow(how, seed):
    xs = inputs_of(seed)
    compare(pb.trace(TRANSFORMED[how](nested(seed, steps=3, depth=2)))(*xs), xs)


@pytest.mark.slow
@pytest.mark.parametrize("how", TRANSFORMED)
@pytest.mark.parametrize("seed", range(5))
def test_control_flow_nested_deeper(how, seed):
    xs = inputs_of(seed)
    compare(pb.trace(TRANSFORMED[how](nested(seed)))(*xs), xs)


@pytest.mark.parametrize("how", ["itself", "grad", "vmap"])
@few
@given(seed=st.integers(0, 10_000))
def test_random_functions(how, seed):
    xs = random_inputs(seed)
    assert compare(pb.trace(TRANSFORMED[how](random_function(seed)))(*xs), xs)


@few
@given(seed=st.integers(0, 10_000))
def test_random_linear_functions_and_their_transposes(seed):
    xs, f = random_inputs(seed), random_linear(seed)
    assert compare(pb.trace(f)(*xs), xs)
    us = tuple(np.cos(np.asarray(y)) for y in f(*xs))
    assert compare(pb.trace(lambda *xs: pb.vjp(f, *xs)[1](us))(*xs), xs)


def tolerance(program):
    single = any(x.type.dtype in (np.float32, np.complex64) for eq in program.equations for x in eq.results)
    return 2e-4 if single or any(t.dtype == np.float32 for t in program.in_types) else 1e-9


@settings(max_examples=20)
@given(programs(), st.integers(1, 7))
def test_random_programs_of_all_dtypes_and_what_passes_make_of_them(case, bits):
    program, operands, rng = case
    rtol = tolerance(program)
    assert compare(program, operands, rtol)
    moving = tuple(bool(bits >> i & 1) for i in range(len(operands)))
    tangents = [
        np.asarray(rng.normal(size=t.shape)).astype(t.dtype) for t, m in zip(program.in_types, moving, strict=True) if m
    ]
    assert compare(jvp_program(program, moving)[0], [*operands, *tangents], rtol)
    forward, linear, n, _, _ = linearize_program(program, moving)
    assert compare(forward, operands, rtol)
    residuals = evaluated(forward, operands)[len(program.outputs) :]
    pulled = transpose(linear, n).program
    cotangents = [np.asarray(rng.normal(size=t.shape)).astype(t.dtype) for t in linear.out_types]
    assert compare(pulled, [*residuals, *cotangents], rtol)
    whole, _ = batch_program(program, 3, moving, (True,) * len(program.outputs))
    stacked = [np.stack([x, x, x]) if m else x for x, m in zip(operands, moving, strict=True)]
    assert compare(whole, stacked, rtol)


# Programs of odd shapes -------------------------------------------------------------------------

V, M = np.linspace(-1.0, 1.0, 50), np.linspace(-1.0, 1.0, 12).reshape(3, 4)
C = V + 0.5j


def chain(n, turn):
    def f(x):
        for k in range(n):
            x = turn(x, k)
        return x

    return f


def in_reverse(turn):
    return pb.grad(lambda x: np.sum(chain(20, turn)(x)))


ODD = {
    "a long chain": (chain(600, lambda x, k: x * 0.999 + 0.001), V),
    "transposes": (chain(100, lambda x, k: (x * 0.999).T + 0.001), M),
    "reshapes": (chain(100, lambda x, k: np.reshape(x * 0.999, (4, 3) if k % 2 == 0 else (3, 4))), M),
    "small sums": (chain(100, lambda x, k: x - 0.01 * np.sum(x)), np.ones(5)),
    "large sums": (chain(60, lambda x, k: x - 0.001 * np.sum(x)), V),
    "broadcasts": (chain(40, lambda x, k: 0.5 * (x[:, None] + x[None, :]).mean(0)), np.ones(4)),
    "flips": (chain(199, lambda x, k: np.flip(x) * 0.99 + 0.1), V),
    "rolls": (chain(100, lambda x, k: np.roll(x, 1) * 0.99 + 0.1), V),
    "concatenations": (chain(60, lambda x, k: np.concatenate([x[1:], x[:1]]) * 0.99), V),
    "rolls in reverse": (in_reverse(lambda x, k: np.sin(np.roll(x, 1)) * x), V),
    "products": (chain(8, lambda x, k: np.tanh(x @ np.ones((4, 4)) * 0.1)), M),
    "many outputs": (lambda x: tuple(x * k for k in range(70)), V),
    "many operands": (lambda x: (np.concatenate([x * k for k in range(70)]), np.stack([x[:3]] * 80)), V),
    "no equation": (lambda x: (x, x, 3.0, 2j, True), V),
    "other dtypes": (
        lambda x: (x * 2, x.astype(np.float16), x.astype(np.uint8), x.astype(np.longdouble)),
        np.arange(9),
    ),
    "single complex": (lambda x: (np.sum(x * x), np.abs(x), x[3]), C.astype(np.complex64)),
    "a loop of complex": (lambda x: pb.fori_loop(0, 4, lambda i, c: c * c + 0.1j, x), C),
    "a scan of complex": (lambda x: pb.scan(lambda c, a: (c + a, c * a), 0j, x), C),
    "a branch of complex": (lambda x: pb.cond(np.real(x[0]) > 0, np.conj, lambda x: x * 1j, x), C),
    "grad of complex": (pb.grad(lambda x: np.sum(np.abs(np.sin(x)))), C),
    "a loop of half floats": (lambda x: pb.fori_loop(0, 3, lambda i, c: c * 2, x), V.astype(np.float16)),
    "nothing": (lambda x: (x.sum(), x.prod(), x @ x, np.concatenate([x, x]), x[::-1], np.sort(x)), V[:0]),
    "products of nothing": (lambda x: (x @ x.T, x.T @ x, np.sum(x, axis=0)), np.zeros((3, 0))),
    "loops over nothing": (lambda x: pb.scan(lambda c, a: (c + a.sum(), a * 2), 0.0, x), np.zeros((3, 0))),
    "constants": (lambda x: (x + np.arange(100.0)[::2], x * np.arange(50.0).astype(">f8"), x - np.arange(50)), V),
    "constants of columns": (lambda x: (x @ np.asfortranarray(np.ones((4, 3))), np.sort(np.asfortranarray(M)) + x), M),
    "third derivatives": (pb.grad(pb.grad(pb.grad(lambda x: pb.fori_loop(0, 4, lambda i, c: np.sin(c) * x, x)))), 0.7),
    "gathers in reverse": (pb.grad(lambda x: np.sum(np.sin(x[np.array([0, 3, 3, 9, -1])]) ** 2)), V),
    "lanes that loop": (
        pb.vmap(pb.grad(lambda x: pb.while_loop(lambda y: y < 3, lambda y: y * 1.5 + x * x + 0.3, x))),
        V,
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_programs_of_odd_shapes(name):
    f, x = ODD[name]
    compare(pb.trace(f)(x), [x], 1e-3 if "half" in name else 1e-6 if "single" in name else 1e-9)
