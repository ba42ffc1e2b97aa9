"""Short vectors: loops where that is less code, in registers elsewhere."""

import numpy as np
import pytest

import pullback as pb

pytest.importorskip("llvmlite")
from pullback.engines.llvm.flat import prepared
from pullback.engines.llvm.plan import Loop, Nest, plan
from pullback.engines.llvm.turns import planned

from .native import Compiled

X, Y = np.linspace(0.1, 0.9, 10), np.linspace(-2.0, 3.0, 10)


def program_of(f, *xs):
    return prepared(pb.trace(f)(*xs))


def leads(made):
    return [step.lead for step in made.steps if isinstance(step, Nest)]


def many(x, y):
    return np.sin(x) * np.cos(y) + np.exp(x) * 2.0, np.sum(np.tanh(y) * x)


def test_a_short_vector_with_many_functions_is_a_loop():
    program = program_of(many, X, Y)
    assert leads(plan(program)) == [()]
    assert leads(planned(program)) == [(10,)]
    values = Compiled(pb.trace(many)(X, Y))(X, Y)
    for value, expected in zip(values, many(X, Y), strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-14)


@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: np.sin(x),  # of few functions: ten
        lambda x, y: np.sin(x)[::-1] * np.cos(y),
        lambda x, y: np.sin(np.roll(x, 1)) * np.cos(y),
        lambda x, y: np.sum(np.sin(x)) * np.cos(y),
        lambda x, y: x * y + 1.0,
    ],
)
def test_what_reads_other_elements_or_has_few_functions_stays_in_registers(f):
    assert () in leads(planned(program_of(f, X, Y)))
    np.testing.assert_allclose(Compiled(pb.trace(f)(X, Y))(X, Y)[0], f(X, Y), rtol=1e-14)


def test_in_the_body_of_a_loop_it_stays_in_registers():
    def f(x, y):
        return pb.fori_loop(0, 5, lambda i, x: np.sin(x) * np.cos(y), x)

    made = planned(program_of(f, X, Y))
    (loop,) = [step for step in made.steps if isinstance(step, Loop)]
    assert leads(loop.body) == [()]


def test_single_numbers_are_read_in_each_turn():
    def f(x, a):
        return np.sin(x * a) + np.cos(x) * np.exp(a)

    assert leads(planned(program_of(f, X, 0.7)))[-1] == (10,)
    np.testing.assert_allclose(Compiled(pb.trace(f)(X, 0.7))(X, 0.7)[0], f(X, 0.7), rtol=1e-14)
