"""``pullback.autograd.scipy.stats.norm``: the normal distribution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pullback.primitives.exponential import erfc
from pullback.scipy import special

__all__ = ["cdf", "isf", "logcdf", "logpdf", "logsf", "pdf", "ppf", "sf"]


def pdf(x: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """Return the density."""
    return np.exp(logpdf(x, loc, scale))


def logpdf(x: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """Return the logarithm of the density."""
    z = (x - loc) / scale
    return -0.5 * z**2 - np.log(scale) - 0.5 * math.log(2 * math.pi)


def cdf(x: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """Return the probability of what is at most x."""
    return 0.5 * erfc(-(x - loc) / (scale * math.sqrt(2.0)))


def sf(x: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """Return the probability of what is above x."""
    return 0.5 * erfc((x - loc) / (scale * math.sqrt(2.0)))


def logcdf(x: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """Return the logarithm of `cdf`, also where that underflows."""
    return special.log_ndtr((x - loc) / scale)


def logsf(x: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """Return the logarithm of `sf`, also where that underflows."""
    return special.log_ndtr(-(x - loc) / scale)


def ppf(q: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """Return the quantile of a probability."""
    return loc + scale * special.ndtri(q)


def isf(q: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """Return what has a probability above it."""
    return loc - scale * special.ndtri(q)
