"""Sets: the different elements of arrays, what two have in common, zeros at the ends.

What is picked out of an array keeps its derivative; of equal elements the first is picked. How many there
are depends on values: under `jit` these raise NoValue, all but `isin`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.primitives.sorting import searchsorted, sort

from .arguments import dtype_of, ndim, one_axis, operand, reshaped, shape
from .indexing import take, values_for
from .joining import concatenated
from .registry import covers
from .shapes import ravel

__all__ = ["unique"]

_SORTED = "np.sort(x) keeps the shape, and np.diff(np.sort(x)) == 0 shows what is repeated"
_MEMBERS = "np.where(np.isin(x, y), x, 0.0) keeps the shape"


@covers(np.unique)
def unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: Any = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
) -> Any:
    """Return the different elements, or slices along an axis, in order."""
    x = operand(ar)
    values = values_for("unique", x, _SORTED)
    _, first, inverse, counts = np.unique(values, True, True, True, axis, equal_nan=equal_nan)
    picked = take(ravel(x), first) if axis is None else take(x, first, one_axis(axis, ndim(x)))
    options = ((first, return_index), (inverse, return_inverse), (counts, return_counts))
    wanted = [y for y, is_wanted in options if is_wanted]
    return (picked, *wanted) if wanted else picked


def _results(kind: str) -> Any:
    """Return the type of the named tuple that one of the array API's functions gives."""
    return type(getattr(np, f"unique_{kind}")(np.zeros(1)))


def _unique_tuple(kind: str, **wanted: bool) -> None:
    results = _results(kind)

    def function(x: Any, /) -> Any:
        return results(*unique(x, **wanted, equal_nan=False))

    function.__name__, function.__doc__ = f"unique_{kind}", f"As NumPy's ``unique_{kind}``."
    covers(getattr(np, f"unique_{kind}"))(function)


_unique_tuple("all", return_index=True, return_inverse=True, return_counts=True)
_unique_tuple("counts", return_counts=True)
_unique_tuple("inverse", return_inverse=True)


@covers(np.unique_values)
def unique_values(x: Any, /) -> Any:
    """Return the different elements, in order."""
    return unique(x, equal_nan=False)


@covers(np.isin, moves=False)
def isin(
    element: Any, test_elements: Any, assume_unique: bool = False, invert: bool = False, *, kind: Any = None
) -> Any:
    """Return which elements are among others; of Tracers without values, too."""
    x, others = operand(element), ravel(operand(test_elements))
    n = shape(others)[0]
    if not n:
        return np.full(shape(x), invert)
    dtype = np.result_type(dtype_of(x), dtype_of(others))
    others = sort(others.astype(dtype), axis=0)
    x = x.astype(dtype)
    at = np.minimum(searchsorted(others, ravel(x), side="left"), n - 1)
    found = reshaped(take(others, at), shape(x)) == x
    return ~found if invert else found


@covers(np.intersect1d)
def intersect1d(ar1: Any, ar2: Any, assume_unique: bool = False, return_indices: bool = False) -> Any:
    """Return the elements that are in both: those of the first, in order."""
    a, b = operand(ar1), operand(ar2)
    of_a, of_b = (values_for("intersect1d", x, _MEMBERS) for x in (a, b))
    _, i, j = np.intersect1d(of_a, of_b, assume_unique, return_indices=True)
    picked = take(ravel(a), i).astype(np.result_type(dtype_of(a), dtype_of(b)))
    return (picked, i, j) if return_indices else picked


@covers(np.union1d)
def union1d(ar1: Any, ar2: Any) -> Any:
    """Return the elements that are in either, in order."""
    return unique(concatenated([operand(ar1), operand(ar2)], None))


@covers(np.setdiff1d)
def setdiff1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    """Return the elements of the first that are not in the second."""
    a = operand(ar1)
    a = ravel(a) if assume_unique else unique(a)
    values = [values_for("setdiff1d", x, _MEMBERS) for x in (a, ar2)]
    return take(a, np.flatnonzero(np.isin(values[0], values[1], assume_unique=True, invert=True)))


@covers(np.setxor1d)
def setxor1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    """Return the elements that are in one of two, in order."""
    parts = [operand(x) if assume_unique else unique(x) for x in (ar1, ar2)]
    both = concatenated(parts, None)
    values = values_for("setxor1d", both, _MEMBERS)
    order = np.argsort(values, kind="stable")
    values = values[order]
    new = np.concatenate([[True], values[1:] != values[:-1], [True]])
    return take(both, order[new[1:] & new[:-1]]) if len(values) else both


@covers(np.trim_zeros)
def trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> Any:
    """Return an array without the zeros at its ends."""
    x = operand(filt)
    trim = trim.lower()
    if trim not in {"fb", "bf", "f", "b"}:
        raise ValueError(f"unexpected character(s) in `trim`: {trim!r}")
    axes = range(ndim(x)) if axis is None else {one_axis(i, ndim(x)) for i in np.atleast_1d(axis).tolist()}
    places = np.nonzero(values_for("trim_zeros", x, "x[i:j], with bounds that are known"))
    kept = [slice(None)] * ndim(x)
    for i in axes:
        start, stop = (int(places[i].min()), int(places[i].max()) + 1) if len(places[i]) else (0, 0)
        whole = len(places[i]) > 0
        kept[i] = slice(start if "f" in trim or not whole else 0, stop if "b" in trim or not whole else None)
    return x[tuple(kept)]
