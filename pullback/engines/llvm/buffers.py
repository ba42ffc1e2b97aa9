"""buffers: where values live during a call: pieces of the arena, and stack slots; tapes: see `stacks`.

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

_INLINE = 64  # bytes
_COPY = (
    "define internal void @copy(ptr %to, ptr %from, i64 %n) noinline {\n"
    "  call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %from, i64 %n, i1 false)\n  ret void\n}"
)


class Buffers:
    """The homes of values, and how to make and copy them."""

    arena_pointer: str

    def __init__(self, contract: bool) -> None:
        self.e = Emitter(contract)
        self.head = Emitter(contract)  # what is done once, at entry: pointers, stack slots
        self.head._n = 1_000_000
        self.declared: set[str] = set()
        self.arena: Arena = Arena()
        self.home: dict[Any, str] = {}

    def _slot(self, type: Any, count: int = 1) -> str:
        """Return the pointer of a new buffer that lives as long as the call."""
        n = type.size * count
        if n <= self.arena.ON_STACK:
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
            if top and x.type.size > self.arena.ON_STACK:
                offset = self.arena.take(x.type.nbytes)
                owned.append((x, offset, x.type.nbytes))
                self.home[x] = self._in_arena(offset)
            else:
                self.home[x] = self._slot(x.type)

    def _copy(self, to: str, source: str, nbytes: int, once: bool = False) -> None:
        """Write a copy; one that is made `once` a call takes a function, since LLVM writes long code for each."""
        if once and nbytes > _INLINE:
            self.declared |= {"declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)", _COPY}
            self.e.do(f"call void @copy(ptr {to}, ptr {source}, i64 {nbytes})")
        elif nbytes:
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

    # Turns --------------------------------------------------------------------------------------

    def _at(self, base: str, type: Any, turn: str) -> str:
        """Return the pointer of one turn's element."""
        nbytes = type.size * type.dtype.itemsize
        return self.e.op(f"getelementptr i8, ptr {base}, i64 {self.e.op(f'mul i64 {turn}, {nbytes}')}")
