"""Errors: what was wrong, where in the user's code, why, and what to write instead.

Every error that pullback raises on purpose is a `PullbackError` and also the built-in
kind that NumPy or Python would raise, so that ``except ValueError`` keeps working.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import source as _source
from .types import type_of

__all__ = [
    "ArgumentError",
    "AxisSizeError",
    "BakedDraw",
    "CheckError",
    "CustomRuleError",
    "DTypeError",
    "DerivativeError",
    "DerivativeLost",
    "GuardError",
    "IntegerInput",
    "LeakedTracer",
    "LinearityError",
    "MatrixError",
    "MissingExtra",
    "MutationError",
    "NaNError",
    "NoAttribute",
    "NoValue",
    "NonScalarOutput",
    "NotTraceable",
    "NotWritten",
    "OutOfRange",
    "PullbackError",
    "ShapeError",
    "TreeError",
]


class PullbackError(Exception):
    """Base of all errors raised on purpose.

    Parameters
    ----------
    what : str
        What was wrong, with the actual shapes, dtypes or names.
    where : source, str or None
        The user's own line; a source is resolved to ``file:line, in `text` ``.
    why : str
        The rule that was broken.
    fix : str
        Code that works.
    operands : sequence
        What it was done with: arrays and Tracers, which are shown with the lines that made them.
    """

    why = ""  # where nothing else is said

    def __init__(self, what: str, *, where: Any = None, why: str = "", fix: str = "", operands: Any = ()) -> None:
        why = why or type(self).why
        self.what, self.why, self.fix = what, why, fix
        self.where = where if isinstance(where, str) else _line(where)
        self.operands = tuple([x if isinstance(x, str) else _operand(x) for x in operands])
        lines = [what]
        of = [("and" if i else "of", text) for i, text in enumerate(self.operands)]
        for label, text in (("where", self.where), *of, ("why", why), ("fix", fix)):
            if text:
                lines.append(f"  {label + ':':6} {text}")
        super().__init__("\n".join(lines))

    def __reduce__(self):
        return _rebuild, (type(self), self.what, self.where, self.why, self.fix, self.operands)


def _rebuild(kind, what, where, why, fix, operands):
    return kind(what, where=where, why=why, fix=fix, operands=operands)


def _operand(x: Any) -> str:
    """Return what an operand is and the line that made it: float64[3] from model.py:12."""
    made = _source.made_at(x)
    return f"{type_of(x).strong}" + ("" if made is None else f" from {_line(made)}")


def _line(source: Any) -> str:
    if source is None:
        return ""
    text = _source.line_text(source)
    return _source.describe(source) + (f", in `{text}`" if text else "")


class ShapeError(PullbackError, ValueError):
    """Shapes that do not go together."""


class DTypeError(PullbackError, TypeError):
    """Dtypes that do not go together, or that an operation does not take."""


class ArgumentError(PullbackError, ValueError):
    """An argument of one of our own functions is wrong: `argnums`, `in_axes`, an option."""


class TreeError(PullbackError, TypeError):
    """Two pytrees that should have one structure have two."""


class AxisSizeError(PullbackError, ValueError):
    """The axes that `vmap` or `scan` maps over differ in size."""


class IntegerInput(PullbackError, TypeError):
    """A derivative was asked for by an integer or boolean input."""


class NonScalarOutput(PullbackError, TypeError):
    """`grad` of a function whose output is not a real scalar."""


class NotTraceable(PullbackError, TypeError):
    """A function that pullback cannot see through."""


class NotWritten(PullbackError, NotImplementedError):
    """Something that has a meaning, which is not written yet."""

    why = "it is not written yet"


class NoValue(PullbackError, TypeError):
    """Python asked for the value of a Tracer that has none, under `jit`, `vmap` or in a body."""


class NoAttribute(PullbackError, AttributeError):
    """A Tracer was asked for an attribute that it does not have."""


class DerivativeLost(PullbackError, TypeError):
    """Python asked for a plain number of what is being differentiated."""


class LeakedTracer(PullbackError, RuntimeError):
    """A Tracer was used after the trace that made it had ended."""


class MutationError(PullbackError, TypeError):
    """A Tracer was to be changed in place, or written into a plain array."""


class LinearityError(PullbackError, ValueError):
    """A function that was to be linear in its inputs is not."""


class MissingExtra(PullbackError, ImportError):
    """A picture or a report needs a package of an extra that is not installed."""


class CustomRuleError(PullbackError, TypeError):
    """A derivative rule written by the user gives the wrong number or shape of results."""


class DerivativeError(PullbackError, AssertionError):
    """`check_grads` found a derivative that is off."""


class OutOfRange(PullbackError, IndexError):
    """An index of a function under `jit` was out of range when it ran."""

    @classmethod
    def at(cls, source: Any, message: str) -> OutOfRange:
        """Return the error for an index of a line, in NumPy's words."""
        return cls(
            message,
            where=source,
            why="the index was known only when the compiled function ran; nothing was read or written there",
            fix="keep the index in range: np.clip(i, 0, n - 1), or i % n",
        )


class MatrixError(PullbackError, np.linalg.LinAlgError):
    """A matrix of a function under `jit` was singular, or not positive definite, or not finite, when it ran."""

    @classmethod
    def at(cls, source: Any, message: str) -> MatrixError:
        """Return the error for a matrix of a line, in NumPy's words."""
        regular = "add a multiple of the identity, A + eps * np.eye(n), or use np.linalg.pinv or np.linalg.lstsq"
        finite = "look for NaNs and infinities in it: np.isfinite(A).all()"
        return cls(
            message,
            where=source,
            why="the matrix was known only when the compiled function ran; NumPy raises LinAlgError for it too",
            fix=regular if "ingular" in message or "definite" in message else finite,
        )


class OutOfMemory(PullbackError, MemoryError):
    """A loop under `jit` wrote down more than there is memory for."""

    @classmethod
    def at(cls, equation: Any) -> OutOfMemory:
        """Return the error for an equation that got no memory; None: for what is copied on the way out."""
        return cls(
            "there is no memory for what a loop writes down",
            where=equation and equation.source,
            why="a loop of unknown length keeps what its derivative needs of each turn, and grows with the turns",
            fix="write down less: pullback.checkpoint around what a turn computes, or fewer turns",
        )


class NaNError(PullbackError, FloatingPointError):
    """A NaN arose under `debug_nans`."""


class GuardError(PullbackError, RuntimeError):
    """A Program traced with values was run on values that take another path."""


class BakedDraw(PullbackError, RuntimeError):
    """Random numbers were drawn from one of NumPy's generators while a function was traced."""


class CheckError(PullbackError, AssertionError):
    """A Program breaks an invariant: a mistake of pullback's, not of the user's."""
