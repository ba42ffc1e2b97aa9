"""Engines: what runs a Program.

The NumPy evaluator is the reference. What comes from `jit` is compiled to native code, by
the engine in `engines.llvm`; it and llvmlite are loaded at the first compilation. What that
engine leaves alone (a tape that crosses the boundary of the call, a Program of thousands of
equations) runs on the evaluator, and so does everything where llvmlite is missing, or where
the environment says ``PULLBACK_ENGINE=numpy``. A mistake of the compiler's is no reason to
fail either: the evaluator takes over, and `lower` says why. Under ``PULLBACK_CHECK=1`` it is
raised. The environment is read when a Program is compiled.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

from pullback.core.errors import CheckError
from pullback.core.passes import passes
from pullback.core.program import Program

from .checked import Checked
from .evaluate import Evaluated, compile_program

__all__ = ["Evaluated", "compile_native", "compile_program"]


def compile_native(program: Program, native: Any = True) -> Any:
    """Return native code for a closed Program, or the evaluator where there can be none.

    Parameters
    ----------
    native : True or "contract"
        "contract" lets a product and a sum be one instruction (fused multiply-add).

    Returns
    -------
    Compiled or Evaluated
        Called with flat arrays, it returns a list.
    """
    return program.derived(("native", native), lambda: _native(program, native == "contract"))


def _native(program: Program, contract: bool) -> Any:
    if os.environ.get("PULLBACK_ENGINE") == "numpy":
        return Evaluated(program, "the environment says PULLBACK_ENGINE=numpy")
    check = os.environ.get("PULLBACK_CHECK", "")
    try:
        engine = importlib.import_module("pullback.engines.llvm.compiled")
    except ImportError as error:
        return Evaluated(program, f"{error.name or error} is not installed")
    try:
        native = engine.Compiled(program, contract)
    except engine.Unsupported as reason:
        return Evaluated(program, str(reason))
    except Exception as error:  # whatever is wrong in the compiler, the user's function is right
        if check not in ("", "0"):
            raise CheckError(f"a Program did not compile: {type(error).__name__}: {error}") from error
        return Evaluated(program, f"the compiler failed: {type(error).__name__}: {error}")
    return native if check in ("", "0") else Checked(native, program, nan=check == "nan")


passes.compile = compile_program
passes.compile_native = compile_native
