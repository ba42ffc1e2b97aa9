"""Choice: of two operands the greater, the less, or the one that a condition names.

Where two operands are equal, the conventions say who gets the cotangent. Whoever gets
nothing gets a strong zero: it did not contribute, whatever infinity lies behind it.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pullback.core.conventions import current
from pullback.core.primitive import add_tangents, is_linear
from pullback.core.types import array_type, type_of

from .arithmetic import mask, mul, smul, sub
from .comparison import greater, less, logical_and, logical_not
from .elementwise import Elementwise, broadcast_shapes, elementwise_type

__all__ = ["clip", "fmax", "fmin", "maximum", "minimum", "select", "share"]


class Share(Elementwise):
    """How much ``maximum(a, b)`` (`greatest`) or ``minimum(a, b)`` owes to a: 1, 0, or of equal operands a half.

    `ties` is the convention: "share", or "first", which owes all to a. A NaN counts as
    equal; if it `loses`, all is owed to the other operand.
    """

    name, smooth, quiet = "share", False, True

    def infer(self, a, b, *, greatest, ties, loses):
        both = elementwise_type(np.true_divide, (a, b))
        return array_type(both.shape, np.real(np.empty(0, both.dtype)).dtype)

    def evaluate(self, a, b, *, greatest, ties, loses):
        dtype = self.infer(type_of(a), type_of(b), greatest=greatest, ties=ties, loses=loses).dtype
        half, one = dtype.type(0.5), dtype.type(1)
        with np.errstate(invalid="ignore"):  # comparing complex NaN warns
            ahead, behind = np.greater_equal(a, b), np.less_equal(a, b)
        if not greatest:
            ahead, behind = behind, ahead
        # One signed byte first, 1, 0 or -1: three passes over floats fewer.
        weight = half * np.subtract(ahead, behind, dtype=np.int8) + half
        if ties == "first":
            weight = np.where(weight == half, one, weight)
        if loses:
            weight = np.where(np.isnan(a) == np.isnan(b), weight, np.where(np.isnan(b), one, 0 * one))
        return weight[()]

    def function(self, params):
        return lambda a, b: self.evaluate(a, b, **params)


share = Share()


class _Extremum(Elementwise):
    """Base: the greater or the less of two."""

    quiet = True
    loses: ClassVar[bool] = False
    greatest: ClassVar[bool] = True

    def jvp(self, operands, result, tangents):
        (a, b), (v, w) = operands, tangents
        of_a = share(a, b, greatest=self.greatest, ties=current().ties, loses=self.loses)
        first = None if v is None else smul(of_a, v)
        second = None if w is None else smul(sub(1.0, of_a), w)
        return add_tangents(first, second)


class Maximum(_Extremum):
    """The greater of two; NaN if one is."""

    name, ufunc = "maximum", np.maximum


class Minimum(_Extremum):
    """The less of two; NaN if one is."""

    name, ufunc, greatest = "minimum", np.minimum, False


class FMax(_Extremum):
    """The greater of two; where one is NaN, the other."""

    name, ufunc, loses = "fmax", np.fmax, True


class FMin(_Extremum):
    """The less of two; where one is NaN, the other."""

    name, ufunc, loses, greatest = "fmin", np.fmin, True, False


maximum, minimum, fmax, fmin = Maximum(), Minimum(), FMax(), FMin()


class Clip(Elementwise):
    """``minimum(maximum(x, low), high)``; at a bound, the conventions say whether x is inside."""

    name, quiet, flops = "clip", True, 2

    def infer(self, x, low, high):
        return elementwise_type(np.minimum, (elementwise_type(np.maximum, (x, low)), high))

    def evaluate(self, x, low, high):
        return np.minimum(np.maximum(x, low), high)

    def function(self, params):
        return self.evaluate

    def jvp(self, operands, result, tangents):
        if current().clip == "half":
            return _clip_shared(operands, tangents)
        (x, low, high), (v, w_low, w_high) = operands, tangents
        risen = maximum(x, low)
        above, below = less(x, low), greater(risen, high)  # of NaN neither: it passes as if inside
        total = None
        if v is not None:
            total = mask(logical_and(logical_not(above), logical_not(below)), v)
        if w_low is not None:
            total = add_tangents(total, mask(logical_and(above, logical_not(below)), w_low))
        if w_high is not None:
            total = add_tangents(total, mask(below, w_high))
        return total


def _clip_shared(operands: tuple, tangents: tuple):
    (x, low, high), (v, w_low, w_high) = operands, tangents
    of_x = share(x, low, greatest=True, ties="share", loses=False)
    of_risen = share(maximum(x, low), high, greatest=False, ties="share", loses=False)
    total = None if v is None else smul(mul(of_x, of_risen), v)
    if w_low is not None:
        total = add_tangents(total, smul(mul(sub(1.0, of_x), of_risen), w_low))
    if w_high is not None:
        total = add_tangents(total, smul(sub(1.0, of_risen), w_high))
    return total


clip = Clip()


class Select(Elementwise):
    """x where c, else y: ``np.where``. Linear in x and y together; what is not chosen gets a strong zero."""

    name, quiet = "select", True

    def infer(self, c, x, y):
        shape = broadcast_shapes("where", c.shape, x.shape, y.shape)
        return array_type(shape, elementwise_type(np.add, (x, y)).dtype)

    def evaluate(self, c, x, y):
        return np.where(c, x, y)[()]

    def function(self, params):
        return self.evaluate

    def linear(self, n_operands, params):
        return ((1, 2),)

    def jvp(self, operands, result, tangents):
        c, (_, v, w) = operands[0], tangents
        if w is None:
            return None if v is None else mask(c, v)
        return mask(logical_not(c), w) if v is None else select(c, v, w)

    def transpose(self, u, c, x, y):
        of_x = mask(c, u) if is_linear(x) else None
        of_y = mask(logical_not(c), u) if is_linear(y) else None
        return None, of_x, of_y


select = Select()
