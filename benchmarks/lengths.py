"""Many lengths: the first calls of one function with 50 lengths of the leading axis, together, beside jax.jit.

python -m benchmarks.lengths                   all cases
python -m benchmarks.lengths batch series      some
python -m benchmarks.lengths --rounds 5 --cap 120

pullback's function has the leading axis dynamic. As in `benchmarks.first_call`, each measurement
is a process of its own that has compiled another function before, pullback's cache of compiled
code is off, and processes of both libraries come in turn.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable
from typing import Any

from benchmarks.first_call import OURS, PEER, RESULTS, in_process, measured

LENGTHS = 50
AT_LEAST = 20


def batch(np: Any) -> tuple[Callable, Callable[[int], tuple], dict]:
    """Return the loss of a small network on a batch of n points."""

    def loss(w: Any, v: Any, x: Any) -> Any:
        return np.mean((np.tanh(x @ w) @ v) ** 2)

    return loss, lambda n: (_normal(30, 20), _normal(20), _normal(n, 30)), {2: 0}


def series(np: Any) -> tuple[Callable, Callable[[int], tuple], dict]:
    """Return the roughness of n values beside each other."""

    def loss(x: Any) -> Any:
        return np.sum((x[1:] - x[:-1]) ** 2) / x.shape[0] + np.max(np.abs(x))

    return loss, lambda n: (_normal(n),), {0: 0}


def waves(np: Any) -> tuple[Callable, Callable[[int], tuple], dict]:
    """Return a small function of a sine."""
    return lambda x, y: np.sum(np.sin(x) * y + x * x), lambda n: (_normal(n), _normal(n)), {0: 0, 1: 0}


CASES: dict[str, tuple[Callable, str]] = {
    "batch": (batch, "gradient of a network on a batch of n points"),
    "series": (series, "gradient of differences of n values"),
    "waves": (waves, "gradient of a small function with a sine"),
}


def _normal(*shape: int) -> Any:
    import numpy

    return numpy.random.default_rng(len(shape)).standard_normal(shape)


def main(arguments: list[str] | None = None) -> None:
    """Read the command line, measure, print, and write what was found."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lengths", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("names", nargs="*", help=f"any of {', '.join(CASES)}; default: all")
    parser.add_argument("--rounds", type=int, default=3, help="processes of each library, in turn")
    parser.add_argument("--cap", type=float, default=60.0, help="seconds after which a process is ended")
    parser.add_argument("--one", nargs=3, metavar=("CASE", "N", "LIBRARY"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        name, count, library = options.one
        print(json.dumps(measured(_first_calls(name, int(count), library))))
        return
    unknown = set(options.names) - set(CASES)
    if unknown:
        parser.error(f"nothing is called {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    rows = [row(name, options.rounds, options.cap) for name in options.names or CASES]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "lengths.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")


def row(name: str, rounds: int, cap: float) -> dict[str, Any]:
    """Measure one case with both libraries, in turn; one that reaches the cap is not run again."""
    times: dict[str, list[float]] = {OURS: [], PEER: []}
    for _ in range(rounds):
        for library, found in times.items():
            if not found or found[-1] < cap:
                found.append(in_process("benchmarks.lengths", [name, str(LENGTHS), library], cap)[0])
    ours, peer = (statistics.median(times[x]) for x in (OURS, PEER))
    reached, more = "reached" if peer / ours >= AT_LEAST else "missed", ">= " if peer >= cap else ""
    print(
        f"{CASES[name][1]:48} {1e3 * ours:9.1f} ms   {PEER} {more}{1e3 * peer:9.1f} ms   {more}{peer / ours:6.1f}x",
        end="",
    )
    print(f"   (at least {AT_LEAST}x: {reached})", flush=True)
    return {"what": CASES[name][1], "at_least": AT_LEAST, "times": times, "capped": peer >= cap}


def _first_calls(name: str, count: int, library: str) -> Callable[[], Any]:
    """Return the first calls of a gradient with as many lengths, after another function has been compiled."""
    import numpy

    from benchmarks import peers

    if library == OURS:
        import pullback

        np, jit, grad, wait = numpy, pullback.jit, pullback.grad, lambda x: x
    else:
        jax = peers.jax()
        np, grad, wait = jax.numpy, jax.grad, jax.block_until_ready
        jit = lambda f, dynamic=None: jax.jit(f)  # noqa: E731
    wait(jit(grad(lambda x: np.sum(np.cos(x) / 3.0)))(numpy.ones(7)))
    loss, arguments, dynamic = CASES[name][0](np)
    calls = [arguments(int(n)) for n in numpy.random.default_rng(0).permutation(2000)[:count] + 20]
    argnums = tuple(range(len(calls[0])))
    function = jit(grad(loss, argnums=argnums), dynamic=dynamic)

    def run() -> None:
        for args in calls:
            wait(function(*args))

    return run


if __name__ == "__main__":
    main()
