"""Eager gradients side by side: pullback, autograd, PyTorch and JAX without jit.

Two pieces of work, each written in the same operations for every library:

    chain   the gradient of 100 alternating ``sin`` and ``*`` on 10 float64s
    mlp     the gradient of the loss of the digits MLP, 64-128-10, batch 128, float32 and float64

One thread for everybody, one run, rounds of all libraries in turn; ratios of medians.
Run it with ``make bench`` or ``python -m benchmarks.eager``.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

import pullback as pb

from . import peers
from .engine.mlp import loss
from .timing import Call, agree, measure, start

ROUNDS = 15
FACTOR = 1.01


def chain(np: Any) -> Callable[[Any], Any]:
    """Return the sum of 50 times sin, then a product, in the namespace of a library."""

    def f(x: Any) -> Any:
        for _ in range(50):
            x = np.sin(x)
            x = x * FACTOR
        return np.sum(x)

    return f


def digits(dtype: Any) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Return parameters, a batch of the UCI digits, and one-hot targets."""
    data = importlib.import_module("sklearn.datasets").load_digits()
    rng = np.random.default_rng(0)
    x = (data.data[:128] / 16.0).astype(dtype)
    y = np.eye(10, dtype=dtype)[data.target[:128]]
    shapes = [(64, 128), (128,), (128, 10), (10,)]
    return [(0.1 * rng.normal(size=s)).astype(dtype) for s in shapes], x, y


def gradients(make: Callable[[Any], Callable], at: Any, *others: np.ndarray) -> dict[str, Callable[[], Call]]:
    """Return, by library, what prepares a call of the gradient of ``make(namespace)`` by its first argument."""

    def ours() -> Call:
        gradient = pb.grad(make(np), argnums=0)
        return lambda: gradient(at, *others)

    def autograd() -> Call:
        gradient = importlib.import_module("autograd").grad(make(importlib.import_module("autograd.numpy")))
        return lambda: gradient(at, *others)

    def torch() -> Call:
        t = peers.torch()
        f, rest = make(t), peers.tensors(t, others)
        point = peers.tensors(t, at)
        leaves = [w.requires_grad_() for w in (point if isinstance(at, list) else [point])]
        if isinstance(at, list):
            return lambda: t.autograd.grad(f(point, *rest), leaves)
        return lambda: t.autograd.grad(f(point, *rest), leaves)[0]

    def jax() -> Call:
        j = peers.jax()
        gradient = j.grad(make(j.numpy))
        point = j.tree_util.tree_map(j.numpy.asarray, (at, *others))
        return lambda: j.block_until_ready(gradient(*point))

    return {"pullback": ours, "autograd": autograd, "torch": torch, "jax, no jit": jax}


def report(title: str, builders: dict[str, Callable[[], Call]], rtol: float, ops: int | None = None) -> None:
    """Time one piece of work and print a line for each library."""
    print(f"\n{title}")
    calls, times = start(builders)
    agree(calls, rtol)
    measure(calls, times, ROUNDS)
    for name, found in times.items():
        t = 1e6 * found.median
        per_op = f"{t / ops:8.2f} µs/op" if ops else ""
        ratio = "" if name == "pullback" else f"{found.median / times['pullback'].median:8.2f} times ours"
        print(f"  {name:12} {t:10.1f} µs {per_op} {ratio}")


def main() -> None:
    """Run both pieces of work."""
    print(f"eager gradients, one thread, medians of {ROUNDS} rounds in turn; numpy {np.__version__}")
    report("chain of 100 sin and * on 10 float64s", gradients(chain, np.linspace(0.1, 1.0, 10)), 1e-12, ops=100)
    for dtype, rtol in ((np.float32, 1e-4), (np.float64, 1e-10)):
        report(f"digits MLP 64-128-10, batch 128, {np.dtype(dtype)}", gradients(loss, *digits(dtype)), rtol)


if __name__ == "__main__":
    main()
