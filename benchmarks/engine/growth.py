"""How time and memory of a gradient grow with the size of the problem."""

from __future__ import annotations

import gc
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


def memory(build: Callable[[], Call]) -> int:
    """Return the bytes of arrays that a function keeps between calls, and what a call needs at most in addition.

    The compiled engine keeps its work space, and a call adds its results; the evaluator keeps
    nothing, and all that it works with is added.
    """
    gc.collect()
    tracemalloc.start()
    try:
        call = build()
        call()
        gc.collect()
        arrays = tracemalloc.DomainFilter(inclusive=True, domain=np.lib.tracemalloc_domain)
        kept = sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces([arrays]).traces)
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        result = call()
        added = tracemalloc.get_traced_memory()[1] - before
        del result
    finally:
        tracemalloc.stop()
    return kept + added


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Return b of the least-squares line ``log value = a + b log size`` through the larger half of the sizes."""
    half = min(len(sizes) // 2, len(sizes) - 2)
    return float(np.polyfit(np.log(sizes[half:]), np.log(values[half:]), 1)[0])


def curve(name: str, size: str, rounds: int) -> dict:
    """Return what one problem takes at each of its sizes, and the exponents."""
    what, sizes, case = CURVES[name]
    found: dict[str, Any] = {"work": name, "n": what, "sizes": list(sizes[size]), "seconds": [], "bytes": []}
    for n in found["sizes"]:
        build = case(n).contenders[OURS]
        found["bytes"].append(memory(build))  # first: later there may be work space left, unseen
        calls, times = start({OURS: build})
        measure(calls, times, rounds, most=5)
        found["seconds"].append(times[OURS].median)
    found["time_exponent"] = exponent(found["sizes"], found["seconds"])
    found["memory_exponent"] = exponent(found["sizes"], found["bytes"])
    return found
