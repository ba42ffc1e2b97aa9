"""The programs of examples/science: their gradients, eager and compiled, against the plain NumPy functions themselves.

python -m benchmarks.science            print the table
python -m benchmarks.science --docs     and write it into docs/your-numpy-code.md, with the programs
"""

from __future__ import annotations

import argparse
import importlib.util
import re
from pathlib import Path
from typing import Any

import numpy as np

import pullback as pb

from .timing import measure, start

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "your-numpy-code.md"
FUNCTIONS = {
    "pendulum": "swing",
    "kalman": "log_likelihood",
    "ising": "free_energy",
    "deblurring": "objective",
    "black_scholes": "value",
    "orbit": "misfit",
    "heat": "final_misfit",
    "hmm": "log_likelihood",
    "gaussian_process": "negative_log_likelihood",
    "robot_arm": "distance",
}


def program(name: str) -> tuple[Any, Any, tuple, str]:
    """Return a program's module, its function, the arguments of an example, and its source without the example."""
    path = ROOT / "examples" / "science" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    source = path.read_text(encoding="utf-8")
    shown = source[: source.index("\n\n\ndef arguments")].split('"""', 2)[2].strip()
    return module, getattr(module, FUNCTIONS[name]), module.arguments(np.random.default_rng(0)), shown


def row(name: str, turns: int) -> str:
    """Return one line of the table: the function's time, and the gradients' as multiples of it."""
    _, f, args, _ = program(name)
    ways = {"NumPy": f, "eager": pb.grad(f), "compiled": pb.jit(pb.grad(f)), "compiled function": pb.jit(f)}
    calls, times = start({name: lambda g=g: lambda: g(*args) for name, g in ways.items()})
    measure(calls, times, turns)
    plain = times["NumPy"].median
    size = np.size(args[0])
    eager, compiled, function = (times[k].median / plain for k in ("eager", "compiled", "compiled function"))
    first = times["compiled"].first
    return (
        f"| `{name}.{FUNCTIONS[name]}` | {size} | {1e6 * plain:.0f} µs | {function:.3g}× | {eager:.3g}× "
        f"| {compiled:.3g}× | {first:.2f} s |"
    )


HEAD = """| program | inputs | NumPy's time | the function compiled | its gradient | compiled | its first call |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
"""


def section(name: str) -> str:
    """Return what the page says about a program: its docstring and its source."""
    module, _, _, shown = program(name)
    return f"## {name.replace('_', ' ').capitalize()}\n\n{module.__doc__}\n\n```python\n{shown}\n```\n"


def main() -> None:
    """Print the table, and write the page if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", action="store_true", help="write docs/your-numpy-code.md")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    rows = []
    for name in FUNCTIONS:
        rows.append(row(name, options.rounds))
        print(rows[-1], flush=True)
    if options.docs:
        text = PAGE.read_text(encoding="utf-8")
        table, programs = HEAD + "\n".join(rows) + "\n", "\n".join(map(section, FUNCTIONS))
        for mark, new in (("table", table), ("programs", programs)):
            pattern = rf"(<!-- {mark} -->\n).*?(<!-- end of {mark} -->)"
            text = re.sub(pattern, lambda m, new=new: m[1] + new + m[2], text, flags=re.DOTALL)
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
