"""Sine, cosine and tangent of every float.

Up to `limit`, x = k π/2 + r + c by Cody and Waite's reduction in three or four steps whose
products are exact (1980, ch. 8; Muller, Elementary Functions, §11.2); c holds what r lacks.
Beyond it the functions hand over to their rescue (`rescues.py`): it returns what it was given
unless some |x| is above the limit, and there reduces with as many bits of 2/π as it needs
(Payne and Hanek 1983), lane by lane, in integers. Without a branch that would cost thrice the sine.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from .builder import F64, Builder, Format, Value
from .coefficients import TWO_OVER_PI
from .rescues import ALONE, ATTRIBUTES, WIDTHS, rescued

__all__ = ["branch", "cos", "cosine_sum", "limit", "rescues", "sin", "sine_rest", "tan"]

# π/2 in parts: with FMA whole floats; without, parts with trailing zeros, k · part being exact
_PARTS = {
    ("f64", True): ("0x1.921fb54442d18p+0", "0x1.1a62633145c07p-54", "-0x1.f1976b7ed8fbcp-110"),
    ("f64", False): ("0x1.921fb54400000p+0", "0x1.0b4611a600000p-34", "0x1.3198a2e037073p-69"),
    ("f32", True): ("0x1.921fb6p+0", "-0x1.777a5cp-25", "-0x1.ee59dap-50"),
    ("f32", False): ("0x1.920p+0", "0x1.fb4p-12", "0x1.444p-24", "0x1.68c234p-39"),
}
_LIMITS = {("f64", True): 2.0**30, ("f64", False): 2.0**19, ("f32", True): 2.0**16, ("f32", False): 2.0**11}


def limit(b: Builder) -> float:
    """Return the largest |x| that is reduced in line."""
    return _LIMITS[b.format.name, b.has_fma]


def _reduce(b: Builder, x: Value) -> tuple[Value, Value | None, Value]:
    """Return r, c with |r| ≤ π/4, and the quadrant as an integer whose two last bits count; c may be None."""
    f = b.format
    shifted = b.fma(x, b.number(2 / math.pi), f.magic)
    k = shifted - f.magic
    parts = [b.number(float.fromhex(p)) for p in _PARTS[f.name, b.has_fma]]
    if b.has_fma and f.bits == 32:  # each step is rounded once, relative to itself: c would buy 0.5 ulp
        r = b.fma(-k, parts[2], b.fma(-k, parts[1], b.fma(-k, parts[0], x)))
        return r, None, b.bits(shifted)
    if b.has_fma:
        t = b.fma(-k, parts[0], x)  # exact
        p, pl = b.two_product(k, parts[1])
        r, c = b.fast_two_sum(t, -p)
        return r, b.fma(-k, parts[2], c - pl), b.bits(shifted)
    t = x - k * parts[0]
    for part in parts[1:-2]:
        t = t - k * part
    p = k * parts[-2]
    r, c = b.two_sum(t, -p)
    return *b.fast_two_sum(r, c - k * parts[-1]), b.bits(shifted)


def sine_rest(b: Builder, r: Value, c: Value | None, z: Value) -> Value:
    """Return sin(r + c) - r; z = r²."""
    p = b.poly(z, b.format.table("sin"))
    return r * z * p if c is None else b.fma(r * z, p, c)


def cosine_sum(b: Builder, r: Value, c: Value | None, z: Value) -> tuple[Value, Value]:
    """Return cos(r + c) as a sum: 1 - z/2 and the rest."""
    half = z * 0.5
    s = 1.0 - half
    low = (1.0 - s) - half
    return s, b.fma(z * z, b.poly(z, b.format.table("cos")), low if c is None else low - r * c)


def _signed(b: Builder, y: Value, quadrant: Value) -> Value:
    """Change the sign of y where the second bit of the quadrant is set."""
    sign = 2 ** (b.format.bits - 1)
    return b.float(b.bits(y) ^ ((quadrant << (b.format.bits - 2)) & sign))


def _odd(quadrant: Value) -> Value:
    return (quadrant & 1).unlike(0)


def _sin_of(b: Builder, r: Value, c: Value | None, quadrant: Value) -> Value:
    z = r * r
    if c is None:
        y = b.fma(z * z, b.poly(z, b.format.table("cos")), b.fma(z, b.number(-0.5), 1.0))
        sine = b.fma(r * z, b.poly(z, b.format.table("sin")), r)
        return _signed(b, b.select(_odd(quadrant), y, sine), quadrant)
    s, rest = cosine_sum(b, r, c, z)
    y = b.select(_odd(quadrant), s, r) + b.select(_odd(quadrant), rest, sine_rest(b, r, c, z))
    return _signed(b, y, quadrant)


def _cos_of(b: Builder, r: Value, c: Value | None, quadrant: Value) -> Value:
    return _sin_of(b, r, c, quadrant + 1)


def _tan_of(b: Builder, r: Value, c: Value | None, quadrant: Value) -> Value:
    """Return sin / cos or -cos / sin, both as sums of two floats, by one division."""
    z = r * r
    sine, sine_low = b.fast_two_sum(r, sine_rest(b, r, c, z))
    cosine, cosine_low = b.fast_two_sum(*cosine_sum(b, r, c, z))
    odd = _odd(quadrant)
    n, nl = b.select(odd, cosine, sine), b.select(odd, cosine_low, sine_low)
    d, dl = b.select(odd, -sine, cosine), b.select(odd, -sine_low, cosine_low)
    q, ql = b.quotient(n, nl, d, dl)
    return q + ql


_CORES: dict[str, Callable[..., Value]] = {"sin": _sin_of, "cos": _cos_of, "tan": _tan_of}


def _near(b: Builder, name: str, x: Value) -> Value:
    y = _CORES[name](b, *_reduce(b, x))
    if name == "cos":
        return y
    return b.select(b.absolute(x) < 2.0 ** -(b.format.precision // 2 + 2), x, y)  # the sign of zero; subnormals


def _guarded(b: Builder, name: str, x: Value) -> Value:
    return rescued(b, name, x, _near(b, name, x))


def sin(b: Builder, x: Value) -> Value:
    """Sine."""
    return _guarded(b, "sin", x)


def cos(b: Builder, x: Value) -> Value:
    """Cosine."""
    return _guarded(b, "cos", x)


def tan(b: Builder, x: Value) -> Value:
    """Tangent."""
    return _guarded(b, "tan", x)


def _table() -> str:
    """Return the bits of 2/π as a constant, after 64 zeros."""
    words = ", ".join(f"i64 {w}" for w in (0, *TWO_OVER_PI))
    return f"@pb.two_over_pi = internal unnamed_addr constant [{len(TWO_OVER_PI) + 1} x i64] [{words}]\n"


def _window(b: Builder, exponent: Value) -> list[Value]:
    """Return 192 bits of 2/π from bit `exponent` + 62 of the table, the most significant word first."""
    start = exponent + 62
    word, shift = start >> 6, start & 63
    loaded = []
    for i in range(4):
        place = b.emit("ptr", f"getelementptr inbounds i64, ptr @pb.two_over_pi, i64 {(word + i).name}")
        loaded.append(b.emit("i64", f"load i64, ptr {place.name}, align 8"))
    return [b.call("fshl", loaded[i], loaded[i + 1], shift) for i in range(3)]


def _cast(b: Builder, op: str, x: Value, word: str) -> Value:
    return b.emit(word, f"{op} {x.word} {x.name} to {word}")


def _reduce_far(b: Builder, x: Value) -> tuple[Value, Value, Value]:
    """Payne and Hanek: x = M 2^E; M times the bits of 2/π that matter, modulo 4, in 128 bits."""
    bits = b.bits(b.absolute(x))
    significand = (bits & (2**52 - 1)) | 2**52
    exponent = (bits >> 52) - 1075
    high, middle, low = (_cast(b, "zext", w, "i128") for w in _window(b, exponent))
    m = _cast(b, "zext", significand, "i128")
    # top bit: weight 2; what is above is a multiple of 4, what is below 2^-126 is dropped
    product = ((m * high) << 64) + m * middle + ((m * low) >> 64)
    quadrant = (product + 2**125) >> 126
    rest = product - (quadrant << 126)
    negative = rest < 0
    rest = b.select(negative, 0 - rest, rest)
    zeros = b.emit("i128", f"call i128 @llvm.ctlz.i128(i128 {rest.name}, i1 false)")
    rest = rest << (zeros & 127)
    top = _cast(b, "trunc", rest >> 75, "i64")  # 53 bits, then 53 more
    bottom = _cast(b, "trunc", (rest >> 22) & (2**53 - 1), "i64")
    scale = b.float((1023 - 54 - _cast(b, "trunc", zeros, "i64") + 3) << 52)  # 2^(-51 - zeros): top is in [2^52, 2^53)
    h = _cast(b, "uitofp", top, "double") * scale
    l = _cast(b, "uitofp", bottom, "double") * scale * 2.0**-53
    half_pi, half_pi_low = (float.fromhex(p) for p in _PARTS["f64", True][:2])
    r, c = b.two_product(h, b.number(half_pi))
    r, c = b.fast_two_sum(r, b.fma(h, b.number(half_pi_low), b.fma(l, b.number(half_pi), c)))
    flip = b.select(negative, -1.0, b.number(1.0))
    q = _cast(b, "trunc", quadrant, "i64")
    minus = x < 0.0  # -x = -k π/2 - r
    flip = b.select(minus, -flip, flip)
    return r * flip, c * flip, b.select(minus, 0 - q, q)


def branch(name: str, f: Format, fma: bool) -> str:
    """Return the rescue of one element, for serial code, which inlines it."""
    symbol, w = f"@pb.{name}.{f.name}", f.word
    far = f"call {w} {symbol}.far({w} %x)"
    return _rescue(f, fma, f"internal {w} {symbol}.branch", 1, far, ALONE)


def rescues(f: Format, fma: bool) -> str:
    """Return the library of what rescues the three functions: `rescue` for one element and for vectors, and `far`."""
    w, parts = f.word, [_table(), _far(fma), _SINGLE if f.bits == 32 else "", _each(f, fma)]
    parts += [_lanes(f, n) for n in WIDTHS[f.name]]
    for which, name in enumerate(_CORES):
        symbol = f"pb.{name}.{f.name}"
        far = f"call {w} @far.{f.name}({w} %x, i64 {which})"
        parts.append(f"define {w} @{symbol}.far({w} %x) {ATTRIBUTES} {{\n  %y = tail {far}\n  ret {w} %y\n}}\n")
        parts.append(_rescue(f, fma, f"{w} @{symbol}.rescue", 1, far))
        for n in WIDTHS[f.name]:
            v = f"<{n} x {w}>"
            lanes = f"call {v} @lanes.v{n}({v} %x, {v} %near, i64 {which})"
            parts.append(_rescue(f, fma, f"{v} @{symbol}.rescue.v{n}", n, lanes))
    return "".join(parts)


def _far(fma: bool) -> str:
    """Return the function of a finite x above the limit, by Payne and Hanek's reduction; `which` of `_CORES`."""
    b = Builder(F64, "horner", fma)
    x, which = Value(b, "%x", "double"), Value(b, "%which", "i64")
    r, c, quadrant = _reduce_far(b, x)
    sine = _sin_of(b, r, c, quadrant + which)  # the cosine is the sine of the next quadrant
    y = b.select(which.same(2), _tan_of(b, r, c, quadrant), sine)
    y = b.select(b.absolute(x) < math.inf, y, math.nan)
    head = f"define internal double @far.f64(double %x, i64 %which) cold {ATTRIBUTES} {{"
    return "\n".join([head, *b.lines, f"  ret double {y.name}", "}", ""])


_SINGLE = f"""define internal float @far.f32(float %x, i64 %which) cold {ATTRIBUTES} {{
  %d = fpext float %x to double
  %z = call double @far.f64(double %d, i64 %which)
  %y = fptrunc double %z to float
  ret float %y
}}
"""


def _each(f: Format, fma: bool) -> str:
    """Return a loop that puts the function of each x above the limit in the place of what is there."""
    w = f.word
    return f"""define internal void @each(ptr noalias %xs, ptr noalias %ys, i64 %n, i64 %which) noinline nounwind {{
  br label %turn
turn:
  %i = phi i64 [ 0, %0 ], [ %next, %after ]
  %xp = getelementptr {w}, ptr %xs, i64 %i
  %x = load {w}, ptr %xp
{_test(f, fma, 1)}
  br i1 %is_far, label %far, label %after
far:
  %y = call {w} @far.{f.name}({w} %x, i64 %which)
  %yp = getelementptr {w}, ptr %ys, i64 %i
  store {w} %y, ptr %yp
  br label %after
after:
  %next = add i64 %i, 1
  %end = icmp eq i64 %next, %n
  br i1 %end, label %done, label %turn
done:
  ret void
}}
"""


def _lanes(f: Format, n: int) -> str:
    v = f"<{n} x {f.word}>"
    return f"""define internal {v} @lanes.v{n}({v} %x, {v} %near, i64 %which) cold noinline nounwind {{
  %xs = alloca {v}
  %ys = alloca {v}
  store {v} %x, ptr %xs
  store {v} %near, ptr %ys
  call void @each(ptr %xs, ptr %ys, i64 {n}, i64 %which)
  %y = load {v}, ptr %ys
  ret {v} %y
}}
"""


def _rescue(f: Format, fma: bool, name: str, n: int, far: str, attributes: str = ATTRIBUTES) -> str:
    """Return a function of n elements that calls `far` where an |x| is above the limit."""
    v = f.word if n == 1 else f"<{n} x {f.word}>"
    return f"""define {name}({v} %x, {v} %near) {attributes} {{
{_test(f, fma, n)}
  br i1 %is_far, label %far, label %done
far:
  %y = tail {far}
  ret {v} %y
done:
  ret {v} %near
}}
"""


def _test(f: Format, fma: bool, n: int) -> str:
    """Return lines that look whether an |x| of n is above the limit."""
    own = Builder(f, "horner", fma)
    bound = own.number(limit(own)).name
    if n == 1:
        lines = [f"%a = call {f.word} @llvm.fabs.{f.name}({f.word} %x)", f"%is_far = fcmp ogt {f.word} %a, {bound}"]
    else:
        v = f"<{n} x {f.word}>"
        lines = [
            f"%a = call {v} @llvm.fabs.v{n}{f.name}({v} %x)",
            f"%are_far = fcmp ogt {v} %a, splat ({f.word} {bound})",
            f"%is_far = call i1 @llvm.vector.reduce.or.v{n}i1(<{n} x i1> %are_far)",
        ]
    return "\n".join(f"  {line}" for line in lines)
