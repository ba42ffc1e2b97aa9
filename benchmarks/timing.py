"""Time calls side by side, and check first that they compute the same.

Rounds of all contenders in turn, so that a noisy machine is noisy for all; what is compared
is the median. A first call is timed apart: it traces and compiles.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Call = Callable[[], Any]


@dataclass
class Times:
    """What one contender took: the first call, and each round's mean of a call. In seconds."""

    first: float
    rounds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Return the median of the rounds."""
        return statistics.median(self.rounds)


def start(builders: dict[str, Callable[[], Call]], say: Callable[[str], None] = print) -> tuple[dict, dict]:
    """Return the calls that can be built, and the times of their first calls.

    A builder may raise ImportError: its library or its compiler is not there, and it is left out.
    """
    calls: dict[str, Call] = {}
    times: dict[str, Times] = {}
    for name, build in builders.items():
        try:
            begin = time.perf_counter()
            call = build()
            call()
        except ImportError as error:
            say(f"  {name} is left out: {error}")
            continue
        calls[name], times[name] = call, Times(time.perf_counter() - begin)
    return calls, times


def measure(
    calls: dict[str, Call], times: dict[str, Times], rounds: int, least: float = 0.02, most: float = 60
) -> None:
    """Fill in the times of the rounds.

    Each contender's turn in a round takes at least `least` seconds; after `most` seconds, and
    three rounds, it is enough.
    """
    repeats = {name: _repeats(call, least) for name, call in calls.items()}
    begin = time.perf_counter()
    for turn in range(rounds):
        for name, call in calls.items():
            gc.collect()
            times[name].rounds.append(seconds(call, repeats[name]))
        if turn >= 2 and time.perf_counter() - begin > most:
            break


def _repeats(call: Call, least: float) -> int:
    return max(1, int(least / max(seconds(call, 1), 1e-9)))


def seconds(call: Call, repeats: int) -> float:
    """Return the mean time of a call."""
    begin = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - begin) / repeats


def arrays(result: Any) -> list[np.ndarray]:
    """Return the arrays of a nested result in order, whatever library they are of."""
    if isinstance(result, dict):
        result = [result[k] for k in sorted(result)]
    if isinstance(result, tuple | list):
        return [a for part in result for a in arrays(part)]
    return [np.array(result)]


def distance(ours: Any, theirs: Any) -> float:
    """Return the largest difference, relative to the largest entry of the array that it is in; NaN where one is."""
    pairs: Iterable = zip(arrays(ours), arrays(theirs), strict=True)
    found = [0.0]
    for a, b in pairs:
        if (a.shape, a.dtype) != (b.shape, b.dtype):
            raise AssertionError(f"results of {a.dtype}{list(a.shape)} and {b.dtype}{list(b.shape)}")
        if a.size:
            scale = float(np.max(np.abs(a))) or 1.0
            found.append(float(np.max(np.abs(a - b))) / scale)
    return float(np.max(found))


def agree(calls: dict[str, Call], rtol: float) -> None:
    """Check that all compute what the first one computes: else a ratio means nothing."""
    results = {name: arrays(call()) for name, call in calls.items()}
    first, *others = results
    for name in others:
        found = distance(results[first], results[name])
        if not found <= rtol:
            raise AssertionError(f"{name} differs from {first} by {found:.1e}, more than {rtol:.0e}")
