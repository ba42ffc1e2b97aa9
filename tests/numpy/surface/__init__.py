"""Cases for every public function of NumPy: what the page of the surface is made from, and its tests run."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

__all__ = ["GRID", "UNIT", "Case", "X", "Z", "table"]

X = np.array([[0.53, -1.25, 2.04, 0.76], [3.02, 0.31, -0.72, 1.54], [0.12, 2.51, 1.13, -2.05]])  # no ties, no integers
UNIT = np.array([[0.31, -0.62, 0.05], [0.44, -0.17, 0.83]])
Z = X + 1j * X[::-1]
GRID = np.array([-1.0, 0.1, 0.7, 2.2])


class Case(NamedTuple):
    """A function of arrays that calls one of NumPy's, and arguments."""

    name: str  # that of the function: "linalg.norm", "ndarray.sum"
    f: Callable
    args: tuple
    moves: bool = True  # has a derivative, at these arguments
    known: bool = False  # the shape depends on values: not under jit and vmap
    lanes: bool = True  # works under vmap


def _is_there(name):
    """Whether the installed NumPy has a function."""
    home, _, last = name.rpartition(".")
    return hasattr(getattr(np, home) if home else np, last)


def table(functions, *args, **options):
    """The cases of a dictionary: by the function's name, one function of the arguments, or a list of them."""
    found = []
    for name, fs in functions.items():
        if not _is_there(name):
            continue  # this NumPy is too old for it
        found += [Case(name, f, args, **options) for f in (fs if isinstance(fs, list) else [fs])]
    return found
