"""How our pictures look: colours that colour-blind readers tell apart, and one way to make and save a figure.

The colours are those of Okabe and Ito, "Color Universal Design" (2008). Figures are made without
pyplot: no global state, no window, no screen needed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from .extras import require

__all__ = ["BLUE", "COLOURS", "GREEN", "GREY", "ORANGE", "PURPLE", "SKY", "VERMILION", "new_figure", "saved"]

BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, GREY = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#5A5A5A",
)  # fmt: skip
COLOURS = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY)


def new_figure(width: float, height: float, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Any, Any]:
    """Return a figure of so many inches, and its axes."""
    figure = require("matplotlib.figure").Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **options)


def saved(figure: Any, path: str | os.PathLike[str] | None) -> Any:
    """Write a figure to a file, if a path is given, making its folder; return the figure."""
    if path is not None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=150, facecolor="white")
    return figure


def open_frame(axes: Any) -> None:
    """Take away the upper and right line of the frame."""
    axes.spines[["top", "right"]].set_visible(False)
