"""The NumPy evaluator: the reference engine.

`compile_program` simplifies a Program and turns it into straight-line Python over NumPy.
Other engines offer the same function: a closed Program in, a callable of flat arrays out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

import numpy as np

from pullback.core.arrays import own
from pullback.core.errors import OutOfRange
from pullback.core.program import Program
from pullback.core.straightline import CALLED, source_at, straightline
from pullback.transforms.simplify import simplify

__all__ = ["Evaluated", "compile_program", "locate"]


def compile_program(program: Program) -> Callable[..., Sequence[Any]]:
    """Return a function that runs a Program on plain arrays, one an input, and returns a list."""
    return program.derived(("evaluator",), lambda: straightline(simplify(program)))


class Evaluated:
    """A Program that is run by the evaluator in place of native code; `why` says why."""

    def __init__(self, program: Program, why: str) -> None:
        self.program, self.why = program.bare(), why  # it may be derived from the Program: that must not be kept by it
        self._run = compile_program(program)

    def __call__(self, *values: Any) -> Sequence[Any]:
        """Run it on flat arrays."""
        try:
            with np.errstate(all="ignore"):
                return self._run(*values)
        except IndexError as error:
            if isinstance(error, OutOfRange):
                raise
            source = locate(error.__traceback__)
            if source is None:
                raise
            raise OutOfRange.at(source, str(error)) from None

    def fresh(self, *values: Any) -> Sequence[Any]:
        """Return results that share memory with nothing."""
        return own(self(*values), values)

    def donating(self, values: Sequence[Any], donated: tuple[int, ...]) -> Sequence[Any]:
        """Return the results; the evaluator takes no memory that was given away."""
        return self(*values)

    def descriptor(self, *_: Any) -> None:
        """Return None: there is no code that could be called."""

    def __reduce__(self):
        return Evaluated, (self.program, self.why)


def locate(trace: TracebackType | None) -> Any:
    """Return the user's line of the innermost equation that an error came through; None if it is the user's own."""
    found = None
    while trace is not None:
        found = source_at(trace.tb_frame, trace.tb_lineno) or found
        trace = trace.tb_next
    return None if found is CALLED else found
