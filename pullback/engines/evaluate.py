"""The NumPy evaluator: the reference engine.

`compile_program` simplifies a Program and turns it into straight-line Python over NumPy.
Other engines offer the same function: a closed Program in, a callable of flat arrays out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pullback.core.program import Program
from pullback.core.straightline import straightline
from pullback.transforms.simplify import simplify

__all__ = ["compile_program"]


def compile_program(program: Program) -> Callable[..., Sequence[Any]]:
    """Return a function that runs a Program on plain arrays, one an input, and returns a list."""
    return program.derived(("evaluator",), lambda: straightline(simplify(program)))
