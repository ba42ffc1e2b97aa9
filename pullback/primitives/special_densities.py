"""Densities: what the incomplete gamma and beta functions are the integrals of, without cancellation.

They are functions of the table of our own (`_gamma_density`, `_beta_density`), evaluated with NumPy. The
textbook's exp(a log x - x - log Γ(a)) loses as many digits as its largest term has; here the large terms are
taken together (C. Loader, "Fast and accurate computation of binomial probabilities", 2000).
"""

from __future__ import annotations

import importlib
import math
from typing import Any

import numpy as np

from pullback.core.types import type_of

from .exponential import log
from .special import define, f, own_type

__all__ = ["in_double", "psi_gap"]

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
# DLMF 5.11.1: log Γ(x) ~ (x - ½) log x - x + ½ log 2π + Σ B₂ₖ / (2k (2k - 1) x²ᵏ⁻¹)
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400)
_LARGE = 10.0


def _stirling_rest(a: Any) -> Any:
    """Return log Γ(a) - ((a - ½) log a - a + ½ log 2π)."""
    large = np.maximum(a, _LARGE)
    z = 1 / (large * large)
    series = np.polynomial.polynomial.polyval(z, _STIRLING) / large
    special = importlib.import_module("scipy.special")
    small = np.minimum(a, _LARGE)
    return np.where(a >= _LARGE, series, special.gammaln(small) - (small - 0.5) * np.log(small) + small - _HALF_LOG_2PI)


def _deviance(d: Any) -> Any:
    """Return d - log(1 + d), for d > -1: near 0 by log(1 + d) = 2 artanh(r), r = d / (2 + d)."""
    r = d / (2 + d)
    r2 = np.minimum(r * r, 0.03)
    series = 0.0
    for k in range(11, 0, -1):
        series = (series + 1 / (2 * k + 1)) * r2
    with np.errstate(all="ignore"):
        # d - 2 r = d² / (2 + d): nothing is left to cancel but r³
        return np.where(np.abs(r) < 0.17, d * r - 2 * r * series, d - np.log1p(d))


def in_double(*xs: Any) -> tuple[Any, list[Any]]:
    """Return the dtype of the result, as `own_type` has it, and operands in double precision."""
    return own_type(tuple(map(type_of, xs))).dtype, [np.asarray(x, np.float64) for x in xs]


def gamma_density(a: Any, x: Any) -> Any:
    """Return x^(a - 1) e^-x / Γ(a)."""
    dtype, (a, x) = in_double(a, x)
    special = importlib.import_module("scipy.special")
    with np.errstate(all="ignore"):
        # Halves, as e^-x alone may underflow.
        small = np.minimum(a, _LARGE)
        half = np.exp(-0.5 * x)
        direct = np.power(x, small - 1) * half * special.rgamma(small) * half
        large = np.maximum(a, _LARGE)
        peak = np.sqrt(large / (2 * np.pi)) * np.exp(-_stirling_rest(large)) / x
        d = (x - large) / large
        near = peak * np.exp(-large * _deviance(d))
        far = peak * np.power(x / large, large) * np.exp(large - x)  # left of the peak: 1 + d has lost digits
        found = np.where(a < _LARGE, direct, np.where(d < -0.5, far, near))
        found = np.where((x < 0) | (a <= 0) | np.isnan(a) | np.isnan(x), np.nan, found)
    return np.asarray(np.where(np.isposinf(x), 0.0, found), dtype)[()]


def beta_density(a: Any, b: Any, x: Any, c: Any) -> Any:
    """Return x^(a - 1) c^(b - 1) / B(a, b), for c = 1 - x."""
    dtype, (a, b, x, c) = in_double(a, b, x, c)
    special = importlib.import_module("scipy.special")
    with np.errstate(all="ignore"):
        small = np.power(x, a - 1) * np.power(c, b - 1) / special.beta(a, b)
        n = a + b
        # x^a c^b / B(a, b) = √(ab / 2πn) exp(-n D), D = x₀ log(x₀ / x) + c₀ log(c₀ / c), x₀ = a / n
        d = (a * c - b * x) / n  # x₀ - x
        rest = _stirling_rest(n) - _stirling_rest(a) - _stirling_rest(b)
        peak = np.sqrt(a / (2 * np.pi * n) * b) * np.exp(rest) / (x * c)
        left, right = -d * n / a, d * n / b
        near = peak * np.exp(-a * _deviance(left) - b * _deviance(right))
        far = peak * np.power(x * n / a, a) * np.power(c * n / b, b)  # far from the peak 1 + d has lost digits
        far = np.where(np.isfinite(far), far, np.exp(
            special.xlogy(a - 1, x) + special.xlogy(b - 1, c) - special.betaln(a, b)))  # fmt: skip
        large = np.where((np.abs(left) < 0.5) & (np.abs(right) < 0.5), near, far)
        found = np.where(np.maximum(a, b) < 30, small, large)
        bad = (x < 0) | (c < 0) | (a <= 0) | (b <= 0)
    return np.asarray(np.where(bad, np.nan, found), dtype)[()]


def psi_gap(z: Any, m: Any) -> Any:
    """Return ψ(z + m) - ψ(z), for z > 0 and z + m > 0, without cancellation; elsewhere the difference.

    Ten steps up, m / ((z + k)(z + k + m)) each (DLMF 5.7.6), and Stirling's series for the rest, whose
    differences are taken term by term (DLMF 5.11.2).
    """
    return f._psi_gap(z, m)


def _psi_gap(z: Any, m: Any) -> Any:
    dtype, (z, m) = in_double(z, m)
    special = importlib.import_module("scipy.special")
    with np.errstate(all="ignore"):
        y = z + m
        total = 0.0
        for k in range(10):
            total = total + m / ((z + k) * (y + k))
        a, b = z + 10, y + 10
        u, w = 1 / a, 1 / b
        # u²ᵏ - w²ᵏ = (u² - w²) Σ u²ⁱ w²⁽ᵏ⁻¹⁻ⁱ⁾, and u - w = m u w
        step = m * u * w
        squares = step * (u + w)
        series = 0.0
        for k, c in enumerate(_PSI, 1):
            series = series + c * squares * sum(u ** (2 * i) * w ** (2 * (k - 1 - i)) for i in range(k))
        gap = total + np.log1p(m / a) + 0.5 * step + series
        found = np.where((z > 0) & (y > 0), gap, special.digamma(y) - special.digamma(z))
    return np.asarray(found, dtype)[()]


def _zeta_gap(s: Any, z: Any, m: Any) -> Any:
    """Return ζ(s, z + m) - ζ(s, z): where m is small beside z, as the integral of its derivative, by Gauss's rule."""
    dtype, (s, z, m) = in_double(s, z, m)
    zeta = importlib.import_module("scipy.special").zeta
    with np.errstate(all="ignore"):
        integral = -s * m * sum(w * zeta(s + 1, z + t * m) for t, w in zip(*_GAUSS, strict=True))
        found = np.where((z > 0) & (np.abs(m) < 0.5 * z), integral, zeta(s, z + m) - zeta(s, z))
    return np.asarray(found, dtype)[()]


_GAUSS = tuple(x / 2 for x in np.polynomial.legendre.leggauss(10))
_GAUSS = (_GAUSS[0] + 0.5, _GAUSS[1])


def complex_zeta(s: Any, q: Any) -> Any:
    """Return Hurwitz's zeta function of an integer s > 1 and complex q, which SciPy has for real q only.

    By Euler and Maclaurin, once steps up have brought Re q to 15 (DLMF 25.11.5, 25.11.43).
    """
    of = own_type((type_of(s), type_of(np.real(q))), complex=True)
    s, q = np.broadcast_arrays(np.asarray(s, np.float64), np.asarray(q, np.complex128))
    total = np.zeros_like(q)
    with np.errstate(all="ignore"):
        while np.any(low := q.real < 15):
            total = total + np.where(low, q**-s, 0)
            q = np.where(low, q + 1, q)
        total = total + q ** (1 - s) / (s - 1) + 0.5 * q**-s
        term = s * q ** (-s - 1)
        for j, c in enumerate(_BERNOULLI, 1):  # B₂ⱼ / (2j)! s (s + 1) … (s + 2j - 2) q^(1 - s - 2j)
            total = total + c * term
            term = term * (s + 2 * j - 1) * (s + 2 * j) / (q * q)
    return np.asarray(total, of.dtype)[()]


_BERNOULLI = (1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000, 1 / 74724249600)

# DLMF 5.11.2: ψ(x) ~ log x - 1 / 2x - Σ B₂ₖ / (2k x²ᵏ)
_PSI = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12)

define("_gamma_density(a, x)", "DLMF 8.8.13", evaluate=gamma_density,
    a=lambda y, a, x: y * (log(x) - f.digamma(a)),
    x=lambda y, a, x: y * ((a - 1) / x - 1))  # fmt: skip
define("_beta_density(a, b, x, c)", "DLMF 8.17.1", evaluate=beta_density,
    a=lambda y, a, b, x, c: y * (log(x) + psi_gap(a, b)),
    b=lambda y, a, b, x, c: y * (log(c) + psi_gap(b, a)),
    x=lambda y, a, b, x, c: y * (a - 1) / x,
    c=lambda y, a, b, x, c: y * (b - 1) / c)  # fmt: skip
define("_psi_gap(z, m)", "DLMF 5.15.1", evaluate=_psi_gap,
    z=lambda y, z, m: f._zeta_gap(2.0, z, m),
    m=lambda y, z, m: f.zeta(2.0, z + m))  # fmt: skip
define("_zeta_gap(s, z, m)", "DLMF 25.11.17", evaluate=_zeta_gap,
    s="it is an integer here",
    z=lambda y, s, z, m: -s * f._zeta_gap(s + 1, z, m),
    m=lambda y, s, z, m: -s * f.zeta(s + 1, z + m))  # fmt: skip
define("_complex_zeta(s, q)", "DLMF 25.11.17", evaluate=complex_zeta, complex=True,
    s="it is an integer here", q=lambda y, s, q: -s * f._complex_zeta(s + 1, q))  # fmt: skip
