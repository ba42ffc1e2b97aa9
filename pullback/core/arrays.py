"""Who owns an array: snapshots of the user's arrays on the way in, fresh arrays on the way out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .tracer import Tracer
from .tree import contents
from .types import PYTHON_SCALARS

__all__ = ["Data", "own", "snapshot"]


def snapshot(x: Any, earlier: Any = None) -> Any:
    """Return the user's array as it is now: `earlier`, the snapshot taken before, if nothing has changed since."""
    if earlier is not None and earlier.shape == x.shape and earlier.dtype == x.dtype and _same(earlier, x):
        return earlier
    copy = np.array(x, dtype=x.dtype.newbyteorder("="), order="K", copy=True, subok=False)
    copy.flags.writeable = False
    return copy


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.array_equal(a, b, equal_nan=a.dtype.kind in "fc"))


class Data:
    """An array as a parameter of an equation: hashed and compared by what is in it. Nobody writes to it."""

    __slots__ = ("_hash", "array")

    def __init__(self, array: np.ndarray) -> None:
        self.array = array
        self._hash: int | None = None

    def _key(self) -> tuple:
        return self.array.shape, self.array.dtype.str, self.array.tobytes()

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(self._key())
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Data):
            return NotImplemented
        return self is other or (hash(self) == hash(other) and self._key() == other._key())

    def __reduce__(self):
        return Data, (self.array,)


def own(values: Iterable[Any], foreign: Iterable[Any] = ()) -> list[Any]:
    """Return values that share memory with nothing: not with each other, nor with `foreign`; writeable.

    A view, a read-only array, and an array met before are copied; scalars pass. So is a Tracer:
    what is done to the object that the user gets must not reach what is kept.
    """
    seen = {id(x) for x in foreign}
    out = []
    for x in values:
        if type(x) in contents:
            x = contents[type(x)](x)
        if type(x) is np.ndarray:
            if id(x) in seen or x.base is not None or not x.flags.writeable:
                x = x.copy()
            seen.add(id(x))
        elif type(x) in PYTHON_SCALARS:
            x = np.asarray(x)[()]
        elif type(x) is Tracer:
            x = x.__copy__()
        out.append(x)
    return out
