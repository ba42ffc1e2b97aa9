"""cond and switch: a choice that stays in the Program.

Each branch is traced once, as a closed Program; what it takes from outside becomes an
operand, so that derivatives flow to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pullback.core.arrays import own
from pullback.core.errors import ArgumentError, DTypeError, ShapeError, TreeError
from pullback.core.primitive import primitives
from pullback.core.program import Program, Var, intern
from pullback.core.source import here
from pullback.core.tree import flatten, is_array, shown, unflatten
from pullback.core.types import type_of
from pullback.primitives.cond import cond as cond_primitive

from .bodies import check_arrays, strong, with_out_types
from .calls import name_of
from .tracing import Body, trace_body

__all__ = ["cond", "switch"]


def cond(pred: Any, true_fun: Callable[..., Any], false_fun: Callable[..., Any], *operands: Any) -> Any:
    """Return ``true_fun(*operands)`` where `pred` holds, else ``false_fun(*operands)``.

    Parameters
    ----------
    pred : bool or scalar
        May be traced.
    true_fun, false_fun : callable
        Return pytrees of one structure, shapes and dtypes.
    *operands
        Pytrees of arrays; there may be none.

    Notes
    -----
    Under `vmap` with a mapped `pred`, both branches run for every lane, and each lane selects;
    the branch not taken neither raises nor poisons the derivative.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> f = lambda x: pb.cond(x > 0, np.sqrt, lambda x: 0.0 * x, x)
    >>> float(pb.grad(f)(4.0)), float(pb.grad(f)(-1.0))
    (0.25, 0.0)
    """
    t = type_of(pred) if is_array(pred) else None
    if t is None or t.ndim:
        raise ShapeError(
            f"the predicate of cond is {t or type(pred).__name__}",
            where=here(),
            why="it is one truth value",
            fix="np.where(pred, a, b) chooses element by element; np.any or np.all make one of many",
        )
    taken = primitives["not_equal"](pred, 0) if t.dtype.kind != "b" else pred
    return _branches(primitives["convert"](taken, dtype=np.dtype(np.int64)), [false_fun, true_fun], operands, "cond")


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """Return ``branches[index](*operands)``; an index out of range takes the nearest branch.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> float(pb.switch(1, [np.sin, np.cos, np.tan], 0.0))
    1.0
    """
    t = type_of(index) if is_array(index) else None
    if t is None or t.ndim or t.dtype.kind not in "iu":
        raise DTypeError(
            f"the index of switch is {t.strong if t else type(index).__name__}",
            where=here(),
            why="it is one integer",
            fix="convert it: np.astype(x, int) rounds towards 0; for a truth value pullback.cond",
        )
    if not branches:
        raise ArgumentError(
            "switch without branches", where=here(), why="one of them is taken", fix="switch(i, [f, g], *operands)"
        )
    return _branches(primitives["convert"](index, dtype=np.dtype(np.int64)), list(branches), operands, "switch")


def _branches(index: Any, functions: list[Callable[..., Any]], operands: tuple, what: str) -> Any:
    leaves, structure = flatten(operands)
    check_arrays(leaves, operands, what)
    leaves = [strong(x) for x in leaves]
    types = [type_of(x) for x in leaves]
    bodies = [trace_body(f, structure, types, what=what) for f in functions]
    bodies = _agreeing(bodies, functions, what)
    programs, captures = _shared_captures(bodies)
    outs = cond_primitive(index, *captures, *leaves, branches=programs)
    return unflatten(bodies[0].structure, own(outs, [index, *captures, *leaves]))


def _agreeing(bodies: list[Body], functions: Sequence[Any], what: str) -> list[Body]:
    """Return bodies whose outputs have one structure and one type each, made strong."""
    first = bodies[0]
    for b, f in zip(bodies[1:], functions[1:], strict=True):
        if b.structure != first.structure:
            raise TreeError(
                f"branches of {what} return {shown(first.structure)} and {shown(b.structure)}",
                where=here(),
                why="all branches return one structure",
                fix=f"mend {name_of(functions[0])} or {name_of(f)}",
            )
    outs = [b.program.out_types for b in bodies]
    wanted = []
    for k, types in enumerate(zip(*outs, strict=True)):
        strong = {t.strong for t in types if not t.weak} or {types[0].strong}
        if len(strong) > 1 or len({t.shape for t in types}) > 1:
            raise ShapeError(
                f"branches of {what} return {' and '.join(repr(t.strong) for t in _in_order(types, what))} at leaf {k}",
                where=here(),
                why="all branches return one shape and dtype, so that the result has a type",
                fix="convert with .astype, or np.broadcast_to",
            )
        wanted.append(strong.pop())
    for b in bodies:
        b.program = intern(with_out_types(b.program, wanted))
    return bodies


def _in_order(types: Sequence[Any], what: str) -> list[Any]:
    """Return the branches' types as the user gave the branches: `cond` holds the false one first."""
    return list(types[::-1]) if what == "cond" else list(types)


def _shared_captures(bodies: list[Body]) -> tuple[tuple[Program, ...], list[Any]]:
    """Return Programs that all take every body's captures in front, and these captures."""
    captures = [c for b in bodies for c in b.captures]
    types = [type_of(c) for c in captures]
    programs, start = [], 0
    for b in bodies:
        n = len(b.captures)
        before, after = types[:start], types[start + n :]
        inputs = (*(Var(t) for t in before), *b.program.inputs[:n], *(Var(t) for t in after), *b.program.inputs[n:])
        programs.append(intern(Program(inputs, b.program.equations, b.program.outputs)))
        start += n
    return tuple(programs), captures
