"""Text of one LLVM function, written with Python's operators.

A `Value` is a register or a constant and knows its type; ``a * b + 1`` on Values writes an
``fmul`` and an ``fadd``. Numbers become constants of the type of the other operand, rounded
to it. Nothing is folded or reordered: what stands in the formula stands in the code.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from . import coefficients

__all__ = ["F32", "F64", "Builder", "Format", "Schedule", "Value", "rounded"]

Schedule = Literal["horner", "estrin"]


@dataclass(frozen=True)
class Format:
    """A binary floating-point format, and the integers of its width."""

    name: str
    word: str
    integer: str
    bits: int
    mantissa: int  # bits stored
    bias: int

    @property
    def precision(self) -> int:
        """Bits of the significand, with the one that is not stored."""
        return self.mantissa + 1

    @property
    def tiny(self) -> float:
        """Smallest normal number."""
        return 2.0 ** (1 - self.bias)

    @property
    def magic(self) -> float:
        """1.5 · 2^mantissa: adding it rounds a small number to an integer, kept in the low bits."""
        return 1.5 * 2.0**self.mantissa

    def encode(self, x: float) -> int:
        """Return the bits of a number, as an unsigned integer."""
        return int.from_bytes(struct.pack(">d" if self.bits == 64 else ">f", x), "big")

    def table(self, name: str) -> list[float]:
        """Return the coefficients fitted for this format."""
        return [float.fromhex(c) for c in coefficients.TABLES[name, self.name]]


F64 = Format("f64", "double", "i64", 64, 52, 1023)
F32 = Format("f32", "float", "i32", 32, 23, 127)
_FORMATS = {"double": F64, "float": F32}


def rounded(x: float, word: str) -> float:
    """Return a Python float rounded to the format of `word`."""
    return struct.unpack(">f", struct.pack(">f", x))[0] if word == "float" and math.isfinite(x) else x


def _constant(x: float, word: str) -> str:
    if word in _FORMATS:
        return f"0x{F64.encode(rounded(float(x), word)):016X}"
    if word == "i1":
        return "true" if x else "false"
    return str(int(x))


class Value:
    """A register or a constant, of an LLVM type."""

    __slots__ = ("b", "name", "word")

    def __init__(self, b: Builder, name: str, word: str) -> None:
        self.b, self.name, self.word = b, name, word

    def _op(self, op: str, other: Any, swap: bool = False) -> Value:
        other = self.b.value(other, self.word)
        x, y = (other, self) if swap else (self, other)
        prefix = "f" if self.word in _FORMATS else ""
        return self.b.emit(self.word, f"{prefix}{op} {self.word} {x.name}, {y.name}")

    def __add__(self, other: Any) -> Value:
        return self._op("add", other)

    def __radd__(self, other: Any) -> Value:
        return self._op("add", other, swap=True)

    def __sub__(self, other: Any) -> Value:
        return self._op("sub", other)

    def __rsub__(self, other: Any) -> Value:
        return self._op("sub", other, swap=True)

    def __mul__(self, other: Any) -> Value:
        return self._op("mul", other)

    def __rmul__(self, other: Any) -> Value:
        return self._op("mul", other, swap=True)

    def __truediv__(self, other: Any) -> Value:
        return self._op("div", other)

    def __rtruediv__(self, other: Any) -> Value:
        return self._op("div", other, swap=True)

    def __neg__(self) -> Value:
        if self.word in _FORMATS:
            return self.b.emit(self.word, f"fneg {self.word} {self.name}")
        return 0 - self

    def _bit(self, op: str, other: Any) -> Value:
        return self.b.emit(self.word, f"{op} {self.word} {self.name}, {self.b.value(other, self.word).name}")

    def __and__(self, other: Any) -> Value:
        return self._bit("and", other)

    def __or__(self, other: Any) -> Value:
        return self._bit("or", other)

    def __xor__(self, other: Any) -> Value:
        return self._bit("xor", other)

    def __lshift__(self, other: Any) -> Value:
        return self._bit("shl", other)

    def __rshift__(self, other: Any) -> Value:
        return self._bit("lshr", other)

    def _compare(self, predicate: str, other: Any) -> Value:
        kind = "fcmp" if self.word in _FORMATS else "icmp"
        return self.b.emit("i1", f"{kind} {predicate} {self.word} {self.name}, {self.b.value(other, self.word).name}")

    def __lt__(self, other: Any) -> Value:
        return self._compare("olt" if self.word in _FORMATS else "slt", other)

    def __le__(self, other: Any) -> Value:
        return self._compare("ole" if self.word in _FORMATS else "sle", other)

    def __gt__(self, other: Any) -> Value:
        return self._compare("ogt" if self.word in _FORMATS else "sgt", other)

    def __ge__(self, other: Any) -> Value:
        return self._compare("oge" if self.word in _FORMATS else "sge", other)

    def same(self, other: Any) -> Value:
        """Equality: false for NaN."""
        return self._compare("oeq" if self.word in _FORMATS else "eq", other)

    def unlike(self, other: Any) -> Value:
        """Inequality: true for NaN."""
        return self._compare("une" if self.word in _FORMATS else "ne", other)


class Builder:
    """Lines of one function; and how it is to calculate: format, schedule, with or without FMA.

    `alone`: for code that no loop surrounds that could become vector code, where a branch costs nothing.
    """

    def __init__(self, format: Format, schedule: Schedule, fma: bool, alone: bool = False) -> None:
        self.format, self.has_fma, self.alone = format, fma, alone
        self.schedule: Schedule = schedule
        self.lines: list[str] = []
        self.needs: set[tuple[str, str]] = set()  # our own functions that are called: (name, format)

    def emit(self, word: str, text: str) -> Value:
        """Write an instruction and name its result."""
        name = f"%t{len(self.lines)}"
        self.lines.append(f"  {name} = {text}")
        return Value(self, name, word)

    def value(self, x: Any, word: str) -> Value:
        """Return a number as a constant; a Value as it is."""
        if isinstance(x, Value):
            assert x.word == word, (x.word, word)
            return x
        return Value(self, _constant(x, word), word)

    def number(self, x: float) -> Value:
        """Return a constant of the function's format."""
        return self.value(x, self.format.word)

    def call(self, name: str, *xs: Any, word: str | None = None) -> Value:
        """Call an intrinsic that is written in line, of the type of its operands."""
        word = word or next(x.word for x in xs if isinstance(x, Value))
        suffix = _FORMATS[word].name if word in _FORMATS else word
        args = ", ".join(f"{word} {self.value(x, word).name}" for x in xs)
        return self.emit(word, f"call {word} @llvm.{name}.{suffix}({args})")

    def ours(self, name: str, *xs: Value) -> Value:
        """Call one of our own functions, of the function's format."""
        f = self.format
        self.needs.add((name, f.name))
        args = ", ".join(f"{f.word} {x.name}" for x in xs)
        return self.emit(f.word, f"call {f.word} @pb.{name}.{f.name}({args})")

    def absolute(self, x: Value) -> Value:
        """|x|."""
        return self.call("fabs", x)

    def copysign(self, x: Any, sign: Value) -> Value:
        """|x| with the sign of the other."""
        return self.call("copysign", x, sign, word=sign.word)

    def sqrt(self, x: Value) -> Value:
        """Square root, correctly rounded."""
        return self.call("sqrt", x)

    def select(self, c: Value, x: Any, y: Any) -> Value:
        """X where c, else y."""
        word = next((v.word for v in (x, y) if isinstance(v, Value)), self.format.word)
        x, y = self.value(x, word), self.value(y, word)
        return self.emit(word, f"select i1 {c.name}, {word} {x.name}, {word} {y.name}")

    @staticmethod
    def both(a: Value, b: Value) -> Value:
        """Both hold."""
        return a & b

    def bits(self, x: Value) -> Value:
        """Return the bits of a float as an integer."""
        integer = _FORMATS[x.word].integer
        return self.emit(integer, f"bitcast {x.word} {x.name} to {integer}")

    def float(self, i: Value) -> Value:
        """Return the float whose bits an integer has."""
        word = "double" if i.word == "i64" else "float"
        return self.emit(word, f"bitcast {i.word} {i.name} to {word}")

    def widen(self, x: Value) -> Value:
        """Return a float as a double."""
        return self.emit("double", f"fpext float {x.name} to double")

    def narrow(self, x: Value) -> Value:
        """Return a double rounded to a float."""
        return self.emit("float", f"fptrunc double {x.name} to float")

    def clip(self, x: Value, low: float, high: float) -> Value:
        """X within bounds; NaN stays."""
        x = self.select(x < low, low, x)
        return self.select(x > high, high, x)

    def fma(self, x: Any, y: Any, z: Any) -> Value:
        """Return x y + z: rounded once where there is a fused multiply-add, else twice."""
        if self.has_fma:
            return self.call("fma", x, y, z)
        return (x * y if isinstance(x, Value) else y * x) + z

    def poly(self, x: Value, c: Sequence[float]) -> Value:
        """Return c₀ + c₁ x + c₂ x² + …, in the order of the schedule.

        Horner's rule has the fewest operations; Estrin's scheme halves the terms again and
        again, and so has the shortest chain (Muller, Elementary Functions, 3rd ed., §5.7).
        """
        terms: list[Any] = list(c)
        if self.schedule == "horner":
            y: Any = terms.pop()
            while terms:
                y = (
                    self.fma(x, y, terms.pop())
                    if isinstance(y, Value)
                    else self.fma(x, self.value(y, x.word), terms.pop())
                )
            return y if isinstance(y, Value) else self.value(y, x.word)
        while len(terms) > 1:
            pairs = [
                self.fma(x, self.value(terms[i + 1], x.word), terms[i]) if i + 1 < len(terms) else terms[i]
                for i in range(0, len(terms), 2)
            ]
            terms = pairs
            if len(terms) > 1:
                x = x * x
        return self.value(terms[0], x.word)

    def fast_two_sum(self, a: Any, b: Value) -> tuple[Value, Value]:
        """Return a + b as a sum and its error; |a| ≥ |b| or a = 0 (Dekker 1971)."""
        s = a + b
        return s, b - (s - a)

    def two_sum(self, a: Value, b: Value) -> tuple[Value, Value]:
        """Return a + b as a sum and its error (Knuth, TAOCP 2, §4.2.2)."""
        s = a + b
        t = s - a
        return s, (a - (s - t)) + (b - t)

    def split(self, a: Value) -> tuple[Value, Value]:
        """Return the upper and the lower half of the bits (Veltkamp); overflows above max / 2^27."""
        f = _FORMATS[a.word]
        c = a * (2.0 ** ((f.precision + 1) // 2) + 1)
        high = c - (c - a)
        return high, a - high

    def two_product(self, a: Value, b: Value) -> tuple[Value, Value]:
        """Return a b as a product and its error: by FMA, or by Dekker's splitting (1971)."""
        p = a * b
        if self.has_fma:
            return p, self.call("fma", a, b, -p)
        ah, al = self.split(a)
        bh, bl = (ah, al) if a is b else self.split(b)
        return p, ((ah * bh - p) + ah * bl + al * bh) + al * bl

    def residual(self, q: Value, d: Value, n: Value) -> Value:
        """Return n - q d, which is a float when q is n / d to an ulp."""
        if self.has_fma:
            return self.call("fma", -q, d, n)
        p, e = self.two_product(q, d)
        return (n - p) - e

    def quotient(self, n: Value, nl: Any, d: Value, dl: Any) -> tuple[Value, Value]:
        """Return (n + nl) / (d + dl) as q + ql, for one division; nl, dl small or None."""
        r = 1.0 / d
        q = n * r
        rest = self.residual(q, d, n)
        if nl is not None:
            rest = rest + nl
        if dl is not None:
            rest = self.fma(-q, dl, rest)
        return q, rest * r


Kernel = Callable[..., Value]
