"""Moments: means, variances, standard deviations.

At zero variance the derivative of `std` follows the convention for norms.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.primitives.arithmetic import add, div, mul, sub
from pullback.primitives.choice import maximum, select
from pullback.primitives.comparison import equal
from pullback.primitives.complex import imag, real
from pullback.primitives.exponential import square
from pullback.primitives.norms import root
from pullback.primitives.reductions import sum_

from .arguments import (
    as_dtype,
    dtype_of,
    is_missing,
    keep_axes,
    missing,
    ndim,
    operand,
    refuse,
    reshaped,
    shape,
    some_axes,
    strong,
)
from .reductions import only, total
from .registry import covers, method

__all__ = ["average", "mean", "std", "var"]


def _count(x: Any, axes: tuple[int, ...], where: Any) -> Any:
    """Return how many elements go into each result: an int, or with `where` an array with kept axes."""
    if is_missing(where) or where is True:
        size = 1
        for i in axes:
            size *= shape(x)[i]
        return size
    chosen = select(operand(where), np.ones(shape(x), int), 0)
    return keep_axes(sum_(chosen, axes=axes), shape(x), axes)


def _floating(x: Any, dtype: Any) -> Any:
    """Return x in the dtype in which NumPy averages: integers as float64."""
    if dtype is None and dtype_of(x).kind in "biu":
        dtype = float
    return strong(as_dtype(x, dtype))


@method("mean")
@covers(np.mean)
def mean(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = missing, *, where: Any = missing
) -> Any:
    """Arithmetic mean along axes."""
    refuse("mean", out=out)
    x = _floating(operand(a), dtype)
    axes = some_axes(axis, ndim(x))
    summed = sum_(only(x, where, 0), axes=axes)
    count = _count(x, axes, where)
    if not isinstance(count, int):
        count = dropped(count, axes)
    result = _nan_of_none(as_dtype(div(summed, count), dtype_of(x)), count)
    return keep_axes(result, shape(x), axes) if not is_missing(keepdims) and keepdims else result


def _nan_of_none(result: Any, count: Any) -> Any:
    """Return NaN where no element is counted, which does not move: both ways, where 0/0 would do so in one."""
    return result if isinstance(count, int) else select(equal(count, 0), dtype_of(result).type(np.nan), result)


def dropped(kept: Any, axes: tuple[int, ...]) -> Any:
    """Return a result without the axes of size 1 that a reduction has kept."""
    return reshaped(kept, tuple(n for i, n in enumerate(shape(kept)) if i not in axes))


@method("var")
@covers(np.var)
def var(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = missing,
    *,
    where: Any = missing,
    mean: Any = missing,
    correction: Any = missing,
) -> Any:
    """Variance along axes; of complex numbers the real variance of both parts."""
    refuse("var", out=out)
    if not is_missing(correction):
        if ddof != 0:
            raise ValueError("ddof and correction can't be provided simultaneously.")
        ddof = correction
    x = _floating(operand(a), dtype)
    axes = some_axes(axis, ndim(x))
    count = _count(x, axes, where)
    away = sub(x, _middle(x, axes, where, count) if is_missing(mean) else as_dtype(operand(mean), dtype_of(x)))
    squares = add(square(real(away)), square(imag(away))) if dtype_of(x).kind == "c" else square(away)
    summed = sum_(only(squares, where, 0), axes=axes)
    freedom = max(count - ddof, 0) if isinstance(count, int) else maximum(sub(dropped(count, axes), ddof), 0)
    result = as_dtype(div(summed, freedom), dtype_of(squares))
    if not isinstance(count, int):
        result = _nan_of_none(result, dropped(count, axes))
    return keep_axes(result, shape(x), axes) if not is_missing(keepdims) and keepdims else result


def _middle(x: Any, axes: tuple[int, ...], where: Any, count: Any) -> Any:
    """Return the mean, so that it broadcasts against x."""
    summed = sum_(only(x, where, 0), axes=axes)
    if len(axes) < ndim(x) or not isinstance(count, int):
        summed = keep_axes(summed, shape(x), axes)
    return as_dtype(div(summed, count), dtype_of(x))


@method("std")
@covers(np.std)
def std(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = missing,
    *,
    where: Any = missing,
    mean: Any = missing,
    correction: Any = missing,
) -> Any:
    """Return the standard deviation along axes."""
    return root(var(a, axis, dtype, out, ddof, keepdims, where=where, mean=mean, correction=correction))


@covers(np.average)
def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = missing) -> Any:
    """Weighted mean along axes."""
    x = operand(a)
    if weights is None:
        result = mean(x, axis, keepdims=keepdims)
        count = _count(x, some_axes(axis, ndim(x)), missing)
        return (result, np.full(shape(result), count, dtype_of(result))[()]) if returned else result
    w = _weights(x, operand(weights), axis)
    scale = total(w, axis, keepdims=keepdims)
    result = div(total(mul(x, w), axis, keepdims=keepdims), scale)
    return (result, scale) if returned else result


def _weights(x: Any, w: Any, axis: Any) -> Any:
    if dtype_of(w).kind in "biu":
        w = as_dtype(w, np.result_type(dtype_of(x), dtype_of(w), "f8"))
    if shape(w) == shape(x):
        return w
    if axis is None:
        raise TypeError("Axis must be specified when shapes of a and weights differ.")
    axes = some_axes(axis, ndim(x))
    if shape(w) != tuple(shape(x)[i] for i in axes):
        raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
    return add(reshaped(w, tuple(n if i in axes else 1 for i, n in enumerate(shape(x)))), np.zeros(shape(x)))
