"""simplify keeps every bit of every value, and leaves no equation that is not needed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback.core.check import check
from pullback.core.replay import replay
from pullback.engines import compile_program
from pullback.transforms.simplify import drop_dead, simplify
from tests.transforms.programs import random_function, random_inputs


def names(program):
    return [eq.primitive.name for eq in program.equations]


@given(seed=st.integers(0, 10_000))
def test_every_pass_keeps_every_bit(seed):
    inputs = random_inputs(seed)
    program = check(pb.trace(random_function(seed))(*inputs))
    want = replay(program, inputs)
    for run in (
        lambda: replay(check(drop_dead(program)), inputs),
        lambda: replay(check(simplify(program)), inputs),
        lambda: replay(check(simplify(simplify(program))), inputs),
        lambda: compile_program(program)(*inputs),
    ):
        for a, b in zip(run(), want, strict=True):
            np.testing.assert_array_equal(a, b)


@given(seed=st.integers(0, 10_000))
def test_simplifying_twice_changes_nothing_more(seed):
    program = simplify(pb.trace(random_function(seed))(*random_inputs(seed)))
    assert simplify(program) == program


def test_common_subexpressions_are_computed_once():
    program = simplify(pb.trace(lambda x: (np.sin(x) * 2.0, np.sin(x) * 2.0))(1.0))
    assert names(program) == ["sin", "mul"]


def test_dead_equations_go():
    def f(x):
        np.exp(x)
        return x * 2.0

    assert names(simplify(pb.trace(f)(1.0))) == ["mul"]


def test_constants_that_nobody_reads_go():
    w = np.ones(3)

    def f(x):
        np.sum(w * x)
        return x

    assert simplify(pb.trace(f)(np.ones(3))).constants == ()


def test_what_parameters_tell_apart_is_kept_apart():
    program = simplify(pb.trace(lambda x: (np.sum(x, 0), np.sum(x, 1)))(np.ones((2, 2))))
    assert names(program) == ["sum", "sum"]


def test_signed_zeros_and_dtypes_are_not_merged():
    program = simplify(pb.trace(lambda x: (x * 0.0, x * -0.0, x * np.float64(0.0)))(np.ones(2)))
    assert len(program.equations) == 3
    a, b, _ = program(np.ones(2))
    assert not np.signbit(a).any()
    assert np.signbit(b).all()


def test_guards_are_kept_in_their_order():
    def f(x):
        if x > 0 and x < 5:
            return x
        return -x

    kinds = [n for n in names(simplify(pb.trace(f, values=True)(1.0))) if n == "guard"]
    assert len(kinds) == 2


def test_nan_stays_where_it_was():
    program = simplify(pb.trace(lambda x: x * np.nan + 0.0 * x)(1.0))
    assert np.isnan(program(1.0))


@pytest.mark.parametrize("n", [1, 7])
def test_the_number_of_equations_never_grows(n):
    program = pb.trace(random_function(n))(*random_inputs(n))
    assert len(simplify(program).equations) <= len(program.equations)
