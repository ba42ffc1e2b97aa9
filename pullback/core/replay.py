"""Replaying a Program: every equation bound again, on values or on Tracers.

On plain arrays this is the evaluator, simple and obviously right; on Tracers it hands
the equations to whoever records them, with their source lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .program import Program, Var
from .recorder import bind
from .source import inherit
from .tracer import floor

__all__ = ["last_uses", "read", "replay"]


def replay(program: Program, operands: Sequence[Any], quiet_from: int | None = None) -> list[Any]:
    """Run a Program on flat operands, one an input, and return its outputs.

    From equation `quiet_from` on, NumPy's warnings are off: what comes there is derived, and
    the user asked for none of its warnings.
    """
    if (body := floor.get()) is not None and (written := body.write_in(program, operands)) is not None:
        return written
    if quiet_from is not None:
        return _replay_quietly(program, operands, quiet_from)
    env = _environment(program, operands)
    _run(program, env, range(len(program.equations)))
    return [read(env, x) for x in program.outputs]


def _replay_quietly(program: Program, operands: Sequence[Any], start: int) -> list[Any]:
    env = _environment(program, operands)
    _run(program, env, range(start))
    with np.errstate(all="ignore"):
        _run(program, env, range(start, len(program.equations)))
    return [read(env, x) for x in program.outputs]


def _environment(program: Program, operands: Sequence[Any]) -> dict[Any, Any]:
    if len(operands) != len(program.inputs):
        raise TypeError(f"a Program of {len(program.inputs)} inputs was given {len(operands)}")
    env: dict[Any, Any] = dict(program.constants)
    env.update(zip(program.inputs, operands, strict=True))
    return env


def _run(program: Program, env: dict[Any, Any], indices: range) -> None:
    last = last_uses(program)
    for i in indices:
        eq = program.equations[i]
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


def read(env: dict, x: Any) -> Any:
    """Return the value of a variable or literal."""
    return env[x] if type(x) is Var else x.value


def last_uses(program: Program) -> dict[int, list[Var]]:
    """Return, by equation, the variables that nothing reads after it."""
    return program.derived(("last uses",), lambda: _last_uses(program))


def _last_uses(program: Program) -> dict[int, list[Var]]:
    found: dict[int, list[Var]] = {}
    needed: set[Var] = {x for x in program.outputs if type(x) is Var}
    for i in reversed(range(len(program.equations))):
        eq = program.equations[i]
        dead = {x for x in (*_variables(eq.operands), *eq.results) if x not in needed}
        found[i] = list(dead)
        needed |= dead
    return found


def _variables(xs: Iterable[Any]) -> list[Var]:
    return [x for x in xs if type(x) is Var]
