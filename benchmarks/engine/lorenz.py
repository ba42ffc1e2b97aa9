"""Lorenz-96 by the classical Runge-Kutta method: half the squared norm at the end, and its gradient by the start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import pullback as pb
from benchmarks import c, peers
from benchmarks.timing import Call

from .case import Case, ours

SIZES = {"tiny": (6, 4), "quick": (100, 50), "full": (100, 1000)}
FORCE, H = 8.0, 0.005


def slope(x: Any) -> Any:
    """Return ``(x[i+1] - x[i-2]) x[i-1] - x[i] + F``, with indices modulo n."""
    return (np.roll(x, -1) - np.roll(x, 2)) * np.roll(x, 1) - x + FORCE


def slope_for_jax(jnp: Any) -> Callable[[Any], Any]:
    """Return the same with one concatenation in place of three rolls: twice as fast in XLA."""

    def f(x: Any) -> Any:
        y = jnp.concatenate([x[-2:], x, x[:1]])
        return (y[3:] - y[:-3]) * y[1:-2] - x + FORCE

    return f


def step(slope: Callable, x: Any) -> Any:
    """Return x a step of `H` later."""
    k1 = slope(x)
    k2 = slope(x + H / 2 * k1)
    k3 = slope(x + H / 2 * k2)
    k4 = slope(x + H * k3)
    return x + H / 6 * (k1 + 2 * (k2 + k3) + k4)


def energy(np: Any, slope: Callable, fori_loop: Callable, steps: int) -> Callable[[Any], Any]:
    """Return half the squared norm after so many steps, as a function of the start."""

    def f(x: Any) -> Any:
        x = fori_loop(0, steps, lambda i, x: step(slope, x), x)
        return 0.5 * np.sum(x * x)

    return f


def data(n: int) -> np.ndarray:
    return FORCE + np.random.default_rng(2).normal(size=n)


def primal_in_c(steps: int, x0: np.ndarray) -> Call:
    n = len(x0)
    return c.bind(c.load("lorenz").lorenz, n, steps, FORCE, H, x0, np.empty(n), np.empty(9 * (n + 4)))


def gradient_in_c(steps: int, x0: np.ndarray) -> Call:
    n = len(x0)
    gradient, tape, work = np.empty(n), np.empty(4 * (steps + 1) * (n + 4)), np.empty(7 * (n + 4))
    f = c.bind(c.load("lorenz").lorenz_gradient, n, steps, FORCE, H, x0, gradient, tape, work)
    return lambda: (f(), gradient)


def cases(size: str) -> list[Case]:
    n, steps = SIZES[size]
    x0 = data(n)
    f = energy(np, slope, pb.fori_loop, steps)
    primal, gradient = ours(f, (x0,)), ours(pb.value_and_grad(f), (x0,))

    def in_jax(jax: Any, jnp: Any) -> Callable:
        return energy(jnp, slope_for_jax(jnp), jax.lax.fori_loop, steps)

    primal["jax.jit"] = peers.jax_jit(in_jax, (x0,))
    gradient["jax.jit"] = peers.jax_jit(lambda jax, jnp: jax.value_and_grad(in_jax(jax, jnp)), (x0,))
    primal["C"] = lambda: primal_in_c(steps, x0)
    gradient["C"] = lambda: gradient_in_c(steps, x0)
    work = f"RK4 of Lorenz-96, n={n}, {steps} steps"
    # Chaotic: a rounding grows by exp(1.7 t), and t is 5.
    return [
        Case(f"{work}: primal", primal, rtol=1e-8, at_least={"jax.jit": 5}),
        Case(f"{work}: gradient by the start", gradient, rtol=1e-8, at_least={"jax.jit": 3}),
    ]
