"""Derivatives of the incomplete gamma and beta functions by their parameters.

Both are distribution functions F = ∫ g over t < x, and ∂ log g / ∂a = log t - E, where E = ψ(a), or ψ(a) - ψ(a + b),
is the mean of log t. Left of that mean log t - E is negative all over t < x, and right of it positive all over
t > x: so the one integral or the other is taken, and nothing cancels,

    ∂F/∂a = ∫ (log t - E) g over t < x = -∫ (log t - E) g over t > x.

In v = |log(t / x)| (for the upper part of the beta distribution log((1 - x) / (1 - t))) the integrands fall off
exponentially, and are integrated by the double exponential rule v = S exp(u - e^-u) (H. Takahasi and M. Mori, "Double
exponential formulas for numerical integration", 1974), to about 1e-13. Second derivatives by parameters are refused.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from .exponential import log
from .special import define, f
from .special_densities import beta_density, gamma_density, in_double, psi_gap

SECOND = "second derivatives by the parameters are not written"
_U = np.linspace(-4.0, 22.0, 417)
_V = np.exp(_U - np.exp(-_U))
_W = _V * (1 + np.exp(-_U)) * (_U[1] - _U[0])


def _integral(integrand: Any, scale: Any) -> Any:
    """Return the integral over v from 0 to infinity; `scale` is how far the integrand reaches."""
    total = 0.0
    for v, w in zip(_V, _W, strict=True):
        total = total + w * integrand(v * scale)
    return total * scale


def gammainc_by_a(a: Any, x: Any) -> Any:
    """Return ∂P(a, x)/∂a."""
    dtype, (a, x) = in_double(a, x)
    special = importlib.import_module("scipy.special")
    with np.errstate(all="ignore"):
        mean = special.digamma(a)
        ahead = np.log(x) - mean
        here = x * gamma_density(a, x)
        reach = 1 / (np.abs(x - a) + np.sqrt(x) + 0.1)
        below = _integral(lambda v: v * np.exp(-a * v - x * np.expm1(-v)), reach)
        above = _integral(lambda v: v * np.exp(a * v - x * np.expm1(v)), reach)
        left = ahead * special.gammainc(a, x) - here * below
        right = -ahead * special.gammaincc(a, x) - here * above
        # x < 1.5: P = Σ x^(a + n) e^-x / Γ(a + n + 1), term by term
        small, term, order = 0.0, here / a, a + 1
        for _ in range(30):
            small = small + term * (np.log(x) - special.digamma(order))
            term = term * x / order
            order = order + 1
        found = np.where(x < 1.5, small, np.where(ahead < 0, left, right))
        found = np.where((x == 0) | np.isposinf(x), 0.0, found)
    return np.asarray(found, dtype)[()]


def betainc_by_a(a: Any, b: Any, x: Any, c: Any) -> Any:
    """Return ∂I(a, b, x)/∂a, for c = 1 - x."""
    dtype, (a, b, x, c) = in_double(a, b, x, c)
    special = importlib.import_module("scipy.special")
    with np.errstate(all="ignore"):
        ahead = np.log(x) + psi_gap(a, b)
        here = x * c * beta_density(a, b, x, c)
        odds = x / c
        # t = x e^-v below, 1 - t = c e^-v above; of (1 - t) / c = 1 + (x / c)(1 - e^-v) the logarithm is exact
        reach = 1 / (np.abs(a - (b - 1) * odds) + np.sqrt(np.abs(b - 1) * odds / c) + 0.1)
        below = _integral(lambda v: v * np.exp(-a * v + (b - 1) * np.log1p(-odds * np.expm1(-v))), reach)
        reach = 1 / (np.abs(b - (a - 1) / odds) + np.sqrt(np.abs(a - 1) / odds / x) + 0.1)

        def beyond(v: Any) -> Any:
            grown = np.log1p(-np.expm1(-v) / odds)
            return grown * np.exp(-b * v + (a - 1) * grown)

        above = _integral(beyond, reach)
        left = ahead * special.betainc(a, b, x) - here / c * below
        right = -ahead * special.betaincc(a, b, x) - here / x * above
        found = np.where(ahead < 0, left, right)
        found = np.where((x == 0) | (c == 0), 0.0, found)
    return np.asarray(found, dtype)[()]


define("_gammainc_by_a(a, x)", "DLMF 8.2.4", note="∂gammainc(a, x)/∂a", evaluate=gammainc_by_a, a=SECOND,
    x=lambda y, a, x: f._gamma_density(a, x) * (log(x) - f.digamma(a)))  # fmt: skip
define("_betainc_by_a(a, b, x, c)", "DLMF 8.17.1", note="∂betainc(a, b, x)/∂a", evaluate=betainc_by_a,
    a=SECOND, b=SECOND,
    x=lambda y, a, b, x, c: f._beta_density(a, b, x, c) * (log(x) + psi_gap(a, b)), c=None)  # fmt: skip
