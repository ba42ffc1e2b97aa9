"""What stands between the brackets of ``x[...]``, as static parameters and operands.

A `spec` has one item for each axis of x, and one for each new axis:

=========================  =============================================================
``("all",)``               the whole axis
``("slice", k, n, step)``  n elements, from the one that index operand k names
``("array", k)``           index operand k: an integer, or an array of them
``("iota", p)``            0, 1, …, size - 1, along axis -p of the broadcast index arrays
``("newaxis",)``           a new axis of size 1
=========================  =============================================================

Integers and starts are operands and not parameters, so that a Python loop over ``x[i]``
derives one rule and not one for each i. Where the axes of the broadcast index arrays go
is NumPy's rule: in the place of the arrays if those stand together, else in front.

Promised: `normalise` raises NumPy's IndexError for what is known to be out of range.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from pullback.core.errors import NotWritten
from pullback.core.tracer import Tracer, taken_array
from pullback.core.types import type_of

__all__ = ["ALL", "along", "keyer", "layout", "normalise", "result_shape"]

ALL, NEW = ("all",), ("newaxis",)
_ARRAYS = ("array", "iota")
_WHOLE = slice(None)
_NO_INDEX = (
    "only integers, slices (`:`), ellipsis (`...`), numpy.newaxis (`None`) "
    "and integer or boolean arrays are valid indices"
)
_NO_ARRAY = "arrays used as indices must be of integer (or boolean) type"


def normalise(x: Any, index: Any) -> tuple[tuple, tuple]:
    """Return (spec, index operands) of ``x[index]``.

    Parameters
    ----------
    x : type, array or Tracer
        What is indexed: its shape is read.
    index : object
        What the user wrote between the brackets: integers, slices, Ellipsis, None, integer and
        boolean arrays and lists, Tracers of integers.

    Raises
    ------
    IndexError
        As NumPy: too many indices, what is no index, a known integer that is out of bounds.
    """
    shape = x.shape
    if type(index) is int and shape:
        return _first_axis(len(shape)), (_in_bounds(index, shape[0], 0),)
    items = _expanded(index if type(index) is tuple else (index,), shape)
    spec, operands, axis = [], [], 0
    for item in items:
        if item is None:
            spec.append(NEW)
            continue
        if type(item) is slice:
            found, start = _slice(item, shape[axis], len(operands))
            operands += start
        else:
            found = ("array", len(operands))
            operands.append(_checked(item, shape[axis], axis))
        spec.append(found)
        axis += 1
    return tuple(spec), tuple(operands)


@lru_cache(maxsize=64)
def _first_axis(ndim: int) -> tuple:
    return (("array", 0), *(ALL,) * (ndim - 1))


def along(axis: int, ndim: int) -> tuple:
    """Return the spec of ``take_along_axis``: one index array, of x's rank."""
    return tuple(("array", 0) if i == axis else ("iota", ndim - i) for i in range(ndim))


def _expanded(items: tuple, shape: tuple[int, ...]) -> list:
    """Return one item for each axis, and None for new ones: masks as integer arrays, no Ellipsis."""
    out: list[Any] = []
    dots = None
    for item in items:
        if item is Ellipsis:
            if dots is not None:
                raise IndexError("an index can only have a single ellipsis ('...')")
            dots = len(out)
        elif item is None or type(item) is slice:
            out.append(item)
        else:
            out += _arrays(item, sum(x is not None for x in out), shape, dots is None)
    used = sum(x is not None for x in out)
    if used > len(shape):
        raise IndexError(f"too many indices for array: array is {len(shape)}-dimensional, but {used} were indexed")
    dots = len(out) if dots is None else dots
    return out[:dots] + [_WHOLE] * (len(shape) - used) + out[dots:]


def _arrays(item: Any, axis: int, shape: tuple[int, ...], exact: bool) -> list:
    """Return an integer or an index array as a list of one; a mask as one index array for each of its axes."""
    if type(item) is int:
        return [item]
    if isinstance(item, list | tuple):
        item = np.asarray(item)
        if item.size == 0:
            item = item.astype(np.intp)
    kind = getattr(getattr(item, "dtype", None), "kind", "b" if isinstance(item, bool) else None)
    if kind is None:
        try:
            return [operator.index(item)]
        except TypeError:
            raise IndexError(_NO_INDEX) from None
    if kind not in "iub":
        raise IndexError(_NO_ARRAY if type_of(item).ndim else _NO_INDEX)
    return _mask(item, axis, shape, exact) if kind == "b" else [item]


def _mask(item: Any, axis: int, shape: tuple[int, ...], exact: bool) -> list:
    value = taken_array(item, "mask") if type(item) is Tracer else np.asarray(item)
    if value.ndim == 0:
        raise NotWritten(
            "a single boolean among other indices, x[0, True]",
            why="it is not written yet for what is changed in place",
            fix="x[0] = v in place of x[0, True] = v; an if, or np.where, for a choice",
        )
    if exact and axis + value.ndim <= len(shape):
        for i, (n, m) in enumerate(zip(shape[axis:], value.shape, strict=False)):
            if n != m:
                raise IndexError(
                    f"boolean index did not match indexed array along axis {axis + i}; "
                    f"size of axis is {n} but size of corresponding boolean axis is {m}"
                )
    return list(np.nonzero(value))


def _slice(item: slice, n: int, k: int) -> tuple[tuple, list]:
    start, stop, step = item.indices(n)
    size = len(range(start, stop, step))
    if size == n and step == 1:
        return ALL, []
    return ("slice", k, size, step if size > 1 else 1), [max(start, 0)]


def _in_bounds(i: int, n: int, axis: int) -> int:
    if -n <= i < n:
        return i + n if i < 0 else i
    raise IndexError(f"index {i} is out of bounds for axis {axis} with size {n}")


def _checked(item: Any, n: int, axis: int) -> Any:
    if type(item) is int:
        return _in_bounds(item, n, axis)
    if isinstance(item, np.ndarray) and item.size and n == 0:
        raise IndexError(f"index {item.flat[0]} is out of bounds for axis {axis} with size 0")
    return item


# How a spec is read ----------------------------------------------------------------------


def layout(spec: tuple, block: list, names: tuple | None = None) -> list:
    """Return a label for each axis of the result: those of `block` for the broadcast index arrays.

    The other axes are labelled by `names`, one for each item; by default by its number.
    """
    names = tuple(range(len(spec))) if names is None else names
    arrays = [i for i, item in enumerate(spec) if item[0] in _ARRAYS]
    rest = [names[i] for i in range(len(spec)) if i not in arrays]
    if not arrays:
        return rest
    together = arrays[-1] - arrays[0] + 1 == len(arrays)
    before = arrays[0] if together else 0
    return [*rest[:before], *block, *rest[before:]]


def block_ndim(spec: tuple, ndims: list[int]) -> int:
    """Return how many axes the broadcast index arrays have, from the ndim of each index operand."""
    return max((ndims[item[1]] if item[0] == "array" else item[1] for item in spec if item[0] in _ARRAYS), default=0)


def result_shape(spec: tuple, shape: tuple[int, ...], indices: tuple) -> tuple[int, ...]:
    """Return the shape of ``x[spec]`` for x of `shape`, and index operands (types, arrays or Tracers)."""
    sizes: dict[Any, int] = {}
    arrays, axis = [], 0
    for i, item in enumerate(spec):
        if item[0] == "newaxis":
            sizes[i] = 1
            continue
        n, axis = shape[axis], axis + 1
        if item[0] == "array":
            arrays.append(np.shape(k) if type(k := indices[item[1]]) is int else k.shape)
        elif item[0] == "iota":
            arrays.append((n, *(1,) * (item[1] - 1)))
        else:
            sizes[i] = n if item[0] == "all" else item[2]
    try:
        block = np.broadcast_shapes(*arrays)
    except ValueError:
        raise IndexError(
            "shape mismatch: indexing arrays could not be broadcast together with shapes " + " ".join(map(str, arrays))
        ) from None
    labels = [("block", j) for j in range(len(block))]
    sizes.update(zip(labels, block, strict=True))
    return tuple(sizes[label] for label in layout(spec, labels))


# NumPy's key ------------------------------------------------------------------------------


def keyer(spec: tuple, mode: str, shape: tuple[int, ...] | None) -> Callable[..., tuple]:
    """Return a function of the index operands that gives the key for NumPy's brackets.

    `shape` is that of x; it is needed only where `needs_shape` says so.
    """
    return _keyer(spec, mode, shape if needs_shape(spec, mode) else None)


@lru_cache(maxsize=4096)
def needs_shape(spec: tuple, mode: str) -> bool:
    """Return whether the key depends on the shape of what is indexed."""
    return mode != "raise" or any(item[0] == "iota" for item in spec)


@lru_cache(maxsize=4096)
def _keyer(spec: tuple, mode: str, shape: Any) -> Callable[..., tuple]:
    while spec and spec[-1] == ALL:
        spec = spec[:-1]
    if mode == "raise" and spec == (("array", 0),):
        return lambda i: (i,)
    template: list[Any] = []
    arrays, slices, axis = [], [], 0
    for place, item in enumerate(spec):
        n: Any = None if shape is None or item[0] == "newaxis" else shape[axis]
        axis += item[0] != "newaxis"
        template.append({"newaxis": None, "all": _WHOLE}.get(item[0]))
        if item[0] == "array":
            arrays.append((place, item[1], n if mode == "clip" else None))
        elif item[0] == "slice":
            slices.append((place, item[1], item[2], item[3], n if mode == "clip" else None))
        elif item[0] == "iota":
            template[-1] = np.arange(n).reshape((-1, *(1,) * (item[1] - 1)))

    def key(*indices: Any) -> tuple:
        out = list(template)
        for place, k, n in arrays:
            out[place] = indices[k] if n is None else clipped(indices[k], n)
        for place, k, size, step, n in slices:
            start = int(indices[k] if n is None else clipped(indices[k], n, size, step))
            stop = start + size * step
            out[place] = slice(start, stop if stop >= 0 else None, step)
        return tuple(out)

    return key


def clipped(i: Any, n: int, size: int = 1, step: int = 1) -> Any:
    """Return indices into an axis of n: negative ones from its end, then moved to where `size` elements fit."""
    reach = (size - 1) * step
    i = np.where(np.less(i, 0), np.add(i, n), i)
    return np.clip(i, max(0, -reach), max(0, n - 1 - max(0, reach)))[()]
