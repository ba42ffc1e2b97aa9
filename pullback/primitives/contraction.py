"""The contraction: one primitive under dot, matmul, einsum, tensordot, inner and outer.

Axes carry labels (small integers), as in ``einsum`` of two operands: a label of both
operands that is not in the result is summed over; one that is in the result as well is a
batch; one of a single operand that is not in the result is summed before. No label stands
twice in one operand (a diagonal is taken before, by an index).

Its transposes are contractions of the same labels in another order. How to evaluate one
depends on the labels alone and is worked out once (`plan`): BLAS does the work, on
transposed views and without copies wherever there is one axis of a kind.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from pullback.core.errors import ShapeError
from pullback.core.primitive import Cost, Primitive, is_linear, moved_bytes
from pullback.core.types import array_type, type_of

from .elementwise import elementwise_type
from .shaping import broadcast, reshape

__all__ = ["contract", "matmul"]


class Contract(Primitive):
    """Einsum of two operands: linear in each alone."""

    name = "contract"

    def infer(self, a, b, *, a_axes, b_axes, out_axes):
        sizes = _sizes(a, b, a_axes=a_axes, b_axes=b_axes)
        dtype = elementwise_type(np.multiply, (_scalar(a), _scalar(b))).dtype
        return array_type(tuple(sizes[label] for label in out_axes), dtype)

    def evaluate(self, a, b, *, a_axes, b_axes, out_axes):
        return plan(a_axes, b_axes, out_axes)(a, b)

    def function(self, params):
        return plan(params["a_axes"], params["b_axes"], params["out_axes"])

    def linear(self, n_operands, params):
        return ((0,), (1,))

    def transpose(self, u, a, b, *, a_axes, b_axes, out_axes):
        if is_linear(a):
            known = tuple(label for label in a_axes if label in b_axes or label in out_axes)
            pulled = contract(u, b, a_axes=out_axes, b_axes=b_axes, out_axes=known)
            return _repeated(pulled, known, a_axes, type_of(a).shape), None
        known = tuple(label for label in b_axes if label in a_axes or label in out_axes)
        pulled = contract(a, u, a_axes=a_axes, b_axes=out_axes, out_axes=known)
        return None, _repeated(pulled, known, b_axes, type_of(b).shape)

    def batch(self, size, operands, batched, *, a_axes, b_axes, out_axes):
        lane = 1 + max((*a_axes, *b_axes), default=-1)
        a_axes = (lane, *a_axes) if batched[0] else a_axes
        b_axes = (lane, *b_axes) if batched[1] else b_axes
        return contract(*operands, a_axes=a_axes, b_axes=b_axes, out_axes=(lane, *out_axes))

    def cost(self, types, results, *, a_axes, b_axes, out_axes, alpha=1.0):
        sizes = _sizes(*types[:2], a_axes=a_axes, b_axes=b_axes)  # the engine scales products, and adds to a third
        products = math.prod(sizes.values())
        return Cost(products if len(sizes) == len(out_axes) else 2 * products, moved_bytes(types, results))


contract = Contract()


def matmul(a: Any, b: Any) -> Any:
    """Return ``a @ b`` for stacks of matrices (..., m, k) and (..., k, n) whose leading axes broadcast."""
    lead = np.broadcast_shapes(type_of(a).shape[:-2], type_of(b).shape[:-2])
    a, a_lead = _led(a, lead)
    b, b_lead = _led(b, lead)
    n = len(lead)
    out_axes = (*range(n), n, n + 2)
    return contract(a, b, a_axes=(*a_lead, n, n + 1), b_axes=(*b_lead, n + 1, n + 2), out_axes=out_axes)


def _led(x: Any, lead: tuple) -> tuple[Any, tuple]:
    """Return an operand, and labels for its leading axes; it is repeated only where it has a 1 and they have not."""
    shape = type_of(x).shape
    own = shape[:-2]
    labels = tuple(range(len(lead) - len(own), len(lead)))
    if own != lead[len(lead) - len(own) :]:
        x = broadcast(x, shape=(*lead[len(lead) - len(own) :], *shape[-2:]))
    return x, labels


def _sizes(a: Any, b: Any, *, a_axes: tuple, b_axes: tuple) -> dict[int, int]:
    sizes: dict[int, int] = {}
    for x, axes in ((a, a_axes), (b, b_axes)):
        if len(axes) != x.ndim or len(set(axes)) != len(axes):
            raise ShapeError(
                f"contraction of {x} with axes {axes}",
                why="one label an axis, none of them twice",
                fix="take the diagonal first, where a label stands twice",
            )
        for label, n in zip(axes, x.shape, strict=True):
            if sizes.setdefault(label, n) != n:
                raise ShapeError(
                    f"contraction of shapes {a.shape} and {b.shape}: {sizes[label]} and {n} differ",
                    why=f"axis {a_axes.index(label)} of the first goes with axis {b_axes.index(label)} of the second",
                    fix="transpose or reshape one of the operands",
                )
    return sizes


def _scalar(t: Any) -> Any:
    return array_type((), t.dtype, t.weak)


def _repeated(x: Any, known: tuple, axes: tuple, shape: tuple) -> Any:
    """Return x, whose axes are `known`, repeated along those of `axes` that were summed alone."""
    if len(known) == len(axes):
        return x
    x = reshape(x, shape=tuple(n if label in known else 1 for label, n in zip(axes, shape, strict=True)))
    return broadcast(x, shape=shape)


# Evaluation -------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def plan(a_axes: tuple, b_axes: tuple, out_axes: tuple) -> Callable[[Any, Any], Any]:
    """Return the function of two arrays that does this contraction."""
    alone_a = tuple(i for i, label in enumerate(a_axes) if label not in b_axes and label not in out_axes)
    alone_b = tuple(i for i, label in enumerate(b_axes) if label not in a_axes and label not in out_axes)
    if alone_a or alone_b:
        inner = plan(_without(a_axes, alone_a), _without(b_axes, alone_b), out_axes)

        def presummed(a: Any, b: Any) -> Any:
            dtype = np.result_type(a, b)  # not each one's own: booleans would be or-ed, and small integers wrap
            return inner(_sum(a, alone_a, dtype), _sum(b, alone_b, dtype))

        return presummed
    summed = tuple(label for label in a_axes if label in b_axes and label not in out_axes)
    if not summed:
        return _product(a_axes, b_axes, out_axes)
    lanes = tuple(label for label in out_axes if label in a_axes and label in b_axes)
    free = tuple(label for label in out_axes if label not in lanes)
    if not free and lanes:
        return lambda a, b: np.einsum(a, a_axes, b, b_axes, out_axes)
    if free and free[0] in b_axes:  # the operand whose axes come first in the result goes first
        swapped = _product_of_matrices(b_axes, a_axes, lanes, summed, out_axes)
        return lambda a, b: swapped(b, a)
    return _product_of_matrices(a_axes, b_axes, lanes, summed, out_axes)


def _product_of_matrices(
    a_axes: tuple, b_axes: tuple, lanes: tuple, summed: tuple, out_axes: tuple
) -> Callable[[Any, Any], Any]:
    a_free = tuple(label for label in out_axes if label in a_axes and label not in lanes)
    b_free = tuple(label for label in out_axes if label in b_axes and label not in lanes)
    if not lanes and len(summed) == 1 and len(a_free) <= 1 and len(b_free) <= 1:
        turn_a, turn_b = a_axes != (*a_free, *summed), b_axes != (*summed, *b_free)
        return _DOTS[turn_a, turn_b]
    to_a = _moves(a_axes, (*lanes, *a_free, *summed))
    to_b = _moves(b_axes, (*lanes, *summed, *b_free))
    to_out = _moves((*lanes, *a_free, *b_free), out_axes)
    n, m, k = len(lanes), len(a_free), len(summed)
    multiply = np.matmul if lanes else np.dot

    def run(a: Any, b: Any) -> Any:
        a = a if to_a is None else a.transpose(to_a)
        b = b if to_b is None else b.transpose(to_b)
        lead, rows, columns = a.shape[:n], a.shape[n : n + m], b.shape[n + k :]
        inner = math.prod(a.shape[n + m :])
        if m != 1 or k != 1:
            a = a.reshape((*lead, math.prod(rows), inner))
        if len(columns) != 1 or k != 1:
            b = b.reshape((*lead, inner, math.prod(columns)))
        y = multiply(a, b)
        if m != 1 or len(columns) != 1:
            y = y.reshape((*lead, *rows, *columns))
        return y if to_out is None else y.transpose(to_out)

    return run


# Of vectors and matrices, by whether the first and the second are to be transposed.
_DOTS: dict[tuple[bool, bool], Callable[[Any, Any], Any]] = {
    (False, False): np.dot,
    (True, False): lambda a, b: np.dot(a.T, b),
    (False, True): lambda a, b: np.dot(a, b.T),
    (True, True): lambda a, b: np.dot(a.T, b.T),
}


def _product(a_axes: tuple, b_axes: tuple, out_axes: tuple) -> Callable[[Any, Any], Any]:
    """Return what multiplies without a sum: outer, or elementwise."""
    spread_a, spread_b = _spreads(a_axes, out_axes), _spreads(b_axes, out_axes)
    if spread_a is None and spread_b is None:
        return np.multiply
    return lambda a, b: np.multiply(_spread(a, spread_a), _spread(b, spread_b))


def _spreads(axes: tuple, out_axes: tuple) -> Any:
    """Return (permutation or None, key with new axes or None); None if neither is needed."""
    order = tuple(label for label in out_axes if label in axes)
    moves = _moves(axes, order)
    key = tuple(slice(None) if label in axes else None for label in out_axes)
    while key and key[0] is None:  # broadcasting adds those in front by itself
        key = key[1:]
    needed = key if None in key else None
    return None if moves is None and needed is None else (moves, needed)


def _spread(x: Any, how: Any) -> Any:
    if how is None:
        return x
    moves, key = how
    x = x if moves is None else x.transpose(moves)
    return x if key is None else x[key]


def _moves(axes: tuple, wanted: tuple) -> tuple | None:
    return None if axes == wanted else tuple(axes.index(label) for label in wanted)


def _without(axes: tuple, places: tuple) -> tuple:
    return tuple(label for i, label in enumerate(axes) if i not in places)


def _sum(x: Any, axes: tuple, dtype: np.dtype) -> Any:
    if not axes:
        return x
    return np.logical_or.reduce(x, axes) if dtype.kind == "b" else np.add.reduce(x, axes, dtype=dtype)
