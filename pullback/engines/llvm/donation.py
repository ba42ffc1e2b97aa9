"""donation: which results may be written into the memory of an argument that was given away."""

from __future__ import annotations

from typing import Any

from pullback.core.program import Var

from .liveness import last_uses
from .plan import Nest, Plan

__all__ = ["reusable"]


def reusable(made: Plan, donated: tuple[int, ...]) -> dict[int, int]:
    """Return results that may be written into the memory of a donated input: by number, result to input.

    The input must have been read for the last time in a step before the one that makes the
    result: within a step, buffers have no aliases.
    """
    program, last, found = made.program, last_uses(made), {}
    made_in = {x: i for i, step in enumerate(made.steps) for x in _made_by(step)}
    for i in donated:
        x = program.inputs[i]
        for k, y in enumerate(program.outputs):
            fits = type(y) is Var and y.type is x.type and x.type.size > 0 and y in made_in and k not in found
            if fits and program.outputs.index(y) == k and last.get(x, -1) < made_in[y]:
                found[k] = i
                break
    return found


def _made_by(step: Any) -> list[Var]:
    """Return the values that a step writes to memory."""
    if isinstance(step, Nest):
        return [*step.stores, *(x for eq in step.sums for x in eq.results)]
    return list(step.eq.results)
