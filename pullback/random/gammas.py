"""The gamma distribution and its relatives, with derivatives by their shape parameters.

Draws are made by rejection (Marsaglia and Tsang, *A simple method for generating gamma variables*, ACM TOMS 26
(2000), section 2), which has no derivative; what moves is decided by the distribution function: at a fixed
value of F(z; a), dz/da = −(∂F/∂a) / (∂F/∂z) (Figurnov, Mohamed and Mnih, *Implicit reparameterization
gradients*, NeurIPS 2018, section 3). All of it is in terms of log z, which a small `a` cannot underflow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pullback.numpy as np
from pullback.api.checkpoint import stop_gradient
from pullback.api.custom import custom_jvp
from pullback.api.loops import while_loop
from pullback.core.tracer import Tracer

from .continuous import standard_normal
from .keys import key_of, open_unit, shape_of
from .slopes import slope

__all__ = ["beta", "chisquare", "dirichlet", "gamma", "loggamma", "student_t"]

_Shape = int | Sequence[int] | None


def gamma(key: Any, a: Any, shape: _Shape = None, dtype: Any = np.float64, *, scale: Any = 1.0) -> Any:
    """Draw from the gamma distribution: density z^(a − 1) exp(−z / scale) / (Γ(a) scale^a).

    Parameters
    ----------
    key : array, shape (2,), int64
        From `key`, `split` or `fold_in`. Draw from it once.
    a : float or array
        Shape parameter, positive. The draw moves with it.
    shape : int or tuple of int, optional
        Shape of what is drawn, which the parameters must broadcast to; by default the shape that they have.
    scale : float or array
        The draw moves with it.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> from pullback import random
    >>> mean = lambda a: np.mean(random.gamma(random.key(0), a, 4000))
    >>> bool(abs(mean(3.0) - 3.0) < 0.1), bool(abs(pb.grad(mean)(3.0) - 1.0) < 0.1)
    (True, True)
    """
    kept = shape_of(shape, a, scale)
    return (scale * np.exp(_log_draw(key_of(key, "gamma"), np.broadcast_to(1.0 * a, kept)))).astype(dtype)


def loggamma(key: Any, a: Any, shape: _Shape = None, dtype: Any = np.float64) -> Any:
    """Draw the logarithm of a gamma number, finite also where the number is too small for a float."""
    return _log_draw(key_of(key, "loggamma"), np.broadcast_to(1.0 * a, shape_of(shape, a))).astype(dtype)


def chisquare(key: Any, df: Any, shape: _Shape = None, dtype: Any = np.float64) -> Any:
    """Draw from the χ² distribution of `df` degrees of freedom."""
    return gamma(key, 0.5 * df, shape, dtype, scale=2.0)


def student_t(key: Any, df: Any, shape: _Shape = None, dtype: Any = np.float64) -> Any:
    """Draw from Student's t distribution of `df` degrees of freedom: a normal number over the root of a χ² / df."""
    kept = shape_of(shape, df)
    log_w = _log_draw(key_of(key, "student_t"), np.broadcast_to(0.5 * df, kept))
    return (standard_normal(key, kept, _APART) * np.exp(0.5 * (np.log(0.5 * df) - log_w))).astype(dtype)


def beta(key: Any, a: Any, b: Any, shape: _Shape = None, dtype: Any = np.float64) -> Any:
    """Draw from the beta distribution on (0, 1): x / (x + y) of gamma numbers x of shape `a` and y of shape `b`."""
    kept = shape_of(shape, a, b)
    both = np.stack([np.broadcast_to(1.0 * a, kept), np.broadcast_to(1.0 * b, kept)])
    log_x, log_y = _log_draw(key_of(key, "beta"), both)
    return np.exp(log_x - np.logaddexp(log_x, log_y)).astype(dtype)


def dirichlet(key: Any, alpha: Any, shape: int | Sequence[int] = (), dtype: Any = np.float64) -> Any:
    """Draw vectors from the Dirichlet distribution of `alpha`, shape (k,); the result has shape (*shape, k).

    Examples
    --------
    >>> import numpy as np
    >>> from pullback import random
    >>> x = random.dirichlet(random.key(0), np.array([1.0, 2.0, 3.0]), 5)
    >>> x.shape, bool(np.allclose(x.sum(axis=-1), 1.0))
    ((5, 3), True)
    """
    log_x = _log_draw(key_of(key, "dirichlet"), np.broadcast_to(1.0 * alpha, (*shape_of(shape), *np.shape(alpha))))
    x = np.exp(log_x - np.max(log_x, axis=-1, keepdims=True))
    return (x / np.sum(x, axis=-1, keepdims=True)).astype(dtype)


_APART = 2**40  # the first stream that no rejection reaches: what else is drawn from the same key


@custom_jvp
def _log_draw(key: Any, a: Any) -> Any:
    """Return log z of gamma numbers z of shape parameter `a`."""
    return _reject(key, stop_gradient(a))


@_log_draw.defjvp
def _log_draw_moves(primals: Any, tangents: Any) -> Any:
    (key, a), (_, v) = primals, tangents
    log_z = _log_draw(key, a)
    return log_z, slope(log_z, a) * v


def _reject(key: Any, a: Any) -> Any:
    """Return log z: proposals of turn t come from stream 3t + 1 (and 3t + 2), for as long as one is refused."""
    small = a < 1.0
    d = np.where(small, a + 1.0, a) - 1.0 / 3.0  # below 1: a number of shape a + 1, times U^(1/a)
    c = 1.0 / np.sqrt(9.0 * d)

    def refused(state: Any) -> Any:
        return np.any(~state[1])

    def propose(state: Any) -> Any:
        t, done, log_z = state
        x = standard_normal(key, np.shape(a), 2 * t + 1)
        u = open_unit(key, np.shape(a), 2 * t + 2)
        v = (1.0 + c * x) ** 3
        log_v = np.log(np.where(v > 0.0, v, 1.0))
        taken = (v > 0.0) & (np.log(u) < 0.5 * x * x + d * (1.0 - v + log_v))
        return t + 1, done | taken, np.where(taken & ~done, np.log(d) + log_v, log_z)

    state = np.int64(0), np.zeros(np.shape(a), bool), np.zeros(np.shape(a))
    if any(type(x) is Tracer for x in (key, a)):
        log_z = while_loop(refused, propose, state)[2]
    else:
        while refused(state):  # nothing to trace: a Python loop is the same, and starts sooner
            state = propose(state)
        log_z = state[2]
    shrunk = np.log(open_unit(key, np.shape(a))) / np.where(small, a, 1.0)
    return np.where(small, log_z + shrunk, log_z)
