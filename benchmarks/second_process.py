"""The first call in a second process: what the object cache brings, beside jax.jit with its compilation cache.

python -m benchmarks.second_process                 all cases
python -m benchmarks.second_process small layer     some
python -m benchmarks.second_process --rounds 9

Each measurement is a process of its own. The first of each library, which is not counted, fills a cache that is
its own folder; the others find everything in it. Two times are given: of the first call alone (trace, find the code,
run), in a process where nothing has been compiled before, and with the import of the library. JAX's cache keeps only
what takes long to compile, unless it is told to keep all: it is told so.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import ONE_THREAD
from benchmarks.first_call import OURS, PEER, RESULTS, mlp, small

AT_LEAST = 3.0
CASES: dict[str, tuple[Callable[[Any, int], tuple[Callable, tuple]], int, str]] = {
    "small": (small, 10, "gradient of Rosenbrock's function, n=10"),
    "layer": (mlp, 2, "gradient of an MLP of 2 layers"),
    "layers": (mlp, 50, "gradient of an MLP of 50 layers"),
}


def main(arguments: list[str] | None = None) -> None:
    """Read the command line, measure, print, and write what was found."""
    description = (__doc__ or "").split("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.second_process", description=description)
    parser.add_argument("names", nargs="*", help=f"any of {', '.join(CASES)}; default: all")
    parser.add_argument("--rounds", type=int, default=7, help="processes of each library, in turn")
    parser.add_argument("--one", nargs=2, metavar=("CASE", "LIBRARY"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(_first_call(*options.one)))
        return
    unknown = set(options.names) - set(CASES)
    if unknown:
        parser.error(f"nothing is called {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    rows = [row(name, options.rounds) for name in options.names or CASES]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "second_process.json").write_text(json.dumps({"rows": rows}, indent=1), encoding="utf-8")


def row(name: str, rounds: int) -> dict[str, Any]:
    """Measure one case with both libraries, in turn, each with a cache that a process before has filled."""
    times: dict[str, list[list[float]]] = {OURS: [], PEER: []}
    with tempfile.TemporaryDirectory() as folder:
        cold = {library: _in_process(name, library, folder) for library in times}
        if not any((Path(folder) / "jax").iterdir()):
            raise AssertionError("JAX has kept nothing: the comparison means nothing")
        for _ in range(rounds):
            for library, found in times.items():
                found.append(_in_process(name, library, folder))
    print(CASES[name][2])
    for i, what in enumerate(("first call", "with the import")):
        ours, peer = (statistics.median(t[i] for t in times[x]) for x in (OURS, PEER))
        reached = "reached" if peer / ours >= AT_LEAST else "missed"
        print(f"  {what:16} {1e3 * ours:8.1f} ms   {PEER} {1e3 * peer:8.1f} ms   {peer / ours:5.1f}x", end="")
        print(f"   (without a cache {1e3 * cold[OURS][i]:.0f} and {1e3 * cold[PEER][i]:.0f} ms)", end="")
        print(f"   (at least {AT_LEAST:g}x: {reached})" if i == 0 else "", flush=True)
    return {"what": CASES[name][2], "at_least": AT_LEAST, "times": times, "cold": cold}


def _in_process(name: str, library: str, folder: str) -> list[float]:
    """Return the seconds that a process has measured: of the first call, and from before the import on."""
    caches = {"PULLBACK_CACHE_DIR": f"{folder}/pullback", "JAX_COMPILATION_CACHE_DIR": f"{folder}/jax"}
    environment = {**os.environ, **ONE_THREAD, **caches}
    for variable in ("PYTHONDONTWRITEBYTECODE", "PULLBACK_CACHE", "PULLBACK_ENGINE"):
        environment.pop(variable, None)
    environment |= {
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    command = [sys.executable, "-m", "benchmarks.second_process", "--one", name, library]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=True)
    return json.loads(done.stdout.splitlines()[-1])


# In a process of its own -------------------------------------------------------------------------


def _first_call(name: str, library: str) -> list[float]:
    import numpy

    make, n, _ = CASES[name]
    before = time.perf_counter()
    if library == OURS:
        import pullback

        np, jit, grad, wait = numpy, pullback.jit, pullback.grad, lambda x: x
    else:
        from benchmarks import peers

        jax = peers.jax()
        np, jit, grad, wait = jax.numpy, jax.jit, jax.grad, jax.block_until_ready
    imported = time.perf_counter() - before
    loss, args = make(np, n)
    function = jit(grad(loss, argnums=tuple(range(len(args)))))
    before = time.perf_counter()
    wait(function(*args))
    call = time.perf_counter() - before
    return [call, call + imported]


if __name__ == "__main__":
    main()
