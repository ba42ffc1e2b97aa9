"""Functions of one operand: what is left to say is by what the tangent is multiplied or divided.

A quotient (`Inverse`) is better than a product wherever the derivative is one over
something: it rounds once less, and what it keeps is often there already.
"""

from __future__ import annotations

from typing import Any

from .arithmetic import div, mul
from .elementwise import Elementwise

__all__ = ["Inverse", "Unary"]


class Unary(Elementwise):
    """One operand; `derivative` says by what the tangent is multiplied.

    It may return None: zero wherever it is defined.
    """

    def derivative(self, x: Any, y: Any) -> Any:
        """Return the derivative at x, where the function's value is y."""
        raise NotImplementedError

    def jvp(self, operands, result, tangents):
        slope = self.derivative(operands[0], result)
        return None if slope is None else mul(tangents[0], slope)


class Inverse(Elementwise):
    """One operand; `divisor` says by what the tangent is divided, as for an inverse function."""

    def divisor(self, x: Any, y: Any) -> Any:
        """Return one over the derivative at x, where the function's value is y."""
        raise NotImplementedError

    def jvp(self, operands, result, tangents):
        return div(tangents[0], self.divisor(operands[0], result))
