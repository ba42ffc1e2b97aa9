"""Distribution functions of SciPy's, their complements and inverses, by the argument that a density stands behind.

An inverse y of p has 1 / density(y) by p; by a parameter that the distribution moves with in a known way, the
implicit function theorem.
"""

from __future__ import annotations

import math
from typing import Any

from .arithmetic import mask
from .choice import select
from .comparison import equal, greater, less
from .discrete import floor
from .exponential import exp, gaussian, log1p, power, sqrt
from .special import define, f
from .special_error import normal_density

PARAMETER = "the derivative by this parameter is no function that SciPy has"
COUNT = "it counts: the function is a step function of it, or is inverted by it"
NO_DENSITY = "its density is no function that SciPy has"
gamma_density, beta_density = f._gamma_density, f._beta_density
by_a, beta_by_a = f._gammainc_by_a, f._betainc_by_a


def _chi2(v, x):
    return 0.5 * gamma_density(0.5 * v, 0.5 * x)


def _chi2_by_v(v, x):
    return 0.5 * by_a(0.5 * v, 0.5 * x)


def _poisson(k, m):
    """Return the last term of the sum to k of e^-m mʲ / j!, which is minus its derivative."""
    return gamma_density(floor(1.0 * k) + 1, m)


def _binomial(k, n, p):
    k = floor(1.0 * k)
    return beta_density(k + 1, n - k, p, 1 - p)


def _negative_binomial(k, n, p):
    return beta_density(1.0 * n, floor(1.0 * k) + 1, p, 1 - p)


def _f(dfn, dfd, x):
    total = dfd + dfn * x
    return beta_density(0.5 * dfn, 0.5 * dfd, dfn * x / total, dfd / total) * (dfn / total) * (dfd / total)


def _t(df, t):
    """(1 + t²/ν)^(-(ν + 1)/2) / (√ν B(½, ν/2))."""
    return exp(-0.5 * (df + 1) * log1p(t * t / df)) / (sqrt(1.0 * df) * f.beta(0.5, 0.5 * df))


def _noncentral_chi2(x, df, nc):
    """½ e^-(√x - √λ)²/2 (x/λ)^(k/4 - ½) Iᵥ(√(λ x)) e^-√(λ x), v = k/2 - 1; λ = 0 is chi-squared."""
    central = equal(nc, 0)
    lam = select(central, 1.0, nc)
    root = sqrt(x * lam)
    gap = (x - lam) / (sqrt(x) + sqrt(lam))
    half = gaussian(0.5 * gap)
    found = 0.5 * half * half * power(x / lam, 0.25 * df - 0.5) * f.ive(0.5 * df - 1, root)
    return select(central, _chi2(df, x), found)


define("chdtr(v, x)", "DLMF 8.8.13", v=lambda y, v, x: _chi2_by_v(v, x), x=lambda y, v, x: _chi2(v, x))
define("chdtrc(v, x)", "DLMF 8.8.14", v=lambda y, v, x: -_chi2_by_v(v, x), x=lambda y, v, x: -_chi2(v, x))
define("chdtri(v, p)", "DLMF 8.8.14", v=lambda x, v, p: -_chi2_by_v(v, x) / _chi2(v, x),
    p=lambda x, v, p: -1 / _chi2(v, x))  # fmt: skip
define("chdtriv(p, x)", "DLMF 8.8.13", p=lambda v, p, x: 1 / _chi2_by_v(v, x),
    x=lambda v, p, x: -_chi2(v, x) / _chi2_by_v(v, x))  # fmt: skip
define("gdtr(a, b, x)", "DLMF 8.8.13", a=lambda y, a, b, x: x * gamma_density(b, a * x),
    b=lambda y, a, b, x: by_a(b, a * x), x=lambda y, a, b, x: a * gamma_density(b, a * x))  # fmt: skip
define("gdtrc(a, b, x)", "DLMF 8.8.14", a=lambda y, a, b, x: -x * gamma_density(b, a * x),
    b=lambda y, a, b, x: -by_a(b, a * x), x=lambda y, a, b, x: -a * gamma_density(b, a * x))  # fmt: skip
define("gdtria(p, b, x)", "DLMF 8.8.13", p=lambda a, p, b, x: 1 / (x * gamma_density(b, a * x)),
    b=lambda a, p, b, x: -by_a(b, a * x) / (x * gamma_density(b, a * x)), x=lambda a, p, b, x: -a / x)  # fmt: skip
define("gdtrix(a, b, p)", "DLMF 8.8.13", a=lambda x, a, b, p: -x / a,
    b=lambda x, a, b, p: -by_a(b, a * x) / (a * gamma_density(b, a * x)),
    p=lambda x, a, b, p: 1 / (a * gamma_density(b, a * x)))  # fmt: skip
define("gdtrib(a, p, x)", "DLMF 8.8.13", a=lambda b, a, p, x: -x * gamma_density(b, a * x) / by_a(b, a * x),
    p=lambda b, a, p, x: 1 / by_a(b, a * x),
    x=lambda b, a, p, x: -a * gamma_density(b, a * x) / by_a(b, a * x))  # fmt: skip
define("pdtr(k, m)", "DLMF 8.8.14", k=COUNT, m=lambda y, k, m: -_poisson(k, m))
define("pdtrc(k, m)", "DLMF 8.8.13", k=COUNT, m=lambda y, k, m: _poisson(k, m))
define("pdtri(k, y)", "DLMF 8.8.14", k=COUNT, y=lambda m, k, y: -1 / _poisson(k, m))
define("pdtrik(p, m)", "", p=COUNT, m=COUNT)
define("bdtr(k, n, p)", "DLMF 8.17.5", k=COUNT, n=PARAMETER, p=lambda y, k, n, p: -_binomial(k, n, p))
define("bdtrc(k, n, p)", "DLMF 8.17.5", k=COUNT, n=PARAMETER, p=lambda y, k, n, p: _binomial(k, n, p))
define("bdtri(k, n, y)", "DLMF 8.17.5", k=COUNT, n=PARAMETER, y=lambda p, k, n, y: -1 / _binomial(k, n, p))
define("bdtrik(y, n, p)", "", y=COUNT, n=COUNT, p=COUNT)
define("bdtrin(k, y, p)", "", k=COUNT, y=COUNT, p=COUNT)
define("nbdtr(k, n, p)", "DLMF 8.17.24", k=COUNT, n=PARAMETER, p=lambda y, k, n, p: _negative_binomial(k, n, p))
define("nbdtrc(k, n, p)", "DLMF 8.17.24", k=COUNT, n=PARAMETER, p=lambda y, k, n, p: -_negative_binomial(k, n, p))
define("nbdtri(k, n, y)", "DLMF 8.17.24", k=COUNT, n=PARAMETER, y=lambda p, k, n, y: 1 / _negative_binomial(k, n, p))
define("nbdtrik(y, n, p)", "", y=COUNT, n=COUNT, p=COUNT)
define("nbdtrin(k, y, p)", "", k=COUNT, y=COUNT, p=COUNT)
define("fdtr(dfn, dfd, x)", "DLMF 8.17.1", dfn=PARAMETER, dfd=PARAMETER, x=lambda y, dfn, dfd, x: _f(dfn, dfd, x))
define("fdtrc(dfn, dfd, x)", "DLMF 8.17.1", dfn=PARAMETER, dfd=PARAMETER, x=lambda y, dfn, dfd, x: -_f(dfn, dfd, x))
define("fdtri(dfn, dfd, p)", "DLMF 8.17.1", dfn=PARAMETER, dfd=PARAMETER, p=lambda x, dfn, dfd, p: 1 / _f(dfn, dfd, x))
define("fdtridfd(dfn, p, x)", "", dfn=PARAMETER, p=PARAMETER, x=PARAMETER)
define("stdtr(df, t)", "DLMF 8.17.1", df=PARAMETER, t=lambda y, df, t: _t(df, t))
define("stdtrit(df, p)", "DLMF 8.17.1", df=PARAMETER, p=lambda t, df, p: 1 / _t(df, t))
define("stdtridf(p, t)", "", p=PARAMETER, t=PARAMETER)
define("btdtria(p, b, x)", "DLMF 8.17.1", p=lambda a, p, b, x: 1 / beta_by_a(a, b, x, 1 - x),
    b=lambda a, p, b, x: beta_by_a(b, a, 1 - x, x) / beta_by_a(a, b, x, 1 - x),
    x=lambda a, p, b, x: -beta_density(a, b, x, 1 - x) / beta_by_a(a, b, x, 1 - x))  # fmt: skip
define("btdtrib(a, p, x)", "DLMF 8.17.1", p=lambda b, a, p, x: -1 / beta_by_a(b, a, 1 - x, x),
    a=lambda b, a, p, x: beta_by_a(a, b, x, 1 - x) / beta_by_a(b, a, 1 - x, x),
    x=lambda b, a, p, x: beta_density(a, b, x, 1 - x) / beta_by_a(b, a, 1 - x, x))  # fmt: skip

_CHI2 = "Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 2, 29.4"
define("chndtr(x, df, nc)", _CHI2, df=PARAMETER, x=lambda y, x, df, nc: _noncentral_chi2(x, df, nc),
    nc=lambda y, x, df, nc: -_noncentral_chi2(x, df + 2, nc))  # fmt: skip
define("chndtrix(p, df, nc)", _CHI2, df=PARAMETER, p=lambda x, p, df, nc: 1 / _noncentral_chi2(x, df, nc),
    nc=lambda x, p, df, nc: _noncentral_chi2(x, df + 2, nc) / _noncentral_chi2(x, df, nc))  # fmt: skip
define("chndtrinc(x, df, p)", _CHI2, df=PARAMETER, p=lambda nc, x, df, p: -1 / _noncentral_chi2(x, df + 2, nc),
    x=lambda nc, x, df, p: _noncentral_chi2(x, df, nc) / _noncentral_chi2(x, df + 2, nc))  # fmt: skip
define("chndtridf(x, p, nc)", "", x=PARAMETER, p=PARAMETER, nc=PARAMETER)
for _signature in ("ncfdtr(dfn, dfd, nc, f)", "ncfdtri(dfn, dfd, nc, p)", "ncfdtridfd(dfn, p, nc, f)",
                   "ncfdtridfn(p, dfd, nc, f)", "ncfdtrinc(dfn, dfd, p, f)", "nctdtr(df, nc, t)",
                   "nctdtridf(p, nc, t)", "nctdtrinc(df, p, t)", "nctdtrit(df, nc, p)"):  # fmt: skip
    _arguments = _signature.partition("(")[2].rstrip(")").split(", ")
    _refused: Any = dict.fromkeys(_arguments, NO_DENSITY)
    define(_signature, "", **_refused)

define("nrdtrimn(p, std, x)", "x - σ Φ⁻¹(p)", p=lambda y, p, std, x: -std / normal_density(f.ndtri(p)),
    std=lambda y, p, std, x: -f.ndtri(p), x=lambda y, p, std, x: 1.0)  # fmt: skip
define("nrdtrisd(mn, p, x)", "(x - μ) / Φ⁻¹(p)", mn=lambda y, mn, p, x: -1 / f.ndtri(p),
    x=lambda y, mn, p, x: 1 / f.ndtri(p),
    p=lambda y, mn, p, x: -y / (f.ndtri(p) * normal_density(f.ndtri(p))))  # fmt: skip

# Kolmogorov and Smirnov.


def _kolmogorov_slope(y, x):
    """-8 x Σ (-1)ᵏ⁻¹ k² e^(-2 k² x²), and for small x what Jacobi's transformation makes of it (DLMF 20.7.32)."""
    small = less(x, 1.0)
    a, b = select(small, x, 0.5), select(small, 2.0, x)
    far = sum((-1) ** k * 8 * k * k * b * gaussian(math.sqrt(2) * k * b) for k in range(1, 5))
    z = 1 / (a * a)
    near = 0.0
    for k in (1, 3, 5, 7):
        c = (k * math.pi) ** 2 / 8
        near = near - math.sqrt(2 * math.pi) * exp(-c * z) * z * (2 * c * z - 1)
    return select(small, mask(greater(x, 0.02), near), far)


define("kolmogorov(y)", "DLMF 20.7.32", y=_kolmogorov_slope)
define("kolmogi(p)", "DLMF 20.7.32", p=lambda x, p: 1 / _kolmogorov_slope(p, x))
define("_smirnovp(n, d)", "", n=COUNT, d="the second derivative of Smirnov's statistic is no function that SciPy has")
define("smirnov(n, d)", "Birnbaum and Tingey, Ann. Math. Stat. 22 (1951)", note="of first order", n=COUNT,
    d=lambda y, n, d: f._smirnovp(n, d))  # fmt: skip
define("smirnovi(n, p)", "Birnbaum and Tingey, Ann. Math. Stat. 22 (1951)", note="of first order", n=COUNT,
    p=lambda d, n, p: 1 / f._smirnovp(n, d))  # fmt: skip
