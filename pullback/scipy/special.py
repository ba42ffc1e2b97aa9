"""``scipy.special``, of Tracers: ``from pullback.scipy import special`` is a drop-in.

Ufuncs work by plain import of SciPy too; what is here in addition is what SciPy computes in Python (`logsumexp`,
`softmax`, `polygamma`, `lambertw`, `spherical_jn` …), and would turn Tracers into plain arrays. With plain
arguments everything is SciPy's own. Which function has a derivative by which argument is in docs/special.md.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

from pullback.primitives.special import ALIASES, TABLE

from .dropin import attribute, stands_for
from .special_functions import FUNCTIONS
from .ufuncs import handler

__all__ = ["function"]


@functools.lru_cache(maxsize=1024)
def function(name: str) -> Callable[..., Any]:
    """Return a function of ``scipy.special`` that takes Tracers; with plain arguments it is SciPy's.

    Parameters
    ----------
    name : str
        Its name in ``scipy.special``.

    Returns
    -------
    callable
        With SciPy's arguments. Of a Tracer it raises `NotTraceable` where there is no derivative.

    Examples
    --------
    >>> import pullback as pb
    >>> from pullback.scipy import special
    >>> float(pb.grad(special.gammaln)(1.0).round(6))
    -0.577216
    """
    known = name in ALIASES or (name in TABLE and not name.startswith("_"))
    return stands_for("scipy.special", name, FUNCTIONS.get(name) or (handler(name) if known else None))


def __getattr__(name: str) -> Any:
    return attribute("scipy.special", name, function)


def __dir__() -> list[str]:
    return dir(importlib.import_module("scipy.special"))
