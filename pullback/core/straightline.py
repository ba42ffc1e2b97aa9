"""A Program as one Python function: straight-line code over NumPy, for plain arrays.

The source is written with canonical names, so that Programs of one shape share one code
object; what differs (ufuncs, parameters) is in the function's globals. Dead variables
are deleted as it goes, so that memory peaks where liveness says.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from types import FrameType
from typing import Any

import numpy as np

from .program import Program, Var
from .replay import last_uses

__all__ = ["CALLED", "primal_part", "source_at", "straightline"]

_FILE = "<pullback straight-line>"


CALLED = "called"


def straightline(program: Program, results: int | None = None) -> Callable[..., Any]:
    """Return a function of the Program's inputs.

    Parameters
    ----------
    program : Program
        Its constants are built in.
    results : int, optional
        None: all outputs come as a list. Else the function returns ``(values, residuals)``:
        the first `results` outputs (alone if one), and the rest as a tuple computed under
        ``errstate(all="ignore")``: the user asked for no such warning.
    """
    names: dict[Any, str] = {}
    scope: dict[str, Any] = {"errstate": np.errstate}
    constants = {x for x, _ in program.constants}  # globals of the function: not its to delete
    for x, value in program.constants:
        names[x] = f"c{len(names)}"
        scope[names[x]] = value
    inputs = [_name(names, x) for x in program.inputs]
    split = len(program.equations) if results is None else primal_part(program, results)
    quiet = all(eq.primitive.quiet for eq in program.equations[split:])
    last = last_uses(program)
    lines: list[str] = []
    sources: dict[int, Any] = {}
    for i, eq in enumerate(program.equations):
        if i == split and not quiet:
            lines.append("    with errstate(all='ignore'):")
        sources[len(lines) + 2] = CALLED if eq.primitive.effect == "callback" else eq.source
        pad = "    " if i < split or quiet else "        "
        lines += [pad + line for line in _statement(eq, i, names, scope)]
        dead = [names[x] for x in last[i] if x in names and x not in constants]
        if results is None and dead:
            lines.append(f"{pad}del {', '.join(dead)}")
    outs = [_atom(x, names, scope, f"o{i}") for i, x in enumerate(program.outputs)]
    lines.append("    return " + _returned(outs, results))
    text = f"def run({', '.join(inputs)}):\n" + "\n".join(lines)
    scope["sources"] = sources
    exec(_compiled(text), scope)  # ours, from a Program: nothing of the user's is in the text
    return scope["run"]


def source_at(frame: FrameType, line: int) -> Any:
    """Return the user's line of the equation at a line of straight-line code; None in any other frame.

    It is `CALLED` where the equation is a function of the user's own.
    """
    return frame.f_globals["sources"].get(line) if frame.f_code.co_filename == _FILE else None


def primal_part(program: Program, results: int) -> int:
    """Return how many leading equations the first `results` outputs need."""
    primal = {x for x in program.outputs[:results] if type(x) is Var}
    return max((i + 1 for i, eq in enumerate(program.equations) if primal & set(eq.results)), default=0)


def _statement(eq: Any, i: int, names: dict, scope: dict) -> list[str]:
    operands = [_atom(x, names, scope, f"l{i}_{j}") for j, x in enumerate(eq.operands)]
    scope[f"f{i}"] = eq.primitive.function(eq.params)
    call = f"f{i}({', '.join(operands)})"
    results = [_name(names, x) for x in eq.results]
    if not eq.primitive.multiple:
        weak = ".item()" if eq.results[0].type.weak and eq.primitive.keeps_weak else ""
        return [f"{results[0]} = {call}{weak}"]
    return [f"{', '.join(results)}{',' if len(results) == 1 else ''} = {call}" if results else call]


def _name(names: dict, x: Any) -> str:
    return names.setdefault(x, f"x{len(names)}")


def _atom(x: Any, names: dict, scope: dict, label: str) -> str:
    if type(x) is Var:
        return names[x]
    scope[label] = x.value
    return label


def _returned(outs: list[str], results: int | None) -> str:
    if results is None:
        return f"[{', '.join(outs)}]"
    values = outs[0] if results == 1 else f"({', '.join(outs[:results])}{',' * (results > 0)})"
    rest = outs[results:]
    return f"{values}, ({', '.join(rest)}{',' * (len(rest) == 1)})"


@lru_cache(maxsize=4096)
def _compiled(text: str) -> Any:
    return compile(text, _FILE, "exec")
