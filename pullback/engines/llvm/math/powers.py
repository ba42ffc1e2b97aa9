"""Powers and roots: pow, cbrt, hypot.

x^y = e^(y log x) needs log x to 2^-66 for an error below an ulp, since y log x goes to 745: the
logarithm is a sum of two floats (Muller, Elementary Functions, §9.6 and §13; Dekker 1971 and
Knuth for the sums and products).
"""

from __future__ import annotations

import math

from .builder import F64, Builder, Format, Schedule, Value
from .exponentials import clipped, exp_sum, ln2, power_of_two, scaled
from .logarithms import normal, split
from .rescues import ALONE, ATTRIBUTES, WIDTHS, rescued

__all__ = ["branch", "cbrt", "hypot", "log_sum", "pow_", "pow_single", "rescues"]


def log_sum(b: Builder, x: Value, shift: Value) -> tuple[Value, Value]:
    """Return log(2^shift x), x positive and normal, as a sum of two floats; see `normal`.

    log m = 2s + s³ (2/3 + s² Q(s²)), s = (m - 1) / (m + 1). s, s² and the coefficient 2/3 are
    kept in two floats each; Q, below 2^-12 of the result, in one.
    """
    f = b.format
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


def _pow_any(b: Builder, x: Value, y: Value) -> Value:
    """x^y, as C's pow."""
    a = b.absolute(x)
    h, l = log_sum(b, *normal(b, a))
    h = b.select(a.same(0.0), -math.inf, b.select(a < math.inf, h, a))  # infinity and NaN stay
    exponent = b.clip(y, -(2.0**70), 2.0**70)  # beyond, the result is 0, 1 or infinity all the same
    p, pl = b.two_product(exponent, h)
    pl = b.fma(exponent, l, pl)
    inside = clipped(b, p)
    e = exp_sum(b, inside, b.select(inside.same(p), pl, b.number(0.0)))
    return _finish(b, x, y, scaled(b, 1.0 + (e.r + e.tail), e.k))


def pow_(b: Builder, x: Value, y: Value) -> Value:
    """x^y: in short where x and x^y are positive and normal; to the last bit what `_pow_any` gives there."""
    h, l = log_sum(b, x, b.number(0.0))
    p, pl = b.two_product(y, h)
    e = exp_sum(b, b.clip(p, -709.3, 709.9), b.fma(y, l, pl))  # at the bounds, 2^k below is 0 and infinity
    return rescued(b, "pow", x, y, (1.0 + (e.r + e.tail)) * power_of_two(b, e.k))


def _power_in_double(b: Builder, a: Value, y: Value, edge: bool) -> Value:
    """Return a^y of two float32, to 2^-26; exact where a is a power of 2 and y whole. `edge`: a may be 0, ∞ or NaN."""
    wide = Builder(F64, b.schedule, b.has_fma)
    wide.lines = b.lines
    k, m = split(wide, b.widen(a))  # a float32 is never subnormal as a double
    f = m - 1.0
    h = wide.fma(f, wide.poly(f, F64.table("pow_log2")), k)
    if edge:
        h = b.select(a.same(0.0), -math.inf, b.select(a < math.inf, h, b.widen(a)))
    p = wide.clip(b.widen(y) * h, -155.0, 130.0)
    shifted = p + F64.magic
    r = p - (shifted - F64.magic)
    power = wide.fma(r, wide.poly(r, F64.table("pow_exp2")), 1.0)
    return b.narrow(power * wide.float((b.bits(shifted) + F64.bias) << F64.mantissa))


def _pow_any_single(b: Builder, x: Value, y: Value) -> Value:
    """x^y of two float32, as C's pow."""
    a = b.absolute(x)
    one = b.both(a.same(1.0), b.absolute(y).same(math.inf))
    return _finish(b, x, y, b.select(one, b.number(1.0), _power_in_double(b, a, y, edge=True)))


def pow_single(b: Builder, x: Value, y: Value) -> Value:
    """x^y of two float32: in short where x and x^y are positive and normal."""
    return rescued(b, "pow", x, y, _power_in_double(b, x, y, edge=False))


def branch(f: Format) -> str:
    """Return the rescue of one element, for serial code, which inlines it."""
    return _test(f, f"internal {f.word} @pb.pow.{f.name}.branch", 1, f"@pb.pow.{f.name}.far", ALONE)


def rescues(f: Format, schedule: Schedule, fma: bool) -> str:
    """Return the library of pow's rescues: a test, and all of pow where it fails for one of n elements."""
    b = Builder(f, schedule, fma)
    kernel = _pow_any if f.bits == 64 else _pow_any_single
    y = kernel(b, Value(b, "%x", f.word), Value(b, "%y", f.word))
    head = f"define internal {f.word} @any({f.word} %x, {f.word} %y) alwaysinline {{"
    parts = ["\n".join([head, *b.lines, f"  ret {f.word} {y.name}", "}", ""]), _each(f)]
    symbol = f"@pb.pow.{f.name}"
    for n in (1, *WIDTHS[f.name]):
        w, _, suffix = _types(f, n)
        far = f"{symbol}.far" if n == 1 else f"@lanes{suffix}"
        parts.append(_lanes(f, f"{'' if n == 1 else 'internal '}{w} {far}", n))
        parts.append(_test(f, f"{w} {symbol}.rescue{suffix}", n, far, ATTRIBUTES))
    return "".join(parts)


def _types(f: Format, n: int) -> tuple[str, str, str]:
    """Return the types of n floats and integers, and what ends the names of functions of them."""
    return (f.word, f.integer, "") if n == 1 else (f"<{n} x {f.word}>", f"<{n} x {f.integer}>", f".v{n}")


def _test(f: Format, name: str, n: int, far: str, attributes: str) -> str:
    w, i, _ = _types(f, n)
    tiny, span = f.encode(f.tiny), f.encode(math.inf) - f.encode(f.tiny)
    test = [
        line
        for v in ("x", "near")
        for line in (
            f"  %{v}.bits = bitcast {w} %{v} to {i}",
            f"  %{v}.above = sub {i} %{v}.bits, {_repeated(n, f.integer, tiny)}",
            f"  %{v}.normal = icmp ult {i} %{v}.above, {_repeated(n, f.integer, span)}",
        )
    ]
    bools = "i1" if n == 1 else f"<{n} x i1>"
    test += [f"  %both = and {bools} %x.normal, %near.normal"]
    if n > 1:
        test += [f"  %all = call i1 @llvm.vector.reduce.and.v{n}i1({bools} %both)"]
    return f"""define {name}({w} %x, {w} %y, {w} %near) {attributes} {{
{chr(10).join(test)}
  br i1 %{"both" if n == 1 else "all"}, label %done, label %far
far:
  %r = tail call {w} {far}({w} %x, {w} %y)
  ret {w} %r
done:
  ret {w} %near
}}
"""


def _each(f: Format) -> str:
    """Return a loop that does all of pow, in place of x; it becomes vector code, of the width that the host has."""
    w = f.word
    return f"""define internal void @each(ptr noalias %xs, ptr noalias %ys, i64 %n) noinline nounwind #0 {{
  br label %turn
turn:
  %i = phi i64 [ 0, %0 ], [ %next, %turn ]
  %xp = getelementptr {w}, ptr %xs, i64 %i
  %yp = getelementptr {w}, ptr %ys, i64 %i
  %x = load {w}, ptr %xp
  %y = load {w}, ptr %yp
  %r = call {w} @any({w} %x, {w} %y)
  store {w} %r, ptr %xp
  %next = add nuw nsw i64 %i, 1
  %end = icmp eq i64 %next, %n
  br i1 %end, label %done, label %turn, !llvm.loop !0
done:
  ret void
}}
attributes #0 = {{ "prefer-vector-width"="512" "stackrealign" }}
!0 = distinct !{{!0, !1}}
!1 = !{{!"llvm.loop.interleave.count", i32 1}}
"""


def _lanes(f: Format, name: str, n: int) -> str:
    """Return all of pow for n elements."""
    w, _, _ = _types(f, n)
    return f"""define {name}({w} %x, {w} %y) cold {ATTRIBUTES} {{
  %xs = alloca {w}
  %ys = alloca {w}
  store {w} %x, ptr %xs
  store {w} %y, ptr %ys
  call void @each(ptr %xs, ptr %ys, i64 {n})
  %r = load {w}, ptr %xs
  ret {w} %r
}}
"""


def _repeated(n: int, word: str, x: int) -> str:
    return str(x) if n == 1 else f"splat ({word} {x})"


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
