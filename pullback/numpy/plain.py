"""plain_numpy: NumPy's own functions made to take (lists of) Tracers, inside a block and in this context only.

While at least one block is entered, thin wrappers stand in place of ``numpy.array`` and its
kin on the numpy module, and of the functions that code gives lists (``np.sum([x, y])``). A
wrapper asks a context variable: in a context that has entered no block, it calls NumPy's
function. When the last block is left, NumPy's functions are back.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType
from typing import Any

from .arguments import holds_tracer

__all__ = ["plain_numpy", "tracer_aware"]

_inside: ContextVar[int] = ContextVar("pullback plain_numpy", default=0)
_lock = threading.Lock()
_originals: dict[tuple[ModuleType, str], Callable[..., Any]] = {}
_entered = 0

# (module, name) of NumPy: the function that takes Tracers; filled by the drop-in.
aware: dict[tuple[ModuleType, str], Callable[..., Any]] = {}


def tracer_aware(original: Callable[..., Any], ours: Callable[..., Any]) -> Callable[..., Any]:
    """Return NumPy's function, with ours taking over where an argument (or an element of a list) is a Tracer."""

    @functools.wraps(original)
    def function(*args: Any, **kwargs: Any) -> Any:
        for x in args:
            if holds_tracer(x):
                return ours(*args, **kwargs)
        for x in kwargs.values():
            if holds_tracer(x):
                return ours(*args, **kwargs)
        return original(*args, **kwargs)

    return function


def _in_context(original: Callable[..., Any], ours: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def function(*args: Any, **kwargs: Any) -> Any:
        return ours(*args, **kwargs) if _inside.get() else original(*args, **kwargs)

    return function


@contextmanager
def plain_numpy() -> Iterator[None]:
    """Let code written with plain NumPy build arrays of Tracers: ``np.array([x, y])``, ``np.full(3, x)``.

    Inside the block, and in this context only (other threads and tasks see NumPy's own), the
    constructors of NumPy take Tracers, and its functions lists of them. A plain buffer
    (``np.zeros(3)``) stays one: writing a Tracer into it raises `DerivativeLost`.

    Notes
    -----
    ``from numpy import array`` before the block keeps NumPy's own function.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> f = lambda x: np.sum(np.array([x, x**2]))
    >>> with pb.plain_numpy():
    ...     float(pb.grad(f)(3.0))
    7.0
    """
    global _entered
    with _lock:
        if not _entered:
            _install()
        _entered += 1
    token = _inside.set(_inside.get() + 1)
    try:
        yield
    finally:
        _inside.reset(token)
        with _lock:
            _entered -= 1
            if not _entered:
                _remove()


def _install() -> None:
    for (module, name), ours in aware.items():
        original = _originals[module, name] = getattr(module, name)
        setattr(module, name, _in_context(original, ours))


def _remove() -> None:
    for (module, name), original in _originals.items():
        setattr(module, name, original)
    _originals.clear()
