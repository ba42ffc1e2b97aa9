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

from .access import is_view, keeps_lead, lead_rank, literals_fit
from .assembling import is_assembled
from .flat import prepared
from .products import scheme
from .scalars import CARRIED, OPERATIONS, SUPPORTED
from .storing import many_parts, moved_often

__all__ = ["Alias", "Branches", "Callback", "Contraction", "Loop", "Nest", "Plan", "Product", "Row", "Update", "lead_rank", "plan"]

REDUCTIONS = {"sum": "add", "prod": "mul", "max": "maximum", "min": "minimum", "any": "or", "all": "and", "sum_to": "add"}
_UNROLLED_IN_A_TURN = 128  # elements that reductions in registers read in one turn of a nest
UPDATES = ("scatter", "index_set", "index_add", "cut")
_DEEPEST = 40  # equations computed one in the other
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


def kind_of(eq: Equation) -> str:
    """Return how an equation is run: see `plan`."""
    name = eq.primitive.name
    if name == "loop":
        return "loop"
    if name == "cond":
        return "branches"
    if name == "constant":
        return "constant"
    types = [x.type for x in (*eq.operands, *eq.results)]
    if any(not hasattr(t, "shape") for t in types) or len(eq.results) != 1:
        return "callback"
    if any(t.dtype.name not in SUPPORTED for t in types) and not _carries(eq, types):
        return "callback"
    if is_view(eq):
        return "view"
    if is_assembled(eq):
        return "assembled"
    if name == "last_written" and literals_fit(eq, eq.params["shape"], eq.operands) and eq.results[0].type.size:
        return "update"
    if name in UPDATES and literals_fit(eq, eq.results[0].type.shape, eq.operands[1:]) and eq.results[0].type.size:
        return "update"
    if name in ("iota", "empty_tape"):
        return "iota" if name == "iota" else "callback"
    if name == "contract":
        return scheme(eq, lead_rank)
    if name in REDUCTIONS:
        return "inline" if _reduces_trailing(eq) else "reduction"
    if name in ("argmax", "argmin"):
        return "inline" if eq.params["axis"] >= lead_rank(eq.operands[0].type.shape) else "row"
    if name in ("cumsum", "cumprod", "cummax", "cummin", "recurrence"):
        return "row" if eq.results[0].type.dtype.kind != "b" else "callback"
    if name == "integer_power":
        n, floats = eq.params["n"], eq.results[0].type.dtype.kind == "f"
        return "elementwise" if abs(n) <= 64 and (n >= 0 or floats) else "callback"
    if name == "share":
        return "elementwise"
    if name == "searchsorted":
        return "elementwise"
    if name == "power" and eq.results[0].type.dtype.kind != "f":
        return "callback"
    return "elementwise" if name in OPERATIONS and eq.operands else "callback"


def _carries(eq: Equation, types: list[Any]) -> bool:
    """Return whether an equation does with small or unsigned integers only what does not depend on their sign, or knows it."""
    name = eq.primitive.name
    if any(t.dtype.name not in SUPPORTED and t.dtype.name not in CARRIED for t in types):
        return False
    if name == "convert":
        return types[0].dtype.kind != "f"
    return name in _SIGNLESS or is_view(eq) or is_assembled(eq) or name in UPDATES


_SIGNLESS = frozenset(
    "select mask add sub mul div neg square sum sum_to bitwise_and bitwise_or bitwise_xor invert equal not_equal less "
    "less_equal greater greater_equal maximum minimum max min".split()
)


def _reduces_trailing(eq: Equation) -> bool:
    """Return whether an equation reduces axes that are unrolled, and few elements of them in one turn."""
    x, y = eq.operands[0].type.shape, eq.results[0].type.shape
    k = lead_rank(x)
    turn = math.prod(x[min(lead_rank(y), k) :])
    return min(reduced_axes(eq), default=k) >= k and turn <= _UNROLLED_IN_A_TURN


def reduced_axes(eq: Equation) -> tuple[int, ...]:
    """Return the axes over which an equation reduces."""
    if eq.primitive.name != "sum_to":
        return eq.params["axes"]
    old, new = eq.operands[0].type.shape, eq.params["shape"]
    lead = len(old) - len(new)
    return (*range(lead), *(lead + i for i, n in enumerate(new) if n == 1 and old[lead + i] != 1))


_STEPS = {"alias": Alias, "callback": Callback, "product": Product, "update": Update, "loops": Contraction, "row": Row}


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
        found: set[Var] = set()
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
        if not isinstance(step, Nest | Row | Update):
            continue
        roots = set(step.stores) if isinstance(step, Nest) else set()
        todo: list[Any] = [*roots, *(eq.operands[0] for eq in step.sums)] if isinstance(step, Nest) else [*step.eq.operands]
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
