"""Engines: what runs a Program.

The NumPy evaluator is the reference. What comes from `jit` is compiled to native code, by
the engine in `engines.llvm`; it and llvmlite are loaded at the first compilation. What that
engine leaves alone (see `Unsupported`) runs on the evaluator, and so does everything where
llvmlite is missing, or where the environment says ``PULLBACK_ENGINE=numpy``. A mistake of
the compiler's is no reason to fail either: the evaluator takes over, and `lower` says why.
Under ``PULLBACK_CHECK=1`` it is raised. The environment is read when a Program is compiled.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pullback.core.collecting import collector_waits
from pullback.core.errors import CheckError
from pullback.core.passes import passes
from pullback.core.program import Program, note_native

from .checked import Checked
from .evaluate import Evaluated, compile_program

__all__ = ["Evaluated", "Static", "compile_many", "compile_native", "compile_program", "quick_entry"]


def compile_native(program: Program, native: Any = True) -> Any:
    """Return native code for a closed Program, or the evaluator where there can be none.

    Parameters
    ----------
    native : True or "contract", or a tuple of that and an int
        "contract" lets a product and a sum be one instruction (fused multiply-add). The number is of the
        threads that large loops may take, where it is not the one of all functions.

    Returns
    -------
    Compiled or Evaluated
        Called with flat arrays, it returns a list.
    """
    return program.derived(("native", native), lambda: _native(program, *_choices(native)))


def _choices(native: Any) -> tuple[bool, int]:
    """Return whether instructions may be contracted, and the number of threads; 0: that of all functions."""
    fp, threads = native if isinstance(native, tuple) else (native, 0)
    return fp == "contract", threads


class Static(NamedTuple):
    """Why there is no code for many lengths, and whether there may be some for those of one parity."""

    why: str
    by_parity: bool = False


@collector_waits()
def compile_many(examples: Sequence[tuple[tuple[int, ...], Program]], native: Any = True) -> Any:
    """Return native code for all lengths that the Programs for some stand for, or why there is none.

    Parameters
    ----------
    examples : sequence of (lengths, Program)

    Returns
    -------
    ManyLengths or Static
        `ManyLengths.at` is what runs for lengths, as `compile_native` gives it for one Program.
    """
    if os.environ.get("PULLBACK_ENGINE") == "numpy":
        return Static("the environment says PULLBACK_ENGINE=numpy")
    if os.environ.get("PULLBACK_CHECK", "") not in ("", "0"):
        return Static("code is checked by length, since the environment says PULLBACK_CHECK")
    try:
        engine = importlib.import_module("pullback.engines.llvm.dynamic")
    except ImportError as error:
        return Static(f"{error.name or error} is not installed")
    try:
        return engine.ManyLengths([(p, x.bare()) for p, x in examples], _choices(native)[0])
    except engine.Differs as reason:
        return Static(str(reason), reason.by_number)
    except engine.Unsupported as reason:
        return Static(str(reason))


@collector_waits()
def _native(program: Program, contract: bool, threads: int) -> Any:
    if os.environ.get("PULLBACK_ENGINE") == "numpy":
        return Evaluated(program, "the environment says PULLBACK_ENGINE=numpy")
    check = os.environ.get("PULLBACK_CHECK", "")
    try:
        engine = importlib.import_module("pullback.engines.llvm.compiled")
    except ImportError as error:
        return Evaluated(program, f"{error.name or error} is not installed")
    note_native(program)
    program = program.bare()  # what is derived from a Program must not keep it: it is forgotten when nothing uses it
    try:
        native = engine.Compiled(program, contract, threads=threads)
    except engine.Unsupported as reason:
        return Evaluated(program, str(reason))
    except Exception as error:  # whatever is wrong in the compiler, the user's function is right
        if check not in ("", "0"):
            raise CheckError(f"a Program did not compile: {type(error).__name__}: {error}") from error
        return Evaluated(program, f"the compiler failed: {type(error).__name__}: {error}")
    return native if check in ("", "0") else Checked(native, program, nan=check == "nan")


def quick_entry(
    fallback: Callable[..., Any], variables: Sequence[Any], descriptors: Sequence[Any], name: str
) -> Callable[..., Any]:
    """Return the builtin function that answers calls which fit a descriptor.

    Parameters
    ----------
    fallback : callable
        What all other calls are handed to.
    variables : sequence of ContextVar
        What descriptors have the values of, as their `context`.
    descriptors : sequence
        From the `descriptor` of compiled Programs; at least one.
    """
    return importlib.import_module("pullback.engines.llvm.entry").bound(fallback, variables, descriptors, name)


passes.compile = compile_program
passes.compile_native = compile_native
