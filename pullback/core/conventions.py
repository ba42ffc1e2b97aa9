"""Conventions: the choices at points where mathematics leaves one.

Kinks (abs at 0, ties of max, the norm at 0), the meaning of a complex gradient, and
whether a zero that a mask made is strong (0 * inf = 0 after it). They are a context,
and part of the key of everything that is cached.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from .errors import ArgumentError
from .source import here

__all__ = ["Conventions", "conventions", "current"]


class Conventions(NamedTuple):
    """One choice a field.

    Attributes
    ----------
    ties : {"share", "first"}
        Where several elements attain the maximum (or two operands are equal): share the
        cotangent equally, or give all of it to the first.
    abs : {"zero", "one"}
        The derivative of ``abs`` at 0: 0, or 1 (the right-hand limit).
    norm : {"zero", "nan"}
        The derivative of a norm at the zero vector: 0, or what the formula gives, 0/0.
    clip : {"inside", "half"}
        The derivative of ``clip`` at its bounds: 1 as inside, or shared with the bound.
    complex : {"jax", "pytorch"}
        Gradient of a real function of complex z = x + iy: ``df/dx - i df/dy`` ("jax"), or
        its conjugate, the direction of steepest ascent ("pytorch").
    repeated : {"zero", "nan"}
        How the vectors of a repeated eigenvalue or singular value turn within their space: not
        at all, or NaN, which nothing says.
    strong_zeros : bool
        Whether products after a mask treat the mask's zeros as strong: 0 * inf = 0.
    """

    ties: str = "share"
    abs: str = "zero"
    norm: str = "zero"
    clip: str = "inside"
    complex: str = "jax"
    repeated: str = "zero"
    strong_zeros: bool = True


CHOICES: dict[str, tuple[Any, ...]] = {
    "ties": ("share", "first"),
    "abs": ("zero", "one"),
    "norm": ("zero", "nan"),
    "clip": ("inside", "half"),
    "complex": ("jax", "pytorch"),
    "repeated": ("zero", "nan"),
    "strong_zeros": (True, False),
}

_interned: dict[Conventions, Conventions] = {}
_default = Conventions()
_interned[_default] = _default
variable: ContextVar[Conventions] = ContextVar("pullback conventions", default=_default)
current = variable.get


@contextmanager
def conventions(**choices: Any) -> Iterator[Conventions]:
    """Switch conventions inside a ``with`` block, in this context only.

    Parameters
    ----------
    **choices
        Fields of `Conventions` and their values.

    Raises
    ------
    ArgumentError
        For an unknown field or value; the message lists the known ones.

    Examples
    --------
    >>> import pullback as pb, numpy as np
    >>> f = lambda z: np.real(z * np.conj(z))
    >>> complex(pb.grad(f)(1 + 2j))
    (2-4j)
    >>> with pb.conventions(complex="pytorch"):
    ...     complex(pb.grad(f)(1 + 2j))
    (2+4j)
    """
    for name, value in choices.items():
        known = CHOICES.get(name)
        if known is None:
            near = difflib.get_close_matches(name, CHOICES, n=1)
            raise ArgumentError(
                f"conventions has no choice {name!r}",
                where=here(),
                why=f"the nearest is {near[0]!r}" if near else "",
                fix=f"one of: {', '.join(CHOICES)}",
            )
        if value not in known:
            raise ArgumentError(
                f"conventions({name}={value!r})",
                where=here(),
                why=f"{name} has no such choice",
                fix=f"{name}= one of: {', '.join(map(repr, known))}",
            )
    new = variable.get()._replace(**choices)
    token = variable.set(_interned.setdefault(new, new))
    try:
        yield new
    finally:
        variable.reset(token)
