"""check_grads: derivatives held against differences of the function itself, in random directions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pullback.core import conventions
from pullback.core.errors import ArgumentError, DerivativeError
from pullback.core.source import here
from pullback.core.tree import flatten, is_array, unflatten
from pullback.core.types import type_of

from .calls import name_of
from .differences import Reference, directional, eps_of
from .gradients import jvp, vjp
from .locating import first_off

__all__ = ["check_grads"]

_MODES = {"fwd": "forward", "rev": "reverse"}


class Flat:
    """A function of flat lists of inexact arrays, made from one of trees.

    Attributes
    ----------
    point : list
        The inexact leaves of the arguments.
    """

    def __init__(self, f: Callable[..., Any], args: Sequence[Any]) -> None:
        self.f = f
        self.leaves, self.structure = flatten(tuple(args))
        self.moving = [i for i, x in enumerate(self.leaves) if is_array(x) and type_of(x).inexact]
        self.point = [np.asarray(self.leaves[i])[()] for i in self.moving]

    def __call__(self, *arrays: Any) -> list[Any]:
        """Return the inexact leaves of the output."""
        leaves = list(self.leaves)
        for i, x in zip(self.moving, arrays, strict=True):
            leaves[i] = x
        outs = flatten(self.f(*unflatten(self.structure, leaves)))[0]
        return [y for y in outs if is_array(y) and type_of(y).inexact]


def check_grads(
    f: Callable[..., Any],
    args: Sequence[Any],
    order: int = 2,
    modes: Sequence[str] = ("fwd", "rev"),
    *,
    rtol: float | None = None,
    seed: int = 0,
) -> None:
    """Raise DerivativeError unless the derivatives of `f` at `args` agree with differences.

    Parameters
    ----------
    f : callable
        Takes and returns pytrees. Leaves that are no floating-point or complex arrays stay as they are.
    args : tuple
        Positional arguments. The function should be smooth around this point.
    order : int
        Every order up to this one is checked.
    modes : sequence of "fwd" and "rev"
        Every combination is checked: for order 2, fwd-fwd, rev-fwd, fwd-rev and rev-rev.
    rtol : float, optional
        Relative difference allowed, over what the rounding of the differences allows. By
        default 10 sqrt(eps) of the least precise argument: 1.5e-7 for float64, 3.5e-3 for float32.
    seed : int
        Of the random directions.

    Raises
    ------
    DerivativeError
        The message names the first operation of `f` whose own derivative is off, and its line.

    Notes
    -----
    Forward mode: J v against (f(x + h v) - f(x - h v)) / 2h, extrapolated to h = 0 with an
    error estimate; or against the complex step Im f(x + i h v) / h where f takes complex
    numbers and both agree. Reverse mode: ⟨Jᵀu, v⟩ against ⟨u, J v⟩ by differences. Higher
    orders: the same of (x, v) -> J(x) v and (x, u) -> J(x)ᵀ u.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> pb.check_grads(lambda x: np.sum(np.tanh(x) ** 2), (np.array([0.1, -2.0]),))
    """
    args = tuple(args) if isinstance(args, tuple | list) else (args,)
    modes = (modes,) if isinstance(modes, str) else tuple(modes)
    unknown = [m for m in modes if m not in _MODES]
    if unknown or not modes or not isinstance(order, int) or order < 1:
        raise ArgumentError(
            f"check_grads with order={order!r} and modes={modes!r}",
            where=here(),
            why="the order is at least 1, and a mode is 'fwd' or 'rev'",
            fix="check_grads(f, args, order=2, modes=('fwd', 'rev'))",
        )
    flat = Flat(f, args)
    if not flat.moving:
        raise ArgumentError(
            f"check_grads of {name_of(f)}, none of whose arguments is a floating-point or complex array",
            where=here(),
            why="there is nothing to differentiate by",
            fix="pass floats: 3.0 in place of 3",
        )
    rng = np.random.default_rng(seed)
    found = off(flat, flat.point, order, modes, rng, rtol)
    if found is not None:
        raise _error(f, args, flat, found, order, modes, rtol)


class Off:
    """A derivative that is off: by which modes it was taken, and the two numbers that disagree."""

    def __init__(self, modes: tuple[str, ...], ours: Any, theirs: Any, allowed: Any, output: int) -> None:
        self.modes, self.ours, self.theirs, self.allowed, self.output = modes, ours, theirs, allowed, output

    def __str__(self) -> str:
        how = " of ".join(_MODES[m] for m in self.modes)
        return (
            f"derivative of order {len(self.modes)} ({how} mode), output {self.output}: "
            f"{self.ours:.10g}, and by differences {self.theirs:.10g}, where {self.allowed:.2g} is allowed between them"
        )


_NEAR = 1e-5  # a second, smaller step: it reads over fewer kinks of the function, and has more rounding


def off(
    f: Callable[..., list],
    x: list[Any],
    order: int,
    modes: Sequence[str],
    rng: np.random.Generator,
    rtol: float | None,
) -> Off | None:
    """Return the first derivative of a flat function that is off, lowest orders first."""
    queue: list[tuple[Callable[..., list], list[Any], tuple[str, ...]]] = [(f, x, ())]
    for level in range(order):
        following = []
        for g, point, outer in queue:
            v, reference = _reference(g, point, rng)
            if not reference.values:
                continue
            for mode in modes:
                derivative = (_Forward if mode == "fwd" else _Reverse)(g, point, v, rng, rtol, (mode, *outer))
                found = derivative.against(reference)
                if found is not None:
                    found = derivative.against(directional(g, point, v, _NEAR))
                if found is not None:
                    return found
                if level + 1 < order:
                    following.append((derivative, [*point, *derivative.extra], (mode, *outer)))
        queue = following
    return None


def _reference(g: Callable[..., list], point: list[Any], rng: np.random.Generator) -> tuple[list[Any], Reference]:
    v = [_direction(a, rng) for a in point]
    reference = directional(g, point, v)
    if not _finite(reference):  # sizes so far apart that the step suits none: and all by their own
        v = [_direction(a, rng, dust=0.0) for a in point]
        reference = directional(g, point, v)
    if not _finite(reference):
        raise _undefined()
    return v, reference


class _Derivative:
    """A derivative of a flat function as a flat function: of x, and of what it takes beside x (`extra`)."""

    def __init__(self, g: Any, x: list[Any], v: list[Any], rng: Any, rtol: float | None, modes: tuple) -> None:
        self.g, self.x, self.v, self.modes = g, x, v, modes
        self.n = len(x)
        self.rtol = 10 * float(np.sqrt(eps_of(*x))) if rtol is None else rtol
        self.extra = self._extra(rng)
        self.ours = self(*x, *self.extra)

    def _extra(self, rng: np.random.Generator) -> list[Any]:
        raise NotImplementedError

    def __call__(self, *arrays: Any) -> list[Any]:
        raise NotImplementedError


class _Forward(_Derivative):
    """(x, v) -> J(x) v."""

    def _extra(self, rng: np.random.Generator) -> list[Any]:
        return self.v

    def __call__(self, *arrays: Any) -> list[Any]:
        return list(jvp(_as_tuple(self.g), arrays[: self.n], arrays[self.n :])[1])

    def against(self, reference: Reference) -> Off | None:
        """Hold J v against differences, entry by entry."""
        for k, (a, b, e) in enumerate(zip(self.ours, reference.values, reference.errors, strict=True)):
            a, b = np.asarray(a), np.asarray(b)
            # Entries far below the largest are sums of large terms in general: they are held to less.
            allowed = 10 * e + self.rtol * np.maximum(np.abs(b), np.sqrt(eps_of(a)) * np.max(np.abs(b), initial=0.0))
            bad = ~(np.abs(a - b) <= allowed)
            if np.any(bad):
                i = np.unravel_index(np.argmax(bad), bad.shape)
                return Off(self.modes, a[i], b[i], np.asarray(allowed)[i], k)
        return None


class _Reverse(_Derivative):
    """(x, u) -> J(x)ᵀ u."""

    def _extra(self, rng: np.random.Generator) -> list[Any]:
        return [_direction(y, rng, like=y) for y in self.g(*self.x)]

    def __call__(self, *arrays: Any) -> list[Any]:
        return list(vjp(_as_tuple(self.g), *arrays[: self.n])[1](tuple(arrays[self.n :])))

    def against(self, reference: Reference) -> Off | None:
        """Hold ⟨Jᵀu, v⟩ against ⟨u, J v⟩ by differences."""
        ours, theirs = _pairing(self.ours, self.v), _pairing(self.extra, reference.values)
        both = list(zip(self.extra, reference.values, reference.errors, strict=True))
        slack = sum(float(np.sum(np.abs(u) * e)) for u, _, e in both)
        size = sum(float(np.sum(np.abs(u) * np.abs(d))) for u, d, _ in both)
        allowed = 10 * slack + self.rtol * size
        return None if abs(ours - theirs) <= allowed else Off(self.modes, ours, theirs, allowed, 0)


def _as_tuple(g: Callable[..., list]) -> Callable[..., tuple]:
    return lambda *arrays: tuple(g(*arrays))


def _finite(reference: Any) -> bool:
    return all(np.all(np.isfinite(d)) for d in reference.values)


def _undefined() -> DerivativeError:
    return DerivativeError(
        "check_grads: the function has no finite differences here",
        where=here(),
        why="it is infinite or NaN at the point, or on one side of it",
        fix="move the arguments inside the domain: sqrt and log away from 0",
    )


def _direction(x: Any, rng: np.random.Generator, like: Any = None, dust: float = 1e-13) -> Any:
    """Return a random direction in which each entry moves by about its own size: no step crosses 0.

    What is 0, or `dust` beside the largest entry, moves by a tenth of that.
    """
    x = np.asarray(x)
    dtype = x.dtype if like is None else np.asarray(like).dtype
    v = rng.normal(size=x.shape)
    if dtype.kind == "c":
        v = v + 1j * rng.normal(size=x.shape)
    if like is None:
        largest = float(np.max(np.abs(x), initial=0.0)) or 1.0
        v = v * np.where(np.abs(x) > dust * largest, np.abs(x), 0.1 * largest)
    return np.asarray(v, dtype)[()]


def _pairing(us: Sequence[Any], vs: Sequence[Any]) -> float:
    """Return ⟨u, v⟩ over the reals: what transposition is by, in the convention in force for complex numbers."""
    conjugate = conventions.current().complex == "pytorch"
    return float(
        sum(np.sum((np.conj(u) if conjugate else u) * np.asarray(v)).real for u, v in zip(us, vs, strict=True))
    )


def _error(f, args, flat, found, order, modes, rtol) -> DerivativeError:
    def wrong(g: Callable[..., list], x: list[Any], n: int) -> Off | None:
        return off(g, x, n, modes, np.random.default_rng(1), rtol)

    place = first_off(f, args, len(found.modes), wrong)
    if place is None:
        return DerivativeError(
            f"{name_of(f)}: {found}",
            where=here(),
            why="no single operation of it is off: it may have a kink here, stop a gradient, or not be deterministic",
            fix="move the arguments away from kinks; stop_gradient makes a derivative differ on purpose",
        )
    return DerivativeError(
        f"{name_of(f)}: {found}",
        where=place.source,
        why=f"the first operation whose own derivative is off is {place.name}: {place.off}",
        fix=place.fix,
    )
