"""Folding: equations joined into ones that native code runs in one pass.

``x + scatter(v, i)`` is an `index_add`, which touches only the elements at the indices: in the
reverse pass of a loop that reads an element a turn, it adds that element's cotangent in place.
``w - 0.1 * (a @ b)`` is one call of BLAS, which scales and adds: the product gets w as a third
operand, and ``alpha = -0.1``.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from pullback.core.program import Equation, Literal, Program, Var
from pullback.primitives.indexing import index_add

from .access import lead_rank
from .assembling import is_assembled
from .products import scheme

__all__ = ["folded"]


def folded(program: Program) -> Program:
    """Return the Program with sums of a value and a scatter, or a product, as updates of that value."""
    uses = Counter(x for eq in program.equations for x in eq.operands if type(x) is Var)
    uses.update(x for x in program.outputs if type(x) is Var)
    return _with_products(_with_updates(program, uses), uses)


def _with_updates(program: Program, uses: Counter[Any]) -> Program:
    scatters = {
        eq.results[0]: eq
        for eq in program.equations
        if eq.primitive.name == "scatter" and uses[eq.results[0]] == 1 and not is_assembled(eq)
    }
    if not scatters:
        return program
    equations = []
    for eq in program.equations:
        found = _scatter_of(eq, scatters)
        if found is not None:
            eq = _added(eq, *found)
            scatters.pop(found[1].results[0])
            equations = [x for x in equations if x is not found[1]]
        equations.append(eq)
    return Program(program.inputs, tuple(equations), program.outputs, program.constants)


def _scatter_of(eq: Equation, scatters: dict[Any, Equation]) -> tuple[Any, Equation] | None:
    """Return (the other operand, the scatter) of a sum of the two."""
    if eq.primitive.name != "add":
        return None
    types = [x.type for x in (*eq.operands, *eq.results)]
    if any(t.shape != types[0].shape or t.dtype != types[0].dtype for t in types):
        return None
    for i in (1, 0):  # the second first: the sum of two scatters adds the second into the first
        if eq.operands[i] in scatters and type(eq.operands[1 - i]) is Var:
            return eq.operands[1 - i], scatters[eq.operands[i]]
    return None


def _added(eq: Equation, x: Any, scatter: Equation) -> Equation:
    v, *indices = scatter.operands
    params = {k: p for k, p in scatter.params.items() if k != "shape"}
    return Equation(index_add, (x, v, *indices), eq.results, params, scatter.source)


# Products -----------------------------------------------------------------------------------


def _with_products(program: Program, uses: Counter[Any]) -> Program:
    scaled: dict[Any, tuple[float, Equation, list[Equation]]] = {}  # a product times a number, and how it came about
    ready: set[Any] = {*program.inputs, *(x for x, _ in program.constants)}  # what is in memory anyway
    equations: list[Equation] = []
    for eq in program.equations:
        y: Any = eq.results[0] if eq.results else None
        if eq.primitive.name == "contract" and scheme(eq, lead_rank) == "product":
            scaled[y] = eq.params.get("alpha", 1.0), eq, [eq]
            ready.add(y)
        elif eq.primitive.name in ("loop", "cond"):
            ready.update(eq.results)
        found = _scaled(eq, scaled, uses) or _sum(eq, scaled, uses, ready)
        if found is not None:
            eq, gone = found
            equations = [x for x in equations if all(x is not g for g in gone)]
            scaled[y] = eq.params["alpha"], eq, [eq]
            ready.add(y)
            if len(eq.operands) == 3:
                del scaled[y]
        equations.append(eq)
    return Program(program.inputs, tuple(equations), program.outputs, program.constants)


def _scaled(eq: Equation, scaled: dict, uses: Counter[Any]) -> tuple[Equation, list[Equation]] | None:
    """Return the equation that scales a product, as a product, and those that it replaces."""
    name, xs = eq.primitive.name, eq.operands
    place = 1 if name == "mul" and len(xs) == 2 and xs[1] in scaled else 0
    if name not in ("mul", "div", "neg") or xs[place] not in scaled or uses[xs[place]] != 1:
        return None
    factor = -1.0 if name == "neg" else _number(xs[1 - place])
    if factor is None or (name == "div" and factor == 0) or not _same(eq.results[0], xs[place]):
        return None
    alpha, product, gone = scaled[xs[place]]
    alpha = alpha / factor if name == "div" else alpha * factor
    return _product(product, eq, alpha, product.operands), gone


def _sum(eq: Equation, scaled: dict, uses: Counter[Any], ready: set) -> tuple[Equation, list[Equation]] | None:
    """Return the equation that adds a product to what is in memory, as a product, and those that it replaces."""
    if eq.primitive.name not in ("add", "sub"):
        return None
    for place in (1, 0) if eq.primitive.name == "add" else (1,):
        x, other = eq.operands[place], eq.operands[1 - place]
        if x in scaled and uses[x] == 1 and other in ready and _same(eq.results[0], x) and _same(other, x):
            alpha, product, gone = scaled[x]
            alpha = -alpha if eq.primitive.name == "sub" else alpha
            return _product(product, eq, alpha, (*product.operands, other)), gone
    return None


def _product(product: Equation, eq: Equation, alpha: float, operands: tuple) -> Equation:
    return Equation(product.primitive, operands, eq.results, {**product.params, "alpha": alpha}, product.source)


def _number(x: Any) -> float | None:
    return float(x.value) if type(x) is Literal and x.type.dtype.kind in "fib" else None


def _same(x: Any, y: Any) -> bool:
    return x.type.shape == y.type.shape and x.type.dtype == y.type.dtype
