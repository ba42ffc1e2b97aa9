"""Optimisers: pure functions on pytrees.

    optimiser = adam(1e-3)
    state = optimiser.init(params)
    params, state = optimiser.update(grads, state, params)

Nothing is changed in place: `update` returns new parameters and a new state, both pytrees, so it
may stand in a `jit` or a `fori_loop`. Where a gradient is None (a layer without parameters,
integer targets) the parameter stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from pullback.core.errors import ShapeError, TreeError
from pullback.core.source import here
from pullback.core.tree import flatten, is_array, unflatten
from pullback.core.types import type_of

from .schedules import Schedule, as_schedule

__all__ = ["Optimiser", "State", "adam", "adamw", "momentum", "sgd"]


class State(NamedTuple):
    """What an optimiser remembers: the number of steps, and its moments, one entry a leaf of the parameters."""

    step: Any
    moments: tuple[Any, ...]


class Optimiser(NamedTuple):
    """Two pure functions.

    Attributes
    ----------
    init : callable
        ``init(params)`` returns the state to begin with.
    update : callable
        ``update(grads, state, params)`` returns the next ``(params, state)``.
    """

    init: Callable[[Any], State]
    update: Callable[[Any, State, Any], tuple[Any, State]]


def sgd(rate: float | Schedule) -> Optimiser:
    """Gradient descent: ``w - rate * g``; `rate` is a number or a schedule.

    Examples
    --------
    >>> import numpy as np
    >>> optimiser = sgd(0.5)
    >>> params = {"w": np.array([1.0, 2.0])}
    >>> params, state = optimiser.update({"w": np.array([1.0, 1.0])}, optimiser.init(params), params)
    >>> params
    {'w': array([0.5, 1.5])}
    """
    rate_at = as_schedule(rate)

    def step(n: Any, g: Any, moments: tuple, w: Any) -> tuple[Any, tuple]:
        return w - rate_at(n) * g, ()

    return _optimiser(step, 0)


def momentum(rate: float | Schedule, beta: float = 0.9, nesterov: bool = False) -> Optimiser:
    """Gradient descent with momentum: ``m = beta * m + g``, ``w - rate * m`` (Polyak 1964).

    With `nesterov` the step is ``beta * m + g`` (Nesterov 1983, as in Sutskever et al. 2013).
    """
    rate_at = as_schedule(rate)

    def step(n: Any, g: Any, moments: tuple, w: Any) -> tuple[Any, tuple]:
        m = beta * moments[0] + g
        return w - rate_at(n) * (beta * m + g if nesterov else m), (m,)

    return _optimiser(step, 1)


def adam(rate: float | Schedule, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8) -> Optimiser:
    """Adam (Kingma and Ba, 2015, algorithm 1): means of g and g², both corrected for their start at 0."""
    return adamw(rate, beta1, beta2, eps, weight_decay=0.0)


def adamw(
    rate: float | Schedule,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
) -> Optimiser:
    """Adam with weight decay apart from the gradient (Loshchilov, Hutter, 2019): less ``rate * weight_decay * w``."""
    rate_at = as_schedule(rate)

    def step(n: Any, g: Any, moments: tuple, w: Any) -> tuple[Any, tuple]:
        m = beta1 * moments[0] + (1.0 - beta1) * g
        s = beta2 * moments[1] + (1.0 - beta2) * (g * g)
        t = n + 1.0
        direction = (m / (1.0 - beta1**t)) / (np.sqrt(s / (1.0 - beta2**t)) + eps)
        if weight_decay:
            direction = direction + weight_decay * w
        return w - rate_at(n) * direction, (m, s)

    return _optimiser(step, 2)


def _optimiser(step: Callable[..., tuple[Any, tuple]], n_moments: int) -> Optimiser:
    """Return the optimiser of a rule for one array: step(number, gradient, moments, w) -> (w, moments)."""

    def init(params: Any) -> State:
        leaves = flatten(params)[0]
        return State(
            np.zeros((), np.int64),
            tuple([_zeros(w) for w in leaves] for _ in range(n_moments)),
        )

    def update(grads: Any, state: State, params: Any) -> tuple[Any, State]:
        leaves, structure = flatten(params)
        gs = _matched(grads, params, leaves, structure)
        moments = [list(m) for m in state.moments]
        for i, (w, g) in enumerate(zip(leaves, gs, strict=True)):
            if g is None:
                continue
            new, kept = step(state.step, g, tuple(m[i] for m in moments), w)
            leaves[i] = _of_dtype(new, w)
            for m, value in zip(moments, kept, strict=True):
                m[i] = _of_dtype(value, w)
        return unflatten(structure, leaves), State(state.step + 1, tuple(moments))

    return Optimiser(init, update)


def _zeros(w: Any) -> Any:
    return np.zeros(type_of(w).shape, type_of(w).dtype) if is_array(w) else 0.0


def _of_dtype(x: Any, w: Any) -> Any:
    """Return x in the dtype of a parameter: a rate in double precision must not widen float32."""
    dtype = type_of(w).dtype
    return x if type_of(x).dtype == dtype else x.astype(dtype)


def _matched(grads: Any, params: Any, leaves: list[Any], structure: Any) -> list[Any]:
    """Return one gradient a leaf of the parameters, None where there is none."""
    try:
        found = structure.flatten_up_to(_filled(grads, params))
    except (ValueError, TypeError, KeyError) as error:
        raise TreeError(
            f"gradients of structure {flatten(grads)[1]} for parameters of structure {structure}",
            where=here(),
            why="there is one gradient a parameter, in the same pytree, or None",
            fix="pass the gradients that grad or Chain.backward gave for these very parameters",
        ) from error
    for g, w in zip(found, leaves, strict=True):
        if g is not None and (not is_array(g) or type_of(g).shape != type_of(w).shape):
            raise ShapeError(
                f"a gradient {type_of(g) if is_array(g) else type(g).__name__} for a parameter {type_of(w)}",
                where=here(),
                why="a gradient has the shape of its parameter",
                fix="sum a gradient a sample over its first axis",
            )
    return found


def _filled(grads: Any, params: Any) -> Any:
    """Return gradients in which a None that stands for a whole subtree is that subtree of None."""
    if grads is None:
        leaves, structure = flatten(params)
        return unflatten(structure, [None] * len(leaves))
    if isinstance(grads, list | tuple) and isinstance(params, list | tuple) and len(grads) == len(params):
        parts = [_filled(g, p) for g, p in zip(grads, params, strict=True)]
        if hasattr(grads, "_fields"):
            return type(grads)(*parts)
        return type(grads)(parts)
    if isinstance(grads, dict) and isinstance(params, dict) and grads.keys() == params.keys():
        return {k: _filled(grads[k], params[k]) for k in params}
    return grads
