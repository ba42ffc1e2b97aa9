"""Reductions: sums, products, extremes, any and all along axes; ``where=`` and ``initial=`` work."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.recorder import bind
from pullback.core.tracer import Tracer
from pullback.primitives.arithmetic import add, mul, sub
from pullback.primitives.choice import maximum, minimum, select
from pullback.primitives.reductions import all_, any_, argmax, argmin, max_, min_, prod, sum_, without

from .arguments import (
    as_dtype,
    dtype_of,
    is_missing,
    keep_axes,
    missing,
    ndim,
    one_axis,
    operand,
    refuse,
    reshaped,
    shape,
    some_axes,
    strong,
)
from .registry import covers, method

__all__ = ["every", "largest", "product", "smallest", "some", "total"]


def wide(x: Any, dtype: Any) -> Any:
    """Return x in the dtype in which NumPy adds: small integers and booleans are widened."""
    if dtype is None:
        kind, size = dtype_of(x).kind, dtype_of(x).itemsize
        if kind == "b" or (kind == "i" and size < np.dtype(int).itemsize):
            dtype = int
        elif kind == "u" and size < np.dtype(np.uint).itemsize:
            dtype = np.uint
    return strong(as_dtype(x, dtype))


def only(x: Any, where: Any, otherwise: Any) -> Any:
    """Return x where `where`, and `otherwise` elsewhere."""
    if is_missing(where) or where is True:
        return x
    return select(operand(where), x, dtype_of(x).type(otherwise))


def wants_axes(keepdims: Any) -> bool:
    """Return whether reduced axes are to be kept as axes of size 1."""
    return keepdims is not missing and bool(keepdims)


@method("sum")
@covers(np.sum)
def total(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = missing,
    initial: Any = missing,
    where: Any = missing,
) -> Any:
    """Sum along axes."""
    if type(a) is Tracer and dtype is None and out is None and initial is missing and where is missing:
        kind = a.type
        if kind.inexact and not kind.weak:  # most sums: 1 µs is saved
            axes = some_axes(axis, kind.ndim)
            return bind(sum_, (a,), {"axes": axes, "keepdims": wants_axes(keepdims)})
    refuse("sum", out=out)
    x = wide(operand(a), dtype)
    x = only(x, where, 0)
    axes = some_axes(axis, ndim(x))
    result = sum_(x, axes=axes, keepdims=wants_axes(keepdims))
    return result if is_missing(initial) else add(result, as_dtype(operand(initial), dtype_of(result)))


@method("prod")
@covers(np.prod)
def product(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = missing,
    initial: Any = missing,
    where: Any = missing,
) -> Any:
    """Product along axes."""
    refuse("prod", out=out)
    x = only(wide(operand(a), dtype), where, 1)
    axes = some_axes(axis, ndim(x))
    result = prod(x, axes=axes, keepdims=wants_axes(keepdims))
    return result if is_missing(initial) else mul(result, as_dtype(operand(initial), dtype_of(result)))


def extreme(name: str, a: Any, axis: Any, keepdims: Any, initial: Any, where: Any) -> Any:
    """Return the maximum ("max") or minimum ("min") along axes, with NumPy's options."""
    x = strong(operand(a))
    reduce, pair = (max_, maximum) if name == "max" else (min_, minimum)
    if not (is_missing(where) or where is True):
        if is_missing(initial):
            raise ValueError(
                f"reduction operation '{name}imum' does not have an identity, so to use a where mask one has to "
                "specify 'initial'"
            )
        x = select(operand(where), x, as_dtype(operand(initial), dtype_of(x)))
    axes = some_axes(axis, ndim(x))
    empty = any(shape(x)[i] == 0 for i in axes)
    if empty and is_missing(initial):
        raise ValueError(f"zero-size array to reduction operation {name}imum which has no identity")
    if empty:
        return np.full(without(shape(x), axes, wants_axes(keepdims)), initial, dtype_of(x))[()]
    result = reduce(x, axes=axes, keepdims=wants_axes(keepdims))
    return result if is_missing(initial) else pair(result, as_dtype(operand(initial), dtype_of(x)))


@method("max")
@covers(np.max, np.amax)
def largest(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = missing, initial: Any = missing, where: Any = missing
) -> Any:
    """Maximum along axes; ties share the derivative."""
    refuse("max", out=out)
    return extreme("max", a, axis, keepdims, initial, where)


@method("min")
@covers(np.min, np.amin)
def smallest(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = missing, initial: Any = missing, where: Any = missing
) -> Any:
    """Minimum along axes; ties share the derivative."""
    refuse("min", out=out)
    return extreme("min", a, axis, keepdims, initial, where)


@covers(np.ptp)
def spread(a: Any, axis: Any = None, out: Any = None, keepdims: Any = missing) -> Any:
    """Maximum minus minimum."""
    refuse("ptp", out=out)
    return sub(largest(a, axis, keepdims=keepdims), smallest(a, axis, keepdims=keepdims))


def _truth(reduce: Any, neutral: bool, a: Any, axis: Any, keepdims: Any, where: Any) -> Any:
    x = operand(a)
    if not (is_missing(where) or where is True):
        x = select(operand(where), as_dtype(x, bool), neutral)
    axes = some_axes(axis, ndim(x))
    return reduce(x, axes=axes, keepdims=wants_axes(keepdims))


@method("any")
@covers(np.any, moves=False)
def some(a: Any, axis: Any = None, out: Any = None, keepdims: Any = missing, *, where: Any = missing) -> Any:
    """Whether any element along axes is true."""
    refuse("any", out=out)
    return _truth(any_, False, a, axis, keepdims, where)


@method("all")
@covers(np.all, moves=False)
def every(a: Any, axis: Any = None, out: Any = None, keepdims: Any = missing, *, where: Any = missing) -> Any:
    """Whether all elements along axes are true."""
    refuse("all", out=out)
    return _truth(all_, True, a, axis, keepdims, where)


@covers(np.count_nonzero, moves=False)
def count_nonzero(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """Count of the elements that are not zero."""
    x = operand(a)
    axes = some_axes(axis, ndim(x))
    return sum_(as_dtype(as_dtype(x, bool), int), axes=axes, keepdims=wants_axes(keepdims))


def _arg(name: str, reduce: Any, a: Any, axis: Any, keepdims: Any) -> Any:
    x = operand(a)
    n = ndim(x)
    where = 0 if axis is None else one_axis(axis, n)
    flat = reshaped(x, (-1 if not n else int(np.prod(shape(x))),)) if axis is None and n else x
    flat = reshaped(x, (1,)) if n == 0 else flat
    if shape(flat)[where] == 0:
        raise ValueError(f"attempt to get {name} of an empty sequence")
    result = reduce(flat, axis=where)
    if is_missing(keepdims) or not keepdims:
        return result
    return keep_axes(result, shape(x), tuple(range(n)) if axis is None else (where,))


@method("argmax")
@covers(np.argmax, moves=False)
def arg_largest(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = missing) -> Any:
    """Index of the maximum."""
    refuse("argmax", out=out)
    return _arg("argmax", argmax, a, axis, keepdims)


@method("argmin")
@covers(np.argmin, moves=False)
def arg_smallest(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = missing) -> Any:
    """Index of the minimum."""
    refuse("argmin", out=out)
    return _arg("argmin", argmin, a, axis, keepdims)
