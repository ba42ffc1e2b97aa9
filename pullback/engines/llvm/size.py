"""How much scalar code a flat Program comes to: LLVM's time grows faster than linearly with it."""

from __future__ import annotations

import math
from typing import Any

from pullback.core.check import held_programs
from pullback.core.program import Equation, Program

from .access import is_view, lead_rank
from .flat import prepared

__all__ = ["MOST_CODE", "code_size"]

MOST_CODE = 3000  # scalar operations: about a second of compiling


def code_size(program: Program) -> int:
    """Return about how many scalar operations are written out for a flat Program, bodies included."""
    return sum(_size(eq) for eq in program.equations)


def _size(eq: Equation) -> int:
    held = held_programs(eq.params)
    if held:
        return sum(code_size(prepared(p)) for p in held)
    if is_view(eq) or not all(hasattr(x.type, "shape") for x in (*eq.operands, *eq.results)):
        return 1
    return max((_unrolled(x.type) for x in (*eq.operands, *eq.results)), default=1)


def _unrolled(type: Any) -> int:
    return math.prod(type.shape[lead_rank(type.shape) :])
