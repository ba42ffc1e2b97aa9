"""flat: a closed Program to one without calls, ready to be planned.

`call`, `checkpoint` and the traced bodies of custom functions are written out in place, and
what is done to whole tapes as loops over their turns.
It comes after simplification, so that no pass can merge what a checkpoint computes again.
"""

from __future__ import annotations

from typing import Any

from pullback.core.program import Equation, Program, Var
from pullback.transforms.rolling import rolled
from pullback.transforms.simplify import drop_dead, simplify

from .folding import folded
from .written import written_out

__all__ = ["flat", "prepared"]


ROLL = True  # tests clear it: loops that Python has unrolled are then left so


def prepared(program: Program) -> Program:
    """Return the Program simplified, and then flat, its repeats rolled up, transposes folded into contractions."""
    return program.derived(("prepared", ROLL), lambda: _prepare(program))


def _prepare(program: Program) -> Program:
    made, bodies = flat(simplify(program)), []
    if ROLL:
        made, bodies = rolled(made)
    for body in bodies:  # not simplified again: it may hold what a checkpoint computes again
        body.derived(("prepared", ROLL), lambda body=body: _joined(body))
    return _joined(made)


def _joined(program: Program) -> Program:
    return folded(simplify_views(program))


def simplify_views(program: Program) -> Program:
    """Return the Program with contractions that read the operands of transposes."""
    turned: dict[Any, Equation] = {}
    equations = []
    for eq in program.equations:
        if eq.primitive.name == "transpose":
            turned[eq.results[0]] = eq
        if eq.primitive.name == "contract":
            eq = _folded(eq, turned)
        equations.append(eq)
    return drop_dead(Program(program.inputs, tuple(equations), program.outputs, program.constants))


def _folded(eq: Equation, turned: dict[Any, Equation]) -> Equation:
    operands, params = list(eq.operands), dict(eq.params)
    for i, key in enumerate(("a_axes", "b_axes")):
        t = turned.get(operands[i]) if type(operands[i]) is Var else None
        if t is not None:
            axes, labels = t.params["axes"], params[key]
            operands[i] = t.operands[0]
            params[key] = tuple(labels[axes.index(a)] for a in range(len(axes)))
    return eq._replace(operands=tuple(operands), params=params)


def flat(program: Program) -> Program:
    """Return the Program with every call written out."""
    if all(_body(eq) is None for eq in program.equations):
        return program
    equations: list[Equation] = []
    outputs = _write_out(program, {}, equations)
    return Program(program.inputs, tuple(equations), tuple(outputs), program.constants)


def _write_out(program: Program, env: dict[Any, Any], equations: list[Equation]) -> list[Any]:
    for eq in program.equations:
        operands = tuple(env.get(x, x) if type(x) is Var else x for x in eq.operands)
        body = _body(eq)
        if body is None:
            results = tuple(Var(x.type) for x in eq.results)
            equations.append(Equation(eq.primitive, operands, results, eq.params, eq.source))
        else:
            results = _write_out(body, dict(zip(body.inputs, operands, strict=True)), equations)
        env.update(zip(eq.results, results, strict=True))
    return [env.get(x, x) if type(x) is Var else x for x in program.outputs]


def _body(eq: Equation) -> Program | None:
    if eq.primitive.name in ("call", "checkpoint", "custom"):
        return eq.params["program"]
    return written_out(eq)
