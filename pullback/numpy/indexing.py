"""Indexing: what stands between brackets, ``.at``, take, where and their kin.

A mask decides how long the result is, so it needs its values: under `jit` and `vmap`,
and in bodies, write ``np.where``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core import source
from pullback.core.errors import NotWritten, NoValue
from pullback.core.recorder import bind
from pullback.core.tracer import Tracer, concrete, floor, taken_array
from pullback.core.types import type_of
from pullback.primitives.choice import select
from pullback.primitives.discrete import remainder
from pullback.primitives.indexing import ALL, index_get, normalise, take_along
from pullback.primitives.shaping import reshape

from .arguments import as_dtype, dtype_of, holds_tracer, missing, ndim, one_axis, operand, refuse, shape
from .chosen import Chosen, no_mask
from .registry import covers, method
from .shapes import ravel
from .ufuncs import call_ufunc
from .views import indexed, reshaped_view, whole

__all__ = ["compress", "get_item", "is_single", "nonzero", "parse_index", "take", "values_for", "where"]

_NEW = ("newaxis",)


@method("__getitem__")
def get_item(self: Tracer, index: Any) -> Any:
    """``x[index]``: basic, integer-array and boolean indexing, as NumPy's."""
    if type(index) is Tracer and index.type.dtype.kind == "b" and unknown_mask(index) is not None:
        return Chosen(self, index)
    if type(index) is tuple and len(index) == self.type.ndim and set(map(type, index)) == _INT:
        spec, indices = _element(self.type.shape, index)
        return bind(index_get, (self, *indices), {"spec": spec})
    try:
        spec, indices, unique = parse_index(self, index)
    except NotWritten:
        if not any(map(is_single, index if type(index) is tuple else (index,))):
            raise
        return _beside_booleans(self, index)
    if not indices:
        return _without_indices(self, spec)
    params = {"spec": spec, "unique": True} if unique else {"spec": spec}
    out = bind(index_get, (self, *indices), params)
    if type(out) is not Tracer:
        return out
    if out.type.ndim and (type(index) in _BASIC or _is_basic(index, indices)):
        return indexed(self, out, spec, indices)
    return out


def is_single(item: Any) -> bool:
    """Return whether an item is a boolean without axes."""
    return isinstance(item, bool | np.bool_ | np.ndarray | Tracer) and type_of(item).ndim == 0 and _is_bool(item)


def _is_bool(item: Any) -> bool:
    return type_of(item).dtype.kind == "b"


def _beside_booleans(x: Tracer, index: Any) -> Any:
    """``x[True, ...]``: a single boolean is an axis of its own, of which True takes the one element and False none."""
    items = list(index) if type(index) is tuple else [index]
    taken = [_consumed(item) for item in items]
    rest = x.type.ndim - sum(taken)
    sizes, source_axis = [], 0
    for i, item in enumerate(items):
        if is_single(item):
            sizes.append(1)
            items[i] = np.flatnonzero([bool(item)])
            continue
        n = rest if item is Ellipsis else taken[i]
        sizes += x.type.shape[source_axis : source_axis + n]
        source_axis += n
    return get_item(reshape(x, shape=(*sizes, *x.type.shape[source_axis:])), tuple(items))


def _consumed(item: Any) -> int:
    """Return how many axes an item stands for."""
    if item is None or item is Ellipsis or is_single(item):
        return 0
    if isinstance(item, np.ndarray | Tracer | list) and _is_bool(operand(item)):
        return ndim(operand(item))
    return 1


def unknown_mask(index: Any) -> Tracer | None:
    """Return an index if it is one mask whose values tracing does not know."""
    if type(index) is not Tracer or index.type.dtype.kind != "b" or not index.type.ndim:
        return None
    body = floor.get()
    unknown = concrete(index) is None or (body is not None and index.recorder.level < body.level)
    return index if unknown else None


def _is_basic(index: Any, indices: Any) -> bool:
    """Return whether an index has slices, integers and new axes only: NumPy makes a view then."""
    for i in indices:
        if type(i) is not int and (ndim(i) or type(i) is np.ndarray):  # an array of one integer makes a copy
            return False
    return not any(type(i) is np.ndarray for i in (index if type(index) is tuple else (index,)))


_INT = {int}
_BASIC = {slice, int}
_ELEMENT = [tuple(("array", k) for k in range(n)) for n in range(65)]


def _element(sizes: tuple[int, ...], index: tuple[int, ...]) -> tuple[tuple, list[int]]:
    """Return the spec and indices of one element: ``x[1, 2]``, the most frequent of the longer ones."""
    indices = []
    for axis, (i, n) in enumerate(zip(index, sizes, strict=True)):
        if not -n <= i < n:
            raise IndexError(f"index {i} is out of bounds for axis {axis} with size {n}")
        indices.append(i + n if i < 0 else i)
    return _ELEMENT[len(index)], indices


def _without_indices(x: Any, spec: tuple) -> Any:
    """Return x[spec] where there are only whole axes and new ones: a reshape."""
    if all(item == ALL for item in spec):
        return whole(x)
    sizes = iter(shape(x))
    if all(item in (ALL, _NEW) for item in spec):
        return reshaped_view(x, tuple(next(sizes) if item == ALL else 1 for item in spec))
    return indexed(x, bind(index_get, (x,), {"spec": spec}), spec, ())


def parse_index(x: Any, index: Any) -> tuple[tuple, tuple, bool]:
    """Return (spec, index operands, whether no element is met twice) of ``x[index]``."""
    if type(index) is int:
        spec, indices = normalise(type_of(x), index)
        return spec, indices, False
    items = index if type(index) is tuple else (index,)
    items = tuple([_ready(item) if type(item) in _LOOK_AT else item for item in items])
    spec, indices = normalise(type_of(x), items)
    return spec, indices, len(items) == 1 and _is_mask(items[0])


def _is_mask(item: Any) -> bool:
    return isinstance(item, np.ndarray | Tracer) and item.dtype.kind == "b"


_LOOK_AT = frozenset({Tracer, list, slice})


def _ready(item: Any) -> Any:
    """Return an item with Tracers where they may be: lists built, masks and bounds as values."""
    if type(item) is slice:
        if type(item.start) is Tracer or type(item.stop) is Tracer or type(item.step) is Tracer:
            return slice(*(_bound(x) for x in (item.start, item.stop, item.step)))
        return item
    if type(item) is list:
        return operand(item) if holds_tracer(item) else item
    return values_of(item) if item.dtype.kind == "b" else item


def _bound(x: Any) -> Any:
    return x.__index__() if type(x) is Tracer else x


@method("take")
@covers(np.take)
def take(a: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Any:
    """Elements at integer indices along an axis."""
    refuse("take", out=out)
    x, at = operand(a), operand(indices)
    if dtype_of(at).kind not in "biu":
        if np.size(concrete(at)) or type(at) is Tracer:
            raise TypeError(
                f"Cannot cast array data from {dtype_of(at)!r} to dtype('int64') according to the rule 'safe'"
            )
        at = np.zeros(shape(at), int)
    if axis is None:
        x, axis = ravel(x), 0
    i = one_axis(axis, ndim(x))
    if mode == "clip":
        at = call_ufunc(np.minimum, call_ufunc(np.maximum, at, 0), shape(x)[i] - 1)
    elif mode == "wrap":
        at = remainder(at, shape(x)[i])
    elif mode != "raise":
        raise ValueError(f"clipmode must be one of 'clip', 'raise', or 'wrap' (got {mode!r})")
    spec = tuple(("array", 0) if k == i else ALL for k in range(ndim(x)))
    return index_get(x, as_dtype(at, np.intp) if dtype_of(at).kind == "b" else at, spec=spec)


@covers(np.take_along_axis)
def take_along_axis(arr: Any, indices: Any, axis: Any = -1) -> Any:
    """Elements at indices that have one entry a result, along an axis: what argsort gives back."""
    x, at = operand(arr), operand(indices)
    if dtype_of(at).kind not in "iu":
        raise IndexError("`indices` must be an integer array")
    if axis is None:
        if ndim(at) != 1:
            raise ValueError("when axis=None, `indices` must have a single dimension.")
        x, axis = ravel(x), 0
    if ndim(x) != ndim(at):
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    return take_along(x, at, one_axis(axis, ndim(x)))


@covers(np.where)
def where(condition: Any, x: Any = missing, y: Any = missing, /) -> Any:
    """``x`` where the condition holds, ``y`` elsewhere; with one argument, `nonzero`."""
    if x is missing and y is missing:
        return nonzero(condition)
    if x is missing or y is missing:
        raise ValueError("either both or neither of x and y should be given")
    c = operand(condition)
    return select(c if dtype_of(c).kind == "b" else as_dtype(c, bool), operand(x), operand(y))


def values_of(x: Any, dtype: Any = bool) -> np.ndarray:
    """Return the values of an operand that decide on a shape: by default only which of them are true."""
    x = operand(x)
    if type(x) is Tracer:
        x = as_dtype(x, dtype)
    if type(x) is not Tracer:
        return np.asarray(x)
    body = floor.get()
    if concrete(x) is None or (body is not None and x.recorder.level < body.level):
        raise no_mask(x)
    return taken_array(x, "mask")


def values_for(function: str, x: Any, fix: str) -> np.ndarray:
    """Return the values of an operand on which the shape of a function's result depends, or raise NoValue."""
    x = operand(x)
    if type(x) is Tracer:
        body = floor.get()
        if concrete(x) is None or (body is not None and x.recorder.level < body.level):
            raise NoValue(
                f"np.{function} of {x.type}, which has no value here",
                where=source.here(),
                why="the shape of the result depends on values; "
                "under jit, vmap and in bodies, code is traced once for all of them",
                fix=fix,
            )
        return taken_array(x, "mask")
    return np.asarray(x)


@method("nonzero")
@covers(np.nonzero, moves=False)
def nonzero(a: Any) -> tuple[np.ndarray, ...]:
    """Return the indices of the elements that are not zero; plain arrays, from known values only."""
    return np.nonzero(values_of(a))


@covers(np.argwhere, moves=False)
def argwhere(a: Any) -> np.ndarray:
    """Return the indices of the elements that are not zero, one a row."""
    return np.argwhere(values_of(a))


@covers(np.flatnonzero, moves=False)
def flatnonzero(a: Any) -> np.ndarray:
    """Return the indices into the flattened array of the elements that are not zero."""
    return np.flatnonzero(values_of(a))


@covers(np.compress)
def compress(condition: Any, a: Any, axis: Any = None, out: Any = None) -> Any:
    """Elements along an axis where a condition holds."""
    refuse("compress", out=out)
    chosen = values_of(condition)
    if chosen.ndim != 1:
        raise ValueError("condition must be a 1-d array")
    return take(a, np.flatnonzero(chosen), axis)


@method("compress")
def compress_method(self: Any, condition: Any, axis: Any = None, out: Any = None) -> Any:
    """Elements along an axis where a condition holds."""
    return compress(condition, self, axis, out)


@covers(np.extract)
def extract(condition: Any, arr: Any) -> Any:
    """Elements of the flattened array where a condition holds."""
    return take(ravel(operand(arr)), np.flatnonzero(values_of(condition)))


@covers(np.select)
def select_cases(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """Elements of the first choice whose condition holds."""
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    if not condlist:
        raise ValueError("select with an empty condition list is not possible")
    result = operand(default)
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        result = where(condition, choice, result)
    return result


@method("choose")
@covers(np.choose)
def choose(a: Any, choices: Any, out: Any = None, mode: str = "raise") -> Any:
    """Element of the choice that an integer array names."""
    refuse("choose", out=out)
    which, cases = operand(a), [operand(x) for x in choices]
    n = len(cases)
    if mode == "wrap":
        which = remainder(which, n)
    elif mode == "clip":
        which = call_ufunc(np.minimum, call_ufunc(np.maximum, which, 0), n - 1)
    elif mode != "raise":
        raise ValueError(f"clipmode must be one of 'clip', 'raise', or 'wrap' (got {mode!r})")
    known = concrete(which)
    if known is not None and np.any((np.asarray(known) < 0) | (np.asarray(known) >= n)):
        raise ValueError("invalid entry in choice array")
    result = cases[-1]
    for i, case in enumerate(cases[:-1]):
        result = where(call_ufunc(np.equal, which, i), case, result)
    return result


@covers(np.delete)
def delete(arr: Any, obj: Any, axis: Any = None) -> Any:
    """Return the array without the elements at an index."""
    x = operand(arr)
    if axis is None:
        x, axis = ravel(x), 0
    i = one_axis(axis, ndim(x))
    return take(x, np.delete(np.arange(shape(x)[i]), obj), i)


@covers(np.insert)
def insert(arr: Any, obj: Any, values: Any, axis: Any = None) -> Any:
    """Return the array with values put in before indices."""
    x, v = operand(arr), operand(values)
    if axis is None:
        x, axis = ravel(x), 0
    i = one_axis(axis, ndim(x))
    n = shape(x)[i]
    rows = np.insert(np.arange(n), obj, -1)
    new = np.flatnonzero(rows < 0)
    slots = (*shape(x)[:i], len(new), *shape(x)[i + 1 :])
    if np.ndim(obj) == 0 and not isinstance(obj, slice) and ndim(v):
        count = shape(v)[i] if ndim(v) == ndim(x) else 1
        if ndim(x) == 1:
            count = shape(v)[-1]
        rows = np.insert(np.arange(n), np.full(count, obj), -1)
        new = np.flatnonzero(rows < 0)
        slots = (*shape(x)[:i], count, *shape(x)[i + 1 :])
    v = as_dtype(v, dtype_of(x))
    v = np.broadcast_to(v, slots) if shape(v) != slots else v
    places = np.where(rows < 0, 0, rows)
    places[new] = n + np.arange(len(new))
    return take(np.concatenate([x, v], i), places, i)
