"""``np.add.reduce`` and the other methods of ufuncs: reduce, accumulate, outer, at, reduceat."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pullback.core import dispatch, source
from pullback.core.errors import NotWritten
from pullback.primitives.arithmetic import add, sub
from pullback.primitives.choice import select
from pullback.primitives.comparison import equal, isinf
from pullback.primitives.cumulative import cummax, cummin, cumprod, cumsum
from pullback.primitives.exponential import exp, log
from pullback.primitives.reductions import max_, sum_

from .arguments import (
    as_dtype,
    dtype_of,
    is_missing,
    keep_axes,
    missing,
    ndim,
    one_axis,
    operand,
    permute,
    refuse,
    reshaped,
    shape,
    some_axes,
)
from .joining import cut_along, stack
from .outputs import store
from .reductions import every, largest, product, smallest, some, total, wide
from .ufuncs import call_ufunc
from .writing import change_at

__all__ = ["ufunc_method"]


def ufunc_method(ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """Answer ``ufunc.method(...)`` of Tracers."""
    out = kwargs.pop("out", None)
    result = _METHODS[method](ufunc, *inputs, **kwargs)
    (out,) = out if isinstance(out, tuple) else (out,)
    return result if out is None else store(f"{ufunc.__name__}.{method}", out, result)


def _reduce(
    ufunc: np.ufunc,
    array: Any,
    axis: Any = 0,
    dtype: Any = None,
    keepdims: bool = False,
    initial: Any = missing,
    where: Any = missing,
) -> Any:
    where = missing if where is True else where
    if axis in (0, -1) and type(axis) is int and not ndim(operand(array)):
        axis = ()  # as NumPy has it
    if ufunc in (np.add, np.multiply):
        return (total if ufunc is np.add else product)(array, axis, dtype, None, keepdims, initial, where)
    if ufunc in _EXTREMES:
        return _EXTREMES[ufunc](as_dtype(operand(array), dtype), axis, None, keepdims, initial, where)
    if ufunc in _LOGICAL and is_missing(initial):
        return _LOGICAL[ufunc](array, axis, None, keepdims, where=where)
    x = as_dtype(operand(array), dtype)
    axes = some_axes(axis, ndim(x))
    if not is_missing(where):
        x = _others_neutral(ufunc, x, where, initial)
    if ufunc is np.logaddexp and dtype_of(x).kind == "f" and axes and all(shape(x)[i] for i in axes):
        result = _log_sum_exp(x, axes)
        result = result if is_missing(initial) else call_ufunc(ufunc, result, operand(initial))
    else:
        result = _folded(ufunc, x, axes, initial)
    return keep_axes(result, shape(x), axes) if keepdims else result


def _others_neutral(ufunc: np.ufunc, x: Any, where: Any, initial: Any) -> Any:
    """Return x with the element that changes nothing in place of those that are left out."""
    neutral = ufunc.identity
    if ufunc in _REORDERABLE and not is_missing(initial):
        neutral = initial
    if neutral is None:
        raise NotWritten(
            f"np.{ufunc.__name__}.reduce(where=...) of something that is being differentiated or traced",
            where=source.here(),
            why="the ufunc has no neutral element to stand for what is left out",
            fix="leave the elements out first: x[i], or np.where with an element that changes nothing",
        )
    return select(operand(where), x, as_dtype(operand(neutral), dtype_of(x)))


def _log_sum_exp(x: Any, axes: tuple[int, ...]) -> Any:
    """``m + log Σ exp(x - m)``: one pass where folding would take a step an element.

    An infinite m is all there is to the sum, and moves as the largest element does: ties share.
    """
    m = max_(x, axes=axes)
    zero = dtype_of(x).type(0)
    top = keep_axes(m, shape(x), axes)
    below = sub(x, select(isinf(top), zero, top))
    below = select(isinf(top), select(equal(x, top), zero, dtype_of(x).type(-np.inf)), below)
    return add(m, log(sum_(exp(below), axes=axes)))


def _folded(ufunc: np.ufunc, x: Any, axes: tuple[int, ...], initial: Any) -> Any:
    """Fold axes, element by element, as NumPy does."""
    if len(axes) > 1:
        if not (ufunc.identity is not None or ufunc in _REORDERABLE):
            raise ValueError(
                f"reduction operation {ufunc.__name__!r} is not reorderable, so at most one axis may be specified"
            )
        kept = tuple(i for i in range(ndim(x)) if i not in axes)
        sizes = tuple(shape(x)[i] for i in kept)
        x = reshaped(permute(x, (*axes, *kept)), (math.prod(shape(x)[i] for i in axes), *sizes))
        axes = (0,)
    if not axes:
        return x if is_missing(initial) else call_ufunc(ufunc, operand(initial), x)
    parts = _slices(x, axes[0])
    if not is_missing(initial):
        loop = ufunc.resolve_dtypes((dtype_of(x), dtype_of(x), None))[-1]
        parts.insert(0, as_dtype(operand(initial), loop))
    elif not parts:
        if ufunc.identity is None:
            raise ValueError(f"zero-size array to reduction operation {ufunc.__name__} which has no identity")
        return np.full((*shape(x)[: axes[0]], *shape(x)[axes[0] + 1 :]), ufunc.identity, dtype_of(x))
    result = parts[0]
    for part in parts[1:]:
        result = call_ufunc(ufunc, result, part)
    return result


def _slices(x: Any, axis: int) -> list[Any]:
    rest = (*shape(x)[:axis], *shape(x)[axis + 1 :])
    return [reshaped(cut_along(x, axis, i, i + 1), rest) for i in range(shape(x)[axis])]


def _accumulate(ufunc: np.ufunc, array: Any, axis: Any = 0, dtype: Any = None) -> Any:
    x = operand(array)
    if ndim(x) == 0:
        raise TypeError("cannot accumulate on a scalar")
    i = one_axis(axis, ndim(x))
    if ufunc in _RUNNING:
        x = wide(x, dtype) if ufunc in (np.add, np.multiply) else as_dtype(x, dtype)
        return _RUNNING[ufunc](x, axis=i)
    results: list[Any] = []
    for part in _slices(as_dtype(x, dtype), i):
        results.append(call_ufunc(ufunc, results[-1], part) if results else part)
    return stack(results, i) if results else x


def _outer(ufunc: np.ufunc, a: Any, b: Any, **options: Any) -> Any:
    refuse(f"{ufunc.__name__}.outer", **options)
    a, b = operand(a), operand(b)
    return call_ufunc(ufunc, reshaped(a, (*shape(a), *(1,) * ndim(b))), b)


def _reduceat(ufunc: np.ufunc, array: Any, indices: Any, axis: Any = 0, dtype: Any = None) -> Any:
    x = operand(array)
    i = one_axis(axis, ndim(x))
    marks = [int(k) for k in np.asarray(indices)]
    n = shape(x)[i]
    if any(not 0 <= k < n for k in marks):
        raise IndexError(f"index out-of-bounds in {ufunc.__name__}.reduceat")
    parts = []
    for start, stop in zip(marks, [*marks[1:], n], strict=True):
        piece = cut_along(x, i, start, stop if stop > start else start + 1)
        parts.append(_reduce(ufunc, piece, i, dtype))
    return stack(parts, i)


_REORDERABLE = frozenset({np.fmax, np.fmin})  # and all that have a neutral element
_EXTREMES: dict[np.ufunc, Callable[..., Any]] = {np.maximum: largest, np.minimum: smallest}
_LOGICAL: dict[np.ufunc, Callable[..., Any]] = {np.logical_and: every, np.logical_or: some}
_RUNNING: dict[np.ufunc, Callable[..., Any]] = {
    np.add: cumsum,
    np.multiply: cumprod,
    np.maximum: cummax,
    np.minimum: cummin,
}
_METHODS: dict[str, Callable[..., Any]] = {
    "reduce": _reduce,
    "accumulate": _accumulate,
    "outer": _outer,
    "at": change_at,
    "reduceat": _reduceat,
}

dispatch.register(np.ufunc, ufunc_method)
