"""NumPy's functions and methods that change an array: copyto, put, place, putmask, fill_diagonal, sort, fill.

Each writes to a Tracer, or to a buffer that becomes one; a plain array from elsewhere cannot hold
Tracers, and the error says what to write instead.
"""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np

from pullback.core import source
from pullback.core.errors import MutationError
from pullback.core.tracer import Tracer, concrete, views
from pullback.core.types import type_of
from pullback.core.views import check_inside
from pullback.primitives.choice import select
from pullback.primitives.index_spec import along
from pullback.primitives.indexing import index_get, index_set

from .arguments import as_dtype, dtype_of, ndim, one_axis, operand, reshaped, shape, spread
from .buffers import target, writers
from .outputs import put as put_all
from .registry import covers, method
from .ufuncs import call_ufunc
from .writing import cycled, set_item

__all__: list[str] = []


def changes(function: Any) -> Any:
    """Have the decorated function answer for one of NumPy's that writes to its first argument."""
    writers.add(function)
    return covers(function)


def _target(function: str, x: Any, *written: Any) -> Any:
    at = target(x, *written)
    if at is None:
        raise no_target(function, x)
    if type(at) is Tracer:
        check_inside(at)
    return at


def no_target(function: str, x: Any) -> MutationError:
    """Return the error for a plain array that Tracers were to be written into."""
    return MutationError(
        f"{function} was to write a Tracer into a plain array of {type_of(x).strong}",
        where=source.here(),
        why="a plain array holds numbers only; an array that is made inside the function holds Tracers as well",
        fix="make a copy of it inside the function: a = np.array(a)",
    )


@changes(np.copyto)
def copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    """Write an array over another, or over part of it."""
    x = _target("np.copyto", dst, src, where)
    v = operand(src)
    from_, rule = dtype_of(v), cast("Any", casting)
    if not type_of(v).weak and not np.can_cast(from_, dtype_of(x), rule):
        raise TypeError(f"Cannot cast array data from {from_!r} to {dtype_of(x)!r} according to the rule {casting!r}")
    extra = ndim(v) - ndim(x)
    if extra > 0 and shape(v)[:extra] == (1,) * extra:
        v = reshaped(v, shape(v)[extra:])
    if np.broadcast_shapes(shape(v), shape(x)) != shape(x):
        raise ValueError(f"could not broadcast input array from shape {shape(v)} into shape {shape(x)}")
    v = spread(as_dtype(v, dtype_of(x)), shape(x))
    put_all(x, v if where is True else select(operand(where), v, x))


def _put_flat(x: Any, places: Any, v: Any) -> None:
    """Write values to places of the flattened array."""
    flat = reshaped(x, (type_of(x).size,))
    written = index_set(flat, as_dtype(v, dtype_of(x)), places, spec=(("array", 0),))
    put_all(x, reshaped(written, shape(x)))


@changes(np.put)
def put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    """Write values to places of the flattened array; they are taken over again where there are too few."""
    x = _target("np.put", a, v, ind)
    places, values = operand(ind), operand(v)
    places = reshaped(places, (type_of(places).size,))
    if not type_of(values).size or not type_of(places).size:
        return
    size = type_of(x).size
    if mode == "clip":
        places = call_ufunc(np.minimum, call_ufunc(np.maximum, places, 0), size - 1)
    elif mode == "wrap":
        places = call_ufunc(np.remainder, places, size)
    elif mode != "raise":
        raise ValueError(f"clipmode must be one of 'clip', 'raise', or 'wrap' (got {mode!r})")
    n, have = type_of(places).size, type_of(values).size
    values = reshaped(values, (have,))
    values = index_get(values, np.arange(n) % have, spec=(("array", 0),)) if n != have else values
    _put_flat(x, places, values)


method("put")(put)


@changes(np.place)
def place(arr: Any, mask: Any, vals: Any) -> None:
    """Write values one after the other where a mask holds, over again where there are too few."""
    x = _target("np.place", arr, vals, mask)
    values = operand(vals)
    have = type_of(values).size
    if not have:
        if np.any(np.asarray(mask)):
            raise ValueError("Cannot insert from an empty array!")
        return
    chosen = as_dtype(reshaped(operand(mask), (type_of(x).size,)), bool)
    turn = call_ufunc(np.remainder, call_ufunc(np.subtract, np.cumsum(chosen), 1), have)
    v = index_get(reshaped(values, (have,)), turn, spec=(("array", 0),))
    put_all(x, select(reshaped(chosen, shape(x)), reshaped(as_dtype(v, dtype_of(x)), shape(x)), x))


@changes(np.putmask)
def putmask(a: Any, mask: Any, values: Any) -> None:
    """Write values where a mask holds: each at its own place, over again where there are too few."""
    x = _target("np.putmask", a, values, mask)
    v = operand(values)
    if not type_of(v).size:
        return
    if type_of(v).size != type_of(x).size:
        v = cycled(reshaped(v, (type_of(v).size,)), shape(x))
    v = reshaped(as_dtype(v, dtype_of(x)), shape(x))
    put_all(x, select(as_dtype(reshaped(operand(mask), shape(x)), bool), v, x))


@changes(np.fill_diagonal)
def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    """Write to the main diagonal."""
    x = _target("np.fill_diagonal", a, val)
    sizes = shape(x)
    if len(sizes) < 2:
        raise ValueError("array must be at least 2-d")
    if len(sizes) == 2:
        step, end = sizes[1] + 1, None if wrap else sizes[1] * sizes[1]
    else:
        if len(set(sizes)) > 1:
            raise ValueError("All dimensions of input must be of equal length")
        step, end = 1 + sum(math.prod(sizes[:i]) for i in range(1, len(sizes))), None
    n = len(range(*slice(None, end, step).indices(math.prod(sizes))))
    v = operand(val)
    v = cycled(v, (n,)) if ndim(v) else v
    flat = reshaped(x, (type_of(x).size,))
    v = as_dtype(v if not ndim(v) else reshaped(v, (n,)), dtype_of(x))
    written = index_set(flat, v, 0, spec=(("slice", 0, n, step if n > 1 else 1),))
    put_all(x, reshaped(written, sizes))


@changes(np.put_along_axis)
def put_along_axis(arr: Any, indices: Any, values: Any, axis: Any) -> None:
    """Write values at indices along an axis: the counterpart of take_along_axis."""
    x = _target("np.put_along_axis", arr, values, indices)
    at, v = operand(indices), as_dtype(operand(values), dtype_of(x))
    if dtype_of(at).kind not in "iu":
        raise IndexError("`indices` must be an integer array")
    if axis is None:
        if ndim(at) != 1:
            raise ValueError("when axis=None, `indices` must have a single dimension.")
        _put_flat(x, at, v)
        return
    if ndim(x) != ndim(at):
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    put_all(x, index_set(x, v, at, spec=along(one_axis(axis, ndim(x)), ndim(x))))


# Methods -----------------------------------------------------------------------------------


@method("fill")
def fill(self: Tracer, value: Any) -> None:
    """Write one value everywhere."""
    if type_of(operand(value)).shape:
        raise ValueError("setting an array element with a sequence.")
    set_item(self, ..., value)


@method("sort")
def sort(self: Tracer, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> None:
    """Sort in place."""
    put_all(_target("x.sort()", self), np.sort(self, axis, kind, order, stable=stable))


@method("partition")
def partition(self: Tracer, kth: Any, axis: Any = -1, kind: Any = "introselect", order: Any = None) -> None:
    """Partition in place; sorted where values are not known, which is a partition too."""
    x, value = _target("x.partition()", self), concrete(self)
    if value is None:
        put_all(x, np.sort(x, axis))
    else:
        put_all(x, np.take_along_axis(x, np.argpartition(value, kth, axis, kind, order), axis))


def _refuse(what: str, why: str, fix: str) -> MutationError:
    return MutationError(what, where=source.here(), why=why, fix=fix)


@method("resize")
def resize(self: Tracer, *shape: Any, refcheck: bool = True) -> None:
    """Refuse: NumPy's gives the memory back that other names may hold."""
    raise _refuse(
        "x.resize(...) of a Tracer",
        "it changes the size of an array under all its names",
        "x = np.resize(x, shape)",
    )


@method("setflags", "setfield", "byteswap")
def memory(self: Tracer, *args: Any, **kwargs: Any) -> None:
    """Refuse: a Tracer has no bytes."""
    raise _refuse(
        "setflags, setfield or byteswap of a Tracer",
        "they are about the bytes of an array, and a Tracer has none",
        "leave it out; x.copy() for an array of one's own",
    )


def _settable(name: str, put_value: Any) -> None:
    found = getattr(Tracer, name)
    Tracer.define(name, property(found.fget, put_value))


def _set_part(name: str) -> Any:
    def put_value(self: Tracer, value: Any) -> None:
        if name == "imag" and dtype_of(self).kind != "c":
            raise TypeError("array does not have imaginary part to set")
        getattr(self, name)[...] = value

    return put_value


def _set_flat(self: Tracer, value: Any) -> None:
    self.flat[...] = value


def _set_shape(self: Tracer, value: Any) -> None:
    raise _refuse(
        f"x.shape = {value} of a Tracer of {self.type.strong}",
        "it changes the shape of an array under all its names, and NumPy has deprecated it",
        "x = x.reshape(shape)",
    )


for _name in ("real", "imag"):
    _settable(_name, _set_part(_name))
_settable("flat", _set_flat)
_settable("shape", _set_shape)

views.update(
    {
        np.reshape, np.ravel, np.transpose, np.permute_dims, np.matrix_transpose, np.linalg.matrix_transpose,
        np.swapaxes, np.moveaxis, np.rollaxis, np.expand_dims, np.squeeze, np.broadcast_to, np.atleast_1d,
        np.atleast_2d, np.atleast_3d, np.flip, np.flipud, np.fliplr, np.rot90, np.diagonal, np.linalg.diagonal,
        np.diag, np.real, np.imag, np.asarray, np.asanyarray, np.ascontiguousarray, np.asarray_chkfinite,
        getattr(np, "astype", np.asarray),
    }
)  # fmt: skip
