"""The root of a sum of squares: what norms and standard deviations end with."""

from __future__ import annotations

import numpy as np

from pullback.core.conventions import current

from .arithmetic import add, div, mask
from .comparison import not_equal
from .elementwise import Elementwise

__all__ = ["root"]


class Root(Elementwise):
    """Square root of a sum of squares: at 0 its derivative is a convention, by default 0, at every order.

    There the formula gives 0/0: the tangent of the squares is 0, and the derivative of the root
    infinite. That zero is strong, as it is for every choice at a kink.
    """

    name, ufunc = "root", np.sqrt

    def jvp(self, operands, result, tangents):
        (v,) = tangents
        if current().norm == "zero":
            v = mask(not_equal(result, 0.0), v)
        return div(v, add(result, result))


root = Root()
