"""Windows: those that slide over an array, and Kaiser's, which is made of the Bessel function i0."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.primitives.special import apply

from .arguments import as_dtype, dtype_of, ndim, one_axis, operand, shape, sizes_of
from .indexing import take
from .registry import covers

__all__: list[str] = []


@covers(np.i0)
def i0(x: Any) -> Any:
    """Evaluate the modified Bessel function of order 0."""
    x = operand(x)
    if dtype_of(x).kind == "c":
        raise TypeError("i0 not supported for complex values")
    return apply("i0", x if dtype_of(x).kind == "f" else as_dtype(x, float))


@covers(np.kaiser)
def kaiser(M: Any, beta: Any) -> Any:
    """Kaiser's window of M points; the derivative is that by `beta`."""
    n, beta = operand(M).__index__(), operand(beta)
    if n == 1:
        return np.ones(1)
    half = (n - 1) / 2.0
    places = ((np.arange(n) - half) / half) ** 2.0
    beta = as_dtype(beta, float)
    return i0(beta * np.sqrt(1 - places)) / i0(beta)


@covers(np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(
    x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False
) -> Any:
    """All windows of a size, along new last axes; an array of their own, and no view."""
    x, sizes = operand(x), sizes_of(window_shape)
    axes = range(ndim(x)) if axis is None else [one_axis(i, ndim(x)) for i in sizes_of(axis)]
    if len(axes) != len(sizes):
        raise ValueError(
            f"Must provide matching length window_shape and axis; got {len(sizes)} and {len(axes)} elements"
        )
    for i, n in zip(axes, sizes, strict=True):
        count = shape(x)[i] - n + 1
        if n < 0 or count < 1:
            raise ValueError("window shape cannot be larger than input array shape")
        x = np.moveaxis(take(x, np.arange(count)[:, None] + np.arange(n), i), i + 1, -1)
    return x
