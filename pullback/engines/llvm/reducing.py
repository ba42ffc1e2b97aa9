"""Reducing: what a reduction starts from, and one step of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pullback.core.program import Equation

from .kinds import REDUCTIONS
from .scalars import OPERATIONS, Emitter, constant, llvm_type, part_dtype

__all__ = ["added", "beats", "combine", "identity"]


def identity(eq: Equation, dtype: Any) -> str:
    """Return what a reduction starts from."""
    kind, op = np.dtype(dtype).kind, REDUCTIONS[eq.primitive.name]
    if op in ("maximum", "minimum"):
        if kind == "f":
            return constant(-math.inf if op == "maximum" else math.inf, dtype)
        if kind == "b":
            return constant(op == "minimum", dtype)
        info = np.iinfo(dtype)
        return constant(info.min if op == "maximum" else info.max, dtype)
    return constant({"add": 0, "mul": 1, "or": False, "and": True}[op], dtype)


def added(e: Emitter, out: Any, a: str, b: str, flags: str) -> str:
    """Return a sum that may be added up in another order: a step of a long one."""
    t = llvm_type(out.dtype)
    if out.dtype.kind == "f":
        return e.op(f"fadd {flags}{t} {a}, {b}")
    if out.dtype.kind == "c":
        t = llvm_type(part_dtype(out.dtype))
        both = zip(e.parts(a, t), e.parts(b, t), strict=True)
        re, im = (e.op(f"fadd {flags}{t} {x}, {y}") for x, y in both)
        return e.pair(re, im, t)
    return OPERATIONS["add"](e, [a, b], [out, out], out)


def combine(e: Emitter, eq: Equation, a: str, b: str, out: Any, reassoc: bool = True) -> str:
    """Return one step of a reduction. Sums and products over the lead may be reassociated: they vectorise so."""
    op = REDUCTIONS[eq.primitive.name]
    t = llvm_type(out.dtype)
    if op in ("or", "and"):
        return e.op(f"{op} i1 {a}, {b}")
    if op == "add" and reassoc:
        return added(e, out, a, b, "reassoc ")
    if op == "mul" and out.dtype.kind == "f" and reassoc:
        return e.op(f"fmul reassoc {t} {a}, {b}")
    return OPERATIONS[op](e, [a, b], [out, out], out)


def beats(e: Any, eq: Equation, dtype: Any, value: str, old: str) -> str:
    """Return whether a value takes the place of the extremum so far."""
    greatest, t = eq.primitive.name == "argmax", llvm_type(dtype)
    if dtype.kind == "f":
        more = e.op(f"fcmp {'ugt' if greatest else 'ult'} {t} {value}, {old}")
        return e.op(f"and i1 {more}, {e.op(f'fcmp ord {t} {old}, {old}')}")
    sign = "u" if t == "i1" else "s"
    return e.op(f"icmp {sign}{'gt' if greatest else 'lt'} {t} {value}, {old}")
