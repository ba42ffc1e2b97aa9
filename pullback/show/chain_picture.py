"""The picture of a chain's cost: its Jacobians to scale, and the order in which they are multiplied."""

from __future__ import annotations

import os
from typing import Any

from pullback.chain.cost import ChainCost, Price
from pullback.chain.table import thousands

from .extras import require
from .style import BLUE, GREY, SKY, VERMILION, new_figure, saved

__all__ = ["draw_chain"]

# In units of the longest side of a Jacobian:
_THINNEST = 0.012  # a row vector must still be seen
_SLOT = 1.25  # every factor has at least the room of its label
_STEP = 0.34  # from one bracket to the next


def draw_chain(cost: ChainCost, path: str | os.PathLike[str] | None = None) -> Any:
    """Draw a chain as a row of Jacobians, to scale, and each order of multiplying them as brackets.

    Parameters
    ----------
    cost : ChainCost
        From `Chain.cost`.
    path : path, optional
        File to write, such as ``cost.png``.

    Returns
    -------
    matplotlib.figure.Figure
        One panel an order: from the loss back, from the input on, and the best where it is
        neither. The factors stand as in the formula, the last layer on the left. A bracket is
        one product: its number says when it is formed, the text what it costs.
    """
    orders = [("from the loss back", cost.from_loss), ("from the input on", cost.from_input)]
    if cost.best.order not in (cost.from_loss.order, cost.from_input.order):
        orders.append(("the best order", cost.best))
    cheapest = min(int(price) for _, price in orders)
    n = len(cost.layers)
    rooms = _rooms(cost)
    scale = min(max(1.25, 6.0 / sum(rooms)), 40 / sum(rooms))  # inches for the longest side
    height = (1.75 + _STEP * (n - 1)) * scale + 0.45
    size = max(sum(rooms) * scale + 0.4, 6.4), len(orders) * height + 0.4
    figure, panels = new_figure(*size, rows=len(orders), squeeze=False)
    for axes, (name, price) in zip(panels[:, 0], orders, strict=True):
        best = int(price) == cheapest
        title = f"{name}: {thousands(price)} multiplications" + (" (the fewest possible)" if best else "")
        axes.set_title(title, loc="left", fontsize=11, color=BLUE if best else VERMILION, fontweight="bold")
        places = _draw_factors(axes, cost)
        _draw_products(axes, cost, price, places, BLUE if best else VERMILION)
        axes.set_axis_off()
    figure.suptitle("The Jacobians of the chain, to scale, and the order of multiplying them", fontsize=12)
    return saved(figure, path)


def _sides(cost: ChainCost, k: int) -> tuple[float, float]:
    """Return height and width of the k-th Jacobian, to scale."""
    longest = max(max(f.jacobian_x) for f in cost.layers) or 1
    height, width = (max(side / longest, _THINNEST) for side in cost.layers[k].jacobian_x)
    return height, width


def _rooms(cost: ChainCost) -> list[float]:
    """Return how much room each Jacobian has in the row."""
    return [max(_sides(cost, k)[1] + 0.15, _SLOT) for k in range(len(cost.layers))]


def _draw_factors(axes: Any, cost: ChainCost) -> dict[int, tuple[float, float]]:
    """Draw the rectangles, the last layer on the left; return where each begins and ends."""
    rectangle = require("matplotlib.patches").Rectangle
    places, left = {}, 0.0
    rooms = _rooms(cost)
    for k in range(len(cost.layers) - 1, -1, -1):
        room, (height, width) = rooms[k], _sides(cost, k)
        middle = left + room / 2
        corner = (middle - width / 2, 0.5 - height / 2)
        axes.add_patch(rectangle(corner, width, height, facecolor=SKY, edgecolor="black", linewidth=0.8))
        rows, columns = cost.layers[k].jacobian_x
        shape = f"J{k + 1}: {thousands(rows)} × {thousands(columns)}"
        axes.text(middle, 1.06, cost.layers[k].name, ha="center", va="bottom", fontsize=8)
        axes.text(middle, -0.06, shape, ha="center", va="top", fontsize=8)
        places[k] = (left + 0.08, left + room - 0.08)
        left += room
    axes.set_xlim(-0.1, left + 0.05)
    axes.set_aspect("equal", anchor="W")
    return places


def _draw_products(axes: Any, cost: ChainCost, price: Price, places: dict, colour: str) -> None:
    """Draw one bracket a product, in the order in which they are formed, downwards."""
    shapes = [f.jacobian_x for f in cost.layers]
    level = -0.42
    for i, (later, earlier) in enumerate(_products(price.order), 1):
        rows, inner, columns = shapes[later[-1]][0], shapes[later[0]][1], shapes[earlier[0]][1]
        begin, end = places[later[-1]][0], places[earlier[0]][1]
        middle = (places[later[0]][1] + places[earlier[-1]][0]) / 2
        axes.plot([begin, begin, end, end], [level + 0.07, level, level, level + 0.07], color=colour, linewidth=1.4)
        axes.plot([middle, middle], [level - 0.035, level + 0.035], color=colour, linewidth=1.4)
        axes.text(begin - 0.03, level, f"{i}", ha="right", va="center", fontsize=8, color=GREY)
        text = f"{thousands(rows)} · {thousands(inner)} · {thousands(columns)} = {thousands(rows * inner * columns)}"
        axes.text(middle, level - 0.05, text, ha="center", va="top", fontsize=8, color=colour)
        level -= _STEP
    axes.set_ylim(level + 0.05, 1.3)


def _products(order: Any) -> list[tuple[list[int], list[int]]]:
    """Return the products of an order as they are formed: (layers of the later factor, of the earlier), ascending."""
    done: list[tuple[list[int], list[int]]] = []

    def spanned(node: Any) -> list[int]:
        if not isinstance(node, tuple):
            return [node]
        later, earlier = spanned(node[0]), spanned(node[1])
        done.append((later, earlier))
        return earlier + later

    spanned(order)
    return done
