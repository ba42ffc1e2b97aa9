"""Replaying a Program: every equation bound again, on values or on Tracers.

On plain arrays this is the evaluator, simple and obviously right; on Tracers it hands
the equations to whoever records them, with their source lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .program import Program, Var
from .recorder import bind
from .source import inherit

__all__ = ["replay"]


def replay(program: Program, operands: Sequence[Any]) -> list[Any]:
    """Run a Program on flat operands, one an input, and return its outputs."""
    if len(operands) != len(program.inputs):
        raise TypeError(f"a Program of {len(program.inputs)} inputs was given {len(operands)}")
    env: dict[Any, Any] = dict(program.constants)
    env.update(zip(program.inputs, operands, strict=True))
    last = _last_uses(program)
    for i, eq in enumerate(program.equations):
        values = tuple([read(env, x) for x in eq.operands])
        if eq.source is None:
            out = bind(eq.primitive, values, eq.params)
        else:
            with inherit(eq.source):
                out = bind(eq.primitive, values, eq.params)
        for x, value in zip(eq.results, out if eq.primitive.multiple else (out,), strict=True):
            env[x] = value
        for x in last.get(i, ()):
            del env[x]
    return [read(env, x) for x in program.outputs]


def read(env: dict, x: Any) -> Any:
    """Return the value of a variable or literal."""
    return env[x] if type(x) is Var else x.value


def _last_uses(program: Program) -> dict[int, list[Var]]:
    """Return, by equation, the variables that nothing reads after it."""
    found = program.memo.get("last uses")
    if found is None:
        found = {}
        needed: set[Var] = {x for x in program.outputs if type(x) is Var}
        for i in reversed(range(len(program.equations))):
            eq = program.equations[i]
            dead = {x for x in (*_variables(eq.operands), *eq.results) if x not in needed}
            found[i] = list(dead)
            needed |= dead
        program.memo["last uses"] = found
    return found


def _variables(xs: Iterable[Any]) -> list[Var]:
    return [x for x in xs if type(x) is Var]
