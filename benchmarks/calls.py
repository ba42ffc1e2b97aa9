"""What a call costs from Python: small work, NumPy in and out, beside jax.jit in the same run.

python -m benchmarks.calls            print the table, and write benchmarks/results/calls.json and .md
python -m benchmarks.calls --quick    fewer rounds, and nothing is written
python -m benchmarks.calls --core 1   on that core alone (Linux)

Rounds of all contenders in turn, medians, one thread; the ratio of medians is what counts. JAX
is called with NumPy arrays, as we are, and its result is waited for; with arrays that lie on its device
already it is a contender of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np

import pullback as pb

from .engine.__main__ import RESULTS, surroundings
from .engine.case import OURS
from .peers import jax
from .timing import Call, agree, measure, start

N = 10
NUMPY, DEVICE = "jax.jit, NumPy in", "jax.jit, JAX arrays in"


def rosenbrock(np: Any) -> Callable[[Any], Any]:
    """Return Rosenbrock's function, sum 100 (x' - x²)² + (1 - x)²."""
    return lambda x: np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def line(np: Any) -> Callable[[Any], Any]:
    """Return a function of an array that does next to nothing."""
    return lambda x: x * 2.0 + 1.0


def step(np: Any) -> Callable[[Any, Any], Any]:
    """Return a step of gradient descent on a dict of arrays."""
    return lambda p, g: {k: p[k] - 0.1 * g[k] for k in p}


def double(np: Any) -> Callable[[Any], Any]:
    """Return a function that doubles each array of a dict."""
    return lambda p: {k: v * 2.0 for k, v in p.items()}


def scalars(np: Any) -> Callable[..., Any]:
    """Return a function of two Python numbers."""
    return lambda a, b: a * b + 1.0


def alternating(f: Callable[..., Any], points: list[tuple]) -> Call:
    """Return a call of f at the next point: signatures in alternation."""
    turn = [0]

    def call() -> Any:
        turn[0] = (turn[0] + 1) % len(points)
        f(*points[turn[0]])
        return f(*points[0])

    return call


def cases() -> list[dict[str, Any]]:
    """Return the cases: work, the functions of both libraries, arguments, what we aim at, and how to call."""
    x = np.linspace(0.5, 1.5, N)
    tree = {f"w{i}": np.linspace(0.0, 1.0, 5) + i for i in range(20)}
    slopes = {k: v * 0.5 for k, v in tree.items()}
    points = [(np.linspace(0.0, 1.0, n),) for n in range(3, 11)]
    return [
        {"work": "value and gradient of Rosenbrock, n=10", "make": rosenbrock, "grad": True, "args": (x,), "aim": 10},
        {"work": "f64[10] -> f64[10]", "make": line, "args": (x,), "aim": 20},
        {"work": "dict of 20 arrays f64[5] -> dict of 20", "make": double, "args": (tree,), "aim": 10},
        {"work": "two dicts of 20 arrays f64[5] -> dict of 20", "make": step, "args": (tree, slopes)},
        {"work": "two Python numbers -> number", "make": scalars, "args": (2.0, 3.0)},
        {"work": "two calls, 8 signatures in alternation", "make": line, "args": points[0], "points": points},
    ]


def contenders(case: dict[str, Any]) -> dict[str, Callable[[], Call]]:
    """Return the builders of the calls of a case."""
    make, args, points = case["make"], case["args"], case.get("points")

    def ours() -> Call:
        f = make(np)
        g = pb.jit(pb.value_and_grad(f) if case.get("grad") else f)
        for p in 2 * (points or [args]):
            g(*p)
        return alternating(g, points) if points else lambda: g(*args)

    def theirs(convert: bool) -> Call:
        j = jax()
        f = make(j.numpy)
        g = j.jit(j.value_and_grad(f) if case.get("grad") else f)
        given = [j.tree_util.tree_map(j.numpy.asarray, p) if convert else p for p in points or [args]]
        for p in given:
            g(*p)
        run = alternating(g, given) if points else lambda: g(*given[0])
        return lambda: j.block_until_ready(run())

    return {OURS: ours, NUMPY: lambda: theirs(False), DEVICE: lambda: theirs(True)}


def run(rounds: int) -> dict[str, Any]:
    """Return what each contender took for each case."""
    rows = []
    for case in cases():
        calls, times = start(contenders(case))
        agree(calls, 1e-12)
        measure(calls, times, rounds, least=0.01)
        found = {name: {"first": t.first, "rounds": t.rounds} for name, t in times.items()}
        rows.append({"work": case["work"], "aim": case.get("aim"), "contenders": found})
    return {"rounds": rounds, **surroundings(), "rows": rows}


def markdown(results: dict[str, Any]) -> str:
    """Return the table as Markdown, in microseconds."""
    lines = ["| work | contender | µs a call | pullback is | at least |", "| --- | --- | ---: | ---: | --- |"]
    for row in results["rows"]:
        medians = {name: statistics.median(found["rounds"]) for name, found in row["contenders"].items()}
        for i, (name, seconds) in enumerate(medians.items()):
            ratio = seconds / medians[OURS]
            aim = row["aim"] if name == NUMPY else None
            told = "" if aim is None else f"{aim}× {'reached' if ratio >= aim else 'missed'}"
            work, times = (row["work"] if i == 0 else ""), ("" if name == OURS else f"{ratio:.3g}×")
            lines.append(f"| {work} | {name} | {1e6 * seconds:.3g} | {times} | {told} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> None:
    """Read the command line, measure, print, and write what was found."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calls", description="What a call costs from Python.")
    parser.add_argument("--quick", action="store_true", help="three rounds; nothing is written")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--core", type=int, help="run on this core alone (Linux)")
    options = parser.parse_args(arguments)
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})
    results = run(3 if options.quick else options.rounds)
    print(markdown(results))
    if not options.quick:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "calls.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
        (RESULTS / "calls.md").write_text(markdown(results), encoding="utf-8")


if __name__ == "__main__":
    main()
