"""compiled: from a Program to a function of arrays that runs native code."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np

from pullback.core.errors import OutOfRange
from pullback.core.program import Equation, Program

from .callbacks import CALLBACK, Callbacks
from .calling import Frame, Layout, adapter, caller
from .donation import reusable
from .driver import Module, Unsupported, write_module
from .flat import prepared
from .math import AVAILABLE, define
from .native import blas, blas_threads, build, clock, has_fma
from .plan import Nest, plan
from .printer import equations_of, print_plan
from .scalars import use_math
from .size import MOST_CODE, code_size

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
    run, fresh : callable
        What `run` returns shares memory with nothing; `fresh` makes NumPy scalars of Python's.
    """

    def __init__(self, program: Program, contract: bool = False, timed: bool = False) -> None:
        self.source, self.contract = program, contract
        self.program = prepared(program)
        size = code_size(self.program)
        if size > MOST_CODE:
            raise Unsupported(
                f"about {size} operations would be written out, and LLVM takes long for more than {MOST_CODE}: "
                "write a loop that Python has unrolled with pullback.fori_loop or pullback.scan"
            )
        self.module: Module = write_module(plan(self.program), contract, clock() if timed else "")
        self.ticks = np.zeros(len(self.module.timed), np.int64)
        self.callbacks = Callbacks(self.module.callbacks)
        self._function = CALLBACK(self.callbacks)  # must live as long as the code
        arrays = [*(v for _, v in self.program.constants), *self.module.constants]
        self.constants = [np.require(v, None, ("C_CONTIGUOUS", "ALIGNED")) for v in arrays]
        layout = Layout(self.program.in_types, self.program.out_types, len(self.constants), int(timed))
        math = define(sorted(self.module.math), schedule="estrin", fma=has_fma()) if self.module.math else ""
        self.text = self.module.text + adapter(layout) + math
        self.library = build(self.text, self._symbols(), "call")
        more = (self.ticks,) if timed else ()
        frame = partial(Frame, layout, self.constants, self.module.arena_size, self.callbacks.width, *more)
        fail = partial(_fail, self.callbacks, self.module.checks)
        self._caller = partial(caller, layout, self.library.address, frame, fail, (self.library, self._function))
        self.run = self._caller()
        weak = any(t.weak for t in self.program.out_types)
        self.fresh = self._caller(strong=True) if weak else self.run
        self._donating: dict[tuple[int, ...], Any] = {}

    def __call__(self, *values: Any) -> Sequence[Any]:
        """Run it on flat arrays."""
        return self.run(*values)

    def donating(self, values: Sequence[Any], donated: tuple[int, ...]) -> Sequence[Any]:
        """Return the results, some of them in the memory of arguments that were given away."""
        run = self._donating.get(donated)
        if run is None:
            run = self._donating[donated] = self._caller(reuse=reusable(plan(self.program), donated))
        return run(*values)

    def __reduce__(self):
        return Compiled, (self.source, self.contract)

    @cached_property
    def guarded(self) -> Callable[..., Sequence[Any]]:
        """`run`, and a look at whether native code has written beyond its memory."""
        return self._caller(guarded=True)

    @property
    def loops(self) -> str:
        """The plan, as text."""
        return print_plan(plan(self.program))

    @property
    def asm(self) -> str:
        """The machine code, as text."""
        return self.library.asm

    @property
    def arena_size(self) -> int:
        """Bytes of memory that a call works in, beside its arguments and results."""
        return self.module.arena_size

    @property
    def called_back(self) -> list[Equation]:
        """The equations that NumPy evaluates, called from native code."""
        return self.callbacks.equations

    def timed(self) -> Compiled:
        """Return this Program compiled with a clock around each step."""
        return Compiled(self.source, self.contract, timed=True)

    def work(self) -> list[list[Equation]]:
        """Return the equations of each step that has a clock."""
        return [equations_of(step, made) if isinstance(step, Nest) else [step.eq] for made, step in self.module.timed]

    def _symbols(self) -> dict[str, int]:
        libc = ctypes.CDLL(None)
        symbols = {name: blas(name) for name in self.module.blas}
        if self.module.blas:
            symbols |= blas_threads()
        functions = {"pb_callback": self._function, "realloc": libc.realloc, "free": libc.free}
        return symbols | {name: ctypes.cast(f, ctypes.c_void_p).value or 0 for name, f in functions.items()}


def _fail(callbacks: Callbacks, checks: list[Any], status: int, frame: Frame) -> None:
    """Raise what a callback has raised, or IndexError for the index that was out of range."""
    if status == -1:
        raise callbacks.take_error()
    eq, size = checks[status - 1]
    axes = [i for i, n in enumerate(eq.operands[0].type.shape) if n == size]
    axis = f"axis {axes[0]} with size {size}" if len(axes) == 1 else f"an axis of size {size}"
    raise OutOfRange.at(eq.source, f"index {frame.status[1]} is out of bounds for {axis}")
