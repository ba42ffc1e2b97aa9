"""Cumulative sums and products, differences and what is made of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.primitives.arithmetic import add, mul, sub
from pullback.primitives.comparison import not_equal
from pullback.primitives.cumulative import cumprod, cumsum

from .arguments import as_dtype, dtype_of, ndim, one_axis, operand, refuse, reshaped, shape, spread
from .joining import concatenated, cut_along
from .reductions import total, wide
from .registry import covers, method
from .shapes import ravel

__all__ = ["diff"]


def _accumulated(primitive: Any, name: str, a: Any, axis: Any, dtype: Any, out: Any) -> Any:
    refuse(name, out=out)
    x = wide(operand(a), dtype)
    if axis is None:
        x, axis = ravel(x), 0
    return primitive(x, axis=one_axis(axis, ndim(x)))


@method("cumsum")
@covers(np.cumsum)
def cumulative_sum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """Sum of all elements so far."""
    return _accumulated(cumsum, "cumsum", a, axis, dtype, out)


@method("cumprod")
@covers(np.cumprod)
def cumulative_product(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """Product of all elements so far."""
    return _accumulated(cumprod, "cumprod", a, axis, dtype, out)


def _with_initial(primitive: Any, name: str, first: int) -> Any:
    def function(
        x: Any, /, *, axis: Any = None, dtype: Any = None, out: Any = None, include_initial: bool = False
    ) -> Any:
        x = operand(x)
        x = x if ndim(x) else ravel(x)
        if axis is None:
            if ndim(x) > 1:
                raise ValueError("For arrays which have more than one dimension ``axis`` argument is required.")
            axis = 0
        result = _accumulated(primitive, name, x, axis, dtype, out)
        if not include_initial:
            return result
        i = one_axis(axis, ndim(result))
        sizes = (*shape(result)[:i], 1, *shape(result)[i + 1 :])
        return concatenated([np.full(sizes, first, dtype_of(result)), result], i)

    function.__name__, function.__doc__ = name, f"As NumPy's ``{name}``."
    return function


covers(getattr(np, "cumulative_sum", None))(  # NumPy 2.1
    _with_initial(cumsum, "cumulative_sum", 0)
)
covers(getattr(np, "cumulative_prod", None))(_with_initial(cumprod, "cumulative_prod", 1))


@covers(np.diff)
def diff(a: Any, n: int = 1, axis: Any = -1, prepend: Any = np._NoValue, append: Any = np._NoValue) -> Any:
    """Differences of neighbours, n times."""
    x = operand(a)
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n!r}")
    if n == 0:
        return x
    if ndim(x) == 0:
        raise ValueError("diff requires input that is at least one dimensional")
    i = one_axis(axis, ndim(x))
    parts = [_edge(v, x, i) for v in (prepend,) if v is not np._NoValue]
    parts += [x, *(_edge(v, x, i) for v in (append,) if v is not np._NoValue)]
    x = concatenated(parts, i) if len(parts) > 1 else x
    for _ in range(n):
        size = shape(x)[i]
        after, before = cut_along(x, i, min(1, size), size), cut_along(x, i, 0, max(size - 1, 0))
        x = not_equal(after, before) if dtype_of(x).kind == "b" else sub(after, before)
    return x


def _edge(value: Any, x: Any, axis: int) -> Any:
    value = operand(value)
    if ndim(value):
        return value
    return spread(value, (*shape(x)[:axis], 1, *shape(x)[axis + 1 :]))


@covers(np.ediff1d)
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """Differences of neighbours in the flattened array."""
    x = ravel(operand(ary))
    parts = [diff(x)]
    if to_begin is not None:
        parts.insert(0, as_dtype(ravel(operand(to_begin)), dtype_of(x)))
    if to_end is not None:
        parts.append(as_dtype(ravel(operand(to_end)), dtype_of(x)))
    return concatenated(parts)


@covers(np.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: Any = -1) -> Any:
    """Integral by the trapezoidal rule."""
    y = operand(y)
    i = one_axis(axis, ndim(y))
    n = shape(y)[i]
    if x is None:
        d = operand(dx)
    else:
        x = operand(x)
        d = diff(x, axis=0 if ndim(x) == 1 else i)
        if ndim(x) == 1:
            d = reshaped(d, (*(1,) * i, n - 1, *(1,) * (ndim(y) - i - 1)))
    both = add(cut_along(y, i, 1, n), cut_along(y, i, 0, n - 1))
    return total(mul(mul(d, both), 0.5), i)


@covers(np.gradient)
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """Differences: central ones inside, one-sided ones at the edges."""
    x = operand(f)
    if edge_order not in (1, 2):
        raise ValueError("'edge_order' greater than 2 not supported")
    axes = range(ndim(x)) if axis is None else [one_axis(a, ndim(x)) for a in np.atleast_1d(axis).tolist()]
    steps = [operand(h) for h in varargs] or [1.0]
    steps = steps * len(axes) if len(steps) == 1 and not ndim(steps[0]) else steps
    if len(steps) != len(axes):
        raise TypeError("invalid number of arguments")
    if dtype_of(x).kind in "biu":
        x = as_dtype(x, float)
    results = [_slope(x, h, i, edge_order) for h, i in zip(steps, axes, strict=True)]
    return results[0] if len(results) == 1 else tuple(results)


def _slope(x: Any, h: Any, axis: int, edge_order: int) -> Any:
    n = shape(x)[axis]
    if n < edge_order + 1:
        raise ValueError(
            "Shape of array too small to calculate a numerical gradient, "
            "at least (edge_order + 1) elements are required."
        )
    x = np.moveaxis(x, axis, 0)
    even = not ndim(h)
    if not even:
        h = _distances(h, n)
    wide = x[1:].ndim - 1
    if even:
        inner = (x[2:] - x[:-2]) / (2.0 * h)
        first, last = h, h
    else:
        d1, d2 = (reshaped(d, (n - 2, *(1,) * wide)) for d in (h[:-1], h[1:]))
        before, at, after = -d2 / (d1 * (d1 + d2)), (d2 - d1) / (d1 * d2), d1 / (d2 * (d1 + d2))
        inner = before * x[:-2] + at * x[1:-1] + after * x[2:]
        first, last = h[0], h[-1]
    if edge_order == 1:
        ends = [(x[1] - x[0]) / first, (x[-1] - x[-2]) / last]
    else:
        second, last_but_one = (h, h) if even else (h[1], h[-2])
        ends = [_edge_slope(x[:3], first, second), -_edge_slope(x[: -4 if n > 3 else None : -1], last, last_but_one)]
    y = concatenated([ends[0][None], inner, ends[1][None]])
    return np.moveaxis(as_dtype(y, dtype_of(x)), 0, axis)


def _distances(points: Any, n: int) -> Any:
    if ndim(points) != 1:
        raise ValueError("distances must be either scalars or 1d")
    if shape(points)[0] != n:
        raise ValueError("when 1d, distances must match the length of the corresponding dimension")
    return diff(as_dtype(points, float) if dtype_of(points).kind in "biu" else points)


def _edge_slope(x: Any, d1: Any, d2: Any) -> Any:
    """Slope at the first of three points, of the parabola through them."""
    a, b, c = -(2.0 * d1 + d2) / (d1 * (d1 + d2)), (d1 + d2) / (d1 * d2), -d1 / (d2 * (d1 + d2))
    return a * x[0] + b * x[1] + c * x[2]


def _windows(a: Any, n: int) -> Any:
    """Return all stretches of n elements of a vector, one a row."""
    rows = shape(a)[0] - n + 1
    return np.take(a, np.arange(rows)[:, None] + np.arange(n))


@covers(np.convolve)
def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    """Discrete convolution of two vectors."""
    a, v = (reshaped(operand(x), (max(1, int(np.prod(shape(operand(x))))),)) for x in (a, v))
    if shape(v)[0] > shape(a)[0]:
        a, v = v, a
    m, n = shape(a)[0], shape(v)[0]
    whole = np.matmul(_windows(np.pad(a, n - 1), n), np.flip(v))
    if mode == "full":
        return whole
    if mode not in ("same", "valid"):
        raise ValueError(f"mode must be one of 'valid', 'same', or 'full' (got {mode!r})")
    if mode == "valid":
        return cut_along(whole, 0, n - 1, m)
    start = (n - 1) // 2
    return cut_along(whole, 0, start, start + m)
