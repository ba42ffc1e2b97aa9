"""Bessel functions and their relatives: Airy, Kelvin, Struve, parabolic cylinder.

By the order there is no derivative that SciPy has. Of functions scaled by an exponential, the derivative is
the difference of two that agree to 1/z: for large real z it is taken by Hankel's expansion (DLMF 10.40.1, .2).
"""

from __future__ import annotations

import math
from typing import Any

from pullback.core import source
from pullback.core.errors import NotWritten

from .choice import maximum, select
from .comparison import equal, greater, less, logical_and
from .complex import absolute, sign
from .exponential import power, sqrt
from .special import define, f, horner, is_complex

ORDER = "its derivative by the order is no function that SciPy has"
_TERMS = 24


def _mean(name):
    """(C₍ᵥ₋₁₎ - C₍ᵥ₊₁₎) / 2."""
    c = getattr(f, name)
    return lambda y, v, z: 0.5 * (c(v - 1, z) - c(v + 1, z))


def _hankel_slope(v, z, signs):
    """Return d/dz of Σ (±1)ᵏ aₖ(v) / zᵏ⁺½, where aₖ = Π (4v² - (2j - 1)²) / (8ᵏ k!) (DLMF 10.17.1)."""
    w, a, total = 1 / z, 1.0, -0.5
    for k in range(1, _TERMS):
        a = a * ((4.0 * v * v - (2 * k - 1) ** 2) * w * (signs / (8 * k)))
        total = total - a * (k + 0.5)
    return total * w * sqrt(w)


def _scaled(v, z, slope, signs, factor):
    """Return the derivative of a scaled function: far out, z > 30 and z > v², by the expansion."""
    if is_complex(z):
        return slope
    far = logical_and(greater(z, 30.0), greater(z, v * v * 1.0))
    safe = select(far, z, 100.0)
    return select(far, _hankel_slope(select(far, v * 1.0, 0.0), safe, signs) * factor, slope)


def _ive(v, z, y, below, above):
    """e^-|x| I: (I₍ᵥ₋₁₎ + I₍ᵥ₊₁₎) / 2 - sign(x) I."""
    if is_complex(z):
        raise _real_only("ive")
    return _scaled(v, z, 0.5 * (below + above) - sign(z) * y, -1, 1 / math.sqrt(2 * math.pi))


def _kve(v, z, y, below, above):
    """e^z K: K - (K₍ᵥ₋₁₎ + K₍ᵥ₊₁₎) / 2."""
    return _scaled(v, z, y - 0.5 * (below + above), 1, math.sqrt(math.pi / 2))


def _real_only(name):
    with source.inherit(None):
        where = source.here()
    return NotWritten(
        f"the derivative of special.{name} by complex z",
        where=where,
        why="it is scaled by the modulus of an exponential, and so not analytic",
        fix=f"the function without the scale, special.{name[:-1]}",
    )


def _unscaled(name):
    """Of real z, jve is jv, and yve is yv."""
    mean = _mean(name)

    def slope(y, v, z):
        if is_complex(z):
            raise _real_only(name)
        return mean(y, v, z)

    return slope


def _hankel_scaled(name, turn):
    c = getattr(f, name)
    return lambda y, v, z: 0.5 * (c(v - 1, z) - c(v + 1, z)) - turn * y


def _struve_slope(name, signs):
    """½ (H₍ᵥ₋₁₎ - H₍ᵥ₊₁₎ + (x/2)ᵛ / (√π Γ(v + 3/2))) near 0, and H₍ᵥ₋₁₎ - v H / x beyond, where the former cancels."""
    h = getattr(f, name)

    def slope(y, v, x):
        near = less(absolute(x), 1.0)
        small, large = select(near, x, 1.0), select(near, 1.0, x)
        term = power(0.5 * small, v) * f.rgamma(v + 1.5) / math.sqrt(math.pi)
        first = 0.5 * (h(v - 1, small) + signs * h(v + 1, small) + term)
        return select(near, first, h(v - 1, large) - v * y / large)

    return slope


def _spherical(name, below, above):
    """(below n C₍ₙ₋₁₎ + above (n + 1) C₍ₙ₊₁₎) / (2n + 1) (DLMF 10.51.2, .5): right at 0 too."""
    c = getattr(f, name)
    return lambda y, n, z: (below * n * c(maximum(n - 1, 0), z) + above * (n + 1) * c(n + 1, z)) / (2 * n + 1)


for _name, _source in (("jv", "DLMF 10.6.1"), ("jn", "DLMF 10.6.1"), ("yv", "DLMF 10.6.1"), ("yn", "DLMF 10.6.1"),
                       ("hankel1", "DLMF 10.6.1"), ("hankel2", "DLMF 10.6.1")):  # fmt: skip
    _order = "n" if _name == "yn" else "v"
    _held: Any = {_order: ORDER}
    define(f"{_name}({_order}, z)", _source, z=_mean(_name), **_held)

define("jve(v, z)", "DLMF 10.6.1", note="real z", v=ORDER, z=_unscaled("jve"))
define("yve(v, z)", "DLMF 10.6.1", note="real z", v=ORDER, z=_unscaled("yve"))
define("hankel1e(v, z)", "DLMF 10.6.1", note="loses digits as |z|", v=ORDER, z=_hankel_scaled("hankel1e", 1j))
define("hankel2e(v, z)", "DLMF 10.6.1", note="loses digits as |z|", v=ORDER, z=_hankel_scaled("hankel2e", -1j))
define("iv(v, z)", "DLMF 10.29.1", v=ORDER, z=lambda y, v, z: 0.5 * (f.iv(v - 1, z) + f.iv(v + 1, z)))
define("kv(v, z)", "DLMF 10.29.1", v=ORDER, z=lambda y, v, z: -0.5 * (f.kv(v - 1, z) + f.kv(v + 1, z)))
define("kn(n, x)", "DLMF 10.29.1", n=ORDER, x=lambda y, n, x: -0.5 * (f.kn(absolute(n - 1), x) + f.kn(n + 1, x)))
define("ive(v, z)", "DLMF 10.29.1, 10.40.1", note="real z", v=ORDER,
    z=lambda y, v, z: _ive(v, z, y, f.ive(v - 1, z), f.ive(v + 1, z)))  # fmt: skip
define("kve(v, z)", "DLMF 10.29.1, 10.40.2", v=ORDER,
    z=lambda y, v, z: _kve(v, z, y, f.kve(v - 1, z), f.kve(v + 1, z)))  # fmt: skip

define("j0(x)", "DLMF 10.6.3", x=lambda y, x: -f.j1(x))
define("j1(x)", "DLMF 10.6.1", x=lambda y, x: 0.5 * (f.j0(x) - f.jv(2, x)))
define("y0(x)", "DLMF 10.6.3", x=lambda y, x: -f.y1(x))
define("y1(x)", "DLMF 10.6.1", x=lambda y, x: 0.5 * (f.y0(x) - f.yn(2, x)))
define("i0(x)", "DLMF 10.29.3", x=lambda y, x: f.i1(x))
define("i1(x)", "DLMF 10.29.1", x=lambda y, x: 0.5 * (f.i0(x) + f.iv(2, x)))
define("k0(x)", "DLMF 10.29.3", x=lambda y, x: -f.k1(x))
define("k1(x)", "DLMF 10.29.1", x=lambda y, x: -0.5 * (f.k0(x) + f.kn(2, x)))
define("i0e(x)", "DLMF 10.29.3, 10.40.1", x=lambda y, x: _ive(0, x, y, f.i1e(x), f.i1e(x)))
define("i1e(x)", "DLMF 10.29.1, 10.40.1", x=lambda y, x: _ive(1, x, y, f.i0e(x), f.ive(2.0, x)))
define("k0e(x)", "DLMF 10.29.3, 10.40.2", x=lambda y, x: _kve(0, x, y, f.k1e(x), f.k1e(x)))
define("k1e(x)", "DLMF 10.29.1, 10.40.2", x=lambda y, x: _kve(1, x, y, f.k0e(x), f.kve(2.0, x)))

for _name, _below, _above in (("jn", 1, -1), ("yn", 1, -1), ("in", 1, 1), ("kn", -1, -1)):
    define(f"spherical_{_name}(n, z)", "DLMF 10.51.2" if _name in ("jn", "yn") else "DLMF 10.51.5", n=ORDER,
           ufunc=f"_spherical_{_name}", z=_spherical(f"spherical_{_name}", _below, _above))  # fmt: skip

define("struve(v, x)", "DLMF 11.4.27, 11.4.28", v=ORDER, x=_struve_slope("struve", -1))
define("modstruve(v, x)", "DLMF 11.4.29, 11.4.30", v=ORDER, x=_struve_slope("modstruve", 1))
define("besselpoly(a, lmb, nu)", "DLMF 10.6.1, under its integral", lmb=ORDER, nu=ORDER,
    a=lambda y, a, lmb, nu: f.besselpoly(a, lmb + 1, nu - 1) - f.besselpoly(a, lmb + 1, nu + 1))  # fmt: skip

define("airy(z)", "DLMF 9.2.1", results=4, z=lambda y, z: (y[1], z * y[0], y[3], z * y[2]))


def _airye_slopes(y, z):
    """Scaled by e^ζ and e^-|Re ζ|, ζ = ⅔ z^(3/2), whose derivative is √z: real z ≥ 0."""
    if is_complex(z):
        raise _real_only("airye")
    root = sqrt(z)
    growth = select(less(z, 0), 0.0, root)
    return y[1] + root * y[0], z * y[0] + root * y[1], y[3] - growth * y[2], z * y[2] - growth * y[3]


define("airye(z)", "DLMF 9.2.1", results=4, note="real z; loses digits as z^(3/2)", z=_airye_slopes)
define("itairy(x)", "its definition", results=4,
    x=lambda y, x: (f.airy(x)[0], f.airy(x)[2], f.airy(-x)[0], f.airy(-x)[2]))  # fmt: skip

# Kelvin functions: w'' = i w - w' / x, w = ber + i bei or ker + i kei (DLMF 10.61.3).


def _over(d, x, at_0):
    """Return w' / x, and its limit at 0."""
    none = equal(x, 0)
    return select(none, at_0, d / select(none, 1.0, x))


for _name, _limits in (("be", (0.0, 0.5)), ("ke", (math.inf, math.inf))):
    define(f"{_name}r(x)", "DLMF 10.61.3", x=lambda y, x, n=_name: getattr(f, f"{n}rp")(x))
    define(f"{_name}i(x)", "DLMF 10.61.3", x=lambda y, x, n=_name: getattr(f, f"{n}ip")(x))
    define(f"{_name}rp(x)", "DLMF 10.61.3", note="of first order at 0",
           x=lambda y, x, n=_name, at_0=_limits[0]: -getattr(f, f"{n}i")(x) - _over(y, x, at_0))  # fmt: skip
    define(f"{_name}ip(x)", "DLMF 10.61.3", note="of first order at 0",
           x=lambda y, x, n=_name, at_0=_limits[1]: getattr(f, f"{n}r")(x) - _over(y, x, at_0))  # fmt: skip
define("kelvin(x)", "DLMF 10.61.3", results=4, note="of second order at 0",
    x=lambda y, x: (y[2], y[3], 1j * y[0] - _over(y[2], x, 0.5j), 1j * y[1] - y[3] / x))  # fmt: skip

# Integrals of Bessel functions, from 0 to x or from x on.


def _i0_less_1(x):
    """(I₀(x) - 1) / x, near 0 by the series (x/4) Σ (x²/4)ᵏ / (k + 1)!²."""
    near = less(absolute(x), 1.0)
    small, large = select(near, x, 0.0), select(near, 1.0, x)
    series = [1 / math.factorial(k + 1) ** 2 for k in range(10)]
    return select(near, 0.25 * small * horner(0.25 * small * small, series), (f.i0(large) - 1) / large)


def _1_less_j0(x):
    near = less(absolute(x), 1.0)
    small, large = select(near, x, 0.0), select(near, 1.0, x)
    series = [1 / math.factorial(k + 1) ** 2 for k in range(10)]
    return select(near, 0.25 * small * horner(-0.25 * small * small, series), (1 - f.j0(large)) / large)


define("itj0y0(x)", "its definition", results=2, x=lambda y, x: (f.j0(x), f.y0(x)))
define("iti0k0(x)", "its definition", results=2, x=lambda y, x: (f.i0(x), f.k0(x)))
define("it2j0y0(x)", "its definition", results=2, x=lambda y, x: (_1_less_j0(x), -f.y0(x) / x))
define("it2i0k0(x)", "its definition", results=2, x=lambda y, x: (_i0_less_1(x), -f.k0(x) / x))
define("itstruve0(x)", "its definition", x=lambda y, x: f.struve(0, x))
define("itmodstruve0(x)", "its definition", x=lambda y, x: f.modstruve(0, x))
define("it2struve0(x)", "its definition", x=lambda y, x: -f.struve(0, x) / x)

# Parabolic cylinder functions: (value, derivative).
define("pbdv(v, x)", "DLMF 12.2.2", results=2, v=ORDER, x=lambda y, v, x: (y[1], (0.25 * x * x - v - 0.5) * y[0]))
define("pbvv(v, x)", "DLMF 12.2.2", results=2, v=ORDER, x=lambda y, v, x: (y[1], (0.25 * x * x - v - 0.5) * y[0]))
define("pbwa(a, x)", "DLMF 12.14.1", results=2, a=ORDER, x=lambda y, a, x: (y[1], (a - 0.25 * x * x) * y[0]))
