"""Arc functions: arcsin, arccos, arctan, arctan2.

arcsin and arccos above ½ go through √((1 - |x|) / 2), and arctan above tan(π/8) through
(a - b) / (a + b): quotient and root are followed by what they lack (Muller, Elementary
Functions, §11; the arrangement is that of fdlibm).
"""

from __future__ import annotations

import math

from .builder import F64, Builder, Value

__all__ = ["PI", "arccos", "arcsin", "arctan", "arctan2"]

PI = {"f64": (math.pi, 1.2246467991473532e-16), "f32": (3.1415927410125732, -8.742277657347586e-08)}


def _arcsin(b: Builder, a: Value) -> tuple[Value, Value, Value, Value]:
    """Return whether a = |x| is small; arcsin(t) as a float and what it lacks; t = a or √((1 - a) / 2)."""
    small = a < 0.5
    z = b.select(small, a * a, (1.0 - a) * 0.5)
    root = b.sqrt(z)
    t = b.select(small, a, root)
    lost = b.residual(root, root, z) * 0.5 / b.select(root > 0.0, root, b.number(1.0))
    tail = z * t * b.poly(z, b.format.table("arcsin"))
    return small, t, b.select(small, tail, tail + lost), z


def arcsin(b: Builder, x: Value) -> Value:
    """Arc sine."""
    f = b.format
    a = b.absolute(x)
    small, t, tail, _ = _arcsin(b, a)
    pi, pi_low = PI[f.name]
    s, low = b.fast_two_sum(b.number(pi / 2), t * -2.0)
    large = s + (low + b.fma(tail, b.number(-2.0), pi_low / 2))
    y = b.select(small, b.select(a < 2.0**-30, a, t + tail), large)
    return b.copysign(b.select(a > 1.0, math.nan, y), x)


def arccos(b: Builder, x: Value) -> Value:
    """Arc cosine: 2 arcsin(t), π - 2 arcsin(t) or π/2 - arcsin(x)."""
    a = b.absolute(x)
    small, t, tail, _ = _arcsin(b, a)
    pi, pi_low = PI[b.format.name]
    minus = x < 0.0
    t, tail = b.select(small, b.copysign(t, x), t * 2.0), b.select(small, b.copysign(tail, x), tail * 2.0)
    base = b.select(small, pi / 2, b.number(pi))
    base_low = b.select(small, pi_low / 2, b.number(pi_low))
    s, low = b.fast_two_sum(base, -t)
    from_base = s + (low + (base_low - tail))
    y = b.select(b.both(small ^ True, minus ^ True), t + tail, from_base)
    return b.select(a <= 1.0, y, b.select(a > 1.0, math.nan, x))


def _arctan(b: Builder, low: Value, high: Value) -> tuple[Value, Value]:
    """Return arctan(low / high) for 0 ≤ low ≤ high as a sum; by one division."""
    above = low > high * math.tan(math.pi / 8)
    n, nl = b.fast_two_sum(high, -low)
    d, dl = b.fast_two_sum(high, low)
    zero = b.number(0.0)
    n, nl = b.select(above, -n, low), b.select(above, -nl, zero)
    d, dl = b.select(above, d, high), b.select(above, dl, zero)
    t, tl = b.quotient(n, nl, d, dl)
    z = t * t
    tail = b.fma(z * t, b.poly(z, b.format.table("arctan")), tl)
    pi, pi_low = PI[b.format.name]
    s, e = b.fast_two_sum(b.select(above, pi / 4, zero), t)
    return s, e + (tail + b.select(above, pi_low / 4, zero))


def arctan(b: Builder, x: Value) -> Value:
    """Arc tangent."""
    a = b.absolute(x)
    bounded = b.select(a > 2.0**60, b.number(2.0**60), a)
    swap = bounded > 1.0
    one = b.number(1.0)
    s, e = _arctan(b, b.select(swap, one, bounded), b.select(swap, bounded, one))
    pi, pi_low = PI[b.format.name]
    t, low = b.fast_two_sum(b.number(pi / 2), -s)
    y = b.select(swap, t + (low + (pi_low / 2 - e)), s + e)
    return b.copysign(b.select(a < 2.0**-30, a, y), x)


def arctan2(b: Builder, y: Value, x: Value) -> Value:
    """Angle of the point (x, y), as C's atan2."""
    f = b.format
    p, q = b.absolute(y), b.absolute(x)
    swap = p > q
    high, low = b.select(swap, p, q), b.select(swap, q, p)
    # away from where a split overflows and where the residual of the division is subnormal
    top, bottom, far, up = (
        (2.0**990, 2.0**-900, 2.0**600, 2.0**300) if f is F64 else (2.0**110, 2.0**-70, 2.0**40, 2.0**64)
    )
    raised = b.select(b.both(low < bottom, high < far), up, b.number(1.0))
    factor = b.select(high > top, 1 / up, raised)
    both = b.both(p.same(math.inf), q.same(math.inf))  # the diagonal
    nothing = high.same(0.0)
    h = b.select(high.same(math.inf) | nothing, b.number(1.0), high * factor)
    l = b.select(nothing | (b.both(high.same(math.inf), both ^ True)), b.number(0.0), low * factor)
    l = b.select(both, b.number(1.0), l)
    s, e = _arctan(b, l, h)
    pi, pi_low = PI[f.name]
    minus = (b.bits(x) & 2 ** (f.bits - 1)).unlike(0)
    zero = b.number(0.0)
    base = b.select(swap, pi / 2, b.select(minus, pi, zero))
    base_low = b.select(swap, pi_low / 2, b.select(minus, pi_low, zero))
    turn = swap ^ minus  # π/2 - s (x > 0), π/2 + s (x < 0), π - s
    s, e = b.select(turn, -s, s), b.select(turn, -e, e)
    t, rest = b.fast_two_sum(base, s)
    angle = b.copysign(t + (rest + (e + base_low)), y)
    return b.select(b.both(p.same(p), q.same(q)), angle, x + y)
