"""ADBench's LSTM with diagonal weights: the loss of predicting a sequence, and its gradient.

The log of the sum of exponentials has a 2 added under the logarithm, as in ADBench.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

import pullback as pb
from benchmarks import c, peers
from benchmarks.timing import Call

from .case import Case, ours

SIZES = {"tiny": (2, 4, 3), "quick": (2, 64, 14), "full": (2, 1024, 14)}


def sigmoid(np: Any, x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def layer(np: Any, weights: Any, x: Any, hidden: Any, cell: Any) -> tuple[Any, Any]:
    """Return the new hidden state and cell; weights (2, 4, b): factors, then biases, of the four gates."""
    w, bias = weights[0], weights[1]
    forget = sigmoid(np, x * w[0] + bias[0])
    ingate = sigmoid(np, hidden * w[1] + bias[1])
    outgate = sigmoid(np, x * w[2] + bias[2])
    change = np.tanh(hidden * w[3] + bias[3])
    cell = cell * forget + ingate * change
    return outgate * np.tanh(cell), cell


def loss(np: Any, scan: Callable, layers: int) -> Callable[..., Any]:
    """Return the loss as a function of main (layers, 2, 4, b), extra (3, b), state (layers, 2, b), sequence (c, b).

    Only the recurrence is in the loop: the predictions are made, and judged, all at once.
    """

    def f(main: Any, extra: Any, state: Any, sequence: Any) -> Any:
        def turn(states: Any, x: Any) -> Any:
            new = []
            for i in range(layers):
                x, cell = layer(np, main[i], x, *states[i])
                new.append((x, cell))
            return tuple(new), x

        start = tuple((state[i, 0], state[i, 1]) for i in range(layers))
        _, top = scan(turn, start, sequence[:-1] * extra[0])
        y = top * extra[1] + extra[2]
        normal = y - np.log(2.0 + np.sum(np.exp(y), axis=1, keepdims=True))
        return -np.mean(sequence[1:] * normal)

    return f


def data(layers: int, length: int, b: int) -> tuple:
    """Return parameters, the first state, and a sequence of zeros and ones."""
    rng = np.random.default_rng(4)
    main, extra = rng.uniform(-1, 1, size=(layers, 2, 4, b)), rng.uniform(-1, 1, size=(3, b))
    state = rng.uniform(-1, 1, size=(layers, 2, b))
    return main, extra, state, rng.integers(2, size=(length, b)).astype(float)


def in_c(args: tuple, flags: tuple[str, ...]) -> Call:
    main, extra, _, sequence = args
    layers, (length, b) = len(main), sequence.shape
    gradient = [np.empty_like(main), np.empty_like(extra)]
    tape, work = np.empty((length - 1) * (8 * layers + 2) * b), np.empty((4 * layers + 2) * b)
    f = c.bind(c.load("lstm", flags).lstm_gradient, layers, length, b, *args, *gradient, tape, work)
    return lambda: (f(), tuple(gradient))


def cases(size: str) -> list[Case]:
    layers, length, b = SIZES[size]
    args = data(layers, length, b)
    contenders = ours(pb.value_and_grad(loss(np, pb.scan, layers), argnums=(0, 1)), args)

    def in_jax(jax: Any, jnp: Any, unroll: int = 1) -> Callable:
        scan = functools.partial(jax.lax.scan, unroll=unroll)
        return jax.value_and_grad(loss(jnp, scan, layers), argnums=(0, 1))

    contenders["jax.jit"] = peers.jax_jit(in_jax, args)
    # Often faster, and several times as long to compile.
    contenders["jax.jit, unroll=4"] = peers.jax_jit(lambda jax, jnp: in_jax(jax, jnp, unroll=4), args)
    contenders |= c.contenders(lambda flags: in_c(args, flags))
    work = f"LSTM gradient, {layers} layers, {b} inputs, sequence {length}"
    return [Case(work, contenders, rtol=1e-10, at_least={"jax.jit": 3, "C": 1.5})]
