"""The slot through which the ground floor reaches the NumPy face above it.

Core owns the table and knows no NumPy function; `pullback.numpy` fills it at import.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from . import source
from .errors import MutationError, NotTraceable

__all__ = ["OutGiven", "handler_of", "handlers", "instead", "late", "reasons", "register"]

handlers: dict[Callable[..., Any], Callable[..., Any]] = {}
instead: dict[str, str] = {}  # by name, "linalg.lstsq": what to write in place of a function that has no handler
reasons: dict[str, str] = {}  # by name: why it has none

# By module: what registers handlers of its functions. It is called when a function without a handler comes, and the
# module has been imported by then: what Python has not loaded, nobody can have called.
late: dict[str, Callable[[], None]] = {}


class OutGiven(MutationError):
    """A handler was given ``out=``: who called it calls it without, and writes the result there (`with_out`)."""


with_out: list[Callable[..., Any]] = []  # filled by the face: a handler to one that takes ``out``


def register(function: Callable[..., Any], handler: Callable[..., Any]) -> None:
    """Have `handler` answer for `function` whenever one of its arguments is a Tracer."""
    handlers[function] = handler


def handler_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the handler of `function`; NotTraceable, with the nearest that works, if there is none."""
    handler = handlers.get(function)
    if handler is None and late:
        _register_late()
        handler = handlers.get(function)
    if handler is None:
        raise unsupported(function)
    return handler


def _register_late() -> None:
    for module, fill in list(late.items()):
        if module in sys.modules:
            fill()
            late.pop(module, None)  # only now: another thread that comes meanwhile fills it once more


def unsupported(function: Any) -> NotTraceable:
    """Return the error for a function that has no handler."""
    name = qualified(function)
    short = name.removeprefix("numpy.")
    if short.endswith("(vectorized)"):  # that is how NumPy names the ufuncs which it makes of Python's functions
        short = "frompyfunc"
    module = short.rpartition(".")[0] + ".*"
    fix = instead.get(short) or instead.get(module)
    if fix is None:
        known = {getattr(f, "__name__", "") for f in handlers}
        near = difflib.get_close_matches(short.split(".")[-1], known, n=2, cutoff=0.75)
        fix = f"the nearest that works: {', '.join('np.' + n for n in near)}" if near else ""
    own = "give it a derivative of your own with pullback.custom_vjp, or cut it out with pullback.stop_gradient(x)"
    return NotTraceable(
        f"{name} of something that is being differentiated or traced",
        where=source.here(),
        why=reasons.get(short) or reasons.get(module, "pullback has no rule for this function yet"),
        fix=f"{fix}; or {own}" if fix else own,
    )


def qualified(function: Any) -> str:
    """Return the name of a function with its module: ``numpy.linalg.lstsq``."""
    name = getattr(function, "__name__", str(function))
    if isinstance(function, np.ufunc):  # ufuncs do not know where they live
        homes = ("numpy", "scipy.special", "scipy.special._ufuncs")
        module = next((m for m in homes if getattr(sys.modules.get(m), name, None) is function), "ufunc")
        return f"{module}.{name}"
    module = getattr(function, "__module__", None) or "numpy"
    return f"{module.replace('numpy._core', 'numpy')}.{name}"
