"""SciPy's ufuncs of Tracers: registered when the first of them comes, as SciPy is not imported by us before."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import numpy as np

from pullback.core import dispatch
from pullback.core.errors import NotWritten
from pullback.core.tracer import define_ufunc
from pullback.numpy.ufuncs import composed
from pullback.primitives.special import ALIASES, TABLE, apply, implementation, ufunc_named

__all__ = ["handler", "register"]


@lru_cache(maxsize=1024)
def handler(name: str) -> Callable[..., Any]:
    """Return what answers for a function of ``scipy.special`` when one of its arguments is a Tracer."""
    ufunc = ufunc_named(name) if name in ALIASES else implementation(name)
    function = ALIASES[name] if name in ALIASES else partial(apply, name)
    return composed(ufunc, function) if isinstance(ufunc, np.ufunc) else function


def register() -> None:
    """Have our handlers answer for SciPy's ufuncs; those that the installed SciPy has."""
    found: dict[np.ufunc, str] = {}
    for name in (*ALIASES, *(n for n, entry in TABLE.items() if entry.evaluate is None)):
        with contextlib.suppress(NotWritten):
            found.setdefault(ufunc_named(name), name)  # jn is jv
    for ufunc, name in found.items():
        dispatch.register(ufunc, handler(name))
        define_ufunc(ufunc, handler(name))


dispatch.late["scipy.special"] = register
