"""linearize, jvp and batch of random Programs: checked Programs, right values, forward = reverse transposed."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback.core.check import check
from pullback.core.program import Program
from pullback.core.replay import replay
from pullback.transforms.jvp import jvp_program
from pullback.transforms.linearize import linearize_program
from pullback.transforms.transpose import transpose
from pullback.transforms.vmap import batch_program
from tests import oracles
from tests.transforms.programs import random_function, random_inputs

SEEDS = st.integers(0, 10_000)


def closed(seed):
    program = pb.trace(random_function(seed))(*random_inputs(seed))
    inputs = (*(x for x, _ in program.constants), *program.inputs)
    return Program(inputs, program.equations, program.outputs), [c for _, c in program.constants]


def directions(seed, like):
    rng = np.random.default_rng(seed + 5)
    return tuple(np.asarray(rng.uniform(-1.0, 1.0, np.shape(x))) for x in like)


@given(seed=SEEDS)
def test_jvp_and_linearize_of_a_program_agree_with_differences(seed):
    f, inputs = random_function(seed), tuple(random_inputs(seed))
    program, constants = closed(seed)
    vs = directions(seed, inputs)
    coarse, fine = (oracles.directional(f, inputs, vs, h) for h in (2e-4, 1e-4))
    assume(all(np.allclose(a, b, rtol=1e-5, atol=1e-7) for a, b in zip(coarse, fine, strict=True)))  # no kink near
    moving = (False,) * len(constants) + (True,) * 3
    every = (True,) * 3
    pushed = jvp_program(program, moving, every)
    check(pushed.program)
    outs = replay(pushed.program, (*constants, *inputs, *vs))
    for y, want in zip(outs[:3], f(*inputs), strict=True):
        np.testing.assert_array_equal(y, want)
    for v, want in zip(outs[3:], fine, strict=True):
        np.testing.assert_allclose(v, want, rtol=1e-6, atol=1e-7)
    lin = linearize_program(program, moving, every)
    check(lin.forward)
    check(lin.linear)
    forward = replay(lin.forward, (*constants, *inputs))
    for y, want in zip(forward[:3], f(*inputs), strict=True):
        np.testing.assert_array_equal(y, want)
    for v, want in zip(replay(lin.linear, (*forward[3:], *vs)), outs[3:], strict=True):
        np.testing.assert_allclose(v, want, rtol=1e-12, atol=1e-13)


@given(seed=SEEDS)
def test_reverse_is_forward_transposed(seed):
    f, inputs = random_function(seed), tuple(random_inputs(seed))
    us = directions(seed + 1, f(*inputs))
    vs = directions(seed, inputs)
    oracles.assert_transposes(
        lambda *v: pb.jvp(f, inputs, v)[1], lambda u: pb.vjp(f, *inputs)[1](u), vs, us, rtol=1e-12
    )
    oracles.assert_transposes(
        pb.linearize(f, *inputs)[1], lambda u: pb.vjp(pb.checkpoint(f), *inputs)[1](u), vs, us, rtol=1e-12
    )


@settings(max_examples=8)
@given(seed=SEEDS)
def test_what_is_jitted_has_the_same_derivatives(seed):
    f, inputs = random_function(seed), tuple(random_inputs(seed))
    us = directions(seed + 1, f(*inputs))
    want = pb.vjp(f, *inputs)[1](us)
    for got in (pb.vjp(pb.jit(f), *inputs)[1](us), pb.jit(lambda *x: pb.vjp(f, *x)[1](us))(*inputs)):
        for a, b in zip(got, want, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12)


@given(seed=SEEDS)
def test_the_transpose_of_the_linear_program_is_checked_and_right(seed):
    program, constants = closed(seed)
    inputs = random_inputs(seed)
    lin = linearize_program(program, (False,) * len(constants) + (True,) * 3, (True,) * 3)
    residuals = replay(lin.forward, (*constants, *inputs))[3:]
    found = transpose(lin.linear, lin.n_residuals)
    check(found.program)

    def transposed(us):
        got = iter(replay(found.program, (*residuals, *us)))
        return tuple(next(got) if there else None for there in found.nonzero)

    us = directions(seed + 1, random_function(seed)(*inputs))
    oracles.assert_transposes(
        lambda *v: replay(lin.linear, (*residuals, *v)), transposed, directions(seed, inputs), us, rtol=1e-12
    )


@given(seed=SEEDS, flags=st.integers(1, 7))
def test_a_batched_program_is_a_python_loop_over_lanes(seed, flags):
    f = random_function(seed)
    lanes = [random_inputs(seed + k) for k in range(3)]
    batched = tuple(bool(flags >> i & 1) for i in range(3))
    program, constants = closed(seed)
    whole = batch_program(program, 3, (False,) * len(constants) + batched, (True,) * 3)
    check(whole.program)
    operands = [np.stack([lane[i] for lane in lanes]) if b else lanes[0][i] for i, b in enumerate(batched)]
    got = replay(whole.program, (*constants, *operands))
    want = [f(*(lane[i] if b else lanes[0][i] for i, b in enumerate(batched))) for lane in lanes]
    for k, y in enumerate(got):
        np.testing.assert_allclose(y, np.stack([w[k] for w in want]), rtol=1e-13, atol=1e-14)


@given(seed=SEEDS)
def test_second_derivatives_agree_in_every_order_of_modes(seed):
    f, inputs = random_function(seed, steps=5), tuple(random_inputs(seed))
    assume("maximum" not in str(pb.trace(f)(*inputs)))

    def scalar(x):
        return sum(np.sum(y) for y in f(x, *inputs[1:]))

    x, v = inputs[0], 0.7
    want = pb.jvp(pb.grad(scalar), (x,), (v,))[1]
    np.testing.assert_allclose(pb.grad(lambda x: pb.jvp(scalar, (x,), (v,))[1])(x), want, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(pb.grad(lambda x: pb.grad(scalar)(x) * v)(x), want, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(
        pb.jvp(lambda x: pb.jvp(scalar, (x,), (1.0,))[1], (x,), (v,))[1], want, rtol=1e-9, atol=1e-11
    )


def test_derived_programs_are_memoised_on_the_program():
    program, _ = closed(3)
    moving = (True,) * len(program.inputs)
    assert linearize_program(program, moving) is linearize_program(program, moving)
    assert jvp_program(program, moving) is jvp_program(program, moving)
    assert batch_program(program, 3, moving) is batch_program(program, 3, moving)
    with pb.conventions(abs="one"):
        other = linearize_program(program, moving)
    assert other is not linearize_program(program, moving)


def test_an_output_that_does_not_move_is_left_out_unless_asked_for():
    program = pb.trace(lambda x, y: (np.sin(x), y * 2.0))(1.0, 2.0)
    lin = linearize_program(program, (True, False))
    assert lin.moves == (True, False)
    assert len(lin.linear.outputs) == 1
    lin = linearize_program(program, (True, False), (True, True))
    assert lin.moves == (True, True)
    assert replay(check(lin.linear), (*replay(lin.forward, (1.0, 2.0))[2:], np.float64(1.0)))[1] == 0.0


def test_residuals_are_kept_once_each():
    program = pb.trace(lambda x, y: (x * y) + np.sin(x) * y)(1.0, 2.0)
    lin = linearize_program(program, (True, True))
    residuals = lin.forward.outputs[1:]
    assert len(set(residuals)) == len(residuals)


def test_a_linear_program_keeps_no_residuals():
    program = pb.trace(lambda x: np.sum(3.0 * x))(np.ones(3))
    assert linearize_program(program, (True,)).n_residuals == 0


@pytest.mark.parametrize("transform", [pb.grad, pb.jacfwd, lambda f: pb.vmap(f)])
def test_sources_of_derived_equations_are_the_users(transform):
    def f(x):
        return np.sum(np.sin(x))

    text = str(pb.trace(transform(f))(np.ones((2,)) if transform is not None else 1.0))
    assert f"test_derivative_programs.py:{f.__code__.co_firstlineno + 1}" in text
