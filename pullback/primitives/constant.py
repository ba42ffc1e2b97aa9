"""constant: an array that stands in a Program itself.

Bodies take the arrays of the user's as operands. This is for what has no operand to come
by: an array that a rule of the user's closes over, when a pass runs it.
"""

from __future__ import annotations

from pullback.core.primitive import Primitive, Same
from pullback.core.types import type_of

__all__ = ["constant"]


class Constant(Primitive):
    """The array of `data`."""

    name, smooth, quiet = "constant", False, True

    def infer(self, *, data):
        return type_of(data.array)

    def evaluate(self, *, data):
        return data.array

    def batch(self, size, operands, batched, *, data):
        return Same(constant(data=data))

    def written(self, params):
        return ""


constant = Constant()
