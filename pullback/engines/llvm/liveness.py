"""liveness: what a plan's steps read, change and need to the end."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.program import Var

from .plan import Alias, Branches, Loop, Nest, Plan, Product, Table, Update

__all__ = ["changed_operand", "constants_in", "last_uses"]


def constants_in(made: Plan) -> list[tuple[Var, np.ndarray]]:
    """Return the arrays that stand in equations of a plan, and of plans in it, with the variables that they bind."""
    found = [
        (eq.results[0], eq.params["data"].array) for eq in made.program.equations if eq.primitive.name == "constant"
    ]
    for step in made.steps:
        inner = [step.body, step.predicate] if isinstance(step, Loop) else []
        for plan in step.bodies if isinstance(step, Branches) else inner:
            found += constants_in(plan) if plan is not None else []
    return found


def changed_operand(step: Any) -> Var | None:
    """Return the operand that a step may change in place: what an update updates, or a product is added to."""
    x = None
    if isinstance(step, Update) and step.eq.primitive.name not in ("scatter", "last_written"):
        x = step.eq.operands[0]
    if isinstance(step, Product) and len(step.eq.operands) == 3:
        x = step.eq.operands[2]
    return x if type(x) is Var else None


def last_uses(made: Plan) -> dict[Any, int]:
    """Return the last step at which each stored value is needed; outputs are needed to the end."""
    last: dict[Any, int] = {x: i for i, step in enumerate(made.steps) for x in _needed(made, step)}
    for x in made.program.outputs:
        last[x] = len(made.steps)
    for step in reversed(made.steps):
        if isinstance(step, Alias | Table):  # what is pointed to is needed as long as what points there
            for x in step.eq.operands:
                if type(x) is Var:
                    last[x] = max(last[x], last.get(step.eq.results[0], 0))
    return last


def _needed(made: Plan, step: Any) -> list[Any]:
    """Return the stored values that a step reads or writes, by way of values that are not stored too."""
    todo: list[Any] = []
    if isinstance(step, Nest):
        todo = [*step.stores, *(eq.operands[0] for eq in step.sums), *(eq.results[0] for eq in step.sums)]
        roots = set(step.stores)
    else:
        todo, roots = [*step.eq.operands, *step.eq.results], set()
    found: list[Any] = []
    seen: set[Any] = set()
    while todo:
        x = todo.pop()
        if type(x) is not Var or x in seen:
            continue
        seen.add(x)
        if x in made.stored:
            found.append(x)
        if (x not in made.stored or x in roots) and x in made.defined:
            todo += made.defined[x].operands
    return found
