"""turns: how data flows through a stretch of equations that repeats itself.

An operand at one place of a turn is, in every turn alike: a result of the same turn; one of
an earlier turn (it is *carried*, and the first turns take it from outside); the same value
from outside, or the same literal; or another value from outside in each turn (it *varies*).
Turns at either end where that does not hold are left out. Where a turn begins is free: it
begins where the fewest bytes are carried over.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from pullback.core.program import Equation, Literal, Var

from .repeats import Stretch

__all__ = ["Carried", "Same", "Turns", "Varying", "Within", "turns_of"]

_ARRAY_BYTES = 8  # what carrying anything costs beside its own bytes


class Within(NamedTuple):
    """A result of the same turn: of its equation at a place."""

    place: int
    result: int


class Carried(NamedTuple):
    """A result of an earlier turn; `first` are the values of the turns before the first, the oldest in front."""

    place: int
    result: int
    first: tuple[Any, ...]


class Same(NamedTuple):
    """The same variable or literal from outside."""

    value: Any


class Varying(NamedTuple):
    """Another variable or literal from outside in each turn."""

    values: tuple[Any, ...]


class Turns(NamedTuple):
    """A stretch cut into turns; `sources` has one entry an operand, in order, for each equation of a turn."""

    start: int
    period: int
    count: int
    sources: tuple[tuple[Any, ...], ...]

    @property
    def stop(self) -> int:
        """The equation after the last turn."""
        return self.start + self.period * self.count

    def part(self, equations: Sequence[Equation], low: int, high: int) -> Turns:
        """Return the turns from low to high of these."""
        if (low, high) == (0, self.count):
            return self

        def before(source: Carried) -> tuple[Any, ...]:
            n = len(source.first)
            made = [equations[self.start + k * self.period + source.place].results[source.result] for k in range(low)]
            return (*source.first, *made)[-n:] if n <= low else (*source.first[low:], *made)

        def cut(source: Any) -> Any:
            if isinstance(source, Varying):
                return Varying(source.values[low:high])
            return source._replace(first=before(source)) if isinstance(source, Carried) else source

        sources = tuple(tuple(cut(source) for source in row) for row in self.sources)
        return Turns(self.start + low * self.period, self.period, high - low, sources)


def turns_of(
    equations: Sequence[Equation], where: dict[Any, tuple[int, int]], stretch: Stretch, least: int
) -> Turns | None:
    """Return the turns of a stretch of equations, or None if fewer than `least` of them flow alike.

    Parameters
    ----------
    where : dict
        For each variable that an equation binds, the equation's number, and which of its results it is.
    """
    start, stop, p = stretch
    start += _best_shift(equations, where, stretch)
    count = (stop - start) // p
    if count < least:
        return None
    flow = _Flow(equations, where, start, p, count)
    low, high = flow.common()
    while high - low >= least:
        sources = flow.sources(low, high)
        if sources is not None:
            return Turns(start + low * p, p, high - low, sources)
        low += 1  # a first turn may read what is carried from a place of its own
        if low > least:
            break
    return None


def _best_shift(equations: Sequence[Equation], where: dict, stretch: Stretch) -> int:
    """Return where in the period a turn begins, so that the fewest bytes are carried."""
    start, stop, p = stretch
    middle = start + (stretch.turns // 2) * p
    reach: dict[tuple[int, int], tuple[int, int]] = {}  # (place, result): how far ahead it is read, and its cost
    for at in range(middle, min(middle + p, stop - p)):
        for x, y in zip(equations[at].operands, equations[at + p].operands, strict=True):
            if type(x) is not Var or type(y) is not Var or x not in where or y not in where:
                continue
            (i, k), (j, n) = where[x], where[y]
            if i >= start and j == i + p and k == n:
                key, cost = ((i - start) % p, k), _ARRAY_BYTES + getattr(x.type, "nbytes", 0)
                reach[key] = max(reach.get(key, (0, 0)), (at - i, cost))
    # A value at place a that is read d ahead is carried over d // p turns, and one more if the turn
    # begins in one of the d % p places behind it.
    change = [0] * (p + 1)
    for (a, _), (d, cost) in reach.items():
        first, rest = a + 1, d % p
        for low, high in ((first, min(first + rest, p)), (0, first + rest - p)):
            if low < high:
                change[low] += cost
                change[high] -= cost
    best, lowest, now = 0, math.inf, 0
    for shift in range(p):
        now += change[shift]
        if now < lowest:
            best, lowest = shift, now
    return best


class _Flow:
    """What the operands at each place of a turn are, turn by turn."""

    def __init__(self, equations: Sequence[Equation], where: dict, start: int, p: int, count: int) -> None:
        self.where, self.start, self.p, self.count = where, start, p, count
        self.columns: list[list[list[Any]]] = []  # by place, by operand: the operands of all turns
        for j in range(p):
            rows = [equations[start + k * p + j].operands for k in range(count)]
            self.columns.append([list(column) for column in zip(*rows, strict=True)])
        self.middle = count // 2

    def common(self) -> tuple[int, int]:
        """Return the turns, from and to, in which every operand is what it is in the middle one."""
        low, high = 0, self.count
        for j, columns in enumerate(self.columns):
            for column in columns:
                a, b = self._alike(j, column)
                low, high = max(low, a), min(high, b)
        return low, high

    def _alike(self, j: int, column: list[Any]) -> tuple[int, int]:
        m, n = self.middle, self.count
        seen = _identity(column[m])
        a, b = _around(m, n, lambda k: _identity(column[k]) == seen)
        if 2 * (b - a) > n:
            return max(a, self._turn(column[m]) + 1), b
        back = self._back(j, m, column)
        if back is not None:
            a, b = _around(m, n, lambda k: self._back(j, k, column) == back)
            return max(0, a - self._distance(j, back[0])), b
        return _around(m, n, lambda k: self._turn(column[k]) < 0)

    def sources(self, low: int, high: int) -> tuple[tuple[Any, ...], ...] | None:
        """Return what each operand is in turns from low to high; None where the first turns read what they make."""
        found = []
        for j, columns in enumerate(self.columns):
            row = [self._source(j, column, low, high) for column in columns]
            if None in row:
                return None
            found.append(tuple(row))
        return tuple(found)

    def _source(self, j: int, column: list[Any], low: int, high: int) -> Any:
        last = high - 1
        seen = _identity(column[last])
        if all(_identity(column[k]) == seen for k in range(low, high)):
            return Same(column[last]) if self._turn(column[last]) < low else None
        back = self._back(j, last, column)
        if back is None:
            values = tuple(column[low:high])
            return Varying(values) if all(self._turn(x) < low for x in values) else None
        distance = self._distance(j, back[0])
        if any(self._back(j, k, column) != back for k in range(low + distance, high)):
            return None
        first = tuple(column[low : low + distance])
        if any(self._turn(x) >= low for x in first):
            return None
        place = (j - back[0]) % self.p
        return Carried(place, back[1], first) if distance else Within(place, back[1])

    def _turn(self, x: Any) -> int:
        """Return the turn that makes a value; negative if it comes from before."""
        at = self.where.get(x) if type(x) is Var else None
        return -1 if at is None else (at[0] - self.start) // self.p

    def _back(self, j: int, k: int, column: list[Any]) -> tuple[int, int] | None:
        """Return how many equations before it the operand of turn k is made, and as which result; None: outside."""
        x = column[k]
        at = self.where.get(x) if type(x) is Var else None
        if at is None or at[0] < self.start:
            return None
        return self.start + k * self.p + j - at[0], at[1]

    def _distance(self, j: int, back: int) -> int:
        """Return over how many turns a value is carried that is made so many equations before place j."""
        return ((j - back) % self.p + back - j) // self.p


def _identity(x: Any) -> Any:
    return x.key if type(x) is Literal else x


def _around(m: int, n: int, holds: Any) -> tuple[int, int]:
    """Return the interval around m, within 0 … n, in which something holds."""
    a, b = m, m + 1
    while a > 0 and holds(a - 1):
        a -= 1
    while b < n and holds(b):
        b += 1
    return a, b
