"""The main job: handwritten digits, and one network trained in four ways.

1797 images of 8 × 8 pixels (the UCI digits that ship inside scikit-learn), an MLP 64-128-10 with
softmax cross entropy, and four ways to its gradient:

    the functional chain      layers f(x, w), their VJPs composed from the loss back
    value_and_grad            of the loss as a plain NumPy function
    custom Functions          forward and backward written by hand, as in PyTorch
    jit                       the second way, compiled to native code

From the same weights, on the same batches, they must go the same way.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pullback.api.function import Function
from pullback.api.gradients import value_and_grad, vjp
from pullback.api.jit import jit
from pullback.api.tracing import trace
from pullback.chain import Chain, adam, add, cosine, dot, he, relu, softmax_cross_entropy
from pullback.show.chain_picture import draw_chain
from pullback.show.extras import require
from pullback.show.memory import chain_memory, memory
from pullback.show.pictures import draw_confusion, draw_curves
from pullback.show.work import work

__all__ = ["DigitsResult", "digits"]

EPOCHS, BATCH, RATE, SEED = 30, 64, 6e-3, 0


class Data(NamedTuple):
    """Images as rows of 64 numbers from 0 to 1, and their digits."""

    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


class DigitsResult(NamedTuple):
    """What came out.

    Attributes
    ----------
    accuracy : dict of str to float
        On the test images, for each way.
    difference : float
        The greatest difference between any two of the gradients, relative to the greatest entry.
    speed_up : float
        How many times as fast a compiled step is as the same step without compiling.
    seconds : float
        For the whole job.
    files : list of Path
        The pictures.
    """

    accuracy: dict[str, float]
    difference: float
    speed_up: float
    seconds: float
    files: list[Path]


# One: the functional chain ----------------------------------------------------------------------

CHAIN = Chain([dot, add, relu, dot, add, softmax_cross_entropy])


def by_chain(params: tuple, x: np.ndarray, y: np.ndarray) -> tuple[Any, tuple]:
    """Return the loss and its gradient, by the chain."""
    w1, b1, w2, b2 = params
    value, _, (g1, h1, _, g2, h2, _) = CHAIN.backward(x, [w1, b1, None, w2, b2, y])
    return value, (g1, h1, g2, h2)


# Two: value_and_grad of a plain NumPy function --------------------------------------------------


def loss(params: tuple, x: Any, y: Any) -> Any:
    """Return the mean cross entropy of the MLP."""
    w1, b1, w2, b2 = params
    hidden = x @ w1 + b1
    hidden = np.where(hidden > 0, hidden, 0.0)
    logits = hidden @ w2 + b2
    logits = logits - np.max(logits, axis=1, keepdims=True)
    log_p = logits - np.log(np.sum(np.exp(logits), axis=1, keepdims=True))
    return -np.mean(log_p[np.arange(len(y)), y])


by_grad = value_and_grad(loss)


# Three: custom Functions ------------------------------------------------------------------------


class Affine(Function):
    """``x @ w + b``."""

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, b: Any) -> Any:
        """Keep both factors."""
        ctx.save_for_backward(x, w)
        return x @ w + b

    @staticmethod
    def backward(ctx: Any, u: Any) -> Any:
        """Return Jᵀu for x, w and b."""
        x, w = ctx.saved_tensors
        return u @ w.T, x.T @ u, np.sum(u, axis=0)


class Relu(Function):
    """``maximum(x, 0)``, with derivative 0 at 0."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        """Keep where x is positive."""
        positive = x > 0
        ctx.save_for_backward(positive)
        return np.where(positive, x, 0.0)

    @staticmethod
    def backward(ctx: Any, u: Any) -> Any:
        """Return u where x is positive."""
        (positive,) = ctx.saved_tensors
        return np.where(positive, u, 0.0)


class CrossEntropy(Function):
    """Mean of ``-log(softmax(x))`` at the classes y."""

    @staticmethod
    def forward(ctx: Any, x: Any, y: Any) -> Any:
        """Keep the probabilities less the one-hot targets: that is the derivative already."""
        e = np.exp(x - np.max(x, axis=1, keepdims=True))
        p = e / np.sum(e, axis=1, keepdims=True)
        chosen = y[:, None] == np.arange(x.shape[1])
        ctx.save_for_backward((p - chosen) / len(y))
        return -np.mean(np.log(np.sum(np.where(chosen, p, 0.0), axis=1)))

    @staticmethod
    def backward(ctx: Any, u: Any) -> Any:
        """Return Jᵀu; the classes have no derivative."""
        (derivative,) = ctx.saved_tensors
        return u * derivative, None


def loss_of_functions(params: tuple, x: Any, y: Any) -> Any:
    """Return the same loss, composed of the three Functions."""
    w1, b1, w2, b2 = params
    hidden = Relu.apply(Affine.apply(x, w1, b1))
    return CrossEntropy.apply(Affine.apply(hidden, w2, b2), y)


by_functions = value_and_grad(loss_of_functions)

WAYS: dict[str, Callable[..., Any]] = {
    "functional chain": by_chain,
    "value_and_grad": by_grad,
    "custom Functions": by_functions,
    "jit": jit(by_grad),
}


# The job ------------------------------------------------------------------------------------------


def load() -> Data:
    """Return the digits, a stratified random quarter of them for the test."""
    data = require("sklearn.datasets", "demo").load_digits()
    split = require("sklearn.model_selection", "demo").train_test_split
    x, x_test, y, y_test = split(data.data / 16.0, data.target, test_size=0.25, stratify=data.target, random_state=SEED)
    return Data(x, y, x_test, y_test)


def initial() -> tuple:
    """Return the weights to begin with."""
    rng = np.random.default_rng(SEED)
    return he(rng, (64, 128)), np.zeros(128), he(rng, (128, 10)), np.zeros(10)


def predict(params: tuple, x: np.ndarray) -> np.ndarray:
    """Return the most probable digit of each image."""
    w1, b1, w2, b2 = params
    return np.argmax(CHAIN[:-1].evaluate(x, [w1, b1, None, w2, b2]), axis=1)


def train(way: Callable[..., Any], data: Data, epochs: int, tick: Callable[[float], None]) -> tuple[tuple, list[float]]:
    """Return the trained weights, and the mean loss before training and after each epoch."""
    rng = np.random.default_rng(SEED)
    batches = len(data.x) // BATCH
    optimiser = adam(cosine(RATE, steps=epochs * batches))
    params = initial()
    state = optimiser.init(params)
    losses = [float(loss(params, data.x, data.y))]
    for _ in range(epochs):
        order = rng.permutation(len(data.x))
        for i in range(batches):
            chosen = order[i * BATCH : (i + 1) * BATCH]
            _, grads = way(params, data.x[chosen], data.y[chosen])
            params, state = optimiser.update(grads, state, params)
        losses.append(float(loss(params, data.x, data.y)))
        tick(losses[-1])
    return params, losses


def greatest_difference(params: tuple, data: Data) -> float:
    """Return how far apart the gradients are, on all training images: relative to the greatest entry."""
    gradients = [np.concatenate([np.ravel(g) for g in way(params, data.x, data.y)[1]]) for way in WAYS.values()]
    scale = max(float(np.max(np.abs(g))) for g in gradients)
    return max(float(np.max(np.abs(a - b))) for a in gradients for b in gradients) / scale


def compiled_speed_up(data: Data, repeats: int = 100) -> float:
    """Return how many times as fast the compiled gradient is: the ratio of median times, measured in turn."""
    args = initial(), data.x[:BATCH], data.y[:BATCH]
    times: dict[str, list[float]] = {"value_and_grad": [], "jit": []}
    for _ in range(repeats):
        for name, taken in times.items():
            start = time.perf_counter()
            WAYS[name](*args)
            taken.append(time.perf_counter() - start)
    return float(np.median(times["value_and_grad"]) / np.median(times["jit"]))


def digits(output: Path, say: Callable[[str], None], epochs: int = EPOCHS) -> DigitsResult:
    """Train the digits in four ways, compare, and draw.

    Parameters
    ----------
    output : Path
        Folder for the pictures.
    say : callable
        Takes the text to print.
    epochs : int
        How often each image is seen.
    """
    # The matrices are small: several threads of BLAS only wait for each other (16 s, and 3 s with one,
    # on two cores that others use as well). threadpoolctl comes with scikit-learn.
    with require("threadpoolctl", "demo").threadpool_limits(limits=1):
        return _digits(output, say, epochs)


def _digits(output: Path, say: Callable[[str], None], epochs: int) -> DigitsResult:
    start = time.perf_counter()
    data = load()
    say(f"Digits: {len(data.x)} images to learn from, {len(data.x_test)} for the test; an MLP 64-128-10.\n")
    trained, curves = _train_all(data, epochs)
    accuracy = {name: float(np.mean(predict(p, data.x_test) == data.y_test)) for name, p in trained.items()}
    for name, value in accuracy.items():
        say(f"  {name:17} test accuracy {100 * value:.2f} %   training loss {curves[name][-1]:.2e}")
    difference = max(greatest_difference(p, data) for p in (initial(), trained["functional chain"]))
    say(f"\nThe four gradients differ by at most {difference:.1e} of their greatest entry")
    say(f"(before and after training; an entry is a sum over {len(data.x)} images, each rounded to 2.2e-16).\n")
    speed_up = compiled_speed_up(data)
    say(f"One gradient of a batch of {BATCH}, compiled by jit: {speed_up:.1f} times as fast as value_and_grad alone.\n")
    files = _report(data, trained["functional chain"], curves, output, say)
    seconds = time.perf_counter() - start
    say(f"\n{seconds:.1f} s in all.")
    return DigitsResult(accuracy, difference, speed_up, seconds, files)


def _train_all(data: Data, epochs: int) -> tuple[dict[str, tuple], dict[str, list[float]]]:
    progress = require("rich.progress")
    trained, curves = {}, {}
    columns = (
        progress.TextColumn("{task.description:17}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TextColumn("epochs, loss {task.fields[loss]}"),
        progress.TimeElapsedColumn(),
    )
    with progress.Progress(*columns) as bar:
        for name, way in WAYS.items():
            task = bar.add_task(name, total=epochs, loss="")

            def tick(value: float, task: Any = task) -> None:
                bar.update(task, advance=1, loss=f"{value:.2e}")

            trained[name], curves[name] = train(way, data, epochs, tick)
    return trained, curves


def _report(data: Data, params: tuple, curves: dict, output: Path, say: Callable[[str], None]) -> list[Path]:
    w1, b1, w2, b2 = params
    x, y = data.x[:BATCH], data.y[:BATCH]
    cost = CHAIN.cost(x[:1], [w1, b1, None, w2, b2, y[:1]])
    say("What the chain costs, for one image, with dense Jacobians:\n")
    say(f"{cost}\n")
    say(f"What one batch of {BATCH} costs: the loss, and its derivative.\n")
    say(f"{work(trace(loss)(params, x, y))}\n")
    _, pullback = vjp(lambda params: loss(params, x, y), params)
    say(f"{work(pullback.program)}\n")
    say("By the functional chain, and by value_and_grad of the plain function (which leaves out the gradient by x):\n")
    say(f"{chain_memory(CHAIN, x, [w1, b1, None, w2, b2, y])}\n")
    say(f"{memory(pullback)}\n")
    predicted = predict(params, data.x_test)
    files = [output / "digits-loss.png", output / "digits-confusion.png", output / "digits-cost.png"]
    title = "Digits, MLP 64-128-10: one training, four ways to the gradient"
    draw_curves(curves, files[0], title=title, y_label="training loss (mean cross entropy)")
    draw_confusion(data.y_test, predicted, range(10), files[1], title="Digits, test images")
    draw_chain(cost, files[2])
    say("Pictures: " + ", ".join(map(str, files)))
    return files
