"""stacks: tapes in native code: memory that grows, and what points into it.

A tape of arrays is one buffer with the turns one behind the other. A tape of tapes has one
buffer a level: above the last, a turn is a *record*, where its turns begin in the buffer
below, and how many they are. So a tape of any depth is a fixed number of buffers, whatever
it holds, and each is freed once, where the function is left.

    stacks        a struct of three words a level: buffer, capacity, units in use. Who writes
                  a tape (a loop, a carry) owns stacks, and uses them again the next time.
    descriptor    a tape as a value: first turn, number of turns, and the buffer of each level.
                  It owns nothing. It lives until its writer runs again: what is to live longer
                  (a turn of another tape, a carry, a result) is copied there.
"""

from __future__ import annotations

from typing import NamedTuple

from pullback.core.program import Equation
from pullback.core.types import TapeType

from .buffers import Buffers

__all__ = ["Stacks", "Tapes", "depth_of", "words_of"]

_RECORD = 16  # bytes: where it begins, how many


class Stacks(NamedTuple):
    """The memory of one tape: its struct, its type, and the number by which the status names its equation."""

    at: str
    type: TapeType
    number: int


def depth_of(type: TapeType) -> int:
    """Return how many tapes lie in each other: 1 for a tape of arrays."""
    return 1 + depth_of(type.element) if isinstance(type.element, TapeType) else 1


def words_of(type: TapeType) -> int:
    """Return how many words a descriptor has."""
    return 2 + depth_of(type)


def _unit(type: TapeType) -> int:
    """Return the bytes of one turn in the first buffer."""
    return _RECORD if isinstance(type.element, TapeType) else max(type.element.nbytes, 1)


def _leaf(type: TapeType) -> int:
    return _leaf(type.element) if isinstance(type.element, TapeType) else _unit(type)


class Tapes(Buffers):
    """Stacks and descriptors: how to make, fill, copy, read and free them."""

    status: str

    def __init__(self, contract: bool) -> None:
        super().__init__(contract)
        self.code = self.head.op("alloca i32")  # what the function is left with
        self.stacks: list[Stacks] = []
        self.growing: list[Equation | None] = []  # what asks for memory: the status names it
        self.zeros = 0  # bytes of zeros that are read where a tape ends early
        self.deepest = 0

    # Leaving ----------------------------------------------------------------------------------

    def _leave_if(self, bad: str, code: int, number: int | None = None) -> None:
        """Leave the function with a code where a flag is set; the status then names an equation."""
        e, k = self.e, self.e.fresh("")
        e.do(f"br i1 {bad}, label %bad{k}, label %well{k}")
        e.label(f"bad{k}")
        if number is not None:
            named = e.op(f"getelementptr i64, ptr {self.status}, i64 1")
            e.do(f"store i64 {number}, ptr {named}")
        e.do(f"store i32 {code}, ptr {self.code}")
        e.do("br label %leave")
        e.label(f"well{k}")

    def _leave(self) -> None:
        """Write the one way out: every buffer is freed here, whatever has happened before."""
        e = self.e
        self.head.do(f"store i32 0, ptr {self.code}")
        e.do("br label %leave")
        e.label("leave")
        for stacks in self.stacks:
            self.declared.add("declare void @free(ptr)")
            for level in range(depth_of(stacks.type)):
                e.do(f"call void @free(ptr {e.op(f'load ptr, ptr {self._level(stacks.at, level)}')})")
        e.do(f"ret i32 {e.op(f'load i32, ptr {self.code}')}")

    # Stacks -----------------------------------------------------------------------------------

    def _new_stacks(self, type: TapeType, eq: Equation | None) -> Stacks:
        """Return stacks of an equation's own (None: of no line of the user's): empty at the entry, freed at the end."""
        words = 3 * depth_of(type)
        at = self.head.op(f"alloca [{words} x i64]")
        self.head.do(f"store [{words} x i64] zeroinitializer, ptr {at}")
        if not self.growing or self.growing[-1] is not eq:
            self.growing.append(eq)
        self.stacks.append(Stacks(at, type, len(self.growing) - 1))
        return self.stacks[-1]

    def _level(self, at: str, level: int, word: int = 0) -> str:
        """Return the pointer of a word of one level."""
        return self.e.op(f"getelementptr i64, ptr {at}, i64 {3 * level + word}")

    def _used(self, stacks: Stacks, level: int, units: str) -> None:
        self.e.do(f"store i64 {units}, ptr {self._level(stacks.at, level, 2)}")

    def _emptied(self, stacks: Stacks) -> None:
        for level in range(depth_of(stacks.type)):
            self._used(stacks, level, "0")

    def _room(self, stacks: Stacks, n: str) -> None:
        """Make room for n turns."""
        e, k = self.e, self.e.fresh("")
        have = e.op(f"load i64, ptr {self._level(stacks.at, 0, 1)}")
        e.do(f"br i1 {e.op(f'icmp sgt i64 {n}, {have}')}, label %grow{k}, label %room{k}")
        e.label(f"grow{k}")
        self.deepest = max(self.deepest, 1)
        got = e.op(f"call i1 @tape_room(ptr {stacks.at}, i64 {n}, i64 {_unit(stacks.type)})")
        self._leave_if(e.op(f"xor i1 {got}, true"), 2, stacks.number)
        e.do(f"br label %room{k}")
        e.label(f"room{k}")

    def _place(self, stacks: Stacks, turn: str) -> str:
        """Return where a turn stands in the first buffer."""
        buffer = self.e.op(f"load ptr, ptr {stacks.at}")
        at = self.e.op(f"mul i64 {turn}, {_unit(stacks.type)}")
        return self.e.op(f"getelementptr i8, ptr {buffer}, i64 {at}")

    def _append(self, stacks: Stacks, level: int, tape: str) -> str:
        """Copy the turns of a tape into a level and those below; return where they begin there."""
        e, depth = self.e, depth_of(stacks.type) - level
        self.deepest = max(self.deepest, depth)
        start, length = (e.op(f"load i64, ptr {self._word(tape, i)}") for i in (0, 1))
        at = (
            f"ptr {self._level(stacks.at, level)}, ptr {self._word(tape, 2)}, i64 {start}, i64 {length}, "
            f"i64 {_leaf(stacks.type)}"
        )
        begin = e.op(f"call i64 @tape_append{depth}({at})")
        self._leave_if(e.op(f"icmp slt i64 {begin}, 0"), 2, stacks.number)
        return begin

    def _write_turn(self, stacks: Stacks, turn: str, tape: str) -> None:
        """Copy a tape to a turn of a tape of tapes, in which there is room."""
        e = self.e
        begin = self._append(stacks, 1, tape)
        place = self._place(stacks, turn)
        e.do(f"store i64 {begin}, ptr {place}")
        length = e.op(f"load i64, ptr {self._word(tape, 1)}")
        e.do(f"store i64 {length}, ptr {e.op(f'getelementptr i64, ptr {place}, i64 1')}")

    # Descriptors ------------------------------------------------------------------------------

    def _descriptor(self, type: TapeType) -> str:
        """Return a descriptor: of no turn, so far."""
        words = words_of(type)
        at = self.head.op(f"alloca [{words} x i64]")
        self.head.do(f"store [{words} x i64] zeroinitializer, ptr {at}")
        return at

    def _word(self, tape: str, i: int) -> str:
        return self.e.op(f"getelementptr i64, ptr {tape}, i64 {i}")

    def _describe(self, tape: str, stacks: Stacks, length: str) -> None:
        """Let a descriptor be of the first turns of stacks."""
        e = self.e
        e.do(f"store i64 0, ptr {tape}")
        e.do(f"store i64 {length}, ptr {self._word(tape, 1)}")
        for level in range(depth_of(stacks.type)):
            buffer = e.op(f"load ptr, ptr {self._level(stacks.at, level)}")
            e.do(f"store ptr {buffer}, ptr {self._word(tape, 2 + level)}")

    def _copied(self, stacks: Stacks, tape: str) -> None:
        """Let stacks hold a copy of a tape, and nothing else."""
        self._emptied(stacks)
        self._append(stacks, 0, tape)

    def _element(self, tape: str, type: TapeType, turn: str, inner: str) -> str:
        """Return the pointer of a turn's element: zeros, where the tape is shorter; `inner` describes a tape."""
        e = self.e
        start, length = (e.op(f"load i64, ptr {self._word(tape, i)}") for i in (0, 1))
        first = e.op(f"load ptr, ptr {self._word(tape, 2)}")
        at = e.op(f"mul i64 {e.op(f'add i64 {start}, {turn}')}, {_unit(type)}")
        found = e.op(f"getelementptr i8, ptr {first}, i64 {at}")
        there = e.op(f"icmp slt i64 {turn}, {length}")
        self.zeros = max(self.zeros, _unit(type))
        place = e.op(f"select i1 {there}, ptr {found}, ptr @zeros")
        if not isinstance(type.element, TapeType):
            return place
        self._copy(inner, place, _RECORD)
        self._copy(self._word(inner, 2), self._word(tape, 3), 8 * depth_of(type.element))
        return inner

    def _hand_over(self, output: str, stacks: Stacks, tape: str) -> None:
        """Give a tape to the caller with its memory: it is not freed here any more."""
        self._copy(output, tape, 8 * words_of(stacks.type))
        for level in range(depth_of(stacks.type)):
            self.e.do(f"store ptr null, ptr {self._level(stacks.at, level)}")

    # What the module needs beside ---------------------------------------------------------------

    def _tape_functions(self) -> list[str]:
        """Return the functions that stacks need, and the zeros."""
        found = [f"@zeros = internal global [{self.zeros} x i8] zeroinitializer, align 64\n"] if self.zeros else []
        if self.deepest:
            self.declared |= {"declare ptr @realloc(ptr, i64)", "declare i64 @llvm.smax.i64(i64, i64)"}
            self.declared.add("declare {i64, i1} @llvm.smul.with.overflow.i64(i64, i64)")
            self.declared.add("declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")
            found.append(_ROOM)
        return found + [_APPEND_LEAF if k == 1 else _append_records(k) for k in range(1, self.deepest + 1)]


# Doubling: each turn is copied once on average. Where there is no memory, what there was stays.
_ROOM = """define internal i1 @tape_room(ptr %stack, i64 %n, i64 %size) noinline {
start:
  %at = getelementptr i64, ptr %stack, i64 1
  %have = load i64, ptr %at
  %fits = icmp sle i64 %n, %have
  br i1 %fits, label %done, label %grow
grow:
  %double = mul i64 %have, 2
  %least = add i64 %double, 16
  %more = call i64 @llvm.smax.i64(i64 %least, i64 %n)
  %product = call {i64, i1} @llvm.smul.with.overflow.i64(i64 %more, i64 %size)
  %bytes = extractvalue {i64, i1} %product, 0
  %huge = extractvalue {i64, i1} %product, 1
  br i1 %huge, label %none, label %ask
ask:
  %old = load ptr, ptr %stack
  %new = call ptr @realloc(ptr %old, i64 %bytes)
  %refused = icmp eq ptr %new, null
  br i1 %refused, label %none, label %keep
keep:
  store ptr %new, ptr %stack
  store i64 %more, ptr %at
  br label %done
done:
  ret i1 true
none:
  ret i1 false
}
"""

_TAKE = """  %used = getelementptr i64, ptr %stacks, i64 2
  %begin = load i64, ptr %used
  %end = add i64 %begin, %length
  %room = call i1 @tape_room(ptr %stacks, i64 %end, i64 {unit})
  br i1 %room, label %copy, label %none
copy:
  store i64 %end, ptr %used
  %buffer = load ptr, ptr %stacks
  %source = load ptr, ptr %buffers
"""

_APPEND_LEAF = f"""define internal i64 @tape_append1(ptr %stacks, ptr %buffers, i64 %first, i64 %length, i64 %size) {{
start:
{_TAKE.format(unit="%size")}
  %over = mul i64 %begin, %size
  %to = getelementptr i8, ptr %buffer, i64 %over
  %under = mul i64 %first, %size
  %from = getelementptr i8, ptr %source, i64 %under
  %bytes = mul i64 %length, %size
  call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %from, i64 %bytes, i1 false)
  ret i64 %begin
none:
  ret i64 -1
}}
"""


def _append_records(depth: int) -> str:
    """Return the function that copies records, and what they stand for in the levels below."""
    arguments = "ptr %stacks, ptr %buffers, i64 %first, i64 %length, i64 %size"
    return f"""define internal i64 @tape_append{depth}({arguments}) {{
start:
{_TAKE.format(unit=_RECORD)}
  %stacks2 = getelementptr i64, ptr %stacks, i64 3
  %buffers2 = getelementptr ptr, ptr %buffers, i64 1
  br label %next
next:
  %i = phi i64 [ 0, %copy ], [ %i2, %good ]
  %more = icmp slt i64 %i, %length
  br i1 %more, label %turn, label %done
turn:
  %under = add i64 %first, %i
  %from = getelementptr [2 x i64], ptr %source, i64 %under
  %start2 = load i64, ptr %from
  %from2 = getelementptr i64, ptr %from, i64 1
  %length2 = load i64, ptr %from2
  %args = call i64 @tape_append{depth - 1}(ptr %stacks2, ptr %buffers2, i64 %start2, i64 %length2, i64 %size)
  %bad = icmp slt i64 %args, 0
  br i1 %bad, label %none, label %good
good:
  %over = add i64 %begin, %i
  %to = getelementptr [2 x i64], ptr %buffer, i64 %over
  store i64 %args, ptr %to
  %to2 = getelementptr i64, ptr %to, i64 1
  store i64 %length2, ptr %to2
  %i2 = add i64 %i, 1
  br label %next
done:
  ret i64 %begin
none:
  ret i64 -1
}}
"""
