"""check: every broken invariant is found, and a Program that keeps them passes."""

import numpy as np
import pytest

import pullback as pb
from pullback.core.check import check
from pullback.core.errors import CheckError
from pullback.core.program import Equation, Program, Var
from pullback.core.types import array_type
from pullback.primitives.arithmetic import add
from pullback.primitives.call import call

T = array_type((2,), np.dtype(np.float64))


def _program(operands=(0, 1), result=T, inputs=2, outputs=(2,)):
    """Return add(a, b), its variables chosen by number: 0 and 1 are inputs, 2 the result, 3 is nowhere."""
    xs = [Var(T), Var(T), Var(result), Var(T)]
    eq = Equation(add, tuple(xs[i] for i in operands), (xs[2],), {})
    return Program(tuple(xs[:inputs]), (eq,), tuple(xs[i] for i in outputs))


def test_a_good_program_passes_and_is_returned():
    program = _program()
    assert check(program) is program


def test_an_operand_that_is_not_bound_is_found():
    with pytest.raises(CheckError, match=r"equation 0, add: an operand .* is not bound"):
        check(_program(operands=(0, 3)))


def test_an_output_that_is_not_bound_is_found():
    with pytest.raises(CheckError, match=r"an output .* is not bound"):
        check(_program(outputs=(3,)))


def test_an_operand_used_before_it_is_bound_is_found():
    a, b, c = Var(T), Var(T), Var(T)
    late = Program((a,), (Equation(add, (a, b), (c,), {}), Equation(add, (a, a), (b,), {})), (c,))
    with pytest.raises(CheckError, match="equation 0"):
        check(late)


def test_a_variable_bound_twice_is_found():
    a, b = Var(T), Var(T)
    twice = Program((a,), (Equation(add, (a, a), (b,), {}), Equation(add, (a, a), (b,), {})), (b,))
    with pytest.raises(CheckError, match="bound twice"):
        check(twice)
    with pytest.raises(CheckError, match="bound twice"):
        check(Program((a, a), (), (a,)))
    with pytest.raises(CheckError, match="bound twice"):
        check(Program((a,), (), (a,), ((a, np.ones(2)),)))


def test_a_result_of_another_type_than_inferred_is_found():
    with pytest.raises(CheckError, match=r"results are .*float32\[2\].*inferred .*float64\[2\]"):
        check(_program(result=array_type((2,), np.dtype(np.float32))))


def test_a_held_program_that_is_not_closed_is_found():
    a, c, b = Var(T), Var(T), Var(T)
    held = Program((a,), (Equation(add, (a, c), (b,), {}),), (b,), ((c, np.ones(2)),))
    x, y = Var(T), Var(T)
    with pytest.raises(CheckError, match="not closed"):
        check(Program((x,), (Equation(call, (x,), (y,), {"program": held, "label": "f"}),), (y,)))


def test_a_held_program_is_checked_too():
    x, y = Var(T), Var(T)
    held = _program(inputs=1, operands=(0, 1))
    with pytest.raises(CheckError, match="not bound"):
        check(Program((x,), (Equation(call, (x,), (y,), {"program": held, "label": "f"}),), (y,)))


def test_what_trace_makes_passes():
    def f(x, n):
        y = pb.scan(lambda c, a: (c + a, c * a), x[0], x)[1]
        z = pb.while_loop(lambda v: v < 3.0, lambda v: v + 1.0, x[0])
        return pb.jit(np.sin)(pb.checkpoint(np.cos)(y)) * pb.switch(n, [np.sin, np.cos], z)

    check(pb.trace(f)(np.ones(3), 1))
