"""Counting: bincount, histograms. Counts are integers; sums of weights move with the weights.

An element that crosses an edge makes the histogram jump, and nowhere else does it move with the elements.
Edges that NumPy lays between the smallest and the largest element do move with these, and so do densities.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pullback.core.tracer import Tracer, concrete
from pullback.primitives.indexing import index_add
from pullback.primitives.sorting import searchsorted

from .arguments import as_dtype, dtype_of, ndim, operand, promoted, reshaped, shape
from .creation import linspace
from .indexing import values_for
from .joining import stack
from .reductions import largest, smallest
from .registry import covers
from .shapes import ravel

__all__ = ["histogram"]

_BINS = "give bins as an integer or as an array of edges"


@covers(np.bincount)
def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    """Sum of the weights of each integer."""
    at = operand(x)
    if type(at) is Tracer and concrete(at) is None:
        at = values_for("bincount", at, "np.zeros(n), and y[x] += weights by np.add.at(y, x, weights)")
    places = at if type(at) is not Tracer else values_for("bincount", at, "")
    if weights is None:
        return np.bincount(places, minlength=minlength)
    n = len(np.bincount(places, minlength=minlength))
    return index_add(np.zeros(n), as_dtype(operand(weights), float), places, spec=(("array", 0),))


def _outer_edges(x: Any, range: Any) -> tuple[Any, Any]:
    """Return the first and the last edge: those given, or of all elements, or half a step around equal ones."""
    if range is not None:
        first, last = (operand(edge) for edge in range)
    elif not math.prod(shape(x)):
        first, last = 0, 1
    else:
        first, last = smallest(x), largest(x)
    known = [concrete(edge) for edge in (first, last)]
    if all(edge is not None for edge in known):
        if range is not None and known[0] > known[1]:
            raise ValueError("max must be larger than min in range parameter.")
        if not np.all(np.isfinite(known)):
            kind = "autodetected" if range is None else "supplied"
            raise ValueError(f"{kind} range of [{known[0]}, {known[1]}] is not finite")
        return (first - 0.5, last + 0.5) if known[0] == known[1] else (first, last)
    same = first == last
    return np.where(same, first - 0.5, first), np.where(same, last + 0.5, last)


def _edges(x: Any, bins: Any, range: Any, weighted: bool) -> Any:
    """Return the edges of bins, as NumPy takes them from the arguments of a histogram."""
    if isinstance(bins, str):
        if weighted:
            raise TypeError("Automated estimation of the number of bins is not supported for weighted data")
        values = values_for("histogram_bin_edges", x, _BINS)
        known: Any = None if range is None else tuple(map(concrete, range))
        bins = len(np.histogram_bin_edges(values, bins, known)) - 1
    bins = operand(bins)
    if ndim(bins) > 1:
        raise ValueError("`bins` must be 1d, when an array")
    if ndim(bins):
        known = concrete(bins)
        if known is not None and np.any(known[:-1] > known[1:]):
            raise ValueError("`bins` must increase monotonically, when an array")
        return bins
    if dtype_of(bins).kind not in "iu":
        raise TypeError("`bins` must be an integer, a string, or an array")
    n = bins.__index__()
    if n < 1:
        raise ValueError("`bins` must be positive, when an integer")
    first, last = _outer_edges(x, range)
    dtype = promoted(first, last, x)
    return linspace(first, last, n + 1, dtype=np.result_type(dtype, float) if dtype.kind in "iu" else dtype)


@covers(np.histogram_bin_edges)
def histogram_bin_edges(a: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Any:
    """Return the edges of the bins of a histogram; of equal bins, they move with the smallest and largest element."""
    return _edges(ravel(operand(a)), bins, range, weights is not None)


def _bin_of(x: Any, edges: Any) -> tuple[Any, Any]:
    """Return the bin of each element, and whether there is one; the last bin has both of its edges."""
    n = shape(edges)[0] - 1
    bins = searchsorted(edges, x, side="right") - 1
    bins = np.where(x == edges[-1], n - 1, bins)
    inside = (bins >= 0) & (bins < n)
    return np.clip(bins, 0, n - 1), inside


def _summed(n: int, bins: Any, inside: Any, weights: Any) -> Any:
    """Return the sum of the weights in each bin; integers count, where there are no weights."""
    if weights is None:
        return index_add(np.zeros(n, np.intp), inside.astype(np.intp), bins, spec=(("array", 0),))
    weights = np.where(inside, weights, dtype_of(weights).type(0))
    return index_add(np.zeros(n, dtype_of(weights)), weights, bins, spec=(("array", 0),))


@covers(np.histogram)
def histogram(a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> tuple[Any, Any]:
    """Count elements in bins, or sum their weights; the derivative is that by the weights, and of the edges."""
    x, w = operand(a), None if weights is None else operand(weights)
    if w is not None and shape(w) != shape(x):
        raise ValueError("weights should have the same shape as a.")
    x, w = ravel(x), None if w is None else ravel(w)
    edges = _edges(x, bins, range, w is not None)
    counts = _summed(shape(edges)[0] - 1, *_bin_of(x, edges), w)
    if density:
        return counts / as_dtype(np.diff(edges), float) / np.sum(counts), edges
    return counts, edges


@covers(np.histogramdd)
def histogramdd(
    sample: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> tuple[Any, tuple[Any, ...]]:
    """Count points in boxes, or sum their weights; the derivative is that by the weights, and of the edges."""
    if isinstance(sample, np.ndarray | Tracer):
        points = operand(sample)
        columns = [points] if ndim(points) == 1 else [points[:, i] for i in _range(shape(points)[1])]
    else:
        columns = [ravel(operand(x)) for x in sample]
    d = len(columns)
    if np.ndim(bins) == 0 if not isinstance(bins, list | tuple) else False:
        bins = [bins] * d
    if len(bins) != d:
        raise ValueError("The dimension of bins must be equal to the dimension of the sample x.")
    ranges = [None] * d if range is None else list(range)
    if len(ranges) != d:
        raise ValueError("range argument must have one entry per dimension")
    w = None if weights is None else operand(weights)
    edges = tuple(_edges(x, b, r, w is not None) for x, b, r in zip(columns, bins, ranges, strict=True))
    sizes = tuple(shape(e)[0] - 1 for e in edges)
    place: Any = 0
    inside: Any = True
    for x, e, n in zip(columns, edges, sizes, strict=True):
        own, there = _bin_of(x, e)
        place, inside = place * n + own, inside & there
    counts = reshaped(_summed(math.prod(sizes), place, inside, w), sizes)
    counts = as_dtype(counts, float)
    if density:
        total = np.sum(counts)
        for i, e in enumerate(edges):
            counts = counts / reshaped(np.diff(e), tuple(n if i == k else 1 for k, n in enumerate(sizes)))
        counts = counts / total
    return counts, edges


_range = range


@covers(np.histogram2d)
def histogram2d(
    x: Any, y: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> tuple[Any, Any, Any]:
    """Count points in the plane, or sum their weights; the derivative is that by the weights, and of the edges."""
    x, y = operand(x), operand(y)
    if shape(x) != shape(y):
        raise ValueError("x and y must have the same length.")
    if np.ndim(operand(bins)) == 1 and len(bins) not in (1, 2) if not isinstance(bins, list | tuple) else False:
        bins = [bins, bins]
    elif isinstance(bins, list | tuple) and len(bins) not in (1, 2):
        bins = [operand(bins)] * 2
    counts, (first, second) = histogramdd(stack([x, y], 1), bins, range, density, weights)
    return counts, first, second
