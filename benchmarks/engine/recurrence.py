"""A scalar recurrence, ``x += h sin(x p)``: the last x and its derivatives by the first x and by p.

Nothing here can be vectorised: it is the latency of one sin after another, and a tape.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import pullback as pb
from benchmarks import c, peers
from benchmarks.timing import Call

from .case import Case, ours

TURNS = {"tiny": 10, "quick": 1000, "full": 100_000}
H = 1e-4
POINT = (0.3, 1.7)


def last(np: Any, fori_loop: Callable, n: int) -> Callable[[Any, Any], Any]:
    """Return the last x as a function of the first x and of p."""

    def f(x: Any, p: Any) -> Any:
        return fori_loop(0, n, lambda i, x: x + H * np.sin(x * p), x)

    return f


def in_c(n: int, extra: tuple[str, ...]) -> Call:
    gradient = np.empty(2)
    f = c.bind(c.load("recurrence", extra).recurrence_gradient, n, H, *POINT, np.empty(n), np.empty(n), gradient)
    return lambda: (f(), tuple(gradient))


def case(n: int) -> Case:
    args = tuple(map(np.float64, POINT))
    contenders = ours(pb.value_and_grad(last(np, pb.fori_loop, n), argnums=(0, 1)), args)
    # With bounds that are known, JAX's fori_loop is a scan, which it can differentiate in reverse.
    contenders["jax.jit"] = peers.jax_jit(
        lambda jax, jnp: jax.value_and_grad(last(jnp, jax.lax.fori_loop, n), argnums=(0, 1)), args
    )
    contenders |= c.contenders(lambda extra: in_c(n, extra))
    work = f"scalar recurrence of {n:,} steps, value and gradient"
    return Case(work, contenders, rtol=1e-10, at_least={"jax.jit": 1.8})


def cases(size: str) -> list[Case]:
    return [case(TURNS[size])]
