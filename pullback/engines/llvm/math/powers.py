"""Powers and roots: pow, cbrt, hypot.

x^y = e^(y log x) needs log x to 2^-66 for an error below an ulp, since y log x goes to 745: the
logarithm is a sum of two floats (Muller, Elementary Functions, §9.6 and §13; Dekker 1971 and
Knuth for the sums and products).
"""

from __future__ import annotations

import math

from .builder import F64, Builder, Value
from .exponentials import clipped, exp_sum, ln2, scaled
from .logarithms import normal, split

__all__ = ["cbrt", "hypot", "log_sum", "pow_", "pow_single"]


def log_sum(b: Builder, x: Value) -> tuple[Value, Value]:
    """Return log x, x positive and finite, as a sum of two floats.

    log m = 2s + s³ (2/3 + s² Q(s²)), s = (m - 1) / (m + 1). s, s² and the coefficient 2/3 are
    kept in two floats each; Q, below 2^-12 of the result, in one.
    """
    f = b.format
    x, shift = normal(b, x)
    k, m = split(b, x)
    k = k + shift
    d, dl = b.fast_two_sum(b.number(2.0), m - 1.0)
    s, sl = b.quotient(m - 1.0, None, d, dl)
    z, zl = b.two_product(s, s)
    zl = b.fma(s + s, sl, zl)
    third = b.number(2 / 3)
    third_low = 3.700743415417189e-17 if f.bits == 64 else -1.986821492305628e-08
    a, al = b.fast_two_sum(third, z * b.poly(z, f.table("logdd")))
    al = al + third_low
    p, pl = b.two_product(z, a)
    pl = b.fma(z, al, b.fma(zl, a, pl))
    t, tl = b.two_product(s, p)
    tl = b.fma(s, pl, b.fma(sl, p, tl))
    upper, lower = ln2(f)
    h, e = b.fast_two_sum(k * upper, s + s)
    h, e2 = b.fast_two_sum(h, t)
    return h, e + (b.fma(k, b.number(lower), b.fma(sl, b.number(2.0), tl)) + e2)


def _finish(b: Builder, x: Value, y: Value, result: Value) -> Value:
    """Return x^y from |x|^y, NaN where x or y is: its sign, and the ones of IEEE 754."""
    f = b.format
    big = 2.0**f.mantissa
    half = b.clip(b.absolute(y) * 0.5, f.tiny, big)  # not 0 for the smallest y; from 2 big on, y is even
    d = b.absolute(half - ((half + big) - big))  # 0: even; 1/2: odd
    odd = d.same(0.5)
    sign = b.select(odd, b.bits(x) & 2 ** (f.bits - 1), b.value(0, f.integer))
    result = b.float(b.bits(result) | sign)
    fraction = b.both(d.unlike(0.0), odd ^ True)
    result = b.select(b.both(b.both(x < 0.0, b.absolute(x) < math.inf), fraction), math.nan, result)
    return b.select(x.same(1.0) | y.same(0.0), b.number(1.0), result)


def pow_(b: Builder, x: Value, y: Value) -> Value:
    """x^y, as C's pow."""
    a = b.absolute(x)
    h, l = log_sum(b, a)
    h = b.select(a.same(0.0), -math.inf, b.select(a < math.inf, h, a))  # infinity and NaN stay
    exponent = b.clip(y, -(2.0**70), 2.0**70)  # beyond, the result is 0, 1 or infinity all the same
    p, pl = b.two_product(exponent, h)
    pl = b.fma(exponent, l, pl)
    inside = clipped(b, p)
    e = exp_sum(b, inside, b.select(inside.same(p), pl, b.number(0.0)))
    s, low = b.fast_two_sum(b.number(1.0), e.r)
    return _finish(b, x, y, scaled(b, s + (low + e.tail), e.k))


def pow_single(b: Builder, x: Value, y: Value) -> Value:
    """x^y of two float32: in double, to 2^-26; exact where x is a power of 2 and y whole."""
    wide = Builder(F64, b.schedule, b.has_fma)
    wide.lines = b.lines
    a = b.absolute(x)
    k, m = split(wide, b.widen(a))  # a float32 is never subnormal as a double
    f = m - 1.0
    h = wide.fma(f, wide.poly(f, F64.table("pow_log2")), k)
    h = b.select(a.same(0.0), -math.inf, b.select(a < math.inf, h, b.widen(a)))
    p = wide.clip(b.widen(y) * h, -155.0, 130.0)
    shifted = p + F64.magic
    r = p - (shifted - F64.magic)
    power = wide.fma(r, wide.poly(r, F64.table("pow_exp2")), 1.0)
    result = b.narrow(power * wide.float((b.bits(shifted) + F64.bias) << F64.mantissa))
    one = b.both(a.same(1.0), b.absolute(y).same(math.inf))
    return _finish(b, x, y, b.select(one, b.number(1.0), result))


def cbrt(b: Builder, x: Value) -> Value:
    """Cube root: m^(-1/3) by a polynomial and Newton's iteration, then one step with an exact residual."""
    f = b.format
    a = b.absolute(x)
    small = a < f.tiny
    scaled_a = b.select(small, a * 2.0**54, a)
    bits = b.bits(scaled_a)
    m = b.float((bits & (2**f.mantissa - 1)) | f.encode(1.0))
    # exponent = 3 q + j: in floats, since vectors of integers have no division
    biased = b.float((bits >> f.mantissa) | f.encode(2.0**f.mantissa)) - 2.0**f.mantissa
    e = biased - b.select(small, b.number(f.bias + 54.0), b.number(float(f.bias)))
    third = e * (1 / 3) - 1 / 3
    shifted = third + f.magic  # to nearest of (e - 1) / 3: the floor of e / 3
    q = shifted - f.magic
    j = e - q * 3.0
    one, two = j.same(1.0), j.same(2.0)
    v = b.select(two, m * 4.0, b.select(one, m + m, m))
    r = b.poly(m, f.table("cbrt")) * b.select(two, 4 ** (-1 / 3), b.select(one, 2 ** (-1 / 3), b.number(1.0)))
    for _ in range(2 if f.bits == 64 else 1):
        r = b.fma(r * (1 / 3), 1.0 - v * (r * r) * r, r)
    y = v * (r * r)
    square, sl = b.two_product(y, y)
    cube, cl = b.two_product(square, y)
    error = (v - cube) - b.fma(sl, y, cl)
    y = b.fma(error * (1 / 3), r * r, y)
    y = y * b.float((b.bits(shifted) - f.encode(f.magic) + f.bias) << f.mantissa)
    y = b.copysign(y, x)
    return b.select(b.both(a > 0.0, a < math.inf), y, x)


def hypot(b: Builder, x: Value, y: Value) -> Value:
    """√(x² + y²), without overflow or underflow in the middle."""
    f = b.format
    p, q = b.absolute(x), b.absolute(y)
    more = p > q
    high, low = b.select(more, p, q), b.select(more, q, p)
    edge, step = (2.0**500, 2.0**600) if f is F64 else (2.0**60, 2.0**80)
    big, small = high > edge, high < 1 / edge
    factor = b.select(big, 1 / step, b.select(small, step, b.number(1.0)))
    back = b.select(big, step, b.select(small, 1 / step, b.number(1.0)))
    h, l = high * factor, low * factor
    square, rest = b.two_product(h, h)
    second, more_rest = b.two_product(l, l)
    s, sl = b.fast_two_sum(square, second)
    r = b.sqrt(s)
    correction = (b.residual(r, r, s) + ((rest + more_rest) + sl)) * 0.5 / b.select(r > 0.0, r, b.number(1.0))
    result = (r + correction) * back
    infinite = p.same(math.inf) | q.same(math.inf)
    return b.select(infinite, math.inf, b.select(b.both(p.same(p), q.same(q)), result, p + q))
