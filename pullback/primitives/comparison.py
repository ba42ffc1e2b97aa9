"""Comparisons, logic, bits and tests: primitives whose results never move.

Comparing a Tracer gives a boolean that does not depend on it smoothly; the derivative
belongs to what is then chosen (`choice.select`).
"""

from __future__ import annotations

import numpy as np

from .elementwise import Elementwise

__all__ = [
    "Discrete",
    "DiscreteOperator",
    "bitwise_and",
    "bitwise_count",
    "bitwise_or",
    "bitwise_xor",
    "equal",
    "greater",
    "greater_equal",
    "invert",
    "isfinite",
    "isinf",
    "isnan",
    "left_shift",
    "less",
    "less_equal",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "not_equal",
    "right_shift",
    "signbit",
]


class Discrete(Elementwise):
    """A ufunc whose result is integer, boolean or piecewise constant: it has no derivative.

    Its name is the ufunc's.
    """

    smooth, quiet = False, True

    def __init__(self, ufunc: np.ufunc) -> None:
        self.name, self.ufunc = ufunc.__name__, ufunc
        super().__init__()


class DiscreteOperator(Discrete):
    """One that is a Python operator too: of Python numbers it gives a Python number."""

    keeps_weak = True


equal = Discrete(np.equal)
not_equal = Discrete(np.not_equal)
less = Discrete(np.less)
less_equal = Discrete(np.less_equal)
greater = Discrete(np.greater)
greater_equal = Discrete(np.greater_equal)

logical_and = Discrete(np.logical_and)
logical_or = Discrete(np.logical_or)
logical_xor = Discrete(np.logical_xor)
logical_not = Discrete(np.logical_not)

bitwise_and = DiscreteOperator(np.bitwise_and)
bitwise_or = DiscreteOperator(np.bitwise_or)
bitwise_xor = DiscreteOperator(np.bitwise_xor)
bitwise_count = Discrete(np.bitwise_count)
invert = DiscreteOperator(np.invert)
left_shift = DiscreteOperator(np.left_shift)
right_shift = DiscreteOperator(np.right_shift)

isnan = Discrete(np.isnan)
isinf = Discrete(np.isinf)
isfinite = Discrete(np.isfinite)
signbit = Discrete(np.signbit)
