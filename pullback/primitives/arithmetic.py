"""Arithmetic: sums, products, quotients and powers, elementwise.

`smul` and `sdiv` are the strong products: zero wherever their masked factor is zero,
also against NaN and infinity. They are recorded in place of `mul` and `div` by linear
recorders only.
"""

from __future__ import annotations

import numpy as np

from pullback.core.primitive import Cost, Primitive, add_tangents, is_linear, moved_bytes

from .elementwise import Elementwise, elementwise_type
from .shaping import align

__all__ = ["add", "div", "mask", "mul", "neg", "sdiv", "smul", "sub"]


class _Arithmetic(Elementwise):
    keeps_weak = True


class Add(_Arithmetic):
    """a + b, linear in both together."""

    name, ufunc = "add", np.add

    def linear(self, n_operands, params):
        return ((0, 1),)

    def jvp(self, operands, result, tangents):
        return add_tangents(*tangents)

    def transpose(self, u, a, b):
        return u, u


add = Add()


class Sub(_Arithmetic):
    """a - b, linear in both together."""

    name, ufunc = "sub", np.subtract

    def linear(self, n_operands, params):
        return ((0, 1),)

    def jvp(self, operands, result, tangents):
        v, w = tangents
        if w is None:
            return v
        return neg(w) if v is None else sub(v, w)

    def transpose(self, u, a, b):
        return u, neg(u)


sub = Sub()


class Neg(_Arithmetic):
    """-a."""

    name, ufunc, quiet = "neg", np.negative, True

    def linear(self, n_operands, params):
        return ((0,),)

    def transpose(self, u, a):
        return (neg(u),)


neg = Neg()


class Mul(_Arithmetic):
    """a * b, linear in each alone."""

    name, ufunc = "mul", np.multiply

    def linear(self, n_operands, params):
        return ((0,), (1,))

    def transpose(self, u, a, b):
        return (mul(u, b), None) if is_linear(a) else (None, mul(u, a))


mul = Mul()


class Div(_Arithmetic):
    """a / b, linear in a."""

    name, ufunc = "div", np.true_divide

    def linear(self, n_operands, params):
        return ((0,),)

    def jvp(self, operands, result, tangents):
        (_, b), (v, w) = operands, tangents
        first = None if v is None else div(v, b)
        second = None if w is None else neg(mul(w, div(result, b)))
        return add_tangents(first, second)

    def transpose(self, u, a, b):
        return div(u, b), None


div = Div()


class _Strong(Elementwise):
    """A product whose first factor was cut by a mask: where it is 0, so is the result."""

    masks = True
    keeps_weak = True

    def evaluate(self, m, c):
        with np.errstate(all="ignore"):
            product = self.ufunc(m, c)
        return np.where(m, product, product.dtype.type(0))[()]  # a NaN counts as true, -0.0 does not

    def function(self, params):
        return self.evaluate


class SMul(_Strong):
    """Strong product ``m * c``: exactly 0 where m is 0."""

    name, ufunc = "smul", np.multiply

    def linear(self, n_operands, params):
        return ((0,), (1,))

    def transpose(self, u, m, c):
        # By c: where m is 0 the result did not depend on c, so the cotangent is a strong zero.
        return (mul(u, c), None) if is_linear(m) else (None, smul(m, u))


smul = SMul()


class SDiv(_Strong):
    """Strong quotient ``m / c``: exactly 0 where m is 0."""

    name, ufunc = "sdiv", np.true_divide

    def linear(self, n_operands, params):
        return ((0,),)

    def jvp(self, operands, result, tangents):
        (_, c), (v, w) = operands, tangents
        first = None if v is None else sdiv(v, c)
        second = None if w is None else neg(smul(result, div(w, c)))
        return add_tangents(first, second)

    def transpose(self, u, m, c):
        return div(u, c), None


sdiv = SDiv()

Mul.strong = smul
Div.strong = sdiv


class Mask(Primitive):
    """Keep v where c is true and 0 elsewhere: linear in v, and its zeros are strong."""

    name, masks, quiet = "mask", True, True

    def infer(self, c, v):
        return v.like(elementwise_type(np.multiply, (c, v)).shape)

    def evaluate(self, c, v):
        return np.where(c, v, False)[()]  # False takes any dtype

    def linear(self, n_operands, params):
        return ((1,),)

    def transpose(self, u, c, v):
        return None, mask(c, u)

    def batch(self, size, operands, batched):
        return mask(*align(operands, batched))

    def cost(self, types, results):
        return Cost(results[0].size, moved_bytes(types, results))


mask = Mask()
