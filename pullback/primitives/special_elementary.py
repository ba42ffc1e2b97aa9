"""Elementary functions of SciPy's: logarithms and powers in disguise, losses, transformations.

Sources that name no page of the DLMF: the derivative follows from the definition in SciPy's documentation.
"""

from __future__ import annotations

import math

from .arithmetic import mask
from .choice import select
from .comparison import equal, greater, less, logical_and, logical_or, not_equal
from .complex import absolute, sign
from .exponential import exp, log, log1p, power, sigmoid
from .special import define, f, horner
from .trigonometric import arcsinh, hypot, sin, tanh

_DEGREE = math.pi / 180
DEFINITION = "its definition"


def exprel_slope(x):
    """Return the derivative of (e^x - 1) / x: (e^x - exprel x) / x cancels near 0, and ½ M(2, 3, x) does not.

    M is Kummer's function (DLMF 13.4.1). Near 0 its series, Σ (k + 1) xᵏ / (k + 2)!.
    """
    near = less(absolute(x), 1.0)
    small, large = select(near, x, 0.0), select(near, 1.0, x)
    series = horner(small, [(k + 1) / math.factorial(k + 2) for k in range(19)])
    return select(near, series, (exp(large) - f.exprel(large)) / large)


def log_ratio(x, y):
    """Return log(x / y): near 1 by x - y, which is exact there; far from it without overflow."""
    ratio = x / y
    near = logical_and(less(ratio, 2.0), greater(ratio, 0.5))
    far = logical_or(less(ratio, 1e-200), greater(ratio, 1e200))
    result = select(far, log(x) - log(y), log(ratio))
    return select(near, log1p((x - y) / y), result)


def _of_boxes(u):
    """Return (u / (1 + u) - log(1 + u)) / u², whose series is -Σ (-u)ᵏ (k + 1) / (k + 2)."""
    near = less(absolute(u), 0.15)
    small, large = select(near, u, 0.0), select(near, 1.0, u)
    series = -horner(-small, [(k + 1) / (k + 2) for k in range(20)])
    return select(near, series, (large / (1 + large) - log1p(large)) / (large * large))


define("logit(x)", DEFINITION, x=lambda y, x: 1 / (x * (1 - x)))
define("log_expit(x)", DEFINITION, x=lambda y, x: sigmoid(-x))
define("exprel(x)", "DLMF 13.6.2, 13.3.15", x=lambda y, x: exprel_slope(x))
define("cosm1(x)", "DLMF 4.20.2", x=lambda y, x: -sin(x))
define("exp10(x)", "DLMF 4.7.4", x=lambda y, x: y * math.log(10))
define("sindg(x)", "DLMF 4.20.1", x=lambda y, x: f.cosdg(x) * _DEGREE)
define("cosdg(x)", "DLMF 4.20.2", x=lambda y, x: f.sindg(x) * -_DEGREE)
define("tandg(x)", "DLMF 4.20.3", x=lambda y, x: (1 + y * y) * _DEGREE)
define("cotdg(x)", "DLMF 4.20.6", x=lambda y, x: (1 + y * y) * -_DEGREE)
define("radian(d, m, s)", DEFINITION,
    d=lambda y, d, m, s: _DEGREE, m=lambda y, d, m, s: _DEGREE / 60, s=lambda y, d, m, s: _DEGREE / 3600)  # fmt: skip
define("round(x)", DEFINITION, note="a step function", x=None)
define("powm1(x, y)", "DLMF 4.7.5", x=lambda r, x, y: y * power(x, y - 1), y=lambda r, x, y: power(x, y) * log(x))

define("xlogy(x, y)", DEFINITION, note="by x at x = 0 it is log y; by y at (0, 0) it is 0",
    x=lambda r, x, y: log(y),
    y=lambda r, x, y: mask(logical_or(not_equal(x, 0), not_equal(y, 0)), x / y))  # fmt: skip
define("xlog1py(x, y)", DEFINITION, note="by x at x = 0 it is log(1 + y); by y at (0, -1) it is 0",
    x=lambda r, x, y: log1p(y),
    y=lambda r, x, y: mask(logical_or(not_equal(x, 0), not_equal(y, -1)), x / (1 + y)))  # fmt: skip
define("entr(x)", DEFINITION, note="at 0 the derivative is infinite", x=lambda y, x: -1 - log(x))
define("rel_entr(x, y)", DEFINITION, note="by x at 0 it is -∞", x=lambda r, x, y: log_ratio(x, y) + 1,
    y=lambda r, x, y: -x / y)  # fmt: skip
define("kl_div(x, y)", DEFINITION, note="by x at 0 it is -∞", x=lambda r, x, y: log_ratio(x, y),
    y=lambda r, x, y: (y - x) / y)  # fmt: skip
define("huber(delta, r)", DEFINITION, note="at |r| = δ the second derivative is that of the quadratic part",
    delta=lambda y, delta, r: mask(greater(absolute(r), delta), absolute(r) - delta),
    r=lambda y, delta, r: select(greater(absolute(r), delta), delta * sign(r), r))  # fmt: skip


def _pseudo_huber_by_delta(y, delta, r):
    """δ u⁴ / (s (s + 1)²), u = r / δ, s = √(1 + u²): the textbook's 2δ (s - 1) - r² / (δ s) cancels for small u."""
    u = r / delta
    s = hypot(1.0, u)
    v = u / (s + 1)
    return r * v * v * (u / s)


# By r it is r / √(1 + (r / δ)²); written so, its own derivative does not cancel.
define("pseudo_huber(delta, r)", DEFINITION, delta=_pseudo_huber_by_delta,
    r=lambda y, delta, r: delta * tanh(arcsinh(r / delta)))  # fmt: skip


def boxcox_by_lambda(log_x, lmbda):
    """Return the derivative of (x^λ - 1) / λ = log x · exprel(λ log x) by λ; at x = 0 its limit, 1 / λ²."""
    none = equal(log_x, -math.inf)
    safe = select(none, -1.0, log_x)
    return select(none, 1 / (lmbda * lmbda), safe * safe * exprel_slope(lmbda * safe))


define("boxcox(x, lmbda)", DEFINITION, x=lambda y, x, lmbda: power(x, lmbda - 1),
    lmbda=lambda y, x, lmbda: boxcox_by_lambda(log(x), lmbda))  # fmt: skip
define("boxcox1p(x, lmbda)", DEFINITION, x=lambda y, x, lmbda: exp((lmbda - 1) * log1p(x)),
    lmbda=lambda y, x, lmbda: boxcox_by_lambda(log1p(x), lmbda))  # fmt: skip
define("inv_boxcox(y, lmbda)", DEFINITION, y=lambda x, y, lmbda: power(x, 1 - lmbda),
    lmbda=lambda x, y, lmbda: x * y * y * _of_boxes(lmbda * y))  # fmt: skip
define("inv_boxcox1p(y, lmbda)", DEFINITION, y=lambda x, y, lmbda: power(f.inv_boxcox(y, lmbda), 1 - lmbda),
    lmbda=lambda x, y, lmbda: f.inv_boxcox(y, lmbda) * y * y * _of_boxes(lmbda * y))  # fmt: skip


def _tukey_density(y, x, lmbda):
    """1 / (F^(λ - 1) + (1 - F)^(λ - 1)) inside the support; 1 - F is F at -x."""
    other = f.tklmbda(-x, lmbda)
    inside = logical_and(greater(y, 0), greater(other, 0))
    return mask(inside, 1 / (power(y, lmbda - 1) + power(other, lmbda - 1)))


def _tukey_by_lambda(y, x, lmbda):
    other = f.tklmbda(-x, lmbda)
    moved = boxcox_by_lambda(log(y), lmbda) - boxcox_by_lambda(log(other), lmbda)
    return -_tukey_density(y, x, lmbda) * moved


define("tklmbda(x, lmbda)", "the quantile function is (p^λ - (1 - p)^λ) / λ", x=_tukey_density, lmbda=_tukey_by_lambda)
