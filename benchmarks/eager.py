"""Eager gradients side by side: pullback, autograd, PyTorch and JAX without jit.

Two pieces of work, each written in the same operations for every library:

    chain   the gradient of 100 alternating ``sin`` and ``*`` on 10 float64s
    mlp     the gradient of the loss of the digits MLP, 64-128-10, batch 128, float32 and float64

One thread for everybody, one run, rounds of all libraries in turn, so that a noisy machine
is noisy for all; ratios of medians. Run it with ``make bench`` or ``python -m benchmarks.eager``.
"""

from __future__ import annotations

import os

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import gc
import importlib
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import pullback as pb

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


def mlp(np: Any, x: Any, y: Any) -> Callable[[Any], Any]:
    """Return the softmax cross entropy of a two-layer network, as a function of its parameters."""
    keep = {"dim": 1, "keepdim": True} if np.__name__ == "torch" else {"axis": 1, "keepdims": True}
    largest = np.amax if np.__name__ == "torch" else np.max

    def f(params: Any) -> Any:
        w1, b1, w2, b2 = params
        h = np.tanh(np.matmul(x, w1) + b1)
        z = np.matmul(h, w2) + b2
        z = z - largest(z, **keep)
        log_sum = np.log(np.sum(np.exp(z), **keep))
        return -np.sum(y * (z - log_sum)) / 128.0

    return f


def digits(dtype: Any) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Return a batch of the UCI digits, one-hot targets, and parameters."""
    data = importlib.import_module("sklearn.datasets").load_digits()
    rng = np.random.default_rng(0)
    x = (data.data[:128] / 16.0).astype(dtype)
    y = np.eye(10, dtype=dtype)[data.target[:128]]
    shapes = [(64, 128), (128,), (128, 10), (10,)]
    return x, y, [(0.1 * rng.normal(size=s)).astype(dtype) for s in shapes]


def gradients(make: Callable[..., Callable], at: Any, arrays: tuple = ()) -> dict[str, Callable[[], Any]]:
    """Return, by library, a call that computes the gradient of ``make(namespace, *arrays)`` at a point."""
    found: dict[str, Callable[[], Any]] = {}
    ours = pb.grad(make(np, *arrays))
    found["pullback"] = lambda: ours(at)

    def autograd_() -> Callable[[], Any]:
        gradient = importlib.import_module("autograd").grad(make(importlib.import_module("autograd.numpy"), *arrays))
        return lambda: gradient(at)

    def torch_() -> Callable[[], Any]:
        torch = importlib.import_module("torch")
        torch.set_num_threads(1)
        f = make(torch, *map(torch.tensor, arrays))
        leaves = [torch.tensor(a, requires_grad=True) for a in (at if isinstance(at, list) else [at])]
        point = leaves if isinstance(at, list) else leaves[0]
        return lambda: torch.autograd.grad(f(point), leaves)

    def jax_() -> Callable[[], Any]:
        jax = importlib.import_module("jax")
        jax.config.update("jax_enable_x64", True)
        jnp = importlib.import_module("jax.numpy")
        gradient = jax.grad(make(jnp, *map(jnp.asarray, arrays)))
        point = jax.tree_util.tree_map(jnp.asarray, at)
        return lambda: jax.block_until_ready(gradient(point))

    for name, build in (("autograd", autograd_), ("torch", torch_), ("jax, no jit", jax_)):
        try:
            found[name] = build()
        except ImportError:
            print(f"  {name} is not installed: left out (pip install 'pullback[bench]')")
    return found


def medians(calls: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Return the median time of a call in µs, by library; rounds of all libraries in turn."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    repeats = {}
    for name, call in calls.items():
        call()
        start = time.perf_counter()
        call()
        repeats[name] = max(1, int(0.02 / (time.perf_counter() - start)))
    for _ in range(ROUNDS):
        for name, call in calls.items():
            gc.collect()
            start = time.perf_counter()
            for _ in range(repeats[name]):
                call()
            times[name].append((time.perf_counter() - start) / repeats[name])
    return {name: 1e6 * statistics.median(ts) for name, ts in times.items()}


def agree(calls: dict[str, Callable[[], Any]], rtol: float) -> None:
    """Check that every library computes the same gradient: else a ratio means nothing."""
    ours = calls["pullback"]()
    for name, call in calls.items():
        theirs = call()
        theirs = list(theirs) if isinstance(ours, list) else [theirs[0] if isinstance(theirs, tuple) else theirs]
        for a, b in zip(ours if isinstance(ours, list) else [ours], theirs, strict=True):
            scale = np.max(np.abs(a))
            if np.max(np.abs(a - np.asarray(b))) > rtol * scale:
                raise AssertionError(f"{name} computes another gradient")


def report(title: str, calls: dict[str, Callable[[], Any]], rtol: float, ops: int | None = None) -> None:
    """Time one piece of work and print a line for each library."""
    agree(calls, rtol)
    found = medians(calls)
    print(f"\n{title}")
    for name, t in found.items():
        per_op = f"{t / ops:8.2f} µs/op" if ops else ""
        ratio = "" if name == "pullback" else f"{t / found['pullback']:8.2f} times ours"
        print(f"  {name:12} {t:10.1f} µs {per_op} {ratio}")


def main() -> None:
    """Run both pieces of work."""
    print(f"eager gradients, one thread, medians of {ROUNDS} rounds in turn; numpy {np.__version__}")
    x = np.linspace(0.1, 1.0, 10)
    report("chain of 100 sin and * on 10 float64s", gradients(chain, x), 1e-12, ops=100)
    for dtype, rtol in ((np.float32, 1e-4), (np.float64, 1e-10)):
        data, target, params = digits(dtype)
        report(f"digits MLP 64-128-10, batch 128, {np.dtype(dtype)}", gradients(mlp, params, (data, target)), rtol)


if __name__ == "__main__":
    main()
