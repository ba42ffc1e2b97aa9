"""Continuous distributions: each is a function of uniform numbers and of its parameters, and differentiates as one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pullback.numpy as np

from .keys import open_unit, shape_of, units

__all__ = [
    "cauchy", "exponential", "gumbel", "laplace", "logistic", "lognormal", "multivariate_normal", "normal", "pareto",
    "rayleigh", "standard_normal", "uniform", "weibull",
]  # fmt: skip

_Shape = int | Sequence[int] | None


def uniform(key: Any, shape: _Shape = None, dtype: Any = np.float64, minval: Any = 0.0, maxval: Any = 1.0) -> Any:
    """Draw from the uniform distribution on [minval, maxval).

    Parameters
    ----------
    key : array, shape (2,), int64
        From `key`, `split` or `fold_in`. Draw from it once.
    shape : int or tuple of int, optional
        Shape of what is drawn, which the parameters must broadcast to; by default the shape that they have.
    dtype : dtype
        float64 or float32.
    minval, maxval : float or array
        The draw moves with them.

    Examples
    --------
    >>> from pullback import random
    >>> random.uniform(random.key(1), 2).shape
    (2,)
    """
    u = units(key, shape_of(shape, minval, maxval))
    return (minval + (maxval - minval) * u).astype(dtype)


def normal(key: Any, shape: _Shape = None, dtype: Any = np.float64, *, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    r"""Draw from the normal distribution of mean `loc` and standard deviation `scale`.

    Notes
    -----
    ``loc + scale * z`` with z = √(−2 log u₁) cos(2π u₂) (Box and Muller, 1958); \\|z\\| is at most 8.6.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> from pullback import random
    >>> loc = np.zeros(3)
    >>> pb.jacobian(lambda loc: random.normal(random.key(0), loc=loc))(loc)
    array([[1., 0., 0.],
           [0., 1., 0.],
           [0., 0., 1.]])
    """
    z = standard_normal(key, shape_of(shape, loc, scale))
    return (loc + scale * z).astype(dtype)


def standard_normal(key: Any, shape: tuple[int, ...], stream: Any = 0) -> Any:
    """Return normal numbers of mean 0 and variance 1, float64."""
    u = open_unit(key, (2, *shape), stream)
    return np.sqrt(-2.0 * np.log(u[0])) * np.cos((2.0 * math.pi) * u[1])


def lognormal(key: Any, shape: _Shape = None, dtype: Any = np.float64, *, mean: Any = 0.0, sigma: Any = 1.0) -> Any:
    """Draw exp of a normal number of mean `mean` and standard deviation `sigma`."""
    return np.exp(normal(key, shape, loc=mean, scale=sigma)).astype(dtype)


def multivariate_normal(key: Any, mean: Any, cov: Any, shape: int | Sequence[int] = (), dtype: Any = np.float64) -> Any:
    """Draw normal vectors of mean (d,) and covariance (d, d), positive definite; the result has shape (*shape, d).

    Notes
    -----
    ``mean + L z`` with the Cholesky factor L of the covariance: the draw moves with both.
    """
    z = standard_normal(key, (*shape_of(shape), np.shape(cov)[-1]))
    return (mean + z @ np.linalg.cholesky(cov).T).astype(dtype)


def exponential(key: Any, shape: _Shape = None, dtype: Any = np.float64, *, scale: Any = 1.0) -> Any:
    """Draw from the exponential distribution of mean `scale`."""
    return (-scale * np.log(open_unit(key, shape_of(shape, scale)))).astype(dtype)


def laplace(key: Any, shape: _Shape = None, dtype: Any = np.float64, *, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """Draw from the Laplace distribution: density exp(−|x − loc| / scale) / (2 scale)."""
    u = open_unit(key, shape_of(shape, loc, scale))
    tail = np.log(2.0 * np.minimum(u, 1.0 - u))
    return (loc + scale * np.where(u < 0.5, tail, -tail)).astype(dtype)


def logistic(key: Any, shape: _Shape = None, dtype: Any = np.float64, *, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """Draw from the logistic distribution, whose distribution function is the sigmoid of (x − loc) / scale."""
    u = open_unit(key, shape_of(shape, loc, scale))
    return (loc + scale * (np.log(u) - np.log1p(-u))).astype(dtype)


def gumbel(key: Any, shape: _Shape = None, dtype: Any = np.float64, *, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """Draw from the Gumbel distribution of maxima: −log of an exponential number."""
    u = open_unit(key, shape_of(shape, loc, scale))
    return (loc - scale * np.log(-np.log(u))).astype(dtype)


def cauchy(key: Any, shape: _Shape = None, dtype: Any = np.float64, *, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """Draw from the Cauchy distribution, which has no mean."""
    u = open_unit(key, shape_of(shape, loc, scale))
    return (loc + scale * np.tan(math.pi * (u - 0.5))).astype(dtype)


def pareto(key: Any, b: Any, shape: _Shape = None, dtype: Any = np.float64) -> Any:
    """Draw from the Pareto distribution on [1, ∞): density b x^(−b − 1)."""
    return np.exp(-np.log(open_unit(key, shape_of(shape, b))) / b).astype(dtype)


def rayleigh(key: Any, shape: _Shape = None, dtype: Any = np.float64, *, scale: Any = 1.0) -> Any:
    """Draw the length of a vector of two normal numbers of standard deviation `scale`."""
    return (scale * np.sqrt(-2.0 * np.log(open_unit(key, shape_of(shape, scale))))).astype(dtype)


def weibull(key: Any, concentration: Any, shape: _Shape = None, dtype: Any = np.float64, *, scale: Any = 1.0) -> Any:
    """Draw from the Weibull distribution: scale · E^(1/concentration), where E is exponential."""
    e = -np.log(open_unit(key, shape_of(shape, concentration, scale)))
    return (scale * np.exp(np.log(e) / concentration)).astype(dtype)
