"""Stacking: operands of one shape beside each other, along a new axis.

A primitive of its own, beside `concatenate`, since ``np.array([f(x), g(x), …])`` of numbers is
how right-hand sides of differential equations are written: one equation and not one an element more.
"""

from __future__ import annotations

import numpy as np

from pullback.core.errors import ShapeError
from pullback.core.primitive import Primitive, is_linear, zeros_like
from pullback.core.types import array_type, type_of

from .index_spec import ALL
from .indexing import index_get
from .shaping import broadcast

__all__ = ["stack"]


class Stack(Primitive):
    """Operands as the parts along a new `axis`; linear in all of them together."""

    name, quiet = "stack", True

    def infer(self, *types, axis):
        first = types[0].shape
        if any(t.shape != first for t in types):
            raise ShapeError(
                f"stack of shapes {', '.join(map(str, sorted({t.shape for t in types})))}",
                why="all input arrays must have the same shape",
                fix="np.concatenate joins arrays along an axis that they have",
            )
        dtype = np.result_type(*(t.dtype for t in types))
        return array_type((*first[:axis], len(types), *first[axis:]), dtype)

    def evaluate(self, *values, axis):
        if all(not hasattr(x, "ndim") or x.ndim == 0 for x in values):
            return np.array(values, np.result_type(*(type_of(x).dtype for x in values)))
        return np.stack(values, axis)

    def linear(self, n_operands, params):
        return (tuple(range(n_operands)),)

    def jvp(self, operands, result, tangents, *, axis):
        vs = [zeros_like(x) if v is None else v for x, v in zip(operands, tangents, strict=True)]
        return stack(*vs, axis=axis)

    def transpose(self, u, *operands, axis):
        spec = tuple(("array", 0) if i == axis else ALL for i in range(type_of(u).ndim))
        return tuple(index_get(u, i, spec=spec) if is_linear(x) else None for i, x in enumerate(operands))

    def batch(self, size, operands, batched, *, axis):
        lanes = [
            x if is_batched else broadcast(x, shape=(size, *type_of(x).shape))
            for x, is_batched in zip(operands, batched, strict=True)
        ]
        return stack(*lanes, axis=axis + 1)


stack = Stack()
