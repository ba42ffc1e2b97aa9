"""Who answers for which NumPy function: the table that the files of the face fill."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pullback.core import dispatch
from pullback.core.tracer import Tracer

from .outputs import takes_out

__all__ = ["DISCRETE", "FACE", "attribute", "covers", "method"]

FACE: dict[Callable[..., Any], Callable[..., Any]] = {}  # NumPy's function: our handler
DISCRETE: set[Callable[..., Any]] = set()  # those of them whose results never move


def covers(
    *functions: Callable[..., Any] | None, moves: bool = True
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Have the decorated function answer for NumPy's `functions` when an argument is a Tracer.

    It takes NumPy's arguments, under NumPy's names. None stands for a function that this NumPy does not have yet.
    ``moves=False`` says that results are integers, booleans or piecewise constant: evaluated, without derivative.
    """

    def register(handler: Callable[..., Any]) -> Callable[..., Any]:
        for function in filter(None, functions):
            FACE[function] = handler
            dispatch.register(function, handler)
            if not moves:
                DISCRETE.add(function)
        return handler

    return register


def method(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make the decorated function a method of Tracers, under each of `names`."""

    def define(function: Callable[..., Any]) -> Callable[..., Any]:
        function = takes_out(function, names[0])
        for name in names:
            Tracer.define(name, function)
        return function

    return define


def attribute(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make the decorated function a read-only attribute of Tracers, under each of `names`."""

    def define(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            Tracer.define(name, property(function))
        return function

    return define
