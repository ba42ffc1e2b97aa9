"""calling: from Python to native code and back, as cheaply as plain Python can.

What a call needs stands in a *frame*: the table of pointers that native code takes, the
arena, the status, and the callbacks' table. Frames are kept in a pool; a call takes one out
and puts it back, so that calls from many threads, and calls made by a callback of the same
function, never share one. ``list.pop`` and ``append`` are atomic: there is no lock.

The Python side of a call is written for the Program's types and compiled once. It does not
ask NumPy for the address of an array (0.8 µs each): it hands over the array objects, and
native code reads the address at its place in the object. That place is tested when this
module is loaded; where the test fails, addresses are asked for.

Native code runs without the GIL. The arrays of a call are held by it; that another thread
writes to them meanwhile is a race, as it is in NumPy.
"""

from __future__ import annotations

import ctypes
import math
import struct
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from pullback.core.errors import CheckError

__all__ = ["Frame", "Layout", "adapter", "caller"]

_ENTRY = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)
_PACKED = {"float64": "d", "float32": "f4x", "int64": "q", "int32": "i4x", "bool": "?7x"}
_WRITTEN_OUT = 16  # consecutive arguments and results: more are a loop
_GUARD = 0xA5  # the byte behind what is guarded
_DATA = object.__basicsize__  # of an ndarray: the address of its data follows the object's head


@lru_cache(maxsize=1)
def reads_objects() -> bool:
    """Return whether the address of an array's data is where CPython and NumPy have it: tested on arrays."""
    if sys.implementation.name != "cpython":
        return False
    base = np.arange(12.0)
    tests = [base, base[3:], np.zeros((2, 3), np.float32), np.array(1.0), np.zeros(0), np.array([True])]
    return all(ctypes.c_void_p.from_address(id(x) + _DATA).value == x.ctypes.data for x in tests)


class Layout:
    """Where in a frame each word is: what Python packs, then the table that native code takes.

    Attributes
    ----------
    scalars : list of str
        An input that is packed by value, as `struct` writes it; "" for an array.
    n_packed, table : int
        Words that Python packs; the word at which the table begins.
    """

    def __init__(self, in_types: Any, out_types: Any, n_constants: int, n_more: int = 0) -> None:
        self.in_types, self.out_types = tuple(in_types), tuple(out_types)
        self.scalars = [_PACKED.get(t.dtype.name, "") if t.ndim == 0 else "" for t in self.in_types]
        self.n_in, self.n_out = len(self.in_types), len(self.out_types)
        self.n_packed = self.n_in + self.n_out
        self.table = self.n_packed
        self.status = self.table + self.n_packed + n_constants + 1  # after the arena; then the callbacks' table
        self.n_words = self.status + 2 + n_more

    @property
    def format(self) -> str:
        """What `struct` packs in a call: addresses or objects, and the values of scalars."""
        return "=" + "".join([s or "Q" for s in self.scalars] + ["Q"] * self.n_out)


class Frame:
    """The words of one call, its arena, its status and the callbacks' table."""

    __slots__ = ("_held", "address", "guard", "status", "words")

    def __init__(
        self, layout: Layout, constants: list[np.ndarray], arena_size: int, width: int, *more: np.ndarray
    ) -> None:
        arena = np.empty(arena_size + 128, np.uint8)
        start = -arena.ctypes.data % 64
        self.guard = arena[start + arena_size :]
        self.guard[:] = _GUARD
        status = np.zeros(2, np.int64)
        table = (ctypes.c_void_p * max(width, 1))()
        words = (ctypes.c_uint64 * layout.n_words)()
        self.words = words
        self.address = ctypes.addressof(words)
        self.status = status
        fixed = [x.ctypes.data for x in constants]
        fixed += [arena.ctypes.data + start, status.ctypes.data, ctypes.addressof(table)]
        fixed += [x.ctypes.data for x in more]
        words[layout.table + layout.n_packed :] = fixed
        for i, scalar in enumerate(layout.scalars):
            if scalar:
                words[layout.table + i] = self.address + 8 * i
        self._held = arena, table, constants, more


def _runs(numbers: list[int]) -> list[tuple[int, int]]:
    """Return runs of consecutive numbers: the first of each, and how many."""
    found: list[tuple[int, int]] = []
    for i in numbers:
        if found and sum(found[-1]) == i:
            found[-1] = found[-1][0], found[-1][1] + 1
        else:
            found.append((i, 1))
    return found


def _looped(first: int, count: int, table: int) -> list[str]:
    """Return a loop over consecutive arguments and results."""
    return [
        f"  br label %before{first}",
        f"before{first}:",
        f"  br label %turn{first}",
        f"turn{first}:",
        f"  %i{first} = phi i64 [ {first}, %before{first} ], [ %next{first}, %turn{first} ]",
        f"  %to{first} = add i64 %i{first}, {table}",
        *_entered(f"{first}", f"%i{first}", f"%to{first}"),
        f"  %next{first} = add i64 %i{first}, 1",
        f"  %more{first} = icmp ult i64 %next{first}, {first + count}",
        f"  br i1 %more{first}, label %turn{first}, label %after{first}",
        f"after{first}:",
    ]


def _entered(k: str, i: str, to: str) -> list[str]:
    """Return the lines that put the address of the data of entry i into the table."""
    lines = [f"  %a{k} = getelementptr ptr, ptr %frame, i64 {i}", f"  %o{k} = load ptr, ptr %a{k}"]
    pointer = f"%o{k}"
    if reads_objects():
        lines += [f"  %b{k} = getelementptr i8, ptr %o{k}, i64 {_DATA}", f"  %d{k} = load ptr, ptr %b{k}"]
        pointer = f"%d{k}"
    return [*lines, f"  %t{k} = getelementptr ptr, ptr %frame, i64 {to}", f"  store ptr {pointer}, ptr %t{k}"]


def adapter(layout: Layout) -> str:
    """Return the function ``i32 call(ptr frame)``: addresses into the table, then `entry`.

    It returns -1 where a callback has raised, -2 where there was no memory, -3 where a signal's handler
    has raised; else the status: which index was out of range, or 0.
    """
    lines = ["define i32 @call(ptr %frame) {", "start:"]
    arrays = [i for i in range(layout.n_packed) if i >= layout.n_in or not layout.scalars[i]]
    for first, count in _runs(arrays):
        if count > _WRITTEN_OUT:  # a loop: LLVM takes long for hundreds of equal lines
            lines += _looped(first, count, layout.table)
            continue
        for i in range(first, first + count):
            lines += _entered(f"{i}", f"{i}", f"{layout.table + i}")
    return "\n".join([
        *lines,
        f"  %table = getelementptr ptr, ptr %frame, i64 {layout.table}",
        f"  %at = getelementptr ptr, ptr %frame, i64 {layout.status}",
        "  %status = load ptr, ptr %at",
        "  store i64 0, ptr %status",
        "  %failed = call i32 @entry(ptr %table)",
        "  %code = load i64, ptr %status",
        "  %short = trunc i64 %code to i32",
        "  %bad = icmp ne i32 %failed, 0",
        "  %minus = sub i32 0, %failed",
        "  %said = select i1 %bad, i32 %minus, i32 %short",
        "  ret i32 %said",
        "}\n",
    ])  # fmt: skip


def caller(
    layout: Layout,
    address: int,
    pool: list[Frame],
    new_frame: Callable[[], Frame],
    fail: Callable[[int, Frame], Any],
    held: Any,
    strong: bool = False,
    guarded: bool = False,
    reuse: dict[int, int] | None = None,
) -> Callable[..., list[Any]]:
    """Return the Python function of flat arguments that calls native code and returns a list of results.

    It keeps alive what is `held`: the code. Scalars that are weak come as Python's own, if not
    `strong`. `reuse` has results that are written, where that is
    possible, into the memory of an argument. If `guarded`, writing beyond the end of a result
    or of the arena is an error. Frames come from the `pool`, and go back to it.
    """
    scope: dict[str, Any] = {
        "native": _ENTRY(address), "pop": pool.pop, "put": pool.append, "new": new_frame, "fail": fail, "held": held,
        "empty": _guarded if guarded else np.empty, "check": _check, "ndarray": np.ndarray, "fitted": _fitted,
        "alone": _alone, "pack": struct.Struct(layout.format).pack_into, "StructError": struct.error,
    }  # fmt: skip
    lines, packed, results = [], [], []
    word = "id({})" if reads_objects() else "{}.ctypes.data"
    for i, t in enumerate(layout.in_types):
        if layout.scalars[i]:
            packed.append(f"x{i}")
            continue
        scope[f"t{i}"], scope[f"s{i}"] = t, t.shape
        scope[f"d{i}"] = np.dtype(t.dtype.type)  # the one object that arrays have: a type's own is a copy
        lines += [
            f"    if type(x{i}) is not ndarray or x{i}.dtype is not d{i} or x{i}.shape != s{i}"
            f" or x{i}.flags.num & 257 != 257:",
            f"        x{i} = fitted(x{i}, t{i})",
        ]
        packed.append(word.format(f"x{i}"))
    for i, t in enumerate(layout.out_types):
        scope[f"u{i}"], scope[f"e{i}"] = t.shape, np.dtype(t.dtype.type)
        new = f"empty(u{i}, e{i})"
        if reuse and i in reuse:
            others = "".join(f", x{j}" for j in range(layout.n_in) if j != reuse[i] and not layout.scalars[j])
            new = f"x{reuse[i]} if alone(x{reuse[i]}{others}) else {new}"
        lines.append(f"    y{i} = {new}")
        packed.append(word.format(f"y{i}"))
        results.append(f"y{i}.item()" if t.weak and not strong else f"y{i}[()]" if t.ndim == 0 else f"y{i}")
    inputs = ", ".join(f"x{i}" for i in range(layout.n_in))
    lines += [
        "    try:",
        "        frame = pop()",
        "    except IndexError:",
        "        frame = new()",
        "    try:",
        f"        pack(frame.words, 0{''.join(f', {x}' for x in packed)})",
        "    except StructError as error:",
        "        raise OverflowError(f'a Python integer is too large for int64: {error}') from None",
        "    status = native(frame.address)",
        "    if status:",
        "        fail(status, frame)",
        *([f"    check(frame.guard{''.join(f', y{i}.base' for i in range(layout.n_out))})"] if guarded else []),
        "    put(frame)",
        f"    return [{', '.join(results)}]",
    ]
    exec(_compiled(f"def run({inputs}):\n" + "\n".join(lines)), scope)  # ours: nothing of the user's is in the text
    return scope["run"]


@lru_cache(maxsize=4096)
def _compiled(text: str) -> Any:
    return compile(text, "<pullback native call>", "exec")


def _fitted(x: Any, t: Any) -> np.ndarray:
    """Return an argument as native code takes it: of the type's dtype, contiguous in C order, aligned."""
    x = np.require(x, t.dtype, ("C_CONTIGUOUS", "ALIGNED"))
    if x.shape != t.shape:
        raise CheckError(f"native code for {t} was given an array of shape {x.shape}")
    return x


def _alone(x: np.ndarray, *others: np.ndarray) -> bool:
    """Return whether an array owns its memory, may be written to, and shares it with no other argument."""
    return x.flags.owndata and x.flags.writeable and not any(np.may_share_memory(x, y) for y in others)


def _guarded(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return a new array with guarded bytes behind it, in its base."""
    n = math.prod(shape) * dtype.itemsize
    base = np.full(n + 64, _GUARD, np.uint8)
    return np.ndarray(shape, dtype, base)


def _check(*guards: np.ndarray) -> None:
    """Raise CheckError where a guard is broken: the last 64 bytes."""
    for i, guard in enumerate(guards):
        if (guard[-64:] != _GUARD).any():
            what = f"result {i - 1}" if i else "the arena"
            raise CheckError(f"native code has written beyond the end of {what}")
