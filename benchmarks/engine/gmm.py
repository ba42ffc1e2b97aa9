"""ADBench's Gaussian mixture: the log-likelihood with a Wishart prior, and its gradient.

The precision of each component is QᵀQ with a lower triangular Q, whose diagonal is the
exponential of the first d entries of `icf` and whose strict lower triangle follows by columns.

F. Srajer, Z. Kukelova, A. Fitzgibbon, "A benchmark of selected algorithmic differentiation tools
on some problems in computer vision and machine learning", Optimization Methods and Software 33 (2018).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import pullback as pb
from benchmarks import c, peers
from benchmarks.timing import Call

from .case import Case, ours

SIZES = {
    "tiny": [(3, 2, 5)],
    "quick": [(10, 25, 100)],
    "full": [(10, 25, 1000), (32, 25, 1000)],
}
GAMMA, M = 1.0, 0


def triangle(d: int) -> np.ndarray:
    """Return, for each entry of Q, its position in a row of `icf`; one past the end where Q is zero."""
    where = np.full((d, d), d * (d + 1) // 2)
    where[np.diag_indices(d)] = np.arange(d)
    columns, rows = np.triu_indices(d, 1)  # row by row of the transpose: by columns
    where[rows, columns] = d + np.arange(len(rows))
    return where


def prior_constant(d: int, k: int) -> float:
    """Return what of the Wishart prior depends on no parameter."""
    n = d + M + 1
    log_gamma = 0.25 * d * (d - 1) * math.log(math.pi) + sum(math.lgamma(0.5 * (n + 1 - j)) for j in range(1, d + 1))
    return -k * (n * d * (math.log(GAMMA) - 0.5 * math.log(2)) - log_gamma)


def log_sum_exp(np: Any, x: Any) -> Any:
    """Return log(sum(exp(x))) along the last axis."""
    largest = np.max(x, axis=-1, keepdims=True)
    return largest[..., 0] + np.log(np.sum(np.exp(x - largest), axis=-1))


def log_likelihood(np: Any, d: int, k: int, matrix: Callable) -> Callable[..., Any]:
    """Return it as a function of alphas (k), means (k, d), icf (k, d(d+1)/2) and points (n, d).

    ``matrix(diagonal, icf)`` makes the matrices Q (k, d, d). Q (x - mean) is one product of
    matrices for all components, Q x, less Q mean.
    """
    constant = prior_constant(d, k)

    def f(alphas: Any, means: Any, icf: Any, x: Any) -> Any:
        n = x.shape[0]
        diagonal = np.exp(icf[:, :d])
        sums = np.sum(icf[:, :d], axis=1)
        q = matrix(diagonal, icf)
        moved = np.reshape(np.matmul(x, np.reshape(q, (k * d, d)).T), (n, k, d))
        distance = moved - np.matmul(q, means[:, :, None])[:, :, 0]
        terms = alphas + sums - 0.5 * np.sum(distance * distance, axis=2)
        squares = np.sum(diagonal * diagonal) + np.sum(icf[:, d:] * icf[:, d:])
        prior = 0.5 * GAMMA**2 * squares - M * np.sum(sums) + constant
        likelihood = np.sum(log_sum_exp(np, terms)) - n * log_sum_exp(np, alphas)
        return likelihood + prior - 0.5 * n * d * math.log(2 * math.pi)

    return f


def gathered(np: Any, where: Any) -> Callable[[Any, Any], Any]:
    """Return what makes Q by reading `icf` through a table of positions, with a zero at its end."""

    def matrix(diagonal: Any, icf: Any) -> Any:
        d = diagonal.shape[1]
        entries = np.concatenate([diagonal, icf[:, d:], np.zeros_like(icf[:, :1])], axis=1)
        return entries[:, where]

    return matrix


def written(jnp: Any) -> Callable[[Any, Any], Any]:
    """Return what makes Q by writing into zeros: the gradient then reads, which XLA does faster than adding."""

    def matrix(diagonal: Any, icf: Any) -> Any:
        k, d = diagonal.shape
        columns, rows = np.triu_indices(d, 1)
        q = jnp.zeros((k, d, d)).at[:, rows, columns].set(icf[:, d:])
        return q.at[:, np.arange(d), np.arange(d)].set(diagonal)

    return matrix


def data(d: int, k: int, n: int) -> tuple:
    rng = np.random.default_rng(3)
    alphas, means = rng.normal(size=k), rng.uniform(size=(k, d))
    icf = rng.normal(size=(k, d * (d + 1) // 2)) / np.sqrt(d)
    return alphas, means, icf, rng.normal(size=(n, d))


def in_c(args: tuple, extra: tuple[str, ...]) -> Call:
    alphas, means, icf, x = args
    (k, d), n = means.shape, len(x)
    gradient = [np.empty_like(a) for a in (alphas, means, icf)]
    work = np.empty(k * (3 * d + 3))
    f = c.bind(c.load("gmm", extra).gmm_gradient, d, k, n, *args, GAMMA, M, *gradient, work)
    return lambda: (f(), tuple(gradient))


def case(d: int, k: int, n: int) -> Case:
    args, argnums = data(d, k, n), (0, 1, 2)
    contenders = ours(pb.value_and_grad(log_likelihood(np, d, k, gathered(np, triangle(d))), argnums=argnums), args)
    contenders["jax.jit"] = peers.jax_jit(
        lambda jax, jnp: jax.value_and_grad(log_likelihood(jnp, d, k, written(jnp)), argnums=argnums), args
    )
    contenders |= c.contenders(lambda extra: in_c(args, extra))
    return Case(f"GMM gradient, d={d} K={k} n={n:,}", contenders, rtol=1e-9, at_least={"jax.jit": 1.2, "C": 1.2})


def cases(size: str) -> list[Case]:
    return [case(d, k, n) for d, k, n in SIZES[size]]
