"""``scipy.linalg``, of Tracers: ``from pullback.scipy import linalg`` is a drop-in.

SciPy's functions turn what they are given into plain arrays, so they have to come from here: solutions and factors,
functions of matrices (expm, logm, sqrtm …), matrix equations, and matrices of a structure. With plain arguments
everything is SciPy's own. As in SciPy, of a triangular, symmetric or positive definite matrix one triangle is
read, and the derivative is by that triangle.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

from .dropin import attribute, stands_for
from .linalg_functions import FUNCTIONS

__all__ = ["function"]


@functools.lru_cache(maxsize=256)
def function(name: str) -> Callable[..., Any]:
    """Return a function of ``scipy.linalg`` that takes Tracers; with plain arguments it is SciPy's.

    Parameters
    ----------
    name : str
        Its name in ``scipy.linalg``.

    Returns
    -------
    callable
        With SciPy's arguments. Of a Tracer it raises `NotTraceable` where there is no derivative.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> from pullback.scipy import linalg
    >>> pb.grad(lambda t: linalg.expm(t * np.array([[0.0, 1.0], [-1.0, 0.0]]))[0, 1])(0.0).round(6).item()
    1.0
    """
    return stands_for("scipy.linalg", name, FUNCTIONS.get(name))


def __getattr__(name: str) -> Any:
    return attribute("scipy.linalg", name, function)


def __dir__() -> list[str]:
    return dir(importlib.import_module("scipy.linalg"))
