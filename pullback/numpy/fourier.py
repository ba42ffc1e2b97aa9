"""Fourier transforms, of Tracers: all of ``numpy.fft``.

An axis is padded with zeros, or cut, to the size that was asked for, and then transformed as it is.
What numbers frequencies (`fftfreq`, `rfftfreq`) makes constants, and is NumPy's own.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pullback.core import source
from pullback.core.errors import ArgumentError
from pullback.primitives.assembling import pad
from pullback.primitives.complex import conj
from pullback.primitives.fourier import NORMS, fft, irfft, rfft, swapped
from pullback.primitives.indexing import slice_

from .arguments import ndim, one_axis, operand, refuse, shape
from .registry import covers
from .shapes import rolled

__all__ = ["fftn", "fftshift", "ifftn", "irfftn", "rfftn", "transform"]


def _norm(norm: Any) -> str:
    if norm is None:
        return "backward"
    if norm not in NORMS:
        raise ArgumentError(
            f"a Fourier transform with norm={norm!r}",
            where=source.here(),
            why=f'Invalid norm value {norm}; should be "backward", "ortho" or "forward"',
            fix='norm="ortho", or leave norm= out',
        )
    return norm


def _from_end(axis: Any, x: Any) -> int:
    """Return an axis as a negative number."""
    return one_axis(axis, ndim(x)) - ndim(x)


def _resized(x: Any, n: Any, axis: int) -> Any:
    """Return x cut, or padded with zeros, to n elements along an axis; None leaves it as it is."""
    size = shape(x)[axis]
    n = size if n is None else max(operator.index(n), 0)
    here = [i == axis + ndim(x) for i in range(ndim(x))]
    if n < size:
        stops = tuple(n if at else m for at, m in zip(here, shape(x), strict=True))
        return slice_(x, starts=(0,) * ndim(x), stops=stops)
    return pad(x, 0, widths=tuple((0, n - size if at else 0) for at in here)) if n > size else x


def _full(inverse: bool) -> Callable[..., Any]:
    def along(x: Any, n: Any, axis: Any, norm: Any) -> Any:
        at = _from_end(axis, x)
        return fft(_resized(x, n, at), axes=(at,), inverse=inverse, norm=_norm(norm))

    return along


_forward, _inverse = _full(False), _full(True)


def _half(x: Any, n: Any, axis: Any, norm: Any) -> Any:
    at = _from_end(axis, x)
    return rfft(_resized(x, n, at), axis=at, norm=_norm(norm))


def _whole(x: Any, n: Any, axis: Any, norm: Any) -> Any:
    at = _from_end(axis, x)
    n = 2 * (shape(x)[at] - 1) if n is None else operator.index(n)
    return irfft(_resized(x, n // 2 + 1, at), n=n, axis=at, norm=_norm(norm))


# Along one axis ---------------------------------------------------------------------------


@covers(np.fft.fft)
def transform(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Any:
    """Return the transform along an axis."""
    refuse("fft.fft", out=out)
    return _forward(operand(a), n, axis, norm)


@covers(np.fft.ifft)
def ifft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Any:
    """Return the inverse transform along an axis."""
    refuse("fft.ifft", out=out)
    return _inverse(operand(a), n, axis, norm)


@covers(np.fft.rfft)
def half_transform(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Any:
    """Return the first half of the spectrum of real numbers along an axis."""
    refuse("fft.rfft", out=out)
    return _half(operand(a), n, axis, norm)


@covers(np.fft.irfft)
def from_half(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Any:
    """Return the real numbers of which half of the spectrum is given along an axis."""
    refuse("fft.irfft", out=out)
    return _whole(operand(a), n, axis, norm)


@covers(np.fft.hfft)
def hfft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Any:
    """Return the real spectrum of a signal of which half is given: it is conjugate-symmetric."""
    refuse("fft.hfft", out=out)
    return _whole(conj(operand(a)), n, axis, swapped(_norm(norm)))


@covers(np.fft.ihfft)
def ihfft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Any:
    """Return half of the conjugate-symmetric signal that has a real spectrum."""
    refuse("fft.ihfft", out=out)
    return conj(_half(operand(a), n, axis, swapped(_norm(norm))))


# Along several axes -----------------------------------------------------------------------


def _sizes_and_axes(x: Any, s: Any, axes: Any, to_real: bool = False) -> tuple[list[Any], list[int]]:
    """Return a size (None: as it is) for each axis, and the axes, as NumPy reads ``s`` and ``axes``."""
    given = s is not None
    if axes is None and given:
        _deprecated("`axes` should not be `None` if `s` is not `None`")
        axes = range(-len(s), 0)
    axes = list(range(-ndim(x), 0)) if axes is None else [_from_end(i, x) for i in axes]
    if not given:
        return [None] * len(axes), axes
    if len(s) != len(axes):
        raise ValueError("Shape and axes have different lengths.")
    if any(n is None for n in s):
        _deprecated("Passing an array containing `None` values to `s` is deprecated")
    sizes = [None if n is None else operator.index(n) for n in s]
    return [shape(x)[i] if n == -1 else n for n, i in zip(sizes, axes, strict=True)], axes


def _deprecated(message: str) -> None:
    warnings.warn(f"{message} (Deprecated in NumPy 2.0)", DeprecationWarning, stacklevel=5)


def _along(x: Any, sizes: Sequence[Any], axes: Sequence[int], norm: Any, inverse: bool) -> Any:
    """Transform along axes, the last first, each of its size: in one equation where all are left as they are."""
    plain = all(n is None or n == shape(x)[i] for n, i in zip(sizes, axes, strict=True))
    if plain and axes and len(set(axes)) == len(axes):
        return fft(x, axes=tuple(axes), inverse=inverse, norm=_norm(norm))
    for n, i in zip(reversed(sizes), reversed(axes), strict=True):
        x = (_inverse if inverse else _forward)(x, n, i, norm)
    return x


@covers(np.fft.fftn)
def fftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    """Return the transform along several axes."""
    refuse("fft.fftn", out=out)
    x = operand(a)
    return _along(x, *_sizes_and_axes(x, s, axes), norm, inverse=False)


@covers(np.fft.ifftn)
def ifftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    """Return the inverse transform along several axes."""
    refuse("fft.ifftn", out=out)
    x = operand(a)
    return _along(x, *_sizes_and_axes(x, s, axes), norm, inverse=True)


@covers(np.fft.rfftn)
def rfftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    """Return the transform of real numbers along several axes: half of it along the last."""
    refuse("fft.rfftn", out=out)
    x = operand(a)
    sizes, axes = _sizes_and_axes(x, s, axes)
    return _along(_half(x, sizes[-1], axes[-1], norm), sizes[:-1], axes[:-1], norm, inverse=False)


@covers(np.fft.irfftn)
def irfftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    """Return the real numbers of which the transform along several axes is given, half of it along the last."""
    refuse("fft.irfftn", out=out)
    x = operand(a)
    sizes, axes = _sizes_and_axes(x, s, axes)
    x = _along(x, sizes[-2::-1], axes[-2::-1], norm, inverse=True)  # NumPy's order: the first axis first
    return _whole(x, sizes[-1], axes[-1], norm)


@covers(np.fft.fft2)
def fft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None) -> Any:
    """Return the transform along two axes."""
    return fftn(a, s, axes, norm, out)


@covers(np.fft.ifft2)
def ifft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None) -> Any:
    """Return the inverse transform along two axes."""
    return ifftn(a, s, axes, norm, out)


@covers(np.fft.rfft2)
def rfft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None) -> Any:
    """Return the transform of real numbers along two axes: half of it along the last."""
    return rfftn(a, s, axes, norm, out)


@covers(np.fft.irfft2)
def irfft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None) -> Any:
    """Return the real numbers of which the transform along two axes is given, half of it along the last."""
    return irfftn(a, s, axes, norm, out)


# Order of the bins ------------------------------------------------------------------------


def _shifted(x: Any, axes: Any, sign: int) -> Any:
    x = operand(x)
    if axes is None:
        axes = range(ndim(x))
    elif not isinstance(axes, Sequence):
        axes = (axes,)
    moved = [shape(x)[one_axis(i, ndim(x))] // 2 for i in axes]
    return rolled(x, [sign * n for n in moved], list(axes)) if moved else x


@covers(np.fft.fftshift)
def fftshift(x: Any, axes: Any = None) -> Any:
    """Move the bin of frequency 0 into the middle."""
    return _shifted(x, axes, 1)


@covers(np.fft.ifftshift)
def ifftshift(x: Any, axes: Any = None) -> Any:
    """Undo `fftshift`."""
    return _shifted(x, axes, -1)
