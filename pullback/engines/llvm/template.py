"""template: one text of LLVM IR for many lengths, from the texts that were written for some.

The engine writes code for plain numbers. Where the texts for several example lengths differ in
nothing but numbers, and each of these numbers is a known formula of the lengths (`core.fitting`),
they are one text in which the numbers are read from a table: every function that needs some takes
the pointer of the table and loads them at its head. A call brings the table for its own lengths.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pullback.core.fitting import Examples, Point

from .arena import Slots

__all__ = ["Differs", "Template"]

_TOKEN = re.compile(r'[%@!#$][\w.$-]+|"[^"]*"|0x[0-9A-F]+|-?\d+|[A-Za-z_.][\w.$]*|\s+|.')
_WHOLE, _HEX = re.compile(r"-?\d+\Z"), re.compile(r"0x[0-9A-F]{16}\Z")
_SLOT = re.compile(r"\bi64 (\d{13})\b")
_DEFINE = re.compile(r"define .*?@([\w.$]+)\((.*)\)(.*)\{$")
_CALLED = re.compile(r"\bcall [^@]*@([\w.$]+)\(")
_INVARIANT = "!9000"
_TYPES = {"i64": "i64", "i32": "i32", "double": "double", "float": "float"}


class Differs(Exception):
    """Code is not the same at all lengths; it says why.

    Attributes
    ----------
    by_number : bool
        Whether numbers differ in an unknown way: for lengths of one parity, they may be known.
    """

    def __init__(self, why: str, by_number: bool = False) -> None:
        super().__init__(why)
        self.by_number = by_number


class _Number(NamedTuple):
    """A number in a text: its type, and what it is of the lengths; or the slot of the arena."""

    type: str
    formula: Any

    def bits(self, point: Point) -> int:
        """Return the word of the table."""
        value = self.formula(point)
        if value is None:
            raise Differs("a number of the code is no whole number at this length", True)
        if self.type == "double":
            return int.from_bytes(struct.pack("<d", value), "little", signed=True)
        if self.type == "float":
            return int.from_bytes(struct.pack("<f", value), "little", signed=True)
        return value

    def written(self, point: Point) -> str:
        """Return the number as it stands in the text for lengths."""
        value = self.formula(point)
        if self.type in ("double", "float"):
            return f"0x{struct.unpack('>Q', struct.pack('>d', value))[0]:016X}"
        return str(value)


class Template:
    """A text for many lengths.

    Attributes
    ----------
    text : str
        With the numbers read from a table, of which `entry` finds the pointer at place `place` of its argument.
    """

    def __init__(self, texts: Sequence[str], slots: Sequence[Slots], examples: Examples, place: int) -> None:
        self.examples = examples
        pages = [text.split("\n") for text in texts]
        if len({*map(len, pages)}) != 1:
            raise Differs("the code for some lengths has more steps than for others")
        self._numbers: dict[_Number, int] = {}
        self.lines = [self._line(same) for same in zip(*pages, strict=True)]
        if len({len(s.sizes) for s in slots}) != 1:
            raise Differs("the code for some lengths takes more memory blocks than for others")
        self._sizes = [self._whole(sizes) for sizes in zip(*(s.sizes for s in slots), strict=True)]
        self.text = _with_table(self.lines, self._place_of, place)

    def _place_of(self, number: _Number) -> int:
        return self._numbers.setdefault(number, len(self._numbers))

    def _whole(self, values: Sequence[int]) -> Any:
        found = self.examples.whole(values)
        if found is None:
            raise Differs(f"a number of the code is {', '.join(map(str, values))} at lengths {self._said()}", True)
        return found

    def _said(self) -> str:
        return ", ".join(str(p[0] if len(p) == 1 else p) for p in self.examples.points)

    def _line(self, same: tuple[str, ...]) -> list[Any]:
        """Return a line as a list of texts and numbers."""
        if same.count(same[0]) == len(same):
            return _with_slots(same[0])
        rows = [_TOKEN.findall(line) for line in same]
        if len({*map(len, rows)}) != 1:
            raise Differs(f"the code for some lengths is another: {_shortened(same)}")
        out: list[Any] = []
        last = ""
        for tokens in zip(*rows, strict=True):
            if tokens.count(tokens[0]) == len(tokens):
                last = _TYPES.get(tokens[0], last)
                out.append(tokens[0])
            else:
                out.append(self._number(tokens, last, same))
        return out

    def _number(self, tokens: tuple[str, ...], type: str, line: tuple[str, ...]) -> _Number:
        if type in ("i64", "i32") and all(map(_WHOLE.match, tokens)):
            return _Number(type, self._whole([int(t) for t in tokens]))
        if type in ("double", "float") and all(map(_HEX.match, tokens)):
            values = [struct.unpack(">d", bytes.fromhex(t[2:]))[0] for t in tokens]
            found = self.examples.real(values, np.float64 if type == "double" else np.float32)
            if found is not None:
                return _Number(type, found)
            raise Differs(f"a number of the code is {', '.join(map(repr, values))} at lengths {self._said()}", True)
        raise Differs(f"the code for some lengths is another: {_shortened(line)}")

    # At lengths ---------------------------------------------------------------------------------

    def written(self, point: Point) -> str:
        """Return the text as the engine writes it for lengths, if it is this one."""
        return "\n".join("".join(x if isinstance(x, str) else _raw(x, point) for x in line) for line in self.lines)

    def sizes(self, point: Point) -> list[int]:
        """Return the bytes of each slot of the arena."""
        return [n(point) for n in self._sizes]

    def table(self, point: Point) -> tuple[np.ndarray, int]:
        """Return the table for lengths, and the bytes of the arena."""
        offsets, total = Slots.laid_out(self.sizes(point))
        words = [offsets[x.formula] if x.type == "slot" else x.bits(point) for x in self._numbers]
        return np.array([*words, 0], np.int64), total


def _raw(x: _Number, point: Point) -> str:
    return str(Slots.FIRST + x.formula) if x.type == "slot" else x.written(point)


def _with_slots(line: str) -> list[Any]:
    if "i64 " not in line:
        return [line]
    parts = _SLOT.split(line)
    if len(parts) == 1:
        return [line]
    return [x for i, part in enumerate(parts) for x in ((part,) if i % 2 == 0 else _slot(part))]


def _slot(digits: str) -> tuple[Any, ...]:
    number = int(digits) - Slots.FIRST
    return ("i64 ", _Number("slot", number)) if 0 <= number < Slots.MOST else (f"i64 {digits}",)


def _shortened(lines: tuple[str, ...]) -> str:
    different = list(dict.fromkeys(line.strip() for line in lines))
    return " | ".join(x[:60] for x in different[:2])


def _with_table(lines: list[list[Any]], place_of: Any, place: int) -> str:
    """Return the text of a module in which numbers are read from the table."""
    functions: dict[str, tuple[int, int]] = {}
    needs: dict[str, set[str]] = {}
    name, start, calls = "", 0, dict[str, set[str]]()
    for i, line in enumerate(lines):
        head = line[0] if isinstance(line[0], str) else ""
        found = _DEFINE.match(head)
        if found:
            name, start = found[1], i
            calls[name], needs[name] = set(), set()
        elif head == "}" and name:
            functions[name], name = (start, i), ""
        elif name:
            calls[name] |= {*_CALLED.findall("".join(x for x in line if isinstance(x, str)))}
            if any(not isinstance(x, str) for x in line):
                needs[name].add("numbers")
    takers = {f for f in needs if needs[f]}
    while more := {f for f in calls if calls[f] & takers} - takers:
        takers |= more
    out: list[str] = []
    at = 0
    for f, (first, last) in sorted(functions.items(), key=lambda item: item[1]):
        out += [_plain(line) for line in lines[at:first]]
        body = [_rewritten(line, place_of, takers - {"entry"}) for line in lines[first : last + 1]]
        out += _function(f, body, f in takers, place)
        at = last + 1
    out += [_plain(line) for line in lines[at:]]
    return "\n".join([*out, f"{_INVARIANT} = !{{}}", ""])


def _plain(line: list[Any]) -> str:
    if any(not isinstance(x, str) for x in line):
        raise Differs("a number outside of functions depends on the length")
    return "".join(line)


def _rewritten(line: list[Any], place_of: Any, takers: set[str]) -> tuple[str, list[tuple[str, int]]]:
    """Return a line with names in place of its numbers, and these: (type, place in the table)."""
    used: list[tuple[str, int]] = []
    parts = []
    for x in line:
        if isinstance(x, str):
            parts.append(x)
            continue
        kind, k = "i64" if x.type == "slot" else x.type, place_of(x)
        used.append((kind, k))
        parts.append(f"%size{k}.{kind}")
    text = "".join(parts)
    called = _CALLED.search(text)
    if called and called[1] in takers:
        at = text.rindex(")")
        comma = "" if text[called.end() : at].strip() == "" else ", "
        text = f"{text[:at]}{comma}ptr %sizes{text[at:]}"
    return text, used


def _function(name: str, body: list[tuple[str, list[tuple[str, int]]]], takes: bool, place: int) -> list[str]:
    lines = [text for text, _ in body]
    if not takes:
        return lines
    head, label, rest = lines[0], lines[1], lines[2:]
    loads = []
    if name == "entry":
        loads += [f"  %sizes.p = getelementptr ptr, ptr %args, i64 {place}", "  %sizes = load ptr, ptr %sizes.p"]
    else:
        found = _DEFINE.match(head)
        assert found is not None  # by this pattern it was found
        at = found.end(2)
        head = f"{head[:at]}{', ' if found[2].strip() else ''}ptr %sizes{head[at:]}"
    for kind, k in dict.fromkeys(x for _, used in body for x in used):
        loads.append(f"  %size{k}.{kind}.p = getelementptr i64, ptr %sizes, i64 {k}")
        loads.append(f"  %size{k}.{kind} = load {kind}, ptr %size{k}.{kind}.p, !invariant.load {_INVARIANT}")
    return [head, label, *loads, *rest]
