"""Logistic regression: the mean loss and its gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import pullback as pb
from benchmarks import peers

from .case import Case, ours

SHAPES = {"tiny": (7, 3), "quick": (1000, 50), "full": (10_000, 50)}


def loss(np: Any) -> Callable[[Any, Any, Any], Any]:
    """Return the mean of ``log(1 + exp z) - y z`` with z = X w, as a function of w, X and labels in {0, 1}."""

    def f(w: Any, x: Any, y: Any) -> Any:
        z = np.matmul(x, w)
        return np.mean(np.logaddexp(0.0, z) - y * z)

    return f


def data(n: int, d: int) -> tuple:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(n, d))
    w = rng.normal(size=d) / np.sqrt(d)
    y = (rng.uniform(size=n) < 1 / (1 + np.exp(-(x @ rng.normal(size=d))))).astype(float)
    return w, x, y


def cases(size: str) -> list[Case]:
    n, d = SHAPES[size]
    args = data(n, d)
    contenders = ours(pb.value_and_grad(loss(np)), args)
    contenders["jax.jit"] = peers.jax_jit(lambda jax, jnp: jax.value_and_grad(loss(jnp)), args)
    work = f"logistic regression value and gradient, n={n} d={d}"
    return [Case(work, contenders, rtol=1e-12, at_least={"jax.jit": 1.3})]
