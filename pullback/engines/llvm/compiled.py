"""compiled: from a Program to a function of arrays that runs native code."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from pullback.core.errors import OutOfRange
from pullback.core.program import Program

from .callbacks import CALLBACK, Callbacks
from .calling import Frame, Layout, adapter, caller
from .driver import Module, Unsupported, write_module
from .flat import prepared
from .math import AVAILABLE, define
from .native import blas, build, has_fma
from .plan import plan
from .scalars import use_math

__all__ = ["Compiled", "Unsupported"]

use_math(AVAILABLE)


class Compiled:
    """Native code for one Program: `run` takes flat arrays, and returns a list.

    Attributes
    ----------
    program : Program
        Simplified and flat: what was compiled.
    text : str
        The LLVM IR as it was written.
    run : callable
    """

    def __init__(self, program: Program, contract: bool = False) -> None:
        self.source, self.contract = program, contract
        self.program = prepared(program)
        self.module: Module = write_module(plan(self.program), contract)
        self.callbacks = Callbacks(self.module.callbacks)
        self._function = CALLBACK(self.callbacks)  # must live as long as the code
        self.layout = Layout(self.program.in_types, self.program.out_types, len(self.program.constants))
        math = define(sorted(self.module.math), schedule="horner", fma=has_fma()) if self.module.math else ""
        self.text = self.module.text + adapter(self.layout) + math
        self.library = build(self.text, self._symbols(), "call")
        constants = [np.require(v, None, ("C_CONTIGUOUS", "ALIGNED")) for _, v in self.program.constants]
        frame = partial(Frame, self.layout, constants, self.module.arena_size, self.callbacks.width)
        fail = partial(_fail, self.callbacks, self.module.checks)
        self.run = caller(self.layout, self.library.address, frame, fail, (self.library, self._function))

    def __call__(self, *values: Any) -> Sequence[Any]:
        return self.run(*values)

    def __reduce__(self):
        return Compiled, (self.source, self.contract)

    def _symbols(self) -> dict[str, int]:
        libc = ctypes.CDLL(None)
        symbols = {name: blas(name) for name in self.module.blas}
        functions = {"pb_callback": self._function, "realloc": libc.realloc, "free": libc.free}
        return symbols | {name: ctypes.cast(f, ctypes.c_void_p).value or 0 for name, f in functions.items()}


def _fail(callbacks: Callbacks, checks: list[Any], status: int, frame: Frame) -> None:
    """Raise what a callback has raised, or IndexError for the index that was out of range."""
    if status == -1:
        raise callbacks.take_error()
    eq, size = checks[status - 1]
    axes = [i for i, n in enumerate(eq.operands[0].type.shape) if n == size]
    axis = f"axis {axes[0]} with size {size}" if len(axes) == 1 else f"an axis of size {size}"
    raise OutOfRange(f"index {frame.status[1]} is out of bounds for {axis}", where=eq.source)
