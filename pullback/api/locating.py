"""Which operation of a function has the wrong derivative: each is held against differences, alone.

The function runs once more, on a recorder that checks every operation at the values that it
has before it lets it pass; what holds a Program (a loop, a compiled function) is taken apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from pullback.core.errors import PullbackError
from pullback.core.recorder import bind
from pullback.core.replay import replay
from pullback.core.source import describe, here, line_text
from pullback.core.tracer import Tracer, concrete
from pullback.core.tree import flatten, is_array, unflatten
from pullback.core.types import type_of
from pullback.transforms.inline import inline
from pullback.transforms.linearize import LinearizeRecorder

__all__ = ["Place", "first_off"]

Wrong = Callable[[Callable[..., list], list, int], Any]  # (flat function, point, order) -> what is off, or None


class Place(NamedTuple):
    """An operation whose derivative is off: its name, the user's line, how it is off, and what to mend."""

    name: str
    source: Any
    off: Any
    fix: str


class _Found(BaseException):  # no Exception: the user's own `except` must not swallow it
    def __init__(self, place: Place) -> None:
        self.place = place


def first_off(f: Callable[..., Any], args: Sequence[Any], order: int, wrong: Wrong) -> Place | None:
    """Return the first operation of `f` at `args` that is off at the lowest order up to `order`, or None."""
    leaves, structure = flatten(tuple(args))
    for n in range(1, order + 1):
        recorder = _CheckingRecorder(wrong, n)
        moved = [recorder.input(x) if is_array(x) and type_of(x).inexact else x for x in leaves]
        try:
            f(*unflatten(structure, moved))
        except _Found as found:
            return found.place
        finally:
            recorder.close()
    return None


class _CheckingRecorder(LinearizeRecorder):
    """Checks each operation at its values, a line's first few times, and then records it."""

    __slots__ = ("order", "times", "wrong")

    def __init__(self, wrong: Wrong, order: int) -> None:
        super().__init__()
        self.wrong, self.order = wrong, order
        self.times: dict[Any, int] = {}

    def process(self, primitive: Any, operands: tuple, params: dict) -> Any:
        if primitive.holds_programs:
            outs = inline(primitive, operands, params, replay)
            if outs is not None:
                return tuple(outs)
        values = [concrete(x) for x in operands]
        where = here()
        times = self.times[where, primitive] = self.times.get((where, primitive), 0) + 1
        if times <= 3 and primitive.smooth and all(v is not None for v in values):
            self._check(primitive, operands, values, params, where)
        return super().process(primitive, operands, params)

    def _check(self, primitive: Any, operands: tuple, values: list[Any], params: dict, where: Any) -> None:
        moving = [i for i, x in enumerate(operands) if type(x) is Tracer and x.type.inexact]

        def alone(*arrays: Any) -> list[Any]:
            replaced = list(values)
            for i, x in zip(moving, arrays, strict=True):
                replaced[i] = x
            out = bind(primitive, tuple(replaced), params)
            outs = out if primitive.multiple else (out,)
            return [y for y in outs if is_array(y) and type_of(y).inexact]

        try:
            found = self.wrong(alone, [np.asarray(values[i])[()] for i in moving], self.order)
        except PullbackError as error:
            found = str(error).splitlines()[0]
        if found is not None:
            raise _Found(_place(primitive, params, where, found))


def _place(primitive: Any, params: dict, where: Any, found: Any) -> Place:
    rule = params.get("rule")
    if rule is None:
        fix = "at a kink, move the arguments away from it; else this is a mistake of pullback's: please report it"
        return Place(primitive.name, where, found, fix)
    shown = ", ".join(f"{describe(s)}, `{line_text(s)}`" for s in rule.rule_lines() if s is not None)
    return Place(rule.name, where, found, f"mend the derivative rule of {rule.name}: {shown}")
