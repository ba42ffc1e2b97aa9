"""Functions of complex numbers, on their parts: two registers in, two out.

Quotients are Smith's (1962) and powers those of NumPy's loops, so that they agree with it to
the bit, or to what contraction of its own compiler does. The functions are built on the real
ones here, with branch cuts and signed zeros as in C's Annex G; they are calculated in float64
for complex64 too, where nothing of float32 overflows or cancels, and rounded once.

Left out: maximum and sorting, which order complex numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from .builder import Builder, Value
from .exponentials import exp_sum, halves, scaled
from .logarithms import log1p_sum

__all__ = ["COMPLEX"]

Parts = tuple[Value, Value]


def _finite(b: Builder, x: Value) -> Value:
    return b.absolute(x) < math.inf


def _not(c: Value) -> Value:
    return c ^ True


def _either(b: Builder, c: Value, z: Parts, w: Parts) -> Parts:
    return b.select(c, z[0], w[0]), b.select(c, z[1], w[1])


# Arithmetic -------------------------------------------------------------------------------


def times(b: Builder, z: Parts, w: Parts) -> Parts:
    """Product, the naive one, as NumPy's."""
    return z[0] * w[0] - z[1] * w[1], z[0] * w[1] + z[1] * w[0]


def divide(b: Builder, x: Value, y: Value, u: Value, v: Value) -> Parts:
    """(x + iy) / (u + iv), Smith's way: divided by the larger part of the divisor."""
    p, q = b.absolute(u), b.absolute(v)
    first = p >= q
    large, small = b.select(first, u, v), b.select(first, v, u)
    ratio = small / large
    scale = 1.0 / (large + small * ratio)
    near, other = b.select(first, x, y), b.select(first, y, x)
    re = (near + other * ratio) * scale
    turned = near * ratio
    im = (b.select(first, other, turned) - b.select(first, turned, other)) * scale
    by_zero = b.both(p.same(0.0), q.same(0.0))
    return b.select(by_zero, x / p, re), b.select(by_zero, y / p, im)


def reciprocal(b: Builder, u: Value, v: Value) -> Parts:
    """1 / (u + iv), Smith's way."""
    first = b.absolute(v) <= b.absolute(u)
    large, small = b.select(first, u, v), b.select(first, v, u)
    ratio = small / large
    d = large + small * ratio
    one = b.number(1.0)
    return b.select(first, one, ratio) / d, b.select(first, -ratio, -one) / d


def sign(b: Builder, x: Value, y: Value) -> Parts:
    """Z / |z|; of an infinite part alone its sign; NaN where both are infinite."""
    size = b.ours("hypot", x, y)
    zero, one = b.number(0.0), b.number(1.0)
    far = [b.absolute(part).same(math.inf) for part in (x, y)]
    at_infinity = tuple(b.select(f, b.copysign(one, part), zero) for f, part in zip(far, (x, y), strict=True))
    plain = tuple(b.select(size.same(0.0), zero, part / size) for part in (x, y))
    return _either(b, far[0] ^ far[1], (at_infinity[0], at_infinity[1]), (plain[0], plain[1]))


# Exponentials -----------------------------------------------------------------------------


def _scaled_exp(b: Builder, x: Value, c: Value, s: Value, less: int) -> Parts:
    """Return e^x / 2^less (c, s): infinite only where the product is."""
    e = exp_sum(b, b.clip(x, -1415.0, 1415.0))
    first, second = halves(b, e.k - less)
    m = (1.0 + (e.r + e.tail)) * first  # the parts come between: they may be subnormal, or the product
    m = b.select(x > 1415.0, math.inf, m)
    return m * c * second, m * s * second


def exp(b: Builder, x: Value, y: Value) -> Parts:
    """e^x (cos y + i sin y)."""
    re, im = _scaled_exp(b, x, b.ours("cos", y), b.ours("sin", y), 0)
    im = b.select(y.same(0.0), y, im)
    turning = _not(_finite(b, y))  # e^-inf is 0 whatever the angle, and e^inf infinite in no direction
    zero = b.number(0.0)
    re = b.select(b.both(turning, x.same(-math.inf)), zero, b.select(b.both(turning, x.same(math.inf)), x, re))
    return re, b.select(b.both(turning, x.same(-math.inf)), b.copysign(zero, y), im)


def exp2(b: Builder, x: Value, y: Value) -> Parts:
    """2^z, as NumPy: e^(z log 2)."""
    return exp(b, x * math.log(2.0), y * math.log(2.0))


def expm1(b: Builder, x: Value, y: Value) -> Parts:
    """e^z - 1; its real part is (e^x - 1) cos y - 2 sin² (y / 2)."""
    half = b.ours("sin", y * 0.5)
    re = b.ours("expm1", x) * b.ours("cos", y) - 2.0 * half * half
    return re, b.ours("exp", x) * b.ours("sin", y)


_FAR = 40.0  # beyond, e^-|x| is nothing beside e^|x|


def _hyperbolic(b: Builder, x: Value, y: Value) -> tuple[Value, Value, Value, Value, Value]:
    """Return sinh x cos y, cosh x sin y, cosh x cos y, sinh x sin y, and whether y is a number."""
    c, s = b.ours("cos", y), b.ours("sin", y)
    sinh, cosh = b.ours("sinh", x), b.ours("cosh", x)
    far = b.absolute(x) > _FAR
    large_c, large_s = _scaled_exp(b, b.absolute(x), c, s, 1)
    one = b.copysign(b.number(1.0), x)
    return (
        b.select(far, large_c * one, sinh * c),
        b.select(far, large_s, cosh * s),
        b.select(far, large_c, cosh * c),
        b.select(far, large_s * one, sinh * s),
        _finite(b, y),
    )


def sinh(b: Builder, x: Value, y: Value) -> Parts:
    """Sinh x cos y + i cosh x sin y."""
    re, im, _, _, turns = _hyperbolic(b, x, y)
    re = b.select(b.both(_not(turns), x.same(0.0) | b.absolute(x).same(math.inf)), x, re)
    return re, b.select(y.same(0.0), y, im)


def cosh(b: Builder, x: Value, y: Value) -> Parts:
    """Cosh x cos y + i sinh x sin y."""
    _, _, re, im, turns = _hyperbolic(b, x, y)
    re = b.select(b.both(_not(turns), b.absolute(x).same(math.inf)), b.absolute(x), re)
    im = b.select(y.same(0.0), y * _one(b, x), im)
    return re, b.select(b.both(x.same(0.0), _not(turns)), b.number(0.0), im)


def _one(b: Builder, x: Value) -> Value:
    return b.copysign(b.number(1.0), x)


def tanh(b: Builder, x: Value, y: Value) -> Parts:
    """(sinh x cosh x + i sin y cos y) / (sinh² x + cos² y)."""
    a = b.absolute(x)
    near = b.select(a > _FAR, b.number(_FAR), x)
    sinh, cosh, s, c = b.ours("sinh", near), b.ours("cosh", near), b.ours("sin", y), b.ours("cos", y)
    d = b.fma(sinh, sinh, c * c)
    re, im = sinh * cosh / d, s * c / d
    far = a > _FAR
    e = exp_sum(b, b.clip(-a, -800.0, 0.0))
    small = 4.0 * (s * c) * scaled(b, 1.0 + (e.r + e.tail), e.k) * scaled(b, 1.0 + (e.r + e.tail), e.k)
    turns = _finite(b, y)
    small = b.select(b.both(a.same(math.inf), _not(turns)), b.copysign(b.number(0.0), y), small)
    re, im = b.select(far, _one(b, x), re), b.select(far, small, im)
    fixed = turns | a.same(math.inf)
    re = b.select(fixed, re, b.select(x.same(0.0), x, b.number(math.nan)))
    return re, b.select(y.same(0.0), y, im)


def _turned(f: Callable[..., Parts]) -> Callable[..., Parts]:
    """Return -i f(iz): of sinh the sine, of tanh the tangent."""

    def kernel(b: Builder, x: Value, y: Value) -> Parts:
        re, im = f(b, -y, x)
        return im, -re

    return kernel


def cos(b: Builder, x: Value, y: Value) -> Parts:
    """Cosh of iz."""
    return cosh(b, -y, x)


# Logarithms and roots ---------------------------------------------------------------------


def _log_size(b: Builder, x: Value, y: Value) -> Value:
    """Return log |z| = ½ log(x² + y²): the squares with their errors, so that near |z| = 1 nothing cancels."""
    p, q = b.absolute(x), b.absolute(y)
    less = p < q
    high, low = b.select(less, q, p), b.select(less, p, q)
    big, small = high > 2.0**400, high < 2.0**-400
    factor = b.select(big, 2.0**-600, b.select(small, 2.0**600, b.number(1.0)))
    back = b.select(big, 600.0, b.select(small, -600.0, b.number(0.0)))
    h, l = high * factor, low * factor
    square, rest = b.two_product(h, h)
    second, more_rest = b.two_product(l, l)
    s, sl = b.fast_two_sum(square, second)
    near = b.both(s > 0.5, s < 2.0)
    w, wl = b.two_sum(b.select(near, s - 1.0, b.number(0.0)), sl + (rest + more_rest))  # s - 1 is exact
    half = b.select(near, log1p_sum(b, w, wl), b.ours("log", s)) * 0.5
    result = b.fma(back, b.number(math.log(2.0)), half)
    result = b.select(high.same(0.0), -math.inf, result)
    infinite = p.same(math.inf) | q.same(math.inf)
    return b.select(infinite, math.inf, b.select(b.both(p.same(p), q.same(q)), result, p + q))


def log(b: Builder, x: Value, y: Value) -> Parts:
    """Log |z| + i arg z."""
    return _log_size(b, x, y), b.ours("arctan2", y, x)


def _of_base(factor: float) -> Callable[..., Parts]:
    def kernel(b: Builder, x: Value, y: Value) -> Parts:
        re, im = log(b, x, y)
        return re * factor, im * factor

    return kernel


def log1p(b: Builder, x: Value, y: Value) -> Parts:
    """log(1 + z), as NumPy's."""
    x = x + 1.0
    return b.ours("log", b.ours("hypot", x, y)), b.ours("arctan2", y, x)


def sqrt(b: Builder, x: Value, y: Value) -> Parts:
    """Square root in the right half plane (Kahan, Branch Cuts for Complex Elementary Functions, 1987)."""
    p, q = b.absolute(x), b.absolute(y)
    high = b.select(p < q, q, p)
    big, small = high > 2.0**1000, high < 2.0**-900
    factor = b.select(big, 2.0**-4, b.select(small, 2.0**200, b.number(1.0)))
    back = b.select(big, 4.0, b.select(small, 2.0**-100, b.number(1.0)))
    t = b.sqrt((p * factor + b.ours("hypot", x * factor, y * factor)) * 0.5)
    other = y * factor / (t + t)
    t, other = t * back, other * back
    zero, plain = b.number(0.0), b.both(p.same(0.0), q.same(0.0))
    right = (b.bits(x) & 2**63).same(0)
    re, im = b.select(right, t, b.absolute(other)), b.select(right, other, b.copysign(t, y))
    re, im = b.select(plain, zero, re), b.select(plain, y, im)
    far = p.same(math.inf)
    re = b.select(far, b.select(right, p, b.select(y.same(y), zero, y)), re)
    im = b.select(far, b.select(right, b.select(y.same(y), b.copysign(zero, y), y), b.copysign(p, y)), im)
    return b.select(q.same(math.inf), math.inf, re), b.select(q.same(math.inf), y, im)


def power(b: Builder, x: Value, y: Value, u: Value, v: Value) -> Parts:
    """z^w: by multiplication where w is an integer below 100, else e^(w log z); NumPy's cases."""
    re, im = exp(b, *times(b, (u, v), log(b, x, y)))
    size = b.absolute(u)
    whole = b.both(b.both(v.same(0.0), b.call("floor", u).same(u)), size < 100.0)
    count = b.emit("i64", f"fptosi double {b.select(whole, size, b.number(0.0)).name} to i64")
    one, zero = b.number(1.0), b.number(0.0)
    product, square = (one, zero), (x, y)
    for bit in range(7):
        has = (count & 2**bit).unlike(0)
        first = (count & (2**bit - 1)).same(0)
        product = _either(b, has, _either(b, first, square, times(b, product, square)), product)
        if bit < 6:
            square = times(b, square, square)
    product = _either(b, u < 0.0, divide(b, one, zero, *product), product)
    re, im = _either(b, whole, product, (re, im))
    nan = b.number(math.nan)
    at_zero = b.select(u > 0.0, zero, nan)
    re, im = _either(b, b.both(x.same(0.0), y.same(0.0)), (at_zero, at_zero), (re, im))
    return _either(b, b.both(u.same(0.0), v.same(0.0)), (one, zero), (re, im))


# Inverse functions ------------------------------------------------------------------------


def _roots(b: Builder, x: Value, y: Value) -> tuple[Parts, Parts]:
    """Return √(1 - z) and √(1 + z): of their products no part cancels."""
    return sqrt(b, 1.0 - x, -y), sqrt(b, x + 1.0, y)


def _corner(b: Builder, x: Value, y: Value) -> tuple[Value, Value, Value]:
    """Return whether a part is infinite, and the direction in which: parts 0 or ±1, NaN where one is."""
    zero, one = b.number(0.0), b.number(1.0)
    far = [b.absolute(part).same(math.inf) for part in (x, y)]
    u, v = (b.copysign(b.select(f, one, zero), part) for f, part in zip(far, (x, y), strict=True))
    return far[0] | far[1], b.select(x.same(x), u, x), b.select(y.same(y), v, y)


def arcsin(b: Builder, x: Value, y: Value) -> Parts:
    """Arc sine (Kahan 1987)."""
    minus, plus = _roots(b, x, y)
    re = b.select(x.same(0.0), x, b.ours("arctan2", x, minus[0] * plus[0] - minus[1] * plus[1]))
    im = b.ours("arcsinh", minus[0] * plus[1] - minus[1] * plus[0])
    infinite, u, v = _corner(b, x, y)
    return (
        b.select(infinite, b.ours("arctan2", u, b.absolute(v)), re),
        b.select(infinite, b.copysign(b.number(math.inf), y), im),
    )


def arccos(b: Builder, x: Value, y: Value) -> Parts:
    """Arc cosine (Kahan 1987)."""
    minus, plus = _roots(b, x, y)
    re = b.select(x.same(0.0), math.pi / 2, b.ours("arctan2", minus[0], plus[0]) * 2.0)
    im = b.ours("arcsinh", plus[0] * minus[1] - plus[1] * minus[0])
    infinite, u, v = _corner(b, x, y)
    return (
        b.select(infinite, b.ours("arctan2", b.absolute(v), u), re),
        b.select(infinite, b.copysign(b.number(math.inf), -y), im),
    )


def arccosh(b: Builder, x: Value, y: Value) -> Parts:
    """Arc cosine, turned by ±i into the right half plane."""
    re, im = arccos(b, x, y)
    return b.absolute(im), b.copysign(re, y)


def arctanh(b: Builder, x: Value, y: Value) -> Parts:
    """½ log((1 + z) / (1 - z)) (Kahan 1987), from |x|."""
    a, q = b.absolute(x), b.absolute(y)
    less, more, size = 1.0 - a, a + 1.0, b.ours("hypot", a, y)
    h = b.ours("hypot", less, y)
    near, far = h < 2.0**-26, b.select(a < q, q, a) > 2.0**60
    plain = b.ours("log1p", a * 4.0 / (h * h)) * 0.25
    close = (b.ours("log", b.ours("hypot", more, y)) - b.ours("log", h)) * 0.5
    re = b.select(far, a / size / size, b.select(near, close, plain))
    im = b.ours("arctan2", y + y, less * more - y * y) * 0.5
    quarter = b.copysign(b.number(math.pi / 2), y)
    infinite, _, v = _corner(b, x, y)
    re = b.select(infinite | b.both(a.same(0.0), q.same(q) ^ True), b.number(0.0), re)
    im = b.select(infinite, b.select(y.same(y), quarter, v), b.select(b.both(far, y.same(y)), quarter, im))
    return b.copysign(re, x), im


# Name: kernel, number of operands, and whether complex64 is calculated in float64.
COMPLEX: dict[str, tuple[Callable[..., Parts], int, bool]] = {
    "div": (divide, 2, False),
    "reciprocal": (reciprocal, 1, False),
    "sign": (sign, 1, False),
    "exp": (exp, 1, True),
    "exp2": (exp2, 1, True),
    "expm1": (expm1, 1, True),
    "sinh": (sinh, 1, True),
    "cosh": (cosh, 1, True),
    "tanh": (tanh, 1, True),
    "sin": (_turned(sinh), 1, True),
    "cos": (cos, 1, True),
    "tan": (_turned(tanh), 1, True),
    "arcsin": (arcsin, 1, True),
    "arccos": (arccos, 1, True),
    "arctan": (_turned(arctanh), 1, True),
    "arcsinh": (_turned(arcsin), 1, True),
    "arccosh": (arccosh, 1, True),
    "arctanh": (arctanh, 1, True),
    "log": (log, 1, True),
    "log2": (_of_base(1 / math.log(2.0)), 1, True),
    "log10": (_of_base(1 / math.log(10.0)), 1, True),
    "log1p": (log1p, 1, True),
    "sqrt": (sqrt, 1, True),
    "power": (power, 2, True),
}
