"""control: native loops and branches, and when they look up.

A loop's carry lives in the buffers of its results. What a turn writes goes to its place in
the stacked result, at once where that is possible. A tape that goes around a loop is copied
once a turn, into stacks of its own, of which there are two: one is read while the other is
written.

Native code sees no signal: Ctrl-C would wait for it. So loops run in stretches (a plain loop
each, so that nothing is counted beside the turn), and between two stretches they look at a
clock (see `interrupts`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pullback.core.program import Equation, Var
from pullback.core.types import TapeType

from .access import place_in
from .arena import Slots
from .interrupts import POLL
from .nest import load
from .plan import Branches, Loop, Plan
from .stacks import Stacks, Tapes, depth_of, words_of

__all__ = ["Control"]

_STRETCH = 1 << 17  # operations between two looks at the clock: more than 10 µs, against 10 ns for a look
_STRETCH_OF_SLOTS = 64  # turns, where it is not known how long they are


class Control(Tapes):
    """Loops and branches."""

    def __init__(self, contract: bool) -> None:
        super().__init__(contract)
        self.changeable: set[Any] = set()  # inputs of bodies that may be changed in place: carries
        self.owners: dict[Any, Stacks] = {}  # tapes that a loop has written, and where
        self.tables: dict[Any, str] = {}  # stacks whose elements stay where they are: pointers to them
        self.due = ""  # when to look for signals again

    def _steps(self, made: Plan, top: bool = False) -> None:
        raise NotImplementedError

    # Loops ------------------------------------------------------------------------------------

    def _loop(self, step: Loop) -> None:
        eq, p, n = step.eq, step.eq.params, step.eq.params["n_carry"]
        c = int(p["length"] is None and p["predicate"] is None)
        a, b = c + p["n_consts"], c + p["n_consts"] + n
        consts, carry, xs = eq.operands[c:a], eq.operands[a:b], eq.operands[b:]
        first = int(p["predicate"] is not None)
        results, ys = eq.results[first : first + n], eq.results[first + n :]
        turn, *inputs = step.body.program.inputs
        t = self.head.op("alloca i64")
        self.home[turn] = t
        spare = self._begin_carry(step, results, carry)
        for x, outer in zip(inputs, (*consts, *results), strict=False):
            self.home[x] = self._pointer(outer)
        self.changeable.update(x for x in inputs[len(consts) : len(consts) + n] if not isinstance(x.type, TapeType))
        growing = {y: self._new_stacks(y.type, eq) for y in ys if isinstance(y.type, TapeType)}
        for stacks in growing.values():
            self._emptied(stacks)
        inner = {x: self._descriptor(x.type) for x in inputs[len(consts) + n :] if isinstance(x.type, TapeType)}
        if step.predicate is not None:
            for x, outer in zip(step.predicate.program.inputs, (*consts, *results), strict=True):
                self.home[x] = self._pointer(outer)
        elements = dict(zip(inputs[len(consts) + n :], xs, strict=True))
        count = self._turns(step, t, growing, lambda: self._turn(step, t, elements, inner, results, ys, growing, spare))
        for y, stacks in growing.items():
            self.home[y] = self._descriptor(y.type)
            self.owners[y] = stacks
            self._describe(self.home[y], stacks, count)
        if first:
            self.e.do(f"store i64 {count}, ptr {self.home[eq.results[0]]}")

    def _begin_carry(self, step: Loop, results: Any, carry: Any) -> dict[Any, tuple[Stacks, Stacks]]:
        """Copy the carry to where it goes around; return the stacks of its tapes: those of now, and to come."""
        pairs = {}
        for x, outer in zip(results, carry, strict=True):
            if not isinstance(x.type, TapeType):
                self._copy(self.home[x], self._pointer(outer), x.type.nbytes)
                continue
            pairs[x] = self._new_stacks(x.type, step.eq), self._new_stacks(x.type, step.eq)
            self.home[x], self.owners[x] = self._descriptor(x.type), pairs[x][0]
            self._take(x, pairs[x][0], self.home[outer])
        return pairs

    def _take(self, x: Any, stacks: Stacks, tape: str) -> None:
        """Copy a tape into stacks, and let x be the copy."""
        self._copied(stacks, tape)
        self._describe(self.home[x], stacks, self.e.op(f"load i64, ptr {self._word(tape, 1)}"))

    def _turns(self, step: Loop, t: str, growing: dict[Any, Stacks], turn: Any) -> str:
        """Write the control flow around one turn; `t` holds the turn. Return the number of turns."""
        if step.predicate is not None:
            return self._while(step, t, growing, turn)
        e, p = self.e, step.eq.params
        bound = str(p["length"])
        if p["length"] is None:
            bound = e.op(f"load i64, ptr {self._pointer(step.eq.operands[0])}")
            self.declared |= {"declare i64 @llvm.smax.i64(i64, i64)", "declare i64 @llvm.smin.i64(i64, i64)"}
            bound = e.op(f"call i64 @llvm.smax.i64(i64 {bound}, i64 0)")
        for stacks in growing.values():
            self._room(stacks, bound)
        self._counted(step, t, bound, turn)
        return bound

    def _stretch(self, eq: Equation) -> int:
        """Return how many turns a loop runs before it looks up: few, if they are long."""
        body = eq.params["body"]
        sizes = [x.type.size for inner in body.equations for x in (*inner.operands, *inner.results)]
        if isinstance(self.arena, Slots) and max(sizes, default=0) > self.arena.ON_STACK:
            return _STRETCH_OF_SLOTS  # a size may be any
        return max(_STRETCH // (8 + body.cost.flops + body.cost.bytes // 16), 1)

    def _counted(self, step: Loop, t: str, bound: str, turn: Any) -> None:
        """Write a counted loop, forwards or backwards: in stretches, if it may be long."""
        e, p, k = self.e, step.eq.params, self.e.fresh("")
        sign, extreme, test = (-1, "smax", "sgt") if p["reverse"] else (1, "smin", "slt")
        stop = "-1" if p["reverse"] else bound
        e.do(f"store i64 {e.op(f'sub i64 {bound}, 1') if p['reverse'] else 0}, ptr {t}")
        stretch = self._stretch(step.eq)
        most = min(stretch, self.arena.ON_STACK) if isinstance(self.arena, Slots) else stretch
        whole = p["length"] is not None and p["length"] <= most
        until = stop
        if not whole:
            e.do(f"br label %stretch{k}")
            e.label(f"stretch{k}")
            self.declared.add(f"declare i64 @llvm.{extreme}.i64(i64, i64)")
            far = e.op(f"add i64 {e.op(f'load i64, ptr {t}')}, {sign * stretch}")
            until = e.op(f"call i64 @llvm.{extreme}.i64(i64 {far}, i64 {stop})")
        e.do(f"br label %while{k}")
        e.label(f"while{k}")
        holds = e.op(f"icmp {test} i64 {e.op(f'load i64, ptr {t}')}, {until}")
        e.do(f"br i1 {holds}, label %do{k}, label %pause{k}")
        e.label(f"do{k}")
        turn()
        self._next(t, sign)
        e.do(f"br label %while{k}")
        e.label(f"pause{k}")
        if not whole:
            more = e.op(f"icmp {test} i64 {until}, {stop}")
            e.do(f"br i1 {more}, label %look{k}, label %done{k}")
            e.label(f"look{k}")
            self._look_up()
            e.do(f"br label %stretch{k}")
            e.label(f"done{k}")

    def _while(self, step: Loop, t: str, growing: dict[Any, Stacks], turn: Any) -> str:
        """Write a loop that runs while its predicate holds."""
        e, k, stretch, predicate = self.e, self.e.fresh(""), self._stretch(step.eq), step.predicate
        assert predicate is not None, "a loop that neither counts nor asks"
        e.do(f"store i64 0, ptr {t}")
        until = self.head.op("alloca i64")
        e.do(f"store i64 {stretch}, ptr {until}")
        e.do(f"br label %while{k}")
        e.label(f"while{k}")
        self._steps(predicate)
        holds = load(e, np.bool_, self._pointer(predicate.program.outputs[0]))
        e.do(f"br i1 {holds}, label %do{k}, label %done{k}")
        e.label(f"do{k}")
        for stacks in growing.values():
            self._room(stacks, e.op(f"add i64 {e.op(f'load i64, ptr {t}')}, 1"))
        turn()
        now = self._next(t, 1)
        end = e.op(f"icmp eq i64 {now}, {e.op(f'load i64, ptr {until}')}")
        e.do(f"br i1 {end}, label %look{k}, label %while{k}")
        e.label(f"look{k}")
        self._look_up()
        e.do(f"store i64 {e.op(f'add i64 {now}, {stretch}')}, ptr {until}")
        e.do(f"br label %while{k}")
        e.label(f"done{k}")
        return e.op(f"load i64, ptr {t}")

    def _next(self, t: str, step: int) -> str:
        now = self.e.op(f"add i64 {self.e.op(f'load i64, ptr {t}')}, {step}")
        self.e.do(f"store i64 {now}, ptr {t}")
        return now

    def _turn(
        self, step: Loop, t: str, elements: dict, inner: dict, results: Any, ys: Any, growing: dict, spare: dict
    ) -> None:
        """Write one turn: elements of xs are pointed to, the steps run, ys and the carry are put in place."""
        e, body, n = self.e, step.body.program, len(results)
        now = e.op(f"load i64, ptr {t}")
        for x, outer in elements.items():
            if isinstance(outer.type, TapeType):
                self.home[x] = self._element(self.home[outer], outer.type, now, inner.get(x, ""))
            elif outer in self.tables:
                self.home[x] = e.op(f"load ptr, ptr {self._entry(self.tables[outer], now)}")
            else:
                self.home[x] = self._at(self._pointer(outer), x.type, now)
        written = list(zip(ys, body.outputs[n:], strict=True))
        arrays = [(y, out) for y, out in written if not isinstance(out.type, TapeType)]
        places = [(out, self._placed(step.body, n, y, out, growing, now)) for y, out in arrays]
        self._steps(step.body)
        for out, place in places:
            if self._pointer(out) != place:
                self._copy(place, self._pointer(out), out.type.nbytes)
        for y, out in written:
            if isinstance(out.type, TapeType):
                self._write_turn(growing[y], now, self.home[out])
        self._carry_over(results, body.outputs[:n], spare)
        for out, _ in places:  # the next emission of this body must find its own places
            if type(out) is Var and out in step.body.defined and step.body.defined[out].primitive.name != "constant":
                self.home.pop(out, None)

    def _table(self, eq: Equation) -> None:
        """Write down where the parts of a stack are; a part of a table begins further on in it."""
        y, n = eq.results[0], len(eq.operands)
        if eq.primitive.name != "stack":
            start = (place_in(eq) or 0) // max(math.prod(y.type.shape[1:]), 1)
            self.tables[y] = self._entry(self.tables[eq.operands[0]], start)
            return
        self.tables[y] = self.head.op(f"alloca [{n} x ptr]")
        for i, x in enumerate(eq.operands):
            self.e.do(f"store ptr {self._pointer(x)}, ptr {self._entry(self.tables[y], i)}")

    def _entry(self, table: str, i: Any) -> str:
        return self.e.op(f"getelementptr ptr, ptr {table}, i64 {i}")

    def _placed(self, body: Plan, n: int, y: Any, out: Any, growing: dict, now: str) -> str:
        """Return where an element of y goes in this turn; what the body computes for it alone is written there."""
        place = self._place(growing[y], now) if y in growing else self._at(self.home[y], out.type, now)
        direct = type(out) is Var and out in body.defined and out not in body.program.outputs[:n]
        if direct and out not in self.home:
            self.home[out] = place
        return place

    def _carry_over(self, results: Any, outs: Any, spare: dict) -> None:
        """Copy the new carry into the carry's buffers; by way of temporaries where one is read for another."""
        homes = {self.home[x] for x in results}
        moves = [(x, self._pointer(y)) for x, y in zip(results, outs, strict=True) if self._pointer(y) != self.home[x]]
        staged = []
        for x, source in moves:
            if x in spare:
                self._copied(spare[x][1], source)
            elif source in homes:
                slot = self._slot(x.type)
                self._copy(slot, source, x.type.nbytes)
                source = slot
            staged.append((x, source))
        lengths = {x: self.e.op(f"load i64, ptr {self._word(source, 1)}") for x, source in staged if x in spare}
        for x, source in staged:
            if x in spare:
                self._exchange(*spare[x])
                self._describe(self.home[x], spare[x][0], lengths[x])
            else:
                self._copy(self.home[x], source, x.type.nbytes)

    def _exchange(self, a: Stacks, b: Stacks) -> None:
        """Let two stacks change memory."""
        whole = f"[{3 * depth_of(a.type)} x i64]"
        had, has = self.e.op(f"load {whole}, ptr {a.at}"), self.e.op(f"load {whole}, ptr {b.at}")
        self.e.do(f"store {whole} {has}, ptr {a.at}")
        self.e.do(f"store {whole} {had}, ptr {b.at}")

    def _look_up(self) -> None:
        """Look at the clock, and for signals if it is time; leave the function if one raises."""
        if not self.due:
            self.due = self.head.op("alloca i64")
            self.head.do(f"store i64 0, ptr {self.due}")
        self._leave_if(self.e.op(f"call i1 @look_up(ptr {self.due})"), POLL)

    # Branches -----------------------------------------------------------------------------------

    def _branches(self, step: Branches) -> None:
        e, eq, k = self.e, step.eq, self.e.fresh("")
        for y in eq.results:
            if isinstance(y.type, TapeType):
                self.home[y] = self._descriptor(y.type)
        index = e.op(f"load i64, ptr {self._pointer(eq.operands[0])}")
        n = len(step.bodies)
        low = e.op(f"select i1 {e.op(f'icmp slt i64 {index}, 0')}, i64 0, i64 {index}")
        taken = e.op(f"select i1 {e.op(f'icmp sge i64 {low}, {n}')}, i64 {n - 1}, i64 {low}")
        cases = " ".join(f"i64 {i}, label %case{k}x{i}" for i in range(n))
        e.do(f"switch i64 {taken}, label %case{k}x{n - 1} [ {cases} ]")
        for i, body in enumerate(step.bodies):
            e.label(f"case{k}x{i}")
            for x, outer in zip(body.program.inputs, eq.operands[1:], strict=True):
                self.home[x] = self._pointer(outer)
            self._steps(body)
            for y, out in zip(eq.results, body.program.outputs, strict=True):
                tape = isinstance(y.type, TapeType)  # what describes it is copied, and not what it holds
                self._copy(self.home[y], self._pointer(out), 8 * words_of(y.type) if tape else y.type.nbytes)
            e.do(f"br label %join{k}")
        e.label(f"join{k}")
