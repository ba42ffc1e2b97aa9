"""What users pass: operands made ready for primitives, axes normalised, options refused in the user's words.

Promise: nothing that NumPy would heed is ignored. An argument works, or it raises.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from pullback.core import source
from pullback.core.dispatch import OutGiven
from pullback.core.errors import DTypeError, MutationError, NotTraceable, NotWritten
from pullback.core.tracer import Tracer
from pullback.core.tree import contents
from pullback.core.types import PYTHON_SCALARS, type_of
from pullback.primitives.shaping import broadcast, convert, reshape, transpose

__all__ = ["OPERANDS", "holds_tracer", "is_missing", "missing", "one_axis", "operand", "refuse", "some_axes"]

missing = np._NoValue  # NumPy's own mark for "not given"

# What primitives take as it is: one set lookup on the hot path.
OPERANDS = frozenset(
    {Tracer, np.ndarray, bool, int, float, complex, np.bool_} | {np.dtype(c).type for c in "bhilqBHILQefdFD"}
)


TRACED: set[type] = {Tracer}  # and buffers that hold one


def operand(x: Any) -> Any:
    """Return what a user passed as something that primitives take.

    Raises
    ------
    DTypeError
        For text, None, objects, dates.
    NotTraceable
        For subclasses of ndarray that have arithmetic of their own (masked arrays, matrices).
    """
    if type(x) in OPERANDS:
        if type(x) is np.ndarray and x.dtype.kind not in "biufc":
            raise _no_number(x)
        return x
    if type(x) in contents:
        return contents[type(x)](x)
    if isinstance(x, list | tuple):
        return build(x) if holds_tracer(x) else operand(np.asarray(x))
    if isinstance(x, np.ma.MaskedArray | np.matrix):
        raise NotTraceable(
            f"{type(x).__name__} together with what is being differentiated or traced",
            where=source.here(),
            why="subclasses of ndarray with arithmetic of their own are not supported",
            fix="np.asarray(x), or for a masked array np.where(mask, 0.0, x.data)",
        )
    if isinstance(x, np.ndarray | np.generic) or hasattr(x, "__array__"):
        return operand(np.asarray(x))
    raise _no_number(x)


def _no_number(x: Any) -> DTypeError:
    kind = f"an array of {x.dtype}" if isinstance(x, np.ndarray) else f"{type(x).__name__}, {x!r:.60}"
    return DTypeError(
        f"{kind} where numbers were expected",
        where=source.here(),
        why="operands are arrays or scalars of bool, integer, floating or complex dtype",
        fix="convert it to a number or an array of numbers first",
    )


def holds_tracer(x: Any) -> bool:
    """Return whether x is a Tracer, or a nested list or tuple that holds one."""
    if type(x) in TRACED:
        return True
    if not isinstance(x, list | tuple):
        return False
    kinds = set(map(type, x))  # a long list of numbers is looked at in C
    if not kinds.isdisjoint(TRACED):
        return True
    return any(issubclass(kind, list | tuple) for kind in kinds) and any(holds_tracer(y) for y in x)


def build(x: Any) -> Any:
    """Return nested lists that hold Tracers as one traced array; filled in by `creation`."""
    return builder[0](x)


builder: list[Any] = [None]


def ndim(x: Any) -> int:
    """Return the number of axes of an operand."""
    return type_of(x).ndim


def shape(x: Any) -> tuple[int, ...]:
    """Return the shape of an operand."""
    return type_of(x).shape


def one_axis(axis: Any, ndim: int) -> int:
    """Return an axis as a non-negative int, or raise NumPy's AxisError."""
    axis = operator.index(axis)
    if not -ndim <= axis < ndim:
        raise np.exceptions.AxisError(axis, ndim)
    return axis % ndim


_ALL = [tuple(range(n)) for n in range(65)]  # NumPy has at most 64 axes


def some_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """Return None (all axes), an int or a tuple of ints as sorted non-negative axes."""
    if axis is None:
        return _ALL[ndim]
    if type(axis) is int and -ndim <= axis < ndim:
        return (axis % ndim,)
    if isinstance(axis, Sequence):
        found = [one_axis(a, ndim) for a in axis]
        if len(set(found)) != len(found):
            raise ValueError("duplicate value in 'axis'")
        return tuple(sorted(found))
    return (one_axis(axis, ndim),)


def keep_axes(result: Any, shape: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    """Return the result of a reduction with the reduced axes as axes of size 1."""
    return reshape(result, shape=tuple(1 if i in axes else n for i, n in enumerate(shape)))


def is_missing(x: Any) -> bool:
    """Return whether an optional argument was not given."""
    return x is None or x is missing


def refuse(function: str, **options: Any) -> None:
    """Raise for each option that was given: MutationError for ``out``, NotWritten for the others."""
    for name, value in options.items():
        if is_missing(value):
            continue
        if name == "out":
            raise OutGiven(function)  # caught, or replaced by the error below
        raise NotWritten(
            f"np.{function}({name}=...) of something that is being differentiated or traced",
            where=source.here(),
            why="this argument is not supported yet",
            fix=f"leave {name}= out",
        )


def check_device(device: Any) -> None:
    """Raise ValueError, as NumPy does, for a device that is not the CPU."""
    if device not in (None, "cpu"):
        raise ValueError(f'Device not understood. Only "cpu" is allowed, but received: {device}')


def no_out(function: str) -> MutationError:
    """Return the error for ``out=`` of a plain array from elsewhere."""
    where = source.here()
    in_place = source.statement(where) == "in place"
    return MutationError(
        "a += b (or -=, *= …) of a plain array and something that is being differentiated or traced"
        if in_place
        else f"np.{function}(..., out=...) of a plain array, and something that is being differentiated or traced",
        where=where,
        why="a plain array holds numbers only; an array that is made inside the function holds Tracers as well",
        fix="a = a + b"
        if in_place
        else f"x = np.{function}(...) in place of out=x, or a copy made inside: np.array(x)",
    )


def dtype_of(x: Any) -> np.dtype:
    """Return the dtype of an operand (float64 for a Python float)."""
    return type_of(x).dtype


def promoted(*xs: Any) -> np.dtype:
    """Return the dtype that operands (or dtypes) are promoted to, under NEP 50."""
    return np.result_type(*(_stands_for(x) if type(x) is Tracer else x for x in xs))


def _stands_for(x: Tracer) -> Any:
    """Return what NumPy's promotion shall see in place of a Tracer."""
    return _ZEROS[x.type.dtype] if x.type.weak else x.type.dtype


_ZEROS = {dtype: kind(0) for kind, dtype in PYTHON_SCALARS.items()}


def as_dtype(x: Any, dtype: Any) -> Any:
    """Return x in a dtype; None leaves it as it is."""
    if dtype is None:
        return x
    dtype = np.dtype(dtype)
    found = type_of(x)
    return x if found.dtype == dtype and not found.weak else convert(x, dtype=dtype)


def strong(x: Any) -> Any:
    """Return x as an array: no longer a Python scalar in NEP 50's sense."""
    found = type_of(x)
    return convert(x, dtype=found.dtype) if found.weak else x


def spread(x: Any, shape: tuple[int, ...]) -> Any:
    """Return x broadcast to a shape, where it is not of it already."""
    return x if type_of(x).shape == shape else broadcast(x, shape=shape)


def permute(x: Any, axes: tuple[int, ...]) -> Any:
    """Return x with its axes permuted; x itself for the identity."""
    return x if axes == tuple(range(len(axes))) else transpose(x, axes=axes)


def reshaped(x: Any, shape: tuple[int, ...]) -> Any:
    """Return x in a shape; x itself where it has it already."""
    return x if type_of(x).shape == shape else reshape(x, shape=shape)


def sizes_of(given: Any) -> tuple[int, ...]:
    """Return a shape given as an int or a sequence of ints as a tuple."""
    if isinstance(given, Sequence | np.ndarray):
        return tuple(operator.index(n) for n in given)
    return (operator.index(given),)
