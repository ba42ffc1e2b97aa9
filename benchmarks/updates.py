"""Single-element writes into a vector, compiled: n of them cost O(n), forward and in reverse.

Three loops of n writes into an n-vector, each as one writes it in NumPy:

    fori_loop   ``y[i] = f(y[i - 1], x[i])`` in the body of a loop, y in its carry
    row by row  ``table[i] += x[i] * w`` into the rows of a matrix of n by 8
    unrolled    the first one as a Python loop, which writes out n updates (n is small: tracing is what takes time)

Printed for each: seconds of a value and of a gradient at each n, and the exponent b of n^b, fitted to the
larger half. A copy for each write would be n^2. Run it with ``python -m benchmarks.updates``, or with
``--quick`` for a few small sizes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import pullback as pb

from .engine.growth import exponent
from .timing import Call, measure, start

LONG = (10_000, 30_000, 100_000, 300_000, 1_000_000)
SHORT = (100, 200, 400, 800)
QUICK = (1000, 3000, 10_000)
ROUNDS = 5


def written(x: Any) -> Any:
    """Return the sum of squares of a vector that a loop writes element by element."""

    def turn(i: Any, y: Any) -> Any:
        y[i] = 0.5 * y[i - 1] + np.sin(x[i])
        return y

    y = np.zeros(len(x))
    y[0] = x[0]
    return np.sum(pb.fori_loop(1, len(x), turn, y) ** 2)


def rows(x: Any) -> Any:
    """Return the sum of squares of a matrix that a loop adds to row by row."""
    w = np.linspace(1.0, 2.0, 8)

    def turn(i: Any, table: Any) -> Any:
        table[i] += x[i] * w
        return table

    return np.sum(pb.fori_loop(0, len(x), turn, np.ones((len(x), 8))) ** 2)


def unrolled(x: Any) -> Any:
    """Return what `written` does, by a loop of Python's."""
    y = np.zeros(len(x))
    y[0] = x[0]
    for i in range(1, len(x)):
        y[i] = 0.5 * y[i - 1] + np.sin(x[i])
    return np.sum(y**2)


PROBLEMS: dict[str, tuple[Callable[[Any], Any], Sequence[int]]] = {
    "fori_loop": (written, LONG),
    "row by row": (rows, LONG),
    "unrolled": (unrolled, SHORT),
}


def curve(f: Callable[[Any], Any], sizes: Sequence[int], rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Return the seconds of a compiled value and of a compiled gradient at each size."""
    found: dict[str, list[float]] = {"value": [], "gradient": []}
    for n in sizes:
        x = np.linspace(0.1, 1.0, n)
        builders = {"value": _call(pb.jit(f), x), "gradient": _call(pb.jit(pb.grad(f)), x)}
        calls, times = start(builders)
        measure(calls, times, rounds, most=5)
        for name in found:
            found[name].append(times[name].median)
    return found


def _call(function: Callable[..., Any], x: np.ndarray) -> Callable[[], Call]:
    return lambda: lambda: function(x)


def main(quick: bool = False) -> dict[str, dict[str, float]]:
    """Print all curves; return the exponents."""
    exponents: dict[str, dict[str, float]] = {}
    for name, (f, sizes) in PROBLEMS.items():
        chosen = (QUICK if sizes is LONG else SHORT[:3]) if quick else sizes
        found = curve(f, chosen)
        exponents[name] = {what: exponent(chosen, seconds) for what, seconds in found.items()}
        print(f"{name}, n = {', '.join(map(str, chosen))}")
        for what, seconds in found.items():
            shown = "  ".join(f"{1e9 * t / n:8.1f}" for t, n in zip(seconds, chosen, strict=True))
            print(f"  {what:9} ns a write: {shown}   n^{exponents[name][what]:.2f}")
    return exponents


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few small sizes")
    main(parser.parse_args().quick)
