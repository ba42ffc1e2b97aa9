"""Scalar instructions: LLVM IR text for what a primitive does to one element.

`Emitter` writes lines into the current function and names registers; `OPERATIONS` maps the
name of an elementwise primitive to a function (emitter, registers, types, result type) ->
register. Arithmetic is strict IEEE: no fast-math flag, and fused multiply-add only where
the caller asked for contraction.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from .math import BRANCHING

__all__ = [
    "CARRIED", "OPERATIONS", "SUPPORTED", "Emitter", "constant", "llvm_type", "memory_type", "part_dtype", "select",
]  # fmt: skip

_LLVM = {
    "float64": "double", "float32": "float", "int64": "i64", "int32": "i32", "bool": "i1",
    "complex128": "{ double, double }", "complex64": "{ float, float }",
}  # fmt: skip
# Integers that are moved, converted, compared, added and multiplied, and no more: no division knows their sign.
_CARRIED = {
    "int8": "i8", "uint8": "i8", "int16": "i16", "uint16": "i16", "uint32": "i32", "uint64": "i64",
}  # fmt: skip
SUPPORTED, CARRIED = frozenset(_LLVM), frozenset(_CARRIED)


@lru_cache(maxsize=1024)
def llvm_type(dtype: Any) -> str:
    """Return the type of a register that holds one element."""
    name = np.dtype(dtype).name
    return _LLVM.get(name) or _CARRIED[name]


@lru_cache(maxsize=1024)
def memory_type(dtype: Any) -> str:
    """Return the type of one element in memory: NumPy's bool is a byte; what only NumPy computes with is bytes."""
    name = np.dtype(dtype).name
    return "i8" if name == "bool" else _LLVM.get(name) or _CARRIED.get(name) or f"[{np.dtype(dtype).itemsize} x i8]"


def part_dtype(dtype: Any) -> np.dtype:
    """Return the dtype of the parts of a complex one."""
    return np.dtype(np.float64 if np.dtype(dtype).itemsize == 16 else np.float32)


def constant(value: Any, dtype: Any) -> str:
    """Return a constant as LLVM writes it: exact, in hexadecimal, for floats; bytes, for what only NumPy knows."""
    dtype = np.dtype(dtype)
    if dtype.name not in _LLVM and dtype.name not in _CARRIED:
        return 'c"' + "".join(f"\\{byte:02X}" for byte in np.asarray(value, dtype).tobytes()) + '"'
    if dtype.kind == "f":
        rounded = float(dtype.type(value))
        return f"0x{struct.unpack('>Q', struct.pack('>d', rounded))[0]:016X}"
    if dtype.kind == "c":
        part, z = part_dtype(dtype), complex(value)
        return f"{{ {', '.join(f'{_LLVM[part.name]} {constant(x, part)}' for x in (z.real, z.imag))} }}"
    if dtype.kind == "b":
        return "true" if value else "false"
    whole = int(value)
    return str(whole - 2**64 if whole >= 2**63 else whole)


class Emitter:
    """Lines of one function, and fresh names; `alone`: it calculates one element, in no loop of its own."""

    def __init__(self, contract: bool = False, alone: bool = False) -> None:
        self.alone = alone
        self.lines: list[str] = []
        self.math: set[tuple[str, str]] = set()
        self.declared: set[str] = set()
        self.flags = "contract " if contract else ""
        self.affine: dict[str, Any] = {}  # see `ranges`: what index registers are made of
        self.sums: dict[Any, str] = {}  # the register of each such sum
        self.counters: dict[str, tuple[int, int, int | None]] = {}  # first and last value, and depth, of loop counters
        self.whole: set[int] = set()  # depths whose loops must not be cut
        self._parts: dict[str, tuple[str, str]] = {}  # of complex registers
        self._n = 0

    def fresh(self, stem: str = "v") -> str:
        """Return a name that nothing has yet."""
        self._n += 1
        return f"{stem}{self._n}"

    def op(self, text: str) -> str:
        """Write ``%v = text`` and return ``%v``."""
        name = "%" + self.fresh()
        self.lines.append(f"  {name} = {text}")
        return name

    def do(self, text: str) -> None:
        """Write an instruction without a result."""
        self.lines.append(f"  {text}")

    def label(self, name: str) -> None:
        """Begin a block."""
        self.lines.append(f"{name}:")

    def intrinsic(self, name: str, type: str, *xs: str) -> str:
        """Call ``llvm.name`` on registers of one type."""
        suffix = {"double": "f64", "float": "f32"}.get(type, type)
        symbol = f"@llvm.{name}.{suffix}"
        self.declared.add(f"declare {type} {symbol}({', '.join([type] * len(xs))})")
        return self.op(f"call {type} {symbol}({', '.join(f'{type} {x}' for x in xs)})")

    def call_math(self, name: str, type: str, *xs: str) -> str:
        """Call one of our own mathematical functions; "complex.…" takes parts, and returns a pair."""
        suffix = {"double": "f64", "float": "f32"}[type]
        name = f"{name}.alone" if self.alone and name in BRANCHING else name
        self.math.add((name, suffix))
        pairs = name.startswith("complex.")
        result = f"{{ {type}, {type} }}" if pairs else type
        found = self.op(f"call {result} @pb.{name}.{suffix}({', '.join(f'{type} {x}' for x in xs)})")
        if pairs:
            self.parts(found, type)  # here, where they are before all that may ask for them
        return found

    def pair(self, re: str, im: str, type: str) -> str:
        """Return a complex register of two parts of a type."""
        z = self.op(f"insertvalue {{ {type}, {type} }} undef, {type} {re}, 0")
        z = self.op(f"insertvalue {{ {type}, {type} }} {z}, {type} {im}, 1")
        self._parts[z] = re, im
        return z

    def parts(self, z: str, type: str) -> tuple[str, str]:
        """Return the parts, of a type, of a complex register or constant."""
        if z.startswith("{"):
            re, im = (part.split()[-1] for part in z[1:-1].split(","))
            return re, im
        if z not in self._parts:
            re, im = (self.op(f"extractvalue {{ {type}, {type} }} {z}, {i}") for i in (0, 1))
            self._parts[z] = re, im
        return self._parts[z]

    def convert(self, x: str, source: Any, target: Any) -> str:
        """Convert a register between dtypes, as NumPy's astype."""
        source, target = np.dtype(source), np.dtype(target)
        if source == target:
            return x
        if source.kind == "c" or target.kind == "c":
            return self._convert_complex(x, source, target)
        a, b = llvm_type(source), llvm_type(target)
        if target.kind == "b":
            test = "fcmp une" if source.kind == "f" else "icmp ne"
            return self.op(f"{test} {a} {x}, {'0.0' if source.kind == 'f' else '0'}")
        if source.kind == "b":
            return self.op(f"{'uitofp' if target.kind == 'f' else 'zext'} i1 {x} to {b}")
        if source.kind == "f" and target.kind == "f":
            return self.op(f"{'fpext' if target.itemsize > source.itemsize else 'fptrunc'} {a} {x} to {b}")
        if source.kind == "f":
            return self._to_integer(x, a, b)
        if target.kind == "f":
            return self.op(f"{'uitofp' if source.kind == 'u' else 'sitofp'} {a} {x} to {b}")
        if target.itemsize == source.itemsize:
            return x
        wider = "zext" if source.kind == "u" else "sext"
        return self.op(f"{wider if target.itemsize > source.itemsize else 'trunc'} {a} {x} to {b}")

    def _convert_complex(self, x: str, source: np.dtype, target: np.dtype) -> str:
        """Convert from or to complex: an imaginary part is left away, or 0."""
        if source.kind != "c":
            part = part_dtype(target)
            return self.pair(self.convert(x, source, part), constant(0, part), llvm_type(part))
        part = part_dtype(source)
        re, im = self.parts(x, llvm_type(part))
        if target.kind == "c":
            to = part_dtype(target)
            return self.pair(self.convert(re, part, to), self.convert(im, part, to), llvm_type(to))
        if target.kind == "b":
            return self.op(f"or i1 {self.convert(re, part, target)}, {self.convert(im, part, target)}")
        return self.convert(re, part, target)

    def _to_integer(self, x: str, a: str, b: str) -> str:
        """Convert as x86 does, and so as NumPy: what does not fit gives the smallest integer."""
        bits = int(b[1:])
        low = float(-(2 ** (bits - 1)))
        kind = np.float64 if a == "double" else np.float32
        fits = self.op(f"fcmp oge {a} {x}, {constant(low, kind)}")
        below = self.op(f"fcmp olt {a} {x}, {constant(-low, kind)}")
        ok = self.op(f"and i1 {fits}, {below}")
        safe = self.op(f"select i1 {ok}, {a} {x}, {a} 0.0")
        got = self.op(f"fptosi {a} {safe} to {b}")
        return self.op(f"select i1 {ok}, {b} {got}, {b} {-(2 ** (bits - 1))}")


Rule = Callable[[Emitter, list[str], list[Any], Any], str]
OPERATIONS: dict[str, Rule] = {}


def _arithmetic(float_op: str, int_op: str) -> Rule:
    def rule(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
        xs = [e.convert(x, t.dtype, out.dtype) for x, t in zip(xs, types, strict=True)]
        t = llvm_type(out.dtype)
        whole = "or" if (int_op, t) == ("add", "i1") else int_op
        op = f"{float_op} {e.flags}" if out.dtype.kind == "f" else f"{whole} "
        return e.op(f"{op}{t} {', '.join(xs)}")

    return rule


def _div(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
    a, b = (e.convert(x, t.dtype, out.dtype) for x, t in zip(xs, types, strict=True))
    return e.op(f"fdiv {llvm_type(out.dtype)} {a}, {b}")


def _strong(name: str) -> Rule:
    def rule(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
        product = OPERATIONS[name](e, xs, types, out)
        m = e.convert(xs[0], types[0].dtype, out.dtype)
        t = llvm_type(out.dtype)
        test, none = ("fcmp oeq", "0.0") if out.dtype.kind == "f" else ("icmp eq", constant(0, out.dtype))
        zero = e.op(f"{test} {t} {m}, {none}")
        return e.op(f"select i1 {zero}, {t} {none}, {t} {product}")

    return rule


def select(e: Emitter, c: str, dtype: Any, a: str, b: str) -> str:
    """Return a where c, else b: registers of a dtype."""
    t = llvm_type(dtype)
    if t[0] != "{":
        return e.op(f"select i1 {c}, {t} {a}, {t} {b}")
    t = llvm_type(part_dtype(dtype))  # LLVM would not take a choice of structures apart
    re, im = (e.op(f"select i1 {c}, {t} {x}, {t} {y}") for x, y in zip(e.parts(a, t), e.parts(b, t), strict=True))
    return e.pair(re, im, t)


def _mask(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
    c = e.convert(xs[0], types[0].dtype, np.bool_)
    return select(e, c, out.dtype, xs[1], constant(0, out.dtype))


def _select(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
    c = e.convert(xs[0], types[0].dtype, np.bool_)
    a, b = (e.convert(x, s.dtype, out.dtype) for x, s in zip(xs[1:], types[1:], strict=True))
    return select(e, c, out.dtype, a, b)


def _neg(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
    t = llvm_type(out.dtype)
    return e.op(f"fneg {t} {xs[0]}" if out.dtype.kind == "f" else f"sub {t} 0, {xs[0]}")


def _compare(float_op: str, int_op: str) -> Rule:
    def rule(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
        common = _common(types)
        a, b = (e.convert(x, t.dtype, common) for x, t in zip(xs, types, strict=True))
        test = f"fcmp {float_op}" if common.kind == "f" else f"icmp {_signed(int_op, common)}"
        return e.op(f"{test} {llvm_type(common)} {a}, {b}")

    return rule


def _signed(test: str, dtype: np.dtype) -> str:
    """Return an integer comparison for the signedness of a dtype: "slt" as "ult"."""
    return f"u{test[1:]}" if dtype.kind == "u" and test[0] == "s" else test


def _common(types: list[Any]) -> np.dtype:
    """Return the dtype in which operands meet: NEP 50, a Python scalar bends."""
    strong = [t.dtype for t in types if not t.weak] or [t.dtype for t in types]
    found = np.result_type(*strong)
    for t in types:
        if t.weak and t.dtype.kind == "f" and found.kind != "f":
            found = np.dtype(np.float64)
        if t.weak and t.dtype.kind == "i" and found.kind == "i":
            found = np.dtype(np.int64)  # a Python int is compared as the number that it is
    return np.dtype(np.int32) if found.kind == "b" else found  # i1 is signed: true would be -1


def _logical(op: str) -> Rule:
    def rule(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
        a, b = (e.convert(x, t.dtype, np.bool_) for x, t in zip(xs, types, strict=True))
        return e.op(f"{op} i1 {a}, {b}")

    return rule


def _bitwise(op: str) -> Rule:
    def rule(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
        a, b = (e.convert(x, t.dtype, out.dtype) for x, t in zip(xs, types, strict=True))
        return e.op(f"{op} {llvm_type(out.dtype)} {a}, {b}")

    return rule


def _not(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
    return e.op(f"xor i1 {e.convert(xs[0], types[0].dtype, np.bool_)}, true")


def _invert(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
    t = llvm_type(out.dtype)
    return e.op(f"xor {t} {xs[0]}, {'true' if t == 'i1' else '-1'}")


def _extremum(intrinsic: str, int_test: str) -> Rule:
    def rule(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
        a, b = (e.convert(x, t.dtype, out.dtype) for x, t in zip(xs, types, strict=True))
        t = llvm_type(out.dtype)
        if out.dtype.kind == "f":
            return e.intrinsic(intrinsic, t, a, b)
        if t == "i1":
            return e.op(f"{'or' if int_test == 'sgt' else 'and'} i1 {a}, {b}")
        return e.op(f"select i1 {e.op(f'icmp {_signed(int_test, out.dtype)} {t} {a}, {b}')}, {t} {a}, {t} {b}")

    return rule


def _intrinsic(name: str) -> Rule:
    def rule(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
        x = e.convert(xs[0], types[0].dtype, out.dtype)
        return e.intrinsic(name, llvm_type(out.dtype), x) if out.dtype.kind == "f" else x  # floor of an integer: itself

    return rule


def _absolute(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
    t = llvm_type(out.dtype)
    if out.dtype.kind == "f":
        return e.intrinsic("fabs", t, xs[0])
    if t == "i1":
        return xs[0]
    negative = e.op(f"icmp slt {t} {xs[0]}, 0")
    return e.op(f"select i1 {negative}, {t} {e.op(f'sub {t} 0, {xs[0]}')}, {t} {xs[0]}")


def _sign(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
    t, x = llvm_type(out.dtype), xs[0]
    if out.dtype.kind != "f":
        up, down = e.op(f"icmp sgt {t} {x}, 0"), e.op(f"icmp slt {t} {x}, 0")
        return e.op(f"select i1 {up}, {t} 1, {t} {e.op(f'select i1 {down}, {t} -1, {t} 0')}")
    up, down = e.op(f"fcmp ogt {t} {x}, 0.0"), e.op(f"fcmp olt {t} {x}, 0.0")
    zero = e.op(f"fcmp oeq {t} {x}, 0.0")
    rest = e.op(f"select i1 {zero}, {t} 0.0, {t} {x}")  # NaN stays
    return e.op(f"select i1 {up}, {t} 1.0, {t} {e.op(f'select i1 {down}, {t} -1.0, {t} {rest}')}")


def _square(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
    return OPERATIONS["mul"](e, [xs[0], xs[0]], [types[0], types[0]], out)


def _reciprocal(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
    t, x = llvm_type(out.dtype), e.convert(xs[0], types[0].dtype, out.dtype)
    if out.dtype.kind == "f":
        return e.op(f"fdiv {t} 1.0, {x}")
    quotient = e.op(f"fdiv double 1.0, {e.convert(x, out.dtype, np.float64)}")
    return e.convert(quotient, np.float64, out.dtype)


def _is(test: str) -> Rule:
    def rule(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
        t = llvm_type(types[0].dtype)
        if types[0].dtype.kind != "f":
            return e.op(f"or i1 {'true' if test == 'finite' else 'false'}, false")
        if test == "nan":
            return e.op(f"fcmp uno {t} {xs[0]}, {xs[0]}")
        size = e.intrinsic("fabs", t, xs[0])
        return e.op(f"fcmp {'oeq' if test == 'inf' else 'one'} {t} {size}, 0x7FF0000000000000")

    return rule


def _copysign(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
    a, b = (e.convert(x, t.dtype, out.dtype) for x, t in zip(xs, types, strict=True))
    return e.intrinsic("copysign", llvm_type(out.dtype), a, b)


def _convert(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
    return e.convert(xs[0], types[0].dtype, out.dtype)


def _zero(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
    return constant(0, out.dtype)


def _same(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
    return xs[0]


def _math(name: str) -> Rule:
    def rule(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
        xs = [e.convert(x, t.dtype, out.dtype) for x, t in zip(xs, types, strict=True)]
        return e.call_math(name, llvm_type(out.dtype), *xs)

    return rule


OPERATIONS.update(
    add=_arithmetic("fadd", "add"),
    sub=_arithmetic("fsub", "sub"),
    mul=_arithmetic("fmul", "mul"),
    div=_div,
    smul=_strong("mul"),
    sdiv=_strong("div"),
    neg=_neg,
    mask=_mask,
    select=_select,
    equal=_compare("oeq", "eq"),
    not_equal=_compare("une", "ne"),
    less=_compare("olt", "slt"),
    less_equal=_compare("ole", "sle"),
    greater=_compare("ogt", "sgt"),
    greater_equal=_compare("oge", "sge"),
    logical_and=_logical("and"),
    logical_or=_logical("or"),
    logical_xor=_logical("xor"),
    logical_not=_not,
    bitwise_and=_bitwise("and"),
    bitwise_or=_bitwise("or"),
    bitwise_xor=_bitwise("xor"),
    invert=_invert,
    maximum=_extremum("maximum", "sgt"),
    minimum=_extremum("minimum", "slt"),
    sqrt=_intrinsic("sqrt"),
    root=_intrinsic("sqrt"),
    floor=_intrinsic("floor"),
    ceil=_intrinsic("ceil"),
    trunc=_intrinsic("trunc"),
    rint=_intrinsic("rint"),
    absolute=_absolute,
    sign=_sign,
    square=_square,
    reciprocal=_reciprocal,
    isnan=_is("nan"),
    isinf=_is("inf"),
    isfinite=_is("finite"),
    copysign=_copysign,
    convert=_convert,
    zeros_like=_zero,
    stop_gradient=_same,
)


def use_math(names: Any) -> None:
    """Lower primitives to our own functions of the same name, where those exist."""
    ours = {"power": "pow"}
    for name in (
        "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "power", "sin", "cos", "tan", "sinh", "cosh", "tanh",
        "arcsin", "arccos", "arctan", "arctan2", "arcsinh", "arccosh", "arctanh", "cbrt", "hypot", "sigmoid",
        "logaddexp", "erf", "erfc", "gaussian",
    ):  # fmt: skip
        if ours.get(name, name) in names:
            OPERATIONS[name] = _math(ours.get(name, name))
