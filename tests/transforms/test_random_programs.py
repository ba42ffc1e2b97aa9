"""Random Programs: what each pass gives, run, is what the Program itself says."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pullback.core import replay as replaying
from pullback.core.body import ProgramRecorder
from pullback.core.check import check
from pullback.core.straightline import straightline
from pullback.core.types import array_type
from pullback.primitives.arithmetic import add, div, mul, neg, sub
from pullback.primitives.choice import maximum, select
from pullback.primitives.comparison import greater
from pullback.primitives.complex import absolute, complex_, conj, imag, real
from pullback.primitives.exponential import exp, integer_power, log, sigmoid, sqrt, square
from pullback.primitives.reductions import sum_
from pullback.primitives.shaping import convert, reshape, transpose
from pullback.primitives.trigonometric import cos, sin, tanh
from pullback.transforms.jvp import jvp_program
from pullback.transforms.linearize import linearize_program
from pullback.transforms.simplify import simplify
from pullback.transforms.transpose import transpose as transpose_program
from pullback.transforms.vmap import batch_program
from tests import oracles

SHAPES = [(), (3,), (2, 3), (2, 1), (1, 1), (0, 3)]
DTYPES = [np.float64, np.float64, np.complex128, np.float32]
many = settings(max_examples=200)  # of a millisecond or two; with 40, wrong rules were not found
TWO = {"add": add, "sub": sub, "mul": mul}


def _safe_log(x):
    return log(add(absolute(x), 1.0))


ONE = {
    "neg": neg,
    "sin": sin,
    "cos": cos,
    "tanh": lambda x: tanh(mul(x, 0.25)),
    "exp": lambda x: exp(mul(x, 0.1)),
    "square": lambda x: mul(square(x), 0.1),
    "cube": lambda x: mul(integer_power(x, n=3), 0.05),
    "log": _safe_log,
    "sqrt": lambda x: sqrt(add(absolute(x), 0.5)),
    "quotient": lambda x: div(x, add(absolute(x), 2.0)),
    "sigmoid": lambda x: sigmoid(real(x)),
    "maximum": lambda x: maximum(real(x), 0.125),
    "select": lambda x: select(greater(real(x), 0.25), x, 0.5),
    "conj": conj,
    "turned": lambda x: complex_(imag(x), real(x)),
    "total": lambda x: sum_(x, axes=tuple(range(x.ndim))),
    "axes": lambda x: transpose(transpose(x, axes=tuple(reversed(range(x.ndim)))), axes=tuple(reversed(range(x.ndim)))),
    "reshape": lambda x: reshape(reshape(x, shape=(x.size,)), shape=x.shape),
    "single": lambda x: convert(x, dtype=np.dtype(np.complex64 if x.dtype.kind == "c" else np.float32)),
}


def replay(program, operands):
    """Run a Program; at a kink (d/dz |z| at 0) a residual may be 0/0, which a mask then cuts."""
    with np.errstate(all="ignore"):
        return replaying.replay(program, operands)


steps = st.lists(
    st.tuples(st.sampled_from([*ONE, *TWO, *TWO]), st.integers(0, 2), st.integers(0, 30)), min_size=4, max_size=10
)
inputs = st.lists(st.tuples(st.sampled_from(SHAPES), st.sampled_from(DTYPES)), min_size=1, max_size=3)


@st.composite
def programs(draw):
    """Draw a Program, and operands for it."""
    kinds, chosen = draw(inputs), draw(steps)
    with ProgramRecorder() as recorder:
        values = [recorder.input(array_type(shape, dtype)) for shape, dtype in kinds]
        for name, i, j in chosen:
            a, b = values[-1 - i % len(values)], values[j % len(values)]
            if name in ONE:
                values.append(ONE[name](a))
            elif _broadcast(a, b):
                values.append(TWO[name](a, b))
        program = recorder.finish(values[-3:])
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    return program, [_random(rng, t) for t in program.in_types], rng


def _broadcast(a, b):
    try:
        np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        return False
    return True


def _random(rng, type):
    x = rng.normal(size=type.shape) + (1j * rng.normal(size=type.shape) if type.dtype.kind == "c" else 0)
    return np.asarray(x).astype(type.dtype)[()]


def _close(actual, expected, program, what):
    # Single precision somewhere inside: its rounding, over ten operations and their derivatives.
    single = any(x.type.dtype in (np.float32, np.complex64) for eq in program.equations for x in eq.results)
    rtol = 2e-4 if single or any(t.dtype == np.float32 for t in program.in_types) else 1e-10
    for a, b in zip(actual, expected, strict=True):
        assert np.asarray(a).dtype == np.asarray(b).dtype, what
        scale = np.max(np.abs(b), initial=0.0)
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * max(scale, 1e-3), err_msg=what)
    return rtol


@many
@given(programs())
def test_simplifying_changes_no_bit(case):
    program, operands, _ = case
    check(program)
    simple = check(simplify(program))
    assert len(simple.equations) <= len(program.equations)
    for run in (lambda p: replay(p, operands), lambda p: straightline(p)(*operands)):
        for a, b in zip(run(simple), replay(program, operands), strict=True):
            np.testing.assert_array_equal(a, b)


@many
@given(programs(), st.integers(1, 7))
def test_forward_mode_linearising_and_its_transpose_agree(case, bits):
    program, operands, rng = case
    moving = tuple(bool(bits >> i & 1) for i in range(len(operands)))
    moved = [x for x, m in zip(operands, moving, strict=True) if m]
    types = [t for t, m in zip(program.in_types, moving, strict=True) if m]
    v = [_random(rng, t) for t in types]
    pushed, moves = jvp_program(program, moving)
    forward, linear, n, linear_moves, _ = linearize_program(program, moving)
    check(pushed), check(forward), check(linear)
    assert moves == linear_moves
    outs = replay(forward, operands)
    residuals = outs[len(program.outputs) :]
    assert len(residuals) == n
    direct = replay(pushed, [*operands, *v])
    _close(direct[: len(program.outputs)], replay(program, operands), program, "primals")
    tangents = replay(linear, [*residuals, *v])
    rtol = _close(direct[len(program.outputs) :], tangents, program, "jvp and linearize")
    if not moved or not linear.outputs:
        return
    pulled, nonzero, _ = transpose_program(linear, n)
    check(pulled)
    u = [_random(rng, t) for t in linear.out_types]

    def back(u):
        found = iter(replay(pulled, [*residuals, *u]))
        return tuple(next(found) if there else None for there in nonzero)

    oracles.assert_transposes(
        lambda *v: tuple(replay(linear, [*residuals, *v])),
        lambda u: back(u if isinstance(u, tuple) else (u,)),
        tuple(v),
        tuple(u),
        rtol=rtol,
    )


@many
@given(programs())
def test_derivatives_are_those_of_differences(case):
    program, operands, rng = case
    singles = any(x.type.dtype in (np.float32, np.complex64) for eq in program.equations for x in eq.results)
    if singles or any(t.dtype == np.float32 for t in program.in_types):
        return
    v = [_random(rng, t) for t in program.in_types]
    pushed, moves = jvp_program(program, (True,) * len(operands))
    tangents = replay(pushed, [*operands, *v])[len(program.outputs) :]
    h = 1e-6

    def at(t):
        return replay(program, [x + t * w for x, w in zip(operands, v, strict=True)])

    expected = [(a - b) / (2 * h) for a, b in zip(at(h), at(-h), strict=True)]
    for y, d in zip(tangents, [d for d, m in zip(expected, moves, strict=True) if m], strict=True):
        np.testing.assert_allclose(y, d, rtol=1e-4, atol=1e-4 * max(np.max(np.abs(d), initial=0.0), 1.0))


@many
@given(programs(), st.integers(1, 7))
def test_a_batch_is_a_loop_over_lanes(case, bits):
    program, operands, rng = case
    batched = tuple(bool(bits >> i & 1) for i in range(len(operands)))
    kinds = list(zip(operands, program.in_types, batched, strict=True))
    lanes = [[_random(rng, t) if b else x for x, t, b in kinds] for _ in range(3)]
    whole, _ = batch_program(program, 3, batched, (True,) * len(program.outputs))
    check(whole)
    stacked = [np.stack([lane[i] for lane in lanes]) if b else x for i, (x, _, b) in enumerate(kinds)]
    together = replay(whole, stacked)
    for k, lane in enumerate(lanes):
        _close([y[k] for y in together], replay(program, lane), program, f"lane {k}")


@many
@given(programs())
def test_the_derivative_of_the_derivative_agrees_in_both_modes(case):
    program, operands, rng = case
    moving = (True,) * len(operands)
    first, moves = jvp_program(program, moving)
    if not any(moves):
        return
    everything = (True,) * len(first.inputs)
    args = [*operands, *(_random(rng, t) for t in first.in_types[len(operands) :])]
    v = [_random(rng, t) for t in first.in_types]
    pushed, moves = jvp_program(first, everything)
    forward, linear, n, linear_moves, _ = linearize_program(first, everything)
    check(pushed), check(forward), check(linear)
    assert moves == linear_moves
    residuals = replay(forward, args)[len(first.outputs) :]
    direct = replay(pushed, [*args, *v])[len(first.outputs) :]
    _close(direct, replay(linear, [*residuals, *v]), program, "second order: jvp and linearize")
    check(transpose_program(linear, n).program)
