"""Sorting, searching and order statistics."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.tracer import concrete
from pullback.primitives.arithmetic import add, div, mul, sub
from pullback.primitives.choice import select
from pullback.primitives.comparison import equal, greater, less
from pullback.primitives.indexing import take_along
from pullback.primitives.sorting import argsort, searchsorted, sort

from .arguments import (
    as_dtype,
    dtype_of,
    ndim,
    one_axis,
    operand,
    refuse,
    shape,
    strong,
)
from .indexing import take
from .registry import covers, method
from .shapes import ravel

__all__ = ["sorted_"]


@covers(np.sort)
def sorted_(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    """Elements in ascending order along an axis."""
    refuse("sort", order=order)
    x = strong(operand(a))
    if axis is None:
        x, axis = ravel(x), 0
    return sort(x, axis=one_axis(axis, ndim(x)))


@method("argsort")
@covers(np.argsort, moves=False)
def arg_sorted(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    """Return the indices that sort along an axis; equal elements keep their order."""
    refuse("argsort", order=order)
    x = operand(a)
    if axis is None:
        x, axis = ravel(x), 0
    return argsort(x, axis=one_axis(axis, ndim(x)))


@method("searchsorted")
@covers(np.searchsorted, moves=False)
def search_sorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    """Where elements would go in a sorted vector."""
    x = operand(a)
    if ndim(x) != 1:
        raise ValueError("object of too small depth for desired array" if ndim(x) == 0 else "a must be 1-D")
    if sorter is not None:
        x = take(x, sorter)
    if side not in ("left", "right"):
        raise ValueError(f"search side must be 'left' or 'right' (got {side!r})")
    return searchsorted(x, operand(v), side=side)


@covers(np.digitize, moves=False)
def digitize(x: Any, bins: Any, right: bool = False) -> Any:
    """Which bin each element lies in; bins without values are taken to increase."""
    edges, x = operand(bins), operand(x)
    known = concrete(edges)
    side = "left" if right else "right"
    if known is None or not len(known) or known[0] <= known[-1]:
        return searchsorted(edges, x, side=side)
    return shape(edges)[0] - searchsorted(np.flip(edges), x, side=side)


@covers(np.interp)
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    """Piecewise linear interpolation; derivatives by the points and by the values."""
    x, xp, fp = operand(x), operand(xp), operand(fp)
    x, xp, fp = as_dtype(x, float), as_dtype(xp, float), as_dtype(fp, complex if dtype_of(fp).kind == "c" else float)
    if ndim(xp) != 1 or ndim(fp) != 1:
        raise ValueError("Data points must be 1-D sequences")
    n = shape(xp)[0]
    if shape(xp) != shape(fp):
        raise ValueError("fp and xp are not of the same length.")
    if n == 0:
        raise ValueError("array of sample points is empty")
    if period is not None:
        x, xp, fp = _around(x, xp, fp, period)
        left, right, n = None, None, n + 2
    first, last = take(fp, 0), take(fp, n - 1)
    if n == 1:
        inside = mul(add(x, 0.0), 0.0) + first
    else:
        i = searchsorted(xp, x, side="right")
        i = np.clip(i - 1, 0, n - 2)
        x0, f0 = take(xp, i), take(fp, i)
        slope = div(sub(take(fp, i + 1), f0), sub(take(xp, i + 1), x0))
        inside = add(mul(slope, sub(x, x0)), f0)
    result = select(less(x, take(xp, 0)), first if left is None else operand(left), inside)
    outside = greater(x, take(xp, n - 1))
    result = select(outside, last if right is None else operand(right), result)
    return select(equal(x, take(xp, n - 1)), last, result)


def _around(x: Any, xp: Any, fp: Any, period: Any) -> tuple[Any, Any, Any]:
    """Return points in one period, sorted, with a neighbour from the periods before and after."""
    period = operand(period)
    known = concrete(period)
    if known is not None and known == 0:
        raise ValueError("period must be a non-zero value")
    period = np.abs(period)
    x, xp = x % period, xp % period
    order = argsort(xp, axis=0)
    xp, fp = take(xp, order), take(fp, order)
    xp = np.concatenate([xp[-1:] - period, xp, xp[:1] + period])
    return x, xp, np.concatenate([fp[-1:], fp, fp[:1]])


@covers(np.partition)
def partition(a: Any, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None) -> Any:
    """Return all elements in ascending order: what NumPy promises of a partition, and more."""
    _check_places(a, kth, axis)
    return sorted_(a, axis, order=order)


@method("argpartition")
@covers(np.argpartition, moves=False)
def arg_partition(a: Any, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None) -> Any:
    """Return the indices that sort: what NumPy promises of a partition, and more."""
    _check_places(a, kth, axis)
    return arg_sorted(a, axis, order=order)


def _check_places(a: Any, kth: Any, axis: Any) -> None:
    x = operand(a)
    n = int(np.prod(shape(x))) if axis is None else shape(x)[one_axis(axis, ndim(x))]
    for k in np.atleast_1d(kth).tolist():
        if n and not -n <= k < n:
            raise ValueError(f"kth(={k}) out of bounds ({n})")


@covers(np.lexsort, moves=False)
def lexsort(keys: Any, axis: Any = -1) -> Any:
    """Return the indices that sort by several keys, the last one first."""
    keys = list(keys) if isinstance(keys, list | tuple) else [operand(keys)[i] for i in range(shape(operand(keys))[0])]
    if not keys:
        raise TypeError("need sequence of keys with len > 0 in lexsort")
    keys = [operand(key) for key in keys]
    if not ndim(keys[0]):
        return np.zeros((), np.intp)
    axis = one_axis(axis, ndim(keys[0]))
    order = argsort(keys[0], axis=axis)
    for key in keys[1:]:
        order = take_along(order, argsort(take_along(key, order, axis), axis=axis), axis)
    return order


@covers(np.sort_complex)
def sort_complex(a: Any) -> Any:
    """Sort along the last axis, and make complex numbers of the elements."""
    x = sorted_(a)
    kind = dtype_of(x)
    return x if kind.kind == "c" else as_dtype(x, np.complex64 if kind.char in "bhBH" else np.complex128)
