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

from dataclasses import dataclass, field
from typing import Any

from pullback.core.program import Equation, Program, Var

from .access import is_view, keeps_lead, lead_rank
from .flat import prepared
from .kinds import REDUCTIONS, kind_of
from .storing import many_parts, moved_often

__all__ = [
    "Alias", "Branches", "Callback", "Contraction", "Loop", "Nest", "Plan", "Product", "Row", "Update", "plan",
]  # fmt: skip

_DEEPEST = 400  # equations computed one in the other
_DEAR = {
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "power", "sin", "cos", "tan", "sinh", "cosh", "tanh",
    "arcsin", "arccos", "arctan", "arctan2", "arcsinh", "arccosh", "arctanh", "cbrt", "hypot", "sigmoid",
    "logaddexp", "erf", "erfc", "gaussian", "div", "sdiv", "sqrt", "reciprocal", "contract",
}  # fmt: skip


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
class Update:
    """An equation that writes into a value at indices."""

    eq: Equation


@dataclass
class Contraction:
    """A contraction in loops of its own."""

    eq: Equation


@dataclass
class Row:
    """An equation that walks along one axis."""

    eq: Equation


@dataclass
class Alias:
    """A reshape of what is stored: the same memory, under another name."""

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


def plan(program: Program) -> Plan:
    """Return the steps of a flat Program."""
    stored: set[Var] = set()
    while True:
        made = _Planner(program, stored).run()
        more = _computed_twice(made)
        if not more:
            return made
        stored |= more


_STEPS = {"alias": Alias, "callback": Callback, "product": Product, "update": Update, "loops": Contraction, "row": Row}


class _Planner:
    def __init__(self, program: Program, stored: set[Var]) -> None:
        self.program = program
        self.defined = {x: eq for eq in program.equations for x in eq.results}
        self.kinds = {id(eq): kind_of(eq) for eq in program.equations}
        self.stored = {*stored, *program.inputs}
        self.stored |= {x for x, _ in program.constants}
        self.steps: list[Any] = []
        self.step_of: dict[Var, int] = {}
        self.sums: set[Var] = set()

    def run(self) -> Plan:
        self._need()
        for eq in self.program.equations:
            kind = self.kinds[id(eq)]
            if kind in _STEPS:
                self._append(_STEPS[kind](eq), eq)
            elif kind == "loop":
                predicate = eq.params["predicate"]
                self._append(Loop(eq, plan(prepared(eq.params["body"])), predicate and plan(prepared(predicate))), eq)
            elif kind == "branches":
                self._append(Branches(eq, [plan(prepared(b)) for b in eq.params["branches"]]), eq)
            elif kind == "reduction":
                self._nest(eq, eq.operands[0], eq.operands[0].type.shape)
            elif kind != "constant" and eq.results[0] in self.stored:
                self._nest(None, eq.results[0], eq.results[0].type.shape)
        return Plan(self.program, self.steps, self.stored, self.defined)

    def _need(self) -> None:
        """Mark what must be stored: outputs, operands and results of what is no nest."""
        self.stored |= {x for x in self.program.outputs if type(x) is Var}
        for eq in self.program.equations:
            kind = self.kinds[id(eq)]
            if kind in ("callback", "product", "loops", "loop", "branches"):
                self.stored |= {x for x in eq.operands if type(x) is Var}
                self.stored |= set(eq.results)
            elif eq.primitive.name == "searchsorted":
                self.stored |= {x for x in eq.operands[:1] if type(x) is Var}
            elif kind in ("row", "constant"):
                self.stored |= set(eq.results)
                if eq.primitive.name in ("argmax", "argmin"):  # it is read twice
                    self.stored |= {x for x in eq.operands if type(x) is Var}
            elif kind == "update":
                self.stored |= set(eq.results) | self._read_by_update(eq)
            elif kind == "reduction" or many_parts(eq):
                self.stored |= set(eq.results)
        here = ("view", "assembled", "elementwise", "inline", "iota")
        self.stored |= self._deep(here)
        self.stored |= moved_often(self.program, lambda eq: self.kinds[id(eq)] in here, self.stored, lead_rank)
        for eq in reversed(self.program.equations):
            if eq.primitive.name == "reshape" and self._may_alias(eq):
                self.kinds[id(eq)] = "alias"
                self.stored.add(eq.operands[0])

    def _deep(self, here: tuple[str, ...]) -> set[Var]:
        """Return values that cut long chains of what is computed where it is read: writing those out recurses."""
        depth: dict[Any, int] = {}
        found: set[Any] = set()
        for eq in self.program.equations:
            y = eq.results[0] if eq.results else None
            if self.kinds[id(eq)] in here and y not in self.stored:
                depth[y] = 1 + max((depth.get(x, 0) for x in eq.operands if type(x) is Var), default=0)
                if depth[y] > _DEEPEST:
                    found.add(y)
                    depth[y] = 0
        return found

    def _may_alias(self, eq: Equation) -> bool:
        """Return whether a stored reshape may be the memory of its operand: not where it is a result of its own."""
        x, y = eq.operands[0], eq.results[0]
        return self.kinds[id(eq)] == "view" and type(x) is Var and y in self.stored and y not in self.program.outputs

    def _read_by_update(self, eq: Equation) -> set[Var]:
        """Return what an update needs in memory: the old value, and what is made from that, which it changes."""
        if eq.primitive.name in ("scatter", "last_written") or type(eq.operands[0]) is not Var:
            return set()
        x = eq.operands[0]
        return {x} | {y for y in eq.operands[1:] if type(y) is Var and y.type.size > 1 and self._reads(y, x)}

    def _reads(self, y: Var, x: Var) -> bool:
        todo, seen = [y], set()
        while todo:
            z = todo.pop()
            if z is x:
                return True
            if type(z) is not Var or z in seen or z not in self.defined:
                continue
            seen.add(z)
            eq = self.defined[z]
            if z not in self.stored or eq.primitive.name == "reshape":  # which may be the same memory
                todo += eq.operands
        return False

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
            todo += [(z, kept and keeps_lead(eq, i, k)) for i, z in enumerate(eq.operands) if type(z) is Var]
        return first

    def _same_lead(self, y: Var, step: int, k: int) -> bool:
        return lead_rank(y.type.shape) == k and y in self.steps[step].stores


def _computed_twice(made: Plan) -> set[Var]:
    """Return dear values that more than one nest would compute."""
    nests: dict[Var, set[int]] = {}
    for i, step in enumerate(made.steps):
        if not isinstance(step, Nest | Row | Update):
            continue
        roots: set[Any] = set(step.stores) if isinstance(step, Nest) else set()
        read = [x for eq in step.sums for x in eq.operands] if isinstance(step, Nest) else step.eq.operands
        todo: list[Any] = [*roots, *read]
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
    twice = {y for y, where in nests.items() if len(where) > 1 and _is_dear(made, y)}
    # Only those that no other of them is made from: once these are stored, the others may be read once.
    behind = {x for y in twice for x in made.defined[y].operands}
    grown = True
    while grown:
        more = {z for x in behind if x in made.defined and x not in made.stored for z in made.defined[x].operands}
        grown = not more <= behind
        behind |= more
    return twice - behind


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
