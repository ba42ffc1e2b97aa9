"""Pictures of training and of what was learned: curves, confusion matrix, decision boundary, fitted plane."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .style import BLUE, COLOURS, ORANGE, new_figure, open_frame, saved

__all__ = ["draw_confusion", "draw_curves", "draw_decision_boundary"]

Path = str | os.PathLike[str] | None

_STYLES = (("-", 4.5, 0.45), ("--", 2.2, 1.0), (":", 2.2, 1.0), ("-.", 1.5, 1.0))


def draw_curves(
    curves: Mapping[str, Sequence[float]],
    path: Path = None,
    *,
    title: str = "Training",
    x_label: str = "epoch",
    y_label: str = "loss",
    log: bool = True,
) -> Any:
    """Draw curves over the same steps, in styles that stay apart where they coincide.

    Parameters
    ----------
    curves : mapping of str to sequence of float
        By name; the first value is that of step 0.
    path : path, optional
        File to write.
    log : bool
        Logarithmic y axis.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = new_figure(6.4, 4.2)
    for i, (name, values) in enumerate(curves.items()):
        style, width, alpha = _STYLES[i % len(_STYLES)] if len(curves) > 1 else ("-", 2.0, 1.0)
        colour = COLOURS[i % len(COLOURS)]
        axes.plot(range(len(values)), values, style, linewidth=width, alpha=alpha, color=colour, label=name)
    if log:
        axes.set_yscale("log")
    axes.set_title(title)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(alpha=0.3)
    axes.xaxis.get_major_locator().set_params(integer=True)
    open_frame(axes)
    if len(curves) > 1:
        axes.legend(frameon=False)
    return saved(figure, path)


def confusion_matrix(true: Any, predicted: Any, n: int) -> np.ndarray:
    """Return how many samples of each true class (row) were taken for each class (column).

    Examples
    --------
    >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2)
    array([[1, 1],
           [0, 1]])
    """
    counts = np.zeros((n, n), np.int64)
    np.add.at(counts, (np.asarray(true), np.asarray(predicted)), 1)
    return counts


def draw_confusion(
    true: Any, predicted: Any, labels: Sequence[Any], path: Path = None, *, title: str = "Confusion matrix"
) -> Any:
    """Draw how many samples of each true class were taken for each class.

    The colours show the errors: the diagonal is written and not coloured, for it would outshine them.

    Parameters
    ----------
    true, predicted : array of int, shape (n,)
        Classes, as indices into `labels`.
    labels : sequence
        Names of the classes.
    path : path, optional
        File to write.

    Returns
    -------
    matplotlib.figure.Figure
    """
    n = len(labels)
    counts = confusion_matrix(true, predicted, n)
    errors = np.where(np.eye(n, dtype=bool), 0, counts)
    figure, axes = new_figure(1.6 + 0.5 * n, 1.4 + 0.5 * n)
    most = max(int(errors.max()), 1)
    axes.imshow(errors, cmap="Oranges", vmin=0, vmax=most * 1.6)
    for i in range(n):
        for j in range(n):
            if counts[i, j]:
                axes.text(j, i, str(counts[i, j]), ha="center", va="center", fontweight="bold" if i != j else "normal")
    axes.set_xticks(range(n), [str(x) for x in labels])
    axes.set_yticks(range(n), [str(x) for x in labels])
    axes.set_xticks(np.arange(n + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(n + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="0.85", linewidth=0.8)
    axes.tick_params(which="both", length=0)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title(f"{title}: {counts.trace()} of {counts.sum()} right")
    return saved(figure, path)


def draw_decision_boundary(
    probability: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,
    y: np.ndarray,
    path: Path = None,
    *,
    title: str = "Decision boundary",
) -> Any:
    """Draw the samples of two classes in the plane, and where the model changes its mind.

    Parameters
    ----------
    probability : callable
        Of points (n, 2): the probability of class 1, shape (n,).
    x : array, shape (n, 2)
    y : array of int, shape (n,)
        Class 0 or 1.
    path : path, optional
        File to write.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = new_figure(6.8, 4.6)
    low, high = x.min(axis=0) - 0.4, x.max(axis=0) + 0.4
    xs, ys = np.meshgrid(np.linspace(low[0], high[0], 240), np.linspace(low[1], high[1], 240))
    p = np.reshape(probability(np.stack([xs.ravel(), ys.ravel()], axis=1)), xs.shape)
    shade = axes.contourf(xs, ys, p, levels=np.linspace(0, 1, 11), cmap="PuOr_r", alpha=0.55)
    axes.contour(xs, ys, p, levels=[0.5], colors="black", linewidths=1.8)
    for k, (marker, colour) in enumerate((("o", "#3B2C85"), ("^", "#9A4A00"))):
        chosen = x[y == k]
        axes.scatter(
            *chosen.T, marker=marker, s=26, color=colour, edgecolors="white", linewidths=0.5, label=f"class {k}"
        )
    figure.colorbar(shade, ax=axes, label="probability of class 1", ticks=np.linspace(0, 1, 6), shrink=0.75)
    axes.set_xlabel("x¹")
    axes.set_ylabel("x²")
    axes.set_title(title)
    axes.set_aspect("equal")
    axes.legend(loc="upper left", framealpha=0.9)
    return saved(figure, path)


def draw_fit(true: Any, predicted: Any, path: Path = None, *, title: str = "Fit") -> Any:
    """Draw predictions over true values: of a perfect fit all points lie on the line.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = new_figure(5.2, 4.6)
    both = np.concatenate([np.ravel(true), np.ravel(predicted)])
    ends = [both.min(), both.max()]
    axes.plot(ends, ends, color=ORANGE, linewidth=1.5, label="predicted = true")
    axes.scatter(
        np.ravel(true), np.ravel(predicted), s=28, color=BLUE, edgecolors="white", linewidths=0.5, label="samples"
    )
    axes.set_xlabel("true y")
    axes.set_ylabel("predicted y")
    axes.set_title(title)
    axes.grid(alpha=0.3)
    open_frame(axes)
    axes.legend(frameon=False)
    return saved(figure, path)
