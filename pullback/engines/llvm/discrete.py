"""Discrete operations on one element: remainders, shifts, signs, choices with parameters.

They follow NumPy to the bit: what an integer division by zero gives, the sign of a remainder,
which of two operands a NaN is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .scalars import OPERATIONS, Emitter, constant, llvm_type
from .specials import lower

__all__ = ["WITH_PARAMETERS"]


def _both(e: Emitter, xs: list[str], types: list[Any], out: Any) -> list[str]:
    return [e.convert(x, t.dtype, out.dtype) for x, t in zip(xs, types, strict=True)]


def _fextremum(intrinsic: str, test: str) -> Callable:
    def rule(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
        if out.dtype.kind != "f":
            return OPERATIONS["maximum" if test == "max" else "minimum"](e, xs, types, out)
        return e.intrinsic(intrinsic, llvm_type(out.dtype), *_both(e, xs, types, out))

    return rule


def _clip(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
    x, low, high = _both(e, xs, types, out)
    risen = OPERATIONS["maximum"](e, [x, low], [out, out], out)
    return OPERATIONS["minimum"](e, [risen, high], [out, out], out)


def _safe_divisor(e: Emitter, b: str, t: str) -> tuple[str, str, str]:
    """Return a divisor that is neither 0 nor -1, and whether b is 0, and -1."""
    zero, minus = e.op(f"icmp eq {t} {b}, 0"), e.op(f"icmp eq {t} {b}, -1")
    odd = e.op(f"or i1 {zero}, {minus}")
    return e.op(f"select i1 {odd}, {t} 1, {t} {b}"), zero, minus


def _remainder(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
    a, b = _both(e, xs, types, out)
    t = llvm_type(out.dtype)
    if out.dtype.kind == "f":
        return _divmod(e, a, b, out)[1]
    safe, _, _ = _safe_divisor(e, b, t)
    rest = e.op(f"srem {t} {a}, {safe}")
    other = e.op(f"icmp slt {t} {e.op(f'xor {t} {rest}, {safe}')}, 0")
    wrong = e.op(f"and i1 {other}, {e.op(f'icmp ne {t} {rest}, 0')}")
    return e.op(f"select i1 {wrong}, {t} {e.op(f'add {t} {rest}, {safe}')}, {t} {rest}")


def _divmod(e: Emitter, a: str, b: str, out: Any) -> tuple[str, str]:
    """Return ``a - mod`` over b and the remainder of b's sign, as NumPy's divmod of floats; b = 0 apart."""
    t = llvm_type(out.dtype)
    rest = e.op(f"frem {t} {a}, {b}")
    is_zero = e.op(f"fcmp oeq {t} {rest}, 0.0")
    below = [e.op(f"fcmp olt {t} {x}, 0.0") for x in (b, rest)]
    differ = e.op(f"xor i1 {below[0]}, {below[1]}")
    wrong = e.op(f"and i1 {differ}, {e.op(f'fcmp one {t} {rest}, 0.0')}")
    quotient = e.op(f"fdiv {t} {e.op(f'fsub {t} {a}, {rest}')}, {b}")
    one_less = e.op(f"fsub {t} {quotient}, 1.0")
    quotient = e.op(f"select i1 {wrong}, {t} {one_less}, {t} {quotient}")
    moved = e.op(f"select i1 {wrong}, {t} {e.op(f'fadd {t} {rest}, {b}')}, {t} {rest}")
    signed = e.intrinsic("copysign", t, constant(0, out.dtype), b)
    by_zero = e.op(f"fcmp oeq {t} {b}, 0.0")
    moved = e.op(f"select i1 {is_zero}, {t} {signed}, {t} {moved}")
    return quotient, e.op(f"select i1 {by_zero}, {t} {rest}, {t} {moved}")


def _floor_divide(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
    a, b = _both(e, xs, types, out)
    t = llvm_type(out.dtype)
    if out.dtype.kind != "f":
        safe, zero, minus = _safe_divisor(e, b, t)
        quotient, rest = e.op(f"sdiv {t} {a}, {safe}"), e.op(f"srem {t} {a}, {safe}")
        other = e.op(f"icmp slt {t} {e.op(f'xor {t} {rest}, {safe}')}, 0")
        wrong = e.op(f"and i1 {other}, {e.op(f'icmp ne {t} {rest}, 0')}")
        quotient = e.op(f"select i1 {wrong}, {t} {e.op(f'sub {t} {quotient}, 1')}, {t} {quotient}")
        negated = e.op(f"select i1 {minus}, {t} {e.op(f'sub {t} 0, {a}')}, {t} {quotient}")
        return e.op(f"select i1 {zero}, {t} 0, {t} {negated}")
    quotient, _ = _divmod(e, a, b, out)
    plain = e.op(f"fdiv {t} {a}, {b}")
    down = e.intrinsic("floor", t, quotient)
    lost = e.op(f"fcmp ogt {t} {e.op(f'fsub {t} {quotient}, {down}')}, 0.5")
    down = e.op(f"select i1 {lost}, {t} {e.op(f'fadd {t} {down}, 1.0')}, {t} {down}")
    nothing = e.op(f"fcmp oeq {t} {quotient}, 0.0")
    down = e.op(f"select i1 {nothing}, {t} {e.intrinsic('copysign', t, constant(0, out.dtype), plain)}, {t} {down}")
    by_zero = e.op(f"fcmp oeq {t} {b}, 0.0")
    return e.op(f"select i1 {by_zero}, {t} {plain}, {t} {down}")


def _fmod(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
    a, b = _both(e, xs, types, out)
    t = llvm_type(out.dtype)
    if out.dtype.kind == "f":
        return e.op(f"frem {t} {a}, {b}")
    return e.op(f"srem {t} {a}, {_safe_divisor(e, b, t)[0]}")


def _heaviside(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
    x, h = _both(e, xs, types, out)
    t = llvm_type(out.dtype)
    above, below = e.op(f"fcmp ogt {t} {x}, 0.0"), e.op(f"fcmp olt {t} {x}, 0.0")
    known = e.op(f"fcmp oeq {t} {x}, 0.0")
    rest = e.op(f"select i1 {known}, {t} {h}, {t} {x}")  # NaN stays
    rest = e.op(f"select i1 {below}, {t} 0.0, {t} {rest}")
    return e.op(f"select i1 {above}, {t} 1.0, {t} {rest}")


def _ldexp(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
    t = llvm_type(out.dtype)
    x = e.convert(xs[0], types[0].dtype, out.dtype)
    n = e.convert(xs[1], types[1].dtype, np.int64)
    n = e.intrinsic("smax", "i64", e.intrinsic("smin", "i64", n, "100000"), "-100000")
    small = e.op(f"trunc i64 {n} to i32")
    symbol = f"@llvm.ldexp.{'f64' if t == 'double' else 'f32'}.i32"
    e.declared.add(f"declare {t} {symbol}({t}, i32)")
    return e.op(f"call {t} {symbol}({t} {x}, i32 {small})")


def _shift(op: str) -> Callable:
    def rule(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
        a, b = _both(e, xs, types, out)
        t = llvm_type(out.dtype)
        bits = 8 * out.dtype.itemsize
        fits = e.op(f"icmp ult {t} {b}, {bits}")
        shifted = e.op(f"{op} {t} {a}, {e.op(f'select i1 {fits}, {t} {b}, {t} 0')}")
        beyond = "0" if op == "shl" else e.op(f"ashr {t} {a}, {bits - 1}")
        return e.op(f"select i1 {fits}, {t} {shifted}, {t} {beyond}")

    return rule


def _signbit(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
    t = llvm_type(types[0].dtype)
    if types[0].dtype.kind != "f":
        return e.op(f"icmp slt {t} {xs[0]}, 0") if t != "i1" else "false"
    i = "i64" if t == "double" else "i32"
    return e.op(f"icmp slt {i} {e.op(f'bitcast {t} {xs[0]} to {i}')}, 0")


def _share(e: Emitter, xs: list[str], types: list[Any], out: Any, params: dict) -> str:
    """1, 0 or a half: what an extremum owes to its first operand; see `primitives.choice`."""
    t = llvm_type(out.dtype)
    one, zero, half = (constant(v, out.dtype) for v in (1, 0, 0.5))
    ahead, behind = ("greater", "less") if params["greatest"] else ("less", "greater")
    wins, fails = (OPERATIONS[name](e, xs, types, out) for name in (ahead, behind))
    equal = e.op(f"select i1 {fails}, {t} {zero}, {t} {one if params['ties'] == 'first' else half}")
    weight = e.op(f"select i1 {wins}, {t} {one}, {t} {equal}")
    if params["loses"]:
        nan_a, nan_b = (OPERATIONS["isnan"](e, [x], [of], out) for x, of in zip(xs, types, strict=True))
        differ = e.op(f"xor i1 {nan_a}, {nan_b}")
        owed = e.op(f"select i1 {nan_b}, {t} {one}, {t} {zero}")
        weight = e.op(f"select i1 {differ}, {t} {owed}, {t} {weight}")
    return weight


def _integer_power(e: Emitter, xs: list[str], types: list[Any], out: Any, params: dict) -> str:
    """Multiply: squares of squares; of a negative power, the reciprocal."""
    n, base, result = abs(params["n"]), e.convert(xs[0], types[0].dtype, out.dtype), None
    while n:
        if n & 1:
            result = base if result is None else OPERATIONS["mul"](e, [result, base], [out, out], out)
        n >>= 1
        if n:
            base = OPERATIONS["mul"](e, [base, base], [out, out], out)
    result = constant(1, out.dtype) if result is None else result
    return OPERATIONS["reciprocal"](e, [result], [out], out) if params["n"] < 0 else result


def _imag_of_real(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
    return constant(0, out.dtype)


def _real_of_real(e: Emitter, xs: list[str], types: list[Any], out: Any) -> str:
    return xs[0]


WITH_PARAMETERS: dict[str, Callable[..., str]] = {"share": _share, "integer_power": _integer_power, "special": lower}
OPERATIONS.update(
    fmax=_fextremum("maxnum", "max"),
    fmin=_fextremum("minnum", "min"),
    clip=_clip,
    remainder=_remainder,
    floor_divide=_floor_divide,
    fmod=_fmod,
    heaviside=_heaviside,
    ldexp=_ldexp,
    left_shift=_shift("shl"),
    right_shift=_shift("ashr"),
    signbit=_signbit,
    real=_real_of_real,
    imag=_imag_of_real,
    conj=_real_of_real,
)
