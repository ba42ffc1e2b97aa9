"""The error for functions of SciPy that have no derivative here yet."""

from __future__ import annotations

import importlib
from typing import Any

from pullback.core.errors import NotWritten
from pullback.core.source import here

__all__ = ["not_there"]


def not_there(module: str, name: str) -> Exception:
    """Return the error for an attribute of a module of the shim: NotWritten if SciPy has it, else AttributeError."""
    if name.startswith("__") or not _in_scipy(module, name):
        return AttributeError(f"module 'pullback.autograd.{module}' has no attribute {name!r}")
    return NotWritten(
        f"pullback.autograd.{module}.{name}",
        where=here(),
        why="of SciPy only special and stats.norm are there",
        fix="give it a derivative of your own with pullback.custom_vjp",
    )


def _in_scipy(module: str, name: str) -> bool:
    found: Any = None
    try:
        found = importlib.import_module(module)
        return hasattr(found, name) or importlib.import_module(f"{module}.{name}") is not None
    except ImportError:
        return False
