"""Elementary functions over long arrays, float64 and float32."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks import peers

from .case import Case, ours

LENGTHS = {"tiny": 11, "quick": 100_000, "full": 100_000}
RANGES = {"exp": (-10.0, 10.0), "tanh": (-4.0, 4.0), "log": (1e-3, 1e3), "sin": (-30.0, 30.0), "pow": (0.1, 10.0)}
AT_LEAST = {"exp": 1.0, "tanh": 1.0, "log": 0.65, "sin": 1.0, "pow": 0.65}
EXPONENTS = (-3.0, 3.0)


def function(np: Any, name: str) -> Any:
    """Return the function of that name; a Python function, so that there is something to compile."""
    if name == "pow":
        return lambda x, y: x**y
    return lambda x: getattr(np, name)(x)


def data(name: str, n: int, dtype: Any) -> tuple:
    rng = np.random.default_rng(7)
    ranges = [RANGES[name], EXPONENTS] if name == "pow" else [RANGES[name]]
    return tuple(rng.uniform(*r, size=n).astype(dtype) for r in ranges)


def case(name: str, n: int, dtype: Any) -> Case:
    args = data(name, n, dtype)
    plain = function(np, name)
    contenders = ours(plain, args)
    contenders["NumPy"] = lambda: lambda: plain(*args)
    contenders["jax.jit"] = peers.jax_jit(lambda jax, jnp: function(jnp, name), args)
    rtol = 16 * float(np.finfo(dtype).eps)
    at_least = {"NumPy": AT_LEAST[name], "jax.jit": 1.0}
    return Case(f"{name} of {n:,} {np.dtype(dtype)}", contenders, rtol, at_least)


def cases(size: str) -> list[Case]:
    n = LENGTHS[size]
    return [case(name, n, dtype) for name in RANGES for dtype in (np.float64, np.float32)]
