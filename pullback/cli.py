"""The command line: ``pullback demo [digits|regression|moons]`` and ``pullback --version``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pullback import __version__
from pullback.core.errors import PullbackError
from pullback.show.demos.digits import digits
from pullback.show.demos.moons import moons
from pullback.show.demos.regression import regression
from pullback.show.extras import check

__all__ = ["main"]

DEMOS = {"digits": digits, "regression": regression, "moons": moons}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")  # a terminal that lacks × or ─ shows ? and does not stop the run
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.command is None:
        parser.print_help()
        return 2
    names = [given.name] if given.name else list(DEMOS)
    try:
        check("rich", "matplotlib", "sklearn", extra="demo")  # now, and not after the training
        for i, name in enumerate(names):
            if i:
                print("\n" + "-" * 78 + "\n")
            DEMOS[name](given.output, print)
    except PullbackError as error:
        print(f"pullback: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"pullback: cannot write the pictures: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pullback", description="Derivatives of NumPy programs.")
    parser.add_argument("--version", action="version", version=f"pullback {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command")
    demo = commands.add_parser(
        "demo",
        help="train on data, and show what pullback can do",
        description="digits: an MLP on handwritten digits, its gradient taken in four ways. regression: a plane "
        "through 30 points. moons: the decision boundary of an MLP. Without a name: all three.",
    )
    demo.add_argument("name", nargs="?", choices=list(DEMOS), help="which one; all if left out")
    demo.add_argument(
        "--output", type=Path, default=Path("demo-output"), metavar="DIR", help="folder for pictures (demo-output)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
