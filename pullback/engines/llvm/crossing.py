"""crossing: tapes on their way between Python and native code.

Eager derivatives of a jitted loop are two compiled functions, and the tape goes from one to
the other through Python. There it is a `NativeTape`: its memory is native code's, it is freed
with the object, and other native code reads it as it lies. The evaluator sees an ordinary
Tape; where tapes lie in tapes, the array of them is made when somebody asks. A tape that the
evaluator has made is laid out for native code on the way in.

On the way out, words that own nothing yet go in as one more argument, and native code writes
there what it gives away. So memory has an owner at every moment, whatever is raised.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pullback.core.types import ArrayType, Tape, TapeType, array_type

from .stacks import words_of

__all__ = ["NativeTape", "cross", "native_types"]

_free = ctypes.CDLL(None).free
_free.argtypes, _free.restype = [ctypes.c_void_p], None
_WORD = np.dtype(np.int64)


class _Owner:
    """The words of a tape, and the memory that they point to: freed with this object."""

    __slots__ = ("words",)

    def __init__(self, type: TapeType) -> None:
        self.words = np.zeros(words_of(type), np.int64)

    def __del__(self, free: Any = _free) -> None:  # at the end of the process, globals may be gone
        for address in self.words[2:].tolist():
            free(address)


class _Memory:
    """A piece of an owner's memory, as NumPy asks for it."""

    __slots__ = ("__array_interface__", "owner")

    def __init__(self, owner: _Owner, address: int, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.owner = owner
        self.__array_interface__ = {"data": (address, True), "shape": shape, "typestr": dtype.str, "version": 3}


def _array(owner: _Owner, address: int, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return an array in an owner's memory, which it keeps alive. Nobody writes to a tape."""
    if not address or 0 in shape:
        return np.empty(shape, dtype)
    return np.asarray(_Memory(owner, address, shape, dtype))


class NativeTape(Tape):
    """A Tape that native code has written."""

    __slots__ = ("_found", "length", "owner")

    def __init__(self, owner: _Owner, type: TapeType) -> None:
        self.owner, self.type = owner, type
        self.length = int(owner.words[1])
        self._found: np.ndarray | None = None

    def __len__(self) -> int:
        return self.length

    @property
    def array(self) -> np.ndarray:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The turns along axis 0."""
        if self._found is None:
            words = self.owner.words.tolist()
            self._found = _turns(self.owner, words[2:], words[0], words[1], self.type)
        return self._found

    def __reduce__(self):
        return Tape, (self.array, self.type)


def _turns(owner: _Owner, buffers: list[int], first: int, length: int, type: TapeType) -> np.ndarray:
    """Return the turns of a tape: an array, or an array of tapes."""
    element = type.element
    if isinstance(element, ArrayType):
        return _array(owner, buffers[0] + first * element.nbytes, (length, *element.shape), element.dtype)
    records = _array(owner, buffers[0] + first * 16, (length, 2), _WORD).tolist()
    found = np.empty(length, object)
    for i, (start, n) in enumerate(records):
        found[i] = Tape(_turns(owner, buffers[1:], start, n, element), element)
    return found


def _laid_out(tape: Tape, type: TapeType) -> tuple[np.ndarray, Any]:
    """Return the words of a tape, and what must live while they are read."""
    if isinstance(tape, NativeTape):
        return tape.owner.words, tape
    levels: list[np.ndarray] = []
    tapes, element = [tape], type.element
    while isinstance(element, TapeType):
        inner = [turn for t in tapes for turn in t.array]
        lengths = np.array([len(t) for t in inner], np.int64)
        levels.append(np.stack([np.cumsum(lengths) - lengths, lengths], axis=1))
        tapes, element = inner, element.element
    turns = [t.array for t in tapes]
    whole = turns[0] if len(turns) == 1 else np.concatenate([np.empty((0, *element.shape), element.dtype), *turns])
    levels.append(np.require(whole, element.dtype, ("C_CONTIGUOUS", "ALIGNED")))
    return np.array([0, len(tape), *(x.ctypes.data for x in levels)], np.int64), levels


def native_types(in_types: Sequence[Any], out_types: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Return the types of what native code takes and gives: words in place of tapes, those of results last."""

    def words(t: Any) -> Any:
        return array_type((words_of(t),), _WORD) if isinstance(t, TapeType) else t

    given = [words(t) for t in out_types if isinstance(t, TapeType)]
    return [*map(words, in_types), *given], [t for t in out_types if not isinstance(t, TapeType)]


def cross(run: Callable[..., Any], in_types: Sequence[Any], out_types: Sequence[Any]) -> Callable[..., Any]:
    """Return `run` as a function of tapes, where it has any; else as it is."""
    taken = [(i, t) for i, t in enumerate(in_types) if isinstance(t, TapeType)]
    given = [(k, t) for k, t in enumerate(out_types) if isinstance(t, TapeType)]
    if not taken and not given:
        return run

    def crossing(*values: Any) -> list[Any]:
        xs = list(values)
        held = []  # until native code has returned
        for i, t in taken:
            xs[i], kept = _laid_out(xs[i], t)
            held.append(kept)
        owners = [_Owner(t) for _, t in given]
        outs = list(run(*xs, *[owner.words for owner in owners]))
        for (k, t), owner in zip(given, owners, strict=True):
            outs.insert(k, NativeTape(owner, t))
        return outs

    return crossing
