"""Sorting, searching and order statistics."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core import source
from pullback.core.errors import NotWritten
from pullback.primitives.arithmetic import add, div, mul, sub
from pullback.primitives.choice import select
from pullback.primitives.comparison import equal, greater, isnan, less
from pullback.primitives.reductions import any_
from pullback.primitives.sorting import argsort, searchsorted, sort

from .arguments import (
    as_dtype,
    dtype_of,
    is_missing,
    keep_axes,
    ndim,
    one_axis,
    operand,
    permute,
    refuse,
    reshaped,
    shape,
    some_axes,
    strong,
)
from .indexing import take
from .joining import cut_along
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
@covers(np.argsort)
def arg_sorted(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    """Return the indices that sort along an axis; equal elements keep their order."""
    refuse("argsort", order=order)
    x = operand(a)
    if axis is None:
        x, axis = ravel(x), 0
    return argsort(x, axis=one_axis(axis, ndim(x)))


@method("searchsorted")
@covers(np.searchsorted)
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


@covers(np.digitize)
def digitize(x: Any, bins: Any, right: bool = False) -> Any:
    """Which bin each element lies in; increasing bins."""
    edges = operand(bins)
    return searchsorted(edges, operand(x), side="left" if right else "right")


@covers(np.interp)
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    """Piecewise linear interpolation; derivatives by the points and by the values."""
    refuse("interp", period=period)
    x, xp, fp = operand(x), operand(xp), operand(fp)
    x, xp, fp = as_dtype(x, float), as_dtype(xp, float), as_dtype(fp, complex if dtype_of(fp).kind == "c" else float)
    n = shape(xp)[0]
    if shape(xp) != shape(fp):
        raise ValueError("fp and xp are not of the same length.")
    if n == 0:
        raise ValueError("array of sample points is empty")
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


def _one_last(x: Any, axis: Any) -> tuple[Any, tuple[int, ...]]:
    """Return x with the axes to be reduced as one last axis, and those axes."""
    axes = some_axes(axis, ndim(x))
    kept = tuple(i for i in range(ndim(x)) if i not in axes)
    x = permute(x, (*kept, *axes))
    size = int(np.prod(shape(x)[len(kept) :]))
    return reshaped(x, (*shape(x)[: len(kept)], size)), axes


@covers(np.median)
def median(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: Any = False) -> Any:
    """Middle of the sorted elements, or the mean of the two in the middle."""
    x = operand(a)
    half = np.asarray(0.5, dtype_of(x) if dtype_of(x).kind == "f" else float)
    return _quantile("median", x, half, axis, out, overwrite_input, "linear", keepdims)


@covers(np.quantile)
def quantile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: Any = False,
    *,
    weights: Any = None,
) -> Any:
    """Quantiles, by linear interpolation between sorted elements."""
    refuse("quantile", weights=weights)
    return _quantile("quantile", a, _fractions(q, a), axis, out, overwrite_input, method, keepdims)


@covers(np.percentile)
def percentile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: Any = False,
    *,
    weights: Any = None,
) -> Any:
    """Percentiles, by linear interpolation between sorted elements."""
    refuse("percentile", weights=weights)
    q = _fractions(q, a)
    return _quantile("percentile", a, np.asarray(q / q.dtype.type(100)), axis, out, overwrite_input, method, keepdims)


def _fractions(q: Any, a: Any) -> np.ndarray:
    """Return q as an array; a Python number in the dtype of what is sorted."""
    dtype = dtype_of(operand(a))
    return np.asarray(
        q, dtype if type(q) in (int, float) and dtype.kind == "f" else np.result_type(np.asarray(q), np.float16)
    )


def _quantile(name: str, a: Any, q: Any, axis: Any, out: Any, overwrite: bool, method: str, keepdims: Any) -> Any:
    refuse(name, out=out, overwrite_input=overwrite or None)
    if method not in ("linear", "lower", "higher", "midpoint", "nearest"):
        raise NotWritten(f"np.{name}(method={method!r})", where=source.here(), fix='method="linear"')
    if np.any((q < 0) | (q > 1)):
        raise ValueError("Quantiles must be in the range [0, 1]")
    x = operand(a)
    whole = shape(x)
    blends = method in ("linear", "midpoint")
    flat, axes = _one_last(as_dtype(x, float) if blends and dtype_of(x).kind in "biu" else x, axis)
    dtype = np.result_type(dtype_of(flat), q.dtype) if blends else dtype_of(flat)
    n, last = shape(flat)[-1], ndim(flat) - 1
    if n == 0:
        raise IndexError("cannot take a quantile of no elements")
    ordered = sort(flat, axis=last)
    place = q * (n - 1)
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, n - 1)
    part = {"linear": place - low, "lower": 0 * place, "higher": (place > low) * 1.0, "midpoint": (place > low) * 0.5}
    weight = part[method] if method in part else (np.rint(place) > low) * 1.0
    results = [_between(ordered, last, i, j, t) for i, j, t in zip(low.flat, high.flat, weight.flat, strict=True)]
    if dtype_of(flat).kind == "f":
        bad = any_(isnan(flat), axes=(last,))
        results = [select(bad, dtype_of(r).type(np.nan), r) for r in results]
    results = [as_dtype(r, dtype) for r in results]
    if not is_missing(keepdims) and keepdims:
        results = [keep_axes(r, whole, axes) for r in results]
    return results[0] if q.ndim == 0 else reshaped(np.stack(results), (*q.shape, *shape(results[0])))


def _between(ordered: Any, axis: int, i: int, j: int, t: float) -> Any:
    rest = shape(ordered)[:axis]
    a = reshaped(cut_along(ordered, axis, i, i + 1), rest)
    if t == 0 or i == j:
        return a
    b = reshaped(cut_along(ordered, axis, j, j + 1), rest)
    width = sub(b, a)
    return add(a, mul(width, t)) if t < 0.5 else sub(b, mul(width, 1 - t))


def _partition(name: str, instead: str) -> Any:
    def function(*args: Any, **kwargs: Any) -> Any:
        raise NotWritten(
            f"np.{name} of something that is being differentiated or traced",
            where=source.here(),
            fix=f"np.{instead}(x): in its k-th place, too, stands the k-th element",
        )

    return function


covers(np.partition)(_partition("partition", "sort"))
method("argpartition")(covers(np.argpartition)(_partition("argpartition", "argsort")))
