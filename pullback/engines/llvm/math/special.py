"""Error functions and the logarithm of the gamma function.

erfc(x) = e^(-x²) P(t) / (x + 2), t = (x - 2) / (x + 2), one polynomial for all x ≥ ½
(Shepherd and Laframboise 1981); erf by an odd polynomial below 1.
"""

from __future__ import annotations

import math

from .builder import Builder, Value
from .exponentials import exp_sum, power_of_two, scaled
from .inverse import PI
from .logarithms import normal
from .powers import log_sum
from .trigonometric import cosine_sum, sine_rest

__all__ = ["erf", "erfc", "lgamma"]

_LOG_PI = {"f64": (1.1447298858494002, 1.0265951162707826e-17), "f32": (1.1447298526763916, 3.317300857258093e-08)}


def _erfc(b: Builder, a: Value) -> Value:
    """Return erfc(a) for a ≥ ½: every factor with what it lacks."""
    f = b.format
    a = b.clip(a, 0.5, 28.0 if f.bits == 64 else 11.0)
    d, dl = b.two_sum(a, b.number(2.0))
    r = 1.0 / d
    rl = r * b.fma(-r, dl, b.residual(r, d, b.number(1.0)))
    n = a - 2.0
    t = n * r
    tl = b.fma(-t, dl, b.residual(t, d, n)) * r
    c, low = f.table("erfc"), f.table("erfc_low")
    g, gl = b.two_product(t, b.number(c[1]))
    g, e = b.fast_two_sum(b.number(c[0]), g)
    gl = gl + (e + b.fma(tl, b.number(c[1]), b.fma(t, b.number(low[1]), low[0])))
    g, e = b.fast_two_sum(g, t * t * b.poly(t, c[2:]))
    gl = gl + e
    h, hl = b.two_product(g, r)
    hl = b.fma(g, rl, b.fma(gl, r, hl))
    p, pl = b.two_product(a, a)
    e = exp_sum(b, -p, -pl)
    s, low = b.fast_two_sum(b.number(1.0), e.r)
    m, ml = b.two_product(h, s)
    return scaled(b, m + b.fma(h, low + e.tail, b.fma(hl, s, ml)), e.k)


def _erfc_plain(b: Builder, a: Value) -> Value:
    """Return erfc(a) for a ≥ ½, to 3 ulp: enough for what is taken from 1."""
    f = b.format
    a = b.clip(a, 0.5, 7.0)
    t = (a - 2.0) / (a + 2.0)
    e = exp_sum(b, -(a * a))
    return b.poly(t, f.table("erfc")) / (a + 2.0) * (1.0 + (e.r + e.tail)) * power_of_two(b, e.k)


def _erf(b: Builder, x: Value) -> Value:
    """Return erf(x) for |x| ≤ 1."""
    z = x * x
    return b.fma(x, b.poly(z, b.format.table("erf")), x)


def erf(b: Builder, x: Value) -> Value:
    """Error function."""
    a = b.absolute(x)
    y = b.copysign(b.select(a < 1.0, _erf(b, a), 1.0 - _erfc_plain(b, a)), x)
    return y


def erfc(b: Builder, x: Value) -> Value:
    """1 - erf(x), accurate where it is small."""
    a = b.absolute(x)
    e = _erfc(b, a)
    return b.select(a < 0.5, 1.0 - _erf(b, x), b.select(x < 0.0, 2.0 - e, e))


def lgamma(b: Builder, x: Value) -> Value:
    """Logarithm of |Γ(x)|; the error is relative to the larger of it and 1.

    Below 8 the argument is brought to [3/2, 5/2) by Γ(x + 1) = x Γ(x), and the product's
    logarithm is added; above, Stirling's series. Negative: Γ(x) Γ(-x) = -π / (x sin πx), where the
    two logarithms may cancel: so both, and the product, are sums of two floats.
    """
    f = b.format
    a = b.absolute(x)
    large = a >= 8.0
    moved, product, lost, divides = _to_middle(b, a)
    h, l = log_sum(b, *normal(b, b.select(large, a, product)))
    huge = a * ((h - 1.0) + l)
    ratio = lost / product
    d = moved - 2.0
    middle, ml = b.two_sum(b.select(divides, -h, h), d * b.poly(d, f.table("lgamma")))
    ml = ml + b.select(divides, -(l + ratio), l + ratio)
    stirling, sl = _stirling(b, a, h, l)
    y, yl = b.select(large, stirling, middle), b.select(large, sl, ml)
    result = b.select(x < 0.0, _reflected(b, a, y, yl), y + yl)
    result = b.select(a < 2.0**60, result, b.select(x < 0.0, math.inf, b.select(a < math.inf, huge, a)))
    return b.select(x.same(0.0), math.inf, b.select(x.same(x), result, x))


def _stirling(b: Builder, a: Value, h: Value, l: Value) -> tuple[Value, Value]:
    """Return (a - ½)(log a - 1) + ½ log 2π - ½ + the series; log a = h + l."""
    a = b.clip(a, 8.0, 2.0**60)
    inverse = 1.0 / a
    z = inverse * inverse
    tail = b.fma(b.poly(z, b.format.table("stirling")), inverse, 0.5 * math.log(2 * math.pi) - 0.5)
    h, e = b.fast_two_sum(h, b.number(-1.0))
    n = a - 0.5
    p, pl = b.two_product(n, h)
    s, low = b.fast_two_sum(p, tail)
    return s, low + b.fma(n, l + e, pl)


def _to_middle(b: Builder, a: Value) -> tuple[Value, Value, Value, Value]:
    """Return a + n in [3/2, 5/2), the product between as a sum, and whether it divides (a below 3/2)."""
    product, lost, moved = b.number(1.0), b.number(0.0), a
    for _ in range(6):
        down = b.both(moved >= 2.5, moved < 8.0)
        step = moved - 1.0
        p, pl = b.two_product(product, step)
        lost = b.select(down, b.fma(lost, step, pl), lost)
        product = b.select(down, p, product)
        moved = b.select(down, step, moved)
    once, twice = a < 1.5, a < 0.5
    next_, low = b.fast_two_sum(b.number(1.0), a)
    p, pl = b.two_product(a, next_)
    product = b.select(twice, p, b.select(once, a, product))
    lost = b.select(twice, b.fma(a, low, pl), lost)
    moved = b.select(twice, a + 2.0, b.select(once, a + 1.0, moved))
    return moved, product, lost, once


def _sin_pi(b: Builder, d: Value) -> tuple[Value, Value]:
    """Return sin(π d) for 0 ≤ d ≤ ½ as a sum: the cosine of π (½ - d) above ¼."""
    above = d > 0.25
    e = b.select(above, 0.5 - d, d)
    pi, pi_low = PI[b.format.name]
    r, c = b.two_product(e, b.number(pi))
    c = b.fma(e, b.number(pi_low), c)
    z = r * r
    s, rest = cosine_sum(b, r, c, z)
    return b.fast_two_sum(b.select(above, s, r), b.select(above, rest, sine_rest(b, r, c, z)))


def _reflected(b: Builder, a: Value, y: Value, yl: Value) -> Value:
    """Return log(π / (a |sin πa|)) - (y + yl), for x = -a."""
    f = b.format
    big = 2.0**f.mantissa
    safe = b.select(a < big, a, b.number(0.0))
    d = b.absolute(safe - ((safe + big) - big))
    sine, sine_low = _sin_pi(b, d)
    p, pl = b.two_product(sine, safe)
    pl = b.fma(sine_low, safe, pl)
    h, l = log_sum(b, *normal(b, p))
    s, low = b.two_sum(y, h)
    log_pi, log_pi_low = _LOG_PI[f.name]
    t, tl = b.two_sum(-s, b.number(log_pi))
    result = t + (tl - (low + (l + yl + pl / p - log_pi_low)))
    result = b.select(d.same(0.0), math.inf, result)
    return b.select(a < 2.0**-60, y + yl, result)
