"""Straight-line code does what replay does, bit for bit, and lets go of what is dead."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback.core.program import Program
from pullback.core.replay import replay
from pullback.core.straightline import primal_part, straightline
from tests.transforms.programs import random_function, random_inputs


@given(seed=st.integers(0, 10_000))
def test_straight_line_code_equals_replay(seed):
    f, inputs = random_function(seed), random_inputs(seed)
    program = pb.trace(f)(*inputs)
    want = replay(program, inputs)
    got = straightline(program)(*inputs)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_array_equal(a, b)
        assert np.asarray(a).dtype == np.asarray(b).dtype


def test_constants_and_literals_are_built_in():
    program = pb.trace(lambda x: (x + np.array([1.0, 2.0])) * 3.0)(np.zeros(2))
    np.testing.assert_array_equal(straightline(program)(np.ones(2))[0], [6.0, 9.0])


def test_an_output_may_be_an_input_or_a_literal():
    program = pb.trace(lambda x, y: (y, 2.0, x))(np.zeros(2), np.ones(1))
    a, b, c = straightline(program)(np.zeros(2), np.ones(1))
    assert (a.shape, b, c.shape) == ((1,), 2.0, (2,))


def test_a_program_without_outputs_returns_nothing():
    assert straightline(Program((), (), ()))() == []


def test_weak_results_stay_python_scalars():
    program = pb.trace(lambda x: 2.0 * x)(1.0)
    (y,) = straightline(program)(3.0)
    assert type(y) is float


def test_results_and_residuals_are_told_apart():
    program = pb.trace(lambda x: (np.sin(x), np.cos(x), np.exp(x)))(1.0)
    values, residuals = straightline(program, 1)(np.float64(0.5))
    assert values == np.sin(0.5)
    assert residuals == (np.cos(0.5), np.exp(0.5))
    assert primal_part(program, 1) == 1


def test_residuals_are_computed_without_warnings():
    def f(x):
        return x, np.log(x)

    run = straightline(pb.trace(f)(1.0), 1)
    assert run(np.float64(0.0))[1] == (-np.inf,)
    with pytest.warns(RuntimeWarning, match="divide"):
        straightline(pb.trace(f)(1.0))(np.float64(0.0))


def test_dead_variables_are_let_go_of():
    n = 1_000_000

    def f(x):
        for _ in range(20):
            x = np.sin(x)
        return x

    run = straightline(pb.trace(f)(np.ones(n)))
    x = np.ones(n)
    tracemalloc.start()
    run(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * x.nbytes
