"""inline: run what a primitive holds, equation by equation, in place of the primitive.

Slow, and transparent: each operation of the body stands alone, with its own line. It is how
`debug_nans` and `check_grads` find the one operation among those of a loop or a compiled
function. Where a body cannot be taken apart (a custom rule, a branch whose index is not
known, a loop that writes tapes) the answer is None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pullback.core.program import Program
from pullback.core.replay import replay
from pullback.core.tracer import concrete
from pullback.core.types import type_of
from pullback.primitives.assembling import concatenate
from pullback.primitives.indexing import slice_
from pullback.primitives.loop_parts import split
from pullback.primitives.shaping import reshape

from .nans import seen

__all__ = ["inline", "taken_apart"]

Run = Callable[[Program, Sequence[Any]], list[Any]]


def inline(primitive: Any, operands: Sequence[Any], params: dict, run: Run) -> list[Any] | None:
    """Return the results of a primitive that holds Programs, each run by ``run(program, operands)``; None if it cannot.

    `operands` are values, or Tracers.
    """
    if primitive.name in ("call", "checkpoint"):
        return run(params["program"], operands)
    if primitive.name == "cond":
        index = concrete(operands[0])
        branches = params["branches"]
        return None if index is None else run(branches[min(max(int(index), 0), len(branches) - 1)], operands[1:])
    if primitive.name == "loop":
        return _loop(operands, params, run)
    return None


def taken_apart(primitive: Any, operands: Sequence[Any], params: dict) -> tuple | None:
    """Return the results, operation by operation on the Tracers themselves, where all values are known; else None."""
    if any(seen(x) is None for x in operands):
        return None
    outs = inline(primitive, operands, params, replay)
    return None if outs is None else tuple(outs)


def _loop(operands: Sequence[Any], params: dict, run: Run) -> list[Any] | None:
    body, predicate, length, n = params["body"], params["predicate"], params["length"], params["n_carry"]
    parts = split(operands, params)
    if length is None and len(body.outputs) > n:
        return None
    carry, ys, turn = list(parts.carry), [], 0

    def step(t: int) -> None:
        outs = run(body, [np.int64(t), *parts.consts, *carry, *(_element(x, t) for x in parts.xs)])
        carry[:] = outs[:n]
        ys.append(outs[n:])

    if predicate is not None:
        while (holds := concrete(run(predicate, [*parts.consts, *carry])[0])) is not None and bool(holds):
            step(turn)
            turn += 1
        return None if holds is None else [np.int64(turn), *carry]
    count = concrete(parts.count[0]) if parts.count else length
    if count is None or (not count and len(body.outputs) > n):
        return None
    for t in reversed(range(int(count))) if params["reverse"] else range(int(count)):
        step(t)
    if params["reverse"]:
        ys.reverse()
    return [*carry, *(_stacked(column) for column in zip(*ys, strict=True))]


def _element(x: Any, t: int) -> Any:
    shape = type_of(x).shape
    rest = shape[1:]
    row = slice_(x, starts=(t, *(0 for _ in rest)), stops=(t + 1, *rest), steps=(1,) * len(shape))
    return reshape(row, shape=rest)


def _stacked(column: Sequence[Any]) -> Any:
    return concatenate(*(reshape(y, shape=(1, *type_of(y).shape)) for y in column), axis=0)
