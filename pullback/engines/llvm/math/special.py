"""Error functions and the logarithm of the gamma function.

erfc(x) = e^(-x²) P(t) / (x + 2), t = (x - 2) / (x + 2), one polynomial for all x ≥ ½
(Shepherd and Laframboise 1981); erf by its odd series below ½.
"""

from __future__ import annotations

import math

from .builder import Builder, Value
from .exponentials import exp_sum, scaled
from .logarithms import log

__all__ = ["erf", "erfc", "lgamma"]


def _erfc(b: Builder, a: Value) -> Value:
    """Return erfc(a) for a ≥ ½."""
    f = b.format
    a = b.clip(a, 0.5, 28.0 if f.bits == 64 else 11.0)
    r = 1.0 / (a + 2.0)
    t = (a - 2.0) * r
    t = b.fma(b.residual(t, a + 2.0, a - 2.0), r, t)
    p, pl = b.two_product(a, a)
    e = exp_sum(b, -p, -pl)
    g = b.poly(t, f.table("erfc")) * r
    s, low = b.fast_two_sum(b.number(1.0), e.r)
    return scaled(b, b.fma(g, low + e.tail, g * s), e.k)


def _erf(b: Builder, x: Value) -> Value:
    """Return erf(x) for |x| ≤ ½."""
    z = x * x
    return b.fma(x, b.poly(z, b.format.table("erf")), x)


def erf(b: Builder, x: Value) -> Value:
    """Error function."""
    a = b.absolute(x)
    y = b.copysign(b.select(a < 0.5, _erf(b, a), 1.0 - _erfc(b, a)), x)
    return y


def erfc(b: Builder, x: Value) -> Value:
    """1 - erf(x), accurate where it is small."""
    a = b.absolute(x)
    e = _erfc(b, a)
    return b.select(a < 0.5, 1.0 - _erf(b, x), b.select(x < 0.0, 2.0 - e, e))


def lgamma(b: Builder, x: Value) -> Value:
    """Logarithm of |Γ(x)|; the error is relative to the larger of it and 1.

    Below 8 the argument is brought to [3/2, 5/2) by Γ(x + 1) = x Γ(x), and the product's
    logarithm is added; above, Stirling's series. Negative: Γ(x) Γ(-x) = -π / (x sin πx).
    """
    f = b.format
    a = b.absolute(x)
    large = a >= 8.0
    moved, product, ratio = _to_middle(b, a)
    logarithm = log(b, b.select(large, a, product))
    d = moved - 2.0
    middle = b.fma(d, b.poly(d, f.table("lgamma")), b.select(ratio, -logarithm, logarithm))
    inverse = 1.0 / a
    z = b.select(large, inverse * inverse, b.number(0.0))
    tail = b.fma(b.poly(z, f.table("stirling")), inverse, 0.5 * math.log(2 * math.pi))
    stirling = b.fma(a - 0.5, logarithm - 1.0, tail - 0.5)
    y = b.select(large, stirling, middle)
    y = b.select(a < 2.0**-60, -log(b, a), y)
    y = b.select(a < math.inf, y, a)
    y = b.select(a > (2.0**1016 if f.bits == 64 else 2.0**122), b.select(a < math.inf, a * (log(b, a) - 1.0), a), y)
    return b.select(x < 0.0, _reflected(b, a, y), b.select(x.same(x), y, x))


def _to_middle(b: Builder, a: Value) -> tuple[Value, Value, Value]:
    """Return a + n in [3/2, 5/2), the product between, and whether it divides (a below 3/2)."""
    product, moved = b.number(1.0), a
    for _ in range(6):
        down = moved >= 2.5
        step = moved - 1.0
        product = b.select(down, product * step, product)
        moved = b.select(down, step, moved)
    once, twice = a < 1.5, a < 0.5
    product = b.select(once, b.select(twice, a * (a + 1.0), a), product)
    moved = b.select(once, b.select(twice, a + 2.0, a + 1.0), moved)
    return moved, product, once


def _reflected(b: Builder, a: Value, y: Value) -> Value:
    """Return log(π / (a |sin πa|)) - lgamma(a), for x = -a."""
    f = b.format
    big = 2.0**f.mantissa
    safe = b.select(a < big, a, b.number(0.0))
    d = safe - ((safe + big) - big)
    s = b.absolute(d) * b.poly(d * d, f.table("sinpi"))
    low = math.log(math.pi) - log(b, s) - log(b, a)
    result = b.select(s.same(0.0), math.inf, low - y)
    return b.select(a < 2.0**-60, y, result)
