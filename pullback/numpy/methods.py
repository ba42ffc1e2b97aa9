"""ndarray's methods and attributes that are not defined beside their function."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core import source
from pullback.core.errors import NotWritten
from pullback.core.tracer import Tracer

from .arguments import shape
from .registry import attribute, method
from .views import flat, whole

__all__: list[str] = []


attribute("flat")(flat)


@attribute("strides")
def _strides(self: Tracer) -> tuple[int, ...]:
    """Strides of a C-ordered array: how a Tracer's value lies in memory is not part of it."""
    strides, step = [], self.itemsize
    for n in reversed(shape(self)):
        strides.append(step)
        step *= max(n, 1)
    return tuple(reversed(strides))


@attribute("flags", "base", "data", "ctypes")
def _memory(self: Tracer) -> Any:
    raise AttributeError("a Tracer has no memory of its own: flags, base, data and ctypes belong to ndarrays")


@method("view")
def _view(self: Tracer, dtype: Any = None, type: Any = None) -> Any:
    if type is None and (dtype is None or np.dtype(dtype) == self.dtype):
        return whole(self)
    raise NotWritten(
        "x.view(dtype) of something that is being differentiated or traced",
        where=source.here(),
        why="it looks at the bits of numbers",
        fix="x.astype(dtype), np.real(x) or np.imag(x)",
    )


@method("tobytes", "tofile", "dump", "dumps", "getfield")
def _bits(self: Tracer, *args: Any, **kwargs: Any) -> Any:
    raise NotWritten(
        "the bytes of something that is being differentiated or traced",
        where=source.here(),
        why="bytes are no numbers, and have no derivative",
        fix="pullback.stop_gradient(x) gives the plain array",
    )


@method("__round__")
def _round(self: Tracer, ndigits: int | None = None) -> Any:
    if self.ndim:
        raise TypeError("only scalars are rounded by round(): np.round(x) rounds arrays")
    return np.round(self).astype(int) if ndigits is None else np.round(self, ndigits)
