"""Complex elements: one register that holds two, real and imaginary part, as LLVM's structure of two floats.

What moves elements, and stores, loads and selects them, need not know that they are complex.
What calculates takes the parts (`Emitter.parts`) and puts a pair together (`Emitter.pair`); LLVM
takes the structures apart, so that they cost nothing, and vectorises over the parts in memory.

Arithmetic is NumPy's: a product is the naive one, a quotient Smith's, a real operand is converted
to complex first, and comparisons order by the real parts, then by the imaginary ones.
`use_complexes` puts the rules beside those of real elements, in `scalars.OPERATIONS`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .math.complexes import COMPLEX
from .scalars import OPERATIONS, Emitter, Rule, constant, llvm_type, part_dtype, select

__all__ = ["is_complex", "takes_complex", "use_complexes"]

Parts = tuple[str, str]
# What is made of these rules, or does not look into an element.
_OTHERS = frozenset([
    "mask", "select", "convert", "zeros_like", "stop_gradient", "sum", "prod", "sum_to", "any", "all", "cumsum",
    "cumprod", "recurrence", "contract", "integer_power",
    "scatter", "index_set", "index_add", "cut",
])  # fmt: skip


def is_complex(type: Any) -> bool:
    """Return whether a type is one of complex elements."""
    return type.dtype.kind == "c"


def takes_complex(name: str) -> bool:
    """Return whether a primitive, which is no view, has complex operands or results here."""
    return name in _RULES or name in _OTHERS


def _operands(e: Emitter, xs: list[str], types: list[Any], dtype: Any) -> tuple[str, list[Parts]]:
    """Return the LLVM type of a part, and the parts of operands converted to a complex dtype."""
    t = llvm_type(part_dtype(dtype))
    return t, [e.parts(e.convert(x, of.dtype, dtype), t) for x, of in zip(xs, types, strict=True)]


def _partwise(op: str) -> Rule:
    def rule(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
        t, zs = _operands(e, xs, types, out.dtype)
        re, im = (e.op(f"{op} {e.flags}{t} {', '.join(part)}") for part in zip(*zs, strict=True))
        return e.pair(re, im, t)

    return rule


def _neg(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
    t, ((re, im),) = _operands(e, xs, types, out.dtype)
    return e.pair(e.op(f"fneg {t} {re}"), e.op(f"fneg {t} {im}"), t)


def _mul(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
    t, ((a, b), (c, d)) = _operands(e, xs, types, out.dtype)
    ac, bd, ad, bc = (e.op(f"fmul {e.flags}{t} {x}, {y}") for x, y in ((a, c), (b, d), (a, d), (b, c)))
    return e.pair(e.op(f"fsub {e.flags}{t} {ac}, {bd}"), e.op(f"fadd {e.flags}{t} {ad}, {bc}"), t)


def _square(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
    return _mul(e, [xs[0], xs[0]], [types[0], types[0]], out)


def _ours(name: str) -> Rule:
    def rule(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
        t, zs = _operands(e, xs, types, out.dtype)
        return e.call_math(f"complex.{name}", t, *(part for z in zs for part in z))

    return rule


def _strong(name: str) -> Rule:
    def rule(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
        product = OPERATIONS[name](e, xs, types, out)
        counts = e.convert(xs[0], types[0].dtype, np.bool_)
        return select(e, counts, out.dtype, product, constant(0, out.dtype))

    return rule


# Parts ------------------------------------------------------------------------------------


def _real(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
    return e.parts(xs[0], llvm_type(out.dtype))[0]


def _imag(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
    return e.parts(xs[0], llvm_type(out.dtype))[1]


def _conj(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
    t, ((re, im),) = _operands(e, xs, types, out.dtype)
    return e.pair(re, e.op(f"fneg {t} {im}"), t)


def _of_parts(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
    dtype = part_dtype(out.dtype)
    re, im = (e.convert(x, of.dtype, dtype) for x, of in zip(xs, types, strict=True))
    return e.pair(re, im, llvm_type(dtype))


def _of_both(name: str) -> Rule:
    """Return the rule that calls a real function of (real, imaginary), or of (imaginary, real)."""

    def rule(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
        t, ((re, im),) = _operands(e, xs, types, np.result_type(out.dtype, np.complex64))
        return e.call_math(name, t, *((im, re) if name == "arctan2" else (re, im)))

    return rule


# Comparisons ------------------------------------------------------------------------------


def _compared(e: Emitter, xs: list[str], types: list[Any]) -> tuple[str, list[Parts]]:
    strong = [of.dtype for of in types if not of.weak] or [of.dtype for of in types]
    return _operands(e, xs, types, np.result_type(*strong, np.complex64))


def _equal(test: str, both: str) -> Rule:
    def rule(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
        t, ((a, b), (c, d)) = _compared(e, xs, types)
        return e.op(f"{both} i1 {e.op(f'fcmp {test} {t} {a}, {c}')}, {e.op(f'fcmp {test} {t} {b}, {d}')}")

    return rule


def _ordered(first: str, then: str) -> Rule:
    """``first`` of the real parts, where no imaginary one is NaN; of equal ones, ``then`` of the imaginary ones."""

    def rule(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
        t, ((a, b), (c, d)) = _compared(e, xs, types)
        ahead = e.op(f"and i1 {e.op(f'fcmp {first} {t} {a}, {c}')}, {e.op(f'fcmp ord {t} {b}, {d}')}")
        level = e.op(f"and i1 {e.op(f'fcmp oeq {t} {a}, {c}')}, {e.op(f'fcmp {then} {t} {b}, {d}')}")
        return e.op(f"or i1 {ahead}, {level}")

    return rule


def _logical(name: str) -> Rule:
    def rule(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
        truths = [e.convert(x, of.dtype, np.bool_) for x, of in zip(xs, types, strict=True)]
        return OPERATIONS[name](e, truths, [out] * len(xs), out)

    return rule


def _is(name: str, both: str) -> Rule:
    def rule(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
        part = types[0].like(dtype=part_dtype(types[0].dtype))
        _, (z,) = _operands(e, xs, types, types[0].dtype)
        a, b = (OPERATIONS[name](e, [x], [part], out) for x in z)
        return e.op(f"{both} i1 {a}, {b}")

    return rule


_RULES: dict[str, Rule] = {
    "add": _partwise("fadd"),
    "sub": _partwise("fsub"),
    "mul": _mul,
    "square": _square,
    "neg": _neg,
    "smul": _strong("mul"),
    "sdiv": _strong("div"),
    "real": _real,
    "imag": _imag,
    "conj": _conj,
    "complex_": _of_parts,
    "absolute": _of_both("hypot"),
    "angle": _of_both("arctan2"),
    "equal": _equal("oeq", "and"),
    "not_equal": _equal("une", "or"),
    "less": _ordered("olt", "olt"),
    "less_equal": _ordered("olt", "ole"),
    "greater": _ordered("ogt", "ogt"),
    "greater_equal": _ordered("ogt", "oge"),
    "isnan": _is("isnan", "or"),
    "isinf": _is("isinf", "or"),
    "isfinite": _is("isfinite", "and"),
    **{name: _logical(name) for name in ("logical_and", "logical_or", "logical_xor", "logical_not")},
    **{name: _ours(name) for name in COMPLEX},
}


def use_complexes() -> None:
    """Put the rules of complex elements beside those of real ones of the same names."""
    for name, rule in _RULES.items():
        OPERATIONS[name] = _by_dtype(OPERATIONS.get(name, rule), rule)


def _by_dtype(of_real: Rule, of_complex: Rule) -> Rule:
    def rule(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
        if out.dtype.kind == "c" or any(of.dtype.kind == "c" for of in types):
            return of_complex(e, xs, types, out)
        return of_real(e, xs, types, out)

    return rule
