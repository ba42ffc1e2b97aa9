"""callbacks: equations that NumPy evaluates, called from native code on the memory that it points to.

Native code runs without the GIL; ctypes takes it for the time of a callback. What is raised
in one is kept until the native code has returned, and is then raised again as it is.
"""

from __future__ import annotations

import ctypes
import threading
from typing import Any

import numpy as np

from pullback.core.errors import MatrixError, OutOfRange
from pullback.core.program import Equation, Literal

__all__ = ["CALLBACK", "Callbacks"]

CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int32, ctypes.c_void_p)


class Callbacks:
    """What native code calls with the number of an equation and a table of pointers; 1 says that it has raised."""

    def __init__(self, equations: list[Equation]) -> None:
        self.equations = equations
        self.width = max((len(eq.operands) + len(eq.results) for eq in equations), default=0)
        self._run = [_Evaluate(eq) for eq in equations]
        self._local = threading.local()

    def __call__(self, i: int, table: int) -> int:
        """Evaluate one equation."""
        try:
            with np.errstate(all="ignore"):
                self._run[i](table)
        except BaseException as error:
            self._local.error = error
            return 1
        return 0

    def take_error(self) -> BaseException:
        """Return what was raised last in this thread, and forget it."""
        error, self._local.error = self._local.error, None
        return error


class _Evaluate:
    """One equation for NumPy, on memory that native code points to."""

    def __init__(self, eq: Equation) -> None:
        self.eq = eq
        self.run = eq.primitive.function(eq.params)
        self.operands = [_taker(x, eq.primitive.effect is not None) for x in eq.operands]
        self.results = [_Memory(x.type) for x in eq.results]

    def __call__(self, table: int) -> None:
        n = len(self.operands)
        pointers = (ctypes.c_void_p * (n + len(self.results))).from_address(table)
        places = [at(p) for at, p in zip(self.results, pointers[n:], strict=True)]  # before any call nests in this
        xs = [take(p) for take, p in zip(self.operands, pointers[:n], strict=True)]
        try:
            outs = self.run(*xs)
        except IndexError as error:
            if isinstance(error, OutOfRange) or self.eq.primitive.effect == "callback":
                raise
            raise OutOfRange.at(self.eq.source, str(error)) from None
        except np.linalg.LinAlgError as error:
            if isinstance(error, MatrixError) or self.eq.primitive.effect == "callback":
                raise
            raise MatrixError.at(self.eq.source, str(error)) from None
        for place, y in zip(places, outs if self.eq.primitive.multiple else (outs,), strict=True):
            place[...] = y


def _taker(x: Any, copied: bool) -> Any:
    """Return the function from a pointer to the value of an operand: a copy, where the user's own code may keep it."""
    if type(x) is Literal:
        return lambda pointer: x.value
    at = _Memory(x.type)
    if x.type.weak:
        return lambda pointer: at(pointer).item()
    if x.type.ndim == 0:
        return lambda pointer: at(pointer)[()]
    return (lambda pointer: at(pointer).copy()) if copied else at


class _Memory:
    """The array of a type at a pointer. The last one is kept: a loop calls with the same memory in each turn."""

    __slots__ = ("_last", "type")

    def __init__(self, type: Any) -> None:
        self.type = type
        self._last: tuple[int, Any] = -1, None

    def __call__(self, pointer: int) -> np.ndarray:
        last = self._last  # one read: another thread may be here too
        if last[0] == pointer:
            return last[1]
        t = self.type
        if t.nbytes == 0:
            view = np.empty(t.shape, t.dtype)
        else:
            view = np.frombuffer((ctypes.c_char * t.nbytes).from_address(pointer), t.dtype).reshape(t.shape)
        self._last = pointer, view
        return view
