"""What branches and loops share: operands checked and made strong, bodies brought to given types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pullback.core.errors import TreeError
from pullback.core.primitive import primitives
from pullback.core.program import Equation, Program, Var, intern
from pullback.core.source import here
from pullback.core.tree import is_array, leaf_paths
from pullback.core.types import type_of

__all__ = ["check_arrays", "insert_inputs", "strong", "turn_first", "with_out_types"]


def check_arrays(leaves: list[Any], tree: Any, what: str) -> None:
    """Raise TreeError, with its path, for a leaf that is no array."""
    for i, x in enumerate(leaves):
        if not is_array(x):
            raise TreeError(
                f"leaf {leaf_paths(tree)[i]} of what {what} takes is a {type(x).__name__}",
                where=here(),
                why="loops and branches carry arrays, in pytrees",
                fix="let the body close over anything else",
            )


def strong(x: Any) -> Any:
    """Return an operand that is not weak: a body is typed, and a Python scalar is a float64 in it."""
    t = type_of(x)
    if not t.weak:
        return x
    return primitives["convert"](x, dtype=t.dtype)


def with_out_types(program: Program, types: Sequence[Any]) -> Program:
    """Return the Program with its outputs converted to these types, where they differ in dtype or weakness."""
    if all(x.type is t for x, t in zip(program.outputs, types, strict=True)):
        return program
    convert = primitives["convert"]
    equations, outs = list(program.equations), []
    for x, t in zip(program.outputs, types, strict=True):
        if x.type is not t:
            y = Var(t)
            equations.append(Equation(convert, (x,), (y,), {"dtype": t.dtype}))
            x = y
        outs.append(x)
    return Program(program.inputs, tuple(equations), tuple(outs))


def insert_inputs(program: Program, place: int, values: Sequence[Any]) -> Program:
    """Return the Program with inputs that it does not read, at a place among its inputs."""
    extra = tuple(Var(type_of(v)) for v in values)
    return intern(
        Program((*program.inputs[:place], *extra, *program.inputs[place:]), program.equations, program.outputs)
    )


def turn_first(program: Program, n_captures: int) -> Program:
    """Return the Program ``(t, *captures, *carry…)`` of one whose captures lead, as every body's do."""
    captures, (t, *rest) = program.inputs[:n_captures], program.inputs[n_captures:]
    return Program((t, *captures, *rest), program.equations, program.outputs)
