"""Elementwise functions of NumPy that are no ufuncs: parts, rounding, clipping, mending."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.primitives.arithmetic import add, div, mul, sub
from pullback.primitives.choice import clip, maximum, minimum, select
from pullback.primitives.comparison import isinf, isnan, logical_and, logical_not, signbit
from pullback.primitives.complex import angle, complex_, imag, real
from pullback.primitives.discrete import rint, trunc
from pullback.primitives.trigonometric import sinc

from .arguments import as_dtype, dtype_of, is_missing, missing, operand, refuse, shape
from .indexing import values_for
from .products import conjugated
from .registry import attribute, covers, method
from .ufuncs import call_ufunc
from .views import imag_part as imag_view
from .views import real_part as real_view

__all__ = ["clipped", "rounded"]


@covers(np.real)
def real_part(val: Any) -> Any:
    """Real part."""
    return real_view(operand(val))


@covers(np.imag)
def imaginary_part(val: Any) -> Any:
    """Imaginary part; zeros of a real array."""
    return imag_view(operand(val))


attribute("real")(real_part)
attribute("imag")(imaginary_part)


@method("conj", "conjugate")
def conjugate_method(self: Any) -> Any:
    """Complex conjugate; a real array as it is."""
    return conjugated(self)


@covers(np.angle)
def angle_of(z: Any, deg: bool = False) -> Any:
    """Argument of complex numbers."""
    found = angle(operand(z))
    return mul(found, 180 / np.pi) if deg else found


@covers(np.real_if_close)
def real_if_close(a: Any, tol: Any = 100) -> Any:
    """Real part of numbers of which all imaginary parts are nearly 0."""
    x = operand(a)
    if dtype_of(x).kind != "c":
        return x
    values = values_for("real_if_close", x, "np.real(x)")
    limit = tol * np.finfo(dtype_of(x)).eps if tol > 1 else tol
    return real_view(x) if np.all(np.absolute(np.imag(values)) < limit) else x


@method("round")
@covers(np.round, np.around, moves=False)
def rounded(a: Any, decimals: int = 0, out: Any = None) -> Any:
    """Round to a number of decimals; the derivative is zero."""
    refuse("round", out=out)
    x = operand(a)
    if dtype_of(x).kind == "b":
        return as_dtype(x, np.float16)
    if dtype_of(x).kind == "c":
        return complex_(rounded(real(x), decimals), rounded(imag(x), decimals))
    if dtype_of(x).kind in "biu":
        if decimals >= 0:
            return x
        scale = 10 ** -int(decimals)
        return as_dtype(mul(rint(div(x, scale)), scale), dtype_of(x))
    if decimals == 0:
        return rint(x)
    scale = 10.0 ** abs(int(decimals))
    return div(rint(mul(x, scale)), scale) if decimals > 0 else mul(rint(div(x, scale)), scale)


@covers(np.fix, moves=False)
def fix(x: Any, out: Any = None) -> Any:
    """Round towards zero; the derivative is zero."""
    refuse("fix", out=out)
    return trunc(operand(x))


@covers(np.clip)
def clipped(
    a: Any, a_min: Any = missing, a_max: Any = missing, out: Any = None, *, min: Any = missing, max: Any = missing,
    **options: Any,
) -> Any:  # fmt: skip
    """Limit to bounds; None is no bound."""
    refuse("clip", out=out, **options)
    if a_min is missing and a_max is missing:
        a_min, a_max = min, max
    elif min is not missing or max is not missing:
        raise ValueError("Passing `min` or `max` keyword argument when `a_min` and `a_max` are provided is forbidden.")
    x = operand(a)
    low, high = (None if is_missing(bound) else operand(bound) for bound in (a_min, a_max))
    if low is None and high is None:
        return call_ufunc(np.positive, x)
    if low is not None and high is not None:
        return clip(x, low, high)
    # One bound: as clip with the other out of reach, so that the convention at the bound is clip's.
    if np.result_type(x, high if low is None else low).kind != "f":
        return minimum(x, high) if low is None else maximum(x, low)
    return clip(x, -np.inf, high) if low is None else clip(x, low, np.inf)


@method("clip")
def clip_method(self: Any, min: Any = None, max: Any = None, out: Any = None, **options: Any) -> Any:
    """Limit to bounds; None is no bound."""
    return clipped(self, min, max, out, **options)


@covers(np.sinc)
def sinc_of(x: Any) -> Any:
    """``sin(πx) / (πx)``, 1 at 0."""
    return sinc(operand(x))


@covers(np.nan_to_num)
def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """Replace NaNs and infinities by numbers."""
    x = operand(x)
    kind = dtype_of(x).kind
    if kind == "c":
        return complex_(*(nan_to_num(part(x), nan=nan, posinf=posinf, neginf=neginf) for part in (real, imag)))
    if kind != "f":
        return x
    most = np.finfo(dtype_of(x)).max
    below, infinite = signbit(x), isinf(x)
    result = select(isnan(x), as_dtype(operand(nan), dtype_of(x)), x)
    high = as_dtype(most if posinf is None else operand(posinf), dtype_of(x))
    low = as_dtype(-most if neginf is None else operand(neginf), dtype_of(x))
    result = select(logical_and(infinite, logical_not(below)), high, result)
    return select(logical_and(infinite, below), low, result)


@covers(np.unwrap)
def unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: float = 2 * np.pi) -> Any:
    """Add multiples of the period so that jumps are less than `discont`; the derivative is 1."""
    x = operand(p)
    if shape(x) and not shape(x)[axis]:
        return x
    steps = np.diff(x, axis=axis)
    half = period / 2
    wrapped = sub(np.mod(add(steps, half), period), half)
    wrapped = np.where((wrapped == -half) & (steps > 0), half, wrapped)
    jumps = np.where(np.abs(steps) < (half if discont is None else discont), 0.0, wrapped - steps)
    first = np.zeros_like(np.take(x, [0], axis=axis))
    return x + np.concatenate([first, np.cumsum(jumps, axis=axis)], axis=axis)
