"""autograd.tracer: `getval`, the plain value of what is being differentiated."""

from __future__ import annotations

from typing import Any

from pullback.api.checkpoint import stop_gradient
from pullback.core.tracer import Tracer

from .extend import notrace_primitive, primitive

__all__ = ["Box", "getval", "isbox", "notrace_primitive", "primitive"]

Box = Tracer


def isbox(x: Any) -> bool:
    """Return whether something is being differentiated or traced."""
    return type(x) is Tracer


def getval(x: Any) -> Any:
    """Return the value of a Tracer, through which no derivative flows; anything else as it is."""
    return stop_gradient(x) if type(x) is Tracer else x
