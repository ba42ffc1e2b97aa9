"""Indexing: reading, writing and adding at an index, as NumPy's brackets do.

What an index is, and `normalise`, which makes one from what the user wrote: `index_spec`.

Assumed: an index operand is an integer, or an array of integers. `mode` says what becomes
of one that is out of range: "raise" an IndexError, as NumPy; "clip" moves it into range
(JAX's rule for dynamic slices; and for lanes that are not taken).

The transpose of reading is `scatter` into zeros. Those zeros are strong. `index_set` with an
index repeated keeps the last value; the derivative by the others is zero.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pullback.core.errors import ShapeError
from pullback.core.primitive import Primitive, is_linear
from pullback.core.types import array_type, type_of

from .arithmetic import mask
from .index_lanes import Lanes, ramp
from .index_spec import ALL, along, keyer, needs_shape, normalise, result_shape
from .shaping import broadcast, convert, permuted

__all__ = [
    "cut",
    "dynamic_slice",
    "dynamic_update_slice",
    "index_add",
    "index_get",
    "index_set",
    "normalise",
    "ramp",
    "scatter",
    "slice_",
    "take_along",
]


class IndexGet(Primitive):
    """``x[index]``: linear in x. A basic index gives a view."""

    name, quiet = "index_get", True

    def infer(self, x, *indices, spec, mode="raise", unique=False):
        return array_type(result_shape(spec, x.shape, indices), x.dtype)

    def evaluate(self, x, *indices, spec, mode="raise", unique=False):
        return x[keyer(spec, mode, x.shape)(*indices)]

    def function(self, params):
        spec, mode = params["spec"], params.get("mode", "raise")
        if mode == "raise" and spec[:1] == (("array", 0),) and set(spec[1:]) <= {ALL}:
            return lambda x, i: x[i]
        if needs_shape(spec, mode):
            return lambda x, *indices: x[keyer(spec, mode, x.shape)(*indices)]
        key = keyer(spec, mode, None)
        return lambda x, *indices: x[key(*indices)]

    def linear(self, n_operands, params):
        return ((0,),)

    def transpose(self, u, x, *indices, spec, mode="raise", unique=False):
        pulled = scatter(u, *indices, shape=x.shape, spec=spec, mode=mode, unique=unique)
        return (pulled, *(None,) * len(indices))

    def batch(self, size, operands, batched, *, spec, mode="raise", unique=False):
        x, *indices = operands
        lanes = Lanes(size, spec, indices, batched[1:], batched[0], type_of(x).shape[batched[0] :])
        y = index_get(x, *lanes.indices, spec=lanes.spec, mode=mode, unique=unique and batched[0])
        return permuted(y, lanes.to_front)


index_get = IndexGet()


class Scatter(Primitive):
    """Zeros of `shape` with v added at the index: the transpose of `index_get`."""

    name, masks, quiet = "scatter", True, True

    def infer(self, v, *indices, shape, spec, mode="raise", unique=False):
        return array_type(shape, v.dtype)

    def evaluate(self, v, *indices, shape, spec, mode="raise", unique=False):
        out = np.zeros(shape, type_of(v).dtype)
        add_at(out, keyer(spec, mode, shape)(*indices), v, repeats(spec, indices, unique), fresh=True)
        return out

    def function(self, params):
        shape, spec, mode = params["shape"], params["spec"], params.get("mode", "raise")
        key, unique = keyer(spec, mode, shape), params.get("unique", False)
        zeros, certain = np.zeros, unique or all(item[0] != "array" for item in spec)

        def run(v, *indices):
            out = zeros(shape, v.dtype if hasattr(v, "dtype") else type_of(v).dtype)
            at = key(*indices)
            if certain or not repeats(spec, indices, False):
                out[at] = v
            else:
                add_at(out, at, v, True, fresh=True)
            return out

        return run

    def add_into(self, params):
        shape, spec = params["shape"], params["spec"]
        if not shape:
            return None  # a sum of 0-d arrays is a scalar, which is not added to in place
        key, unique = keyer(spec, params.get("mode", "raise"), shape), params.get("unique", False)

        def add(out, v, *indices):
            at = key(*indices)
            if not repeats(spec, indices, unique):
                out[at] += v
            elif out.flags.c_contiguous:
                add_at(out, at, v, True)
            else:
                np.add.at(out, at, v)

        return add

    def linear(self, n_operands, params):
        return ((0,),)

    def transpose(self, u, v, *indices, shape, spec, mode="raise", unique=False):
        pulled = index_get(u, *indices, spec=spec, mode=mode, unique=unique)
        return (pulled, *(None,) * len(indices))

    def batch(self, size, operands, batched, *, shape, spec, mode="raise", unique=False):
        v, *indices = operands
        lanes = Lanes(size, spec, indices, batched[1:], True, shape)
        v = lanes.spread_value(v, batched[0])
        return scatter(v, *lanes.indices, shape=(size, *shape), spec=lanes.spec, mode=mode, unique=unique)


scatter = Scatter()


class _Write(Primitive):
    """Base: x with something done to it at the index. v broadcasts to the shape of ``x[index]``."""

    quiet = True

    def infer(self, x, v, *indices, spec, mode="raise", unique=False):
        shape = result_shape(spec, x.shape, indices)
        if v.shape != shape and not _fits(v.shape, shape):
            raise ShapeError(
                f"shape mismatch: value array of shape {v.shape} could not be broadcast to indexing result of shape "
                f"{shape}",
                why="what is written takes the shape of x[index]",
                fix="reshape the value",
            )
        return x.strong

    def linear(self, n_operands, params):
        return ((0, 1),)

    def batch(self, size, operands, batched, *, spec, mode="raise", unique=False):
        x, v, *indices = operands
        shape = type_of(x).shape[batched[0] :]
        if not batched[0]:
            x = broadcast(x, shape=(size, *shape))
        lanes = Lanes(size, spec, indices, batched[2:], True, shape)
        v = lanes.spread_value(v, batched[1])
        return self(x, v, *lanes.indices, spec=lanes.spec, mode=mode, unique=unique)


class IndexSet(_Write):
    """x with v at the index; the last one where an index is repeated."""

    name = "index_set"

    def evaluate(self, x, v, *indices, spec, mode="raise", unique=False):
        out = np.array(x)  # in the order of x, as an array that is written to keeps it
        out[keyer(spec, mode, out.shape)(*indices)] = v
        return out

    def jvp(self, operands, result, tangents, **params):
        (x, _, *indices), (v, w, *_) = operands, tangents
        if v is not None and w is not None:
            return index_set(v, w, *indices, **params)
        if w is None:
            return cut(v, *indices, spec=params["spec"], mode=params.get("mode", "raise"))
        w = self._kept(_fitted(w, x, indices, params), x, indices, params)
        return scatter(w, *indices, shape=type_of(x).shape, **params)

    def transpose(self, u, x, v, *indices, **params):
        spec, mode = params["spec"], params.get("mode", "raise")
        # What was written is read before it is cut: the cut may then take place in u's own memory.
        second = self._kept(index_get(u, *indices, **params), u, indices, params) if is_linear(v) else None
        first = cut(u, *indices, spec=spec, mode=mode) if is_linear(x) else None
        return (first, second, *(None,) * len(indices))

    def _kept(self, v, x, indices, params):
        """Return v where it was not written over: all of it, unless an index may be repeated."""
        spec, unique = params["spec"], params.get("unique", False)
        if not repeats(spec, indices, unique):
            return v
        last = last_written(*indices, shape=type_of(x).shape, spec=spec, mode=params.get("mode", "raise"))
        return mask(last, v)


class IndexAdd(_Write):
    """x with v added at the index: as often as an index is repeated."""

    name, quiet = "index_add", False

    def evaluate(self, x, v, *indices, spec, mode="raise", unique=False):
        out = np.array(x)
        add_at(out, keyer(spec, mode, out.shape)(*indices), v, repeats(spec, indices, unique))
        return out

    def jvp(self, operands, result, tangents, **params):
        (x, _, *indices), (v, w, *_) = operands, tangents
        if w is None:
            return v
        if v is None:
            return scatter(_fitted(w, x, indices, params), *indices, shape=type_of(x).shape, **params)
        return index_add(v, w, *indices, **params)

    def transpose(self, u, x, v, *indices, **params):
        second = index_get(u, *indices, **params) if is_linear(v) else None
        return (u if is_linear(x) else None, second, *(None,) * len(indices))


index_set, index_add = IndexSet(), IndexAdd()


class Cut(Primitive):
    """x with zeros at the index: strong ones."""

    name, masks, quiet = "cut", True, True

    def infer(self, x, *indices, spec, mode="raise"):
        result_shape(spec, x.shape, indices)
        return x.strong

    def evaluate(self, x, *indices, spec, mode="raise"):
        out = np.array(x, order="C")
        out[keyer(spec, mode, out.shape)(*indices)] = 0
        return out

    def linear(self, n_operands, params):
        return ((0,),)

    def transpose(self, u, x, *indices, spec, mode="raise"):
        return (cut(u, *indices, spec=spec, mode=mode), *(None,) * len(indices))

    def batch(self, size, operands, batched, *, spec, mode="raise"):
        x, *indices = operands
        shape = type_of(x).shape[batched[0] :]
        if not batched[0]:
            x = broadcast(x, shape=(size, *shape))
        lanes = Lanes(size, spec, indices, batched[1:], True, shape)
        return cut(x, *lanes.indices, spec=lanes.spec, mode=mode)


cut = Cut()


class LastWritten(Primitive):
    """Which of the values written at an index into `shape` are still there: the last for each place."""

    name, smooth, quiet = "last_written", False, True

    def infer(self, *indices, shape, spec, mode="raise"):
        return array_type(result_shape(spec, shape, indices), np.dtype(bool))

    def evaluate(self, *indices, shape, spec, mode="raise"):
        key = keyer(spec, mode, shape)(*indices)
        written = result_shape(spec, shape, indices)
        order = np.arange(math.prod(written)).reshape(written)
        buffer = np.empty(shape, np.intp)
        buffer[key] = order
        return buffer[key] == order

    def batch(self, size, operands, batched, *, shape, spec, mode="raise"):
        lanes = Lanes(size, spec, list(operands), batched, True, shape)
        last = last_written(*lanes.indices, shape=(size, *shape), spec=lanes.spec, mode=mode)
        return permuted(last, lanes.to_front)


last_written = LastWritten()


# Helpers that compose them ----------------------------------------------------------------


def slice_(x: Any, *, starts: tuple, stops: tuple, steps: tuple | None = None) -> Any:
    """Return ``x[start:stop:step, …]``, one of each an axis; a stop of -1 with a negative step means to the end."""
    spec, operands = [], []
    for i, n in enumerate(type_of(x).shape):
        start, stop, step = starts[i], stops[i], 1 if steps is None else steps[i]
        size = len(range(start, stop, step))
        if size == n and step == 1:
            spec.append(ALL)
        else:
            spec.append(("slice", len(operands), size, step))
            operands.append(start)
    return index_get(x, *operands, spec=tuple(spec)) if operands else x


def take_along(x: Any, index: Any, axis: int, unique: bool = False) -> Any:
    """Return ``np.take_along_axis(x, index, axis)``; `unique` promises that no index is repeated."""
    return index_get(x, index, spec=along(axis, type_of(x).ndim), unique=unique)


def dynamic_slice(x: Any, *starts: Any, sizes: tuple[int, ...]) -> Any:
    """Return `sizes` elements of x from traced `starts` on, which are moved to where the slice fits, as in JAX."""
    return index_get(x, *starts, spec=_window(sizes), mode="clip")


def dynamic_update_slice(x: Any, v: Any, *starts: Any) -> Any:
    """Return x with v written from traced `starts` on, which are moved to where v fits, as in JAX."""
    return index_set(x, v, *starts, spec=_window(type_of(v).shape), mode="clip")


def _window(sizes: tuple[int, ...]) -> tuple:
    return tuple(("slice", k, n, 1) for k, n in enumerate(sizes))


def _fits(shape: tuple, whole: tuple) -> bool:
    """Return whether a value of this shape broadcasts to the whole."""
    try:
        return np.broadcast_shapes(shape, whole) == whole
    except ValueError:
        return False


def _fitted(v: Any, x: Any, indices: Any, params: dict) -> Any:
    """Return a value to be written in the shape of ``x[index]`` and the dtype of x."""
    shape = result_shape(params["spec"], type_of(x).shape, tuple(indices))
    if type_of(v).shape != shape:
        v = broadcast(v, shape=shape)
    return v if type_of(v).dtype == type_of(x).dtype else convert(v, dtype=type_of(x).dtype)


def repeats(spec: tuple, indices: Any, unique: bool) -> bool:
    """Return whether an index may come twice."""
    if unique:
        return False
    return any(item[0] == "array" and type_of(indices[item[1]]).ndim > 0 for item in spec)


def add_at(out: np.ndarray, key: tuple, v: Any, repeated: bool, fresh: bool = False) -> None:
    """Add v to an array at a key, in place; `fresh` says that it holds zeros only."""
    if not repeated:
        out[key] = v if fresh else out[key] + v
    elif out.ndim == 1 and len(key) == 1 and np.ndim(v) == 1 == np.ndim(key[0]):
        np.add.at(out, key[0], v)
    else:  # one index into all of it: `np.add.at` is ten times as fast in one dimension
        places = np.arange(out.size).reshape(out.shape)[key]
        if not out.flags.c_contiguous:
            np.add.at(out, key, v)
            return
        flat = out.reshape(-1)  # of a contiguous array: a view
        np.add.at(flat, places.ravel(), np.broadcast_to(np.asarray(v, out.dtype), places.shape).ravel())
