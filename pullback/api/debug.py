"""debug_nans: find the primitive and the line where a NaN first arises on the way back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from pullback.core.errors import NaNError
from pullback.core.tracer import concrete

__all__ = ["debug_nans", "nan_checker"]

_on: ContextVar[bool] = ContextVar("pullback debug_nans", default=False)


@contextmanager
def debug_nans(on: bool = True) -> Iterator[None]:
    """Raise NaNError where a backward pass first makes a NaN out of numbers, inside this block.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> with pb.debug_nans():
    ...     pb.grad(lambda x: np.sqrt(x) ** 2)(0.0)
    Traceback (most recent call last):
    pullback.core.errors.NaNError: ...
    """
    token = _on.set(on)
    try:
        yield
    finally:
        _on.reset(token)


def nan_checker() -> Callable[..., None] | None:
    """Return what checks each step of a backward pass, or None when nobody asked."""
    return _check if _on.get() else None


def _check(step: Any, cotangents: Any, pulled: Any) -> None:
    rule, _, residuals, _, source = step
    if any(map(_has_nan, pulled)) and not any(map(_has_nan, cotangents)):
        infinite = any(_is_infinite(r) for r in residuals)
        raise NaNError(
            f"the backward pass of {rule.name} made a NaN",
            where=source,
            why="a cotangent of 0 met an infinite derivative" if infinite else "its derivative is not a number there",
            fix="keep the point out with a double where: np.where(ok, f(np.where(ok, x, 1.0)), 0.0)",
        )


def _has_nan(x: Any) -> bool:
    value = concrete(x)
    return value is not None and bool(np.any(np.isnan(value)))


def _is_infinite(x: Any) -> bool:
    value = concrete(x)
    return value is not None and np.asarray(value).dtype.kind in "fc" and not bool(np.all(np.isfinite(value)))
