"""Threads: large loops and products on one thread and on more, and small ones, that are to be as fast as ever.

python -m benchmarks.threads                 two threads
python -m benchmarks.threads --threads 8     as many as there are cores, say

Rounds of all in turn. The speed-up is the median of the rounds' ratios; the best round is given beside it, since
a machine with other work has not always a second core to give. `--check` shows what two threads of Python's
get out of the machine at this moment, each with a loop of its own: no library can do better.
"""

from __future__ import annotations

import argparse
import statistics
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

import benchmarks.timing as timing
import pullback as pb


def _normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape)).standard_normal(shape)


def _layers(w: Any, x: Any) -> Any:
    return np.sum(np.tanh(np.tanh(x @ w) @ w) ** 2)


CASES: dict[str, tuple[str, Callable, Callable[[], tuple]]] = {
    "tanh": ("large", lambda x, y: np.tanh(x) * y, lambda: (_normal(1000, 1000), _normal(1000, 1000))),
    "sum of sines": ("large", lambda x: np.sum(np.sin(x)), lambda: (_normal(1_000_000),)),
    "column sums of squares": ("large", lambda x: np.sum(x * x, axis=0), lambda: (_normal(10_000, 500),)),
    "a gradient by a vector of 10^6": ("large", pb.grad(lambda x: np.sum(np.exp(-x * x))), lambda: (_normal(10**6),)),
    "running sums of rows": ("large", lambda x: np.cumsum(x, axis=1), lambda: (_normal(1000, 1000),)),
    "3-vectors, vmap": ("large", pb.vmap(lambda v: np.sum(np.sin(v)) * v), lambda: (_normal(300_000, 3),)),
    "product 512 x 512": ("large", lambda a, b: a @ b, lambda: (_normal(512, 512), _normal(512, 512))),
    "gradient of two layers": ("large", pb.grad(_layers), lambda: (_normal(256, 256) / 16, _normal(2000, 256))),
    "tanh of 100 numbers": ("small", np.tanh, lambda: (_normal(100),)),
    "sum of 10 000 squares": ("small", lambda x: np.sum(x * x), lambda: (_normal(10_000),)),
    "product 32 x 32": ("small", lambda a, b: a @ b, lambda: (_normal(32, 32), _normal(32, 32))),
}


def main(arguments: list[str] | None = None) -> None:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.threads", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("names", nargs="*", help=f"any of: {', '.join(CASES)}; default: all")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--check", action="store_true", help="what the machine gives to two threads")
    options = parser.parse_args(arguments)
    if options.check:
        print(f"two threads of Python's, each with a loop: {_of_machine(options.rounds):.2f} times one")
    for name in options.names or CASES:
        _row(name, options.threads, options.rounds)


def _row(name: str, n: int, rounds: int) -> None:
    kind, f, make = CASES[name]
    args = make()
    one, many = (pb.jit(f, threads=k) for k in (1, n))
    same = all(np.array_equal(a, b) for a, b in zip(timing.arrays(one(*args)), timing.arrays(many(*args)), strict=True))
    if timing.distance(one(*args), many(*args)) > 1e-12:
        raise AssertionError(f"{name}: threads give other results")
    repeats = max(1, int(0.02 / max(timing.seconds(lambda: one(*args), 3), 1e-9)))
    times = [[timing.seconds(lambda run=run: run(*args), repeats) for run in (one, many)] for _ in range(rounds)]
    ratios = [a / b for a, b in times]
    print(
        f"{kind}  {name:32} {1e6 * statistics.median(a for a, _ in times):9.2f} µs on 1,"
        f" {1e6 * statistics.median(b for _, b in times):9.2f} on {n}: {statistics.median(ratios):5.2f} times as fast"
        f" (best {max(ratios):.2f}); results {'equal' if same else 'equal but for rounding'}",
        flush=True,
    )


def _of_machine(rounds: int) -> float:
    """Return how much more two threads of Python's do than one, at the best."""
    f, x = pb.jit(lambda x: np.sum(np.sin(x)), threads=1), _normal(1_000_000)
    f(x)

    def work() -> None:
        for _ in range(20):
            f(x)

    def two() -> None:
        other = threading.Thread(target=work)
        other.start()
        work()
        other.join()

    return max(2 * timing.seconds(work, 1) / timing.seconds(two, 1) for _ in range(rounds))


if __name__ == "__main__":
    main()
