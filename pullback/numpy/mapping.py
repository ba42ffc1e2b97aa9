"""Functions that call a function of the user's, or that count: apply_along_axis, piecewise, bincount, cov."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pullback.core.tracer import Tracer, concrete
from pullback.primitives.arithmetic import div, sub

from .arguments import as_dtype, dtype_of, ndim, one_axis, operand, reshaped, shape
from .cumulative import convolve
from .indexing import where
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
    rows = [atleast_2d(as_dtype(operand(v), dtype)) for v in (m, y) if v is not None]
    rows = [v if rowvar or shape(v)[0] == 1 else matrix_transpose(v) for v in rows]
    x = concatenated(rows, 0)
    x = as_dtype(x, np.result_type(dtype_of(x), float) if dtype is None else dtype)
    ddof = ddof if ddof is not None else int(not bias)
    weights = [_sample_weights(kind, w, shape(x)[1]) for kind, w in (("f", fweights), ("a", aweights)) if w is not None]
    if not weights:
        away = sub(x, average(x, 1, keepdims=True))
        return np.squeeze(div(dot(away, conjugated(matrix_transpose(away))), max(shape(x)[1] - ddof, 0)))
    w = weights[0] * weights[-1] if len(weights) == 2 else weights[0]
    whole = np.sum(w)
    freedom = whole - (ddof if aweights is None else ddof * np.sum(w * weights[-1]) / whole)
    freedom = np.maximum(freedom, 0.0)  # NumPy warns of it, and divides by 0
    away = sub(x, average(x, 1, w, keepdims=True))
    return np.squeeze(div(dot(away, conjugated(matrix_transpose(away * w))), freedom))


def _sample_weights(kind: str, weights: Any, n: int) -> Any:
    w = as_dtype(operand(weights), float)
    if ndim(w) != 1 or shape(w)[0] != n:
        raise RuntimeError(f"incompatible numbers of samples and {kind}weights")
    known = concrete(w)
    if known is not None and kind == "f" and not np.array_equal(known, np.around(known)):
        raise TypeError("fweights must be integer")
    if known is not None and np.any(known < 0):
        raise ValueError(f"{kind}weights cannot be negative")
    return w


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
    covers(_make, moves=False)(lambda arr, k=0, _make=_make: _make(np.empty(shape(arr)), k))


@covers(np.apply_over_axes)
def apply_over_axes(func: Callable[..., Any], a: Any, axes: Any) -> Any:
    """Apply a reduction along one axis after another; the axes stay, with size 1."""
    x = operand(a)
    n = ndim(x)
    for axis in np.atleast_1d(axes).tolist():
        i = one_axis(axis, n)
        result = func(x, i)
        x = result if ndim(result) == n else np.expand_dims(result, i)
        if ndim(x) != n:
            raise ValueError("function is not returning an array of the correct shape")
    return x


covers(np.diag_indices_from, moves=False)(lambda arr: np.diag_indices_from(np.empty(shape(arr))))


@covers(np.einsum_path, moves=False)
def einsum_path(*operands: Any, optimize: Any = "greedy", einsum_call: bool = False) -> Any:
    """Order in which einsum would contract; only shapes matter."""
    shown = [np.empty(shape(x), dtype_of(x)) if type(x) is Tracer else x for x in operands]
    return np.einsum_path(*shown, optimize=optimize)


def _printer(name: str) -> None:
    show = getattr(np, name)

    def function(a: Any, *args: Any, **kwargs: Any) -> str:
        value = concrete(a)
        return repr(a) if value is None else show(np.asarray(value), *args, **kwargs)

    covers(show, moves=False)(function)


for _name in ("array2string", "array_repr", "array_str"):
    _printer(_name)
