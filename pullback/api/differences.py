"""Derivatives by differences: what `check_grads` holds ours against, with a bound on their own error.

A function here is flat: real or complex arrays in, arrays out. Along a direction its
derivative is found by central differences of shrinking steps, extrapolated (Ridders,
"Accurate computation of F'(x) and F'(x)F''(x)", Adv. Eng. Software 4, 1982: the tableau of
Richardson with an error estimate), and, where the function turns out to be analytic and
real, by the complex step (Squire and Trapp, SIAM Review 40, 1998), which has no
cancellation and is exact to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Reference", "directional", "eps_of"]

_STEPS = 7
_SHRINK = 2.0


class Reference(NamedTuple):
    """The derivative of each output along a direction, and how far off it may be, entry by entry."""

    values: list[Any]
    errors: list[Any]


def eps_of(*arrays: Any) -> float:
    """Return the largest rounding unit among arrays."""
    return max((float(np.finfo(np.asarray(x).dtype).eps) for x in arrays), default=float(np.finfo(float).eps))


def directional(f: Callable[..., list], x: Sequence[Any], v: Sequence[Any], step: float | None = None) -> Reference:
    """Return the derivative of `f` at `x` along `v`.

    Parameters
    ----------
    f : callable
        ``f(*arrays)`` returns a list of arrays.
    x, v : sequence of arrays
        Of the scale of one another: ``x + h v`` with h up to about 1e-2 should be a small change.
    """
    reference = _ridders(f, x, v, step)
    exact = _complex_step(f, x, v, reference)
    return reference if exact is None else exact


def _ridders(f: Callable[..., list], x: Sequence[Any], v: Sequence[Any], step: float | None) -> Reference:
    eps = eps_of(*x)
    h = step or max(eps ** (1 / 5) * 8.0, 1e-3)
    wide = [np.asarray(a, np.result_type(a, np.float64)) for a in x]
    for _ in range(12):  # towards the point, while the function is not defined around it
        found = _tableau(f, wide, v, h)
        if all(np.all(np.isfinite(a)) for a in found.values):
            break
        h /= 32.0
    return found


def _tableau(f: Callable[..., list], x: Sequence[Any], v: Sequence[Any], h: float) -> Reference:
    """Return the extrapolated difference; of the tableau, entry by entry, that with the least error estimate."""
    columns: list[list[Any]] = []
    best: list[Any] = []
    errors: list[Any] = []
    for k in range(_STEPS):
        row, noise = _central(f, x, v, h / _SHRINK**k)
        rows = [row]
        if k == 0:
            best, errors = list(row), [np.full(np.shape(d), np.inf) for d in row]
        for j in range(1, k + 1):
            factor = _SHRINK ** (2 * j)
            rows.append([(factor * a - b) / (factor - 1) for a, b in zip(rows[j - 1], columns[j - 1], strict=True)])
            for i, new in enumerate(rows[j]):
                gap = np.maximum(np.abs(new - rows[j - 1][i]), np.abs(new - columns[j - 1][i])) + noise[i]
                better = gap < errors[i]
                best[i] = np.where(better, new, best[i])
                errors[i] = np.where(better, gap, errors[i])
        columns = rows
    return Reference(best, errors)


def _central(f: Callable[..., list], x: Sequence[Any], v: Sequence[Any], h: float) -> tuple[list[Any], list[Any]]:
    """Return the central differences, and what rounding of the values alone may do to them."""
    with np.errstate(all="ignore"):
        above = _moved(f, x, v, h)
        below = _moved(f, x, v, -h)
        row = [(a - b) / (2 * h) for a, b in zip(above, below, strict=True)]
        noise = [eps_of(a) * (np.abs(a) + np.abs(b)) / h for a, b in zip(above, below, strict=True)]
    return row, noise


def _moved(f: Callable[..., list], x: Sequence[Any], v: Sequence[Any], h: Any) -> list[Any]:
    return [np.asarray(y) for y in f(*[a + h * b for a, b in zip(x, v, strict=True)])]


def _complex_step(f: Callable[..., list], x: Sequence[Any], v: Sequence[Any], rough: Reference) -> Reference | None:
    """Return the complex step where the function takes it and the differences agree, else None."""
    if any(np.iscomplexobj(a) for a in (*x, *v)):
        return None
    h = 1e-40
    try:
        with np.errstate(all="ignore"):
            at = [np.asarray(y) for y in f(*[np.asarray(a, np.float64) for a in x])]
            stepped = _moved(f, x, v, 1j * h)
    except Exception:  # the function does not take complex numbers: it was only tried
        return None
    values, errors = [], []
    for y, z, d, e in zip(at, stepped, rough.values, rough.errors, strict=True):
        if np.iscomplexobj(y) or not np.iscomplexobj(z) or np.shape(z) != np.shape(y):
            return None
        slope = np.imag(z) / h
        eps = eps_of(z)
        scale = np.max(np.abs(slope), initial=0.0) + np.abs(y)
        if not np.all(np.abs(slope - d) <= 10 * e + 1e-6 * scale):
            return None
        values.append(slope)
        errors.append(64 * eps * scale)
    return Reference(values, errors)
