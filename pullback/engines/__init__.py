"""Engines: what runs a Program.

The NumPy evaluator is the reference. What comes from `jit` is compiled to native code, by
the engine in `engines.llvm`; it and llvmlite are loaded at the first compilation. What that
engine leaves alone (a tape that crosses the boundary of the call, a Program of thousands of
equations) runs on the evaluator, and so does everything where llvmlite is missing, or where
the environment says ``PULLBACK_ENGINE=numpy``.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Sequence
from typing import Any

from pullback.core.passes import passes
from pullback.core.program import Program

from .evaluate import compile_program

__all__ = ["compile_native", "compile_program"]


def compile_native(program: Program) -> Callable[..., Sequence[Any]]:
    """Return native code for a closed Program, or the evaluator where there can be none."""
    if os.environ.get("PULLBACK_ENGINE") == "numpy":
        return compile_program(program)
    return program.derived(("native",), lambda: _native(program))


def _native(program: Program) -> Callable[..., Sequence[Any]]:
    try:
        engine = importlib.import_module("pullback.engines.llvm.compiled")
        return engine.compile_native(program)
    except ImportError:
        return compile_program(program)
    except engine.Unsupported:
        return compile_program(program)


passes.compile = compile_program
passes.compile_native = compile_native
