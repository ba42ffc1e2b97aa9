"""A loop over many lanes.

Carries that differ from lane to lane are a fixpoint. Where lanes run different numbers of
turns (a predicate or a count that is batched), the loop runs while any lane does, and a
lane that has finished keeps its carry: its body runs on, quietly, and is not taken.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.body import ProgramRecorder
from pullback.core.passes import passes
from pullback.core.primitive import Same
from pullback.core.program import Program, intern
from pullback.core.replay import replay
from pullback.core.types import TapeType, array_type, type_of

from .arithmetic import add, mask
from .choice import select
from .comparison import less
from .loop_parts import TURN, split
from .reductions import any_, max_
from .shaping import broadcast, convert, reshape, transpose
from .tapes import mask_tape, spread, zero_value

__all__ = ["batch_loop"]


def batch_loop(loop: Any, size: int, operands: tuple, batched: tuple, params: dict) -> tuple:
    """Return the results of the loop over `size` lanes."""
    b_count, b_consts, b_carry, b_xs = split(batched, params)
    predicate = params["predicate"]
    by_lane = any(b_count)
    b_carry = _batched_carry(params, size, b_consts, b_carry, b_xs)
    if predicate is not None and passes.batch(predicate, size, (*b_consts, *b_carry)).batched[0]:
        by_lane = True
    if by_lane:
        return _BatchByLane(loop, size, params, batched).run(operands)
    body, out_batched = _body(params, size, b_consts, b_carry, b_xs)
    new = {
        **params,
        "body": intern(body),
        "predicate": predicate and intern(passes.batch(predicate, size, (*b_consts, *b_carry)).program),
    }
    outs = loop(*_spread_operands(operands, batched, b_carry, size, params), **new)
    c = int(predicate is not None)
    return (*(Same(x) for x in outs[:c]), *_lanes_first(outs[c:], out_batched, params["n_carry"]))


def _batched_carry(params: dict, size: int, consts: tuple, carry: tuple, xs: tuple) -> tuple[bool, ...]:
    n, body = params["n_carry"], params["body"]
    while True:
        found = passes.batch(body, size, (False, *consts, *carry, *xs)).batched[:n]
        grown = tuple(a or b for a, b in zip(carry, found, strict=True))
        if grown == carry:
            return carry
        carry = grown


def _body(params: dict, size: int, consts: tuple, carry: tuple, xs: tuple) -> tuple[Program, tuple]:
    n, body = params["n_carry"], params["body"]
    force = (*carry, *(False,) * (len(body.outputs) - n))
    return passes.batch(body, size, (False, *consts, *carry, *xs), force)


def _spread_operands(operands: tuple, batched: tuple, b_carry: tuple, size: int, params: dict) -> list[Any]:
    """Return operands as the batched loop takes them: carries repeated, and turns before lanes in xs."""
    count, consts, carry, xs = split(operands, params)
    _, _, was, b_xs = split(batched, params)
    carry = [spread(x, size) if b and not w else x for x, b, w in zip(carry, b_carry, was, strict=True)]
    return [*count, *consts, *carry, *(swapped(x) if b else x for x, b in zip(xs, b_xs, strict=True))]


def _lanes_first(outs: tuple, out_batched: tuple, n_carry: int) -> list[Any]:
    result = []
    for i, (x, b) in enumerate(zip(outs, out_batched, strict=True)):
        x = swapped(x) if b and i >= n_carry else x
        result.append(x if b else Same(x))
    return result


def swapped(x: Any) -> Any:
    """Return turns and lanes exchanged; a tape has its turns in front anyway."""
    t = type_of(x)
    return x if isinstance(t, TapeType) else transpose(x, axes=(1, 0, *range(2, t.ndim)))


def _active(flags: Any, ndim: int) -> Any:
    """Return one flag a lane, shaped to broadcast against a lane's array of `ndim` axes."""
    return reshape(flags, shape=(*type_of(flags).shape, *(1,) * ndim)) if ndim else flags


def _kept(flags: Any, y: Any) -> Any:
    """Return what the lanes of `flags` have written, and zeros of the others."""
    t = type_of(y)
    return mask_tape(flags, y) if isinstance(t, TapeType) else mask(_active(flags, t.ndim - 1), y)


class _BatchByLane:
    """A loop in which each lane runs its own number of turns."""

    def __init__(self, loop: Any, size: int, params: dict, batched: tuple) -> None:
        self.loop, self.size, self.old = loop, size, params
        self.batched = batched
        self.counted = params["predicate"] is None
        _, self.consts, _, self.xs = split(batched, params)
        self.carry = (True,) * params["n_carry"]

    def run(self, operands: tuple) -> tuple:
        n, size = self.old["n_carry"], self.size
        parts = split(tuple(_spread_operands(operands, self.batched, self.carry, size, self.old)), self.old)
        count, consts, carry, xs = parts
        if self.counted:  # the per-lane count becomes a constant, and the loop runs as often as the longest lane
            longest = max_(count[0], axes=(0,)) if size else zero_value(TURN)
            outs = self.loop(longest, count[0], *consts, *carry, *xs, **self._params(1, 0))
            return tuple(_lanes_first(outs, (True,) * len(outs), n))
        counts = broadcast(np.int64(0), shape=(size,)) if n else zero_value(array_type((size,), np.int64))
        outs = self.loop(*consts, counts, *carry, *xs, **self._params(0, 1))
        return (outs[1], *_lanes_first(outs[2:], (True,) * (len(outs) - 2), n))

    def _params(self, more_consts: int, more_carry: int) -> dict:
        return {
            **self.old,
            "body": intern(self._body()),
            "predicate": None if self.counted else intern(self._predicate()),
            "n_consts": self.old["n_consts"] + more_consts,
            "n_carry": self.old["n_carry"] + more_carry,
        }

    def _inputs(self, recorder: ProgramRecorder, types: Any, batched: Any) -> list[Any]:
        return [recorder.input(t.batched(self.size) if b else t) for t, b in zip(types, batched, strict=True)]

    def _predicate(self) -> Program:
        predicate, n = self.old["predicate"], self.old["n_consts"]
        whole = passes.batch(predicate, self.size, (*self.consts, *self.carry), (True,)).program
        with ProgramRecorder(closed=True) as recorder:
            consts = self._inputs(recorder, predicate.in_types[:n], self.consts)
            recorder.input(array_type((self.size,), np.dtype(np.int64)))
            carry = self._inputs(recorder, predicate.in_types[n:], self.carry)
            return recorder.finish([any_(replay(whole, (*consts, *carry))[0], axes=(0,))])

    def _body(self) -> Program:
        body, n, n_consts = self.old["body"], self.old["n_carry"], self.old["n_consts"]
        force = (True,) * len(body.outputs)
        whole = passes.batch(passes.quiet(body), self.size, (False, *self.consts, *self.carry, *self.xs), force).program
        lanes = array_type((self.size,), np.dtype(np.int64))
        with ProgramRecorder(closed=True) as recorder:
            t = recorder.input(body.in_types[0])
            count = recorder.input(lanes) if self.counted else None
            consts = self._inputs(recorder, body.in_types[1 : 1 + n_consts], self.consts)
            done = None if self.counted else recorder.input(lanes)
            carry = self._inputs(recorder, body.in_types[1 + n_consts :][:n], self.carry)
            xs = self._inputs(recorder, body.in_types[1 + n_consts + n :], self.xs)
            outs = replay(whole, (t, *consts, *carry, *xs))
            active = less(t, count) if self.counted else self._holds(consts, carry)
            kept = [select(_active(active, type_of(x).ndim - 1), y, x) for x, y in zip(carry, outs[:n], strict=True)]
            written = [_kept(active, y) for y in outs[n:]]
            counts = [] if self.counted else [add(done, convert(active, dtype=np.dtype(np.int64)))]
            return recorder.finish([*counts, *kept, *written])

    def _holds(self, consts: list, carry: list) -> Any:
        predicate = self.old["predicate"]
        whole = passes.batch(predicate, self.size, (*self.consts, *self.carry), (True,)).program
        return replay(whole, (*consts, *carry))[0]
