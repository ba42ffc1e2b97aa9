"""``pullback.autograd.scipy.special``: expit, logit, logsumexp, erf, erfc, xlogy."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.primitives.exponential import erf, erfc, sigmoid

from .missing import not_there

__all__ = ["erf", "erfc", "expit", "logit", "logsumexp", "xlogy"]

expit = sigmoid


def logit(x: Any) -> Any:
    """Return the logarithm of the odds, ``log(x / (1 - x))``."""
    return np.log(x) - np.log1p(-x)


def xlogy(x: Any, y: Any) -> Any:
    """Return ``x log y``, and 0 where x is 0."""
    nothing = x == 0
    return np.where(nothing, 0.0, x * np.log(np.where(nothing, 1.0, y)))


def logsumexp(x: Any, axis: Any = None, b: Any = 1.0, keepdims: bool = False) -> Any:
    """Return ``log(sum(b * exp(x)))`` over axes, without overflow.

    Examples
    --------
    >>> float(logsumexp(np.array([1000.0, 1000.0])).round(4))
    1000.6931
    """
    x = x if hasattr(x, "ndim") else np.asarray(x)
    most = np.max(x, axis=axis, keepdims=True)
    most = np.where(np.isfinite(most), most, 0.0)
    total = np.log(np.sum(b * np.exp(x - most), axis=axis, keepdims=True)) + most
    if keepdims:
        return total
    return np.reshape(total, ()) if axis is None else np.squeeze(total, axis=axis)


def __getattr__(name: str) -> Any:
    raise not_there("scipy.special", name)
