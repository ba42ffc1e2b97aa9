"""Rounding, remainders, signs and scales: functions that are constant, or linear, between jumps.

What has a derivative between its jumps has that derivative at them too (the remainder's is
1 in its dividend). `nextafter` has none that means anything and is no primitive.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from pullback.core.primitive import add_tangents
from pullback.core.types import array_type

from .arithmetic import div, mask, mul, neg, smul, sub
from .comparison import Discrete, equal
from .complex import absolute_slope
from .elementwise import Elementwise

__all__ = [
    "ceil",
    "copysign",
    "exponent",
    "floor",
    "floor_divide",
    "fmod",
    "gcd",
    "heaviside",
    "lcm",
    "ldexp",
    "remainder",
    "rint",
    "spacing",
    "trunc",
]

floor = Discrete(np.floor)
ceil = Discrete(np.ceil)
trunc = Discrete(np.trunc)
rint = Discrete(np.rint)
gcd = Discrete(np.gcd)
lcm = Discrete(np.lcm)


class FloorDivide(Elementwise):
    """``floor(a / b)``; it warns where b is 0."""

    name, ufunc, smooth, keeps_weak = "floor_divide", np.floor_divide, False, True


floor_divide = FloorDivide()


class Spacing(Elementwise):
    """Distance to the next number: constant between powers of two."""

    name, ufunc, smooth = "spacing", np.spacing, False


spacing = Spacing()


class Exponent(Elementwise):
    """The integer exponent e of ``x = m * 2**e``: the second result of ``np.frexp``."""

    name, smooth, quiet = "exponent", False, True

    def infer(self, x):
        return array_type(x.shape, _frexp_dtype(x.dtype))

    def evaluate(self, x):
        return np.frexp(x)[1]

    def function(self, params):
        return self.evaluate


@lru_cache(maxsize=64)
def _frexp_dtype(dtype: np.dtype) -> np.dtype:
    return np.frexp.resolve_dtypes((dtype, None, None))[2]


exponent = Exponent()


class Remainder(Elementwise):
    """``a - floor(a / b) * b``, of the sign of b; 1 by a also where it jumps."""

    name, ufunc, keeps_weak, flops = "remainder", np.remainder, True, 3

    def jvp(self, operands, result, tangents):
        (a, b), (v, w) = operands, tangents
        return add_tangents(v, None if w is None else neg(mul(w, floor_divide(a, b))))


remainder = Remainder()


class FMod(Elementwise):
    """``a - trunc(a / b) * b``, of the sign of a; 1 by a also where it jumps.

    The quotient is ``rint((a - result) / b)``: a / b alone may round up to the next integer.
    """

    name, ufunc, flops = "fmod", np.fmod, 3

    def jvp(self, operands, result, tangents):
        (a, b), (v, w) = operands, tangents
        return add_tangents(v, None if w is None else neg(mul(w, rint(div(sub(a, result), b)))))


fmod = FMod()


class CopySign(Elementwise):
    """|a| with the sign of b; constant in b."""

    name, ufunc, quiet = "copysign", np.copysign, True

    def jvp(self, operands, result, tangents):
        (a, b), (v, _) = operands, tangents
        return None if v is None else smul(mul(absolute_slope(a), copysign(1.0, b)), v)


copysign = CopySign()


class Heaviside(Elementwise):
    """0, h or 1 for x negative, zero or positive; constant in x."""

    name, ufunc, quiet = "heaviside", np.heaviside, True

    def jvp(self, operands, result, tangents):
        (x, _), (_, w) = operands, tangents
        return None if w is None else mask(equal(x, 0), w)


heaviside = Heaviside()


class LdExp(Elementwise):
    """``x * 2**n``, linear in x."""

    name, ufunc = "ldexp", np.ldexp

    def linear(self, n_operands, params):
        return ((0,),)

    def transpose(self, u, x, n):
        return ldexp(u, n), None


ldexp = LdExp()
