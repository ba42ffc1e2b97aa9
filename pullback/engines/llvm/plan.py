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
from functools import cached_property
from typing import Any

from pullback.core.program import Equation, Program, Var

from .access import is_view, keeps_lead, lead_rank, place_in
from .blocks import Blocks
from .complexes import is_complex
from .flat import prepared
from .kinds import REDUCTIONS, kind_of
from .storing import many_parts, moved_often, read_before_changes, tables

__all__ = [
    "Alias", "Bits", "Branches", "Callback", "Contraction", "Loop", "Matrix", "Nest", "OfTape", "Plan", "Product",
    "Row", "Table", "Update", "plan",
]  # fmt: skip

_INLINE = ("view", "assembled", "elementwise", "inline", "iota")
_DEEPEST = 400  # equations computed one in the other
_DEAR = {
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "power", "sin", "cos", "tan", "sinh", "cosh", "tanh",
    "arcsin", "arccos", "arctan", "arctan2", "arcsinh", "arccosh", "arctanh", "cbrt", "hypot", "sigmoid",
    "logaddexp", "erf", "erfc", "gaussian", "div", "sdiv", "sqrt", "reciprocal", "contract",
    "angle",
}  # fmt: skip
_DEAR_OF_COMPLEX = {"absolute", "sign"}


class _Step:
    """A step that is one equation."""

    def __init__(self, eq: Equation) -> None:
        self.eq = eq


@dataclass
class Nest:
    """A loop over `lead` that stores values and accumulates reductions; `apart`: nothing else may join it.

    All that it computes is of one block of the Program (see `blocks`).
    """

    lead: tuple[int, ...]
    stores: list[Var] = field(default_factory=list)
    sums: list[Equation] = field(default_factory=list)
    apart: bool = False
    block: int = 0


class Product(_Step):
    """A matrix product for BLAS."""


class Update(_Step):
    """An equation that writes into a value at indices."""


class Contraction(_Step):
    """A contraction in loops of its own."""


class Row(_Step):
    """An equation that walks along one axis."""


class Bits(_Step):
    """Random bits."""


class Matrix(_Step):
    """An equation of linear algebra: LAPACK, or elimination in registers."""


class OfTape(_Step):
    """An equation that makes an empty tape, or counts the turns of one."""


class Alias(_Step):
    """A reshape of what is stored: the same memory, under another name."""


class Table(_Step):
    """Values beside each other that only loops read, one a turn: they stay where they are, and are pointed to."""


class Callback(_Step):
    """An equation that NumPy evaluates."""


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

    @cached_property
    def order(self) -> dict[Var, int]:
        """The place of each value in the order of computation."""
        return {x: i for i, x in enumerate(self.defined)}


def plan(program: Program) -> Plan:
    """Return the steps of a flat Program."""
    stored: set[Var] = set()
    while True:
        made = _Planner(program, stored).run()
        more = _computed_twice(made)
        if not more:
            return made
        stored |= more


_STEPS = {
    "alias": Alias, "callback": Callback, "product": Product, "update": Update, "loops": Contraction, "row": Row,
    "bits": Bits, "matrix": Matrix, "tape": OfTape, "table": Table,
}  # fmt: skip


class _Planner:
    def __init__(self, program: Program, stored: set[Var]) -> None:
        self.program = program
        self.defined = {x: eq for eq in program.equations for x in eq.results}
        self.kinds = {id(eq): kind_of(eq) for eq in program.equations}
        self.stored = {*stored, *program.inputs}
        self.stored |= {x for x, _ in program.constants}
        self.blocks = Blocks(program, self._is_inline)
        self.begun: dict[int, int] = {}  # block to its first nest
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
        self.outputs = {x for x in self.program.outputs if type(x) is Var}
        self.stored |= self.outputs
        for eq in tables(self.program):
            self.kinds[id(eq)] = "table"
        for eq in self.program.equations:
            self.stored |= self._in_memory(eq)
        self.stored |= self._deep() | self.blocks.crossing(self.defined)
        self.stored |= moved_often(self.program, self._is_inline, self.stored, lead_rank)
        self.stored |= read_before_changes(self.program, self._is_inline, self.stored, self._changed)
        for eq in reversed(self.program.equations):
            if self._may_alias(eq):
                self.kinds[id(eq)] = "alias"
                self.stored.add(eq.operands[0])

    def _changed(self, eq: Equation) -> Var | None:
        """Return the value that an update changes, in place if it is dead then."""
        if self.kinds[id(eq)] != "update" or eq.primitive.name in ("scatter", "last_written"):
            return None
        return x if type(x := eq.operands[0]) is Var else None

    def _in_memory(self, eq: Equation) -> set[Var]:
        """Return the operands and results of an equation that it needs in memory."""
        kind, xs = self.kinds[id(eq)], [x for x in eq.operands if type(x) is Var]
        if kind in ("callback", "product", "loops", "loop", "branches", "tape", "table"):
            return {*xs, *eq.results}
        first = {x for x in eq.operands[:1] if type(x) is Var}
        if eq.primitive.name == "searchsorted":
            return first
        if kind in ("row", "bits", "constant", "matrix"):  # some are read twice, or where they are
            return {*eq.results, *(first if eq.primitive.name in ("argmax", "argmin", "triangular_solve") else ())}
        if kind == "update":
            return {*eq.results, *self._read_by_update(eq)}
        if kind == "inline" and eq.primitive.name == "contract":  # each turn reads all of an operand without its lead
            k = lead_rank(eq.results[0].type.shape)
            return {self._moved(x) for i, x in enumerate(eq.operands) if type(x) is Var and not keeps_lead(eq, i, k)}
        return set(eq.results) if kind == "reduction" or many_parts(eq) else set()

    def _moved(self, x: Any) -> Any:
        """Return what a value that only moves elements moves."""
        while (
            x in self.defined and self.kinds[id(self.defined[x])] == "view" and type(self.defined[x].operands[0]) is Var
        ):
            x = self.defined[x].operands[0]
        return x

    def _is_inline(self, eq: Equation) -> bool:
        """Return whether an equation is computed where it is read."""
        return self.kinds[id(eq)] in _INLINE

    def _deep(self) -> set[Var]:
        """Return values that cut long chains of what is computed where it is read: writing those out recurses."""
        depth: dict[Any, int] = {}
        found: set[Any] = set()
        for eq in self.program.equations:
            y = eq.results[0] if eq.results else None
            if self._is_inline(eq) and y not in self.stored:
                depth[y] = 1 + max((depth.get(x, 0) for x in eq.operands if type(x) is Var), default=0)
                if depth[y] > _DEEPEST:
                    found.add(y)
                    depth[y] = 0
        return found

    def _may_alias(self, eq: Equation) -> bool:
        """Return whether a stored value may be memory of its operand: a reshape, or rows of what is stored anyway.

        Not where it is a result of its own: that has memory, and is written there. But rows of what a loop has
        written are copied from there at the end; of a carry, they could be overwritten before.
        """
        if self.kinds[id(eq)] != "view":
            return False
        x, y = eq.operands[0], eq.results[0]
        if type(x) is not Var or y not in self.stored or place_in(eq) is None:
            return False
        if eq.primitive.name == "reshape":
            return y not in self.outputs
        of_loop = x in self.defined and self.defined[x].primitive.name == "loop"
        return x in self.stored and (of_loop or y not in self.outputs)

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
            if z not in self.stored or place_in(eq) is not None:  # which may be the same memory
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
        block = self.blocks.of[x if reduction is None else reduction.results[0]]
        at = None
        for i in range(max(first, self.begun.setdefault(block, len(self.steps))), len(self.steps)):
            nest = self.steps[i]
            if isinstance(nest, Nest) and (nest.lead, nest.block) == (lead, block) and not apart and not nest.apart:
                at = i
                break
        if at is None:
            self.steps.append(Nest(lead, apart=apart, block=block))
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
                    first = max(first, step if same and lead_rank(y.type.shape) == k else step + 1)
                continue
            eq = self.defined[y]
            todo += [(z, kept and keeps_lead(eq, i, k)) for i, z in enumerate(eq.operands) if type(z) is Var]
        return first


def _computed_twice(made: Plan) -> set[Var]:
    """Return dear values that more than one nest would compute."""
    nests: dict[Var, set[int]] = {}
    for i, step in enumerate(made.steps):
        if not isinstance(step, Nest | Row | Bits | Update | Matrix):
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
        if name in _DEAR or name in REDUCTIONS or (name in _DEAR_OF_COMPLEX and is_complex(eq.operands[0].type)):
            return True
        count += not is_view(eq)
        todo += eq.operands
    return count > 4
