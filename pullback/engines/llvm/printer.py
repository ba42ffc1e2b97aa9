"""printer: a plan as readable text: nests, matrix products, native loops and branches, callbacks.

A nest is its lead and its equations: those that it keeps in registers, those whose results it
stores, and its reductions. `docs/engine.md` shows one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pullback.core.printer import names
from pullback.core.program import Equation, Var
from pullback.core.source import describe

from .plan import Branches, Callback, Loop, Nest, Plan, Product

__all__ = ["equations_of", "print_plan", "steps_of"]


def print_plan(made: Plan) -> str:
    """Return the text of a plan."""
    name = names()
    inputs = ", ".join(name.typed(x) for x in made.program.inputs)
    lines = [f"plan({inputs}) {{", *_plan(made, name, "  ")]
    lines.append(f"  return {', '.join(name[x] for x in made.program.outputs)}")
    return "\n".join([*lines, "}"])


def equations_of(nest: Nest, made: Plan) -> list[Equation]:
    """Return the equations that a nest computes, in order."""
    found: set[int] = {id(eq) for eq in nest.sums}
    roots = set(nest.stores)
    todo: list[Any] = [*nest.stores, *(x for eq in nest.sums for x in eq.operands)]
    seen: set[Any] = set()
    while todo:
        x = todo.pop()
        if type(x) is not Var or x in seen or x not in made.defined or (x in made.stored and x not in roots):
            continue
        seen.add(x)
        found.add(id(made.defined[x]))
        todo += made.defined[x].operands
    return [eq for eq in made.program.equations if id(eq) in found]


def steps_of(made: Plan) -> Iterator[tuple[Plan, Any]]:
    """Yield each step that is no loop and no branch, those inside of loops and branches too, with its plan."""
    for step in made.steps:
        inner = _inner(step)
        if not inner:
            yield made, step
        for _, body in inner:
            yield from steps_of(body)


def _inner(step: Any) -> list[tuple[str, Plan]]:
    if isinstance(step, Loop):
        tested = [] if step.predicate is None else [("while", step.predicate)]
        return [*tested, ("do", step.body)]
    if isinstance(step, Branches):
        return [(f"case {i}", body) for i, body in enumerate(step.bodies)]
    return []


def _plan(made: Plan, name: Any, pad: str) -> list[str]:
    lines: list[str] = []
    for step in made.steps:
        if isinstance(step, Nest):
            lines += _nest(step, made, name, pad)
        elif isinstance(step, Loop | Branches):
            lines += _block(step, name, pad)
        else:
            kind = {Product: "product ", Callback: "callback "}.get(type(step), f"{type(step).__name__.lower()} ")
            lines.append(_line(pad + kind + _bound(step.eq, name), step.eq))
    return lines


def _nest(nest: Nest, made: Plan, name: Any, pad: str) -> list[str]:
    lead = " x ".join(map(str, nest.lead)) or "once"
    lines = [f"{pad}nest {lead}"]
    sums = {id(eq) for eq in nest.sums}
    for eq in equations_of(nest, made):
        stored = any(x in nest.stores for x in eq.results)
        word = "sum  " if id(eq) in sums else "store" if stored else "keep "
        lines.append(_line(f"{pad}  {word} {_bound(eq, name)}", eq))
    return lines


def _block(step: Any, name: Any, pad: str) -> list[str]:
    eq = step.eq
    word = "loop " if isinstance(step, Loop) else "branches "
    operands = ", ".join(name[x] for x in eq.operands)
    results = ", ".join(name.typed(x) for x in eq.results) or "()"
    lines = [_line(f"{pad}{word}{results} = {eq.primitive.name}[{eq.primitive.written(eq.params)}]({operands})", eq)]
    for label, body in _inner(step):
        inputs = ", ".join(name.typed(x) for x in body.program.inputs)
        lines.append(f"{pad}  {label} ({inputs}):")
        lines += _plan(body, name, pad + "    ")
        lines.append(f"{pad}    give {', '.join(name[x] for x in body.program.outputs) or '()'}")
    return lines


def _bound(eq: Equation, name: Any) -> str:
    operands = ", ".join(name[x] for x in eq.operands)
    params = eq.primitive.written(eq.params)
    results = ", ".join(name.typed(x) for x in eq.results)
    return f"{f'{results} = ' if results else ''}{eq.primitive.name}{f'[{params}]' if params else ''}({operands})"


def _line(text: str, eq: Equation) -> str:
    where = describe(eq.source)
    return text if where == "?" else f"{text}    # {where}"
