"""Storing: which values to keep in memory because computing them where they are read would be done again and again.

A value that is read through a roll, a gather or another move of its leading axes is computed
again for each such reader. Each way in which a value is reached from what is stored, by
moves alone, is a *route*; what has several routes, and costs something, is stored.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from pullback.core.program import Equation, Program, Var
from pullback.primitives.loop_parts import split

from .access import is_view, keeps_lead, place_in
from .assembling import is_assembled

__all__ = ["many_parts", "moved_often", "read_before_changes", "tables"]

_PARTS = 8
_FREE = frozenset(["reshape", "broadcast", "convert", "neg", "zeros_like", "stop_gradient"])


def moved_often(
    program: Program, computed: Callable[[Equation], bool], stored: set[Var], rank: Callable[[Any], int]
) -> set[Var]:
    """Return what must be stored beside `stored`; `computed` says whether an equation is computed where it is read."""
    found: set[Var] = set()
    routes: dict[Var, set[Any]] = {}
    defined = {x: eq for eq in program.equations for x in eq.results}
    for eq in reversed(program.equations):
        if not computed(eq):
            _read(routes, eq, [()] * len(eq.operands))
            continue
        y = eq.results[0]
        own = {()} if y in stored else routes.get(y, set())
        if y not in stored and len(own) > 1 and _costs(eq):
            found.add(y)
            own = {()}
        k = rank(y.type.shape)
        for i, x in enumerate(eq.operands):
            if type(x) is Var:
                kept = _in_place(eq, i, k)
                if (
                    eq.primitive.name == "reshape"
                    and not keeps_lead(eq, 0, k)
                    and _has_parts(x, defined, stored | found)
                ):
                    found.add(x)
                    continue
                more = own if kept else {(id(eq), i, *route[:4]) for route in own}
                routes.setdefault(x, set()).update(list(more)[:4])
    return found


def read_before_changes(
    program: Program, computed: Callable[[Equation], bool], stored: set[Var], changes: Callable[[Equation], Any]
) -> set[Var]:
    """Return what must be stored, so that an update may take place in the memory of the value that it changes.

    A value that is computed where it is read would read the old value then, after the update: it is
    computed before, where it is smaller than the copy would be. `changes` gives the value that an equation
    changes, or None.
    """
    changed = {x for x in map(changes, program.equations) if x is not None}
    if not changed:
        return set()
    last = {x: i for i, eq in enumerate(program.equations) for x in eq.operands if type(x) is Var}
    reads: dict[Any, set[Var]] = {}  # of what is computed where it is read: which of the changed values
    readers: dict[Var, list[Var]] = {}
    found: set[Var] = set()
    for i, eq in enumerate(program.equations):
        x = changes(eq)
        if x is not None:
            found.update(y for y in readers.pop(x, ()) if last.get(y, 0) > i and y.type.size < x.type.size)
        if computed(eq) and eq.results[0] not in stored:
            y = eq.results[0]
            reads[y] = {z for z in eq.operands if z in changed}.union(*(reads.get(z, ()) for z in eq.operands))
            for z in reads[y]:
                readers.setdefault(z, []).append(y)
    return found


def _read(routes: dict, eq: Equation, ways: Iterable[tuple]) -> None:
    for x, way in zip(eq.operands, ways, strict=True):
        if type(x) is Var:
            routes.setdefault(x, set()).add(way)


def _in_place(eq: Equation, i: int, k: int) -> bool:
    """Return whether an operand is read at the place of the result, or at one that repeats."""
    if is_view(eq) and eq.primitive.name in ("broadcast", "reshape"):
        return True
    if is_assembled(eq) or is_view(eq) or eq.primitive.name == "index_get":
        return keeps_lead(eq, i, k)
    return True


def _has_parts(x: Var, defined: dict[Var, Equation], stored: set[Var]) -> bool:
    """Return whether a value that is not stored is put together from parts: not to be chosen from after a division."""
    todo, seen = [x], set()
    while todo:
        y = todo.pop()
        if type(y) is not Var or y in stored or y in seen or y not in defined:
            continue
        seen.add(y)
        if is_assembled(defined[y]) and defined[y].primitive.name != "ramp":
            return True
        todo += defined[y].operands
    return False


def _costs(eq: Equation) -> bool:
    return not is_view(eq) and eq.primitive.name not in _FREE and not is_assembled(eq)


def many_parts(eq: Equation) -> bool:
    """Return whether a result is put together from so many parts that it is stored, in a nest of its own."""
    if eq.primitive.name not in ("concatenate", "stack"):
        return False
    return len(eq.operands) > _PARTS and math.prod(eq.results[0].type.shape) > 4 * _PARTS


def tables(program: Program) -> list[Equation]:
    """Return the stacks that only loops read, an element a turn, and parts of such stacks: nothing need be copied."""
    members: list[Equation] = []
    root: dict[Any, Any] = {}  # a stack, or a part of one, to the stack
    copied: set[Any] = set()  # stacks that something else reads
    for eq in program.equations:
        x, y = eq.operands[0] if eq.operands else None, eq.results[0] if eq.results else None
        part = x in root and _is_part(eq)
        if part or (eq.primitive.name == "stack" and _can_be_table(eq)):
            members.append(eq)
            root[y] = root[x] if part else y
        if eq.primitive.name == "loop":
            parts = split(eq.operands, eq.params)
            read: Any = (*parts.count, *parts.consts, *parts.carry)
        else:
            read = () if part else eq.operands
        copied.update(root[z] for z in read if z in root)
    copied.update(root[z] for z in program.outputs if z in root)
    return [eq for eq in members if root[eq.results[0]] not in copied]


def _is_part(eq: Equation) -> bool:
    return eq.primitive.name == "index_get" and eq.params["spec"][0][0] == "slice" and place_in(eq) is not None


def _can_be_table(eq: Equation) -> bool:
    y = eq.results[0].type
    return eq.params["axis"] == 0 and y.size > 0 and all(x.type.dtype == y.dtype for x in eq.operands)
