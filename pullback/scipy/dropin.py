"""A module of SciPy's, function by function: ours where an argument holds a Tracer, SciPy's own otherwise."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from pullback.core import source
from pullback.core.errors import NotTraceable
from pullback.numpy.arguments import holds_tracer

__all__ = ["attribute", "stands_for"]


def stands_for(module: str, name: str, ours: Callable[..., Any] | None) -> Callable[..., Any]:
    """Return SciPy's function with `ours` taking over where an argument holds a Tracer; None refuses there."""
    original = getattr(importlib.import_module(module), name)

    def call(*args: Any, **options: Any) -> Any:
        if not any(map(holds_tracer, args)) and not any(map(holds_tracer, options.values())):
            return original(*args, **options)
        if ours is None:
            raise NotTraceable(
                f"{module}.{name} of something that is being differentiated or traced",
                where=source.here(),
                why="SciPy computes it of plain numbers, and pullback has no derivative for it",
                fix="give it a derivative of your own with pullback.custom_vjp, or cut it out with "
                "pullback.stop_gradient(x)",
            )
        return ours(*args, **options)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = getattr(original, "__doc__", None)
    return call


def attribute(module: str, name: str, function: Callable[[str], Callable[..., Any]]) -> Any:
    """Return what SciPy's module has under a name, its functions made to take Tracers."""
    if name.startswith("__"):
        raise AttributeError(f"module 'pullback.{module}' has no attribute {name!r}")
    found = getattr(importlib.import_module(module), name)
    return function(name) if callable(found) and not isinstance(found, type) else found
