"""The slot through which the ground floor reaches the NumPy face above it.

Core owns the table and knows no NumPy function; `pullback.numpy` fills it at import.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

from .errors import NotTraceable

__all__ = ["handler_of", "handlers", "register"]

handlers: dict[Callable[..., Any], Callable[..., Any]] = {}


def register(function: Callable[..., Any], handler: Callable[..., Any]) -> None:
    """Have `handler` answer for `function` whenever one of its arguments is a Tracer."""
    handlers[function] = handler


def handler_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the handler of `function`; NotTraceable, with the nearest known names, if there is none."""
    handler = handlers.get(function)
    if handler is None:
        raise unsupported(function)
    return handler


def unsupported(function: Any) -> NotTraceable:
    """Return the error for a function that has no handler."""
    name = getattr(function, "__name__", str(function))
    module = (getattr(function, "__module__", None) or "numpy").replace("numpy._core", "numpy")
    known = {getattr(f, "__name__", ""): f for f in handlers}
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    return NotTraceable(
        f"{module}.{name} of something that is being differentiated or traced",
        why="pullback has no rule for this function yet",
        fix=(f"the nearest that works: {', '.join('np.' + n for n in near)}; or " if near else "")
        + "give it a derivative of your own with pullback.custom_vjp, or cut it out with pullback.stop_gradient",
    )
