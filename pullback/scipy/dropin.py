"""A module of SciPy's, function by function: ours where an argument holds a Tracer, SciPy's own otherwise."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from pullback.core import source
from pullback.core.errors import NotTraceable
from pullback.numpy.plain import tracer_aware

__all__ = ["attribute", "stands_for"]


def stands_for(module: str, name: str, ours: Callable[..., Any] | None) -> Callable[..., Any]:
    """Return SciPy's function with `ours` taking over where an argument holds a Tracer; None refuses there."""
    function = tracer_aware(getattr(importlib.import_module(module), name), ours or _refusal(f"{module}.{name}"))
    function.__name__ = function.__qualname__ = name  # SciPy's own may be an alias
    return function


def _refusal(name: str) -> Callable[..., Any]:
    def refuse(*args: Any, **options: Any) -> Any:
        raise NotTraceable(
            f"{name} of something that is being differentiated or traced",
            where=source.here(),
            why="SciPy computes it of plain numbers, and pullback has no derivative for it",
            fix="give it a derivative of your own with pullback.custom_vjp, or cut it out with "
            "pullback.stop_gradient(x)",
        )

    return refuse


def attribute(module: str, name: str, function: Callable[[str], Callable[..., Any]]) -> Any:
    """Return what SciPy's module has under a name, its functions made to take Tracers."""
    if name.startswith("__"):
        raise AttributeError(f"module 'pullback.{module}' has no attribute {name!r}")
    found = getattr(importlib.import_module(module), name)
    return function(name) if callable(found) and not isinstance(found, type) else found
