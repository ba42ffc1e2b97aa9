"""Compute the coefficients: ``python -m pullback.engines.llvm.math.fit > coefficients.py``.

Each function is brought to a smooth g on an interval, and g is interpolated at Chebyshev
nodes with 80 digits. The interpolant is within a small factor of the minimax polynomial
(Trefethen, Approximation Theory and Approximation Practice, ch. 15), and the degree is the
first whose error, relative to what it is added to, is 2^-(p + 7): coefficients are rounded
one by one. What must be exact (1 + x …) is taken out of g, so that no coefficient of it is
fitted. Needs mpmath; nothing else of the package does.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf

mp: Any = mpmath.mp  # its functions are made at run time: no checker knows them
mp.dps = 80
BITS = {"f64": 53, "f32": 24}


def interpolate(g: Callable[[Any], Any], low: Any, high: Any, n: int) -> list[Any]:
    """Return the coefficients of the polynomial of degree n - 1 through g at Chebyshev nodes."""
    low, high = mpf(low), mpf(high)
    xs = [(low + high) / 2 + (high - low) / 2 * mp.cos(mp.pi * (2 * k + 1) / (2 * n)) for k in range(n)]
    d = [g(x) for x in xs]
    for j in range(1, n):
        for i in range(n - 1, j - 1, -1):
            d[i] = (d[i] - d[i - 1]) / (xs[i] - xs[i - j])
    c = [d[-1]]
    for k in range(n - 2, -1, -1):  # c <- c (x - x_k) + d_k
        c = [a - b * xs[k] for a, b in zip([mpf(0), *c], [*c, mpf(0)], strict=True)]
        c[0] += d[k]
    return c


def _horner(c: Any, x: Any) -> Any:
    """Return c[0] + c[1] x + c[2] x² + … (mpmath's polyval takes its coefficients in another order from 1.4 on)."""
    total = mpf(0)
    for a in reversed(c):
        total = total * x + a
    return total


def fit(g: Any, low: Any, high: Any, bits: float, scale: Any = None) -> list[Any]:
    """Return coefficients for which scale(x) |p(x) - g(x)| is below 2^-bits on the interval."""
    low, high = mpf(low), mpf(high)
    points = [low + (high - low) * (k + mpf(1) / 3) / 60 for k in range(60)] + [low, high]
    exact = [(x, g(x), scale(x) if scale else 1 / abs(g(x))) for x in points]
    for n in range(2, 60):
        c = interpolate(g, low, high, n)
        if max(abs(_horner(c, x) - y) * s for x, y, s in exact) < mpf(2) ** -bits:
            return c
    raise ArithmeticError("no polynomial of degree 60 is good enough")


def _tail(f: Any, terms: list[Any], power: int) -> Any:
    """Return (f(x) - the terms of its series) / x^power, without cancellation."""

    def g(x: Any) -> Any:
        if x == 0:
            return mp.taylor(f, 0, power)[power]
        with mp.workdps(200):
            x = mpf(x)
            return (f(x) - sum(t * x**k for k, t in enumerate(terms))) / x**power

    return g


def _odd(f: Any) -> Any:
    """Return g with f(x) = x + x³ g(x²)."""

    def g(z: Any) -> Any:
        with mp.workdps(200):
            if abs(z) < mpf(10) ** -60:
                return mp.taylor(f, 0, 3)[3]
            x = mp.sqrt(z)
            return (f(x) - x) / x**3

    return g


def _log_atanh(z: Any) -> Any:
    """Return log((1 + s) / (1 - s)) / s - 2 for z = s²."""
    with mp.workdps(200):
        s = mp.sqrt(z)
        return 2 * mp.atanh(s) / s - 2 if z else mpf(0)


K_ERFC = mpf(2)


def _erfcx(t: Any) -> Any:
    """Return exp(x²) erfc(x) (x + K) at x = K (1 + t) / (1 - t)."""
    if t == 1:
        return 1 / mp.sqrt(mp.pi)
    x = K_ERFC * (1 + t) / (1 - t)
    if x > 1e4:
        return (x + K_ERFC) / (x * mp.sqrt(mp.pi)) * (1 - 1 / (2 * x * x) + 3 / (4 * x**4))
    with mp.workdps(90):
        return mp.erfc(x) * mp.exp(x * x) * (x + K_ERFC)


def _cos_tail(z: Any) -> Any:
    with mp.workdps(200):
        return (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2 if z else mpf(1) / 24


def _lgamma_two(d: Any) -> Any:
    """Return lgamma(2 + d) / d for d within 1/2 of 0."""
    with mp.workdps(120):
        return mp.loggamma(2 + d) / d if d else 1 - mp.euler


def _stirling(z: Any) -> Any:
    """Return x (lgamma(x) - Stirling's formula) at z = 1/x²."""
    if z < mpf("1e-8"):
        return mpf(1) / 12 - z / 360 + z**2 / 1260
    with mp.workdps(120):
        x = 1 / mp.sqrt(z)
        return x * (mp.loggamma(x) - (x - 0.5) * mp.log(x) + x - mp.log(2 * mp.pi) / 2)


def _power_of_two(x: Any) -> Any:
    """Return (2^x - 1) / x."""
    with mp.workdps(150):
        return (mpf(2) ** x - 1) / x if x else mp.log(2)


def _log_of_two(x: Any) -> Any:
    """Return log2(1 + x) / x."""
    with mp.workdps(150):
        return mp.log(1 + x) / mp.log(2) / x if x else 1 / mp.log(2)


_OCTAVE = mp.sqrt(0.5) - 1, mp.sqrt(2) - 1
_QUARTER = -mp.log(2) / 4 * mpf("1.0001"), mp.log(2) / 4 * mpf("1.0001")
_ONLY_DOUBLE: dict[str, Callable[..., list[Any]]] = {
    "log": lambda b, s2: fit(lambda z: _log_atanh(z) / z if z else mpf(2) / 3, 0, s2, b, lambda z: z / 2),
    # for x^y of float32, in double: to 2^-34 and 2^-30
    "pow_log2": lambda b, s2: fit(_log_of_two, *_OCTAVE, 34),
    "pow_exp2": lambda b, s2: fit(_power_of_two, -0.5, 0.5, 30, abs),
}
_ONLY_SINGLE: dict[str, Callable[..., list[Any]]] = {
    "log1p": lambda b, s2: fit(_tail(lambda x: mp.log(1 + x), [0, 1, -mpf(1) / 2], 3), *_OCTAVE, b, lambda x: x**2),
    "tanh": lambda b, s2: fit(_tail(lambda x: 1 - mp.exp(-2 * x), [0, 2], 2), *_QUARTER, 27, lambda x: abs(x) / 2),
}


def _round(c: Any, p: int) -> float:
    """Return a float64 or float32 as a float."""
    return float(c) if p == 53 else float(np.float32(float(c)))


def jobs(p: int) -> dict[str, Callable[[], list[Any]]]:
    """Return what to fit, for a significand of p bits."""
    half_ln2 = mp.log(2) / 2 * mpf("1.0001")
    quarter_pi = mp.pi / 4 * mpf("1.0001")
    s2 = (mp.sqrt(2) - 1) ** 2 / (mp.sqrt(2) + 1) ** 2 * mpf("1.0001")
    b = p + 7
    only = _ONLY_DOUBLE if p == 53 else _ONLY_SINGLE
    return {name: functools.partial(job, b, s2) for name, job in only.items()} | {
        "exp": lambda: fit(_tail(mp.exp, [1, 1], 2), -half_ln2, half_ln2, b, lambda x: x**2),
        "expm1": lambda: fit(_tail(mp.exp, [1, 1], 2), -half_ln2, half_ln2, b, lambda x: abs(x)),
        "exp2": lambda: fit(_tail(lambda x: mpf(2) ** x, [1], 1), -0.5, 0.5, b + 2, lambda x: abs(x)),
        # for x^y: relative to a logarithm with 2^-68; the first coefficient is kept in two words
        "logdd": lambda: fit(
            lambda z: (_log_atanh(z) / z - mpf(2) / 3) / z if z else mpf(2) / 5, 0, s2, b + 8, lambda z: z**2 / 2
        ),
        "sin": lambda: fit(_odd(mp.sin), 0, quarter_pi**2, b, lambda z: z),
        "cos": lambda: fit(_cos_tail, 0, quarter_pi**2, b, lambda z: z**2),
        "sinh": lambda: fit(_odd(mp.sinh), 0, 1, b, lambda z: z),
        "arcsin": lambda: fit(_odd(mp.asin), 0, 0.2501, b, lambda z: z),
        "arcsinh": lambda: fit(_odd(mp.asinh), 0, 0.2501, b, lambda z: z),
        "arctan": lambda: fit(_odd(mp.atan), 0, mp.tan(mp.pi / 8) ** 2 * mpf("1.001"), b, lambda z: z),
        "cbrt": lambda: fit(lambda x: x ** (-mpf(1) / 3), 1, 2, 15 if p == 53 else 13),
        "erf": lambda: fit(
            lambda z: mp.erf(mp.sqrt(z)) / mp.sqrt(z) - 1 if z else 2 / mp.sqrt(mp.pi) - 1, 0, 1, b, lambda z: mpf(1)
        ),
        "erfc": lambda: fit(_erfcx, mpf("-0.601"), 1, b),
        # what its first two coefficients lack
        "erfc_low": lambda: [c - mpf(_round(c, p)) for c in fit(_erfcx, mpf("-0.601"), 1, b)[:2]],
        "lgamma": lambda: fit(_lgamma_two, -0.5001, 0.5001, b, lambda d: abs(d)),
        "stirling": lambda: fit(_stirling, 0, mpf(1) / 64, b - 3, lambda z: mpf(1)),
    }


def main() -> None:
    """Print coefficients.py."""
    write = sys.stdout.write
    write('"""Coefficients of the polynomials, lowest power first, as exact hexadecimal floats.\n\n')
    write("Made by fit.py, which says what each approximates, on which interval, and how well.\n")
    write('Do not edit: run it again.\n"""\n\n')
    write("# fmt: off\nTABLES: dict[tuple[str, str], tuple[str, ...]] = {\n")
    for name, p in BITS.items():
        for key, job in jobs(p).items():
            write(f'    ("{key}", "{name}"): (\n')
            numbers = [_round(c, p) for c in job()]
            for k in range(0, len(numbers), 4):
                write("        " + " ".join(f'"{x.hex()}",' for x in numbers[k : k + 4]) + "\n")
            write("    ),\n")
            sys.stderr.write(f"{name} {key}\n")
    write("}\n# fmt: on\n\n")
    write("# The first 1280 bits of 2/pi after the point, for the reduction of Payne and Hanek: 64 bits a word.\n")
    with mp.workdps(500):
        digits = int(mp.floor(2 / mp.pi * mpf(2) ** 1280))
        write("TWO_OVER_PI: tuple[int, ...] = (\n")
        for k in range(20):
            write(f"    0x{digits >> (1280 - 64 * (k + 1)) & (2**64 - 1):016X},\n")
    write(")\n")


if __name__ == "__main__":
    main()
