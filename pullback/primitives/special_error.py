"""Error functions, the normal distribution, exponential, sine and Fresnel integrals, Lambert's W.

`gaussian` is e^(-x²) to a few ulp. Where w' = 2 x w - 2/√π and its like cancel, for large |x|, stands the
asymptotic series of the derivative itself. Quantiles far out are differentiated by means of erfcx: e^(-y²) is
p / erfcx(y), where p is what was given, and y was rounded.
"""

from __future__ import annotations

import math

from .choice import minimum, select
from .comparison import equal, greater, greater_equal, less, logical_and
from .complex import absolute, imag, real
from .discrete import fmod, rint
from .exponential import erfc, exp, expm1, gaussian, log
from .special import define, f, horner, is_complex
from .trigonometric import cos, cosh, sin, sinh, spherical_jn

_SQRT_PI = math.sqrt(math.pi)
_SQRT_2PI = math.sqrt(2 * math.pi)
_SQRT_HALF = math.sqrt(0.5)
_FAR = 6.5
_TERMS = [math.prod(range(1, 2 * k + 2, 2)) / 2.0**k for k in range(28)]  # (2k + 1)!! / 2ᵏ


def _tail(x, alternates):
    """Return Σ (±1)ᵏ (2k + 1)!! / (2ᵏ x²ᵏ⁺²), for |x| > 6.5 (DLMF 7.12.1, differentiated)."""
    z = 1 / (x * x)
    return z * horner(-z if alternates else z, _TERMS)


def normal_density(x):
    """Return e^(-x²/2) / √(2π): the square of e^(-(x/2)²), as x/2 is exact and x/√2 is not."""
    half = gaussian(0.5 * x)
    return half * half / _SQRT_2PI


def growth(x):
    """Return e^(x²), of x = h + t, where h² is exact, as in `gaussian`."""
    if is_complex(x):
        return exp(x * x)
    h = rint(x * 64.0) * (1 / 64)
    return exp(h * h) * exp((x - h) * (x + h))


def _erfcx_slope(y, x):
    if is_complex(x):
        return 2 * x * y - 2 / _SQRT_PI
    far = greater(x, _FAR)
    return select(far, -_tail(select(far, x, _FAR), alternates=True) / _SQRT_PI, 2 * x * y - 2 / _SQRT_PI)


def _dawsn_slope(y, x):
    if is_complex(x):
        return 1 - 2 * x * y
    far = greater(absolute(x), _FAR)
    return select(far, -0.5 * _tail(select(far, x, _FAR), alternates=False), 1 - 2 * x * y)


def _wofz_slope(y, z):
    """Far from 0 above the real axis by the series; there w ~ i / (√π z)."""
    far = logical_and(greater(absolute(z), 2 * _FAR), greater_equal(imag(z), 0.0))
    series = _tail(select(far, z, 2j * _FAR), alternates=False) * (-1j / _SQRT_PI)
    return select(far, series, -2 * z * y + 2j / _SQRT_PI)


def _erfinv_slope(y, p):
    near = less(absolute(p), 0.5)
    size = absolute(select(near, 0.75, p))
    tail = f.erfcx(f.erfinv(size)) / (1 - size)
    return select(near, 1 / gaussian(select(near, y, 0.0)), tail) * (0.5 * _SQRT_PI)


def _erfcinv_slope(y, p):
    above = greater(p, 1.0)
    q = select(above, 2 - p, p)
    return -0.5 * _SQRT_PI * f.erfcx(f.erfcinv(q)) / q


def _ndtri_slope(y, p):
    near = less(absolute(p - 0.5), 0.25)
    q = select(near, 0.25, minimum(p, 1 - p))
    tail = 0.5 * _SQRT_2PI * f.erfcx(-_SQRT_HALF * f.ndtri(q)) / q
    return select(near, 1 / normal_density(select(near, y, 0.0)), tail)


def _ndtri_exp_slope(x, y):
    below = less(x, 0.0)
    first = 0.5 * _SQRT_2PI * f.erfcx(-_SQRT_HALF * select(below, x, 0.0))
    second = 0.5 * _SQRT_2PI * f.erfcx(_SQRT_HALF * select(below, 0.0, x)) * exp(y) / -expm1(y)
    return select(below, first, second)


def _log_ndtr_slope(y, x):
    """φ(x) / Φ(x): left of 0 as √(2/π) / erfcx(-x/√2), where both are tiny."""
    if is_complex(x):
        return math.sqrt(2 / math.pi) / f.erfcx(-_SQRT_HALF * x)
    left = less(x, 0.0)
    near = math.sqrt(2 / math.pi) / f.erfcx(-_SQRT_HALF * select(left, x, 0.0))
    right = select(left, 0.0, x)
    return select(left, near, normal_density(right) / f.ndtr(right))


def _quarter_turns(x):
    """Return x² modulo 4, for Fresnel's sin(½ π x²): of x = h + d, h an integer, h² is exact."""
    if is_complex(x):
        return x * x
    h = rint(x)
    d = x - h
    return fmod(h * h, 4.0) + fmod(d * (2.0 * h), 4.0) + d * d


def _fresnel_slopes(y, x):
    angle = 0.5 * math.pi * _quarter_turns(x)
    return sin(angle), cos(angle)


def _over_itself(function, x, series):
    """Return function(x) / x, near 0 by its series in x²."""
    near = less(absolute(x), 0.5)
    small, large = select(near, x, 0.0), select(near, 1.0, x)
    return select(near, horner(small * small, series), function(large) / large)


_SINH = [1 / math.factorial(2 * k + 1) for k in range(9)]


def _expn_slope(y, n, x):
    """-Eₙ₋₁(x), and of E₀ = e^-x / x the derivative of that."""
    none = equal(n, 0)
    return select(none, -y * (1 + 1 / x), -f.expn(select(none, 1, n) - 1, x))


def _spence_slope(y, z):
    """Log z / (1 - z); at 1 it is -1."""
    d = z - 1
    near = less(absolute(d), 0.1)
    small, large = select(near, d, 0.0), select(near, 2.0, z)
    return select(near, -horner(-small, [1 / k for k in range(1, 19)]), log(large) / (1 - large))


def _lambertw_slope(w, z, k, tol):
    """e^-w / (1 + w), or w / (z (1 + w)), whose parts do not underflow."""
    near = less(absolute(w), 1.0)
    return select(near, exp(-select(near, w, 0.0)), w / select(near, 1.0, z)) / (1 + w)


def _voigt_slopes(x, sigma, gamma):
    """Return the derivatives by x and γ of V = Re w(z) / (σ √2π), z = (x + iγ) / (σ √2): real and imaginary part."""
    z = (x + 1j * gamma) / (sigma * math.sqrt(2))
    slope = _wofz_slope(f.wofz(z), z) / (2 * _SQRT_PI * sigma * sigma)
    return real(slope), -imag(slope)


def _voigt_by_sigma(y, x, sigma, gamma):
    """V is homogeneous of degree -1."""
    by_x, by_gamma = _voigt_slopes(x, sigma, gamma)
    return -(y + x * by_x + gamma * by_gamma) / sigma


define("erfcx(x)", "DLMF 7.2.3, 7.12.1", note="for large x by the series", x=_erfcx_slope)
define("erfi(x)", "DLMF 7.5.1", x=lambda y, x: 2 / _SQRT_PI * growth(x))
define("dawsn(x)", "DLMF 7.5.1, 7.12.1", note="for large |x| by the series", x=_dawsn_slope)
define("wofz(z)", "DLMF 7.10.2", note="complex z", z=_wofz_slope)
define("erfinv(y)", "DLMF 7.17.1", y=_erfinv_slope)
define("erfcinv(y)", "DLMF 7.17.1", y=_erfcinv_slope)
define("ndtr(x)", "DLMF 7.1.1", x=lambda y, x: normal_density(x))
define("log_ndtr(x)", "DLMF 7.1.1", x=_log_ndtr_slope)
define("ndtri(y)", "DLMF 7.17.1", y=_ndtri_slope)
define("ndtri_exp(y)", "DLMF 7.17.1", y=_ndtri_exp_slope)
define("owens_t(h, a)", "Owen, Ann. Math. Stat. 27 (1956)",
    h=lambda y, h, a: -0.5 * normal_density(h) * (1 - erfc(_SQRT_HALF * a * h)),
    a=lambda y, h, a: normal_density(h) * normal_density(a * h) / (1 + a * a))  # fmt: skip
define("voigt_profile(x, sigma, gamma)", "DLMF 7.19.1",
    x=lambda y, x, sigma, gamma: _voigt_slopes(x, sigma, gamma)[0], sigma=_voigt_by_sigma,
    gamma=lambda y, x, sigma, gamma: _voigt_slopes(x, sigma, gamma)[1])  # fmt: skip

define("fresnel(z)", "DLMF 7.2.7, 7.2.8", results=2, z=_fresnel_slopes)
define("modfresnelp(x)", "its definition", results=2,
    x=lambda y, x: (-exp(1j * x * x), -2j * x * y[1] - exp(-0.25j * math.pi) / _SQRT_PI))  # fmt: skip
define("modfresnelm(x)", "its definition", results=2,
    x=lambda y, x: (-exp(-1j * x * x), 2j * x * y[1] - exp(0.25j * math.pi) / _SQRT_PI))  # fmt: skip
define("sici(x)", "DLMF 6.2.9, 6.2.11", results=2, x=lambda y, x: (spherical_jn(x, n=0), cos(x) / x))
define("shichi(x)", "DLMF 6.2.15, 6.2.16", results=2,
    x=lambda y, x: (_over_itself(sinh, x, _SINH), cosh(x) / x))  # fmt: skip
define("expn(n, x)", "DLMF 8.19.13", n="its derivative by the order is no function that SciPy has", x=_expn_slope)
define("exp1(z)", "DLMF 6.2.1", z=lambda y, z: -exp(-z) / z)
define("expi(x)", "DLMF 6.2.5", x=lambda y, x: exp(x) / x)
define("spence(z)", "DLMF 25.12.2", z=_spence_slope)
define("lambertw(z, k, tol)", "DLMF 4.13.4", ufunc="_lambertw", note="infinite at the branch point -1/e",
    z=_lambertw_slope, k=None, tol=None)  # fmt: skip
define("wrightomega(z)", "DLMF 4.13.4", z=lambda y, z: y / (1 + y))
