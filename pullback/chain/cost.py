"""What it costs to multiply the Jacobians of a chain, in the order of one's choice.

The Jacobian of layer k by its input has as many rows as its output has entries and as many
columns as its input has. A dense product of (r, s) and (s, t) takes r·s·t multiplications,
whatever the order of the rest; the order decides which products there are. For
h ∘ g₂ ∘ g₁ : Rⁿ → Rᵐ → Rᵈ → R, with Jacobians (1, d), (d, m), (m, n):

    from the loss back     (h' G₂) G₁    md + nm
    from the input on      h' (G₂ G₁)    nmd + nd

The best order of all is found by dynamic programming over the splits, O(L³) for L layers
(Cormen et al., Introduction to Algorithms, section 14.2; Godbole 1973). After a scalar loss it is
the one from the loss back, as long as nothing else on the way is a single number: a product of two
matrices (a, b) and (b, c) takes abc multiplications, a row vector times each ab + bc, and that is
no more if a and c are at least 2. Without a loss, or with a single number in the middle, it may be
neither of the two.

`bytes_kept` of an order is the most memory that its Jacobians and products take at one time, if the
Jacobians become known in the order in which the layers are evaluated, the first layer's first; if
each product is formed as soon as both its factors are there; and if factors are let go of as soon
as their product is formed (during the multiplication, both factors and the product are there).
From the loss back nothing can be multiplied before the last layer: all Jacobians are kept. From
the input on, there is one product and the next Jacobian at any time. That is the trade between
the two modes.

These are prices of *dense* Jacobians. Backprop itself (`Chain.backward`) forms none: it knows how
to multiply a vector by them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from pullback.core.tree import flatten, is_array
from pullback.core.types import type_of

from .table import render, thousands

__all__ = ["ChainCost", "LayerCost", "Price", "chain_cost"]

Order = Any  # the number of a layer, from 0, or a pair (later factor, earlier factor) of orders


class Price(int):
    """A number of multiplications, with what goes with it.

    Attributes
    ----------
    bytes_kept : int
        The most memory that Jacobians and products take at one time; see the head of this module.
    order : nested tuple
        Layer numbers, the later factor first: ``((2, 1), 0)`` is (J₃ J₂) J₁.
    """

    bytes_kept: int
    order: Order

    def __new__(cls, multiplications: int, bytes_kept: int, order: Order) -> Price:
        """Make the number."""
        price = super().__new__(cls, multiplications)
        price.bytes_kept, price.order = bytes_kept, order
        return price

    def __getnewargs__(self) -> tuple[int, int, Order]:  # type: ignore[override]
        return int(self), self.bytes_kept, self.order

    @property
    def written(self) -> str:
        """The order as a product with parentheses, ``(J3 J2) J1``."""
        text = _written(self.order)
        return text[1:-1] if text.startswith("(") else text


class LayerCost(NamedTuple):
    """The Jacobians of one layer.

    Attributes
    ----------
    name : str
    jacobian_x : tuple of int
        Shape of the Jacobian by the input: (entries of the output, entries of the input).
    jacobian_w : tuple of int or None
        Shape of the Jacobian by the parameters; None if there are none.
    """

    name: str
    jacobian_x: tuple[int, int]
    jacobian_w: tuple[int, int] | None


class ChainCost:
    """The price of a chain's derivative. Made by `Chain.cost`.

    Attributes
    ----------
    layers : list of LayerCost
        In the order of evaluation.
    from_loss, from_input, best : Price
        Multiplications for the product of all Jacobians by the inputs: from the last layer back,
        from the first one on, and in the best order. Whole numbers, each with ``.bytes_kept``
        and ``.order``.
    itemsize : int
        Bytes of a number.
    """

    def __init__(self, layers: list[LayerCost], itemsize: int) -> None:
        self.layers = layers
        self.itemsize = itemsize
        shapes = [f.jacobian_x for f in layers]
        last = len(shapes) - 1
        back: Order = last
        for k in range(last - 1, -1, -1):
            back = (back, k)
        on: Order = 0
        for k in range(1, last + 1):
            on = (k, on)
        self.from_loss = _price(back, shapes, itemsize)
        self.from_input = _price(on, shapes, itemsize)
        self.best = _price(best_order(shapes), shapes, itemsize)

    def __str__(self) -> str:
        return self.table()

    def __repr__(self) -> str:
        return (
            f"ChainCost(from_loss={int(self.from_loss)}, from_input={int(self.from_input)}, "
            f"best={int(self.best)} as {self.best.written})"
        )

    def table(self, plain: bool | None = None) -> str:
        """Return the table as text: drawn with rich if it is installed, unless `plain` says otherwise."""
        layers = [
            [f"J{k}", f.name, _shape(f.jacobian_x), _shape(f.jacobian_w) if f.jacobian_w else ""]
            for k, f in enumerate(self.layers, 1)
        ]
        prices = [
            [name, thousands(price), thousands(price.bytes_kept), _short(price.written)]
            for name, price in (
                ("from the loss back", self.from_loss),
                ("from the input on", self.from_input),
                ("best", self.best),
            )
        ]
        heads = ["", "layer", "Jacobian by x", "Jacobian by w"]
        above = render("Jacobians of the layers", heads, layers, numbers=(2, 3), plain=plain)
        heads = ["order", "multiplications", "bytes kept", "product"]
        return above + "\n\n" + render("Multiplying them", heads, prices, numbers=(1, 2), plain=plain)


def chain_cost(names: Sequence[str], values: Sequence[Any], params: Sequence[Any]) -> ChainCost:
    """Return the cost of a chain, given the names of its layers, what they are fed, and their parameters."""
    layers = [
        LayerCost(name, (_size(after), _size(before)), (_size(after), _size(w)) if _size(w) else None)
        for name, before, after, w in zip(names, values, values[1:], params, strict=False)
    ]
    itemsize = max((type_of(x).dtype.itemsize for x in _arrays(values[1:])), default=8)
    return ChainCost(layers, itemsize)


def _arrays(tree: Any) -> list[Any]:
    return [x for x in flatten(tree)[0] if is_array(x) and type_of(x).inexact]


def _size(tree: Any) -> int:
    return sum(type_of(x).size for x in _arrays(tree))


# Orders -----------------------------------------------------------------------------------------


def best_order(shapes: Sequence[tuple[int, int]]) -> Order:
    """Return an order with the fewest multiplications; of equally good ones, that nearest to from the loss back.

    `shapes` are those of the Jacobians, the first layer's first.

    Examples
    --------
    >>> best_order([(1, 100), (100, 1), (1, 100)])  # a scalar between layers 1 and 2, and at the end
    ((2, 1), 0)
    >>> best_order([(2, 100), (100, 2), (2, 2)])
    ((2, 1), 0)
    >>> best_order([(100, 2), (2, 100), (100, 100)])
    (2, (1, 0))
    """
    sizes = [shapes[0][1], *(rows for rows, _ in shapes)]  # layer k maps sizes[k] to sizes[k + 1]
    n = len(shapes)
    least = [[0] * n for _ in range(n)]
    split = [[0] * n for _ in range(n)]
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            # layers i … k are multiplied first, and k + 1 … j; on a tie the earliest split
            costs = [(least[i][k] + least[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)]
            least[i][j], split[i][j] = min(costs)
    return _tree(split, 0, n - 1)


def _tree(split: list[list[int]], i: int, j: int) -> Order:
    """Return the order that a table of splits says; without recursion, chains may be deep."""
    done: list[Order] = []
    todo: list[Any] = [(i, j)]
    while todo:
        task = todo.pop()
        if task is None:
            earlier, later = done.pop(), done.pop()
            done.append((later, earlier))
            continue
        i, j = task
        if i == j:
            done.append(i)
        else:
            k = split[i][j]
            todo += [None, (i, k), (k + 1, j)]
    return done[0]


def _price(order: Order, shapes: Sequence[tuple[int, int]], itemsize: int) -> Price:
    """Return the price of an order, by going through it as its Jacobians become known."""
    multiplications = held = most = 0
    stack: list[tuple[int, int]] = []  # what is held: the shapes of products and Jacobians, the latest last
    closing = _products_after(order, len(shapes))
    for k, shape in enumerate(shapes):
        stack.append(shape)
        held += math.prod(shape)
        most = max(most, held)
        for _ in range(closing[k]):
            (rows, inner), (_, columns) = stack.pop(), stack.pop()
            multiplications += rows * inner * columns
            most = max(most, held + rows * columns)
            held += rows * columns - rows * inner - inner * columns
            stack.append((rows, columns))
    return Price(multiplications, most * itemsize, order)


def _products_after(order: Order, n: int) -> list[int]:
    """Return how many products can be formed once the Jacobian of layer k is known."""
    counts = [0] * n
    todo = [order]
    while todo:
        node = todo.pop()
        if isinstance(node, tuple):
            later, earlier = node
            last = later
            while isinstance(last, tuple):
                last = last[0]
            counts[last] += 1
            todo += [later, earlier]
    return counts


def _written(order: Order) -> str:
    text: list[str] = []
    todo: list[Any] = [order]
    while todo:
        node = todo.pop()
        if isinstance(node, str):
            text.append(node)
        elif isinstance(node, tuple):
            todo += [")", node[1], " ", node[0], "("]
        else:
            text.append(f"J{node + 1}")
    return "".join(text)


def _shape(shape: tuple[int, int]) -> str:
    return f"{thousands(shape[0])} × {thousands(shape[1])}"


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
