"""Schedules: the learning rate as a function of the number of the step, from 0.

Each works on a traced step as well, so that a whole training loop may run under `jit`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pullback.core.errors import ArgumentError
from pullback.core.source import here

__all__ = ["Schedule", "constant", "cosine", "exponential", "warmup"]

Schedule = Callable[[Any], Any]


def constant(rate: float) -> Schedule:
    """Return the schedule that is always `rate`."""
    return lambda step: rate


def exponential(rate: float, decay: float, every: int = 1) -> Schedule:
    """Return the schedule that is multiplied by `decay` in the course of each `every` steps.

    Examples
    --------
    >>> float(exponential(1.0, decay=0.5, every=10)(20))
    0.25
    """
    _positive("exponential", every=every)
    return lambda step: rate * np.exp(math.log(decay) / every * (step * 1.0))


def cosine(rate: float, steps: int, final: float = 0.0) -> Schedule:
    """Return the schedule that falls from `rate` to `final` along half a cosine, and stays there.

    Examples
    --------
    >>> schedule = cosine(1.0, steps=10)
    >>> [round(float(schedule(step)), 3) for step in (0, 5, 10, 11)]
    [1.0, 0.5, 0.0, 0.0]
    """
    _positive("cosine", steps=steps)
    return lambda step: final + 0.5 * (rate - final) * (1.0 + np.cos(np.minimum(step * 1.0, steps) * (math.pi / steps)))


def warmup(schedule: float | Schedule, steps: int) -> Schedule:
    """Return a schedule that rises in equal steps for `steps` steps, and then follows another from its start.

    Examples
    --------
    >>> schedule = warmup(0.4, steps=4)
    >>> [round(float(schedule(step)), 3) for step in (0, 1, 3, 4, 5)]
    [0.1, 0.2, 0.4, 0.4, 0.4]
    """
    _positive("warmup", steps=steps)
    after = as_schedule(schedule)
    return lambda step: after(np.maximum(step * 1.0 - steps, 0.0)) * np.minimum((step + 1.0) / steps, 1.0)


def as_schedule(rate: float | Schedule) -> Schedule:
    """Return a schedule for a number, or the schedule itself."""
    return rate if callable(rate) else constant(rate)


def _positive(name: str, **numbers: int) -> None:
    for key, n in numbers.items():
        if n < 1:
            raise ArgumentError(
                f"{name}({key}={n!r})", where=here(), why=f"{key} is a number of steps, at least 1", fix=f"{key}=100"
            )
