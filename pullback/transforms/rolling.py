"""rolling: loops that Python has unrolled, rolled up again.

Tracing runs a Python `for` to its end, and what it wrote down repeats itself: a thousand
time steps, fifty layers alike. Equations are numbered by what they do (primitive,
parameters, types), stretches of a period are found among the numbers (`repeats`), and where
data flows alike in every turn (`turns`), the stretch becomes one `loop`:

- what a turn reads of the turns before is the carry;
- what differs from turn to turn is an element of xs: rows of one array in order, or in
  reverse order, are a part of that array; literals become an array; separate arrays are
  stacked;
- what is read after the stretch is the carry at the end, if only the last turn's is read, and
  else a ys, of which later readers take rows. A later stretch that reads them in order, or
  in reverse order, as a reverse sweep does, reads the whole array as its xs.

Inner repeats come first: their loops are equations, and repeats of those are found in the
next round, until there are none. The pass is for the engine: it comes after all derivatives,
computes what was computed, in the same order, and keeps every effect in its place. The
variables of the Program outside of loops stay as they are, and so do their types: a Python
scalar that a loop hands out stays weak, where the type rule of a `loop` would make it strong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from pullback.core.primitive import freeze
from pullback.core.program import Equation, Program, Var

from .repeats import Stretch, stretches
from .rolled_loop import can_roll, write_loop
from .rows import Rows, row_of
from .turns import Turns, Varying, turns_of

__all__ = ["rolled"]

LEAST_TURNS = 6
LEAST_WORK = 96  # equations that rolling saves, weighted: fewer are better fused
_HEAVY = 16  # what an equation that is no elementwise one counts for
_FEW = 2  # turns at the ends that may stay outside
_ROUNDS = 8  # how deep loops may nest
_FAILURES = 100  # stretches of a round whose data flows otherwise


def rolled(program: Program) -> tuple[Program, list[Program]]:
    """Return a flat Program with its repeats as loops, and the bodies of those loops.

    Examples
    --------
    >>> import pullback as pb
    >>> def steps(x):
    ...     for _ in range(100):
    ...         x = x * 0.5 + 1.0
    ...     return x
    >>> program, bodies = rolled(pb.trace(steps)(3.0))
    >>> [eq.primitive.name for eq in program.equations]
    ['loop']
    """
    bodies: list[Program] = []
    for _ in range(_ROUNDS):
        enough = any(work > LEAST_WORK for work in accumulate(map(_weight, program.equations)))
        found = _Round(program).run() if enough else None
        if found is None:
            break
        program = found[0]
        bodies += found[1]
    return program, bodies


class _Round:
    """One round: the innermost repeats of a Program become loops."""

    def __init__(self, program: Program) -> None:
        constants = [eq for eq in program.equations if eq.primitive.name == "constant"]
        outside = {*program.inputs, *(x for x, _ in program.constants), *(eq.results[0] for eq in constants)}
        self.rows: dict[Var, tuple[Var, int]] = {}  # of arrays from outside: they are read where they are needed
        others: list[Equation] = []
        for eq in program.equations:
            row = row_of(eq, eq.operands)
            if row is not None and row[0] in outside:
                self.rows[eq.results[0]] = row
            elif eq.primitive.name != "constant":
                others.append(eq)
        self.program, self.equations = program, [*constants, *others]
        self.where = {x: (i, k) for i, eq in enumerate(self.equations) for k, x in enumerate(eq.results)}
        self.first = len(constants)  # constants come from nowhere: they stand before all turns

    def run(self) -> tuple[Program, list[Program]] | None:
        chosen = self._chosen()
        return self._written(chosen) if chosen else None

    # Which ------------------------------------------------------------------------------------

    def _chosen(self) -> list[Turns]:
        """Return stretches that do not overlap, in order."""
        tokens = np.array(_tokens(self.equations[self.first :]), np.int64)
        taken = np.zeros(len(tokens), bool)
        chosen: list[Turns] = []
        failures = 0
        for stretch in stretches(tokens, LEAST_TURNS):
            for free in _free(taken, stretch):
                if failures > _FAILURES or not self._is_worth(free):
                    continue
                placed = Stretch(free.start + self.first, free.stop + self.first, free.period)
                turns = turns_of(self.equations, self.where, placed, LEAST_TURNS)
                if turns is None or not can_roll(turns, self.equations):
                    failures += 1
                    continue
                chosen.append(turns)
                taken[turns.start - self.first : turns.stop - self.first] = True
        return sorted(chosen, key=lambda t: t.start)

    def _is_worth(self, stretch: Stretch) -> bool:
        if stretch.turns < LEAST_TURNS:
            return False
        at = self.first + stretch.start
        work = sum(_weight(eq) for eq in self.equations[at : at + stretch.period])
        return work * (stretch.turns - 1) >= LEAST_WORK

    # The new Program ----------------------------------------------------------------------------

    def _written(self, chosen: list[Turns]) -> tuple[Program, list[Program]]:
        out: list[Equation] = []
        bodies: list[Program] = []
        rows, last = Rows(self._defined, out), _last_uses(self.equations, self.program.outputs)
        for x, row in self.rows.items():
            rows.add(x, *row)
        at = 0
        for turns in chosen:
            turns = self._even(turns, rows)
            self._copy(at, turns.start, rows)
            bodies.append(write_loop(turns, self.equations, rows, last))
            at = turns.stop
        self._copy(at, len(self.equations), rows)
        for x in self.program.outputs:
            rows.read(x)
        p = self.program
        return Program(p.inputs, tuple(out), p.outputs, p.constants, p.signature), bodies

    def _defined(self, x: Var) -> Equation | None:
        at = self.where.get(x)
        return None if at is None else self.equations[at[0]]

    def _copy(self, start: int, stop: int, rows: Rows) -> None:
        for eq in self.equations[start:stop]:
            if rows.missing:
                for x in eq.operands:
                    rows.read(x)
            rows.out.append(eq)

    def _even(self, turns: Turns, rows: Rows) -> Turns:
        """Return the turns without a few at the ends, whose values are no rows of the array that the others' are."""
        low, high = 0, turns.count
        for eq_sources in turns.sources:
            for source in eq_sources:
                if isinstance(source, Varying):
                    kinds = [rows.kind(x) for x in source.values]
                    middle = kinds[len(kinds) // 2]
                    low = max(low, next(i for i, kind in enumerate(kinds) if kind is middle))
                    high = min(high, len(kinds) - next(i for i, kind in enumerate(kinds[::-1]) if kind is middle))
        few = low + turns.count - high <= max(_FEW, turns.count // 16)
        return turns.part(self.equations, low, high) if few and high - low >= LEAST_TURNS else turns


def _tokens(equations: Sequence[Equation]) -> list[int]:
    """Return a number for each equation: equal for equations that do the same on values of the same types."""
    numbers: dict[Any, int] = {}
    found = []
    for eq in equations:
        key = eq.primitive, freeze(eq.params), tuple([x.type for x in eq.operands]), tuple([x.type for x in eq.results])
        found.append(numbers.setdefault(key, len(numbers)))
    return found


def _free(taken: np.ndarray, stretch: Stretch) -> Iterator[Stretch]:
    """Yield the parts of a stretch that are not taken."""
    start, stop, p = stretch
    edges = np.flatnonzero(np.diff(np.concatenate(([True], taken[start:stop], [True]))))
    for a, b in zip(edges[::2], edges[1::2], strict=True):
        yield Stretch(start + int(a), start + int(b), p)


def _weight(eq: Equation) -> int:
    if row_of(eq, eq.operands) is not None:
        return 0
    shape = eq.results[0].type.shape if len(eq.results) == 1 and hasattr(eq.results[0].type, "shape") else None
    simple = shape is not None and eq.primitive.name != "contract" and not eq.primitive.holds_programs
    sizes = [x.type.size for x in eq.operands if hasattr(x.type, "size")]
    return 1 if simple and eq.results[0].type.size >= max(sizes, default=0) else _HEAVY


def _last_uses(equations: Sequence[Equation], outputs: Sequence[Any]) -> dict[Var, int]:
    """Return the last equation that reads each variable; beyond all equations for an output."""
    last = {x: i for i, eq in enumerate(equations) for x in eq.operands if type(x) is Var}
    last.update((x, len(equations)) for x in outputs if type(x) is Var)
    return last
