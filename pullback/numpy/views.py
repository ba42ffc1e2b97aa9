"""Which results of NumPy's are views, how they are read from their base, and how they are written back.

Only a reshape is a question: whether NumPy makes a view of it is decided by how the array lies in
memory. NumPy is asked, with an array that lies so and that nobody fills (`layout`); and only when
something is written, since until then a view and a copy are the same. What lies in memory in a way
that is not known (`lies`) may be read; writing to it, while somebody can see the difference, raises.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from pullback.core import source
from pullback.core.body import ProgramRecorder
from pullback.core.errors import MutationError
from pullback.core.recorder import bind
from pullback.core.tracer import Tracer, concrete, floor
from pullback.core.types import type_of
from pullback.core.views import Alias, adopt, check_inside, is_stale, rewrite
from pullback.primitives.complex import imag
from pullback.primitives.indexing import index_set
from pullback.primitives.shaping import broadcast, reshape, transpose
from pullback.transforms.vmap import VmapRecorder

from .arguments import dtype_of, shape
from .view_kinds import Broadcast, Diagonal, Flat, Flip, How, Imag, Index, Permute, ReadOnly, Real, Reshape, Whole

__all__ = [
    "copied",
    "diagonal_view",
    "flat",
    "flipped",
    "imag_part",
    "indexed",
    "is_flat",
    "layout",
    "ordered",
    "permuted",
    "read_only",
    "real_part",
    "repeated",
    "reshaped_view",
    "whole",
    "write",
]


# Making views ------------------------------------------------------------------------------


_WHOLE, _READ_ONLY, _REAL, _IMAG = Whole(), ReadOnly(), Real(), Imag()


def _view(x: Any, how: How) -> Any:
    """Return a view of x; the plain result where x is plain."""
    out = how.read(x)
    return adopt(x, how, out) if type(x) is Tracer and type(out) is Tracer else out


def whole(x: Any) -> Any:
    """Return ``x[...]``."""
    return _view(x, _WHOLE)


def indexed(x: Tracer, out: Any, spec: tuple, indices: Any) -> Any:
    """Make what was read by slices and integers a view."""
    return adopt(x, Index(spec, indices), out) if type(out) is Tracer and not is_flat(x) else out


def is_flat(x: Tracer) -> bool:
    """Return whether x is the ``flat`` of an array."""
    return x.alias is not None and type(x.alias.how) is Flat


def flat(x: Tracer) -> Tracer:
    """Return ``x.flat``."""
    return _view(x, Flat((x.type.size,)))


def reshaped_view(x: Any, sizes: tuple[int, ...]) -> Any:
    """Return x in a shape: a view wherever NumPy makes one."""
    if sizes == (-1,):
        sizes = (type_of(x).size,)
    if type(x) is not Tracer:
        return reshape(x, shape=sizes)
    return whole(x) if x.type.shape == sizes else _view(x, Reshape(sizes))


def permuted(x: Any, axes: tuple[int, ...]) -> Any:
    """Return x with its axes permuted, as a view."""
    if type(x) is not Tracer:
        return transpose(x, axes=axes)
    return whole(x) if axes == tuple(range(len(axes))) else _view(x, Permute(axes))


def flipped(x: Any, axes: tuple[int, ...]) -> Any:
    """Return x with axes reversed, as a view."""
    if not axes:
        return whole(x) if type(x) is Tracer else x
    return _view(x, Flip(axes))


def repeated(x: Any, sizes: tuple[int, ...]) -> Any:
    """Return x repeated along axes, as NumPy's read-only view."""
    if type(x) is not Tracer:
        return x if type_of(x).shape == sizes else broadcast(x, shape=sizes)
    return read_only(x) if x.type.shape == sizes else _view(x, Broadcast(sizes))


def read_only(x: Any) -> Any:
    """Return a view that is not to be written to."""
    return _view(x, _READ_ONLY) if type(x) is Tracer else x


def diagonal_view(x: Any, function: Any, *given: int) -> Any:
    """Return ``function(x, offset, axis1, axis2)``, the diagonal, as NumPy's read-only view."""
    return _view(x, Diagonal(function, given))


def real_part(x: Any) -> Any:
    """Return the real part, a view; of a real array all of it."""
    if dtype_of(x).kind == "c":
        return _view(x, _REAL)
    return whole(x) if type(x) is Tracer else x


def imag_part(x: Any) -> Any:
    """Return the imaginary part, a view; of a real array zeros, read-only."""
    return _view(x, _IMAG) if dtype_of(x).kind == "c" else read_only(imag(x))


def copied(x: Tracer) -> Tracer:
    """Return a copy: in a body that is being traced, one that belongs to it, and may be written to."""
    copy, body = x.__copy__(), floor.get()
    if body is None or x.recorder.level >= body.level:
        return copy
    own = body.take(x)
    own.alias = Alias(None, None)
    own.alias.ordered = lies(copy)
    return own


# Writing -----------------------------------------------------------------------------------


def write(x: Tracer, new: Any) -> None:
    """Let x, all that it is a view of, and all views of it, be what NumPy has after writing all of x.

    `new` has x's shape and dtype; it may be plain.
    """
    check_inside(x)
    _check_writable(x)
    _settle(x)
    if type(new) is Tracer:
        new = copied(new)
    if type(new) is not Tracer or x.alias.ordered is False:  # which keeps the order of x
        spec = (("all",),) * x.type.ndim
        new = bind(index_set, (x, new), {"spec": spec})
    rewrite(x, new)


def _check_writable(x: Tracer) -> None:
    seen = x
    while seen.alias is not None and seen.alias.parent is not None:
        if not seen.alias.how.writable:
            raise ValueError("assignment destination is read-only")
        seen = seen.alias.parent


def _settle(x: Tracer) -> None:
    """Decide what was left open: which reshapes on the way to the base, and back to views, are copies of NumPy's."""
    seen = x
    while seen.alias is not None and seen.alias.parent is not None:
        if type(seen.alias.how) is Reshape and not _shares(seen, seen is x):
            _cut(seen)
            break
        seen = seen.alias.parent
    _settle_order(seen)
    waiting = [seen]
    while waiting:
        parent = waiting.pop()
        if parent.alias is None:
            continue
        for child in [r() for r in parent.alias.children]:
            if child is None or is_stale(child):
                continue
            if type(child.alias.how) is Reshape and not _shares(child, False):
                _cut(child)
            else:
                waiting.append(child)


def _settle_order(base: Tracer) -> None:
    """Note how a base lies before it is written to: writing does not change that."""
    if base.alias is None:
        base.alias = Alias(None, None)
    if base.alias.ordered is None:
        base.alias.ordered = lies(base)


def ordered(x: Tracer) -> Tracer:
    """Note of a new Tracer that NumPy's array would be C-ordered, and return it."""
    x.alias = Alias(None, None)
    x.alias.ordered = True
    return x


def _cut(copy: Tracer) -> None:
    """Let go of the parent: it is no base of this one."""
    parent = copy.alias.parent
    copy.alias.ordered = True
    others = [r() for r in parent.alias.children]
    parent.alias.children = ()
    for child in others:
        if child is not None and child is not copy:
            parent.alias.add(child)
    copy.alias.parent = copy.alias.how = None


def _shares(x: Tracer, written: bool) -> bool:
    """Return whether a reshape is a view; where that is not known, and somebody could tell, raise."""
    how, parent = x.alias.how, x.alias.parent
    if x.type.size == 0 or _only_units(parent.type.shape, x.type.shape):
        return True
    array = layout(parent)
    if array is not None:
        return np.may_share_memory(array, how.layout(array))
    if written and sys.getrefcount(parent) <= _HELD and len(parent.alias.children) <= 1 and _is_base(parent):
        return False  # nobody else can see the base
    raise MutationError(
        f"a write that may or may not reach another array: one of {parent.type} was reshaped to {x.type.shape}",
        where=source.here(),
        why="NumPy makes a view or a copy of it, as the array lies in memory, which is not known here",
        fix="x.reshape(...).copy() for a copy; to write through a reshape, first x = x.copy(), which is C-ordered",
    )


_HELD = 3  # `parent` here, the argument of getrefcount, and the view's alias


def _is_base(x: Tracer) -> bool:
    return x.alias.parent is None


def _only_units(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Return whether two shapes differ by axes of size 1: that is a view however the array lies."""
    return [n for n in a if n != 1] == [n for n in b if n != 1]


def layout(x: Tracer) -> np.ndarray | None:
    """Return an array that lies in memory as NumPy's x would, or None if that is not known. It is not filled."""
    chain: list[Alias] = []
    while x.alias is not None and x.alias.parent is not None:
        chain.append(x.alias)
        x = x.alias.parent
    if not (lies(x) if x.alias is None or x.alias.ordered is None else x.alias.ordered):
        return None
    array = np.empty(x.type.shape, x.type.dtype)
    for alias in reversed(chain):
        array = alias.how.layout(array)
    return array


def lies(x: Any) -> bool:
    """Return whether an array that is no view is known to be C-ordered.

    Arguments count as C-ordered. A result is C-ordered in NumPy if its operands are: only what permutes
    axes, and indexing with arrays, make it anything else.
    """
    if sum(n != 1 for n in shape(x)) < 2:
        return True
    while type(x) is Tracer:
        if isinstance(x.recorder, ProgramRecorder):
            return _in_order(x.recorder, x.entry)
        if isinstance(x.recorder, VmapRecorder):
            x = x.entry
        elif x.value is None:
            return False
        else:
            x = x.value
    return bool(np.asarray(concrete(x)).flags.c_contiguous)


def _in_order(recorder: ProgramRecorder, var: Any) -> bool:
    """Return whether what an equation made is C-ordered, if the inputs are."""
    seen, mixed = recorder.layouts or (0, set())
    for eq in recorder.equations[seen:]:
        read = eq.operands[:1] if eq.primitive.name in _WRITES else eq.operands
        if _mixes(eq) or any(x in mixed for x in read if x.__class__ is var.__class__):
            mixed.update(eq.results)
    recorder.layouts = (len(recorder.equations), mixed)
    return var not in mixed


_WRITES = {"index_set", "index_add", "cut"}  # the result lies as the first operand does


def _mixes(eq: Any) -> bool:
    name = eq.primitive.name
    if name == "contract":
        order = [*eq.params["a_axes"], *eq.params["b_axes"]]
        places = [order.index(a) for a in eq.params["out_axes"]]
        return places != sorted(places)
    if name == "index_get":
        return any(x.type.ndim > 0 for x in eq.operands[1:]) and eq.results[0].type.ndim > 1
    return name == "transpose"
