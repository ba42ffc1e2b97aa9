"""The NumPy evaluator: simplifies, compiles once, and gives what replay gives."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback.core.passes import passes
from pullback.core.replay import replay
from pullback.engines import compile_program
from tests.transforms.programs import random_function, random_inputs


@given(seed=st.integers(0, 10_000))
def test_it_gives_what_replay_gives_bit_for_bit(seed):
    inputs = random_inputs(seed)
    program = pb.trace(random_function(seed))(*inputs)
    for a, b in zip(compile_program(program)(*inputs), replay(program, inputs), strict=True):
        np.testing.assert_array_equal(a, b)
        assert np.asarray(a).dtype == np.asarray(b).dtype


def test_a_program_is_compiled_once():
    program = pb.trace(np.sin)(1.0)
    assert compile_program(program) is compile_program(program)


def test_it_fills_the_slot_that_control_flow_runs_through():
    assert passes.compile is compile_program


def test_it_runs_the_simplified_program(monkeypatch):
    program = pb.trace(lambda x: (np.sin(x) + np.sin(x), np.cos(x))[0])(np.ones(2))
    calls = []
    sine = program.equations[0].primitive
    monkeypatch.setattr(type(sine), "function", lambda self, params: lambda x: calls.append(1) or np.sin(x))
    compile_program(program)(np.ones(2))
    assert len(calls) == 1


def test_errors_of_guards_come_through():
    program = pb.trace(lambda x: x if x > 0 else -x, values=True)(1.0)
    compile_program(program)(2.0)
