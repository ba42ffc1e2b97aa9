"""Circular and hyperbolic functions and their inverses.

Derivatives are written so that nothing cancels and nothing overflows on the way:
``1 - x**2`` is ``(1 - x) * (1 + x)``, ``1 + z**2`` of complex z is ``(1 + iz) * (1 - iz)``,
and tanh' is sech² and not 1 - tanh².
"""

from __future__ import annotations

import importlib
import math

import numpy as np

from pullback.core.conventions import current
from pullback.core.primitive import add_tangents
from pullback.core.types import type_of

from .arithmetic import add, div, mask, mul, neg, sub
from .comparison import not_equal
from .elementwise import Elementwise, elementwise_type
from .exponential import reciprocal, sqrt
from .unary import Inverse, Unary

__all__ = [
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "cos",
    "cosh",
    "hypot",
    "sin",
    "sinc",
    "sinh",
    "spherical_jn",
    "tan",
    "tanh",
]


class Sin(Unary):
    """Sine."""

    # It warns (of infinities) only where cos did, whose residual it is; and the reverse.
    name, ufunc, quiet, flops = "sin", np.sin, True, 15

    def derivative(self, x, y):
        return cos(x)


class Cos(Unary):
    """Cosine."""

    name, ufunc, quiet, flops = "cos", np.cos, True, 15

    def derivative(self, x, y):
        return neg(sin(x))


class Tan(Unary):
    """Tangent. Real: 1 + tan², a sum of positive terms. Complex: 1 / cos², as there the sum may cancel."""

    name, ufunc, flops = "tan", np.tan, 20

    def derivative(self, x, y):
        return _inverse_square(cos(x)) if _is_complex(x) else add(mul(y, y), 1.0)


class Sinh(Unary):
    """Hyperbolic sine."""

    name, ufunc, flops = "sinh", np.sinh, 20

    def derivative(self, x, y):
        return cosh(x)


class Cosh(Unary):
    """Hyperbolic cosine."""

    name, ufunc, flops = "cosh", np.cosh, 20

    def derivative(self, x, y):
        return sinh(x)


class Tanh(Unary):
    """Hyperbolic tangent.

    The derivative is sech²(x) and not the textbook's 1 - tanh²(x), which cancels: at x = 20
    it is 0, where the derivative is 1.7e-17.
    """

    name, ufunc, flops = "tanh", np.tanh, 20

    def derivative(self, x, y):
        return _inverse_square(cosh(x))


sin, cos, tan, sinh, cosh, tanh = Sin(), Cos(), Tan(), Sinh(), Cosh(), Tanh()


class Arcsin(Inverse):
    """Inverse sine."""

    name, ufunc, flops = "arcsin", np.arcsin, 20

    def divisor(self, x, y):
        return _sqrt_one_minus_square(x)


class Arccos(Inverse):
    """Inverse cosine."""

    name, ufunc, flops = "arccos", np.arccos, 20

    def divisor(self, x, y):
        return neg(_sqrt_one_minus_square(x))


class Arctan(Inverse):
    """Inverse tangent."""

    name, ufunc, quiet, flops = "arctan", np.arctan, True, 20

    def divisor(self, x, y):
        return _one_plus_square(x)


class Arcsinh(Inverse):
    """Inverse hyperbolic sine."""

    name, ufunc, flops = "arcsinh", np.arcsinh, 20

    def divisor(self, x, y):
        return sqrt(_one_plus_square(x)) if _is_complex(x) else hypot(x, 1.0)


class Arccosh(Inverse):
    """Inverse hyperbolic cosine."""

    name, ufunc, flops = "arccosh", np.arccosh, 20

    def divisor(self, x, y):
        # Two roots: x² overflows long before the derivative, 1 / x, is small.
        return mul(sqrt(sub(x, 1.0)), sqrt(add(x, 1.0)))


class Arctanh(Inverse):
    """Inverse hyperbolic tangent."""

    name, ufunc, flops = "arctanh", np.arctanh, 20

    def divisor(self, x, y):
        return mul(sub(1.0, x), add(1.0, x))


arcsin, arccos, arctan = Arcsin(), Arccos(), Arctan()
arcsinh, arccosh, arctanh = Arcsinh(), Arccosh(), Arctanh()


class Arctan2(Elementwise):
    """Angle of the point (x, y): ``arctan2(y, x)``. At the origin there is no derivative, and it is NaN."""

    name, ufunc, flops = "arctan2", np.arctan2, 25

    def jvp(self, operands, result, tangents):
        (y, x), (v, w) = operands, tangents
        r = hypot(y, x)
        first = None if v is None else mul(v, div(div(x, r), r))
        second = None if w is None else neg(mul(w, div(div(y, r), r)))
        return add_tangents(first, second)


arctan2 = Arctan2()


class Hypot(Elementwise):
    """Length of (a, b): at the origin the derivative is that of a norm by the conventions, 0 or 0/0.

    That 0 is no strong one: where a is 0, and b not, hypot(sqrt(x), b) does move with x.
    """

    name, ufunc, flops = "hypot", np.hypot, 4

    def jvp(self, operands, result, tangents):
        total = None
        for x, v in zip(operands, tangents, strict=True):
            if v is not None:
                cosine = div(x, result)
                if current().norm == "zero":
                    cosine = mask(not_equal(result, 0), cosine)
                total = add_tangents(total, mul(v, cosine))
        return total


hypot = Hypot()


class Sinc(Unary):
    """``sin(πx) / (πx)``, and 1 at 0.

    The derivative is -π j₁(πx), a spherical Bessel function: it is right at every order at
    0 and beside it, where (cos πx - sinc x) / x cancels.
    """

    name, flops = "sinc", 20

    def infer(self, x):
        return elementwise_type(np.multiply, (x, type_of(math.pi)))

    def evaluate(self, x):
        return np.sinc(x)

    def function(self, params):
        return self.evaluate

    def derivative(self, x, y):
        return mul(spherical_jn(mul(x, math.pi), n=1), -math.pi)


sinc = Sinc()


class SphericalJn(Elementwise):
    """Spherical Bessel function of the first kind, of order n (DLMF 10.51.2 for the derivative)."""

    name, ufunc, flops = "spherical_jn", np.sin, 40

    def infer(self, x, *, n):
        return elementwise_type(np.sin, (x,))

    def evaluate(self, x, *, n):
        of = self.infer(type_of(x), n=n)
        return np.asarray(importlib.import_module("scipy.special").spherical_jn(n, x)).astype(of.dtype)[()]

    def function(self, params):
        return lambda x: self.evaluate(x, **params)

    def jvp(self, operands, result, tangents, *, n):
        (x,), (v,) = operands, tangents
        if n == 0:
            return neg(mul(v, spherical_jn(x, n=1)))
        slope = sub(
            mul(spherical_jn(x, n=n - 1), n / (2 * n + 1)), mul(spherical_jn(x, n=n + 1), (n + 1) / (2 * n + 1))
        )
        return mul(v, slope)


spherical_jn = SphericalJn()


def _inverse_square(x):
    inverse = reciprocal(x)
    return mul(inverse, inverse)


def _sqrt_one_minus_square(x):
    if _is_complex(x):
        return mul(sqrt(sub(1.0, x)), sqrt(add(1.0, x)))
    return sqrt(mul(sub(1.0, x), add(1.0, x)))


def _one_plus_square(x):
    if _is_complex(x):
        ix = mul(x, 1j)
        return mul(add(1.0, ix), sub(1.0, ix))
    return add(mul(x, x), 1.0)


def _is_complex(x) -> bool:
    return type_of(x).dtype.kind == "c"
