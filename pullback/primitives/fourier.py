"""Discrete Fourier transforms: of complex arrays, of real ones to half of a spectrum, and back from it.

With w = exp(-2πi/n), ``fft`` is y_k = s Σ_j x_j w^(jk) along each of its axes, and inverse with w^(-jk).
`norm` says who is divided by n, as in NumPy: with "backward" the inverse one, with "forward" the
other, and with "ortho" both by √n. Axes are negative, counted from the end, so that lanes in front
change nothing. Sizes are those of the operand: to pad or cut it is the face's.

All are linear. The matrix of ``fft`` is symmetric: it is its own transpose. Half a spectrum stands for a
whole one, ``y_(n-k) = conj(y_k)``, so that each bin but the first, and the last of an even n, counts
twice: with D for these factors, and the norm of the other direction,
``rfftᵀ u = irfft(D⁻¹ conj(u))`` and ``irfftᵀ u = D conj(rfft(u))``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pullback.core.errors import DTypeError, ShapeError
from pullback.core.primitive import Cost, Primitive, moved_bytes
from pullback.core.types import array_type, type_of

from .arithmetic import mul
from .assembling import iota
from .choice import select
from .comparison import equal, logical_or
from .complex import conj
from .shaping import reshape

__all__ = ["NORMS", "fft", "irfft", "rfft", "swapped"]

NORMS = {"backward": "forward", "ortho": "ortho", "forward": "backward"}  # and that of the other direction


def swapped(norm: str) -> str:
    """Return the norm by which the other direction is scaled as this one."""
    return NORMS[norm]


class _Transform(Primitive):
    """Base: linear in its one operand; lanes in front change nothing."""

    def function(self, params):
        return lambda x: self.evaluate(x, **params)

    def linear(self, n_operands, params):
        return ((0,),)

    def batch(self, size, operands, batched, **params):
        return self(*operands, **params)

    def cost(self, types, results, **params):
        """5 n log₂ n operations a complex transform of n points, and half of that a real one."""
        whole = max(types[0].size, results[0].size)
        halves = 1 if "axes" not in params else 2
        axes = params.get("axes", (params.get("axis"),))
        points = math.prod(max(types[0].shape[a], results[0].shape[a]) for a in axes)
        return Cost(math.ceil(2.5 * halves * whole * math.log2(max(points, 2))), moved_bytes(types, results))


def _sized(name: str, n: int) -> None:
    if n < 1:
        raise ShapeError(
            f"{name} of {n} points",
            why="Invalid number of FFT data points: a transform takes one at least",
            fix="pass n=, to which the axis is padded with zeros",
        )


class FFT(_Transform):
    """Transform along `axes`, forward or inverse; of real operands too."""

    name = "fft"

    def infer(self, x, *, axes, inverse=False, norm="backward"):
        for a in axes:
            _sized("fft", x.shape[a])
        return array_type(x.shape, np.result_type(x.dtype, 1j))

    def evaluate(self, x, *, axes, inverse=False, norm: Any = "backward"):
        if len(axes) == 1:
            return (np.fft.ifft if inverse else np.fft.fft)(x, axis=axes[0], norm=norm)
        return (np.fft.ifftn if inverse else np.fft.fftn)(x, axes=axes, norm=norm)

    def transpose(self, u, x, *, axes, inverse=False, norm="backward"):
        return (fft(u, axes=axes, inverse=inverse, norm=norm),)


fft = FFT()


class RFFT(_Transform):
    """Bins 0 … n // 2 of the transform of n real numbers along `axis`."""

    name = "rfft"

    def infer(self, x, *, axis, norm="backward"):
        n = x.shape[axis]
        _sized("rfft", n)
        if x.dtype.kind == "c":
            raise DTypeError(
                f"rfft of {x}",
                why="it transforms real numbers: half of the spectrum does not say that of complex ones",
                fix="np.fft.fft(x), or np.fft.rfft(np.real(x))",
            )
        return array_type(_with_size(x.shape, axis, n // 2 + 1), np.result_type(x.dtype, 1j))

    def evaluate(self, x, *, axis, norm: Any = "backward"):
        return np.fft.rfft(x, axis=axis, norm=norm)

    def transpose(self, u, x, *, axis, norm="backward"):
        n = type_of(x).shape[axis]
        u = conj(u)
        halved = select(_single(n, axis), u, mul(u, 0.5))
        return (irfft(halved, n=n, axis=axis, norm=swapped(norm)),)


rfft = RFFT()


class IRFFT(_Transform):
    """The n real numbers along `axis` of which bins 0 … n // 2 are given."""

    name = "irfft"

    def infer(self, x, *, n, axis, norm="backward"):
        _sized("irfft", n)
        if x.shape[axis] != n // 2 + 1:
            raise ShapeError(
                f"irfft of {x} to {n} points",
                why=f"the spectrum of {n} real numbers has {n // 2 + 1} bins",
                fix=f"cut the axis, or pad it with zeros, to {n // 2 + 1}",
            )
        real = np.real(np.empty(0, x.dtype)).dtype
        return array_type(_with_size(x.shape, axis, n), np.result_type(real, 1.0))

    def evaluate(self, x, *, n, axis, norm: Any = "backward"):
        return np.fft.irfft(x, n=n, axis=axis, norm=norm)

    def transpose(self, u, x, *, n, axis, norm="backward"):
        y = conj(rfft(u, axis=axis, norm=swapped(norm)))
        return (select(_single(n, axis), y, mul(y, 2.0)),)


irfft = IRFFT()


def _with_size(shape: tuple[int, ...], axis: int, n: int) -> tuple[int, ...]:
    axis %= len(shape)
    return (*shape[:axis], n, *shape[axis + 1 :])


def _single(n: int, axis: int):
    """Return which of the n // 2 + 1 bins stand for themselves alone, along an axis."""
    k = iota(n=n // 2 + 1, dtype=np.dtype(np.int64))
    alone = logical_or(equal(k, 0), equal(k, n // 2)) if n % 2 == 0 else equal(k, 0)
    return reshape(alone, shape=(n // 2 + 1, *(1,) * (-axis - 1)))
