"""NumPy's old polynomials: vectors of coefficients, from the highest power down.

Where NumPy strips zeros from a result it looks at values. Traced without values (under `jit`), `roots` takes
the first coefficient to be other than 0, and `polydiv` gives the remainder with all of its coefficients.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from pullback.core.tracer import concrete
from pullback.primitives.arithmetic import add, mul

from .arguments import as_dtype, dtype_of, ndim, operand, promoted, shape, strong
from .cumulative import convolve
from .registry import covers
from .shapes import atleast_1d

__all__: list[str] = []


@covers(np.polyval)
def polyval(p: Any, x: Any) -> Any:
    """Polynomial with coefficients from the highest power down, by Horner's rule."""
    coefficients, x = operand(p), strong(operand(x))
    y = np.zeros(shape(x), dtype_of(x))
    for i in range(shape(coefficients)[0]):
        y = add(mul(y, x), coefficients[i])
    return y


@covers(np.polyadd)
def polyadd(a1: Any, a2: Any) -> Any:
    """Sum of two polynomials."""
    a, b = _of_one_length(a1, a2)
    return a + b


@covers(np.polysub)
def polysub(a1: Any, a2: Any) -> Any:
    """Difference of two polynomials."""
    a, b = _of_one_length(a1, a2)
    return a - b


def _of_one_length(a: Any, b: Any) -> tuple[Any, Any]:
    a, b = atleast_1d(operand(a)), atleast_1d(operand(b))
    n = max(shape(a)[0], shape(b)[0])
    return _longer(a, n), _longer(b, n)


def _longer(p: Any, n: int) -> Any:
    """Return p with zeros in front."""
    missing = n - shape(p)[0]
    return np.concatenate([np.zeros(missing, dtype_of(p)), p]) if missing else p


@covers(np.polymul)
def polymul(a1: Any, a2: Any) -> Any:
    """Product of two polynomials."""
    return convolve(_without_leading(a1), _without_leading(a2))


def _without_leading(p: Any) -> Any:
    p = atleast_1d(operand(p))
    known = concrete(p)
    if known is None or not len(known) or known[0] != 0:
        return p
    found = np.flatnonzero(known)
    return p[found[0] :] if len(found) else p[-1:]


@covers(np.polydiv)
def polydiv(u: Any, v: Any) -> tuple[Any, Any]:
    """Quotient and remainder of two polynomials."""
    u, v = atleast_1d(operand(u)) + 0.0, atleast_1d(operand(v)) + 0.0
    dtype = promoted(u, v)
    m, n = shape(u)[0] - 1, shape(v)[0] - 1
    scale = 1.0 / v[0]
    quotient = []
    r = as_dtype(u, dtype)
    for k in range(m - n + 1):
        d = as_dtype(scale * r[k], dtype)
        quotient.append(d)
        r = np.concatenate([r[:k], r[k : k + n + 1] - d * v, r[k + n + 1 :]])
    q = np.stack(quotient) if quotient else np.zeros(1, dtype)
    known = concrete(r)
    least = max(0, min(m - n + 1, m))
    if known is not None:
        large = np.flatnonzero(~np.isclose(known, 0, rtol=1e-14))
        least = large[0] if len(large) else m
    return q, r[least:]


@covers(np.polyder)
def polyder(p: Any, m: int = 1) -> Any:
    """Coefficients of the m-th derivative."""
    if m < 0:
        raise ValueError("Order of derivative must be positive (see polyint)")
    p = operand(p)
    for _ in range(int(m)):
        p = p[:-1] * np.arange(shape(p)[0] - 1, 0, -1)
    return p


@covers(np.polyint)
def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    """Coefficients of the m-th antiderivative, with constants k."""
    m = int(m)
    if m < 0:
        raise ValueError("Order of integral must be positive (see polyder)")
    k = atleast_1d(np.zeros(m) if k is None else operand(k))
    if shape(k)[0] == 1 and m > 1:
        k = k[0] * np.ones(m)
    if shape(k)[0] < m:
        raise ValueError("k must be a scalar or a rank-1 array of length 1 or >m.")
    p = operand(p)
    for i in range(m):
        p = np.concatenate([p / np.arange(shape(p)[0], 0, -1), k[i : i + 1]])
    return p


@covers(np.poly)
def poly(seq_of_zeros: Any) -> Any:
    """Coefficients of the monic polynomial with given roots, or of a matrix's characteristic one."""
    roots = atleast_1d(operand(seq_of_zeros))
    real = dtype_of(roots).kind != "c"
    if ndim(roots) == 2 and shape(roots)[0] == shape(roots)[1] != 0:
        roots = np.linalg.eigvals(roots)
    elif ndim(roots) != 1:
        raise ValueError("input must be 1d or non-empty square 2d array.")
    elif dtype_of(roots).kind not in "fc":
        roots = as_dtype(roots, float)
    if not shape(roots)[0]:
        return 1.0
    a, zero = np.ones(1, dtype_of(roots)), np.zeros(1, dtype_of(roots))
    for i in range(shape(roots)[0]):
        a = np.concatenate([a, zero]) - np.concatenate([zero, roots[i] * a])
    known = concrete(roots)
    if not real and known is not None:
        known = np.asarray(known)
        real = bool(np.all(np.sort(known) == np.sort(known.conjugate())))
    return np.real(a) if real else a


@covers(np.roots)
def roots(p: Any) -> Any:
    """Roots of a polynomial: eigenvalues of its companion matrix. A multiple root has no derivative."""
    p = atleast_1d(operand(p))
    if ndim(p) != 1:
        raise ValueError("Input must be a rank-1 array.")
    zeros, known = 0, concrete(p)
    if known is not None:
        found = np.flatnonzero(known)
        if not len(found):
            return np.array([])
        zeros = shape(p)[0] - int(found[-1]) - 1
        p = p[int(found[0]) : int(found[-1]) + 1]
    p = p if dtype_of(p).kind in "fc" else as_dtype(p, float)
    n = shape(p)[0]
    if n < 2:
        return np.zeros(zeros)
    first = np.reshape(-p[1:] / p[0], (1, n - 1))
    found = np.linalg.eigvals(np.concatenate([first, np.eye(n - 2, n - 1, dtype=dtype_of(p))]))
    return np.concatenate([found, np.zeros(zeros, dtype_of(found))]) if zeros else found


@covers(np.polyfit)
def polyfit(x: Any, y: Any, deg: Any, rcond: Any = None, full: bool = False, w: Any = None, cov: Any = False) -> Any:
    """Coefficients of the polynomial that fits points best, by least squares."""
    order = int(deg) + 1
    x, y = operand(x) + 0.0, operand(y) + 0.0
    _check_points(x, y, deg)
    if rcond is None:
        rcond = shape(x)[0] * np.finfo(dtype_of(x)).eps
    lhs, rhs = np.vander(x, order), y
    if w is not None:
        w = operand(w) + 0.0
        if ndim(w) != 1:
            raise TypeError("expected a 1-d array for weights")
        if shape(w)[0] != shape(y)[0]:
            raise TypeError("expected w and y to have the same length")
        lhs = lhs * w[:, None]
        rhs = rhs * (w if ndim(y) == 1 else w[:, None])
    scale = np.sqrt(np.sum(lhs * lhs, axis=0))
    lhs = lhs / scale
    c, residuals, rank, s = np.linalg.lstsq(lhs, rhs, rcond)
    c = (c.T / scale).T
    known = concrete(rank)
    if known is not None and known != order and not full:
        warnings.warn("Polyfit may be poorly conditioned", np.exceptions.RankWarning, stacklevel=3)
    if full:
        return c, residuals, rank, s, rcond
    if not cov:
        return c
    base = np.linalg.inv(np.dot(lhs.T, lhs)) / np.outer(scale, scale)
    factor: Any = 1
    if cov != "unscaled":
        if shape(x)[0] <= order:
            raise ValueError("the number of data points must exceed order to scale the covariance matrix")
        factor = residuals / (shape(x)[0] - order)
    return c, (base if ndim(y) == 1 else base[:, :, None]) * factor


def _check_points(x: Any, y: Any, deg: Any) -> None:
    if deg < 0:
        raise ValueError("expected deg >= 0")
    if ndim(x) != 1:
        raise TypeError("expected 1D vector for x")
    if not shape(x)[0]:
        raise TypeError("expected non-empty vector for x")
    if ndim(y) not in (1, 2):
        raise TypeError("expected 1D or 2D array for y")
    if shape(x)[0] != shape(y)[0]:
        raise TypeError("expected x and y to have same length")
