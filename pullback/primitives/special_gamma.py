"""Gamma and beta functions, complete and incomplete, and their inverses.

Differences of digammas are taken by `psi_gap`, and densities by functions of their own, as both
cancel: ψ(a) - ψ(a + b) is 1e-6 at a = 1e6, b = 1, where each is 14.
"""

from __future__ import annotations

import math

from .choice import select
from .comparison import less
from .discrete import rint
from .special import define, f, is_complex
from .special_densities import psi_gap
from .trigonometric import cos, sin

ZETA = "the derivative of the zeta function by its first argument is no function that SciPy has"


def _rgamma_slope(y, x):
    """Left of ½ by reflection (DLMF 5.5.3): at 0, -1, -2 … 1/Γ is 0, and its derivative is not."""
    if is_complex(x):
        return -f.digamma(x) * y
    left = less(x, 0.5)
    z = select(left, 1.0 - x, 1.0)
    angle = (x - 2.0 * rint(0.5 * x)) * math.pi
    near = f.gamma(z) * (cos(angle) - f.digamma(z) * sin(angle) / math.pi)
    return select(left, near, -f.digamma(x) * y)


def _trigamma(y, x):
    return f._complex_zeta(2.0, x) if is_complex(x) else f.zeta(2.0, x)


define("gamma(z)", "DLMF 5.2.2", z=lambda y, z: y * f.digamma(z))
define("gammaln(x)", "DLMF 5.2.2", x=lambda y, x: f.digamma(x))
define("loggamma(z)", "DLMF 5.2.2", z=lambda y, z: f.digamma(z))
define("gammasgn(x)", "DLMF 5.2.1", note="a step function", x=None)
define("rgamma(z)", "DLMF 5.2.2, 5.5.3", z=_rgamma_slope)
define("digamma(z)", "DLMF 5.15.1", z=_trigamma)
define("psi(z)", "DLMF 5.15.1", z=_trigamma)
define("zeta(x, q)", "DLMF 25.11.17", ufunc="_zeta", x=ZETA, q=lambda y, x, q: -x * f.zeta(x + 1, q))
define("_riemann_zeta(x)", "", x=ZETA)
define("zetac(x)", "", x=ZETA)
define("poch(z, m)", "DLMF 5.2.5", z=lambda y, z, m: y * psi_gap(z, m), m=lambda y, z, m: y * f.digamma(z + m))
define("binom(x, y)", "DLMF 1.2.6", note="NaN where a factorial has a pole",
    x=lambda r, x, y: r * psi_gap(x - y + 1, y),
    y=lambda r, x, y: r * psi_gap(y + 1, x - 2 * y))  # fmt: skip
define("beta(a, b)", "DLMF 5.12.1", a=lambda y, a, b: -y * psi_gap(a, b), b=lambda y, a, b: -y * psi_gap(b, a))
define("betaln(a, b)", "DLMF 5.12.1", a=lambda y, a, b: -psi_gap(a, b), b=lambda y, a, b: -psi_gap(b, a))

# Incomplete, and their inverses: dy/dp = 1 / density(y), and by a parameter the implicit function theorem. By the
# parameters `special_parameters` has the derivatives, of first order.
density, beta_density = f._gamma_density, f._beta_density
by_a, beta_by_a = f._gammainc_by_a, f._betainc_by_a


def beta_by_b(a, b, x, c):
    """Return ∂I(a, b, x) / ∂b: I(a, b, x) is 1 - I(b, a, 1 - x)."""
    return -beta_by_a(b, a, c, x)


define("gammainc(a, x)", "DLMF 8.8.13", a=lambda y, a, x: by_a(a, x), x=lambda y, a, x: density(a, x))
define("gammaincc(a, x)", "DLMF 8.8.14", a=lambda y, a, x: -by_a(a, x), x=lambda y, a, x: -density(a, x))
define("gammaincinv(a, y)", "DLMF 8.12.18", a=lambda x, a, p: -by_a(a, x) / density(a, x),
    y=lambda x, a, p: 1 / density(a, x))  # fmt: skip
define("gammainccinv(a, y)", "DLMF 8.12.18", a=lambda x, a, p: -by_a(a, x) / density(a, x),
    y=lambda x, a, p: -1 / density(a, x))  # fmt: skip
define("betainc(a, b, x)", "DLMF 8.17.1", a=lambda y, a, b, x: beta_by_a(a, b, x, 1 - x),
    b=lambda y, a, b, x: beta_by_b(a, b, x, 1 - x), x=lambda y, a, b, x: beta_density(a, b, x, 1 - x))  # fmt: skip
define("betaincc(a, b, x)", "DLMF 8.17.1", a=lambda y, a, b, x: -beta_by_a(a, b, x, 1 - x),
    b=lambda y, a, b, x: -beta_by_b(a, b, x, 1 - x), x=lambda y, a, b, x: -beta_density(a, b, x, 1 - x))  # fmt: skip


def _inverted(moved, complement):
    """Return the derivative of an inverse by a parameter: minus that of the function, over the density."""

    def slope(x, a, b, p):
        c = complement(b, a, p)  # 1 - x, where x has been rounded to 1
        return -moved(a, b, x, c) / beta_density(a, b, x, c)

    return slope


define("betaincinv(a, b, y)", "DLMF 8.17.1",
    a=_inverted(beta_by_a, f.betainccinv), b=_inverted(beta_by_b, f.betainccinv),
    y=lambda x, a, b, p: 1 / beta_density(a, b, x, f.betainccinv(b, a, p)))  # fmt: skip
define("betainccinv(a, b, y)", "DLMF 8.17.1",
    a=_inverted(beta_by_a, f.betaincinv), b=_inverted(beta_by_b, f.betaincinv),
    y=lambda x, a, b, p: -1 / beta_density(a, b, x, f.betaincinv(b, a, p)))  # fmt: skip
