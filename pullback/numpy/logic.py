"""Tests of arrays: closeness, equality, kinds, dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.tracer import Tracer
from pullback.primitives.arithmetic import add, mul, sub
from pullback.primitives.choice import select
from pullback.primitives.comparison import (
    equal,
    isfinite,
    isinf,
    isnan,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    not_equal,
    signbit,
)
from pullback.primitives.complex import absolute, imag

from .arguments import dtype_of, operand, promoted, refuse, shape
from .reductions import every
from .registry import covers

__all__ = ["isclose"]


@covers(np.isclose, moves=False)
def isclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Any:
    """Whether elements are equal within a tolerance."""
    a, b = operand(a), operand(b)
    finite = logical_and(isfinite(a), isfinite(b))
    x, y = (select(finite, v, 0) for v in (a, b))  # inf - inf would warn
    near = less_equal(absolute(sub(x, y)), add(operand(atol), mul(operand(rtol), absolute(y))))
    result = logical_or(logical_and(near, finite), equal(a, b))
    return logical_or(result, logical_and(isnan(a), isnan(b))) if equal_nan else result


@covers(np.allclose, moves=False)
def allclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Any:
    """Whether all elements are equal within a tolerance."""
    return every(isclose(a, b, rtol, atol, equal_nan))


@covers(np.array_equal, moves=False)
def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> Any:
    """Whether two arrays have one shape and equal elements."""
    a, b = operand(a1), operand(a2)
    if shape(a) != shape(b):
        return False
    same = equal(a, b)
    return every(logical_or(same, logical_and(isnan(a), isnan(b))) if equal_nan else same)


@covers(np.array_equiv, moves=False)
def array_equiv(a1: Any, a2: Any) -> Any:
    """Whether two arrays are equal once broadcast."""
    a, b = operand(a1), operand(a2)
    try:
        np.broadcast_shapes(shape(a), shape(b))
    except ValueError:
        return False
    return every(equal(a, b))


@covers(np.isposinf, moves=False)
def isposinf(x: Any, out: Any = None) -> Any:
    """Which elements are positive infinity."""
    refuse("isposinf", out=out)
    x = operand(x)
    return logical_and(isinf(x), logical_not(signbit(x)))


@covers(np.isneginf, moves=False)
def isneginf(x: Any, out: Any = None) -> Any:
    """Which elements are negative infinity."""
    refuse("isneginf", out=out)
    x = operand(x)
    return logical_and(isinf(x), signbit(x))


@covers(np.isreal, moves=False)
def isreal(x: Any) -> Any:
    """Which elements have no imaginary part."""
    return equal(imag(operand(x)), 0)


@covers(np.iscomplex, moves=False)
def iscomplex(x: Any) -> Any:
    """Which elements have an imaginary part."""
    return not_equal(imag(operand(x)), 0)


@covers(np.isrealobj, moves=False)
def isrealobj(x: Any) -> bool:
    """Whether the dtype is not complex."""
    return dtype_of(operand(x)).kind != "c"


@covers(np.iscomplexobj, moves=False)
def iscomplexobj(x: Any) -> bool:
    """Whether the dtype is complex."""
    return dtype_of(operand(x)).kind == "c"


@covers(np.result_type, moves=False)
def result_type(*arrays_and_dtypes: Any) -> np.dtype:
    """Dtype that operands are promoted to."""
    return promoted(*arrays_and_dtypes)


@covers(np.can_cast, moves=False)
def can_cast(from_: Any, to: Any, casting: Any = "safe") -> bool:
    """Whether a cast is allowed."""
    return np.can_cast(dtype_of(from_) if type(from_) is Tracer else from_, to, casting)


@covers(np.common_type, moves=False)
def common_type(*arrays: Any) -> Any:
    """Inexact scalar type that all arrays share."""
    return np.common_type(*(np.empty(0, dtype_of(operand(x))) for x in arrays))


@covers(np.min_scalar_type, moves=False)
def min_scalar_type(a: Any, /) -> np.dtype:
    """Dtype of an array; a Tracer's value is not looked at."""
    return dtype_of(a) if type(a) is Tracer else np.min_scalar_type(a)


@covers(np.may_share_memory, np.shares_memory, moves=False)
def shares_memory(a: Any, b: Any, /, max_work: Any = None) -> bool:
    """Whether two arrays are one: Tracers never share memory, as far as can be seen."""
    return a is b
