"""Ready layers: dot, add, the activations, softmax, conv2d, max_pool, flatten, dropout.

Each is a function f(x, w) of a batch x, samples along the first axis; w is None where there are no
parameters. All are written in NumPy, so that every derivative, of any order, follows.

They stay finite and accurate for any finite input (tested at ±10⁴): no exponential of a positive
number is taken, and no 1 is subtracted from something that may be next to 1.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pullback.core.errors import ArgumentError, ShapeError
from pullback.core.source import here
from pullback.primitives import exponential

from .layer import layer

__all__ = [
    "add",
    "add_bias",
    "conv2d",
    "dot",
    "dropout",
    "flatten",
    "gelu",
    "log_softmax",
    "max_pool",
    "relu",
    "sigmoid",
    "softmax",
    "softplus",
    "tanh",
]


@layer
def dot(x: Any, w: Any) -> Any:
    """Return ``x @ w``: x of shape (bs, a), w of shape (a, b)."""
    return x @ w


@layer
def add(x: Any, w: Any) -> Any:
    """Return ``x + w``: the bias w, of shape (b,), or (c, 1, 1) after `conv2d`, is the same for every sample."""
    return x + w


add_bias = add


# Activations ----------------------------------------------------------------------------------


@layer
def relu(x: Any, w: None = None) -> Any:
    """Return x where it is positive, else 0; the derivative at 0 is 0. NaN stays NaN."""
    return np.where(x <= 0, 0.0, x)


@layer
def sigmoid(x: Any, w: None = None) -> Any:
    """Return ``1 / (1 + exp(-x))``."""
    return exponential.sigmoid(x)


@layer
def tanh(x: Any, w: None = None) -> Any:
    """Return the hyperbolic tangent."""
    return np.tanh(x)


@layer
def softplus(x: Any, w: None = None) -> Any:
    """Return ``log(1 + exp(x))``; its derivative is the sigmoid."""
    return np.logaddexp(x, 0.0)


@layer
def gelu(x: Any, w: None = None) -> Any:
    """Return ``x Φ(x)``, with Φ the normal distribution function: the exact form, with erf, not that with tanh.

    Φ(x) is taken as erfc(-x/√2)/2, which is accurate where it is small: 1 + erf is 0 at x = -9.
    """
    return x * (0.5 * exponential.erfc(x * -math.sqrt(0.5)))


@layer
def softmax(x: Any, w: None = None) -> Any:
    """Return ``exp(x) / sum(exp(x))`` along the last axis."""
    first, shifted = _below_the_greatest(x)
    e = np.exp(shifted)
    return e / (1.0 + np.sum(np.where(first, 0.0, e), axis=-1, keepdims=True))


@layer
def log_softmax(x: Any, w: None = None) -> Any:
    """Return ``x - log(sum(exp(x)))`` along the last axis.

    Accurate relative to itself also next to 0: for x = (0, -50) the first is -1.9e-22, where the
    usual formula gives 0; so is its derivative.
    """
    first, shifted = _below_the_greatest(x)
    return shifted - np.log1p(np.sum(np.where(first, 0.0, np.exp(shifted)), axis=-1, keepdims=True))


def _below_the_greatest(x: Any) -> tuple[Any, Any]:
    """Return where the (first) greatest entry of each row is, and x less that entry.

    At the entry itself the difference is the constant 0, so that its derivative is not
    computed as a difference of two numbers that are almost equal.
    """
    places = np.arange(x.shape[-1])
    first = places == np.expand_dims(np.argmax(x, axis=-1), -1)
    greatest = np.sum(np.where(first, x, 0.0), axis=-1, keepdims=True)
    return first, np.where(first, 0.0, x - greatest)


# Images: (bs, channels, height, width) -----------------------------------------------------------


@layer
def conv2d(x: Any, w: Any, *, stride: int = 1, padding: int = 0) -> Any:
    """Return the cross-correlation of images x (bs, c, h, w) with kernels w (k, c, i, j): (bs, k, h', w').

    Options, filled in by ``conv2d.partial(stride=2, padding=1)``: the step of the window, and how
    many zeros are put around the image. For a bias use `add`, with parameters (k, 1, 1).
    """
    if np.ndim(x) != 4 or np.ndim(w) != 4 or x.shape[1] != w.shape[1]:
        raise ShapeError(
            f"conv2d of an input of shape {np.shape(x)} with kernels of shape {np.shape(w)}",
            where=here(),
            why="the input is (bs, channels, height, width), the kernels (out, channels, height, width)",
            fix="x[:, None] adds the axis of a single channel",
        )
    if padding:
        x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = _windows("conv2d", x, w.shape[2:], stride)
    kernels = np.reshape(w, (*w.shape[:2], -1))
    return np.einsum("qnchw,kcq->nkhw", windows, kernels)


@layer
def max_pool(x: Any, w: None = None, *, size: int = 2, stride: int | None = None) -> Any:
    """Return the greatest value in each window of images x (bs, c, h, w); equal ones share the derivative.

    Options, filled in by ``max_pool.partial(size=3)``: the side of the window, and its step
    (by default the side: windows do not overlap, and what is left over at the edge is not read).
    """
    if np.ndim(x) != 4:
        raise ShapeError(
            f"max_pool of an input of shape {np.shape(x)}",
            where=here(),
            why="it is (bs, channels, height, width)",
            fix="x.reshape(bs, channels, height, width)",
        )
    return np.max(_windows("max_pool", x, (size, size), size if stride is None else stride), axis=0)


def _windows(name: str, x: Any, sides: tuple[int, int], stride: int) -> Any:
    """Return what lies under each place of a window as it is moved over images: (places, bs, c, h', w')."""
    if stride < 1 or min(sides) < 1:
        raise ArgumentError(
            f"{name} with a window of {sides} and stride {stride}",
            where=here(),
            why="both are at least 1",
            fix="size=2 halves height and width",
        )
    counts = [(n - side) // stride + 1 for n, side in zip(x.shape[2:], sides, strict=True)]
    if min(counts) < 1:
        raise ShapeError(
            f"{name} with a window of {sides} over images of {x.shape[2:]}",
            where=here(),
            why="the window is larger than the image",
            fix="a smaller window, or padding=",
        )
    spans = [(n - 1) * stride + 1 for n in counts]
    return np.stack(
        [
            x[:, :, i : i + spans[0] : stride, j : j + spans[1] : stride]
            for i in range(sides[0])
            for j in range(sides[1])
        ]
    )


@layer
def flatten(x: Any, w: None = None) -> Any:
    """Return x with all axes after the first made one."""
    return np.reshape(x, (x.shape[0], -1))


@layer(data=True)
def dropout(x: Any, w: Any, *, rate: float = 0.5) -> Any:
    """Return x with a fraction `rate` of its entries set to 0, and the others divided by ``1 - rate``.

    w is the random array, uniform in [0, 1) and of the shape of x: an entry is kept where it is at
    least `rate`. The layer itself draws nothing, so it is a function, and a run can be repeated.
    None in place of w leaves x as it is: that is how a trained network is used.
    """
    if not 0 <= rate < 1:
        raise ArgumentError(
            f"dropout with rate={rate!r}", where=here(), why="it is at least 0 and less than 1", fix="rate=0.5"
        )
    if w is None:
        return x
    return np.where(w >= rate, x / (1.0 - rate), 0.0)
