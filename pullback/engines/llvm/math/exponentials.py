"""Exponentials: exp, exp2, expm1, and what is a quotient of them: sigmoid, sinh, cosh, tanh.

x = k ln2 + r with |r| ≤ ln2 / 2 (Cody and Waite 1980, ch. 6): ln2 is split into an upper part
whose product with k is exact, and a lower part; r is a float, and its error another, c. Then
e^x = 2^k (1 + r + r² Q(r) + c). 2^k is applied as two factors, so that results may be
subnormal or overflow with one rounding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .builder import Builder, Format, Value

__all__ = [
    "Exponential", "clipped", "cosh", "exp", "exp2", "exp_sum", "expm1", "gaussian", "halves", "ln2", "power_of_two",
    "scaled", "sigmoid", "sinh", "tanh", "tanh_single",
]  # fmt: skip

_LN2 = {  # upper parts of 42 and 15 bits: k · upper is exact for |k| < 2^11 and 2^9
    "f64": (float.fromhex("0x1.62e42fefa38p-1"), float.fromhex("0x1.ef35793c7673p-45")),
    "f32": (float.fromhex("0x1.62e4p-1"), float.fromhex("0x1.7f7d1cf79abcap-20")),
}
_LIMITS = {"f64": (-746.0, 710.0), "f32": (-104.0, 89.0)}  # beyond, e^x is 0 or infinity


def ln2(f: Format) -> tuple[float, float]:
    """Return log 2 as an upper part with some trailing zeros, and the rest."""
    return _LN2[f.name]


@dataclass(frozen=True)
class Exponential:
    """e^x = 2^k (1 + r + tail); k as an integer and as a float."""

    k: Value
    r: Value
    tail: Value


def clipped(b: Builder, x: Value) -> Value:
    """Return x within the bounds beyond which e^x is 0 or infinity."""
    return b.clip(x, *_LIMITS[b.format.name])


def exp_sum(b: Builder, x: Value, xl: Value | None = None, table: str = "exp") -> Exponential:
    """Return e^(x + xl), for x within the bounds; xl is below an ulp of x, or None."""
    f = b.format
    upper, lower = _LN2[f.name]
    shifted = b.fma(x, b.number(1 / math.log(2)), f.magic)
    k = shifted - f.magic
    t = b.fma(-k, b.number(upper), x)
    v = -(k * lower) if xl is None else b.fma(-k, b.number(lower), xl)
    r = t + v
    c = (t - r) + v
    tail = b.fma(r * r, b.poly(r, f.table(table)), c)
    return Exponential(b.bits(shifted) - f.encode(f.magic), r, tail)


def power_of_two(b: Builder, k: Value) -> Value:
    """Return 2^k for k in the range of normal numbers."""
    return b.float((k + b.format.bias) << b.format.mantissa)


def halves(b: Builder, k: Value) -> tuple[Value, Value]:
    """Return two factors of 2^k: for k from twice the smallest to twice the largest exponent."""
    f = b.format
    offset = 4 * (f.bias + 1)  # makes k non-negative: there is no arithmetic shift of 64 bits in AVX2
    half = (k + offset) >> 1
    first = b.float((half + (f.bias - offset // 2)) << f.mantissa)
    return first, b.float((k - half + (f.bias + offset // 2)) << f.mantissa)


def scaled(b: Builder, m: Value, k: Value) -> Value:
    """Return m 2^k, rounded once."""
    first, second = halves(b, k)
    return m * first * second


def _one_plus(b: Builder, e: Exponential) -> Value:
    """Return 1 + r + tail, correctly rounded but for a few in a hundred."""
    s, low = b.fast_two_sum(b.number(1.0), e.r)
    return s + (low + e.tail)


def exp(b: Builder, x: Value) -> Value:
    """e^x."""
    e = exp_sum(b, clipped(b, x))
    return scaled(b, 1.0 + (e.r + e.tail), e.k)


def exp2(b: Builder, x: Value) -> Value:
    """2^x."""
    f = b.format
    x = b.clip(x, -1080.0 if f.bits == 64 else -155.0, 1025.0 if f.bits == 64 else 129.0)
    shifted = x + f.magic
    r = x - (shifted - f.magic)
    c = f.table("exp2")
    m = b.fma(r, b.poly(r, c), 1.0)
    return scaled(b, m, b.bits(shifted) - f.encode(f.magic))


def gaussian(b: Builder, x: Value) -> Value:
    """e^(-x²): the error of x² goes into the exponent too."""
    x = b.clip(x, *((-30.0, 30.0) if b.format.bits == 64 else (-12.0, 12.0)))
    p, low = b.two_product(x, x)
    e = exp_sum(b, -p, -low)
    return scaled(b, _one_plus(b, e), e.k)


def _minus_one(b: Builder, e: Exponential, power: Value, base: Value, lost: Value | None) -> tuple[Value, Value]:
    """Return power (1 + r + tail) - one as a sum and what is below it; power = 2^k one, base + lost = power - one."""
    s, low = b.fast_two_sum(base, power * e.r)
    return b.fast_two_sum(s, b.fma(power, e.tail, low if lost is None else low + lost))


def expm1(b: Builder, x: Value) -> Value:
    """e^x - 1: half of it is calculated, so that 2^k does not overflow before it must."""
    f = b.format
    low = -0.7 * (f.precision + 3)
    clip = b.clip(x, low, _LIMITS[f.name][1])
    e = exp_sum(b, clip, table="expm1")
    power = power_of_two(b, e.k - 1)
    y, _ = _minus_one(b, e, power, power - 0.5, None)
    return b.select(b.absolute(x) < 2.0 ** -(f.precision + 1), x, y + y)


def tanh(b: Builder, x: Value) -> Value:
    """Tanh: with t = e^(-2|x|) - 1, it is -t / (2 + t)."""
    f = b.format
    a = b.clip(b.absolute(x) * -2.0, -0.7 * (f.precision + 4), 0.0)
    e = exp_sum(b, a, table="expm1")
    power = power_of_two(b, e.k)
    t, _ = _minus_one(b, e, power, *b.fast_two_sum(b.number(-1.0), power))
    d, lost = b.fast_two_sum(b.number(2.0), t)
    q = t / d
    return b.copysign(b.fma(-q, lost, q), x)  # q lost / d, but d is near 1 where it matters


def tanh_single(b: Builder, x: Value) -> Value:
    """Tanh of a float32: with e = e^(-2|x|), it is (1 - e) / (1 + e), both rounded once.

    Each stands in for a correction: 1 + e is not made from 1 - e, whose rounding it would repeat.
    ln2 / 2 is a float to 2^-30, so k times it needs one multiplication only, where it is fused.
    """
    if not b.has_fma:
        return tanh(b, x)
    f = b.format
    a = b.absolute(x)
    a = b.select(a > 9.1, 9.1, a)
    shifted = b.fma(a, b.number(-2 / math.log(2)), f.magic)
    h = b.fma(shifted - f.magic, b.number(math.log(2) / 2), a)
    lost = b.fma(h * h, b.poly(h, f.table("tanh")), h + h)  # 1 - e^(-2h)
    power = b.float((b.bits(shifted) << f.mantissa) + f.encode(1.0))
    return b.copysign(b.fma(power, lost, 1.0 - power) / b.fma(-power, lost, 1.0 + power), x)


def sigmoid(b: Builder, x: Value) -> Value:
    """1 / (1 + e^-x): with e = e^-|x|, it is 1 / (1 + e) or e / (1 + e)."""
    a = b.clip(-b.absolute(x), _LIMITS[b.format.name][0], 0.0)
    p = exp_sum(b, a)
    e = scaled(b, _one_plus(b, p), p.k)
    d, dl = b.fast_two_sum(b.number(1.0), e)
    q, ql = b.quotient(b.select(x < 0.0, e, b.number(1.0)), None, d, dl)
    return q + ql


def _half_exp(b: Builder, x: Value) -> Value:
    """Return e^|x| / 2, infinite only where sinh and cosh are."""
    a = b.clip(b.absolute(x), 0.0, 712.0 if b.format.bits == 64 else 91.0)
    e = exp_sum(b, a)
    return scaled(b, _one_plus(b, e), e.k - 1)


def cosh(b: Builder, x: Value) -> Value:
    """(e^|x| + e^-|x|) / 2."""
    h = _half_exp(b, x)
    return h + 0.25 / h


def sinh(b: Builder, x: Value) -> Value:
    """(e^|x| - e^-|x|) / 2, and for |x| < 1 an odd polynomial."""
    h = _half_exp(b, x)
    z = x * x
    small = b.fma(z * x, b.poly(z, b.format.table("sinh")), x)
    small = b.select(b.absolute(x) < 2.0**-30, x, small)  # keeps the sign of zero
    return b.select(b.absolute(x) < 1.0, small, b.copysign(h - 0.25 / h, x))
