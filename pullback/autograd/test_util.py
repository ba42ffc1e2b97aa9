"""autograd.test_util: ``check_grads(f, modes=["fwd", "rev"], order=2)(*args)``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pullback.api.checking import check_grads as _check

__all__ = ["check_grads"]


def check_grads(f: Callable[..., Any], modes: Sequence[str] = ("fwd", "rev"), order: int = 2) -> Callable[..., None]:
    """Return a function that checks the derivatives of `f` at its arguments; see `pullback.check_grads`."""

    def check(*args: Any, **kwargs: Any) -> None:
        _check(lambda *xs: f(*xs, **kwargs), args, order, modes)

    return check
