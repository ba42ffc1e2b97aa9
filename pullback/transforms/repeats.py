"""repeats: the stretches of a sequence that repeat themselves, turn after turn.

A stretch of period p is a maximal interval in which every token equals the one p places
before. Periods that may occur are found by how far apart equal words are, for words of 1,
2, 4, 8 … tokens: in a stretch, a word recurs one period later. Words of doubled length are
numbered from pairs of the numbers of shorter ones (Karp, Miller and Rosenberg, "Rapid
identification of repeated patterns in strings, trees and arrays", STOC 1972), so that all
of it is O(n log² n).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["Stretch", "stretches"]

_PERIODS = 16  # periods that are tried for each length of words: those by which most words recur


class Stretch(NamedTuple):
    """Tokens from `start` to `stop` that repeat with a period."""

    start: int
    stop: int
    period: int

    @property
    def turns(self) -> int:
        """How often the period fits."""
        return (self.stop - self.start) // self.period


def stretches(tokens: np.ndarray, least_turns: int) -> list[Stretch]:
    """Return the maximal stretches of at least so many turns, those of small period first, then long ones.

    They may overlap. Of one stretch, only its smallest period is given.

    Examples
    --------
    >>> stretches(np.array([7, 1, 2, 1, 2, 1, 2, 1, 9]), 3)
    [Stretch(start=1, stop=8, period=2)]
    """
    found: list[Stretch] = []
    for p in sorted(_periods(tokens, least_turns)):
        for start, stop in _equal(tokens, p):
            stretch = Stretch(start, stop + p, p)
            if stretch.turns >= least_turns and not _is_multiple(tokens, stretch):
                found.append(stretch)
    return sorted(found, key=lambda s: (s.period, s.start - s.stop))


def _periods(tokens: np.ndarray, least_turns: int) -> set[int]:
    """Return the distances by which many words recur."""
    n, length = len(tokens), 1
    words = np.unique(tokens, return_inverse=True)[1].astype(np.int64)
    found: set[int] = set()
    while len(words) > 1 and length * least_turns <= 2 * n:
        order = np.argsort(words, kind="stable")
        apart, same = np.diff(order), np.diff(words[order]) == 0
        votes = np.bincount(apart[same], minlength=1)
        best = np.argsort(votes, kind="stable")[: -_PERIODS - 1 : -1]
        found.update(int(p) for p in best if votes[p] >= least_turns - 1 and p * least_turns <= n)
        pairs = words[:-length] * (int(words.max()) + 1) + words[length:]
        words = np.unique(pairs, return_inverse=True)[1].astype(np.int64)
        length *= 2
    return found


def _equal(tokens: np.ndarray, p: int) -> list[tuple[int, int]]:
    """Return the intervals of at least p places i in which tokens i and i + p are equal."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], tokens[p:] == tokens[:-p], [False]))))
    starts, stops = edges[::2], edges[1::2]
    return [(int(a), int(b)) for a, b in zip(starts, stops, strict=True) if b - a >= p]


def _is_multiple(tokens: np.ndarray, stretch: Stretch) -> bool:
    """Return whether a part of the period is a period too."""
    start, stop, p = stretch
    divisors = (d for d in range(1, p // 2 + 1) if p % d == 0)
    return any(bool(np.array_equal(tokens[start : stop - d], tokens[start + d : stop])) for d in divisors)
