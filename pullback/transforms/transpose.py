"""transpose: from a linear Program ``(r, v) -> A(r) v`` to the Program ``(r, u) -> A(r)ᵀ u``.

Equations that do not move (they depend on residuals only) are recorded again first.
Then the others are walked backwards, and each primitive is asked for its transpose rule.
Cotangents of a variable that is used twice are added; a cotangent that nobody contributed
to is structurally zero, and is no output of the new Program.

Radul, Paszke, Frostig, Johnson, Maclaurin, "You Only Linearize Once", POPL 2023, §6.

Invariants
    in   the operands of an equation that move all belong to one linear group of its
         primitive (`linearize` makes only such Programs)
    out  inputs are the residuals, then one cotangent for each present output; outputs are
         the cotangents of those linear inputs that are not structurally zero
"""

from __future__ import annotations

from typing import Any, NamedTuple

from pullback.core.body import LinearRecorder
from pullback.core.errors import LinearityError
from pullback.core.primitive import Linear
from pullback.core.program import Equation, Program, Var
from pullback.core.recorder import bind
from pullback.core.replay import read
from pullback.core.source import NOWHERE, inherit
from pullback.primitives.shaping import fit_cotangent
from pullback.primitives.tapes import add_values

from .simplify import simplify

__all__ = ["TransposedProgram", "transpose"]


class TransposedProgram(NamedTuple):
    """The transpose, which linear inputs have a cotangent, and which of those are masked."""

    program: Program
    nonzero: tuple[bool, ...]
    masked: tuple[bool, ...]


def transpose(
    program: Program,
    n_residuals: int = 0,
    present: tuple[bool, ...] | None = None,
    masked: tuple[bool, ...] | None = None,
) -> TransposedProgram:
    """Return the transpose of a Program that is linear in the inputs after the first `n_residuals`.

    Parameters
    ----------
    program : Program
        Linear in ``inputs[n_residuals:]``, for any values of the rest.
    n_residuals : int
        How many leading inputs are residuals.
    present : tuple of bool, optional
        Which outputs have a cotangent; the others' are structurally zero. Default: all.
    masked : tuple of bool, optional
        Which of all outputs' cotangents have zeros that a mask made. Default: none.

    Raises
    ------
    LinearityError
        If an equation is not linear in the operands that move, taken together.
    """
    present = present or (True,) * len(program.outputs)
    masked = masked or (False,) * len(program.outputs)
    key = "transpose", n_residuals, present, masked
    return program.derived(key, lambda: _transpose(program, n_residuals, present, masked))


def _transpose(program: Program, n_residuals: int, present: tuple, masked: tuple) -> TransposedProgram:
    moving = moving_variables(program, n_residuals)
    with LinearRecorder(closed=True) as recorder:
        env: dict[Any, Any] = dict(program.constants)
        for x in program.inputs[:n_residuals]:
            env[x] = recorder.input(x.type)
        _record_still(program, moving, env)
        cotangents: dict[Var, Any] = {}
        for x, is_present, is_masked in zip(program.outputs, present, masked, strict=True):
            if is_present:
                u = recorder.linear_input(x.type.strong, is_masked)
                if type(x) is Var and x in moving:
                    _accumulate(cotangents, x, u)
        for eq in reversed(program.equations):
            if eq.results and any(x in moving for x in eq.results):
                with inherit(eq.source or NOWHERE):
                    _pull_back(eq, moving, env, cotangents)
        found = [cotangents.get(x) for x in program.inputs[n_residuals:]]
        outs = [u for u in found if u is not None]
        masks = tuple(recorder.is_masked(u) for u in outs)
        transposed = recorder.finish(outs)
    return TransposedProgram(simplify(transposed), tuple(u is not None for u in found), masks)


def moving_variables(program: Program, n_residuals: int) -> set[Var]:
    """Return the variables that depend on the inputs after the first `n_residuals`."""
    moving = set(program.inputs[n_residuals:])
    for eq in program.equations:
        if any(x in moving for x in eq.operands if type(x) is Var):
            moving.update(eq.results)
    return moving


def _record_still(program: Program, moving: set[Var], env: dict) -> None:
    for eq in program.equations:
        if not any(x in moving for x in eq.results):
            with inherit(eq.source or NOWHERE):
                out = bind(eq.primitive, tuple(read(env, x) for x in eq.operands), eq.params)
            env.update(zip(eq.results, out if eq.primitive.multiple else (out,), strict=True))


def _pull_back(eq: Equation, moving: set[Var], env: dict, cotangents: dict[Var, Any]) -> None:
    us = tuple(cotangents.pop(x, None) for x in eq.results)
    if all(u is None for u in us):
        return
    moves = tuple(i for i, x in enumerate(eq.operands) if type(x) is Var and x in moving)
    groups = eq.primitive.linear(len(eq.operands), eq.params)
    if not any(set(moves) <= set(group) for group in groups):
        raise LinearityError(
            f"{eq.primitive.name} is not linear in operands {', '.join(map(str, moves))} together",
            where=eq.source,
            why="linear_transpose takes functions that are linear in all their inputs at once",
            fix="pullback.vjp linearises a function first, at a point",
        )
    operands = [Linear(x.type) if i in moves else read(env, x) for i, x in enumerate(eq.operands)]
    pulled = eq.primitive.transpose(us if eq.primitive.multiple else us[0], *operands, **eq.params)
    for i in moves:
        if pulled[i] is not None:
            _accumulate(cotangents, eq.operands[i], fit_cotangent(pulled[i], eq.operands[i].type))


def _accumulate(cotangents: dict[Var, Any], x: Var, u: Any) -> None:
    cotangents[x] = add_values(cotangents[x], u) if x in cotangents else u
