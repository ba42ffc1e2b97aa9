"""Rescues: what a function does for the few elements that its short form cannot do.

A branch in line would keep a loop scalar. So the short form ends in one call of `rescue` with its
operands and its result, which it gets back as it is if all is well. `rescue` has vector forms of our own,
which branch once for a whole vector; the attribute on the call tells LLVM's vectoriser which they are.

In serial code there is a `branch` in its place: the same for one element, written in line. A call would
cost all registers, in the middle of a chain where each value waits for the one before.

What is rescued is the same in all modules, and takes longer to compile than most functions that call it:
so a module only declares it, and it is compiled once a process, as a library (`shared.py`).
"""

from __future__ import annotations

from .builder import Builder, Format, Value

__all__ = ["ALONE", "ATTRIBUTES", "WIDTHS", "called", "declared", "exported", "rescued"]

WIDTHS = {"f64": (2, 4, 8), "f32": (4, 8, 16)}  # of vector forms: 128, 256 and 512 bits
ATTRIBUTES = "noinline nounwind willreturn memory(none)"
ALONE = "alwaysinline nounwind willreturn memory(none)"


def rescued(b: Builder, name: str, *values: Value) -> Value:
    """Call the rescue of a function with its operands and what the short form gives for them."""
    f = b.format
    arguments = ", ".join(f"{f.word} {v.name}" for v in values)
    if b.alone:
        return b.emit(f.word, f"call {f.word} @pb.{name}.{f.name}.branch({arguments})")
    symbol, kinds = f"pb.{name}.{f.name}.rescue", "v" * len(values)
    variants = ",".join(f"_ZGV_LLVM_N{n}{kinds}_{symbol}({symbol}.v{n})" for n in WIDTHS[f.name])
    return b.emit(f.word, f'call {f.word} @{symbol}({arguments}) "vector-function-abi-variant"="{variants}"')


def exported(name: str, f: Format) -> list[str]:
    """Return the names of what the library of a function has for modules."""
    symbol = f"pb.{name}.{f.name}"
    return [f"{symbol}.far", *_rescues(symbol, f)]


def declared(name: str, f: Format, arity: int, alone: bool) -> str:
    """Return the declarations of what a function calls, in serial code (`far`) or in loops."""
    symbol = f"pb.{name}.{f.name}"
    if alone:
        return f"declare {f.word} @{symbol}.far({', '.join([f.word] * arity)}) {ATTRIBUTES}\n"
    types = [f.word, *(f"<{n} x {f.word}>" for n in WIDTHS[f.name])]
    return "".join(
        f"declare {t} @{x}({', '.join([t] * (arity + 1))}) {ATTRIBUTES}\n"
        for t, x in zip(types, _rescues(symbol, f), strict=True)
    )


def called(name: str, f: Format) -> list[str]:
    """Return the names of what a function calls in loops: for one element, and for vectors."""
    return _rescues(f"pb.{name}.{f.name}", f)


def _rescues(symbol: str, f: Format) -> list[str]:
    return [f"{symbol}.rescue", *(f"{symbol}.rescue.v{n}" for n in WIDTHS[f.name])]
