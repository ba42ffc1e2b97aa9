"""A step of stochastic gradient descent of a two-layer perceptron with softmax cross entropy, float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import pullback as pb
from benchmarks import peers

from .case import Case, ours

RATE = 0.1
LAYERS = {"tiny": (5, 4, 3, 6), "quick": (64, 128, 10, 128), "full": (64, 128, 10, 128)}


def loss(np: Any) -> Callable[[Any, Any, Any], Any]:
    """Return the mean cross entropy as a function of parameters, batch and one-hot targets; PyTorch's names too."""
    keep = {"dim": 1, "keepdim": True} if np.__name__ == "torch" else {"axis": 1, "keepdims": True}
    largest = np.amax if np.__name__ == "torch" else np.max

    def f(params: Any, x: Any, y: Any) -> Any:
        w1, b1, w2, b2 = params
        h = np.tanh(np.matmul(x, w1) + b1)
        z = np.matmul(h, w2) + b2
        z = z - largest(z, **keep)
        log_sum = np.log(np.sum(np.exp(z), **keep))
        return -np.sum(y * (z - log_sum)) / x.shape[0]

    return f


def step(gradient: Callable) -> Callable[[Any, Any, Any], Any]:
    """Return a step of descent, from the function that computes the gradient by the parameters."""

    def f(params: Any, x: Any, y: Any) -> Any:
        return [w - RATE * g for w, g in zip(params, gradient(params, x, y), strict=True)]

    return f


def torch_step(t: Any) -> Callable[[Any, Any, Any], Any]:
    f = loss(t)

    def gradient(params: Any, x: Any, y: Any) -> Any:
        leaves = [w.requires_grad_() for w in params]
        return t.autograd.grad(f(leaves, x, y), leaves)

    def stepped(params: Any, x: Any, y: Any) -> Any:
        found = gradient(params, x, y)
        with t.no_grad():
            return [w - RATE * g for w, g in zip(params, found, strict=True)]

    return stepped


def data(inputs: int, hidden: int, classes: int, batch: int, dtype: Any = np.float32) -> tuple:
    """Return parameters, a batch, and one-hot targets."""
    rng = np.random.default_rng(0)
    shapes = [(inputs, hidden), (hidden,), (hidden, classes), (classes,)]
    params = [(0.1 * rng.normal(size=s)).astype(dtype) for s in shapes]
    x = rng.uniform(size=(batch, inputs)).astype(dtype)
    y = np.eye(classes, dtype=dtype)[rng.integers(classes, size=batch)]
    return params, x, y


def cases(size: str) -> list[Case]:
    layers = LAYERS[size]
    args = data(*layers)
    contenders = ours(step(pb.grad(loss(np))), args)
    contenders["jax.jit"] = peers.jax_jit(lambda jax, jnp: step(jax.grad(loss(jnp))), args)
    contenders["torch"] = peers.torch_eager(torch_step, args)
    inputs, hidden, classes, batch = layers
    work = f"MLP {inputs}-{hidden}-{classes} SGD step, batch {batch}, float32"
    return [Case(work, contenders, rtol=1e-5, at_least={"jax.jit": 1.3, "torch": 4})]
