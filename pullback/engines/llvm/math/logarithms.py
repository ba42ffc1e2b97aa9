"""Logarithms: log, log2, log10, log1p, and what is the logarithm of a sum: arcsinh, softplus and others.

x = 2^k m with m in [√½, √2), and with f = m - 1, s = f / (2 + f) = tanh(½ log m),
log m = f - (f²/2 - s (f²/2 + R(s²))), R from the series of 2 artanh s (Muller, Elementary
Functions, §9.2; the arrangement is that of fdlibm). float32 has no need of s: there a polynomial
in f is shorter than the division.
"""

from __future__ import annotations

import math

from .builder import Builder, Value
from .exponentials import exp_sum, ln2, scaled

__all__ = [
    "arccosh", "arcsinh", "arctanh", "log", "log1p", "log1p_sum", "log2", "log10", "logaddexp", "normal", "softplus",
    "split",
]  # fmt: skip


def split(b: Builder, x: Value) -> tuple[Value, Value]:
    """Return k (a float) and m in [√½, √2), with x = 2^k m; x positive and normal."""
    f = b.format
    root = f.encode(math.sqrt(0.5))
    moved = b.bits(x) + (f.encode(1.0) - root)
    biased = b.float((moved >> f.mantissa) | f.encode(2.0**f.mantissa))  # an integer in the bits of a float
    m = b.float((moved & (2**f.mantissa - 1)) + root)
    return biased - (2.0**f.mantissa + f.bias), m


def normal(b: Builder, x: Value) -> tuple[Value, Value]:
    """Return x times a power of two that makes subnormals normal, and what to add to k."""
    small = x < b.format.tiny
    return b.select(small, x * 2.0**54, x), b.select(small, b.number(-54.0), b.number(0.0))


def _correction(b: Builder, f: Value, half: Value) -> Value:
    """Return u with log(1 + f) = f - (f²/2 - u); half = f²/2."""
    if b.format.bits == 32:
        return (half + half) * f * b.poly(f, b.format.table("log1p"))
    s = f / (2.0 + f)
    z = s * s
    return s * b.fma(z, b.poly(z, b.format.table("log")), half)


def _log(b: Builder, k: Value, f: Value, c: Value | None = None) -> Value:
    """Return k log 2 + log(1 + f) + c."""
    upper, lower = ln2(b.format)
    half = f * f * 0.5
    rest = b.fma(k, b.number(lower), _correction(b, f, half))
    if c is not None:
        rest = rest + c
    return b.fma(k, b.number(upper), f - (half - rest))


def _special(b: Builder, x: Value, y: Value) -> Value:
    """Return y where x is positive and finite; -inf at 0, NaN below, and infinity and NaN as they are."""
    edge = b.select(x.same(0.0), -math.inf, b.select(x < 0.0, math.nan, x))
    return b.select(b.both(x > 0.0, x < math.inf), y, edge)


def log(b: Builder, x: Value) -> Value:
    """Natural logarithm."""
    scaled_x, shift = normal(b, x)
    k, m = split(b, scaled_x)
    return _special(b, x, _log(b, k + shift, m - 1.0))


def _other_base(b: Builder, x: Value, of_e: float, of_two: float) -> Value:
    """Return the logarithm to a base; of_e, of_two are those of e and 2."""
    word = b.format
    scaled_x, shift = normal(b, x)
    k, m = split(b, scaled_x)
    k = k + shift
    f = m - 1.0
    half = f * f * 0.5
    u = _correction(b, f, half)
    mask = -(2 ** (word.precision // 2 + 1)) % 2**word.bits  # half of the bits: products with them are exact
    high = b.float(b.bits(f - half) & mask)
    low = (f - high) - half + u
    upper, lower = _cut(of_e, 24 if word.bits == 64 else 11)
    top, bottom = _cut(of_two, 40 if word.bits == 64 else 15)
    rest = b.fma(low + high, b.number(lower), low * upper)
    rest = b.fma(k, b.number(bottom), rest) if bottom else rest
    a, e = b.fast_two_sum(k * top, high * upper)
    return _special(b, x, a + (e + rest))


def _cut(x: float, bits: int) -> tuple[float, float]:
    """Return a number as an upper part of a few bits, and the rest."""
    exact = _EXACT.get(x, 0.0)
    upper = math.ldexp(math.floor(math.ldexp(x, bits - math.frexp(x)[1])), math.frexp(x)[1] - bits)
    return upper, (x - upper) + exact


_LOG2_E, _LOG10_E, _LOG10_2 = 1.4426950408889634, 0.4342944819032518, 0.3010299956639812
_EXACT = {  # what these three lack
    _LOG2_E: 2.0355273740931033e-17,
    _LOG10_E: 1.098319650216765e-17,
    _LOG10_2: -2.8037281277851704e-18,
}


def log2(b: Builder, x: Value) -> Value:
    """Logarithm to the base 2; exact at powers of 2."""
    return _other_base(b, x, _LOG2_E, 1.0)


def log10(b: Builder, x: Value) -> Value:
    """Logarithm to the base 10."""
    return _other_base(b, x, _LOG10_E, _LOG10_2)


def log1p_sum(b: Builder, w: Value, wl: Value | None = None) -> Value:
    """Return log(1 + w + wl) for w > -1 and finite; wl below an ulp of w."""
    u, c = b.two_sum(b.number(1.0), w)
    if wl is not None:
        c = c + wl
    k, m = split(b, u)
    direct = k.same(0.0)
    x = b.select(direct, w, m - 1.0)
    return _log(b, k, x, b.select(direct, b.number(0.0) if wl is None else wl * _inverse(b, m), _over(b, c, u, m, k)))


def _inverse(b: Builder, m: Value) -> Value:
    """Return 1 / m for m in [√½, √2), to a few in a hundred: it multiplies what is below an ulp."""
    return b.poly(m, [2.9605, -2.9098, 0.9460])


def _over(b: Builder, c: Value, u: Value, m: Value, k: Value) -> Value:
    """Return c / u for u = 2^k m, c below an ulp of u; and 0 where it is nothing beside k log 2."""
    scale = b.float(b.format.encode(1.0) - (b.bits(u) - b.bits(m)))  # 2^-k
    return b.select(k < b.format.precision + 10.0, c * scale * _inverse(b, m), b.number(0.0))


def log1p(b: Builder, x: Value) -> Value:
    """log(1 + x)."""
    y = log1p_sum(b, x)
    y = b.select(b.absolute(x) < 2.0 ** -(b.format.precision + 1), x, y)
    edge = b.select(x.same(-1.0), -math.inf, b.select(x < -1.0, math.nan, x))
    return b.select(b.both(x > -1.0, x < math.inf), y, edge)


def _log1p_exp(b: Builder, d: Value, dl: Value | None = None) -> Value:
    """Return log(1 + e^(d + dl)) for d ≤ 0."""
    d = b.clip(d, -746.0 if b.format.bits == 64 else -104.0, 0.0)
    p = exp_sum(b, d, dl)
    s, low = b.fast_two_sum(b.number(1.0), p.r)
    e = scaled(b, s + (low + p.tail), p.k)
    return b.select(e < 2.0 ** -(b.format.precision + 1), e, log1p_sum(b, e))


def softplus(b: Builder, x: Value) -> Value:
    """log(1 + e^x)."""
    return b.select(x > 0.0, x, b.select(x.same(x), b.number(0.0), x)) + _log1p_exp(b, -b.absolute(x))


def logaddexp(b: Builder, x: Value, y: Value) -> Value:
    """log(e^x + e^y). Where it is near 0 and its terms are not, the error is that of the terms."""
    more = x > y
    high, low = b.select(more, x, y), b.select(more, y, x)
    d, dl = b.two_sum(low, -high)
    result = high + _log1p_exp(b, d, b.select(d > -1000.0, dl, b.number(0.0)))  # d may overflow
    result = b.select(x.same(y), x + math.log(2), result)
    result = b.select(high.same(math.inf), high, b.select(low.same(-math.inf), high, result))
    return b.select(b.both(x.same(x), y.same(y)), result, x + y)


def arctanh(b: Builder, x: Value) -> Value:
    """½ log((1 + x) / (1 - x)) = ½ log1p(2x / (1 - x)), for |x|."""
    a = b.absolute(x)
    d, dl = b.fast_two_sum(b.number(1.0), -a)
    q, ql = b.quotient(a + a, None, d, dl)
    w, wl = b.fast_two_sum(q, ql)
    y = log1p_sum(b, w, wl) * 0.5
    y = b.select(a < 2.0**-30, a, y)
    edge = b.select(a.same(1.0), math.inf, b.number(math.nan))
    return b.copysign(b.select(a < 1.0, y, edge), x)


def _root(b: Builder, x: Value) -> tuple[Value, Value]:
    """Return √(x² + 1) as a float and its error."""
    p, pl = b.two_product(x, x)
    s, sl = b.two_sum(p, b.number(1.0))
    r = b.sqrt(s)
    return r, (b.residual(r, r, s) + (sl + pl)) * 0.5 / r


def arcsinh(b: Builder, x: Value) -> Value:
    """log(|x| + √(x² + 1)), and for |x| < ½ an odd polynomial."""
    f = b.format
    a = b.absolute(x)
    z = x * x
    small = b.fma(z * a, b.poly(z, f.table("arcsinh")), a)
    huge = a > 2.0 ** (f.precision // 2 + 4)
    t = b.select(huge, b.number(1.0), a)
    r, rl = _root(b, t)
    u, ul = b.two_sum(t, r)
    large = _log_sum(b, b.select(huge, a, u), b.select(huge, b.number(0.0), ul + rl), huge)
    y = b.select(a < 0.5, b.select(a < 2.0**-30, a, small), large)
    return b.copysign(b.select(a < math.inf, y, a), x)


def _log_sum(b: Builder, u: Value, ul: Value, twice: Value) -> Value:
    """Return log(u + ul), or log(2 u) where said; u ≥ 1."""
    k, m = split(b, u)
    c = _over(b, ul, u, m, k)
    return _log(b, k + b.select(twice, b.number(1.0), b.number(0.0)), m - 1.0, c)


def arccosh(b: Builder, x: Value) -> Value:
    """log1p(d + √(d (2 + d))) with d = x - 1."""
    f = b.format
    huge = x > 2.0 ** (f.precision // 2 + 4)
    d = b.select(huge, b.number(1.0), x - 1.0)
    t, tl = b.two_sum(d, b.number(2.0))
    p, pl = b.two_product(d, t)
    pl = b.fma(d, tl, pl)
    r = b.sqrt(p)
    safe = b.select(r > 0.0, r, b.number(1.0))
    rl = (b.residual(r, r, p) + pl) * 0.5 / safe
    w, wl = b.two_sum(d, r)
    near = log1p_sum(b, w, wl + rl)
    k, m = split(b, x)
    far = _log(b, k + 1.0, m - 1.0)
    y = b.select(huge, far, near)
    y = b.select(x.same(1.0), b.number(0.0), y)
    edge = b.select(x < 1.0, math.nan, x)
    return b.select(b.both(x >= 1.0, x < math.inf), y, edge)
