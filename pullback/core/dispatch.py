"""The slot through which the ground floor reaches the NumPy face above it.

Core owns the table and knows no NumPy function; `pullback.numpy` fills it at import.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from . import source
from .errors import NotTraceable

__all__ = ["handler_of", "handlers", "instead", "register"]

handlers: dict[Callable[..., Any], Callable[..., Any]] = {}
instead: dict[str, str] = {}  # by name, "linalg.lstsq": what to write in place of a function that has no handler


def register(function: Callable[..., Any], handler: Callable[..., Any]) -> None:
    """Have `handler` answer for `function` whenever one of its arguments is a Tracer."""
    handlers[function] = handler


def handler_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the handler of `function`; NotTraceable, with the nearest that works, if there is none."""
    handler = handlers.get(function)
    if handler is None:
        raise unsupported(function)
    return handler


def unsupported(function: Any) -> NotTraceable:
    """Return the error for a function that has no handler."""
    name = qualified(function)
    short = name.removeprefix("numpy.")
    fix = instead.get(short) or (instead.get(short.rpartition(".")[0] + ".*"))
    if fix is None:
        known = {getattr(f, "__name__", "") for f in handlers}
        near = difflib.get_close_matches(short.split(".")[-1], known, n=2, cutoff=0.75)
        fix = f"the nearest that works: {', '.join('np.' + n for n in near)}" if near else ""
    own = "give it a derivative of your own with pullback.custom_vjp, or cut it out with pullback.stop_gradient(x)"
    return NotTraceable(
        f"{name} of something that is being differentiated or traced",
        where=source.here(),
        why="pullback has no rule for this function yet",
        fix=f"{fix}; or {own}" if fix else own,
    )


def qualified(function: Any) -> str:
    """Return the name of a function with its module: ``numpy.linalg.lstsq``."""
    name = getattr(function, "__name__", str(function))
    if isinstance(function, np.ufunc):  # ufuncs do not know where they live
        homes = ("numpy", "scipy.special")
        module = next((m for m in homes if getattr(sys.modules.get(m), name, None) is function), "ufunc")
        return f"{module}.{name}"
    module = getattr(function, "__module__", None) or "numpy"
    return f"{module.replace('numpy._core', 'numpy')}.{name}"
