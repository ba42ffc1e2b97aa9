"""Elliptic integrals and functions, and the arithmetic-geometric mean, by Carlson's symmetric integrals.

Legendre's forms cancel (dK/dm = (E - (1 - m) K) / (2 m (1 - m)) is 0/0 at m = 0); Carlson's do not:
it is R_D(0, 1, 1 - m) / 6. DLMF 19.18 has the derivatives, 19.25 what Legendre's forms are in Carlson's.
"""

from __future__ import annotations

import math

from .arithmetic import mask
from .choice import maximum, select
from .comparison import greater, less, not_equal
from .complex import absolute
from .discrete import rint
from .exponential import sqrt
from .special import define, f, is_complex
from .trigonometric import cos, sin

_STEPS = 8
rd, rf, rj = f.elliprd, f.elliprf, f.elliprj


def _rd_by_x(value, x, y, z):
    """Return ∂R_D(x, y, z) / ∂x = (R_D(x, y, z) - R_D(y, z, x)) / 2 (z - x); where x and z are near, by duplication."""
    if is_complex(value):
        return (value - rd(y, z, x)) / (2 * (z - x))
    near = less(absolute(x - z), 0.25 * maximum(x, z))
    u, v, w = select(near, 0.0, x), select(near, 1.0, y), select(near, 1.0, z)
    quotient = (rd(u, v, w) - rd(v, w, select(near, 1.0, x))) / (2 * (w - u))
    return select(near, _duplicated(x, select(near, y, x), select(near, z, x)), quotient)


def _duplicated(x, y, z):
    """Return ∂R_D / ∂x by Carlson's duplication (DLMF 19.26.20, 19.36.2), differentiated step by step.

    R_D(x, y, z) = 2 R_D(x + λ, y + λ, z + λ) + 3 / (√z (z + λ)), with λ = √x √y + √y √z + √z √x. After
    eight steps of a quarter each the arguments agree to 1e-5, and the rest is a short series.
    """
    vx, vy, vz = 1.0, 0.0, 0.0
    scale, total = 1.0, 0.0
    for _ in range(_STEPS):
        a, b, c = sqrt(x), sqrt(y), sqrt(z)
        va, vb, vc = (_halved(v, root) for v, root in ((vx, a), (vy, b), (vz, c)))
        lam = a * b + b * c + c * a
        v_lam = va * (b + c) + vb * (a + c) + vc * (a + b)
        end = z + lam
        total = total - 3 * scale * (vc / c + (vz + v_lam) / end) / (c * end)
        scale = 0.25 * scale
        x, y, z = 0.25 * (x + lam), 0.25 * (y + lam), 0.25 * end
        vx, vy, vz = 0.25 * (vx + v_lam), 0.25 * (vy + v_lam), 0.25 * (vz + v_lam)
    return total + scale * _rd_series_push(x, y, z, vx, vy, vz)


def _halved(v, root):
    """Return the tangent of a root; at first y and z stand still, also at 0, where the root has no derivative."""
    return 0.0 if type(v) is float and v == 0 else 0.5 * v / root


def _rd_series_push(x, y, z, vx, vy, vz):
    """Return the derivative along v of DLMF 19.36.2: A^(-3/2) (1 - 3/14 E2 + E3/6 + 9/88 E2² - …)."""
    mean, v_mean = (x + y + 3 * z) / 5, (vx + vy + 3 * vz) / 5
    p, q = 1 - x / mean, 1 - y / mean
    vp, vq = (x * v_mean / mean - vx) / mean, (y * v_mean / mean - vy) / mean
    r, vr = -(p + q) / 3, -(vp + vq) / 3
    pq, v_pq = p * q, vp * q + p * vq
    e2, v2 = pq - 6 * r * r, v_pq - 12 * r * vr
    e3, v3 = (3 * pq - 8 * r * r) * r, (3 * v_pq - 16 * r * vr) * r + (3 * pq - 8 * r * r) * vr
    series = 1 - 3 / 14 * e2 + e3 / 6 + 9 / 88 * e2 * e2
    v_series = -3 / 14 * v2 + v3 / 6 + 9 / 44 * e2 * v2
    root = sqrt(mean)
    return (v_series - 1.5 * series * v_mean / mean) / (mean * root)


def _rd_by_z(value, x, y, z):
    """R_D is homogeneous of degree -3/2; and R_D(x, y, z) = R_D(y, x, z)."""
    moved = [mask(not_equal(a, 0), a * _rd_by_x(value, a, b, z)) for a, b in ((x, y), (y, x))]  # x ∂/∂x is 0 at 0
    return -(1.5 * value + moved[0] + moved[1]) / z


def _rj_by_x(value, x, y, z, p):
    return (value - rd(y, z, x)) / (2 * (p - x))


def _rj_by_p(r, x, y, z, p):
    moved = x * _rj_by_x(r, x, y, z, p) + y * _rj_by_x(r, y, z, x, p) + z * _rj_by_x(r, z, x, y, p)
    return -(1.5 * r + moved) / p


def _rc_slopes(r, x, y):
    """R_C(x, y) = R_F(x, y, y); for y < 0, its principal value, the formulas that cancel at x = y."""
    if is_complex(r):
        return -rd(y, y, x) / 6, -rd(x, y, y) / 3
    above = greater(y, 0)
    u, x_, y_ = select(above, y, 1.0), select(above, 1.0, x), select(above, -1.0, y)
    root = sqrt(x_)
    by_x = select(above, -rd(u, u, x) / 6, (r - 1 / root) / (2 * (y_ - x_)))
    by_y = select(above, -rd(x, u, u) / 3, (root / y_ - r) / (2 * (y_ - x_)))
    return by_x, by_y


def _rg_by_x(x, y, z):
    """(y R_D(x, z, y) + z R_D(x, y, z)) / 12 (DLMF 19.21.10 leaves a sum of positive terms)."""
    return (y * rd(x, z, y) + z * rd(x, y, z)) / 12


define("elliprf(x, y, z)", "DLMF 19.18.1", x=lambda r, x, y, z: -rd(y, z, x) / 6,
    y=lambda r, x, y, z: -rd(x, z, y) / 6, z=lambda r, x, y, z: -rd(x, y, z) / 6)  # fmt: skip
define("elliprd(x, y, z)", "DLMF 19.18, 19.26.20", x=_rd_by_x, y=lambda r, x, y, z: _rd_by_x(r, y, x, z), z=_rd_by_z)
define("elliprg(x, y, z)", "DLMF 19.21.10", x=lambda r, x, y, z: _rg_by_x(x, y, z),
    y=lambda r, x, y, z: _rg_by_x(y, x, z), z=lambda r, x, y, z: _rg_by_x(z, x, y))  # fmt: skip
define("elliprj(x, y, z, p)", "DLMF 19.18", note="loses digits as p comes near x, y or z",
    x=_rj_by_x, y=lambda r, x, y, z, p: _rj_by_x(r, y, z, x, p), z=lambda r, x, y, z, p: _rj_by_x(r, z, x, y, p),
    p=_rj_by_p)  # fmt: skip
define("elliprc(x, y)", "DLMF 19.2.17, 19.18", x=lambda r, x, y: _rc_slopes(r, x, y)[0],
    y=lambda r, x, y: _rc_slopes(r, x, y)[1])  # fmt: skip


def _k_by_m(m):
    return rd(0.0, 1.0, 1 - m) / 6


def _e_by_m(m):
    return -rd(0.0, 1 - m, 1.0) / 6


define("ellipk(m)", "DLMF 19.25.1, 19.18.1", m=lambda y, m: _k_by_m(m))
define("ellipkm1(p)", "DLMF 19.25.1, 19.18.1", p=lambda y, p: -rd(0.0, 1.0, p) / 6)
define("ellipe(m)", "DLMF 19.25.1, 19.18.1", m=lambda y, m: _e_by_m(m))


def _of_half_turns(phi, m, part, whole):
    """Return the derivative by m within half a turn, and of the whole ones before (DLMF 19.2.10)."""
    turns = rint(phi / math.pi)
    rest = phi - turns * math.pi
    s, c = sin(rest), cos(rest)
    return part(s, c * c, 1 - m * s * s) + mask(greater(absolute(turns), 0), 2 * turns * whole(m))


def _f_by_m(phi, m):
    return _of_half_turns(phi, m, lambda s, c2, d2: s * s * s * rd(c2, 1.0, d2) / 6, _k_by_m)


def _incomplete_e_by_m(phi, m):
    return _of_half_turns(phi, m, lambda s, c2, d2: -s * s * s * rd(c2, d2, 1.0) / 6, _e_by_m)


def _delta(phi, m):
    s = sin(phi)
    return sqrt(1 - m * s * s)


define("ellipkinc(phi, m)", "DLMF 19.4.8, 19.25.5", phi=lambda y, phi, m: 1 / _delta(phi, m),
    m=lambda y, phi, m: _f_by_m(phi, m))  # fmt: skip
define("ellipeinc(phi, m)", "DLMF 19.4.8, 19.25.9", phi=lambda y, phi, m: _delta(phi, m),
    m=lambda y, phi, m: _incomplete_e_by_m(phi, m))  # fmt: skip


def _jacobi_by_m(y, u, m):
    """F(φ, m) = u, so ∂φ/∂m = -dn ∂F/∂m; sn, cn and dn follow from φ."""
    sn, cn, dn, phi = y
    turned = -dn * _f_by_m(phi, m)
    return cn * turned, -sn * turned, -(sn * sn + 2 * m * sn * cn * turned) / (2 * dn), turned


define("ellipj(u, m)", "DLMF 22.13.1", results=4,
    u=lambda y, u, m: (y[1] * y[2], -y[0] * y[2], -m * y[0] * y[1], y[2]), m=_jacobi_by_m)  # fmt: skip


def _agm_slope(r, a, b):
    """M = π / 2 R_F(0, a², b²): ∂M/∂a = 2/(3π) (M / a)² R_D(0, (b/a)², 1)."""
    share = r / a
    ratio = b / a
    return 2 / (3 * math.pi) * share * share * rd(0.0, ratio * ratio, 1.0)


define("agm(a, b)", "DLMF 19.8.5, 19.18.1", a=_agm_slope, b=lambda r, a, b: _agm_slope(r, b, a))
