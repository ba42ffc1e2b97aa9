"""Initialisers: the weights to begin with, drawn from a generator that the caller owns.

``glorot(rng, (64, 128))`` draws from ``rng = np.random.default_rng(0)`` and from nothing else, so
that a run can be repeated. The fan-in and fan-out of a matrix (a, b) of `dot` are a and b; those of
kernels (k, c, i, j) of `conv2d` are c·i·j and k·i·j.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pullback.core.errors import ArgumentError
from pullback.core.source import here

__all__ = ["glorot", "he", "normal", "zeros"]


def glorot(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any = np.float64) -> np.ndarray:
    """Return weights uniform in ±√(6 / (fan-in + fan-out)) (Glorot and Bengio, 2010): for tanh and sigmoid."""
    fan_in, fan_out = _fans("glorot", shape)
    bound = math.sqrt(6.0 / (fan_in + fan_out))
    return rng.uniform(-bound, bound, shape).astype(dtype)


def he(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any = np.float64) -> np.ndarray:
    """Return weights of variance 2 / fan-in, normal (He et al., 2015): for relu and its kin.

    Examples
    --------
    >>> import numpy as np
    >>> w = he(np.random.default_rng(0), (1000, 50))
    >>> bool(abs(w.std() - np.sqrt(2 / 1000)) < 1e-3)
    True
    """
    fan_in, _ = _fans("he", shape)
    return (rng.standard_normal(shape) * math.sqrt(2.0 / fan_in)).astype(dtype)


def normal(
    rng: np.random.Generator, shape: tuple[int, ...], scale: float = 0.01, dtype: Any = np.float64
) -> np.ndarray:
    """Return normal weights of standard deviation `scale`."""
    return (rng.standard_normal(shape) * scale).astype(dtype)


def zeros(rng: np.random.Generator | None, shape: tuple[int, ...], dtype: Any = np.float64) -> np.ndarray:
    """Return zeros, for biases; the generator is not used and may be None."""
    return np.zeros(shape, dtype)


def _fans(name: str, shape: tuple[int, ...]) -> tuple[int, int]:
    if len(shape) == 2:
        return shape[0], shape[1]
    if len(shape) == 4:
        window = shape[2] * shape[3]
        return shape[1] * window, shape[0] * window
    raise ArgumentError(
        f"{name} of weights of shape {shape}",
        where=here(),
        why="it is defined for matrices (a, b) and for kernels (out, in, height, width)",
        fix="zeros for a bias, normal(rng, shape, scale=…) for anything else",
    )
