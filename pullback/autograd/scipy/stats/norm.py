"""``pullback.autograd.scipy.stats.norm``: the normal distribution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pullback.primitives.exponential import erfc

__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "sf"]


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
    """Return the logarithm of `cdf`; -inf below about -38 standard deviations, where it underflows."""
    return np.log(cdf(x, loc, scale))


def logsf(x: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """Return the logarithm of `sf`."""
    return np.log(sf(x, loc, scale))
