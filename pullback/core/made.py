"""Where Tracers were made, for the messages of errors: nothing is written down for it while all goes well.

A recorder finds the line of one of its Tracers in what it has recorded anyway (its
equations, its tape); those that keep nothing note the lines of their latest Tracers.
"""

from __future__ import annotations

from collections import deque
from typing import Any
from weakref import ref

from . import source
from .errors import DTypeError, LeakedTracer, PullbackError, ShapeError
from .types import type_of

__all__ = ["Latest", "explain", "leaked"]


class Latest:
    """The latest Tracers of a recorder that keeps nothing, and their lines; holds none of them alive."""

    __slots__ = ("_noted",)

    def __init__(self) -> None:
        self._noted: deque[tuple[Any, Any]] = deque(maxlen=256)

    def note(self, tracer: Any) -> None:
        """Note that a Tracer was made here."""
        self._noted.append((ref(tracer), source.here()))

    def source_of(self, tracer: Any) -> Any:
        """Return where a Tracer was made, or None if that is too long ago."""
        return next((where for seen, where in reversed(self._noted) if seen() is tracer), None)


def leaked(recorder: Any, operands: Any) -> LeakedTracer:
    """Return the error for Tracers of a recorder that has ended."""
    dead = [x for x in operands if getattr(x, "recorder", None) is recorder]
    kinds = ", ".join(repr(x.type.strong) for x in dead) or "?"
    made = source.made_at(dead[0]) if dead else None
    where = source.describe(made if made is not None else recorder.made)
    text = source.line_text(made if made is not None else recorder.made)
    return LeakedTracer(
        f"a Tracer of {kinds} was used after its trace had ended; it was made at {where}"
        + (f", in `{text}`" if text else ""),
        where=source.here(),
        why="it was kept in a global, an attribute, a generator or a list while a transformed function ran",
        fix="return the value from the transformed function (has_aux=True carries extra outputs)",
    )


def explain(error: Exception, primitive: Any, operands: tuple, params: dict) -> None:
    """Raise, in place of an error from inside a primitive, one with the user's line and those of the operands.

    Returns where there is nothing to add.
    """
    found: Any = error if isinstance(error, PullbackError) and not error.where else None
    if not primitive.holds_programs and (found is None or isinstance(error, ShapeError | DTypeError)):
        try:
            primitive.infer(*(type_of(x) if not hasattr(x, "recorder") else x.type for x in operands), **params)
        except (ShapeError, DTypeError) as misuse:
            found = misuse
        except Exception:  # it was asked for a better message only
            return
    if found is None:
        return
    shown = operands if isinstance(found, ShapeError | DTypeError) else ()
    where = found.where or source.here()
    raise type(found)(found.what, where=where, why=found.why, fix=found.fix, operands=shown) from None
