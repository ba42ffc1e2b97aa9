"""check_linear: whether a Program that may be affine is linear, found by running it at zero.

`transpose` refuses what is not linear in the operands that move. An operand that stays put
beside one that moves, the 1 in x + 1, it cannot tell from a zero: that takes values. A
linear Program is zero at zero, in every equation that depends on its inputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.errors import LinearityError
from pullback.core.program import Program, Var
from pullback.core.replay import read
from pullback.core.tracer import concrete
from pullback.core.types import Tape

from .transpose import moving_variables

__all__ = ["check_linear"]


def check_linear(program: Program) -> None:
    """Raise LinearityError if a Program is affine; where a constant has no value yet, nothing can be said."""
    env: dict[Any, Any] = {x: concrete(value) for x, value in program.constants}
    if any(value is None for value in env.values()):
        return
    env.update((x, np.zeros(x.type.shape, x.type.dtype)) for x in program.inputs)
    moving = moving_variables(program, 0)
    with np.errstate(all="ignore"):
        for eq in program.equations:
            out = eq.primitive.evaluate_weak(tuple(read(env, x) for x in eq.operands), eq.params)
            env.update(zip(eq.results, out if eq.primitive.multiple else (out,), strict=True))
            if any(x in moving and _is_nonzero(env[x]) for x in eq.results):
                raise _affine(f"{eq.primitive.name} of zeros is not zero", eq.source)
    for k, x in enumerate(program.outputs):
        if not (type(x) is Var and x in moving) and _is_nonzero(read(env, x)):
            raise _affine(f"output {k} does not depend on the inputs, and is not zero", None)


def _is_nonzero(value: Any) -> bool:
    if isinstance(value, Tape):  # only what a loop reads again: it shows in the loop's results
        return False
    array = np.asarray(value)
    return bool(np.any((array != 0) & (array == array)))  # a NaN, 0 * inf, says nothing


def _affine(what: str, source: Any) -> LinearityError:
    return LinearityError(
        what,
        where=source,
        why="a linear function is zero at zero: this one adds a constant",
        fix="take the constant out, or linearise first: pullback.vjp(f, x)[1], pullback.linearize(f, x)[1]",
    )
