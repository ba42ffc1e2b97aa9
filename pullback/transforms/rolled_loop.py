"""rolled_loop: the turns of a stretch as one `loop` equation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from pullback.core.program import Equation, Literal, Program, Var, intern
from pullback.core.types import ArrayType, array_type
from pullback.primitives.loop import loop
from pullback.primitives.loop_parts import TURN, stacked_type
from pullback.primitives.shaping import broadcast

from .rows import Rows, row_of, step_of
from .simplify import drop_dead
from .turns import Carried, Same, Turns, Varying, Within

__all__ = ["can_roll", "write_loop"]


def can_roll(turns: Turns, equations: Sequence[Equation]) -> bool:
    """Return whether what varies can be an array: no tapes, and no Python integers that might not fit."""
    for eq, row in zip(equations[turns.start :], turns.sources, strict=False):
        if not all(isinstance(x.type, ArrayType) for x in eq.results):
            return False
        for source in row:
            if isinstance(source, Carried | Varying):
                values = source.first if isinstance(source, Carried) else source.values
                if not isinstance(values[0].type, ArrayType) or not _fits(eq, values):
                    return False
    return True


def _fits(eq: Equation, values: tuple) -> bool:
    """Return whether Python integers among values fit into the integers that they meet: NumPy raises where not."""
    numbers = [x.value for x in values if type(x) is Literal and type(x.value) is int]
    if not numbers:
        return True
    dtypes = [x.type.dtype for x in eq.operands]
    wide = all(d.kind not in "iu" or d.str[1:] == "i8" for d in dtypes)
    return wide and min(numbers) >= -(2**63) and max(numbers) < 2**63


def write_loop(turns: Turns, equations: Sequence[Equation], rows: Rows, last: Mapping[Var, int]) -> Program:
    """Write the loop that runs the turns, to `rows.out`, and return its body.

    Parameters
    ----------
    rows : Rows
        Learns which variables are rows of what the loop gives.
    last : mapping
        The last equation that reads each variable.
    """
    return _Writer(turns, equations, rows, last).write()


class _Writer:
    def __init__(self, turns: Turns, equations: Sequence[Equation], rows: Rows, last: Mapping[Var, int]) -> None:
        self.turns, self.all, self.rows, self.last = turns, equations, rows, last
        self.equations = equations[turns.start : turns.start + turns.period]
        self.consts: dict[Any, Var] = {}  # outer value to input of the body
        self.carry: dict[Any, tuple[Var, Any, Any]] = {}  # key to input of the body, first value, new value
        self.xs: dict[Any, tuple[Var, tuple]] = {}  # key to input of the body, values turn by turn
        self.made = [tuple(Var(x.type) for x in eq.results) for eq in self.equations]

    def write(self) -> Program:
        turns = self.turns
        taken = {j for j, eq in enumerate(self.equations) if self._is_row(j, eq)}
        body = [
            Equation(eq.primitive, tuple([self._operand(s) for s in sources]), made, eq.params, eq.source)
            for j, (eq, sources, made) in enumerate(zip(self.equations, turns.sources, self.made, strict=True))
            if j not in taken
        ]
        reverse = self._runs_back()
        kept: list[tuple[Var, Var]] = []  # what the body writes down, and the array of it
        ends: dict[Any, Var] = {}  # carry to the variable that is its last value
        for j, made in enumerate(self.made):
            for k, x in enumerate(made):
                if j in taken:
                    self._pass_on(j, x)
                else:
                    self._hand_out(j, k, reverse, kept, ends)
        arrays = [self.rows.array(values[::-1] if reverse else values) for _, values in self.xs.values()]
        inputs = (
            Var(TURN),
            *self.consts.values(),
            *(c[0] for c in self.carry.values()),
            *(x for x, _ in self.xs.values()),
        )
        outputs = (*(c[2] for c in self.carry.values()), *(y for y, _ in kept))
        program = intern(drop_dead(Program(inputs, tuple(body), outputs)))
        params = {
            "body": program, "predicate": None, "length": turns.count,
            "n_consts": len(self.consts), "n_carry": len(self.carry), "reverse": reverse,
        }  # fmt: skip
        operands = tuple(self.rows.read(x) for x in (*self.consts, *(c[1] for c in self.carry.values())))
        results = (*(ends.get(key) or Var(c[0].type) for key, c in self.carry.items()), *(array for _, array in kept))
        self.rows.out.append(Equation(loop, (*operands, *arrays), results, params, self.equations[0].source))
        return program

    # What comes in ------------------------------------------------------------------------------

    def _operand(self, source: Any) -> Any:
        if isinstance(source, Within):
            return self.made[source.place][source.result]
        if isinstance(source, Carried):
            return self._carried(source)
        if isinstance(source, Varying):
            return self._element(source.values)
        if type(source.value) is Literal:
            return source.value
        return self.consts.setdefault(source.value, Var(source.value.type))

    def _carried(self, source: Carried) -> Var:
        key = source.place, source.result, tuple(map(_key, source.first))
        if key not in self.carry:
            newer = source._replace(first=source.first[1:])
            new = self._carried(newer) if newer.first else self.made[source.place][source.result]
            self.carry[key] = Var(source.first[0].type), source.first[0], new
        return self.carry[key][0]

    def _element(self, values: tuple) -> Var:
        return self.xs.setdefault(tuple(map(_key, values)), (Var(values[0].type), values))[0]

    def _is_row(self, j: int, eq: Equation) -> bool:
        """Take what reads one row of an array a turn, in order, as an element of that array."""
        array, *index = self.turns.sources[j] or (None,)
        if not (isinstance(array, Same) and len(index) == 1 and isinstance(index[0], Varying)):
            return False
        found = [row_of(eq, (array.value, i)) for i in index[0].values]
        if None in found or step_of([row[1] for row in found if row]) is None:
            return False
        results = [self._result(j, 0, k) for k in range(self.turns.count)]
        self.made[j] = (self._element(tuple(results)),)
        return True

    def _runs_back(self) -> bool:
        """Return whether most of what is read is read from the last row to the first."""
        votes = 0
        for x, values in self.xs.values():
            for a, b in pairwise(map(self.rows.find, values)):
                if a is not None and b is not None and a[0] is b[0] and abs(a[1] - b[1]) == 1:
                    votes += (a[1] - b[1]) * max(x.type.nbytes, 1)
        return votes > 0

    # What goes out ------------------------------------------------------------------------------

    def _result(self, j: int, k: int, turn: int) -> Var:
        return self.all[self.turns.start + turn * self.turns.period + j].results[k]

    def _read_after(self, j: int, k: int) -> list[tuple[int, Var]]:
        """Return the turns whose result at a place is read after the stretch, and the results."""
        results = [(turn, self._result(j, k, turn)) for turn in range(self.turns.count)]
        return [(turn, x) for turn, x in results if self.last.get(x, -1) >= self.turns.stop]

    def _pass_on(self, j: int, x: Var) -> None:
        """Let who reads a row of an outer array after the stretch read it from that array."""
        for _, y in self._read_after(j, 0):
            found = self.rows.find(y)
            assert found is not None
            self.rows.add(y, *found)

    def _hand_out(self, j: int, k: int, reverse: bool, kept: list, ends: dict) -> None:
        read, n = self._read_after(j, k), self.turns.count
        if not read:
            return
        made = self.made[j][k]
        if [turn for turn, _ in read] == [n - 1] and not any(key[:2] == (j, k) for key in self.carry):
            self.carry[j, k, (None,)] = Var(made.type), self._anything(made.type), made
        carried = {n - len(key[2]): key for key in self.carry if key[:2] == (j, k)}  # turns whose results are at hand
        if any(turn not in carried for turn, _ in read):
            array = Var(stacked_type(made.type.strong, n))
            kept.append((made, array))
            for turn, x in read:
                self.rows.add(x, array, n - 1 - turn if reverse else turn)
        for turn, x in read:
            if turn in carried:
                ends[carried[turn]] = x
                self.rows.missing.discard(x)

    def _anything(self, wanted: ArrayType) -> Any:
        """Return a value of a type: what is carried only to be read at the end starts from it."""
        for x in (*self.consts, *(c[1] for c in self.carry.values())):
            if x.type.strong is wanted.strong and type(x) is Var:
                return x
        zero = Literal(wanted.dtype.type(0))
        if not wanted.shape:
            return zero
        result = Var(array_type(wanted.shape, wanted.dtype))
        self.rows.out.append(Equation(broadcast, (zero,), (result,), {"shape": wanted.shape}))
        return result


def _key(x: Any) -> Any:
    return x.key if type(x) is Literal else x
