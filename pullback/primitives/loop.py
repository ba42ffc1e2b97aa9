"""loop: the one loop. `scan`, `fori_loop` and `while_loop` are its faces.

    body(t, *consts, *carry, *elements of xs) -> (*carry, *elements of ys)

A loop runs `length` turns if that is a number; as many as its first operand says, if it
is counted; or while its predicate holds, and then its first result is the count. With a
static length, xs and ys are arrays with the turns along axis 0; else they are tapes.
A reverse loop runs from the last turn to the first.

Forward mode carries tangents beside the carry and keeps nothing. Reverse mode tapes the
residuals of each turn (those that are constants of the loop, elements of xs or the turn
itself are passed on, not taped), and is a counted loop backwards.

Griewank and Walther, "Evaluating Derivatives" (2nd ed., 2008), §4.3 and §12.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.errors import CheckError
from pullback.core.passes import passes
from pullback.core.primitive import Cost
from pullback.core.program import Program
from pullback.core.types import Tape, TapeType

from .holding import Holder
from .loop_batch import batch_loop
from .loop_linear import linearize_loop, push_loop, transpose_loop
from .loop_parts import TURN, Parts, element_of, split, stacked_type
from .tapes import plain_zero, rows

__all__ = ["loop"]


class Loop(Holder):
    """Run `body` again and again.

    Parameters of the primitive: `body` and `predicate` (``(*consts, *carry) -> bool``) are
    Programs, `length` an int or None, `n_consts` and `n_carry` say how operands divide.
    """

    name = "loop"

    def infer(self, *types, body, predicate, length, n_consts, n_carry, reverse):
        params = {"predicate": predicate, "length": length, "n_consts": n_consts, "n_carry": n_carry}
        parts = split(types, params)
        elements = tuple(element_of(t) for t in parts.xs)
        wanted = (TURN, *parts.consts, *parts.carry, *elements)
        if tuple(t.strong for t in wanted) != tuple(t.strong for t in body.in_types):
            raise CheckError(f"a loop of a body of {body.in_types} with {wanted}")
        carry, ys = body.out_types[:n_carry], body.out_types[n_carry:]
        if tuple(t.strong for t in carry) != tuple(t.strong for t in parts.carry):
            raise CheckError(f"a loop whose carry {parts.carry} becomes {carry}")
        count = (TURN,) if predicate is not None else ()
        return (*count, *(t.strong for t in parts.carry), *(stacked_type(t, length) for t in ys))

    def evaluate(self, *values, body, predicate, length, n_consts, n_carry, reverse):
        params = {"predicate": predicate, "length": length, "n_consts": n_consts, "n_carry": n_carry}
        parts = split(values, params)
        with np.errstate(all="ignore"):  # as in `call`
            return self._run(_Run(body, parts, n_carry), parts, predicate, length, reverse)

    @staticmethod
    def _run(run, parts, predicate, length, reverse):
        if predicate is not None:
            holds = passes.compile(predicate)
            while bool(holds(*parts.consts, *run.carry)[0]):
                run.turn(run.turns)
            return (np.int64(run.turns), *run.carry, *run.results(run.turns, None))
        n = int(parts.count[0]) if parts.count else length
        for t in range(n - 1, -1, -1) if reverse else range(n):
            run.turn(t)
        return (*run.carry, *run.results(n, length, reverse))

    def push(self, operands, tangents, params):
        return push_loop(loop, operands, tangents, params)

    def linearize(self, operands, moving, params):
        return linearize_loop(loop, operands, moving, params)

    def transpose(self, us, *operands, **params):
        return transpose_loop(loop, us, operands, params)

    def batch(self, size, operands, batched, **params):
        return batch_loop(loop, size, operands, batched, params)

    def cost(self, types, results, *, body, length, **params):
        turns = 1 if length is None else length
        return Cost(turns * body.cost.flops, turns * body.cost.bytes)

    def written(self, params):
        turns = "while" if params.get("predicate") is not None else params["length"]
        text = f"{params['n_consts']} consts, {params['n_carry']} carry, {turns or 'counted'}"
        return text + (", reverse" if params["reverse"] else "")


class _Run:
    """One run of a loop on plain arrays: the carry, and what the turns write down."""

    def __init__(self, body: Program, parts: Parts, n_carry: int) -> None:
        self.body = passes.compile(body)
        self.consts, self.carry, self.xs = parts.consts, list(parts.carry), list(parts.xs)
        self.n_carry = n_carry
        self.turns = 0
        self.elements = body.in_types[1 + len(self.consts) + n_carry :]
        self.ys = [_Stack(t) for t in body.out_types[n_carry:]]

    def turn(self, t: int) -> None:
        elements = [x[t] if t < len(x) else plain_zero(e) for x, e in zip(self.xs, self.elements, strict=True)]
        outs = self.body(np.int64(t), *self.consts, *self.carry, *elements)
        self.carry = outs[: self.n_carry]
        for stack, y in zip(self.ys, outs[self.n_carry :], strict=True):
            stack.append(self.turns, y)
        self.turns += 1

    def results(self, n: int, length: int | None, reverse: bool = False) -> list[Any]:
        """Return what n turns wrote down: arrays, where the length is static and elements are arrays; else tapes."""
        types = [stacked_type(stack.type, length) for stack in self.ys]
        found = [stack.finish(n, reverse) for stack in self.ys]
        return [Tape(y, t) if isinstance(t, TapeType) else y for y, t in zip(found, types, strict=True)]


class _Stack:
    """An array that grows by doubling: amortised, each turn copies its element once."""

    def __init__(self, type: Any) -> None:
        self.type = type.strong
        self.array = rows(self.type, 16)

    def append(self, i: int, y: Any) -> None:
        if i == len(self.array):
            grown = rows(self.type, 2 * i)
            grown[:i] = self.array
            self.array = grown
        self.array[i] = y

    def finish(self, n: int, reverse: bool) -> np.ndarray:
        turns = self.array[:n]
        # A small remainder stays where it is: trimming would copy it, and doubling bounds the waste.
        return turns[::-1].copy() if reverse else turns.copy() if n < len(self.array) // 2 else turns


loop = Loop()
