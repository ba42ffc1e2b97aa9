"""written: what is done to a whole tape, written out as a loop over its turns.

A turn's element is an array, or a tape on which the same is done again. The loops read the
zero where a tape is shorter than they are long.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from pullback.core.body import ProgramRecorder
from pullback.core.primitive import Primitive
from pullback.core.program import Equation, Program
from pullback.core.source import NOWHERE, inherit
from pullback.core.types import TapeType
from pullback.primitives.arithmetic import add, mask
from pullback.primitives.choice import select
from pullback.primitives.comparison import equal, greater
from pullback.primitives.cond import cond
from pullback.primitives.loop import loop
from pullback.primitives.loop_parts import TURN
from pullback.primitives.reductions import sum_
from pullback.primitives.shaping import broadcast, reshape
from pullback.primitives.tapes import add_tapes, batch_tape, count_turns, mask_tape, unbatch_tape

__all__ = ["written_out"]


def written_out(eq: Equation) -> Program | None:
    """Return a Program of loops that does what an equation on tapes does; None for any other equation."""
    write = _WAYS.get(eq.primitive)
    if write is None:
        return None
    return _written(write, tuple(x.type for x in eq.operands), tuple(eq.params.items()))


@lru_cache(maxsize=256)
def _written(write: Callable[..., Any], types: tuple, params: tuple) -> Program:
    return _recorded(lambda *xs: write(*xs, **dict(params)), types)


def _recorded(f: Callable[..., Any], types: tuple) -> Program:
    with inherit(NOWHERE), ProgramRecorder(closed=True) as recorder:
        return recorder.finish([f(*[recorder.input(t) for t in types])])


def _each(f: Callable[..., Any], n: Any, consts: tuple, *tapes: Any) -> Any:
    """Return the tape of f(consts, elements) for n turns."""
    types = (*(x.type for x in consts), *(a.type.element for a in tapes))
    body = _recorded(lambda t, *xs: f(*xs), (TURN, *types))
    params = {"predicate": None, "length": None, "n_consts": len(consts), "n_carry": 0, "reverse": False}
    return loop(n, *consts, *tapes, body=body, **params)[0]


def _add(a: Any, b: Any) -> Any:
    """Return the sum of two tapes; one of them, where the other holds no turn: it is most often the first of a sum."""
    n, m = count_turns(a), count_turns(b)

    def both(a: Any, b: Any, n: Any, m: Any) -> Any:
        plus = add_tapes if isinstance(a.type.element, TapeType) else add
        return _each(plus, select(greater(n, m), n, m), (), a, b)

    types = (a.type, b.type, TURN, TURN)
    ways = (both, lambda a, b, n, m: a, lambda a, b, n, m: b)
    which = select(equal(m, 0), np.int64(1), select(equal(n, 0), np.int64(2), np.int64(0)))
    return cond(which, a, b, n, m, branches=tuple(_recorded(way, types) for way in ways))[0]


def _batch(a: Any, size: int, at: int = 0) -> Any:
    def turn(x: Any) -> Any:
        if isinstance(x.type, TapeType):
            return batch_tape(x, size=size, at=at)
        shape = x.type.shape
        wide = reshape(x, shape=(*shape[:at], 1, *shape[at:]))
        return broadcast(wide, shape=(*shape[:at], size, *shape[at:]))

    return _each(turn, count_turns(a), (), a)


def _unbatch(a: Any, at: int = 0) -> Any:
    def turn(x: Any) -> Any:
        return unbatch_tape(x, at=at) if isinstance(x.type, TapeType) else sum_(x, axes=(at,))

    return _each(turn, count_turns(a), (), a)


def _mask(keep: Any, a: Any) -> Any:
    def turn(keep: Any, x: Any) -> Any:
        if isinstance(x.type, TapeType):
            return mask_tape(keep, x)
        shape = keep.type.shape
        return mask(reshape(keep, shape=(*shape, *(1,) * (x.type.ndim - len(shape)))), x)

    return _each(turn, count_turns(a), (keep,), a)


_WAYS: dict[Primitive, Callable[..., Any]] = {
    add_tapes: _add, batch_tape: _batch, unbatch_tape: _unbatch, mask_tape: _mask,
}  # fmt: skip
