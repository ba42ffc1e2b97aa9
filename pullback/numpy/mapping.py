"""Functions that call a function of the user's, or that count: apply_along_axis, piecewise, bincount, cov."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pullback.core.tracer import Tracer, concrete
from pullback.primitives.arithmetic import div, sub
from pullback.primitives.indexing import index_add

from .arguments import as_dtype, dtype_of, ndim, one_axis, operand, refuse, reshaped, shape
from .cumulative import convolve
from .indexing import values_of, where
from .joining import concatenated, stack
from .matrices import matrix_transpose
from .moments import average
from .products import conjugated, dot
from .registry import covers
from .shapes import atleast_2d, moved

__all__ = ["apply_along_axis"]


@covers(np.apply_along_axis)
def apply_along_axis(func1d: Callable[..., Any], axis: Any, arr: Any, *args: Any, **kwargs: Any) -> Any:
    """Apply a function to every vector along an axis."""
    x = operand(arr)
    i = one_axis(axis, ndim(x))
    x = moved(x, i, ndim(x) - 1)
    lead = shape(x)[:-1]
    rows = reshaped(x, (int(np.prod(lead)), shape(x)[-1]))
    results = stack([func1d(rows[k], *args, **kwargs) for k in range(shape(rows)[0])])
    inner = shape(results)[1:]
    results = reshaped(results, (*lead, *inner))
    for k in range(len(inner)):  # the result's axes go where the vector's axis was
        results = moved(results, len(lead) + k, i + k)
    return results


@covers(np.piecewise)
def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kwargs: Any) -> Any:
    """Evaluate a function where its condition holds; a later condition wins, the rest is the last function or 0."""
    x = operand(x)
    conditions = [operand(c) for c in (condlist if isinstance(condlist, list | tuple) else [condlist])]
    if len(conditions) == 1 and ndim(conditions[0]) > ndim(x):
        conditions = [conditions[0][i] for i in range(shape(conditions[0])[0])]
    if len(funclist) not in (len(conditions), len(conditions) + 1):
        n = len(conditions)
        raise ValueError(f"with {n} condition(s), either {n} or {n + 1} functions are expected")

    def value(function: Any) -> Any:
        return as_dtype(operand(function(x, *args, **kwargs) if callable(function) else function), dtype_of(x))

    result = value(funclist[-1] if len(funclist) > len(conditions) else 0)
    for condition, function in zip(conditions, funclist, strict=False):
        result = where(condition, value(function), result)
    return result


@covers(np.bincount)
def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    """Sum of the weights of each integer."""
    places = values_of(x, int)
    if weights is None:
        return np.bincount(places, minlength=minlength)
    w = operand(weights)
    n = len(np.bincount(places, minlength=minlength))
    return index_add(np.zeros(n), as_dtype(w, float), places, spec=(("array", 0),))


@covers(np.cov)
def cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Any:
    """Covariance matrix of variables in rows."""
    refuse("cov", fweights=fweights, aweights=aweights)
    rows = [atleast_2d(as_dtype(operand(v), dtype)) for v in (m, y) if v is not None]
    rows = [v if rowvar or shape(v)[0] == 1 else matrix_transpose(v) for v in rows]
    x = concatenated(rows, 0)
    x = as_dtype(x, np.result_type(dtype_of(x), float) if dtype is None else dtype)
    freedom = shape(x)[1] - (ddof if ddof is not None else int(not bias))
    away = sub(x, average(x, 1, keepdims=True))
    result = dot(away, conjugated(matrix_transpose(away)))
    return np.squeeze(div(result, freedom))


@covers(np.corrcoef)
def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    """Correlation matrix of variables in rows."""
    c = cov(x, y, rowvar, dtype=dtype)
    if ndim(c) == 0:
        return div(c, c)
    spread = np.sqrt(np.real(np.diag(c)))
    result = div(div(c, reshaped(spread, (*shape(spread), 1))), spread)
    return np.clip(result, -1, 1) if dtype_of(result).kind != "c" else result


@covers(np.correlate)
def correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    """Correlation of two vectors."""
    a, v = operand(a), operand(v)
    if shape(v)[0] > shape(a)[0]:
        return conjugated(np.flip(correlate(v, a, mode)))
    return convolve(a, conjugated(np.flip(v)), mode)


for _name in ("tril_indices_from", "triu_indices_from"):
    _make = getattr(np, _name)
    covers(_make)(lambda arr, k=0, _make=_make: _make(np.empty(shape(arr)), k))
covers(np.diag_indices_from)(lambda arr: np.diag_indices_from(np.empty(shape(arr))))


@covers(np.einsum_path)
def einsum_path(*operands: Any, optimize: Any = "greedy", einsum_call: bool = False) -> Any:
    """Order in which einsum would contract; only shapes matter."""
    shown = [np.empty(shape(x), dtype_of(x)) if type(x) is Tracer else x for x in operands]
    return np.einsum_path(*shown, optimize=optimize)


def _printer(name: str) -> None:
    show = getattr(np, name)

    def function(a: Any, *args: Any, **kwargs: Any) -> str:
        value = concrete(a)
        return repr(a) if value is None else show(np.asarray(value), *args, **kwargs)

    covers(show)(function)


for _name in ("array2string", "array_repr", "array_str"):
    _printer(_name)
