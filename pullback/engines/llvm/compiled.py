"""compiled: from a Program to a function of arrays that runs native code."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pullback.core.program import Literal, Program

from .driver import Module, Unsupported, write_module
from .flat import prepared
from .math import AVAILABLE, define
from .native import blas, build, has_fma
from .plan import plan
from .scalars import use_math

__all__ = ["Compiled", "Unsupported", "compile_native"]

use_math(AVAILABLE)
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int32, ctypes.c_void_p)


class Compiled:
    """Native code for one Program; called with flat arrays, returns a list."""

    def __init__(self, program: Program, contract: bool = False) -> None:
        self.program = prepared(program)
        self.module: Module = write_module(plan(self.program), contract)
        self._callbacks = [_Evaluate(eq) for eq in self.module.callbacks]
        self._function = _CALLBACK(self._call_back)
        libc = ctypes.CDLL(None)
        symbols = {name: blas(name) for name in self.module.blas}
        symbols["pb_callback"] = ctypes.cast(self._function, ctypes.c_void_p).value
        symbols["realloc"] = ctypes.cast(libc.realloc, ctypes.c_void_p).value
        symbols["free"] = ctypes.cast(libc.free, ctypes.c_void_p).value
        math = define(sorted(self.module.math), schedule="horner", fma=has_fma()) if self.module.math else ""
        self.text = self.module.text + math
        self.library = build(self.text, symbols)
        self._entry = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)(self.library.address)
        self._in = [(t.dtype, t.shape) for t in self.program.in_types]
        self._out = [(t.dtype, t.shape) for t in self.program.out_types]
        self._constants = [np.ascontiguousarray(v) for _, v in self.program.constants]
        self._local = threading.local()

    def __call__(self, *values: Any) -> Sequence[Any]:
        inputs = [np.ascontiguousarray(x, dtype=d).reshape(s) for x, (d, s) in zip(values, self._in, strict=True)]
        outputs = [np.empty(s, d) for d, s in self._out]
        arena, status = self._scratch()
        status[0] = 0
        held = [*inputs, *outputs, *self._constants, arena, status]
        pointers = [x.ctypes.data for x in held]
        table = (ctypes.c_void_p * 64)()
        args = (ctypes.c_void_p * (len(pointers) + 1))(*pointers, ctypes.addressof(table))
        if self._entry(ctypes.addressof(args)):
            error, self._local.error = self._local.error, None
            raise error
        if status[0]:
            raise IndexError("an index is out of bounds for the axis that it indexes")
        return [x[()] if x.ndim == 0 else x for x in outputs]

    def _scratch(self) -> tuple[np.ndarray, np.ndarray]:
        if not hasattr(self._local, "arena"):
            self._local.arena = np.empty(self.module.arena_size // 8 + 16, np.float64)
            self._local.status = np.zeros(2, np.int64)
        return self._local.arena, self._local.status

    def _call_back(self, i: int, table: int) -> int:
        try:
            self._callbacks[i](table)
        except BaseException as error:
            self._local.error = error
            return 1
        return 0


class _Evaluate:
    """One equation for NumPy, on memory that native code points to."""

    def __init__(self, eq: Any) -> None:
        self.run = eq.primitive.function(eq.params)
        self.multiple = eq.primitive.multiple
        self.operands = [(x.value, None, 0) if type(x) is Literal else (None, x.type, x.type.nbytes) for x in eq.operands]
        self.results = [(x.type, x.type.nbytes) for x in eq.results]

    def __call__(self, table: int) -> None:
        pointers = (ctypes.c_void_p * (len(self.operands) + len(self.results))).from_address(table)
        xs = [
            value if t is None else _view(pointers[i], t, n)[()] for i, (value, t, n) in enumerate(self.operands)
        ]
        outs = self.run(*xs)
        for i, (y, (t, n)) in enumerate(zip(outs if self.multiple else (outs,), self.results, strict=True)):
            _view(pointers[len(self.operands) + i], t, n)[...] = y


def _view(pointer: int, t: Any, nbytes: int) -> np.ndarray:
    if nbytes == 0:
        return np.empty(t.shape, t.dtype)
    return np.frombuffer((ctypes.c_char * nbytes).from_address(pointer), t.dtype).reshape(t.shape)


def compile_native(program: Program) -> Callable[..., Sequence[Any]]:
    """Return native code for a Program; Unsupported where the evaluator must run it."""
    return Compiled(program)
