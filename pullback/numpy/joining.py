"""Joining, splitting and repeating arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pullback.core.tracer import Tracer
from pullback.primitives.assembling import concatenate
from pullback.primitives.indexing import slice_
from pullback.primitives.stacking import stack as side_by_side

from .arguments import (
    as_dtype,
    dtype_of,
    ndim,
    one_axis,
    operand,
    refuse,
    reshaped,
    shape,
    sizes_of,
    spread,
    strong,
)
from .indexing import take
from .registry import covers, method
from .shapes import atleast_1d, atleast_2d, atleast_3d, ravel

__all__ = ["concatenated", "stack"]


def _arrays(arrays: Any, name: str) -> list[Any]:
    """Return the operands in a sequence, or along axis 0 of an array."""
    if isinstance(arrays, Tracer | np.ndarray):
        arrays = list(arrays)
    found = [strong(operand(x)) for x in arrays]
    if not found:
        raise ValueError(f"need at least one array to {name}")
    return found


def _cast(xs: list[Any], dtype: Any, casting: Any) -> list[Any]:
    if dtype is None:
        return xs
    for x in xs:
        if not np.can_cast(dtype_of(x), dtype, casting):
            raise TypeError(f"Cannot cast array data from {dtype_of(x)!r} to {np.dtype(dtype)!r} ({casting})")
    return [as_dtype(x, dtype) for x in xs]


@covers(np.concatenate)
def concatenated(
    arrays: Any, /, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: Any = "same_kind"
) -> Any:
    """Put arrays one after another along an axis."""
    refuse("concatenate", out=out)
    xs = _arrays(arrays, "concatenate")
    if axis is None:
        xs, axis = [ravel(x) for x in xs], 0
    if ndim(xs[0]) == 0:
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    xs = _cast(xs, dtype, casting)
    axis = one_axis(axis, ndim(xs[0]))
    return xs[0] if len(xs) == 1 else concatenate(*xs, axis=axis)


@covers(np.stack)
def stack(arrays: Any, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: Any = "same_kind") -> Any:
    """Put arrays beside each other along a new axis."""
    refuse("stack", out=out)
    xs = _arrays(arrays, "stack")
    axis = one_axis(axis, ndim(xs[0]) + 1)
    return side_by_side(*_cast(xs, dtype, casting), axis=axis)


def _several(function: Any, arrays: Any) -> list[Any]:
    return [function(x) for x in _arrays(arrays, "concatenate")]


@covers(np.vstack, getattr(np, "row_stack", None))
def vstack(tup: Any, *, dtype: Any = None, casting: Any = "same_kind") -> Any:
    """Put arrays below each other."""
    return concatenated(_several(atleast_2d, tup), 0, dtype=dtype, casting=casting)


@covers(np.hstack)
def hstack(tup: Any, *, dtype: Any = None, casting: Any = "same_kind") -> Any:
    """Put arrays beside each other, along axis 1 (vectors: axis 0)."""
    xs = _several(atleast_1d, tup)
    return concatenated(xs, 0 if ndim(xs[0]) == 1 else 1, dtype=dtype, casting=casting)


@covers(np.dstack)
def dstack(tup: Any) -> Any:
    """Put arrays behind each other, along axis 2."""
    return concatenated(_several(atleast_3d, tup), 2)


@covers(np.column_stack)
def column_stack(tup: Any) -> Any:
    """Put vectors beside each other as columns."""
    return concatenated([reshaped(x, (-1 if not shape(x) else shape(x)[0], 1)) if ndim(x) == 1 else x
                         for x in _several(atleast_1d, tup)], 1)  # fmt: skip


@covers(np.append)
def append(arr: Any, values: Any, axis: Any = None) -> Any:
    """Put values after an array."""
    return concatenated([operand(arr), operand(values)], axis)


@covers(np.block)
def block(arrays: Any) -> Any:
    """Put nested lists of blocks together: the innermost along the last axis."""

    def depth(x: Any) -> int:
        return 1 + max(map(depth, x), default=0) if isinstance(x, list) else 0

    deepest = depth(arrays)
    most = max(deepest, *(ndim(x) for x in _leaves(arrays)))

    def join(x: Any, level: int) -> Any:
        if not isinstance(x, list):
            x = operand(x)
            return reshaped(x, (*(1,) * (most - ndim(x)), *shape(x)))
        return concatenated([join(y, level + 1) for y in x], level - deepest)

    return join(arrays, 0)


def _leaves(x: Any) -> list[Any]:
    return [z for y in x for z in _leaves(y)] if isinstance(x, list) else [operand(x)]


# Splitting ------------------------------------------------------------------------------------


def cut_along(x: Any, axis: int, start: int, stop: int) -> Any:
    """Return x[..., start:stop, ...] along one axis."""
    n = ndim(x)
    return slice_(
        x,
        starts=tuple(start if i == axis else 0 for i in range(n)),
        stops=tuple(stop if i == axis else m for i, m in enumerate(shape(x))),
        steps=(1,) * n,
    )


@covers(np.array_split)
def array_split(ary: Any, indices_or_sections: Any, axis: Any = 0) -> list[Any]:
    """Split along an axis; sections may differ in size by one."""
    x = operand(ary)
    axis = one_axis(axis, ndim(x))
    n = shape(x)[axis]
    if isinstance(indices_or_sections, Sequence | np.ndarray):
        marks = [slice(None, int(i)).indices(n)[1] for i in indices_or_sections]
    else:
        count = int(indices_or_sections)
        if count <= 0:
            raise ValueError("number sections must be larger than 0.")
        small, more = divmod(n, count)
        marks = [i * small + min(i, more) for i in range(1, count)]
    starts, stops = [0, *marks], [*marks, n]
    before = (slice(None),) * axis
    return [x[*before, i : max(i, j)] for i, j in zip(starts, stops, strict=True)]


@covers(np.split)
def split(ary: Any, indices_or_sections: Any, axis: Any = 0) -> list[Any]:
    """Split along an axis into equal sections, or at indices."""
    x = operand(ary)
    if not isinstance(indices_or_sections, Sequence | np.ndarray):
        n = shape(x)[one_axis(axis, ndim(x))]
        if n % indices_or_sections:
            raise ValueError("array split does not result in an equal division")
    return array_split(x, indices_or_sections, axis)


def _splitter(name: str, least: int, axis: int) -> Any:
    def function(ary: Any, indices_or_sections: Any) -> list[Any]:
        x = operand(ary)
        if ndim(x) < least:
            raise ValueError(f"{name} only works on arrays of {least} or more dimensions")
        return split(x, indices_or_sections, 0 if ndim(x) == 1 else axis)

    function.__name__, function.__doc__ = name, f"Split along axis {axis}."
    return function


for _name, _least, _axis in (("vsplit", 2, 0), ("hsplit", 1, 1), ("dsplit", 3, 2)):
    covers(getattr(np, _name))(_splitter(_name, _least, _axis))


@covers(getattr(np, "unstack", None))  # NumPy 2.1
def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    """Return the parts along an axis, without it."""
    x = operand(x)
    if ndim(x) == 0:
        raise ValueError("Input array must be at least 1-d.")
    i = one_axis(axis, ndim(x))
    before = (slice(None),) * i
    return tuple(x[*before, k] for k in range(shape(x)[i]))


# Repeating ------------------------------------------------------------------------------------


@covers(np.tile)
def tile(A: Any, reps: Any) -> Any:
    """Repeat the whole array along axes."""
    x, reps = operand(A), sizes_of(reps)
    n = max(ndim(x), len(reps))
    sizes, reps = (*(1,) * (n - ndim(x)), *shape(x)), (*(1,) * (n - len(reps)), *reps)
    x = reshaped(x, tuple(k for size in sizes for k in (1, size)))
    x = spread(x, tuple(k for pair in zip(reps, sizes, strict=True) for k in pair))
    return reshaped(x, tuple(r * size for r, size in zip(reps, sizes, strict=True)))


@method("repeat")
@covers(np.repeat)
def repeat(a: Any, repeats: Any, axis: Any = None) -> Any:
    """Repeat each element along an axis."""
    x = operand(a)
    if axis is None:
        x, axis = ravel(x), 0
    i = one_axis(axis, ndim(x))
    sizes = shape(x)
    counts = np.asarray(repeats)
    if counts.size == 1:
        times = int(counts.reshape(()))
        if times < 0:
            raise ValueError("repeats may not contain negative values.")
        x = spread(reshaped(x, (*sizes[: i + 1], 1, *sizes[i + 1 :])), (*sizes[: i + 1], times, *sizes[i + 1 :]))
        return reshaped(x, (*sizes[:i], sizes[i] * times, *sizes[i + 1 :]))
    return take(x, np.repeat(np.arange(sizes[i]), counts), i)


@covers(np.resize)
def resize(a: Any, new_shape: Any) -> Any:
    """Return the elements over and over, in a new shape."""
    x, new = ravel(operand(a)), sizes_of(new_shape)
    size = math.prod(new)
    if shape(x)[0] == 0 or size == 0:
        return np.zeros(new, dtype_of(x))
    return reshaped(cut_along(tile(x, -(-size // shape(x)[0])), 0, 0, size), new)
