"""What the tests of the compiled engine share: run a Program both ways, and compare."""

import numpy as np
import pytest

from pullback.core.primitive import infer_types
from pullback.core.program import Equation, Program, Var
from pullback.core.types import array_type, type_of
from pullback.engines.evaluate import compile_program

pytest.importorskip("llvmlite")
from pullback.engines.llvm.compiled import Compiled, Unsupported

__all__ = ["Compiled", "Unsupported", "alone", "assert_ulp", "evaluated", "held", "in_ulp", "same"]


def alone(primitive, cases):
    """Return a Program of one equation for each case, (operands, params), and its inputs."""
    inputs, equations, operands = [], [], []
    for values, params in cases:
        types = tuple(type_of(x) for x in values)
        xs = tuple(
            Var(t.strong if isinstance(x, np.ndarray | np.generic) else t) for t, x in zip(types, values, strict=True)
        )
        ys = tuple(Var(t) for t in infer_types(primitive, types, params))
        inputs += xs
        operands += values
        equations.append(Equation(primitive, xs, ys, params))
    outputs = tuple(y for eq in equations for y in eq.results)
    return Program(tuple(inputs), tuple(equations), outputs), operands


def evaluated(program, operands):
    """Return what the evaluator gives."""
    with np.errstate(all="ignore"):
        return [np.array(x) for x in compile_program(program)(*operands)]


def held(program, operands, compare=None):
    """Hold native code to the evaluator, and return its results."""
    expected = evaluated(program, operands)
    before = [np.array(x) for x in operands]
    native = Compiled(program)
    for run in (native, native.guarded):  # the second looks whether anything is written beyond a result, or the arena
        with np.errstate(all="ignore"):  # as `call` does
            actual = run(*operands)
        for a, b, t in zip(actual, expected, program.out_types, strict=True):
            assert np.asarray(a).dtype == t.dtype
            assert np.shape(a) == t.shape
            (compare or same)(np.asarray(a), b)
    for x, b in zip(operands, before, strict=True):
        same(np.asarray(x), b)  # inputs are never written
    return actual


def same(actual, expected, signs=True):
    """Equal bit for bit, NaN payloads aside; `signs`: of zeros too."""
    np.testing.assert_array_equal(actual, expected)
    if signs and expected.dtype.kind == "f":
        np.testing.assert_array_equal(
            np.signbit(actual) & ~np.isnan(actual), np.signbit(expected) & ~np.isnan(expected)
        )


def in_ulp(actual, expected):
    """Return the largest distance in units in the last place; infinite where one is finite and the other not.

    Of complex numbers, in units of the larger part.
    """
    if expected.dtype.kind == "c":
        return _in_ulp_of_size(actual, expected)
    ok = np.isfinite(expected)
    np.testing.assert_array_equal(actual[~ok], expected[~ok])
    if not ok.any():
        return 0.0
    a, b = actual[ok].astype(np.longdouble), expected[ok].astype(np.longdouble)
    return float(np.max(np.abs(a - b) / np.spacing(np.abs(expected[ok])).astype(np.longdouble)))


def _in_ulp_of_size(actual, expected):
    a, b = (np.stack([x.real, x.imag]) for x in (actual, expected))
    ok = np.isfinite(b).all(axis=0)
    np.testing.assert_array_equal(a[:, ~ok], b[:, ~ok])
    size = np.max(np.abs(b), axis=0)[ok]
    return float(np.max(np.abs(a[:, ok] - b[:, ok]) / np.spacing(size), initial=0.0))


def assert_ulp(limit):
    """Return a comparison that allows so many units in the last place."""

    def compare(actual, expected):
        if expected.dtype.kind not in "fc":
            same(actual, expected)
            return
        assert in_ulp(actual, expected) <= limit

    return compare


def of(shape, dtype):
    """Return a type."""
    return array_type(shape, np.dtype(dtype))
