"""buffers: where values live during a call: pieces of the arena, stack slots, tapes that grow.

What lives as long as the call is made once, at its entry: `head` holds those instructions, `e` the others.
"""

from __future__ import annotations

from typing import Any

from pullback.core.program import Equation, Literal
from pullback.core.types import TapeType

from .arena import Arena
from .nest import store
from .plan import Plan
from .scalars import Emitter, constant, memory_type

__all__ = ["Buffers"]

_ON_STACK = 64  # elements


class Buffers:
    """The homes of values, and how to make, copy, grow and free them."""

    arena_pointer: str

    def __init__(self, contract: bool) -> None:
        self.e = Emitter(contract)
        self.head = Emitter(contract)  # what is done once, at entry: pointers, stack slots
        self.head._n = 1_000_000
        self.declared: set[str] = set()
        self.arena = Arena()
        self.tapes: list[str] = []  # slots of growing buffers, freed at the end
        self.home: dict[Any, str] = {}

    def _slot(self, type: Any, count: int = 1) -> str:
        """Return the pointer of a new buffer that lives as long as the call."""
        n = type.size * count
        if n <= _ON_STACK:
            return self.head.op(f"alloca [{max(n, 1)} x {memory_type(type.dtype)}], align 64")
        return self._in_arena(self.arena.take(n * type.dtype.itemsize))

    def _in_arena(self, offset: int) -> str:
        return self.head.op(f"getelementptr i8, ptr {self.arena_pointer}, i64 {offset}")

    def _give_homes(self, made: Plan, eq_or_nest: Any, owned: list[tuple[Any, int, int]], top: bool) -> None:
        xs = eq_or_nest.results if isinstance(eq_or_nest, Equation) else [
            *eq_or_nest.stores, *(eq.results[0] for eq in eq_or_nest.sums)
        ]  # fmt: skip
        for x in xs:
            if x in self.home or isinstance(x.type, TapeType):
                continue
            if top and x.type.size > _ON_STACK:
                offset = self.arena.take(x.type.nbytes)
                owned.append((x, offset, x.type.nbytes))
                self.home[x] = self._in_arena(offset)
            else:
                self.home[x] = self._slot(x.type)

    def _copy(self, to: str, source: str, nbytes: int) -> None:
        if nbytes:
            self.declared.add("declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")
            self.e.do(f"call void @llvm.memcpy.p0.p0.i64(ptr {to}, ptr {source}, i64 {nbytes}, i1 false)")

    def _pointer(self, x: Any) -> str:
        """Return the pointer of an operand; a literal is stored once, at entry."""
        if type(x) is Literal:
            key = x.key
            if key not in self.home:
                slot = self.head.op(f"alloca {memory_type(x.type.dtype)}")
                store(self.head, x.type.dtype, constant(x.value, x.type.dtype), slot)
                self.home[key] = slot
            return self.home[key]
        return self.home[x]

    # Numbers and letters, of which libraries take pointers ---------------------------------------

    def _small_int(self, value: int) -> str:
        return self._stored(("i32", max(value, 1)), "i32", str(max(value, 1)))

    def _number(self, value: float, dtype: Any) -> str:
        t = memory_type(dtype)
        return self._stored((t, value), t, constant(value, dtype))

    def _char(self, letter: str) -> str:
        return self._stored(("i8", letter), "i8", str(ord(letter)))

    def _stored(self, key: Any, t: str, text: str) -> str:
        if key not in self.home:
            slot = self.head.op(f"alloca {t}")
            self.head.do(f"store {t} {text}, ptr {slot}")
            self.home[key] = slot
        return self.home[key]

    # Turns and tapes --------------------------------------------------------------------------

    def _at(self, base: str, type: Any, turn: str) -> str:
        """Return the pointer of one turn's element."""
        nbytes = type.size * type.dtype.itemsize
        return self.e.op(f"getelementptr i8, ptr {base}, i64 {self.e.op(f'mul i64 {turn}, {nbytes}')}")

    def _tape(self) -> tuple[str, str]:
        """Return the slots of a growing buffer: its pointer and its capacity in turns."""
        slot, capacity = self.head.op("alloca ptr"), self.head.op("alloca i64")
        self.head.do(f"store ptr null, ptr {slot}")
        self.head.do(f"store i64 0, ptr {capacity}")
        self.tapes.append(slot)
        return slot, capacity

    def _grown(self, tape: tuple[str, str], type: Any, now: str) -> str:
        """Return the buffer of a tape with room for the turn `now`; it grows by doubling."""
        e, k = self.e, self.e.fresh("")
        slot, capacity = tape
        nbytes = max(type.size * type.dtype.itemsize, 1)
        self.declared.add("declare ptr @realloc(ptr, i64)")
        have = e.op(f"load i64, ptr {capacity}")
        full = e.op(f"icmp sge i64 {now}, {have}")
        e.do(f"br i1 {full}, label %grow{k}, label %room{k}")
        e.label(f"grow{k}")
        more = e.op(f"add i64 {e.op(f'mul i64 {have}, 2')}, 16")
        old = e.op(f"load ptr, ptr {slot}")
        new = e.op(f"call ptr @realloc(ptr {old}, i64 {e.op(f'mul i64 {more}, {nbytes}')})")
        e.do(f"store ptr {new}, ptr {slot}")
        e.do(f"store i64 {more}, ptr {capacity}")
        e.do(f"br label %room{k}")
        e.label(f"room{k}")
        return e.op(f"load ptr, ptr {slot}")

    def _free_tapes(self) -> None:
        if self.tapes:
            self.declared.add("declare void @free(ptr)")
        for slot in self.tapes:
            self.e.do(f"call void @free(ptr {self.e.op(f'load ptr, ptr {slot}')})")
