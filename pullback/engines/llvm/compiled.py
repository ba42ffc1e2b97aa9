"""compiled: from a Program to a function of arrays that runs native code."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np

from pullback.core.errors import MatrixError, OutOfMemory, OutOfRange
from pullback.core.program import Equation, Program
from pullback.core.types import TapeType
from pullback.engines.forms import Form

from .callbacks import CALLBACK, Callbacks
from .calling import Frame, Layout, adapter, caller
from .complexes import use_complexes
from .crossing import cross, native_types
from .descriptors import Descriptor, runs_long
from .donation import reusable
from .driver import Module, Unsupported, write_module
from .flat import prepared
from .interrupts import POLL, raise_kept
from .interrupts import symbols as signals
from .math import AVAILABLE, define
from .native import blas, blas_threads, build, clock, has_fma
from .objects import fits
from .plan import Nest
from .pool import SYMBOL
from .printer import equations_of, print_plan
from .scalars import use_math
from .shared import symbols as shared
from .specials import symbols as specials
from .turns import planned

__all__ = ["Compiled", "Unsupported", "fail", "symbols"]

use_math(AVAILABLE)
use_complexes()


class Compiled:
    """Native code for one Program: `run` takes flat arrays, and returns a list.

    Attributes
    ----------
    program : Program
        Simplified and flat: what was compiled.
    text : str
        The LLVM IR as it was written.
    has_tapes : bool
        Whether it takes or gives tapes: `run` is then more than a call of native code.
    run, fresh : callable
        What `run` returns shares memory with nothing; `fresh` makes NumPy scalars of Python's.
    """

    def __init__(self, program: Program, contract: bool = False, timed: bool = False, threads: int = 0) -> None:
        self.source, self.contract, self.threads = program, contract, threads
        self.program = prepared(program)
        self.module: Module = write_module(planned(self.program), contract, clock() if timed else "", threads=threads)
        self.ticks = np.zeros(len(self.module.timed), np.int64)
        self.callbacks = Callbacks(self.module.callbacks)
        self._function = CALLBACK(self.callbacks)  # must live as long as the code
        arrays = [*(v for _, v in self.program.constants), *self.module.constants]
        self.constants = [np.require(v, None, ("C_CONTIGUOUS", "ALIGNED")) for v in arrays]
        types = self.program.in_types, self.program.out_types
        layout = Layout(*native_types(*types), len(self.constants), int(timed))
        math = define(sorted(self.module.math), schedule="estrin", fma=has_fma()) if self.module.math else ""
        self.text = self.module.text + adapter(layout) + math
        self.library = build(self.text, self._symbols(), "call")
        failed = partial(fail, self.callbacks, self.module.checks, self.module.growing)
        self._connect(layout, types, self.module.arena_size, failed, *((self.ticks,) if timed else ()))

    def _connect(self, layout: Layout, types: Any, arena_size: int, failed: Any, *more: np.ndarray) -> None:
        """Make what calls the code with arguments and results of types."""
        self.has_tapes = any(isinstance(t, TapeType) for ts in types for t in ts)
        frame = partial(Frame, layout, self.constants, arena_size, self.callbacks.width, *more)
        pool: list[Frame] = []
        call = partial(caller, layout, self.library.address, pool, frame, failed, (self.library, self._function))
        self._caller = lambda **how: cross(call(**how), *types)
        self._parts = layout, pool, frame, failed
        self.run = self._caller()
        weak = any(t.weak for t in types[1])
        self.fresh = self._caller(strong=True) if weak else self.run
        self._donating: dict[tuple[int, ...], Any] = {}

    def __call__(self, *values: Any) -> Sequence[Any]:
        """Run it on flat arrays."""
        return self.run(*values)

    def donating(self, values: Sequence[Any], donated: tuple[int, ...]) -> Sequence[Any]:
        """Return the results, some of them in the memory of arguments that were given away."""
        run = self._donating.get(donated)
        if run is None:
            reuse = None if self.has_tapes else reusable(planned(self.program), donated)
            run = self._donating[donated] = self._caller(reuse=reuse)
        return run(*values)

    def __reduce__(self):
        return Compiled, (self.source, self.contract, False, self.threads)

    def descriptor(self, form: Form, captures: Sequence[Any], context: Sequence[Any]) -> Descriptor | None:
        """Return what the interpreter of calls must know to call this code with arguments of a form; None without one.

        There is none where objects do not lie in memory as it reads them, where the environment says
        ``PULLBACK_CALLS=ctypes``, and where tapes go in or out.
        """
        if os.environ.get("PULLBACK_CALLS") == "ctypes" or not fits() or self.has_tapes:
            return None
        layout, pool, new_frame, failed = self._parts
        code, releases = self.library.address, runs_long(self.program)
        try:
            frame = pool.pop()  # of an earlier call: there need not be two arenas
        except IndexError:
            frame = new_frame()
        return Descriptor(code, layout, frame, failed, form, captures, context, releases, self)

    @cached_property
    def guarded(self) -> Callable[..., Sequence[Any]]:
        """`run`, and a look at whether native code has written beyond its memory."""
        return self._caller(guarded=True)

    @property
    def loops(self) -> str:
        """The plan, as text."""
        return print_plan(planned(self.program))

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
        return Compiled(self.source, self.contract, True, self.threads)

    def work(self) -> list[list[Equation]]:
        """Return the equations of each step that has a clock."""
        return [equations_of(step, made) if isinstance(step, Nest) else [step.eq] for made, step in self.module.timed]

    def _symbols(self) -> dict[str, int]:
        return symbols(self.module, self.text, self._function)


def symbols(module: Module, text: str, callback: Any) -> dict[str, int]:
    """Return the addresses of what a module calls."""
    libc = ctypes.CDLL(None)
    found = {name: blas(name) for name in module.blas}
    if module.blas:
        found |= blas_threads()
    functions = {"pb_callback": callback, "realloc": libc.realloc, "free": libc.free}
    found |= signals() | specials(text) | shared(text) | SYMBOL
    return found | {name: ctypes.cast(f, ctypes.c_void_p).value or 0 for name, f in functions.items()}


def fail(callbacks: Callbacks, checks: list[Any], growing: list[Any], status: int, frame: Frame) -> None:
    """Raise what a callback has raised, IndexError for an index out of range, or LinAlgError for a matrix."""
    if status == -1:
        raise callbacks.take_error()
    if status == -2:
        raise OutOfMemory.at(growing[frame.status[1]])
    if status == -POLL:
        raise_kept()
    eq, where = checks[status - 1]
    if where is None:
        bad = {
            "cholesky": "Matrix is not positive definite",
            "triangular_solve": "singular matrix",
            "eigh": "Eigenvalues did not converge",
            "svd": "SVD did not converge",
            "pinv": "SVD did not converge",
        }
        raise MatrixError.at(eq.source, bad.get(eq.primitive.name, "Singular matrix"))
    axis, size = where
    raise OutOfRange.at(eq.source, f"index {frame.status[1]} is out of bounds for axis {axis} with size {size}")
