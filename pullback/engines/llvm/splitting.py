"""splitting: large nests in pieces, which threads may take.

A nest whose work is worth it becomes three functions: `part` runs the turns from lo to hi of one of its
loops, `task` finds out for a piece where its turns begin and end, and the nest itself gives the pieces
out and puts together what they have found. Nothing depends on the number of threads: the pieces are
made by size, and what they reduce is combined in the order of the pieces, also by a single thread.

The turns of a nest do not depend on each other. What they share are reductions: each piece has a
reduction of its own where the loop that is cut is reduced; else, and with values that are stored, the
pieces write to places of their own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pullback.core.program import Equation, Var

from .access import Index
from .bits import BitsFunction, loops_of
from .contractions import ContractionFunction
from .kinds import reduced_axes
from .nest import NestFunction, counted, load, store
from .plan import Bits, Contraction, Nest, Plan, Row
from .printer import equations_of
from .reducing import combine
from .rows import RowFunction
from .scalars import Emitter, memory_type

__all__ = ["LEAST", "MOST", "PIECE", "Cut", "between", "cut_of", "function_in_pieces"]

LEAST, PIECE = 100_000, 25_000  # nanoseconds, about: of what is cut, and of a piece
_FEWEST, MOST = 4, 64  # pieces
_FLOP, _BYTE = 1 / 15, 1 / 20  # nanoseconds, about: in vectors; of memory that is not in the nearest cache
_FLOPS = {Contraction: 1 / 4, Row: 1.0, Bits: 1 / 6}  # nanoseconds, about: of other loops
_ROW = 2**16  # bytes: pieces of rows are no shorter, since memory is read best in rows
_LINE = 8  # elements: pieces of the last axis begin where a cache line does, as a rule
_PARTIALS = 2**18  # bytes of what all pieces reduce: so many always, and more where more is read


@dataclass(frozen=True)
class Cut:
    """Which loop is cut, of how many turns, and into pieces of how many; the last may have fewer."""

    key: Any
    size: int
    grain: int

    @property
    def pieces(self) -> int:
        """How many pieces there are."""
        return -(-self.size // self.grain)


def cut_of(step: Any, made: Plan) -> Cut | None:
    """Return how the loops of a step are cut; None if they are better left whole."""
    if isinstance(step, Nest):
        return _cut_of_nest(step, made)
    work = step.eq.cost.flops * _FLOPS[type(step)]
    if work < LEAST:
        return None
    wanted = min(int(work / PIECE), MOST)
    for key, n in _outer_loops(step):
        if n >= _FEWEST:
            return Cut(key, n, -(-n // wanted))
    return None


def _outer_loops(step: Any) -> list[tuple[Any, int]]:
    """Return the loops around the innermost ones, outer ones first: their turns write to places of their own."""
    eq = step.eq
    if isinstance(step, Bits):
        return loops_of(eq)
    if isinstance(step, Row):
        return [(a, n) for a, n in enumerate(eq.operands[0].type.shape[: eq.params["axis"]])]
    out = eq.params["out_axes"]
    sizes = dict(zip(out, eq.results[0].type.shape, strict=True))
    last = next((x for x in reversed(out) if sizes[x] > 1), None)
    return [(x, sizes[x]) for x in out if x != last]


def _cut_of_nest(nest: Nest, made: Plan) -> Cut | None:
    if not all(isinstance(n, int) for n in nest.lead):
        return None
    equations = equations_of(nest, made)
    here = {x for eq in equations for x in eq.results}
    read = {x for eq in equations for x in eq.operands if type(x) is Var and x not in here}
    moved = sum(x.type.nbytes for x in (*read, *nest.stores))
    work = sum(eq.cost.flops for eq in equations) * _FLOP + moved * _BYTE
    if work < LEAST:
        return None
    for depth, n in enumerate(nest.lead):
        reduced = sum(_bytes(eq) for eq in nest.sums if depth in reduced_axes(eq))
        room = max(_PARTIALS, moved // 8)  # for what all pieces reduce
        wanted = min(int(work / PIECE), MOST, room // max(reduced, 1))
        grain = -(-n // max(wanted, 1))
        if depth == len(nest.lead) - 1:
            grain = -(-grain // _LINE) * _LINE
        cut = Cut(depth, n, grain)
        row = 8 * grain * math.prod(nest.lead[depth + 1 :])
        if cut.pieces >= _FEWEST and (depth == 0 or row >= _ROW):
            return cut
    return None


def _bytes(eq: Equation) -> int:
    return -(-eq.results[0].type.nbytes // 64) * 64


def function_in_pieces(step: Any, cut: Cut, threads: int, name: str, *others: Any) -> NestFunction:
    """Return what writes the functions of a step that is cut; `others` as its usual class takes them."""
    if isinstance(step, Nest):
        return _Nest(cut, threads, name, step, *others)
    return _KINDS[type(step)](cut, threads, name, step.eq, *others)


class _InPieces(NestFunction):
    """Emits the functions of a step in pieces, in place of the one that the class behind it writes."""

    def __init__(self, cut: Cut, threads: int, *others: Any) -> None:
        self.cut, self.threads = cut, threads
        super().__init__(*others)

    def _text(self) -> str:
        self.offsets: dict[Any, int] = {}  # of what is reduced, in the memory of a piece
        self.stride = self.work = 0  # bytes of it: of a piece, and of all
        part = self._part()
        inner, self.e = self.e, Emitter(self.contract)
        before, after = self._whole()
        inner.declared |= self.e.declared | {"declare i64 @llvm.smin.i64(i64, i64)"}
        self.e = inner
        self.work = self.stride * self.cut.pieces
        self.place = "partials", self.work
        self.arguments = [self.place if x == "partials" else x for x in self.arguments]
        return self._functions(part, before, after)

    def _functions(self, part: str, before: str, after: str) -> str:
        numbers = range(len(self.arguments))
        takes = ", ".join(f"ptr noalias %p{i}" for i in numbers)
        gives = ", ".join(f"ptr %p{i}" for i in numbers)
        at = "".join(f"  %a{i} = getelementptr ptr, ptr %table, i64 {i}\n" for i in numbers)
        loads = "".join(f"  %p{i} = load ptr, ptr %a{i}\n" for i in numbers)
        stores = "".join(f"  store ptr %p{i}, ptr %a{i}\n" for i in numbers)
        name, cut = self.name, self.cut
        partials = self._pointers.get("partials", "null")
        return f"""define internal void @{name}.part({takes}, ptr noalias %partial, i64 %lo, i64 %hi) #0 {{
entry:
{part}
}}
define internal void @{name}.task(ptr %table, i64 %piece) #0 {{
{at}{loads}  %lo = mul i64 %piece, {cut.grain}
  %far = add i64 %lo, {cut.grain}
  %hi = call i64 @llvm.smin.i64(i64 %far, i64 {cut.size})
  %before = mul i64 %piece, {self.stride}
  %partial = getelementptr i8, ptr {partials}, i64 %before
  call void @{name}.part({gives}, ptr %partial, i64 %lo, i64 %hi)
  ret void
}}
define internal void @{name}({takes}) #0 {{
entry:
  %table = alloca [{len(numbers)} x ptr]
{at}{stores}{before}
  call void @parallel(ptr @{name}.task, ptr %table, i64 {cut.pieces}, i64 {self.threads})
{after}
}}
"""

    def _loop(self, key: Any, n: int, body: Any, start: int = 0, depth: int | None = None) -> None:
        if key != self.cut.key:
            super()._loop(key, n, body, start, depth)
            return
        sums = dict(self.e.sums)  # what is made in turns that may not be run is not there after them
        between(self.e, n, body, start, depth)
        self.e.sums = sums

    # A piece --------------------------------------------------------------------------------

    def _part(self) -> str:
        """Write the function of a piece: `lo` and `hi` are its turns, `partial` is where it reduces to."""
        e = self.e
        for eq in self.nest.sums:
            if self.cut.key in reduced_axes(eq):
                self._reserve(eq.results[0], _bytes(eq))
                self._begin_sum(eq)
        self._loops(0, [])
        for eq in self.nest.sums:
            self._end_sum(eq)
        for key, (_, *slots) in self._extremes.items():
            self._reserve(key, 64)
            for i, slot in enumerate(slots):
                to = e.op(f"getelementptr i64, ptr {self._pointers[key]}, i64 {i}")
                e.do(f"store i64 {e.op(f'load i64, ptr {slot}')}, ptr {to}")
        head = [*self._limits(), *self._slots]
        for x in self.offsets:
            self._pointers.pop(x, None)
        e.do("ret void")
        return "\n".join([*head, *e.lines])

    def _reserve(self, x: Any, nbytes: int) -> None:
        """Give what is reduced its place in the memory of a piece."""
        self.pointer("partials")
        self.offsets[x] = self.stride
        self._pointers[x] = self.e.op(f"getelementptr i8, ptr %partial, i64 {self.stride}")
        self.stride += nbytes

    # The whole ------------------------------------------------------------------------------

    def _whole(self) -> tuple[str, str]:
        """Write what comes before the pieces, and after them."""
        e = self.e
        for eq in self.nest.sums:
            if eq.results[0] not in self.offsets:
                self._begin_sum(eq)
        before = "\n".join(e.lines)
        e.lines.clear()
        for eq in self.nest.sums:
            if eq.results[0] in self.offsets:
                self._put_together(eq)
        for key, (_, *slots) in self._extremes.items():
            for i, (slot, rule) in enumerate(zip(slots, ("smax", "smin"), strict=True)):
                counted(e, self.cut.pieces, self._wider(key, i, slot, rule))
        judged = self._judge()
        e.do("ret void")
        return "\n".join([*judged, before]), "\n".join(e.lines)

    def _of_piece(self, x: Any, piece: Index) -> str:
        e, place = self.e, self.offsets[x]
        if isinstance(piece, str):
            at = e.op(f"add i64 {e.op(f'mul i64 {piece}, {self.stride}')}, {place}")
        else:
            at = str(piece * self.stride + place)
        return e.op(f"getelementptr i8, ptr {self.pointer('partials')}, i64 {at}")

    def _put_together(self, eq: Equation) -> None:
        """Combine what the pieces have reduced, in their order."""
        e, y = self.e, eq.results[0]
        t = memory_type(y.type.dtype)

        def element(pointer: str, i: Index) -> str:
            return load(e, y.type.dtype, e.op(f"getelementptr {t}, ptr {pointer}, i64 {i}"))

        def add(piece: Index) -> None:
            found = self._of_piece(y, piece)

            def one(i: Index) -> None:
                to = self._address(y, i)
                total = combine(e, eq, load(e, y.type.dtype, to), element(found, i), y.type, reassoc=False)
                store(e, y.type.dtype, total, to)

            counted(e, y.type.size, one)

        first = self._of_piece(y, 0)
        counted(e, y.type.size, lambda i: store(e, y.type.dtype, element(first, i), self._address(y, i)))
        counted(e, self.cut.pieces, add, start=1)

    def _wider(self, key: Any, i: int, slot: str, rule: str) -> Any:
        def widen(piece: Index) -> None:
            e = self.e
            value = e.op(f"load i64, ptr {e.op(f'getelementptr i64, ptr {self._of_piece(key, piece)}, i64 {i}')}")
            e.do(f"store i64 {e.intrinsic(rule, 'i64', e.op(f'load i64, ptr {slot}'), value)}, ptr {slot}")

        return widen


class _Nest(_InPieces):
    pass


class _Contraction(_InPieces, ContractionFunction):
    pass


class _Row(_InPieces, RowFunction):
    pass


class _Bits(_InPieces, BitsFunction):
    pass


_KINDS = {Contraction: _Contraction, Row: _Row, Bits: _Bits}


def between(e: Emitter, n: int, body: Any, start: int, depth: int | None) -> None:
    """Write the turns of a loop from `start` to `n` that are between `lo` and `hi`."""
    k = e.fresh("")
    first = e.intrinsic("smax", "i64", "%lo", str(start))
    last = e.intrinsic("smin", "i64", "%hi", str(n))
    e.do(f"br i1 {e.op(f'icmp slt i64 {first}, {last}')}, label %before{k}, label %after{k}")
    e.label(f"before{k}")
    e.do(f"br label %turn{k}")
    e.label(f"turn{k}")
    e.affine[f"%i{k}"] = {f"%i{k}": 1}, 0
    e.counters[f"%i{k}"] = start, n - 1, depth
    e.do(f"%i{k} = phi i64 [ {first}, %before{k} ], [ %next{k}, %end{k} ]")
    body(start if n - start == 1 else f"%i{k}")
    e.do(f"br label %end{k}")
    e.label(f"end{k}")
    e.do(f"%next{k} = add nuw nsw i64 %i{k}, 1")
    e.do(f"%more{k} = icmp ult i64 %next{k}, {last}")
    e.do(f"br i1 %more{k}, label %turn{k}, label %after{k}")
    e.label(f"after{k}")
