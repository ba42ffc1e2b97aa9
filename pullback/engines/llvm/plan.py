"""plan: a flat Program to steps: fused loop nests, matrix products, native loops and branches, callbacks.

A value is *stored* if something outside of its nest needs it (an output, a library call, a
loop, a reduction's result), or if computing it twice would be dear; any other value is
computed where it is read, in registers. A nest runs over a *lead*, the leading axes of what
it stores; the trailing axes, where they are few elements, are unrolled into registers, so
that a vmapped function of 3-vectors becomes one loop of scalar code.

Values are grouped greedily: a stored value joins the first nest of its lead that comes
after everything that it reads, or holds what it reads at the same place of the lead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from pullback.core.program import Equation, Program, Var

from .access import is_view, keeps_lead
from .assembling import is_assembled
from .flat import prepared
from .scalars import OPERATIONS, SUPPORTED
from .storing import many_parts, moved_often

__all__ = ["Branches", "Callback", "Loop", "Nest", "Plan", "Product", "lead_rank", "plan"]

REDUCTIONS = {"sum": "add", "prod": "mul", "max": "maximum", "min": "minimum", "any": "or", "all": "and", "sum_to": "add"}
_UNROLLED = 32  # elements of trailing axes that go into registers
_UNROLLED_TERMS = 1024  # products of a contraction that are written out
_DEAR = frozenset(
    "exp exp2 expm1 log log2 log10 log1p power sin cos tan sinh cosh tanh arcsin arccos arctan arctan2 arcsinh arccosh "
    "arctanh cbrt hypot sigmoid logaddexp erf erfc gaussian div sdiv sqrt reciprocal contract".split()
)


@dataclass
class Nest:
    """A loop over `lead` that stores values and accumulates reductions; `apart`: nothing else may join it."""

    lead: tuple[int, ...]
    stores: list[Var] = field(default_factory=list)
    sums: list[Equation] = field(default_factory=list)
    apart: bool = False


@dataclass
class Product:
    """A matrix product for BLAS."""

    eq: Equation


@dataclass
class Callback:
    """An equation that NumPy evaluates."""

    eq: Equation


@dataclass
class Loop:
    """A native loop."""

    eq: Equation
    body: Plan
    predicate: Plan | None


@dataclass
class Branches:
    """A native choice."""

    eq: Equation
    bodies: list[Plan]


@dataclass
class Plan:
    """Steps in order; which values are stored; and who defines each value."""

    program: Program
    steps: list[Any]
    stored: set[Var]
    defined: dict[Var, Equation]


def lead_rank(shape: tuple[int, ...]) -> int:
    """Return how many leading axes are looped over; the others are unrolled."""
    k = len(shape)
    while k and math.prod(shape[k - 1 :]) <= (_UNROLLED if k > 1 else 16):
        k -= 1
    return k


def plan(program: Program) -> Plan:
    """Return the steps of a flat Program."""
    stored: set[Var] = set()
    while True:
        made = _Planner(program, stored).run()
        more = _computed_twice(made)
        if not more:
            return made
        stored |= more


def kind_of(eq: Equation) -> str:
    """Return how an equation is run: see `plan`."""
    name = eq.primitive.name
    if name == "loop":
        return "loop"
    if name == "cond":
        return "branches"
    types = [x.type for x in (*eq.operands, *eq.results)]
    if any(not hasattr(t, "shape") or t.dtype.name not in SUPPORTED for t in types) or len(eq.results) != 1:
        return "callback"
    if is_view(eq):
        return "view"
    if is_assembled(eq):
        return "assembled"
    if name in ("iota", "constant", "empty_tape"):
        return "iota" if name == "iota" else "callback"
    if name == "contract":
        return _contraction_kind(eq)
    if name in REDUCTIONS:
        return "inline" if _reduces_trailing(eq) else "reduction"
    if name == "integer_power" and 0 <= eq.params["n"] <= 64:
        return "elementwise"
    if name == "power" and eq.results[0].type.dtype.kind != "f":
        return "callback"
    return "elementwise" if name in OPERATIONS and eq.operands else "callback"


def _reduces_trailing(eq: Equation) -> bool:
    x = eq.operands[0].type.shape
    k = lead_rank(x)
    return min(reduced_axes(eq), default=k) >= k


def reduced_axes(eq: Equation) -> tuple[int, ...]:
    """Return the axes over which an equation reduces."""
    if eq.primitive.name != "sum_to":
        return eq.params["axes"]
    old, new = eq.operands[0].type.shape, eq.params["shape"]
    lead = len(old) - len(new)
    return (*range(lead), *(lead + i for i, n in enumerate(new) if n == 1 and old[lead + i] != 1))


def _contraction_kind(eq: Equation) -> str:
    a, b, out = eq.params["a_axes"], eq.params["b_axes"], eq.params["out_axes"]
    sizes = dict(zip((*a, *b), (*eq.operands[0].type.shape, *eq.operands[1].type.shape), strict=True))
    k = lead_rank(tuple(sizes[x] for x in out))
    inner = math.prod(n for x, n in sizes.items() if x not in out[:k])
    batch = set(out[:k])
    if inner <= _UNROLLED_TERMS and all(lead_of(labels, batch) for labels in (a, b)):
        return "inline"
    return "product" if is_matrix_product(eq) else "callback"


def lead_of(labels: tuple, batch: set) -> bool:
    """Return whether the batch labels among an operand's come first (or not at all)."""
    n = sum(x in batch for x in labels)
    return n in (0, len(batch)) and all(x in batch for x in labels[:n])


def is_matrix_product(eq: Equation) -> bool:
    """Return whether BLAS has it: two matrices, or a matrix and a vector, of floats of one type."""
    a, b, out = eq.params["a_axes"], eq.params["b_axes"], eq.params["out_axes"]
    shared = set(a) & set(b)
    dtypes = {x.type.dtype for x in (*eq.operands, *eq.results)}
    if len(dtypes) != 1 or dtypes.pop().name not in ("float64", "float32") or len(shared) != 1 or shared & set(out):
        return False
    if set(out) != (set(a) | set(b)) - shared:
        return False
    return len(a) <= 2 and len(b) <= 2 and 1 <= len(out) <= 2 and 0 not in (*eq.operands[0].type.shape, *eq.operands[1].type.shape)


class _Planner:
    def __init__(self, program: Program, stored: set[Var]) -> None:
        self.program = program
        self.defined = {x: eq for eq in program.equations for x in eq.results}
        self.kinds = {id(eq): kind_of(eq) for eq in program.equations}
        self.stored = set(stored) | {x for x in program.inputs}
        self.stored |= {x for x, _ in program.constants}
        self.steps: list[Any] = []
        self.step_of: dict[Var, int] = {}
        self.sums: set[Var] = set()

    def run(self) -> Plan:
        self._need()
        for eq in self.program.equations:
            kind = self.kinds[id(eq)]
            if kind in ("callback", "product"):
                self._append(Callback(eq) if kind == "callback" else Product(eq), eq)
            elif kind == "loop":
                predicate = eq.params["predicate"]
                self._append(Loop(eq, plan(prepared(eq.params["body"])), predicate and plan(prepared(predicate))), eq)
            elif kind == "branches":
                self._append(Branches(eq, [plan(prepared(b)) for b in eq.params["branches"]]), eq)
            elif kind == "reduction":
                self._nest(eq, eq.operands[0], eq.operands[0].type.shape)
            elif eq.results[0] in self.stored:
                self._nest(None, eq.results[0], eq.results[0].type.shape)
        return Plan(self.program, self.steps, self.stored, self.defined)

    def _need(self) -> None:
        """Mark what must be stored: outputs, operands and results of what is no nest."""
        self.stored |= {x for x in self.program.outputs if type(x) is Var}
        for eq in self.program.equations:
            kind = self.kinds[id(eq)]
            if kind in ("callback", "product", "loop", "branches"):
                self.stored |= {x for x in eq.operands if type(x) is Var}
                self.stored |= set(eq.results)
            elif kind == "reduction" or many_parts(eq):
                self.stored |= set(eq.results)
        here = ("view", "assembled", "elementwise", "inline", "iota")
        self.stored |= moved_often(self.program, lambda eq: self.kinds[id(eq)] in here, self.stored, lead_rank)

    def _append(self, step: Any, eq: Equation) -> None:
        self.steps.append(step)
        for x in eq.results:
            self.step_of[x] = len(self.steps) - 1

    def _nest(self, reduction: Equation | None, x: Any, shape: tuple[int, ...]) -> None:
        """Put a stored value, or a reduction of x, into the first nest that may hold it."""
        k = lead_rank(shape)
        lead = shape[:k]
        first = self._first_step(x, k, reduction is None)
        apart = reduction is None and many_parts(self.defined[x])
        at = None
        for i in range(max(first, 0), len(self.steps)):
            nest = self.steps[i]
            if isinstance(nest, Nest) and nest.lead == lead and not apart and not nest.apart:
                at = i
                break
        if at is None:
            self.steps.append(Nest(lead, apart=apart))
            at = len(self.steps) - 1
        if reduction is None:
            self.steps[at].stores.append(x)
            self.step_of[x] = at
        else:
            self.steps[at].sums.append(reduction)
            self.step_of[reduction.results[0]] = at
            self.sums.add(reduction.results[0])

    def _first_step(self, x: Any, k: int, is_value: bool) -> int:
        """Return the first step that may compute x: after all that it reads, or with what it reads in place."""
        first = 0
        if type(x) is not Var:
            return 0
        seen: set[tuple[Var, bool]] = set()
        todo: list[tuple[Var, bool]] = [(x, True)]
        while todo:
            y, kept = todo.pop()
            if (y, kept) in seen:
                continue
            seen.add((y, kept))
            if y in self.stored and not (y is x and is_value):
                step = self.step_of.get(y)
                if step is not None:
                    same = kept and y not in self.sums and isinstance(self.steps[step], Nest)
                    first = max(first, step if same and self._same_lead(y, step, k) else step + 1)
                continue
            eq = self.defined[y]
            todo += [
                (z, kept and keeps_lead(eq, i, k)) for i, z in enumerate(eq.operands) if type(z) is Var
            ]
        return first

    def _same_lead(self, y: Var, step: int, k: int) -> bool:
        return lead_rank(y.type.shape) == k and y in self.steps[step].stores


def _computed_twice(made: Plan) -> set[Var]:
    """Return dear values that more than one nest would compute."""
    nests: dict[Var, set[int]] = {}
    for i, step in enumerate(made.steps):
        if not isinstance(step, Nest):
            continue
        todo: list[Any] = [*step.stores, *(eq.operands[0] for eq in step.sums)]
        roots = set(step.stores)
        seen: set[Any] = set()
        while todo:
            y = todo.pop()
            if type(y) is not Var or y in seen or (y in made.stored and y not in roots):
                continue
            seen.add(y)
            if y not in made.stored:
                nests.setdefault(y, set()).add(i)
            if y in made.defined:
                todo += made.defined[y].operands
    twice = {y for y, where in nests.items() if len(where) > 1}
    return {y for y in twice if _is_dear(made, y)}


def _is_dear(made: Plan, y: Var) -> bool:
    """Return whether it costs more to compute a value again than to store and load it."""
    count, todo = 0, [y]
    seen: set[Var] = set()
    while todo:
        x = todo.pop()
        if type(x) is not Var or x in seen or x in made.stored or x not in made.defined:
            continue
        seen.add(x)
        eq = made.defined[x]
        name = eq.primitive.name
        if name in _DEAR or name in REDUCTIONS:
            return True
        count += not is_view(eq)
        todo += eq.operands
    return count > 4
