"""Exponentials, logarithms, roots and powers, and the functions built on them."""

from __future__ import annotations

import importlib
import math

import numpy as np

from pullback.core.primitive import add_tangents
from pullback.core.types import PYTHON_SCALARS, array_type, type_of

from .arithmetic import add, mask, mul, neg, sub
from .comparison import isfinite, less, logical_or, not_equal
from .elementwise import Elementwise, elementwise_type
from .unary import Inverse, Unary

__all__ = [
    "cbrt",
    "erf",
    "erfc",
    "exp",
    "exp2",
    "expm1",
    "gaussian",
    "integer_power",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logaddexp2",
    "power",
    "reciprocal",
    "sigmoid",
    "sqrt",
    "square",
]

_LN2 = math.log(2.0)
_LN10 = math.log(10.0)


class Exp(Unary):
    """e to the x."""

    name, ufunc, flops = "exp", np.exp, 10

    def derivative(self, x, y):
        return y


class Exp2(Unary):
    """2 to the x."""

    name, ufunc, flops = "exp2", np.exp2, 10

    def derivative(self, x, y):
        return mul(y, _LN2)


class Expm1(Unary):
    """``exp(x) - 1``. The derivative is exp(x) and not y + 1, which is 0 for x < -37."""

    name, ufunc, flops = "expm1", np.expm1, 15

    def derivative(self, x, y):
        return exp(x)


exp, exp2, expm1 = Exp(), Exp2(), Expm1()


class Log(Inverse):
    """Natural logarithm."""

    name, ufunc, flops = "log", np.log, 10

    def divisor(self, x, y):
        return x


class Log2(Inverse):
    """Logarithm to base 2."""

    name, ufunc, flops = "log2", np.log2, 10

    def divisor(self, x, y):
        return mul(x, _LN2)


class Log10(Inverse):
    """Logarithm to base 10."""

    name, ufunc, flops = "log10", np.log10, 10

    def divisor(self, x, y):
        return mul(x, _LN10)


class Log1p(Inverse):
    """``log(1 + x)``."""

    name, ufunc, flops = "log1p", np.log1p, 15

    def divisor(self, x, y):
        return add(x, 1.0)


log, log2, log10, log1p = Log(), Log2(), Log10(), Log1p()


class Sqrt(Inverse):
    """Square root; its derivative at 0 is infinite."""

    name, ufunc = "sqrt", np.sqrt

    def divisor(self, x, y):
        return add(y, y)


class Cbrt(Inverse):
    """Cube root; its derivative at 0 is infinite."""

    name, ufunc, flops = "cbrt", np.cbrt, 15

    def divisor(self, x, y):
        return mul(mul(y, y), 3.0)


class Square(Unary):
    """x times x."""

    name, ufunc = "square", np.square

    def derivative(self, x, y):
        return add(x, x)


class Reciprocal(Unary):
    """One over x."""

    name, ufunc = "reciprocal", np.reciprocal

    def derivative(self, x, y):
        return neg(mul(y, y))


sqrt, cbrt, square, reciprocal = Sqrt(), Cbrt(), Square(), Reciprocal()


class Power(Elementwise):
    """``x ** y``.

    By x it is ``y x**(y - 1)``, and 0 where y is 0, at x = 0 too. By y it is
    ``log(x) x**y``, and 0 at x = 0 wherever the power is a number there (y >= 0).
    """

    name, ufunc, keeps_weak, flops = "power", np.power, True, 20

    def jvp(self, operands, result, tangents):
        (x, y), (v, w) = operands, tangents
        # The masks are on the slopes, not on the tangents: their zeros are not strong ones, and
        # sqrt(x) ** 2.0 at 0 stays 0 * inf.
        total = None
        if v is not None:
            total = mul(v, mask(not_equal(y, 0), mul(power(x, sub(y, 1)), y)))
        if w is not None:
            counts = not_equal(x, 0)
            if type_of(y).dtype.kind != "c":
                counts = logical_or(counts, less(y, 0))
            total = add_tangents(total, mul(w, mask(counts, mul(log(x), result))))
        return total


power = Power()


class IntegerPower(Elementwise):
    """``x ** n`` for a Python integer n that is known: no logarithm, and no case to tell apart."""

    name, ufunc, keeps_weak, flops = "integer_power", np.power, True, 4

    def infer(self, x, *, n):
        return elementwise_type(np.power, (x, _WEAK_INT), self.keeps_weak)

    def evaluate(self, x, *, n):
        if type(x) in PYTHON_SCALARS or x.dtype.kind not in "fc":
            return np.power(x, n)
        return x**n  # NumPy's operator is faster, but of booleans it makes int8

    def function(self, params):
        return lambda x: self.evaluate(x, **params)

    def jvp(self, operands, result, tangents, *, n):
        (x,), (v,) = operands, tangents
        if n == 0:
            return None
        if n == 1:
            return v
        return mul(v, mul(x if n == 2 else integer_power(x, n=n - 1), float(n)))


_WEAK_INT = array_type((), PYTHON_SCALARS[int], weak=True)

integer_power = IntegerPower()


class LogAddExp(Elementwise):
    """``log(exp(a) + exp(b))``; its derivatives are sigmoid(a - b) and sigmoid(b - a)."""

    name, ufunc, flops = "logaddexp", np.logaddexp, 30

    def jvp(self, operands, result, tangents):
        return _soft_maximum(operands, tangents, None)


class LogAddExp2(Elementwise):
    """``log2(2**a + 2**b)``; its derivatives are sigmoid((a - b) ln 2) and the other way round."""

    name, ufunc, flops = "logaddexp2", np.logaddexp2, 30

    def jvp(self, operands, result, tangents):
        return _soft_maximum(operands, tangents, _LN2)


def _soft_maximum(operands: tuple, tangents: tuple, scale: float | None):
    (a, b), (v, w) = operands, tangents
    # Two equal infinities share: their difference would be NaN.
    ahead = mask(logical_or(not_equal(a, b), isfinite(a)), sub(a, b))
    ahead = ahead if scale is None else mul(ahead, scale)
    first = None if v is None else mul(v, sigmoid(ahead))
    second = None if w is None else mul(w, sigmoid(neg(ahead)))
    return add_tangents(first, second)


logaddexp, logaddexp2 = LogAddExp(), LogAddExp2()


class _Formula(Unary):
    """Base: what NumPy has no ufunc for; its types are those of exp."""

    ufunc = np.exp

    def function(self, params):
        return self.evaluate


def _floating(x):
    """Return an array or NumPy scalar of the dtype that exp would give."""
    if isinstance(x, np.ndarray | np.generic) and x.dtype.kind in "fc":
        return x
    return np.asarray(x, elementwise_type(np.exp, (type_of(x),)).dtype)


class Sigmoid(_Formula):
    """``1 / (1 + exp(-x))``. The derivative is sigmoid(x) sigmoid(-x): 1 - y cancels for large x."""

    name, flops = "sigmoid", 15

    def evaluate(self, x):
        x = _floating(x)
        if x.dtype.kind == "c":
            negative = np.signbit(np.real(x))
            e = np.exp(np.where(negative, x, np.negative(x)))
        else:
            negative = np.signbit(x)
            e = np.exp(np.copysign(x, -1))
        return (np.where(negative, e, e.dtype.type(1)) / (1 + e))[()]

    def derivative(self, x, y):
        return mul(y, sigmoid(neg(x)))


sigmoid = Sigmoid()


class Gaussian(_Formula):
    """``exp(-x**2)``, to a few ulp.

    x is split into h + t, h a multiple of 1/64, so that h² is exact; exp(-(h² + t (x + h)))
    is a product of two exponentials. exp of the rounded square is off by x² ulp: 700 at x = 26.
    """

    name, flops = "gaussian", 25

    def evaluate(self, x):
        x = _floating(x)
        if x.dtype.kind == "c":
            return np.exp(-np.square(x))
        x = np.minimum(np.abs(x), 40)  # beyond, it is 0 in any case
        h = np.rint(x * 64) * (1 / 64)
        return (np.exp(-h * h) * np.exp((h - x) * (h + x)))[()]

    def derivative(self, x, y):
        return mul(mul(x, y), -2.0)


gaussian = Gaussian()


class _FromSciPy(_Formula):
    """Base: a function of scipy.special, which is imported when it is first called."""

    flops = 20

    def evaluate(self, x):
        function = getattr(importlib.import_module("scipy.special"), self.name)
        return np.asarray(function(x)).astype(self.infer(type_of(x)).dtype, copy=False)[()]


class Erf(_FromSciPy):
    """Error function."""

    name = "erf"

    def derivative(self, x, y):
        return mul(gaussian(x), 2 / math.sqrt(math.pi))


class Erfc(_FromSciPy):
    """``1 - erf(x)``, accurate where it is small."""

    name = "erfc"

    def derivative(self, x, y):
        return mul(gaussian(x), -2 / math.sqrt(math.pi))


erf, erfc = Erf(), Erfc()
