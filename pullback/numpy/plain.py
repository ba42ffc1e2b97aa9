"""Plain NumPy's own functions made to take Tracers, in this context only.

While a transformed function runs, thin wrappers stand in place of NumPy's *makers* of arrays
(``numpy.zeros``, ``numpy.array`` …) on the numpy module: called by the user's own code, what they
make is a `Buffer`, which Tracers may be written into. Inside ``with plain_numpy():`` wrappers
stand in place of the other functions as well, which then take lists of Tracers (``np.sum([x, y])``).

A wrapper asks a context variable, and the frame that called it: in another thread, outside of
transformed functions and in the code of NumPy, SciPy and this library it is NumPy's function.
When the last block is left, NumPy's functions are back.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType
from typing import Any

import numpy as np

from pullback.core.source import is_user
from pullback.core.views import running

from .arguments import holds_tracer
from .buffers import Buffer, buffer, contents, has_tracer

__all__ = [
    "fft", "in_block", "linalg", "maker", "maker_for_users", "makers", "others", "plain_numpy",
    "tracer_aware",
]  # fmt: skip

_inside: ContextVar[int] = ContextVar("pullback plain_numpy", default=0)


class Swap:
    """Wrappers that stand in place of functions of a module while somebody wants them.

    Entered and left with every outermost call of a transformed function: 0.6 µs for the sixteen makers.
    """

    __slots__ = ("_lock", "_names", "_originals", "_wanted", "_wrappers")

    def __init__(self, module: ModuleType) -> None:
        self._names = module.__dict__
        self._lock = threading.Lock()
        self._wanted = 0
        self._originals: dict[str, Any] = {}
        self._wrappers: dict[str, Any] = {}

    def add(self, name: str, wrapper: Callable[..., Any]) -> None:
        """Have a wrapper stand in place of a function, by name."""
        self._originals[name] = self._names[name]
        self._wrappers[name] = wrapper

    def enter(self) -> None:
        """Put the wrappers in place, if nobody has done so yet."""
        with self._lock:
            if not self._wanted:
                self._names.update(self._wrappers)
            self._wanted += 1

    def leave(self) -> None:
        """Put the functions back, if nobody wants the wrappers any more."""
        with self._lock:
            self._wanted -= 1
            if not self._wanted:
                self._names.update(self._originals)


makers, others, linalg, fft = Swap(np), Swap(np), Swap(np.linalg), Swap(np.fft)  # filled by the drop-in


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


def maker(original: Callable[..., Any], ours: Callable[..., Any]) -> Callable[..., Any]:
    """Return NumPy's maker of arrays: of Tracers where an argument holds one; in a running function, of a buffer."""

    @functools.wraps(original)
    def function(*args: Any, **kwargs: Any) -> Any:
        if has_tracer(args) or has_tracer(tuple(kwargs.values())):
            return ours(*contents(args), **contents(kwargs))
        if args and type(args[0]) is Buffer and original in keeping:
            return keeping[original](*args, **kwargs)
        made = original(*contents(args), **kwargs)
        if running.get() is None or type(made) is not np.ndarray or any(made is x for x in args):
            return made
        return buffer(made) if made.base is None or fresh else made

    fresh = original is np.linspace  # though a view, of what nobody else holds

    return function


# What may return its argument: of a buffer, one that keeps it a buffer.
keeping: dict[Callable[..., Any], Callable[..., Any]] = {
    np.asarray: np.asanyarray,
    np.array: functools.partial(np.array, subok=True),
    np.ascontiguousarray: lambda a, dtype=None: np.asanyarray(a, dtype, "C"),
}


def maker_for_users(original: Callable[..., Any], made: Callable[..., Any]) -> Callable[..., Any]:
    """Return what stands in NumPy's place: `made`, for the user's own code in a running function or a block."""

    @functools.wraps(original)
    def function(*args: Any, **kwargs: Any) -> Any:
        if _inside.get() or (running.get() is not None and is_user(sys._getframe(1).f_code)):
            return made(*args, **kwargs)
        return original(*args, **kwargs)

    return function


def in_block(original: Callable[..., Any], ours: Callable[..., Any]) -> Callable[..., Any]:
    """Return what stands in NumPy's place inside of ``with plain_numpy():``."""

    @functools.wraps(original)
    def function(*args: Any, **kwargs: Any) -> Any:
        return ours(*args, **kwargs) if _inside.get() else original(*args, **kwargs)

    return function


@contextmanager
def plain_numpy() -> Iterator[None]:
    """Let NumPy's own functions take lists of Tracers: ``np.sum([x, y])``, ``np.dot([x, y], w)``.

    Inside the block, and in this context only (other threads and tasks see NumPy's own). NumPy's
    makers of arrays (``np.array([x, y])``, ``np.zeros(3)``) take Tracers in every transformed function,
    without a block.

    Notes
    -----
    ``from numpy import sum`` before the block keeps NumPy's own function.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> f = lambda x: np.sum([x, x**2])
    >>> with pb.plain_numpy():
    ...     float(pb.grad(f)(3.0))
    7.0
    """
    for swap in (makers, others, linalg, fft):
        swap.enter()
    token = _inside.set(_inside.get() + 1)
    try:
        yield
    finally:
        _inside.reset(token)
        for swap in (fft, linalg, others, makers):
            swap.leave()
