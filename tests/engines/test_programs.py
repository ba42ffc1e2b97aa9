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

few = settings(max_examples=8)


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
    except Unsupported:
        return False
    for _ in range(2):
        with np.errstate(all="ignore"):
            actual = run(*operands)
        for a, b, t in zip(actual, expected, program.out_types, strict=True):
            assert np.asarray(a).dtype == t.dtype
            scale = np.max(np.abs(b), initial=1e-3, where=np.isfinite(b)) if b.dtype.kind in "fc" else 0.0
            np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * scale)
    return True


@pytest.mark.parametrize("how", TRANSFORMED)
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


@settings(max_examples=30)
@given(programs(), st.integers(1, 7))
def test_random_programs_of_all_dtypes_and_what_passes_make_of_them(case, bits):
    program, operands, rng = case
    rtol = tolerance(program)
    assert compare(program, operands, rtol)
    moving = tuple(bool(bits >> i & 1) for i in range(len(operands)))
    tangents = [
        np.asarray(rng.normal(size=t.shape)).astype(t.dtype)
        for t, m in zip(program.in_types, moving, strict=True)
        if m
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
