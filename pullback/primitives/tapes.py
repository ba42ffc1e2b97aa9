"""Tapes: what a loop of unknown length has written down, one element a turn.

A tape's value is an array with the turns along axis 0. An empty tape is the zero of any
length, so that a structural zero can be written down before the length is known.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.primitive import Primitive, Same
from pullback.core.program import Equation, Literal, Var
from pullback.core.tracer import floor
from pullback.core.types import Tape, TapeType, array_type, tape_type, type_of

from .arithmetic import add
from .shaping import broadcast

__all__ = [
    "add_tapes",
    "add_values",
    "batch_tape",
    "count_turns",
    "empty_tape",
    "map_turns",
    "mask_tape",
    "plain_zero",
    "rows",
    "spread",
    "unbatch_tape",
    "zero_equation",
    "zero_value",
]


def rows(element: Any, n: int) -> np.ndarray:
    """Return an array for n elements of a type along axis 0, not filled in."""
    if isinstance(element, TapeType):
        return np.empty(n, object)
    return np.empty((n, *element.shape), element.dtype)


def map_turns(f: Any, tape: Tape, type: Any) -> Tape:
    """Return the tape of ``f(turns)``, an array of all of them; where elements are tapes, in each of these."""
    if not isinstance(tape.type.element, TapeType):
        return Tape(f(tape.array), type)
    turns = rows(type.element, len(tape))
    for i, turn in enumerate(tape.array):
        turns[i] = map_turns(f, turn, type.element)
    return Tape(turns, type)


class EmptyTape(Primitive):
    """The zero tape, of no turn and so of any."""

    name, smooth, quiet = "empty_tape", False, True

    def infer(self, *, element):
        return tape_type(element)

    def evaluate(self, *, element):
        return Tape(rows(element, 0), tape_type(element))

    def batch(self, size, operands, batched, *, element):
        return empty_tape(element=element.batched(size))


empty_tape = EmptyTape()


class AddTapes(Primitive):
    """Sum of two cotangent tapes, turn by turn."""

    name = "add_tapes"

    def infer(self, a, b):
        return a

    def evaluate(self, a, b):
        return a + b

    def linear(self, n_operands, params):
        return ((0, 1),)

    def jvp(self, operands, result, tangents):
        v, w = tangents
        if v is None or w is None:
            return w if v is None else v
        return add_tapes(v, w)

    def transpose(self, u, a, b):
        return u, u

    def batch(self, size, operands, batched):
        both = [x if b else batch_tape(x, size=size) for x, b in zip(operands, batched, strict=True)]
        return add_tapes(*both)


add_tapes = AddTapes()


class BatchTape(Primitive):
    """Repeat every element of a tape along a new axis, in front or behind `at` others."""

    name = "batch_tape"

    def infer(self, a, *, size, at=0):
        return _retyped(a, lambda shape: (*shape[:at], size, *shape[at:]))

    def evaluate(self, a, *, size, at=0):
        def repeated(turns):
            shape = turns.shape
            wide = np.expand_dims(turns, 1 + at)
            return np.broadcast_to(wide, (*shape[: 1 + at], size, *shape[1 + at :]))

        return map_turns(repeated, a, self.infer(a.type, size=size, at=at))

    def linear(self, n_operands, params):
        return ((0,),)

    def transpose(self, u, a, *, size, at=0):
        return (unbatch_tape(u, at=at),)

    def batch(self, size, operands, batched, **params):
        return batch_tape(operands[0], size=params["size"], at=params.get("at", 0) + 1)


batch_tape = BatchTape()


class UnbatchTape(Primitive):
    """Sum over one axis of every element: the transpose of `batch_tape`."""

    name = "unbatch_tape"

    def infer(self, a, *, at=0):
        return _retyped(a, lambda shape: (*shape[:at], *shape[at + 1 :]))

    def evaluate(self, a, *, at=0):
        return map_turns(lambda turns: turns.sum(axis=1 + at), a, self.infer(a.type, at=at))

    def linear(self, n_operands, params):
        return ((0,),)

    def transpose(self, u, a, *, at=0):
        return (batch_tape(u, size=_innermost(a.type).shape[at], at=at),)

    def batch(self, size, operands, batched, *, at=0):
        return unbatch_tape(operands[0], at=at + 1)


unbatch_tape = UnbatchTape()


class MaskTape(Primitive):
    """Keep the lanes of every element where `keep` holds; the others become strong zeros."""

    name, masks, quiet = "mask_tape", True, True

    def infer(self, keep, a):
        return a

    def evaluate(self, keep, a):
        def kept(turns):
            flags = np.reshape(keep, (1, *keep.shape, *(1,) * (turns.ndim - 1 - keep.ndim)))
            return np.where(flags, turns, turns.dtype.type(0))

        return map_turns(kept, a, a.type)

    def linear(self, n_operands, params):
        return ((1,),)

    def transpose(self, u, keep, a):
        return None, mask_tape(keep, u)

    def batch(self, size, operands, batched):
        keep, a = operands
        if not batched[0]:
            keep = broadcast(keep, shape=(size, *type_of(keep).shape))
        return mask_tape(keep, a if batched[1] else batch_tape(a, size=size))


mask_tape = MaskTape()


class CountTurns(Primitive):
    """How many turns a tape holds."""

    name, smooth, quiet = "count_turns", False, True

    def infer(self, a):
        return array_type((), np.dtype(np.int64))

    def evaluate(self, a):
        return np.int64(len(a))

    def batch(self, size, operands, batched):
        return Same(count_turns(operands[0]))  # lanes share their turns


count_turns = CountTurns()


def _innermost(type: TapeType) -> Any:
    """Return the type of the arrays in a tape, or in its tapes."""
    return _innermost(type.element) if isinstance(type.element, TapeType) else type.element


def _retyped(type: TapeType, reshape: Any) -> TapeType:
    """Return the type of a tape whose arrays have another shape."""
    element = type.element
    if isinstance(element, TapeType):
        return tape_type(_retyped(element, reshape))
    return tape_type(array_type(reshape(element.shape), element.dtype))


def zero_equation(type: Any) -> Equation:
    """Return an equation that binds a zero of a type."""
    if isinstance(type, TapeType):
        return Equation(empty_tape, (), (Var(type),), {"element": type.element})
    zero = Literal(type.dtype.type(0))
    return Equation(broadcast, (zero,), (Var(type.strong),), {"shape": type.shape})


def plain_zero(type: Any) -> Any:
    """Return a zero of a type: an array or a tape."""
    eq = zero_equation(type)
    return eq.primitive.evaluate(*(x.value for x in eq.operands), **eq.params)


def zero_value(type: Any) -> Any:
    """Return a zero of a type: an equation of the body being traced, if there is one, else a plain one."""
    body = floor.get()
    if body is None:
        return plain_zero(type)
    eq = zero_equation(type)
    return body.process(eq.primitive, tuple(x.value for x in eq.operands), eq.params)


def add_values(a: Any, b: Any) -> Any:
    """Return the sum of two values of one type, tapes included."""
    return add_tapes(a, b) if isinstance(type_of(a), TapeType) else add(a, b)


def spread(x: Any, size: int) -> Any:
    """Return a value repeated along a new leading batch axis."""
    t = type_of(x)
    return batch_tape(x, size=size) if isinstance(t, TapeType) else broadcast(x, shape=(size, *t.shape))
