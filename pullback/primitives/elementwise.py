"""What all elementwise primitives share: types, evaluation, broadcasting, batching.

Elementwise primitives broadcast by themselves, as NumPy's ufuncs do. Their rules need
not mind it: whoever applies a rule fits a tangent to the shape of its result, and a
cotangent to the shape of its operand.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from pullback.core.errors import DTypeError, ShapeError
from pullback.core.primitive import Cost, Primitive, moved_bytes
from pullback.core.types import array_type

from .shaping import align

__all__ = ["Elementwise", "elementwise_type"]

_PYTHON = {"b": np.dtype(bool), "i": int, "f": float, "c": complex}


class Elementwise(Primitive):
    """A ufunc with its derivative; broadcasts its operands."""

    ufunc: np.ufunc
    flops: ClassVar[int] = 1  # per element of the result

    def infer(self, *types, **params):
        return elementwise_type(self.ufunc, types, self.keeps_weak)

    def evaluate(self, *values, **params):
        return self.ufunc(*values)

    def function(self, params):
        return self.ufunc

    def batch(self, size, operands, batched, **params):
        return self(*align(operands, batched), **params)

    def cost(self, types, results, **params):
        return Cost(self.flops * results[0].size, moved_bytes(types, results))


@lru_cache(maxsize=16384)
def elementwise_type(ufunc: np.ufunc, types: tuple, keeps_weak: bool = False) -> Any:
    """Return the type of ``ufunc(*types)``: NumPy's broadcasting and its promotion (NEP 50)."""
    shape = broadcast_shapes(ufunc.__name__, *(t.shape for t in types))
    if all(t.weak for t in types):
        dtypes = tuple(t.dtype for t in types)
        weak = keeps_weak
    else:
        dtypes = tuple(_PYTHON[t.dtype.kind] if t.weak else t.dtype for t in types)
        weak = False
    try:
        dtype = ufunc.resolve_dtypes((*dtypes, *[None] * ufunc.nout))[-ufunc.nout]
    except TypeError as error:
        raise DTypeError(
            f"{ufunc.__name__} of {' and '.join(repr(t.strong) for t in types)}",
            why=f"NumPy's {ufunc.__name__} takes no such dtypes together",
            fix=f"convert first, to dtypes that it takes ({' '.join(ufunc.types[:4])} …): x.astype(...)",
        ) from error
    return array_type(shape, dtype, weak)


def broadcast_shapes(name: str, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape that operands of these shapes broadcast to, or raise ShapeError."""
    if all(s == shapes[0] for s in shapes):
        return shapes[0]
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise ShapeError(
            f"{name} of shapes {' and '.join(map(str, shapes))}",
            why=f"broadcasting pairs axes from the right: {_clash(shapes)}",
            fix="for the outer product write a[:, None] * b; else reshape one of the operands",
        ) from None


def _clash(shapes: tuple) -> str:
    for sizes in zip(*(reversed(s) for s in shapes if s), strict=False):
        odd = sorted({n for n in sizes if n != 1})
        if len(odd) > 1:
            return f"{odd[0]} and {odd[1]} differ, and neither is 1"
    return "two sizes differ, and neither is 1"
