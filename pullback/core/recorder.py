"""Recorders, and `bind`, which finds the one that records an operation.

An operation belongs to the innermost recorder among its operands' recorders; while a
body is traced, its recorder (`floor`) takes every operation on any Tracer. With no
Tracer among the operands it is simply evaluated. Levels are given out in the order of
creation, so that of two recorders the inner has the higher level, and no two share one.
"""

from __future__ import annotations

import itertools
from typing import Any

from . import source
from .errors import PullbackError
from .made import explain, leaked
from .tracer import Tracer, floor

__all__ = ["Recorder", "bind"]

_levels = itertools.count(1)


class Recorder:
    """Base of what records operations: a Program, a tape, a push forward, a batch."""

    __slots__ = ("level", "live", "made")

    level: int
    live: bool

    def __init__(self) -> None:
        self.level = next(_levels)
        self.live = True
        self.made = source.here()

    def process(self, primitive: Any, operands: tuple, params: dict) -> Any:
        """Record one operation and return its result, or a tuple of results."""
        raise NotImplementedError

    def took(self, tracer: Tracer, kind: type, value: Any) -> None:
        """Python took a concrete value from a Tracer: noted only where it must be guarded."""
        inner = tracer.value
        if type(inner) is Tracer:
            inner.recorder.took(inner, kind, value)

    def source_of(self, tracer: Tracer) -> Any:
        """Return the line that made a Tracer of this recorder, for messages; None if nobody knows any more."""
        return None

    def close(self) -> None:
        """End the recording: Tracers of it that are still about have leaked."""
        self.live = False


def bind(primitive: Any, operands: tuple, params: dict) -> Any:
    """Apply a primitive to values and Tracers."""
    recorder: Any = None
    level, traced = 0, False
    for x in operands:
        if type(x) is Tracer:
            traced = True
            if x.recorder.level > level:
                recorder = x.recorder
                level = recorder.level
    body = floor.get()
    if not traced:
        if body is None or not (primitive.effect is not None or body.closed):
            try:
                return primitive.evaluate_weak(operands, params)
            except PullbackError as error:
                explain(error, primitive, operands, params)
                raise
        recorder = body  # an effect inside a body happens when the body runs, not when it is traced
    elif body is not None and body.level > level:
        recorder = body
    if not recorder.live:
        raise leaked(recorder, operands)
    try:
        return recorder.process(primitive, operands, params)
    except (TypeError, ValueError, PullbackError) as error:  # a try costs nothing until something is raised
        explain(error, primitive, operands, params)
        raise
