"""The heat equation on a periodic square: the misfit after some steps, and its gradient by the initial field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import pullback as pb
from benchmarks import peers

from .case import Case, ours

SIZES = {"tiny": (5, 3), "quick": (128, 10), "full": (512, 100)}
RATE = 0.2


def misfit(np: Any, fori_loop: Callable, steps: int) -> Callable[[Any, Any], Any]:
    """Return half the squared distance of the last field from another, as a function of the first field and that."""

    def step(i: Any, u: Any) -> Any:
        around = np.roll(u, 1, axis=0) + np.roll(u, -1, axis=0) + np.roll(u, 1, axis=1) + np.roll(u, -1, axis=1)
        return u + RATE * (around - 4 * u)

    def f(u: Any, target: Any) -> Any:
        difference = fori_loop(0, steps, step, u) - target
        return 0.5 * np.sum(difference * difference)

    return f


def data(side: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(6)
    return rng.normal(size=(side, side)), rng.normal(size=(side, side))


def case(side: int, steps: int) -> Case:
    args = data(side)
    contenders = ours(pb.value_and_grad(misfit(np, pb.fori_loop, steps)), args)
    contenders["jax.jit"] = peers.jax_jit(
        lambda jax, jnp: jax.value_and_grad(misfit(jnp, jax.lax.fori_loop, steps)), args
    )
    work = f"heat equation {side}×{side}, {steps} steps, gradient by the initial field"
    return Case(work, contenders, rtol=1e-11, at_least={"jax.jit": 1})


def cases(size: str) -> list[Case]:
    return [case(*SIZES[size])]
