"""How time and memory of a gradient grow with the size of the problem."""

from __future__ import annotations

import gc
import threading
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.timing import Call, measure, start

from . import gmm, heat, recurrence
from .case import OURS, Case

# What grows, its sizes by the size of the run, and the case of a size.
CURVES: dict[str, tuple[str, dict[str, Sequence[int]], Callable[[int], Case]]] = {
    "recurrence": (
        "steps",
        {"tiny": (4, 8), "quick": (100, 300, 1000), "full": (1000, 3000, 10_000, 30_000, 100_000, 300_000)},
        recurrence.case,
    ),
    "gmm": (
        "points, d=10 K=25",
        {"tiny": (4, 8), "quick": (100, 300, 1000), "full": (250, 500, 1000, 2000, 4000, 8000)},
        lambda n: gmm.case(10, 25, n),
    ),
    "heat": (
        "cells, 20 steps",
        {"tiny": (16, 64), "quick": (32**2, 64**2, 128**2), "full": tuple(s * s for s in (64, 128, 256, 512, 1024))},
        lambda cells: heat.case(round(cells**0.5), 20),
    ),
}


def peak(call: Call) -> int:
    """Return the largest number of bytes that a call holds at once, its results among them.

    The call runs in a thread of its own, so that work space that a thread keeps is counted:
    what NumPy and Python allocate, that is.
    """
    gc.collect()
    found: list[Any] = []

    def run() -> None:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        found.append(call())
        found.append(tracemalloc.get_traced_memory()[1] - before)

    tracemalloc.start()
    try:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    finally:
        tracemalloc.stop()
    if not found:
        raise RuntimeError("the call failed in its thread")
    return found[-1]


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Return b of the least-squares line ``log value = a + b log size`` through the larger half of the sizes."""
    half = min(len(sizes) // 2, len(sizes) - 2)
    return float(np.polyfit(np.log(sizes[half:]), np.log(values[half:]), 1)[0])


def curve(name: str, size: str, rounds: int) -> dict:
    """Return what one problem takes at each of its sizes, and the exponents."""
    what, sizes, case = CURVES[name]
    found: dict[str, Any] = {"work": name, "n": what, "sizes": list(sizes[size]), "seconds": [], "bytes": []}
    for n in found["sizes"]:
        calls, times = start({OURS: case(n).contenders[OURS]})
        measure(calls, times, rounds, most=5)
        found["seconds"].append(times[OURS].median)
        found["bytes"].append(peak(calls[OURS]))
    found["time_exponent"] = exponent(found["sizes"], found["seconds"])
    found["memory_exponent"] = exponent(found["sizes"], found["bytes"])
    return found
