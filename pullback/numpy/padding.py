"""pad: a constant around an array, or its own elements repeated at the edges."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core import source
from pullback.core.errors import NotWritten
from pullback.primitives.assembling import pad

from .arguments import as_dtype, dtype_of, holds_tracer, ndim, operand, reshaped, shape
from .indexing import take
from .registry import covers

__all__ = ["padded"]

_INDEXED = ("edge", "reflect", "symmetric", "wrap")
_STATISTICS = {"maximum": np.max, "minimum": np.min, "mean": np.mean, "median": np.median}
_MODES = ("constant", "empty", "linear_ramp", *_INDEXED, *_STATISTICS)


@covers(np.pad)
def padded(array: Any, pad_width: Any, mode: Any = "constant", **options: Any) -> Any:
    """Pad an array, in any of NumPy's modes but a function that writes in place."""
    x = operand(array)
    widths = _pairs(pad_width, ndim(x))
    if callable(mode):
        raise NotWritten(
            "np.pad with a function",
            where=source.here(),
            why="it is called for each vector, and writes into it",
            fix="np.concatenate of the array and what the function makes",
        )
    if mode not in _MODES:
        raise ValueError(f"mode {mode!r} is not supported: one of {', '.join(_MODES)}")
    if mode in ("constant", "empty"):  # what NumPy leaves undefined is 0 here
        value = options.pop("constant_values", 0) if mode == "constant" else 0
        _refuse_rest(mode, options)
        return _constant(x, widths, value)
    odd = mode in ("reflect", "symmetric") and options.pop("reflect_type", "even") == "odd"
    ends = options.pop("end_values", 0) if mode == "linear_ramp" else 0
    lengths = options.pop("stat_length", None) if mode in _STATISTICS else None
    _refuse_rest(mode, options)
    for i, width in enumerate(widths):
        if width == (0, 0):
            continue
        n = shape(x)[i]
        if odd and n > (mode == "reflect"):
            x = _odd(x, i, width, int(mode == "reflect"))
        elif mode in _INDEXED:
            x = take(x, np.pad(np.arange(n), width, mode), i)
        elif mode == "linear_ramp":
            x = _ramp(x, i, width, np.broadcast_to(operand(ends), (ndim(x), 2))[i])
        else:
            x = _statistic(x, i, width, _STATISTICS[mode], lengths)
    return x


def _odd(x: Any, axis: int, width: tuple[int, int], skip: int) -> Any:
    """Reflect about the edge, in place and in value; after a whole period, the new edge is one to reflect about."""
    before, after = width
    period = shape(x)[axis] - skip
    x = np.moveaxis(x, axis, 0)
    while before or after:
        left, right = min(before, period), min(after, period)
        n = shape(x)[0]
        parts = [2 * x[:1] - np.flip(x[skip : left + skip], 0)] if left else []
        parts.append(x)
        parts += [2 * x[-1:] - np.flip(x[n - right - skip : n - skip], 0)] if right else []
        x = np.concatenate(parts)
        before, after = before - left, after - right
    return np.moveaxis(x, 0, axis)


def _ramp(x: Any, axis: int, width: tuple[int, int], ends: Any) -> Any:
    """Go in even steps from the end value to the edge."""
    x = np.moveaxis(x, axis, 0)
    parts = [np.linspace(ends[0], x[0], width[0], endpoint=False, dtype=dtype_of(x))]
    parts += [x, np.flip(np.linspace(ends[1], x[-1], width[1], endpoint=False, dtype=dtype_of(x)), 0)]
    return np.moveaxis(np.concatenate(parts), 0, axis)


def _statistic(x: Any, axis: int, width: tuple[int, int], function: Any, lengths: Any) -> Any:
    """Pad with a statistic of all elements along the axis, or of some at each end."""
    n = shape(x)[axis]
    first, last = (n, n) if lengths is None else np.minimum(np.broadcast_to(lengths, (ndim(x), 2))[axis], n).tolist()
    x = np.moveaxis(x, axis, 0)
    parts = [x]
    for place, size, chunk in ((0, width[0], x[:first]), (2, width[1], x[n - last :])):
        if not shape(chunk)[0] and function in (np.max, np.min):
            raise ValueError("stat_length of 0 yields no value for padding")
        value = function(chunk, axis=0)
        value = np.rint(value) if dtype_of(x).kind in "iu" else value
        value = np.broadcast_to(as_dtype(value, dtype_of(x)), (size, *shape(x)[1:]))
        parts.insert(place, value)
    return np.moveaxis(np.concatenate(parts), 0, axis)


def _refuse_rest(mode: Any, options: dict) -> None:
    if options:
        raise ValueError(f"unsupported keyword arguments for mode {mode!r}: {set(options)}")


def _pairs(pad_width: Any, n: int) -> tuple[tuple[int, int], ...]:
    """Return NumPy's ``pad_width`` as one (before, after) an axis."""
    if isinstance(pad_width, dict):
        found = [(0, 0)] * n
        for axis, width in pad_width.items():
            found[axis] = (width, width) if np.ndim(width) == 0 else tuple(width)
        pad_width = found
    widths = np.asarray(pad_width)
    if widths.dtype.kind not in "iu":
        raise TypeError("`pad_width` must be of integral type.")
    widths = np.broadcast_to(widths, (n, 2))
    if widths.size and widths.min() < 0:
        raise ValueError("index can't contain negative values")
    return tuple((int(a), int(b)) for a, b in widths)


def _constant(x: Any, widths: tuple, value: Any) -> Any:
    if not holds_tracer(value):
        values = np.asarray(value)
        if values.size == 1:
            return pad(x, as_dtype(operand(values.reshape(())[()]), dtype_of(x)), widths=widths)
    values = operand(value)
    values = np.broadcast_to(as_dtype(values, dtype_of(x)), (ndim(x), 2))
    for i, (before, after) in enumerate(widths):
        for side, width in ((0, (before, 0)), (1, (0, after))):
            around = tuple(width if k == i else (0, 0) for k in range(ndim(x)))
            x = pad(x, reshaped(values[i, side], ()), widths=around)
    return x
