"""autograd.misc.optimizers: sgd, rmsprop and adam over any nest of arrays; `pullback.chain` has the fuller ones.

Each takes ``grad(x, i)``, with i the number of the iteration, and ``callback(x, i, gradient)``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from .flatten import flatten

__all__ = ["adam", "rmsprop", "sgd"]


def _of_nests(optimise: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(optimise)
    def of_nest(grad: Callable[..., Any], x0: Any, callback: Any = None, *args: Any, **kwargs: Any) -> Any:
        x, undo = flatten(x0)

        def flat_grad(flat: Any, i: int) -> Any:
            return flatten(grad(undo(flat), i))[0]

        def flat_callback(flat: Any, i: int, g: Any) -> None:
            if callback:
                callback(undo(flat), i, undo(g))

        return undo(optimise(flat_grad, x, flat_callback, *args, **kwargs))

    return of_nest


@_of_nests
def sgd(grad: Any, x: Any, callback: Any, num_iters: int = 200, step_size: float = 0.1, mass: float = 0.9) -> Any:
    """Minimise by gradient descent with momentum."""
    velocity = np.zeros(len(x))
    for i in range(num_iters):
        g = grad(x, i)
        callback(x, i, g)
        velocity = mass * velocity - (1.0 - mass) * g
        x = x + step_size * velocity
    return x


@_of_nests
def rmsprop(
    grad: Any,
    x: Any,
    callback: Any,
    num_iters: int = 100,
    step_size: float = 0.1,
    gamma: float = 0.9,
    eps: float = 1e-8,
) -> Any:
    """Minimise by steps divided by the root of a running mean of squared gradients."""
    square = np.ones(len(x))
    for i in range(num_iters):
        g = grad(x, i)
        callback(x, i, g)
        square = square * gamma + g**2 * (1 - gamma)
        x = x - step_size * g / (np.sqrt(square) + eps)
    return x


@_of_nests
def adam(
    grad: Any,
    x: Any,
    callback: Any,
    num_iters: int = 100,
    step_size: float = 0.001,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
) -> Any:
    """Minimise by Adam (Kingma and Ba, ICLR 2015, algorithm 1)."""
    m, v = np.zeros(len(x)), np.zeros(len(x))
    for i in range(num_iters):
        g = grad(x, i)
        callback(x, i, g)
        m = (1 - b1) * g + b1 * m
        v = (1 - b2) * g**2 + b2 * v
        x = x - step_size * (m / (1 - b1 ** (i + 1))) / (np.sqrt(v / (1 - b2 ** (i + 1))) + eps)
    return x
