"""Ranges: what is known of an index register, and which part of a whole it falls into.

A register that counts a loop runs over a range known here; what is a sum of such counters
with known factors is kept beside the register's name, so that a later division, or the
choice between the parts of a concatenation, is often decided at code generation. Where a
choice is not decided, the loop can be cut in two at the place where it turns: `Split` asks
the nest to do that.
"""

from __future__ import annotations

from typing import Any

__all__ = ["Index", "Split", "divided", "interval", "known", "piece", "plus", "times"]

Index = str | int  # a register of i64, or a known number
Affine = tuple[dict[str, int], int]  # factors of loop counters, and a constant


class Split(Exception):
    """A loop must be cut at `points`, values of the counter of the loop at `depth`."""

    def __init__(self, depth: int, points: list[int]) -> None:
        super().__init__(depth, points)
        self.depth, self.points = depth, points


def known(e: Any, a: Index) -> Affine | None:
    """Return an index as factors of loop counters and a constant, if it is known to be that."""
    return ({}, a) if isinstance(a, int) else e.affine.get(a)


def plus(e: Any, a: Index, b: Index) -> Index:
    """Return a + b."""
    if isinstance(a, int) and isinstance(b, int):
        return a + b
    if a == 0 or b == 0:
        return b if a == 0 else a
    p, q = known(e, a), known(e, b)
    if p is None or q is None:
        return e.op(f"add nsw i64 {a}, {b}")
    factors = dict(p[0])
    for counter, c in q[0].items():
        factors[counter] = factors.get(counter, 0) + c
    return _noted(e, f"add nsw i64 {a}, {b}", ({k: c for k, c in factors.items() if c}, p[1] + q[1]))


def times(e: Any, a: Index, b: int) -> Index:
    """Return a * b."""
    if isinstance(a, int):
        return a * b
    if b in (0, 1):
        return a if b else 0
    p = known(e, a)
    if p is None:
        return e.op(f"mul nsw i64 {a}, {b}")
    return _noted(e, f"mul nsw i64 {a}, {b}", ({k: c * b for k, c in p[0].items()}, p[1] * b))


def _noted(e: Any, text: str, value: Affine) -> Index:
    if not value[0]:
        return value[1]
    if value[1] == 0 and len(value[0]) == 1:  # a counter itself, come back
        ((counter, c),) = value[0].items()
        if c == 1:
            return counter
    key = frozenset(value[0].items()), value[1]
    if key not in e.sums:
        e.sums[key] = e.op(text)
        e.affine[e.sums[key]] = value
    return e.sums[key]


def interval(e: Any, a: Index) -> tuple[int, int] | None:
    """Return the least and the greatest value of an index, if known."""
    p = known(e, a)
    if p is None:
        return None
    low = high = p[1]
    for counter, c in p[0].items():
        first, last, _ = e.counters[counter]
        low, high = low + min(c * first, c * last), high + max(c * first, c * last)
    return low, high


def divided(e: Any, a: Index, n: int) -> tuple[Index, Index] | None:
    """Return quotient and remainder of an index by n, if they are sums of loop counters themselves."""
    p = known(e, a)
    if p is None:
        return None
    whole, rest = divmod(p[1], n)
    inner = {k: c for k, c in p[0].items() if c % n}
    span = interval(e, a)
    if span is not None and span[0] // n == span[1] // n:
        q = span[0] // n
        return q, plus(e, a, -q * n)
    low = rest + sum(min(c * e.counters[k][0], c * e.counters[k][1]) for k, c in inner.items())
    high = rest + sum(max(c * e.counters[k][0], c * e.counters[k][1]) for k, c in inner.items())
    if low // n != high // n:
        return None
    quotient: Index = whole + low // n
    for k, c in p[0].items():
        if not c % n:
            quotient = plus(e, quotient, times(e, k, c // n))
    return quotient, plus(e, a, times(e, quotient, -n))


def piece(e: Any, a: Index, edges: list[int]) -> int | None:
    """Return which part of ``edges[0] <= … <= edges[-1]`` an index falls into; or raise `Split`; or None.

    Empty parts are never chosen.
    """
    span = (a, a) if isinstance(a, int) else interval(e, a)
    if span is None:
        return None
    first = _part(edges, span[0])
    if first == _part(edges, span[1]):
        return first
    factors, constant = e.affine[a]
    if len(factors) != 1:
        return None
    ((counter, c),) = factors.items()
    depth = e.counters[counter][2]
    if depth is None or depth in e.whole:
        return None
    points = {_turning(c, constant, p) for p in edges[1:-1] if span[0] < p <= span[1]}
    raise Split(depth, sorted(points))


def _part(edges: list[int], i: int) -> int:
    for k in range(len(edges) - 1):
        if i < edges[k + 1]:
            return k
    return len(edges) - 2


def _turning(c: int, constant: int, p: int) -> int:
    """Return the first value of a counter on the other side of p, for the index ``c * counter + constant``."""
    if c > 0:
        return -((constant - p) // c)
    return (constant - p) // -c + 1
