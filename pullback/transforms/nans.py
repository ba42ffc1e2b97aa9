"""Finding the operation whose derivative makes the first NaN; `api.debug` is its face.

While the search is on, tapes are pulled and pushed step by step, on values or on lanes of a
batch, and what holds a Program is taken apart where values are known. A step is to blame if
a NaN comes out of it and none went in.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from pullback.core.errors import NaNError
from pullback.core.source import describe, here
from pullback.core.tracer import Tracer
from pullback.core.types import Tape as TapeValue
from pullback.core.types import type_of

from .vmap import VmapRecorder

__all__ = ["NaNChecker", "current", "searching", "seen"]

searching: ContextVar[Any] = ContextVar("pullback debug_nans", default=None)
current = searching.get


def seen(x: Any) -> Any:
    """Return the numbers under a Tracer: its value, or all lanes of a batch; None where there are none."""
    while type(x) is Tracer:
        x = x.entry if x.value is None and isinstance(x.recorder, VmapRecorder) else x.value
    return x


class NaNChecker:
    """Raises NaNError for the first step of a derivative that makes a NaN out of numbers."""

    def __init__(self) -> None:
        self.infinity = ""  # which step has made the latest infinity out of finite numbers

    def pulled(self, rule: Any, residuals: Sequence[Any], us: Sequence[Any], out: Sequence[Any], pull: Any) -> None:
        """Check one step of a backward pass; the source in force is its line."""
        self._note_infinity(rule, us, out)
        if _made_one(us, out):
            raise self._error(f"the backward pass of {rule.name}", residuals, us, out, pull.replay, "cotangent")

    def added(self, rule: Any, parts: Sequence[Any], total: Any) -> None:
        """Check a sum of two cotangents of one value; the latest comes from `rule`."""
        if _made_one(parts, (total,)):
            raise NaNError(
                f"the backward pass made a NaN where {rule.name} added to a cotangent of {type_of(total)}",
                where=here(),
                why=f"infinite cotangents of opposite signs{self.infinity} met in one value: inf - inf is NaN",
                fix="keep the point out with a double where: np.where(ok, f(np.where(ok, x, 1.0)), 0.0)",
            )

    def pushed(self, rule: Any, residuals: Sequence[Any], vs: Sequence[Any], out: Sequence[Any]) -> None:
        """Check one step of a forward pass of tangents."""
        self._note_infinity(rule, vs, out)
        if _made_one(vs, out):

            def push(*operands: Any) -> list:
                return rule.push(operands[: len(residuals)], operands[len(residuals) :], False)

            what = f"the derivative of {rule.name}, in forward mode,"
            raise self._error(what, residuals, vs, out, push, "tangent")

    def _note_infinity(self, rule: Any, before: Sequence[Any], after: Sequence[Any]) -> None:
        if any(map(_is_infinite, after)) and not any(map(_is_infinite, before)):
            self.infinity = f", made by {rule.name} at {describe(here())},"

    def _error(self, what: str, residuals: Any, moved: Any, out: Any, again: Any, kind: str) -> NaNError:
        shapes = " and ".join(repr(type_of(x)) for x in moved)
        fix = "keep the point out with a double where: np.where(ok, f(np.where(ok, x, 1.0)), 0.0)"
        if any(map(_has_nan, residuals)):
            why = "what it keeps of the function's own values is NaN already"
            fix = "look for the NaN in the function itself: np.isnan of its intermediate values"
        elif _infinite_with_ones(residuals, moved, out, again):
            why = f"a {kind} of 0 met an infinite derivative: 0 * inf is NaN"
        elif any(map(_is_infinite, moved)):
            why = f"an infinite {kind}{self.infinity} met a derivative of 0: inf * 0 is NaN"
        elif any(map(_is_infinite, residuals)):
            why = "an infinite value of the function met it"
        else:
            why = "its derivative is not a number there"
        return NaNError(f"{what} made a NaN out of a {kind} of {shapes}", where=here(), why=why, fix=fix)


def _made_one(before: Sequence[Any], after: Sequence[Any]) -> bool:
    return any(map(_has_nan, after)) and not any(map(_has_nan, before))


def _infinite_with_ones(residuals: Any, moved: Any, out: Any, again: Any) -> bool:
    """Return whether a cotangent of 1 in place of 0 would come out infinite where the NaN is."""
    ones = [np.ones(type_of(x).shape, type_of(x).dtype) for x in moved]
    try:
        with np.errstate(all="ignore"):
            outs = again(*residuals, *ones)
    except Exception:  # it was tried only to say more: a rule of the user's may not take these
        return False
    pairs = [(_array(a), _array(b)) for a, b in zip(out, outs, strict=True)]
    return any(a is not None and b is not None and np.any(np.isnan(a) & np.isinf(b)) for a, b in pairs)


def _array(x: Any) -> Any:
    value = seen(x)
    value = value.array if isinstance(value, TapeValue) else value
    return None if value is None or np.asarray(value).dtype.kind not in "fc" else np.asarray(value)


def _has_nan(x: Any) -> bool:
    value = _array(x)
    return value is not None and bool(np.any(np.isnan(value)))


def _is_infinite(x: Any) -> bool:
    value = _array(x)
    return value is not None and bool(np.any(np.isinf(value)))
