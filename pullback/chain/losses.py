"""Losses: the last layer of a chain. In place of parameters they take the targets.

Each is a mean over the batch, a scalar. The gradient by the targets is what it is (nothing, for
integer targets) and left unused in training.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.errors import ArgumentError, ShapeError
from pullback.core.source import here
from pullback.core.tracer import concrete
from pullback.core.types import type_of

from .layer import layer
from .layers import log_softmax

__all__ = ["binary_cross_entropy", "softmax_cross_entropy", "squared_loss"]


@layer(data=True)
def squared_loss(x: Any, w: Any) -> Any:
    """Return the mean of ``(x - w)²`` over all entries; w are the targets, of the shape of x."""
    if np.shape(x) != np.shape(w):
        raise ShapeError(
            f"squared_loss of predictions of shape {np.shape(x)} and targets of shape {np.shape(w)}",
            where=here(),
            why="there is one target a prediction; broadcasting would pair every one with every other",
            fix="targets.reshape(predictions.shape)",
        )
    return np.mean(np.square(x - w))


@layer(data=True)
def binary_cross_entropy(x: Any, w: Any) -> Any:
    """Return the mean of ``-w log(p) - (1 - w) log(1 - p)`` with ``p = sigmoid(x)``; w are the targets, 0 to 1.

    From logits x, as ``w softplus(-x) + (1 - w) softplus(x)``: neither term cancels nor overflows.
    """
    if np.shape(x) != np.shape(w):
        raise ShapeError(
            f"binary_cross_entropy of logits of shape {np.shape(x)} and targets of shape {np.shape(w)}",
            where=here(),
            why="there is one target a logit",
            fix="targets.reshape(logits.shape)",
        )
    return np.mean(w * np.logaddexp(-x, 0.0) + (1 - w) * np.logaddexp(x, 0.0))


@layer(data=True)
def softmax_cross_entropy(x: Any, w: Any) -> Any:
    """Return the mean over samples of ``-log(softmax(x))`` at the targets w.

    Parameters
    ----------
    x : array, shape (..., k)
        Logits of k classes.
    w : array
        Integers of shape (...), the classes; or probabilities (a one-hot row) of shape (..., k).
    """
    shape, targets = np.shape(x), np.shape(w)
    if targets == shape:
        return -np.mean(np.sum(w * log_softmax(x), axis=-1))
    if targets != shape[:-1] or type_of(w).dtype.kind not in "iu":
        raise ShapeError(
            f"softmax_cross_entropy of logits of shape {shape} and targets {type_of(w)}",
            where=here(),
            why="targets are integer classes of shape logits.shape[:-1], or probabilities of the shape of the logits",
            fix="y.astype(int) for classes, np.eye(k)[y] for one-hot rows",
        )
    _check_classes(w, shape[-1])
    chosen = np.expand_dims(w, -1) == np.arange(shape[-1])
    return -np.mean(np.sum(np.where(chosen, log_softmax(x), 0.0), axis=-1))


def _check_classes(w: Any, n: int) -> None:
    """Refuse a class that there is not, where the classes are known: it would count as no loss at all."""
    known = concrete(w)
    if known is not None and np.size(known) and not (np.min(known) >= 0 and np.max(known) < n):
        raise ArgumentError(
            f"softmax_cross_entropy of {n} classes with targets from {np.min(known)} to {np.max(known)}",
            where=here(),
            why="classes are counted from 0",
            fix=f"targets from 0 to {n - 1}",
        )
