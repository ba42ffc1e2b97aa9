"""plain_numpy: NumPy's own constructors made Tracer-aware, inside a block and in this context only.

While at least one block is entered, thin wrappers stand in place of ``numpy.array`` and its
kin on the numpy module. A wrapper asks a context variable: in a context that has entered no
block, it calls NumPy's function. When the last block is left, NumPy's functions are back.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from .arguments import holds_tracer

__all__ = ["plain_numpy", "tracer_aware"]

_inside: ContextVar[int] = ContextVar("pullback plain_numpy", default=0)
_lock = threading.Lock()
_originals: dict[str, Callable[..., Any]] = {}
_entered = 0

aware: dict[str, Callable[..., Any]] = {}  # NumPy's name: our function of Tracers; filled by the drop-in


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
    both = tracer_aware(original, ours)

    @functools.wraps(original)
    def function(*args: Any, **kwargs: Any) -> Any:
        return both(*args, **kwargs) if _inside.get() else original(*args, **kwargs)

    return function


@contextmanager
def plain_numpy() -> Iterator[None]:
    """Let code written with plain NumPy build arrays of Tracers: ``np.array([x, y])``, ``np.full(3, x)``.

    Inside the block, and in this context only (other threads and tasks see NumPy's own), the
    constructors of NumPy take Tracers. A plain buffer (``np.zeros(3)``) stays one: writing a
    Tracer into it raises `DerivativeLost`.

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
    for name, ours in aware.items():
        _originals[name] = getattr(np, name)
        setattr(np, name, _in_context(_originals[name], ours))


def _remove() -> None:
    for name, original in _originals.items():
        setattr(np, name, original)
    _originals.clear()
