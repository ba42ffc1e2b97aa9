"""trace: abstract by default; with values, Python's choices become guards."""

import numpy as np
import pytest

import pullback as pb
from pullback.core.check import check
from pullback.core.errors import GuardError, NoValue
from pullback.transforms.simplify import simplify


def test_trace_is_abstract_by_default():
    with pytest.raises(NoValue, match="no value"):
        pb.trace(lambda x: x if x > 0 else -x)(1.0)


def test_a_truth_value_that_python_took_becomes_a_guard():
    def f(x):
        return np.sin(x) if x > 0 else np.cos(x)

    program = check(pb.trace(f, values=True)(1.0))
    assert float(program(0.5)) == np.sin(0.5)
    with pytest.raises(GuardError, match=r"traced where bool.* was True; here it is False"):
        program(-1.0)


def test_an_integer_that_python_took_becomes_a_guard():
    def f(x, n):
        for _ in range(n):
            x = x * x
        return x

    program = check(pb.trace(f, values=True)(3.0, 2))
    assert float(program(2.0, 2)) == 16.0
    with pytest.raises(GuardError, match="here it is 3"):
        program(2.0, 3)


def test_a_while_loop_of_python_is_guarded_at_each_test():
    def f(x):
        while x < 10.0:
            x = x * 2.0
        return x

    program = pb.trace(f, values=True)(1.5)
    assert float(program(1.6)) == 25.6 / 2
    with pytest.raises(GuardError):
        program(6.0)


def test_guards_survive_simplification():
    program = pb.trace(lambda x: x if x > 0 else -x, values=True)(1.0)
    assert any(eq.primitive.name == "guard" for eq in simplify(program).equations)


def test_the_shape_of_a_boolean_index_is_a_guard():
    def f(x):
        return np.sum(x[x > 0.0] ** 2)

    program = pb.trace(f, values=True)(np.array([1.0, -1.0, 2.0]))
    assert float(program(np.array([3.0, -1.0, 1.0]))) == 10.0
    with pytest.raises((GuardError,)):
        program(np.array([3.0, 1.0, 1.0]))


def test_trace_runs_the_function_once():
    calls = []

    def f(x):
        calls.append(1)
        return x * 2.0

    program = pb.trace(f)(1.0)
    program(2.0)
    program(3.0)
    assert len(calls) == 1


def test_static_leaves_are_kept_as_they_were():
    program = pb.trace(lambda x, name: x * len(name))(2.0, "four")
    assert float(program(3.0, "four")) == 12.0


def test_a_result_may_hold_leaves_that_are_no_arrays():
    out = pb.trace(lambda x: {"value": x * 2.0, "name": "f", "none": None})(2.0)(3.0)
    assert out == {"value": 6.0, "name": "f", "none": None}
