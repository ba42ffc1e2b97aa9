"""What a Tracer refuses to be, and the errors that say what to write instead."""

from __future__ import annotations

import difflib
import sys
from typing import Any

import numpy as np

from . import source
from .dispatch import instead, reasons
from .errors import DerivativeLost, NoAttribute, NoValue

__all__ = ["lost", "no_attribute", "no_axis", "no_value"]

_INSTEAD = {
    "bool": "for a choice by value: np.where(c, a, b) or pullback.cond(c, f, g, x); for a loop: pullback.while_loop",
    "index": "for a loop: pullback.fori_loop(lo, hi, body, x); for an index: a traced x[i] takes a traced i, a plain x "
    "pullback.numpy.take(x, i, axis=0); or mark the argument with static_argnums",
    "int": "x.astype(int) stays an array; for a loop pullback.fori_loop(lo, hi, body, x); "
    "or mark the argument with static_argnums",
    "array": "np.f(x) instead of a function that converts x itself; np.array … by that name (from numpy import array "
    "is NumPy's own), or import pullback.numpy as np",
    "assign": "make the array, or a copy of it, inside the function, by that name: out = np.zeros(n), "
    "out = np.array(out) (from numpy import zeros is NumPy's own); or build it of its parts: np.stack([...])",
}
_ARITHMETIC = "keep it an array: np.sin in place of math.sin, x in place of float(x)"


def no_value(x: Any, kind: str) -> NoValue:
    """Return the error for a value that tracing does not know."""
    where = source.here()
    shown = {"index": "an integer", "array": "a NumPy array"}.get(kind, f"{kind}()")
    instead = "index" if kind == "array" and x.type.dtype.kind in "iu" else kind  # NumPy makes arrays of indices
    what = f"{shown} of a Tracer of {x.type.strong} was asked for, which has no value here"
    if kind != "index" and source.statement(where) == "assign":
        what = f"a Tracer of {x.type.strong}, which has no value here, was to be assigned into a plain NumPy array"
        instead = "assign"
    return NoValue(
        what,
        where=where,
        why="under jit, vmap and in the bodies of cond, scan and loops, code is traced once for all values",
        fix=(_of_who_asked() if kind == "array" else None) or _INSTEAD.get(instead, _ARITHMETIC),
        operands=(x,),
    )


_VECTORIZE = np.vectorize  # now: while a function runs, ours stands there


def _of_who_asked() -> str | None:
    """Return what to write where Python code of scipy.special or np.vectorize is what asked; else None."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith("scipy.special"):
            return "from pullback.scipy import special: there it takes what is being differentiated or traced"
        if isinstance(frame.f_locals.get("self"), _VECTORIZE):
            return "pullback.numpy.vectorize in place of np.vectorize outside of the function"
        frame = frame.f_back
    return None


def no_axis(x: Any) -> NoValue:
    """Return the error for iteration over a Tracer without axes."""
    return NoValue(
        f"iteration over a 0-d array, a Tracer of {x.type.strong}",
        where=source.here(),
        why="arrays iterate over their first axis, and this one has none; vmap shows one lane, without the mapped axis",
        fix="for n turns: pullback.fori_loop(0, n, body, x), or range(n) with n marked by static_argnums",
        operands=(x,),
    )


def lost(x: Any, kind: str) -> DerivativeLost:
    """Return the error for a plain number or array that was to be made of what is differentiated."""
    where = source.here()
    shown = x.type.strong
    if kind in ("array", "float", "complex") and source.statement(where) == "assign":
        return DerivativeLost(
            f"a Tracer of {shown} was to be assigned into a plain NumPy array",
            where=where,
            why="a plain array holds numbers only: the derivative would be lost",
            fix=_INSTEAD["assign"] + "; or out = pullback.numpy.at(out)[i].set(v)",
        )
    if kind == "array":
        return DerivativeLost(
            f"a Tracer of {shown} was to become a plain NumPy array, or an element of one",
            where=where,
            why="a plain array holds numbers only: the derivative would be lost",
            fix=_of_who_asked()
            or "np.array … by that name (from numpy import array is NumPy's own), np.stack([...]), "
            "import pullback.numpy as np, or with pullback.plain_numpy(): …",
        )
    return DerivativeLost(
        f"{kind if kind in ('item', 'tolist') else f'{kind}()'} of what is being differentiated, {shown}",
        where=where,
        why="a plain Python number has no derivative: the result would be a silent constant",
        fix="np.sin in place of math.sin, x in place of float(x); if a constant is meant, pullback.stop_gradient(x)",
    )


_OTHERS = {  # what other libraries' arrays have
    "detach": "pullback.stop_gradient(x)",
    "numpy": "x itself, or pullback.stop_gradient(x) for a plain array",
    "cpu": "x itself: arrays are NumPy's",
    "backward": "pullback.grad(f)(x): derivatives belong to functions",
    "grad": "pullback.grad(f)(x): derivatives belong to functions",
    "requires_grad": "pullback.grad(f, argnums=...): what to differentiate by is said there",
    "requires_grad_": "pullback.grad(f, argnums=...): what to differentiate by is said there",
    "block_until_ready": "x itself: nothing is computed later",
    "unsqueeze": "np.expand_dims(x, axis)",
    "permute": "x.transpose(axes)",
    "dim": "x.ndim",
    "exp": "np.exp(x)",
    "log": "np.log(x)",
    "sqrt": "np.sqrt(x)",
    "abs": "np.abs(x)",
    "to": "x.astype(dtype)",
    "float": "x.astype(float)",
    "double": "x.astype(np.float64)",
}


def no_attribute(x: Any, name: str, offered: Any) -> AttributeError:
    """Return the error for an attribute that Tracers have not: what is near, or what to write instead."""
    if name.startswith("__"):  # protocols are asked for all the time, and nobody reads the answer
        return AttributeError(f"'Tracer' object has no attribute {name!r}")
    there = hasattr(np.ndarray, name)
    near = difflib.get_close_matches(name, [n for n in offered if not n.startswith("_")], n=3, cutoff=0.6)
    if name in _OTHERS:
        fix = _OTHERS[name]
    elif there:
        fix = instead.get(f"ndarray.{name}", "pullback.stop_gradient(x) gives the plain array, without a derivative")
    else:
        fix = f"the nearest that there is: {', '.join('x.' + n for n in near)}" if near else "see dir(np.ndarray)"
    return NoAttribute(
        f"{name!r} of a Tracer of {x.type.strong}",
        where=source.here(),
        why=reasons.get(f"ndarray.{name}", "Tracers do not have this attribute of ndarrays yet")
        if there
        else "arrays have no such attribute",
        fix=fix,
    )
