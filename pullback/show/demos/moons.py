"""Two moons: two classes that no line parts, an MLP, and the boundary that it draws."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pullback.chain import Chain, adam, add, binary_cross_entropy, dot, flatten, glorot, sigmoid, tanh
from pullback.show.extras import require
from pullback.show.pictures import draw_curves, draw_decision_boundary

__all__ = ["MoonsResult", "moons"]

SAMPLES, HIDDEN, STEPS, RATE, SEED = 300, 16, 600, 0.02, 0

NETWORK = [dot, add, tanh, dot, add, tanh, dot, add]


class MoonsResult(NamedTuple):
    """What came out: accuracy on other samples of the same kind, and the pictures."""

    accuracy: float
    loss: float
    files: list[Path]


def initial() -> list[Any]:
    """Return the weights to begin with, one entry a layer of the network."""
    rng = np.random.default_rng(SEED)
    sizes = [2, HIDDEN, HIDDEN, 1]
    params: list[Any] = []
    for a, b in itertools.pairwise(sizes):
        params += [glorot(rng, (a, b)), np.zeros(b), None]
    return params[:-1]


def moons(output: Path, say: Callable[[str], None], steps: int = STEPS) -> MoonsResult:
    """Train the MLP, and draw its decision boundary.

    Parameters
    ----------
    output : Path
        Folder for the pictures.
    say : callable
        Takes the text to print.
    steps : int
        Of Adam, each over all samples.
    """
    make = require("sklearn.datasets", "demo").make_moons
    x, y = make(SAMPLES, noise=0.15, random_state=SEED)
    x_test, y_test = make(1000, noise=0.15, random_state=SEED + 1)
    chain = Chain([*NETWORK, binary_cross_entropy])
    params = initial()
    optimiser = adam(RATE)
    state = optimiser.init(params)
    targets = y[:, None].astype(np.float64)
    losses = []
    for _ in range(steps):
        value, _, grads = chain.backward(x, [*params, targets])
        losses.append(float(value))
        params, state = optimiser.update(grads[:-1], state, params)
    network = Chain([*NETWORK, sigmoid, flatten])

    def probability(points: np.ndarray) -> np.ndarray:
        return network.evaluate(points, [*params, None, None])[:, 0]

    accuracy = float(np.mean((probability(x_test) > 0.5) == y_test))
    say(f"Two moons: an MLP 2-{HIDDEN}-{HIDDEN}-1, {SAMPLES} samples, {steps} steps of Adam.\n")
    say(f"  test accuracy {100 * accuracy:.1f} %   training loss {losses[-1]:.2e}")
    files = [output / "moons-boundary.png", output / "moons-loss.png"]
    draw_decision_boundary(probability, x, y, files[0], title="Two moons: the decision boundary of an MLP")
    draw_curves(
        {"chain": losses}, files[1], title="Two moons: training", x_label="step", y_label="binary cross entropy"
    )
    say("\nPictures: " + ", ".join(map(str, files)))
    return MoonsResult(accuracy, losses[-1], files)
