"""Sorting: orders along one axis, stable where elements are equal.

A sort is a permutation of its elements, and so is its derivative; at ties it is the stable one.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pullback.core.errors import ShapeError
from pullback.core.primitive import Cost, Primitive, moved_bytes
from pullback.core.types import type_of

from .indexing import take_along
from .shaping import broadcast

__all__ = ["argsort", "searchsorted", "sort"]


class _Order(Primitive):
    """Base: one operand, sorted along `axis`."""

    quiet = True

    def batch(self, size, operands, batched, *, axis):
        return self(operands[0], axis=axis + 1)

    def cost(self, types, results, *, axis):
        n = types[0].shape[axis]
        return Cost(types[0].size * max(1, math.ceil(math.log2(max(n, 1)))), moved_bytes(types, results))


class ArgSort(_Order):
    """Indices that sort along `axis`; equal elements keep their order."""

    name, smooth = "argsort", False

    def infer(self, x, *, axis):
        return x.like(dtype=np.dtype(np.intp))

    def evaluate(self, x, *, axis):
        return np.argsort(x, axis=axis, kind="stable")


argsort = ArgSort()


class Sort(_Order):
    """Elements in ascending order along `axis`."""

    name = "sort"

    def infer(self, x, *, axis):
        return x.strong

    def evaluate(self, x, *, axis):
        return np.sort(x, axis=axis, kind="stable")

    def jvp(self, operands, result, tangents, *, axis):
        return take_along(tangents[0], argsort(operands[0], axis=axis), axis, unique=True)


sort = Sort()


class SearchSorted(Primitive):
    """Where v would go in sorted (..., n), the last axis; the first `lanes` axes of both are lanes."""

    name, smooth, quiet = "searchsorted", False, True

    def infer(self, a, v, *, side="left", lanes=0):
        if a.ndim != lanes + 1:
            raise ShapeError(
                f"searchsorted in {a}",
                why="it searches along one axis: the array must be 1-D",
                fix="pullback.vmap(np.searchsorted) for rows",
            )
        return v.like(dtype=np.dtype(np.intp))

    def evaluate(self, a, v, *, side: Any = "left", lanes=0):
        if not lanes:
            return np.searchsorted(a, v, side)
        out = np.empty(v.shape, np.intp)
        for lane in np.ndindex(a.shape[:-1]):
            out[lane] = np.searchsorted(a[lane], v[lane], side)
        return out

    def batch(self, size, operands, batched, *, side="left", lanes=0):
        if not batched[0] and not lanes:
            return searchsorted(operands[0], operands[1], side=side)
        a, v = (
            x if is_batched else broadcast(x, shape=(size, *type_of(x).shape))
            for x, is_batched in zip(operands, batched, strict=True)
        )
        return searchsorted(a, v, side=side, lanes=lanes + 1)

    def cost(self, types, results, **params):
        n = types[0].shape[-1]
        return Cost(types[1].size * max(1, math.ceil(math.log2(max(n, 1)))), moved_bytes(types, results))


searchsorted = SearchSorted()
