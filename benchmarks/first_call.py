"""First calls: trace, compile and run, beside jax.jit; what Python has unrolled, and how time grows with it.

python -m benchmarks.first_call                    all cases, and the growth
python -m benchmarks.first_call mlp import         some
python -m benchmarks.first_call --rounds 5 --cap 120

Each measurement is a process of its own, so that nothing is compiled already: it imports the
library, compiles another small function (which loads the compiler), and then times one first
call. pullback's cache of compiled code is off. A process that takes longer than the cap is
ended, and its time is at least the cap. Processes of both libraries come in turn.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import ONE_THREAD

OURS, PEER = "pullback", "jax.jit"
RESULTS = Path(__file__).parent / "results"

# The cases: from (numpy, n) to a function of arrays, and its arguments. The gradient by all of them is timed.


def small(np: Any, n: int) -> tuple[Callable, tuple]:
    """Return Rosenbrock's function."""

    def loss(x: Any) -> Any:
        return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

    return loss, (_normal(n),)


def waves(np: Any, n: int) -> tuple[Callable, tuple]:
    """Return a function of a few operations, one of them a sine."""
    return lambda x, y: np.sum(np.sin(x) * y + x * x), (_normal(n), _normal(n))


def mlp(np: Any, n: int) -> tuple[Callable, tuple]:
    """Return layers of separate weights."""

    def loss(weights: list, biases: list, x: Any) -> Any:
        for w, b in zip(weights, biases, strict=True):
            x = np.tanh(x @ w + b)
        return np.sum(x * x)

    return loss, ([_normal(64, 64) / 8 for _ in range(n)], [_normal(64) for _ in range(n)], _normal(32, 64))


def matvecs(np: Any, n: int) -> tuple[Callable, tuple]:
    """Return products of one matrix with a vector, again and again."""

    def loss(a: Any, x: Any) -> Any:
        for _ in range(n):
            x = np.tanh(a @ x)
        return np.sum(x * x)

    return loss, (_normal(64, 64) / 8, _normal(64))


def rolls(np: Any, n: int) -> tuple[Callable, tuple]:
    """Return steps of a wave around a ring."""

    def loss(x: Any) -> Any:
        for _ in range(n):
            x = x + 0.1 * (np.roll(x, 1) - 2.0 * x + np.roll(x, -1))
        return np.sum(x * x)

    return loss, (_normal(100),)


def scalars(np: Any, n: int) -> tuple[Callable, tuple]:
    """Return steps of one number."""

    def loss(x: Any) -> Any:
        for _ in range(n):
            x = np.sin(x) * 0.99 + 0.01
        return x

    return loss, (0.5,)


CASES: dict[str, tuple[Callable[[Any, int], tuple[Callable, tuple]], int, float, str]] = {
    "small": (small, 10, 2, "gradient of Rosenbrock's function, n=10"),
    "waves": (waves, 10, 2, "gradient of a small function with a sine, n=10"),
    "mlp": (mlp, 50, 2, "gradient of an MLP of 50 layers"),
    "matvecs": (matvecs, 1000, 20, "gradient of 1 000 matvecs 64 x 64, unrolled"),
    "rolls": (rolls, 100, 20, "gradient of 100 steps with roll, unrolled"),
    "scalars": (scalars, 1000, 20, "gradient of 1 000 steps of a number, unrolled"),
}
GROWTH = ("matvecs", "rolls", "scalars")
SIZES = (125, 250, 500, 1000, 2000)


def _normal(*shape: int) -> Any:
    import numpy

    return numpy.random.default_rng(len(shape)).standard_normal(shape)


def main(arguments: list[str] | None = None) -> None:
    """Read the command line, measure, print, and write what was found."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.first_call", description=(__doc__ or "").split("\n")[0])
    names = (*CASES, "import", "growth")
    parser.add_argument("names", nargs="*", help=f"any of {', '.join(names)}; default: all")
    parser.add_argument("--rounds", type=int, default=5, help="processes of each library, in turn")
    parser.add_argument("--cap", type=float, default=60.0, help="seconds after which a process is ended")
    parser.add_argument("--one", nargs=3, metavar=("CASE", "N", "LIBRARY"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        name, n, library = options.one
        print(json.dumps(measured(_import(library) if name == "import" else _first_call(name, int(n), library))))
        return
    wanted = options.names or names
    unknown = set(wanted) - set(names)
    if unknown:
        parser.error(f"nothing is called {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    results = {"rows": [row(x, options.rounds, options.cap) for x in wanted if x != "growth"], "growth": []}
    if "growth" in wanted:
        results["growth"] = [growth(name, options.rounds, options.cap) for name in GROWTH]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "first_call.json").write_text(json.dumps(results, indent=1), encoding="utf-8")


def row(name: str, rounds: int, cap: float) -> dict[str, Any]:
    """Measure one case with both libraries, in turn; one that reaches the cap is not run again."""
    _, n, at_least, what = CASES.get(name, (None, 0, 2.0, "import"))
    times: dict[str, list[float]] = {OURS: [], PEER: []}
    if name == "import":  # once before, so that both are there as bytecode
        for library in times:
            _in_process(name, n, library, cap)
    for _ in range(rounds):
        for library, found in times.items():
            if not found or found[-1] < cap:
                found.append(_in_process(name, n, library, cap)[0])
    ours, peer = (statistics.median(times[x]) for x in (OURS, PEER))
    reached = "reached" if peer / ours >= at_least else "missed"
    more = ">= " if peer >= cap else ""
    print(f"{what:48} {1e3 * ours:9.1f} ms   {PEER} {more}{1e3 * peer:9.1f} ms   {more}{peer / ours:6.1f}x", end="")
    print(f"   (at least {at_least:g}x: {reached})", flush=True)
    return {"what": what, "at_least": at_least, "times": times, "capped": peer >= cap}


def growth(name: str, rounds: int, cap: float) -> dict[str, Any]:
    """Measure ours for longer and longer loops, in seconds of the processor, and fit the exponent of the growth."""
    seconds = [statistics.median(_in_process(name, n, OURS, cap)[1] for _ in range(rounds)) for n in SIZES]
    xs, ys = [math.log(n) for n in SIZES], [math.log(s) for s in seconds]
    exponent = statistics.linear_regression(xs, ys).slope
    listed = ", ".join(f"{n}: {1e3 * s:.0f} ms" for n, s in zip(SIZES, seconds, strict=True))
    print(f"{name}: first call grows as n^{exponent:.2f} ({listed})", flush=True)
    return {"what": name, "sizes": SIZES, "seconds": seconds, "exponent": exponent}


def _in_process(name: str, n: int, library: str, cap: float) -> tuple[float, float]:
    return in_process("benchmarks.first_call", [name, str(n), library], cap)


def in_process(module: str, arguments: list[str], cap: float) -> tuple[float, float]:
    """Return the seconds that ``python -m module --one`` has measured, by clock and of the processor, or the cap."""
    environment = {**os.environ, **ONE_THREAD, "PULLBACK_CACHE": "0"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-m", module, "--one", *arguments]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=cap, check=True)
    except subprocess.TimeoutExpired:
        return cap, cap
    clock, processor = json.loads(done.stdout.splitlines()[-1])
    return clock, processor


# In a process of its own -------------------------------------------------------------------------


def measured(call: Callable[[], Any]) -> tuple[float, float]:
    """Return the seconds of a call by the clock, and of the processor."""
    begin, used = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - begin, time.process_time() - used


def _import(library: str) -> Callable[[], Any]:
    import importlib

    return lambda: importlib.import_module("pullback" if library == OURS else "jax")


def _first_call(name: str, n: int, library: str) -> Callable[[], Any]:
    """Return the first call of a gradient, after another function has been compiled."""
    import numpy

    from benchmarks import peers

    make = CASES[name][0]
    if library == OURS:
        import pullback

        np, jit, grad, wait = numpy, pullback.jit, pullback.grad, lambda x: x
    else:
        jax = peers.jax()
        np, jit, grad, wait = jax.numpy, jax.jit, jax.grad, jax.block_until_ready
    wait(jit(grad(lambda x: np.sum(np.cos(x) / 3.0)))(numpy.ones(7)))
    loss, args = make(np, n)
    function = jit(grad(loss, argnums=tuple(range(len(args)))))
    return lambda: wait(function(*args))


if __name__ == "__main__":
    main()
