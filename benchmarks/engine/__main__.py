"""Run the compiled engine and its peers side by side, in one run, on one thread.

python -m benchmarks.engine                     all problems at full size, and the growth of cost
python -m benchmarks.engine gmm lstm --quick    some, at sizes for a quick check
python -m benchmarks.engine --docs              draw the latest results into docs/, without a run
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

from benchmarks import ONE_THREAD
from benchmarks.c import FLAGS
from benchmarks.timing import agree, measure, start

from . import report
from .case import OURS, Case, not_native
from .growth import CURVES, curve

PROBLEMS = ("mlp", "logistic", "recurrence", "lorenz", "gmm", "lstm", "ba", "heat", "ufuncs")
RESULTS = Path(__file__).parent.parent / "results"
DOCS = Path(__file__).parent.parent.parent / "docs"


def main(arguments: list[str] | None = None) -> None:
    """Read the command line, measure, print, and write what was found."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.engine", description="The compiled engine and its peers."
    )
    parser.add_argument("names", nargs="*", help=f"any of {', '.join((*PROBLEMS, 'growth'))}; default: all")
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("--rounds", type=int, help="rounds of all contenders in turn (default 15, quick 3)")
    parser.add_argument("--core", type=int, help="run on this core alone (Linux)")
    parser.add_argument("--docs", action="store_true", help="only draw the latest results into docs/")
    options = parser.parse_args(arguments)
    unknown = set(options.names) - {*PROBLEMS, "growth"}
    if unknown:
        parser.error(f"no problem is called {', '.join(sorted(unknown))}; there are {', '.join((*PROBLEMS, 'growth'))}")
    if options.docs:
        draw_docs(json.loads((RESULTS / "engine.json").read_text(encoding="utf-8")))
        return
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})
    rounds = options.rounds or (3 if options.quick else 15)
    results = run(options.names or [*PROBLEMS, "growth"], "quick" if options.quick else "full", rounds)
    report.show(results)
    write(results)


def run(names: list[str], size: str, rounds: int) -> dict:
    """Return the results of some problems."""
    # First: a problem that the table has compiled would find its work space there already.
    growth = [curve(name, size, rounds) for name in CURVES] if "growth" in names else []
    rows = []
    for name in [name for name in PROBLEMS if name in names]:
        for case in importlib.import_module(f"benchmarks.engine.{name}").cases(size):
            print(case.work, file=sys.stderr)
            rows.append(row(case, rounds))
    return {"size": size, "rounds": rounds, **surroundings(), "rows": rows, "growth": growth}


def row(case: Case, rounds: int) -> dict:
    """Check that the contenders agree, time them, and return what they took."""
    calls, times = start(case.contenders, say=lambda text: print(text, file=sys.stderr))
    agree(calls, case.rtol)
    slow = not_native(calls[OURS])
    if slow:
        print(f"  not native: {', '.join(slow)}", file=sys.stderr)
    measure(calls, times, rounds)
    contenders = {name: {"first": t.first, "rounds": t.rounds} for name, t in times.items()}
    found = {"work": case.work, "rtol": case.rtol, "at_least": dict(case.at_least), "contenders": contenders}
    return {**found, "not_native": slow}


def surroundings() -> dict[str, Any]:
    """Return the machine, the versions, and how threads were limited."""
    versions = {}
    for name in (OURS, "numpy", "jax", "torch", "llvmlite"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "machine": f"{processor()}, {platform.system()}, Python {platform.python_version()}",
        "versions": versions,
        "gcc": " ".join(("gcc", *FLAGS)),
        "environment": {name: os.environ.get(name) for name in ONE_THREAD},
    }


def processor() -> str:
    """Return the processor's name, from where Linux tells it, or from Python."""
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        told = ""
    names = [line.split(":", 1)[1].strip() for line in told.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def write(results: dict) -> None:
    """Write the results as JSON, the table in Markdown, and the chart where matplotlib is there."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "engine.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
    (RESULTS / "engine.md").write_text(report.markdown(results), encoding="utf-8")
    try:
        report.chart(results, RESULTS / "engine.svg")
    except ImportError:
        print("no chart: matplotlib is not installed (pip install 'pullback[show]')", file=sys.stderr)
    print(f"written: {RESULTS}/engine.json, .md, .svg", file=sys.stderr)


def draw_docs(results: dict) -> None:
    """Draw the chart and the tables of docs/performance.md."""
    report.chart(results, DOCS / "performance.svg")
    report.insert(results, DOCS / "performance.md")


if __name__ == "__main__":
    main()
