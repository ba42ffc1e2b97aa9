"""Errors in ulp against mpmath, and the points at which functions are measured. Imports nothing of pullback.

Values have 160 bits, and as many as it takes where the argument of a sine is huge.
"""

import math

import mpmath
import numpy as np

PARAMETERS = {"f64": (52, -1022, 1023), "f32": (23, -126, 127)}
DTYPES = {"f64": np.float64, "f32": np.float32}
TWO_ARGUMENTS = frozenset(["pow", "hypot", "arctan2", "logaddexp"])

EXACT = {
    "exp": mpmath.exp,
    "exp2": lambda x: mpmath.mpf(2) ** x,
    "expm1": mpmath.expm1,
    "log": mpmath.log,
    "log2": lambda x: mpmath.log(x) / mpmath.log(2),
    "log10": lambda x: mpmath.log(x) / mpmath.log(10),
    "log1p": mpmath.log1p,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "tan": mpmath.tan,
    "sinh": mpmath.sinh,
    "cosh": mpmath.cosh,
    "tanh": mpmath.tanh,
    "arcsin": mpmath.asin,
    "arccos": mpmath.acos,
    "arctan": mpmath.atan,
    "arctan2": mpmath.atan2,
    "arcsinh": mpmath.asinh,
    "arccosh": mpmath.acosh,
    "arctanh": mpmath.atanh,
    "cbrt": lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
    "hypot": lambda x, y: mpmath.sqrt(x * x + y * y),
    "pow": mpmath.power,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "logaddexp": lambda x, y: max(x, y) + mpmath.log1p(mpmath.exp(-abs(x - y))),
    "gaussian": lambda x: mpmath.exp(-x * x),
    "erf": mpmath.erf,
    "erfc": mpmath.erfc,
    "lgamma": lambda x: mpmath.log(abs(mpmath.gamma(x))) if abs(x) < 1e5 else mpmath.loggamma(x).real,
}


def exact(name, *xs):
    """Return the value to 160 bits, and what an error is at least relative to."""
    xs = [mpmath.mpf(float(x)) for x in xs]
    huge = name in ("sin", "cos", "tan") and abs(xs[0]) > 1e9
    with mpmath.workprec(1400 if huge else 160):
        y = EXACT[name](*xs)
    floor = {"lgamma": 1, "logaddexp": abs(max(xs))}.get(name, 0)
    return y, floor


def error(got, y, floor, dtype):
    """Return the error of `got` in ulp of the larger of y and floor."""
    mantissa, low, high = PARAMETERS[dtype]
    if not np.isfinite(got):
        rounds_to_infinity = abs(y) >= (2 - mpmath.mpf(2) ** -(mantissa + 1)) * mpmath.mpf(2) ** high
        return 0.0 if not np.isnan(got) and rounds_to_infinity and (got > 0) == (y > 0) else math.inf
    size = max(abs(y), floor)
    exponent = max(mpmath.frexp(size)[1] - 1, low) if size else low
    return float(abs(mpmath.mpf(float(got)) - y) / mpmath.mpf(2) ** (exponent - mantissa))


def worst(name, dtype, got, *xs):
    """Return the largest error in ulp, and where."""
    found = (-1.0,)
    for i, y in enumerate(got):
        at = [x[i] for x in xs]
        found = max(found, (error(y, *exact(name, *at), dtype), *map(float, at), float(y)), key=lambda f: f[0])
    return found


_RANGES = {  # |x| where something happens, float64 and float32
    "exp": (750, 105), "exp2": (1080, 152), "expm1": (750, 105), "sinh": (712, 90), "cosh": (712, 90),
    "tanh": (22, 10), "sigmoid": (750, 105), "softplus": (750, 105), "erf": (6.2, 4.2), "erfc": (27.5, 10.3),
    "gaussian": (27.5, 10.3), "lgamma": (40, 30), "arcsin": (1, 1), "arccos": (1, 1), "arctanh": (1, 1),
}  # fmt: skip


def points(name, dtype, n, rng):
    """Return arguments: all exponents, the middle, where something happens, near 1, near multiples of π/2."""
    if name in TWO_ARGUMENTS:
        return _pairs(name, dtype, n // 3, rng)
    t, (mantissa, low, high), k = DTYPES[dtype], PARAMETERS[dtype], n // 4
    limit = _RANGES.get(name, (30, 30))[dtype == "f32"]
    circular = name in ("sin", "cos", "tan")
    parts = [
        np.ldexp(1 + rng.random(k), rng.integers(low - mantissa, high, k)),
        np.ldexp(1 + rng.random(k), rng.integers(-40, 40 if circular else 12, k)),
        rng.random(k) * limit,
        1 + np.ldexp(rng.random(k), rng.integers(-mantissa, -1, k)) * rng.choice([-1, 1], k),
    ]
    if circular:
        parts[3] = rng.integers(1, 2**18, k) * (np.pi / 2)
    x = (np.concatenate(parts) * rng.choice([-1, 1], 4 * k)).astype(t)
    return (x[_inside(name, x)],)


def _inside(name, x):
    """Return where a function is finite, and mpmath not slow."""
    if name in ("log", "log2", "log10"):
        return x > 0
    if name == "arccosh":
        return x >= 1
    if name == "log1p":
        return x > -1
    if name in ("arcsin", "arccos", "arctanh"):
        return np.abs(x) < 1
    if name == "lgamma":
        return (np.abs(x) < 1e6) & ((x > 0) | (np.floor(x) != x))
    if name in ("erf", "erfc", "gaussian"):
        return np.abs(x) < 40
    return np.abs(x) < (1100 if name in _RANGES else np.inf)


def _pairs(name, dtype, k, rng):
    t, (mantissa, low, high) = DTYPES[dtype], PARAMETERS[dtype]
    anywhere = np.ldexp(1 + rng.random(k), rng.integers(low - mantissa, high, k)).astype(t)
    signs = rng.choice([-1, 1], (2, 3 * k))
    if name == "pow":
        near = (1 + np.ldexp(rng.random(k), rng.integers(-mantissa, -1, k))).astype(t)
        x = np.concatenate([anywhere, near, (30 * rng.random(k)).astype(t)])
        size = (high + 40) * math.log(2) / np.maximum(np.abs(np.log(x.astype(float))), 1e-30)
        y = (rng.random(3 * k) * np.concatenate([size[: 2 * k], np.full(k, 9.0)])).astype(t)
        signs[0] = 1
    elif name == "logaddexp":
        x = np.concatenate([50 * rng.normal(size=k), 2 * rng.normal(size=k), np.ldexp(1.0, rng.integers(-30, 20, k))])
        y = np.concatenate([50 * rng.normal(size=k), 2 * rng.normal(size=k), x[2 * k :] + 20 * rng.normal(size=k)])
    else:
        x = np.concatenate([anywhere, rng.normal(size=k), anywhere])
        with np.errstate(over="ignore"):
            other = (anywhere * np.ldexp(1 + rng.random(k), rng.integers(-30, 30, k))).astype(t)
        y = np.concatenate([other, rng.normal(size=k), rng.permutation(anywhere)])
    with np.errstate(over="ignore"):
        x, y = (x * signs[0]).astype(t), (y * signs[1]).astype(t)
    ok = np.isfinite(x) & np.isfinite(y)
    return x[ok], y[ok]
