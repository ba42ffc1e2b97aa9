"""How a view is read from what it is a view of, how it is written back, and how it lies in memory: one class a kind.

`views` makes them. A kind reads with primitives, so that a view is whatever its parent is: a Tracer of
any recorder.
"""

# ruff: noqa: D102 (the methods of a kind inherit the docstrings of `How`)

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.recorder import bind
from pullback.core.tracer import Tracer, settled
from pullback.primitives.assembling import flip
from pullback.primitives.complex import complex_, imag, real
from pullback.primitives.index_spec import keyer
from pullback.primitives.indexing import index_get, index_set
from pullback.primitives.shaping import broadcast, reshape, transpose

__all__ = [
    "Broadcast", "Diagonal", "Flat", "Flip", "How", "Imag", "Index", "Permute", "Places", "ReadOnly", "Real", "Reshape",
    "Whole",
]  # fmt: skip


class How:
    """How a view is read from its parent, how a new value of it is written back, and how it lies in memory."""

    __slots__ = ()
    writable: bool = True

    def read(self, parent: Any) -> Any:
        """Return the view of a parent."""
        raise NotImplementedError

    def write(self, parent: Any, view: Any) -> Any:
        """Return the parent with its view being this one."""
        raise NotImplementedError

    def layout(self, parent: np.ndarray) -> np.ndarray:
        """Return NumPy's view of an array that lies as the parent does."""
        raise NotImplementedError


class Whole(How):
    """``x[...]``, ``x.view()``."""

    __slots__ = ()

    def read(self, parent):
        return parent.__copy__()

    def write(self, parent, view):
        return view

    def layout(self, parent):
        return parent[...]


_INT = {int}


class Index(How):
    """``x[index]`` of slices, integers and new axes."""

    __slots__ = ("indices", "spec")

    def __init__(self, spec: tuple, indices: tuple) -> None:
        self.spec, self.indices = spec, indices if set(map(type, indices)) <= _INT else tuple(map(settled, indices))

    def read(self, parent):
        return bind(index_get, (parent, *self.indices), {"spec": self.spec})

    def write(self, parent, view):
        return bind(index_set, (parent, view, *self.indices), {"spec": self.spec})

    def layout(self, parent):
        starts = [0 if type(i) is Tracer else i for i in self.indices]  # where it starts decides nothing
        return parent[keyer(self.spec, "raise", parent.shape)(*starts)]


class Reshape(How):
    """``x.reshape(shape)``, and what only puts in or takes out axes of size 1."""

    __slots__ = ("sizes",)

    def __init__(self, sizes: tuple[int, ...]) -> None:
        self.sizes = sizes

    def read(self, parent):
        return reshape(parent, shape=self.sizes)

    def write(self, parent, view):
        return reshape(view, shape=parent.type.shape)

    def layout(self, parent):
        return parent.reshape(self.sizes)


class Flat(Reshape):
    """``x.flat``: all elements in C order, written through however they lie in memory; what is read of it is a copy."""

    __slots__ = ()


class Permute(How):
    """``x.T`` and all other permutations of axes."""

    __slots__ = ("axes",)

    def __init__(self, axes: tuple[int, ...]) -> None:
        self.axes = axes

    def read(self, parent):
        return transpose(parent, axes=self.axes)

    def write(self, parent, view):
        return transpose(view, axes=tuple(np.argsort(self.axes).tolist()))

    def layout(self, parent):
        return parent.transpose(self.axes)


class Flip(How):
    """``np.flip(x, axes)``."""

    __slots__ = ("axes",)

    def __init__(self, axes: tuple[int, ...]) -> None:
        self.axes = axes

    def read(self, parent):
        return flip(parent, axes=self.axes)

    def write(self, parent, view):
        return flip(view, axes=self.axes)

    def layout(self, parent):
        return parent[tuple(slice(None, None, -1 if i in self.axes else 1) for i in range(parent.ndim))]


class Real(How):
    """``z.real`` of a complex array."""

    __slots__ = ()

    def read(self, parent):
        return real(parent)

    def write(self, parent, view):
        return complex_(view, imag(parent))

    def layout(self, parent):
        return np.real(parent)


class Imag(How):
    """``z.imag`` of a complex array."""

    __slots__ = ()

    def read(self, parent):
        return imag(parent)

    def write(self, parent, view):
        return complex_(real(parent), view)

    def layout(self, parent):
        return np.imag(parent)


class Broadcast(How):
    """``np.broadcast_to(x, shape)``: NumPy's is not to be written to."""

    __slots__ = ("sizes",)
    writable = False

    def __init__(self, sizes: tuple[int, ...]) -> None:
        self.sizes = sizes

    def read(self, parent):
        return broadcast(parent, shape=self.sizes)

    def layout(self, parent):
        return np.broadcast_to(parent, self.sizes)


class ReadOnly(Whole):
    """What NumPy gives out read-only, the whole of another view."""

    __slots__ = ()
    writable = False


class Diagonal(How):
    """``np.diagonal(x)``: NumPy's is not to be written to."""

    __slots__ = ("function", "given")
    writable = False

    def __init__(self, function: Any, given: tuple) -> None:
        self.function, self.given = function, given

    def read(self, parent):
        return self.function(parent, *self.given)

    def layout(self, parent):
        return np.diagonal(parent, *self.given)


class Places(How):
    """Any view at all, by the place of each of its elements in the parent, which is C-ordered."""

    __slots__ = ("params", "places", "writable")

    def __init__(self, places: np.ndarray, writable: bool) -> None:
        self.places, self.writable = places, writable
        self.params: dict[str, Any] = {"spec": (("array", 0),)}
        if np.unique(places).size == places.size:  # else elements overlap: those of `np.broadcast_to`, of windows
            self.params["unique"] = True

    def read(self, parent):
        flat = reshape(parent, shape=(parent.type.size,))
        return bind(index_get, (flat, self.places), self.params)

    def write(self, parent, view):
        flat = reshape(parent, shape=(parent.type.size,))
        written = bind(index_set, (flat, view, self.places), self.params)
        return reshape(written, shape=parent.type.shape)

    def layout(self, parent):
        step = parent.itemsize
        start = int(self.places.flat[0]) * step if self.places.size else 0
        strides = tuple(s // self.places.itemsize * step for s in self.places.strides)
        return np.ndarray(self.places.shape, parent.dtype, parent, start, strides)
