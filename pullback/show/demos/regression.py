"""Linear regression: y = 2 x¹ − 3 x² + 1, recovered from 30 points by gradient descent through a chain."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pullback.chain import Chain, add, dot, sgd, squared_loss
from pullback.show.pictures import draw_curves

__all__ = ["RegressionResult", "regression"]

SLOPES, INTERCEPT = np.array([2.0, -3.0]), 1.0
POINTS, STEPS, RATE, SEED = 30, 300, 0.2, 0


class RegressionResult(NamedTuple):
    """What came out: the slopes, the intercept, the last loss, the picture."""

    slopes: np.ndarray
    intercept: float
    loss: float
    file: Path


def regression(output: Path, say: Callable[[str], None], steps: int = STEPS) -> RegressionResult:
    """Recover slopes and intercept, and draw the loss.

    Parameters
    ----------
    output : Path
        Folder for the picture.
    say : callable
        Takes the text to print.
    steps : int
        Of gradient descent, each over all points.
    """
    rng = np.random.default_rng(SEED)
    x = rng.standard_normal((POINTS, 2))
    y = (x @ SLOPES + INTERCEPT)[:, None]
    chain = Chain([dot, add, squared_loss])
    params = [np.zeros((2, 1)), np.zeros(1)]
    optimiser = sgd(RATE)
    state = optimiser.init(params)
    losses = []
    for _ in range(steps):
        value, _, grads = chain.backward(x, [*params, y])
        losses.append(float(value))
        params, state = optimiser.update(grads[:-1], state, params)  # the gradient by the targets is left unused
    losses.append(float(chain.evaluate(x, [*params, y])))
    slopes, intercept = params[0][:, 0], float(params[1][0])
    say(f"Regression: y = 2 x¹ − 3 x² + 1 from {POINTS} points, {steps} steps of gradient descent.\n")
    say(f"  slopes     ({slopes[0]:.6f}, {slopes[1]:.6f})")
    say(f"  intercept  {intercept:.6f}")
    say(f"  loss       {losses[-1]:.1e}")
    file = output / "regression-loss.png"
    draw_curves(
        {"chain": losses},
        file,
        title=f"Linear regression, {POINTS} points: gradient descent",
        x_label="step",
        y_label="mean squared error",
    )
    say(f"\nPicture: {file}")
    return RegressionResult(slopes, intercept, losses[-1], file)
