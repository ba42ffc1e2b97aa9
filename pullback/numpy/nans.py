"""Reductions that leave NaNs out."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.tracer import concrete
from pullback.primitives.choice import select
from pullback.primitives.comparison import isnan, logical_and, logical_not
from pullback.primitives.reductions import any_

from .arguments import dtype_of, is_missing, keep_axes, missing, ndim, operand, refuse, shape, some_axes
from .cumulative import cumulative_product, cumulative_sum
from .moments import dropped, mean, std, var
from .reductions import extreme, only, product, total
from .registry import covers

__all__ = ["nanmax", "nanmean", "nanmin", "nanstd", "nansum", "nanvar"]


def _numbers(a: Any) -> tuple[Any, Any]:
    x = operand(a)
    return x, logical_not(isnan(x))


@covers(np.nansum)
def nansum(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = missing,
    initial: Any = missing,
    where: Any = missing,
) -> Any:
    """Sum, NaNs as zeros."""
    x, there = _numbers(a)
    return total(only(x, there, 0), axis, dtype, out, keepdims, initial, where)


@covers(np.nanprod)
def nanprod(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = missing,
    initial: Any = missing,
    where: Any = missing,
) -> Any:
    """Product, NaNs as ones."""
    x, there = _numbers(a)
    return product(only(x, there, 1), axis, dtype, out, keepdims, initial, where)


@covers(np.nanmean)
def nanmean(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = missing, *, where: Any = missing
) -> Any:
    """Mean of the elements that are not NaN."""
    x, there = _numbers(a)
    return mean(x, axis, dtype, out, keepdims, where=_both(there, where))


def _both(there: Any, where: Any) -> Any:
    return there if is_missing(where) else logical_and(there, operand(where))


@covers(np.nanvar)
def nanvar(
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
    """Variance of the elements that are not NaN."""
    x, there = _numbers(a)
    return var(x, axis, dtype, out, ddof, keepdims, where=_both(there, where), mean=mean, correction=correction)


@covers(np.nanstd)
def nanstd(
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
    """Return the standard deviation of the elements that are not NaN."""
    x, there = _numbers(a)
    return std(x, axis, dtype, out, ddof, keepdims, where=_both(there, where), mean=mean, correction=correction)


def _nan_extreme(name: str, a: Any, axis: Any, out: Any, keepdims: Any, initial: Any, where: Any) -> Any:
    refuse(f"nan{name}", out=out)
    x, there = _numbers(a)
    if dtype_of(x).kind not in "f":
        return extreme(name, x, axis, keepdims, initial, where)
    axes = some_axes(axis, ndim(x))
    worst = -np.inf if name == "max" else np.inf
    found = extreme(name, only(x, there, worst), axis, True, initial, where)
    if not is_missing(initial):  # NumPy starts from it, and it is a number
        return found if not is_missing(keepdims) and keepdims else dropped(found, axes)
    none = logical_not(keep_axes(any_(there, axes=axes), shape(x), axes))
    found = select(none, dtype_of(x).type(np.nan), found)
    return found if not is_missing(keepdims) and keepdims else dropped(found, axes)


@covers(np.nanmax)
def nanmax(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = missing, initial: Any = missing, where: Any = missing
) -> Any:
    """Maximum of the elements that are not NaN."""
    return _nan_extreme("max", a, axis, out, keepdims, initial, where)


@covers(np.nanmin)
def nanmin(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = missing, initial: Any = missing, where: Any = missing
) -> Any:
    """Minimum of the elements that are not NaN."""
    return _nan_extreme("min", a, axis, out, keepdims, initial, where)


@covers(np.nancumsum)
def nancumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """Sum of all elements so far, NaNs as zeros."""
    x, there = _numbers(a)
    return cumulative_sum(only(x, there, 0), axis, dtype, out)


@covers(np.nancumprod)
def nancumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """Product of all elements so far, NaNs as ones."""
    x, there = _numbers(a)
    return cumulative_product(only(x, there, 1), axis, dtype, out)


def _nan_arg(name: str, worst: float) -> None:
    find = getattr(np, name)

    def function(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = missing) -> Any:
        refuse(f"nan{name}", out=out)
        x, there = _numbers(a)
        if dtype_of(x).kind == "f":
            known = concrete(there)
            if known is not None and not np.all(np.any(known, axis=axis)):
                raise ValueError("All-NaN slice encountered")
            x = only(x, there, worst)
        return find(x, axis, keepdims=keepdims) if not is_missing(keepdims) else find(x, axis)

    function.__name__, function.__doc__ = f"nan{name}", f"As NumPy's ``nan{name}``."
    covers(getattr(np, f"nan{name}"), moves=False)(function)


_nan_arg("argmax", -np.inf)
_nan_arg("argmin", np.inf)
