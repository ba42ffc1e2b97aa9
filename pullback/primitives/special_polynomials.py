"""Hypergeometric functions, orthogonal polynomials, Legendre functions, spherical harmonics.

And functions of Mathieu's and of spheroidal waves, which give a value and its derivative.
The derivative of an orthogonal polynomial is one of the next family (P' = C^(3/2), T' = n U …): unlike the
textbook's (x P - P₍ₙ₋₁₎) n / (x² - 1), that is right at ±1 too.
"""

from __future__ import annotations

import importlib
import math

import numpy as np

from pullback.core.types import type_of

from .choice import select
from .comparison import equal
from .exponential import exp, sqrt
from .special import define, f, own_type
from .trigonometric import cos, cosh

DEGREE = "its derivative by the degree is no function that SciPy has"
PARAMETER = "its derivative by a parameter is no function that SciPy has"

define("hyp0f1(v, z)", "DLMF 16.3.1", v=PARAMETER, z=lambda y, v, z: f.hyp0f1(v + 1, z) / v)
define("hyp1f1(a, b, x)", "DLMF 13.3.15", a=PARAMETER, b=PARAMETER,
    x=lambda y, a, b, x: f.hyp1f1(a + 1, b + 1, x) * (a / b))  # fmt: skip
define("hyp2f1(a, b, c, z)", "DLMF 15.5.1", a=PARAMETER, b=PARAMETER, c=PARAMETER,
    z=lambda y, a, b, c, z: f.hyp2f1(a + 1, b + 1, c + 1, z) * (a * b / c))  # fmt: skip
define("hyperu(a, b, x)", "DLMF 13.3.22", a=PARAMETER, b=PARAMETER, x=lambda y, a, b, x: -a * f.hyperu(a + 1, b + 1, x))
define("wright_bessel(a, b, x)", "DLMF 10.46.1", a=PARAMETER, b=PARAMETER,
    x=lambda y, a, b, x: f.wright_bessel(a, a + b, x))  # fmt: skip
define("log_wright_bessel(a, b, x)", "DLMF 10.46.1", a=PARAMETER, b=PARAMETER,
    x=lambda y, a, b, x: exp(f.log_wright_bessel(a, a + b, x) - y))  # fmt: skip


def _lower(n, polynomial):
    """Return the polynomial of degree n - 1, and 0 where n is 0."""
    none = equal(n, 0)
    return select(none, 0.0, polynomial(select(none, 1, n) - 1))


def _gegenbauer(n, alpha, x):
    return _lower(n, lambda lower: f.eval_gegenbauer(lower, alpha, x))


define("eval_legendre(n, x)", "DLMF 18.9.19, 18.7.9", n=DEGREE, x=lambda y, n, x: _gegenbauer(n, 1.5, x))
define("eval_chebyt(n, x)", "DLMF 18.9.21", n=DEGREE, x=lambda y, n, x: n * _lower(n, lambda k: f.eval_chebyu(k, x)))
define("eval_chebyu(n, x)", "DLMF 18.9.19, 18.7.4", n=DEGREE, x=lambda y, n, x: 2 * _gegenbauer(n, 2.0, x))
define("eval_chebyc(n, x)", "DLMF 18.9.21", n=DEGREE, x=lambda y, n, x: n * _lower(n, lambda k: f.eval_chebys(k, x)))
define("eval_chebys(n, x)", "DLMF 18.9.19", n=DEGREE, x=lambda y, n, x: _gegenbauer(n, 2.0, 0.5 * x))
define("eval_sh_legendre(n, x)", "DLMF 18.9.19", n=DEGREE, x=lambda y, n, x: 2 * _gegenbauer(n, 1.5, 2 * x - 1))
define("eval_sh_chebyt(n, x)", "DLMF 18.9.21", n=DEGREE,
    x=lambda y, n, x: 2 * n * _lower(n, lambda k: f.eval_chebyu(k, 2 * x - 1)))  # fmt: skip
define("eval_sh_chebyu(n, x)", "DLMF 18.9.19", n=DEGREE, x=lambda y, n, x: 4 * _gegenbauer(n, 2.0, 2 * x - 1))
define("eval_gegenbauer(n, alpha, x)", "DLMF 18.9.19", n=DEGREE, alpha=PARAMETER,
    x=lambda y, n, alpha, x: 2 * alpha * _gegenbauer(n, alpha + 1, x))  # fmt: skip
define("eval_jacobi(n, alpha, beta, x)", "DLMF 18.9.15", n=DEGREE, alpha=PARAMETER, beta=PARAMETER,
    x=lambda y, n, alpha, beta, x: 0.5 * (n + alpha + beta + 1)
    * _lower(n, lambda k: f.eval_jacobi(k, alpha + 1, beta + 1, x)))  # fmt: skip
define("eval_sh_jacobi(n, p, q, x)", "DLMF 18.9.15", n=DEGREE, p=PARAMETER, q=PARAMETER,
    x=lambda y, n, p, q, x: n * _lower(n, lambda k: f.eval_sh_jacobi(k, p + 2, q + 1, x)))  # fmt: skip
define("eval_laguerre(n, x)", "DLMF 18.9.23", n=DEGREE,
    x=lambda y, n, x: -_lower(n, lambda k: f.eval_genlaguerre(k, 1.0, x)))  # fmt: skip
define("eval_genlaguerre(n, alpha, x)", "DLMF 18.9.23", n=DEGREE, alpha=PARAMETER,
    x=lambda y, n, alpha, x: -_lower(n, lambda k: f.eval_genlaguerre(k, alpha + 1, x)))  # fmt: skip
define(
    "eval_hermite(n, x)", "DLMF 18.9.25", n=DEGREE, x=lambda y, n, x: 2 * n * _lower(n, lambda k: f.eval_hermite(k, x))
)
define("eval_hermitenorm(n, x)", "DLMF 18.9.27", n=DEGREE,
    x=lambda y, n, x: n * _lower(n, lambda k: f.eval_hermitenorm(k, x)))  # fmt: skip


def _in_python(name, complex=False):
    """Return a function of SciPy's that wraps a generalised ufunc of its own."""

    def evaluate(*xs):
        of = own_type(tuple(map(type_of, xs)), complex)
        found = np.asarray(getattr(importlib.import_module("scipy.special"), name)(*xs), of.dtype)
        return found.reshape(of.shape)[()]  # legendre_p has an axis in front, of derivatives

    return evaluate


define(
    "legendre_p(n, z)",
    "DLMF 18.9.19, 18.7.9",
    n=DEGREE,
    evaluate=_in_python("legendre_p"),
    z=lambda y, n, z: _gegenbauer(n, 1.5, z),
)


def _lpmv_slope(y, m, v, x):
    """½ ((v + m) (v - m + 1) P₍ₘ₋₁₎ - P₍ₘ₊₁₎) / √(1 - x²), P with the Condon-Shortley phase."""
    mean = 0.5 * ((v + m) * (v - m + 1) * f.lpmv(m - 1, v, x) - f.lpmv(m + 1, v, x))
    return mean / sqrt((1 - x) * (1 + x))


define("lpmv(m, v, x)", "DLMF 14.10.1, 14.10.2", note="|x| < 1", m=DEGREE, v=DEGREE, x=_lpmv_slope)


def _harmonic_by_polar(y, n, m, polar, azimuth, harmonic):
    """½ (√((n - m)(n + m + 1)) e^-iφ Y₍ₘ₊₁₎ - √((n + m)(n - m + 1)) e^iφ Y₍ₘ₋₁₎): regular at the poles."""
    n, m = 1.0 * n, 1.0 * m

    def other(step, product):
        there = equal(product, 0)
        return select(there, 0.0, sqrt(select(there, 1.0, product)) * harmonic(step))

    up = other(1, (n - m) * (n + m + 1)) * exp(-1j * azimuth)
    down = other(-1, (n + m) * (n - m + 1)) * exp(1j * azimuth)
    return 0.5 * (up - down)


define("sph_harm_y(n, m, theta, phi)", "DLMF 14.30.1, 14.10.1",
    evaluate=_in_python("sph_harm_y", complex=True), complex=True, note="θ, the polar angle, from 0 to π",
    n=DEGREE, m=DEGREE,
    theta=lambda y, n, m, theta, phi: _harmonic_by_polar(
        y, n, m, theta, phi, lambda step: f.sph_harm_y(n, m + step, theta, phi)),
    phi=lambda y, n, m, theta, phi: 1j * m * y)  # fmt: skip
define("sph_harm(m, n, theta, phi)", "DLMF 14.30.1, 14.10.1", note="θ is the azimuth; not in SciPy from 1.17",
    m=DEGREE, n=DEGREE, theta=lambda y, m, n, theta, phi: 1j * m * y,
    phi=lambda y, m, n, theta, phi: _harmonic_by_polar(
        y, n, m, phi, theta, lambda step: f.sph_harm(m + step, n, theta, phi)))  # fmt: skip

# (value, derivative) of what solves an equation of the second order.
_DEGREES = math.pi / 180


def _mathieu(characteristic):
    """Y'' = -(a - 2 q cos 2x) y, x in degrees."""

    def slopes(y, m, q, x):
        bend = (getattr(f, characteristic)(m, q) - 2 * q * cos(2 * _DEGREES * x)) * y[0]
        return y[1] * _DEGREES, -bend * _DEGREES

    return slopes


def _modified_mathieu(characteristic):
    """Y'' = (a - 2 q cosh 2x) y."""
    return lambda y, m, q, x: (y[1], (getattr(f, characteristic)(m, q) - 2 * q * cosh(2 * x)) * y[0])


for _name, _of in (("cem", "mathieu_a"), ("sem", "mathieu_b")):
    define(f"mathieu_{_name}(m, q, x)", "DLMF 28.2.1", results=2, note="x in degrees", m=DEGREE, q=PARAMETER,
           x=_mathieu(_of))  # fmt: skip
for _name, _of in (("modcem1", "mathieu_a"), ("modcem2", "mathieu_a"), ("modsem1", "mathieu_b"),
                   ("modsem2", "mathieu_b")):  # fmt: skip
    define(f"mathieu_{_name}(m, q, x)", "DLMF 28.20.1", results=2, m=DEGREE, q=PARAMETER, x=_modified_mathieu(_of))
define("mathieu_a(m, q)", "", m=DEGREE, q=PARAMETER)
define("mathieu_b(m, q)", "", m=DEGREE, q=PARAMETER)


def _prolate(m, c, cv, x, y):
    """((1 - x²) w')' + (λ - c² x² - m² / (1 - x²)) w = 0."""
    d = (1 - x) * (1 + x)
    return y[1], (2 * x * y[1] - (cv - c * c * x * x - m * m / d) * y[0]) / d


def _oblate_angular(m, c, cv, x, y):
    """Return the same, with -c² for c²."""
    d = (1 - x) * (1 + x)
    return y[1], (2 * x * y[1] - (cv + c * c * x * x - m * m / d) * y[0]) / d


def _oblate_radial(m, c, cv, x, y):
    """((1 + x²) w')' - (λ - c² x² - m² / (1 + x²)) w = 0."""
    d = 1 + x * x
    return y[1], ((cv - c * c * x * x - m * m / d) * y[0] - 2 * x * y[1]) / d


def _spheroidal(name, equation, characteristic):
    define(f"{name}(m, n, c, x)", "DLMF 30.2.1", results=2, m=DEGREE, n=DEGREE, c=PARAMETER,
           x=lambda y, m, n, c, x: equation(m, c, getattr(f, characteristic)(m, n, c), x, y))  # fmt: skip
    define(f"{name}_cv(m, n, c, cv, x)", "DLMF 30.2.1", results=2, m=DEGREE, n=DEGREE, c=PARAMETER, cv=PARAMETER,
           x=lambda y, m, n, c, cv, x: equation(m, c, cv, x, y))  # fmt: skip


for _kind in ("ang1", "rad1", "rad2"):
    _spheroidal(f"pro_{_kind}", _prolate, "pro_cv")
    _spheroidal(f"obl_{_kind}", _oblate_angular if _kind == "ang1" else _oblate_radial, "obl_cv")
define("pro_cv(m, n, c)", "", m=DEGREE, n=DEGREE, c=PARAMETER)
define("obl_cv(m, n, c)", "", m=DEGREE, n=DEGREE, c=PARAMETER)
