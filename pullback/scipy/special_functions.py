"""What ``scipy.special`` computes in Python, of Tracers: written with NumPy, and with functions of the table.

They are called with at least one Tracer among the arguments: see `pullback.scipy.special`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from pullback.core import source
from pullback.core.errors import ArgumentError, NotWritten
from pullback.core.types import type_of
from pullback.numpy.arguments import operand
from pullback.primitives.effects import stop_gradient
from pullback.primitives.exponential import logaddexp
from pullback.primitives.special import f

__all__ = ["FUNCTIONS"]

FUNCTIONS: dict[str, Callable[..., Any]] = {}


def _covers(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        FUNCTIONS.update(dict.fromkeys(names, function))
        return function

    return register


# Sums of exponentials -------------------------------------------------------------------------


def _floating(x: Any) -> Any:
    """Return an operand as floats."""
    x = operand(x)
    return x if type_of(x).inexact else np.multiply(x, 1.0)


@_covers("logsumexp")
def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    """Return ``log(sum(b * exp(a)))`` over axes.

    The largest terms are taken out, and the others come in by log1p: of [0, -40] it is 4e-18, and not 0. Where
    all terms are 0, nothing moves.
    """
    a = _floating(a)
    if b is not None:
        a, b = np.broadcast_arrays(a, operand(b))
    dropped = a if b is None else np.where(b == 0, -np.inf, a)  # of what has no weight, the size does not matter
    size = np.real(dropped) if type_of(a).dtype.kind == "c" else dropped
    most = stop_gradient(np.max(size, axis=axis, keepdims=True))
    most = np.where(np.isfinite(most), most, 0.0)
    terms = np.exp(dropped - most)
    terms = terms if b is None else np.where(b == 0, 0.0, b * terms)
    if type_of(terms).dtype.kind == "c":
        log, sign = _log_complex(np.sum(terms, axis=axis, keepdims=True), return_sign)
    else:
        log, sign = _log_real(terms, size == most, axis)
        log = log if return_sign else np.where(sign < 0, np.nan, log)
    log = log + most
    if not keepdims:
        log, sign = (_without(y, axis) for y in (log, sign))
    return (log, sign) if return_sign else log


def _log_real(terms: Any, largest: Any, axis: Any) -> tuple[Any, Any]:
    """Return log |Σ terms| and the sign of the sum."""
    first = np.sum(np.where(largest, terms, 0.0), axis=axis, keepdims=True)
    rest = np.sum(np.where(largest, 0.0, terms), axis=axis, keepdims=True)
    alone = first == 0  # the largest cancel, or there are none
    ratio = np.where(alone, 0.0, rest / np.where(alone, 1.0, first))
    near = ratio > -0.5
    log = np.log1p(np.where(near, ratio, 0.0))
    beyond = np.where(near, 1.0, 1.0 + ratio)
    log = np.where(near, log, _log_size(beyond)) + _log_size(np.where(alone, 1.0, first))
    return np.where(alone, _log_size(rest), log), np.sign(np.where(alone, rest, first * (1.0 + ratio)))


def _log_size(x: Any) -> Any:
    """Return log |x|; of 0 it is -inf, which does not move."""
    none = x == 0
    return np.where(none, -np.inf, np.log(np.abs(np.where(none, 1.0, x))))


def _log_complex(total: Any, return_sign: bool) -> tuple[Any, Any]:
    if return_sign:
        return np.log(np.abs(total)), np.sign(total)
    return np.log(total), total


def _without(x: Any, axis: Any) -> Any:
    return np.sum(x, axis=axis)  # of axes of size 1; unlike squeeze it gives scalars


@_covers("softmax")
def softmax(x: Any, axis: Any = None) -> Any:
    """Return ``exp(x) / sum(exp(x))`` over axes."""
    x = _floating(x)
    shifted = np.exp(x - stop_gradient(np.max(x, axis=axis, keepdims=True)))
    return shifted / np.sum(shifted, axis=axis, keepdims=True)


@_covers("log_softmax")
def log_softmax(x: Any, axis: Any = None) -> Any:
    """Return the logarithm of `softmax`."""
    x = _floating(x)
    most = stop_gradient(np.max(x, axis=axis, keepdims=True))
    shifted = x - np.where(np.isfinite(most), most, 0.0)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


@_covers("softplus")
def softplus(x: Any) -> Any:
    """Return ``log(1 + exp(x))``."""
    return logaddexp(operand(x), 0.0)


# Gamma function and its relatives -------------------------------------------------------------


@_covers("polygamma")
def polygamma(n: Any, x: Any) -> Any:
    """Return the n-th derivative of the digamma function, ``(-1)**(n + 1) n! zeta(n + 1, x)`` (DLMF 25.11.12)."""
    n, x = operand(n), operand(x)
    if np.ndim(n) == 0 and isinstance(n, int | np.integer):
        factor = np.float64((-1.0) ** (n + 1) * math.gamma(n + 1.0))  # as SciPy's, the result is of double precision
        return f.psi(x) * np.float64(1.0) if n == 0 else factor * f.zeta(np.float64(n + 1), x)
    order = np.where(n == 0, 1, n)
    sign = np.where(order % 2 == 0, -1.0, 1.0)
    return np.where(n == 0, f.psi(x), sign * f.gamma(order + 1.0) * f.zeta(order + 1.0, x))


@_covers("zeta")
def zeta(x: Any, q: Any = None, out: Any = None) -> Any:
    """Return the zeta function, Riemann's or Hurwitz's."""
    _no_out("zeta", out)
    return f._riemann_zeta(operand(x)) if q is None else f.zeta(operand(x), operand(q))


def _no_out(name: str, out: Any) -> None:
    if out is not None:
        raise NotWritten(
            f"special.{name}(out=...) of something that is being differentiated or traced",
            where=source.here(),
            why="this function has no out= here",
            fix=f"x = special.{name}(...)",
        )


@_covers("multigammaln")
def multigammaln(a: Any, d: Any) -> Any:
    """Return the logarithm of the multivariate gamma function of dimension d."""
    d, a = operator.index(d), operand(a)
    return d * (d - 1) / 4 * math.log(math.pi) + sum(f.gammaln(a - 0.5 * j) for j in range(d))


def _not_exact(name: str, exact: Any) -> None:
    if exact:
        raise ArgumentError(
            f"special.{name}(..., exact=True) of something that is being differentiated or traced",
            where=source.here(),
            why="exact results are Python integers, which have no derivative",
            fix=f"special.{name}(..., exact=False)",
        )


@_covers("comb")
def comb(N: Any, k: Any, *, exact: bool = False, repetition: bool = False) -> Any:
    """Return the number of combinations, ``binom(N, k)``, where 0 <= k <= N, and else 0."""
    _not_exact("comb", exact)
    N, k = operand(N), operand(k)
    if repetition:
        return comb(N + k - 1, k)
    inside = (k <= N) & (N >= 0) & (k >= 0)
    return np.where(inside, f.binom(np.where(inside, N, 1), np.where(inside, k, 0)), 0.0)


@_covers("perm")
def perm(N: Any, k: Any, exact: bool = False) -> Any:
    """Return the number of arrangements, ``poch(N - k + 1, k)``, where 0 <= k <= N, and else 0."""
    _not_exact("perm", exact)
    N, k = operand(N), operand(k)
    inside = (k <= N) & (N >= 0) & (k >= 0)
    return np.where(inside, f.poch(np.where(inside, N - k + 1, 1), np.where(inside, k, 0)), 0.0)


@_covers("factorial")
def factorial(n: Any, exact: bool = False, extend: str = "zero") -> Any:
    """Return ``gamma(n + 1)``, and 0 for negative n."""
    _not_exact("factorial", exact)
    n = operand(n)
    if extend != "zero":
        return f.gamma(n + 1.0)
    return np.where(n >= 0, f.gamma(np.where(n >= 0, n, 0) + 1.0), 0.0)


# Functions around a ufunc ---------------------------------------------------------------------


@_covers("lambertw")
def lambertw(z: Any, k: Any = 0, tol: float = 1e-8) -> Any:
    """Return the k-th branch of Lambert's W, complex."""
    return f.lambertw(operand(z), operand(k), tol)


def _spherical(name: str) -> Callable[..., Any]:
    c = getattr(f, name)
    below, above = {"jn": (1, -1), "yn": (1, -1), "in": (1, 1), "kn": (-1, -1)}[name[-2:]]

    def spherical(n: Any, z: Any, derivative: bool = False) -> Any:
        n, z = operand(n), operand(z)
        if not derivative:
            return c(n, z)
        lower = c(np.maximum(n - 1, 0), z)
        return (below * n * lower + above * (n + 1) * c(n + 1, z)) / (2 * n + 1)

    return spherical


for _name in ("spherical_jn", "spherical_yn", "spherical_in", "spherical_kn"):
    FUNCTIONS[_name] = _spherical(_name)


def _nth_derivative(name: str, phase: float, sign: float = 1.0) -> Callable[..., Any]:
    c = getattr(f, name)

    def nth(v: Any, z: Any, n: int = 1) -> Any:
        """Return the n-th derivative by z (DLMF 10.6.7, 10.29.5)."""
        n, v, z = operator.index(n), operand(v), operand(z)
        total = sum(phase**i * math.comb(n, i) * c(v - n + 2 * i, z) for i in range(n + 1))
        return total * (sign / 2) ** n

    return nth


_NTH = {
    "jvp": ("jv", -1.0, 1.0),
    "yvp": ("yv", -1.0, 1.0),
    "h1vp": ("hankel1", -1.0, 1.0),
    "h2vp": ("hankel2", -1.0, 1.0),
    "ivp": ("iv", 1.0, 1.0),
    "kvp": ("kv", 1.0, -1.0),
}
for _name, (_of, _phase, _sign) in _NTH.items():
    FUNCTIONS[_name] = _nth_derivative(_of, _phase, _sign)


@_covers("assoc_laguerre")
def assoc_laguerre(x: Any, n: Any, k: Any = 0.0) -> Any:
    """Return the generalised Laguerre polynomial, ``eval_genlaguerre(n, k, x)``."""
    return f.eval_genlaguerre(operand(n), operand(k), operand(x))


@_covers("sinc")
def sinc(x: Any) -> Any:
    """Return ``sin(πx) / (πx)``: NumPy's function."""
    return np.sinc(x)


def _no_diff(name: str, diff_n: int) -> None:
    if diff_n:
        raise NotWritten(
            f"special.{name}(..., diff_n={diff_n}) of something that is being differentiated or traced",
            where=source.here(),
            fix=f"the derivative itself: pullback.grad, or pullback.jvp, of special.{name}",
        )


@_covers("sph_harm_y")
def sph_harm_y(n: Any, m: Any, theta: Any, phi: Any, *, diff_n: int = 0) -> Any:
    """Return the spherical harmonic of degree n and order m; theta is the polar angle."""
    _no_diff("sph_harm_y", diff_n)
    return f.sph_harm_y(operand(n), operand(m), operand(theta), operand(phi))


@_covers("legendre_p")
def legendre_p(n: Any, z: Any, *, diff_n: int = 0) -> Any:
    """Return Legendre's polynomial, with SciPy's axis in front, of derivatives: here of size 1."""
    _no_diff("legendre_p", diff_n)
    return np.expand_dims(f.legendre_p(operand(n), operand(z)), 0)
