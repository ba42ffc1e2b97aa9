"""Medians, quantiles and percentiles, with every method and with weights; those that leave NaNs out.

A quantile is one element of the sorted ones, or lies between two: its derivative goes to these. Of equal
elements it goes to the one that a stable sort puts there.

The methods are those of R. J. Hyndman and Y. Fan, "Sample Quantiles in Statistical Packages",
The American Statistician 50 (1996), as NumPy names them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pullback.core.tracer import Tracer, concrete
from pullback.primitives.sorting import argsort, sort

from .arguments import (
    as_dtype,
    dtype_of,
    is_missing,
    missing,
    ndim,
    operand,
    permute,
    refuse,
    reshaped,
    shape,
    some_axes,
)
from .indexing import take
from .registry import covers

__all__ = ["median", "quantile"]

# (size n, fractions q) to the place among the sorted elements, in fractions of a step.
_CONTINUOUS: dict[str, Callable[[Any, Any], Any]] = {
    "linear": lambda n, q: (n - 1) * q,
    "interpolated_inverted_cdf": lambda n, q: _place(n, q, 0, 1),
    "hazen": lambda n, q: _place(n, q, 0.5, 0.5),
    "weibull": lambda n, q: _place(n, q, 0, 0),
    "median_unbiased": lambda n, q: _place(n, q, 1 / 3.0, 1 / 3.0),
    "normal_unbiased": lambda n, q: _place(n, q, 3 / 8.0, 3 / 8.0),
    "averaged_inverted_cdf": lambda n, q: n * q - 1,
    "midpoint": lambda n, q: 0.5 * (np.floor((n - 1) * q) + np.ceil((n - 1) * q)),
}
# ... and to the number of one of them.
_DISCRETE: dict[str, Callable[[Any, Any], Any]] = {
    "lower": lambda n, q: np.floor((n - 1) * q),
    "higher": lambda n, q: np.ceil((n - 1) * q),
    "nearest": lambda n, q: np.rint((n - 1) * q),
    "inverted_cdf": lambda n, q: np.ceil(n * q - 1),
    "closest_observation": lambda n, q: _closest(n * q - 1 - 0.5),
}


def _place(n: Any, q: Any, alpha: float, beta: float) -> Any:
    return n * q + (alpha + q * (1 - alpha - beta)) - 1


def _closest(place: Any) -> Any:
    """Round up, but halfway between two to the odd one: counted from 1, that is the even one."""
    below = np.floor(place)
    return np.where((place == below) & (below % 2 == 1), below, below + 1)


@covers(np.median)
def median(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: Any = False) -> Any:
    """Middle of the sorted elements, or the mean of the two in the middle."""
    refuse("median", out=out)
    return _Sorted(a, axis).middle(keepdims)


@covers(np.nanmedian)
def nanmedian(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: Any = missing) -> Any:
    """Median of the elements that are not NaN."""
    refuse("nanmedian", out=out)
    return _Sorted(a, axis, without_nans=True).middle(keepdims)


def _family(name: str, parts: int, without_nans: bool) -> Callable[..., Any]:
    def function(
        a: Any,
        q: Any,
        axis: Any = None,
        out: Any = None,
        overwrite_input: bool = False,
        method: str = "linear",
        keepdims: Any = missing,
        *,
        weights: Any = None,
    ) -> Any:
        refuse(name, out=out)
        if dtype_of(operand(a)).kind == "c":
            raise TypeError("a must be an array of real numbers")
        q = _fractions(q, a)
        if parts != 1:
            q = q / q.dtype.type(parts) if q.dtype.kind == "f" else q / parts
        known = concrete(q)
        if known is not None and np.any((known < 0) | (known > 1)):
            raise ValueError(
                "Quantiles must be in the range [0, 1]" if parts == 1 else "Percentiles must be in the range [0, 100]"
            )
        return _Sorted(a, axis, weights, method, without_nans).quantile(q, method, keepdims)

    function.__name__ = name
    function.__doc__ = f"As NumPy's ``{name}``, of any method; the derivative by `q` is that between two elements."
    return covers(getattr(np, name))(function)


quantile = _family("quantile", 1, False)
_family("percentile", 100, False)
_family("nanquantile", 1, True)
_family("nanpercentile", 100, True)


def _fractions(q: Any, a: Any) -> Any:
    """Return q as an array; a Python number in the dtype of what is sorted."""
    kind = dtype_of(operand(a))
    if type(q) in (int, float) and kind.kind == "f":
        return np.asarray(q, kind)
    q = operand(q)
    return q if type(q) is Tracer else np.asarray(q)


class _Sorted:
    """The elements along axes, sorted: the axis along which they are comes first.

    Attributes
    ----------
    values : shape (size, ...)
    count : int, or an integer array of the shape (...)
        How many of them are numbers, where NaNs are left out.
    share : None, or of the shape of values
        The weights of all elements up to one, over those of all.
    """

    def __init__(
        self, a: Any, axis: Any, weights: Any = None, method: str = "linear", without_nans: bool = False
    ) -> None:
        x = operand(a)
        if weights is not None and method != "inverted_cdf":
            raise ValueError(f"Only method 'inverted_cdf' supports weights. Got: {method}.")
        self.whole = shape(x)
        self.axes = some_axes(axis, ndim(x))
        given = self.first(x)
        self.size = shape(given)[0]
        self.floats = dtype_of(x).kind in "fc"
        self.without_nans = without_nans and self.floats
        self.count: Any = self.size
        if self.without_nans:
            self.count = np.sum(~np.isnan(given), axis=0)
        self.share = None if weights is None else self.shares(given, operand(weights))
        self.values = sort(given, axis=0)

    def first(self, x: Any) -> Any:
        """Return x with the axes that are reduced as one first axis."""
        kept = tuple(i for i in range(ndim(x)) if i not in self.axes)
        x = permute(x, (*self.axes, *kept))
        return reshaped(x, (math.prod(shape(x)[: len(self.axes)]), *shape(x)[len(self.axes) :]))

    def shares(self, given: Any, weights: Any) -> Any:
        """Return the part of all weight that the elements up to each one have."""
        if shape(weights) != self.whole:
            if len(self.axes) != 1 or shape(weights) != (self.size,):
                raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
            weights = reshaped(weights, tuple(n if i in self.axes else 1 for i, n in enumerate(self.whole)))
            weights = np.broadcast_to(weights, self.whole)
        known = concrete(weights)
        if known is not None and np.any(known < 0):
            raise ValueError("Weights must be non-negative.")
        weights = as_dtype(self.first(weights), float)
        if self.without_nans:
            weights = np.where(np.isnan(given), 0.0, weights)
        running = np.cumsum(np.take_along_axis(weights, argsort(given, axis=0), 0), axis=0)
        return running / running[-1]

    def element(self, k: Any) -> Any:
        """Return the k-th elements, k of the shape (q,) or (q, ...); beyond the ends those at the ends."""
        k = np.clip(k, 0, np.maximum(self.count - 1, 0))
        k = k.astype(np.intp)
        return take(self.values, k, axis=0) if k.ndim == 1 else np.take_along_axis(self.values, k, axis=0)

    def middle(self, keepdims: Any) -> Any:
        """Return the median."""
        n = self.count
        if not self.size:  # NumPy warns of it
            return np.full(self.kept(keepdims), np.nan, dtype_of(self.values) if self.floats else float)[()]
        low, high = (np.asarray([k]) if isinstance(n, int) else k[None] for k in ((n - 1) // 2, n // 2))
        a, b = self.element(low), self.element(high)
        if not self.floats:
            a, b = as_dtype(a, float), as_dtype(b, float)
        return self.finished((a + b) / 2, (), keepdims)

    def quantile(self, q: Any, method: str, keepdims: Any) -> Any:
        """Return the quantiles for fractions q of any shape."""
        if not self.size:
            raise IndexError("cannot take a quantile of no elements")
        sizes = shape(q)
        q = reshaped(q, (math.prod(sizes),))
        n = self.count
        if not isinstance(n, int) or self.share is not None:
            q = reshaped(q, (*shape(q), *(1,) * (ndim(self.values) - 1)))
        if not isinstance(n, int):
            n = as_dtype(n, dtype_of(q))
        if self.share is not None:
            share = as_dtype(self.share, dtype_of(q)) if dtype_of(q).kind == "f" else self.share
            before = (share < q[:, None]) | (share == 0)
            result = self.element(np.sum(before, axis=1))
        elif method in _DISCRETE:
            result = self.element(_DISCRETE[method](n, q))
        elif method in _CONTINUOUS:
            result = self.between(_CONTINUOUS[method](n, q), method)
        else:
            raise ValueError(f"{method!r} is not a valid method. Use one of: {[*_CONTINUOUS, *_DISCRETE]}")
        return self.finished(result, sizes, keepdims)

    def between(self, place: Any, method: str) -> Any:
        """Return what lies at places between two elements."""
        if method == "linear" and dtype_of(place).kind in "iu":
            return self.element(place)
        below = np.floor(place)
        part = place - below
        if method == "averaged_inverted_cdf":
            part = as_dtype(np.where(part == 0, 0.5, 1.0), dtype_of(place))
        # The last one has no next, and the first none before.
        a = self.element(below)
        b = self.element(np.where(place < 0, 0, below + 1))
        part = reshaped(part, (*shape(part), *(1,) * (ndim(a) - ndim(part))))
        width = b - a
        return np.where(part >= 0.5, b - width * (1 - part), a + width * part)

    def finished(self, result: Any, sizes: tuple[int, ...], keepdims: Any) -> Any:
        """Return results, NaN where there is one among the elements, in the shape that NumPy gives them."""
        if self.floats:
            last = self.values[-1] if not self.without_nans else self.values[0]  # NaNs are sorted to the end
            result = np.where(np.isnan(last), dtype_of(result).type(np.nan), result)
        return reshaped(result, (*sizes, *self.kept(keepdims)))

    def kept(self, keepdims: Any) -> tuple[int, ...]:
        """Return the shape that is left."""
        if not is_missing(keepdims) and keepdims:
            return tuple(1 if i in self.axes else n for i, n in enumerate(self.whole))
        return tuple(n for i, n in enumerate(self.whole) if i not in self.axes)
