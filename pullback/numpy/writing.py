"""``x[i] = v``, ``x += y`` and ``np.add.at``: writing to elements of a Tracer.

Each is an update that gives a new array (`index_set`, `index_add`), and the Tracer moves on to
it (`views.write`), so that every name and every view of it sees what NumPy's would.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pullback.core import source
from pullback.core.errors import NotWritten
from pullback.core.recorder import bind
from pullback.core.tracer import Tracer, concrete
from pullback.core.types import type_of
from pullback.core.views import check_inside
from pullback.primitives.choice import select
from pullback.primitives.index_spec import result_shape
from pullback.primitives.indexing import index_add, index_get, index_set, repeats

from .arguments import as_dtype, dtype_of, no_out, operand, reshaped, shape, spread
from .buffers import target
from .chosen import Chosen, no_mask
from .indexing import is_single, parse_index, unknown_mask
from .outputs import store
from .ufuncs import call_ufunc
from .views import is_flat, write

__all__ = ["change", "change_at", "is_scalar", "set_item"]


def is_scalar(x: Tracer) -> bool:
    """Return whether x stands for a NumPy scalar, which is immutable, and not for an array without axes."""
    if x.type.ndim or (x.alias is not None and x.alias.parent is not None):
        return False
    return type(concrete(x)) is not np.ndarray


def set_item(self: Tracer, index: Any, value: Any) -> None:
    """``x[index] = value``, also through views."""
    check_inside(self)
    mask = unknown_mask(index)
    if mask is not None:
        write(self, _where(self, mask, value))
        return
    if is_single(index):
        _set_all_or_nothing(self, index, value)
        return
    if type(value) is Chosen:
        value = value.chosen()
    spec, indices, unique = parse_index(self, index)
    v = as_dtype(operand(value), self.type.dtype)
    found = type_of(v).shape
    if found:
        wanted = result_shape(
            spec, self.type.shape, tuple([i if type(i) is Tracer else np.asarray(i) for i in indices])
        )
        extra = len(found) - len(wanted)
        if extra > 0 and found[:extra] == (1,) * extra:  # NumPy drops them in an assignment
            v = reshaped(v, found[extra:])
        elif is_flat(self):
            v = cycled(v, wanted)
    write(self, _bound(index_set, self, v, spec, indices, unique))


def _set_all_or_nothing(self: Tracer, condition: Any, value: Any) -> None:
    """``x[condition] = value``, for a single boolean: all of x, or nothing."""
    if type(condition) is Tracer:
        write(self, _where(self, condition, value))
    elif condition:
        set_item(self, Ellipsis, value)
    else:
        np.broadcast_to(np.empty(type_of(operand(value)).shape), (0, *self.type.shape))  # raises where NumPy does


def _bound(primitive: Any, x: Any, v: Any, spec: tuple, indices: Any, unique: bool) -> Any:
    return bind(primitive, (x, v, *indices), {"spec": spec, "unique": True} if unique else {"spec": spec})


def cycled(v: Any, sizes: tuple[int, ...]) -> Any:
    """Return as many values as `sizes` has, from the first on and over again: as ``x.flat[...] = v`` takes them."""
    n, have = int(np.prod(sizes)), type_of(v).size
    if have == n or have == 0:
        return v
    flat = reshaped(v, (have,))
    return reshaped(index_get(flat, np.arange(n) % have, spec=(("array", 0),)), sizes)


def _where(x: Tracer, mask: Any, value: Any) -> Any:
    """Return x with a value where a mask holds whose values are not known."""
    whole = reshaped(mask, (*shape(mask), *(1,) * (x.type.ndim - mask.type.ndim)))
    if type(value) is Chosen:
        value.check_same(mask)
        value = value.everywhere
        return select(whole, as_dtype(value, x.type.dtype), x)
    v = as_dtype(operand(value), x.type.dtype)
    if type_of(v).ndim == x.type.ndim - mask.type.ndim + 1:  # one for each place of the mask
        if shape(v)[0] != 1:
            raise no_mask(mask)
        v = reshaped(v, shape(v)[1:])
    return select(whole, v, x)


def change(ufunc: np.ufunc, apply: Callable[..., Any], x: Tracer, other: Any) -> Tracer:
    """``x += y`` for any operator, in place; returns x."""
    check_inside(x)
    y = operand(other)
    given = (
        dtype_of(y)
        if not type_of(y).weak
        else {"b": np.dtype(bool), "i": int, "f": float, "c": complex}[dtype_of(y).kind]
    )
    ufunc.resolve_dtypes((x.type.dtype, given, x.type.dtype))  # raises what NumPy raises where the result does not fit
    result = apply(x, y)
    store(ufunc.__name__, x, result)
    return x


def change_at(ufunc: np.ufunc, a: Any, indices: Any, b: Any = None) -> None:
    """``ufunc.at(a, indices, b)``: an element is changed as often as its index comes."""
    index = indices
    x = target(a, b, *(index if isinstance(index, tuple) else (index,)))
    if x is None:
        raise no_out(f"{ufunc.__name__}.at")
    spec, at, unique = parse_index(x, index)
    v = None if b is None else operand(b)
    if ufunc in (np.add, np.subtract) and v is not None:
        ufunc.resolve_dtypes((dtype_of(x), dtype_of(v), dtype_of(x)))
        v = as_dtype(v, dtype_of(x))
        new = _bound(index_add, x, v if ufunc is np.add else call_ufunc(np.negative, v), spec, at, unique)
    elif not repeats(spec, at, unique):
        new = _once(ufunc, x, spec, at, unique, v)
    else:
        new = _in_rounds(ufunc, x, spec, at, v)
    if type(x) is Tracer:
        write(x, new)
    else:
        np.copyto(x, new)


def _once(ufunc: np.ufunc, x: Any, spec: tuple, at: Any, unique: bool, v: Any) -> Any:
    old = index_get(x, *at, spec=spec)
    changed = call_ufunc(ufunc, old) if v is None else call_ufunc(ufunc, old, v)
    return _bound(index_set, x, as_dtype(changed, dtype_of(x)), spec, at, unique)


def _in_rounds(ufunc: np.ufunc, x: Any, spec: tuple, at: Any, v: Any) -> Any:
    """Change elements whose index is repeated once a round: the k-th time that it comes in round k."""
    if any(concrete(i) is None for i in at):
        raise NotWritten(
            f"np.{ufunc.__name__}.at with indices that may be repeated, and are not known here",
            where=source.here(),
            why="only add and subtract take an index more than once under jit, vmap and in bodies",
            fix="a loop over the indices with pullback.fori_loop",
        )
    sizes = shape(x)
    places = np.arange(int(np.prod(sizes))).reshape(sizes)
    met = np.asarray(index_get(places, *(np.asarray(concrete(i)) for i in at), spec=spec))
    flat = met.ravel()
    order = np.argsort(flat, kind="stable")
    sorted_ = flat[order]
    first = np.searchsorted(sorted_, sorted_, side="left")
    turn = np.empty(flat.size, int)
    turn[order] = np.arange(flat.size) - first
    values = None if v is None else reshaped(spread(v, met.shape), (flat.size,))
    new = reshaped(x, (int(np.prod(sizes)),))
    one = (("array", 0),)
    for k in range(int(turn.max(initial=-1)) + 1):
        chosen = np.flatnonzero(turn == k)
        part = None if values is None else index_get(values, chosen, spec=one)
        new = _once(ufunc, new, one, (flat[chosen],), True, part)
    return reshaped(new, sizes)
