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


@covers(np.pad)
def padded(array: Any, pad_width: Any, mode: Any = "constant", **options: Any) -> Any:
    """Pad an array; modes constant, edge, reflect, symmetric and wrap."""
    x = operand(array)
    widths = _pairs(pad_width, ndim(x))
    if mode == "constant":
        value = options.pop("constant_values", 0)
        _refuse_rest(mode, options)
        return _constant(x, widths, value)
    if mode not in _INDEXED:
        raise NotWritten(f"np.pad(mode={mode!r})", where=source.here(), fix=f"one of: constant, {', '.join(_INDEXED)}")
    if options.pop("reflect_type", "even") != "even":
        raise NotWritten("np.pad(reflect_type='odd')", where=source.here(), fix="2 * edge - the even reflection")
    _refuse_rest(mode, options)
    for i, width in enumerate(widths):
        if width != (0, 0):
            x = take(x, np.pad(np.arange(shape(x)[i]), width, mode), i)
    return x


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
