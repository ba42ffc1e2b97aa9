"""Decompositions of matrices (..., m, n): eigh, eig, svd, qr, as ``np.linalg`` has them.

The derivatives are those of perturbation theory: Giles, "Collected matrix derivative results
for forward and reverse mode algorithmic differentiation" (2008); for the SVD, Wan and Zhang,
"Automatic differentiation for complex valued SVD" (2019), with the sum and the difference of
its two rotations kept apart, so that what is divided by ``s_i - s_j`` is no more than must be;
for QR, Walter and Lehmann, "Algorithmic differentiation of linear algebra functions" (2010).

Where eigenvalues (or singular values) are repeated, their vectors are any basis of one space.
The turning of the basis within that space is taken as zero: derivatives of what depends on the
space alone, as a projector or the trace of a function of the matrix, are right. Second
derivatives depend on the turning, and are NaN there. See docs/conventions.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.conventions import current
from pullback.core.primitive import Cost, Primitive, moved_bytes
from pullback.core.types import array_type, type_of

from .arithmetic import add, div, mask, mul, neg, sub
from .assembling import concatenate, iota, triangle
from .choice import select
from .comparison import equal, greater, less_equal, logical_and, logical_not
from .complex import absolute, conj, imag, real
from .contraction import contract, matmul
from .indexing import slice_
from .linalg import adjoint, inv, matrix_dtype, solve, transposed, triangular_solve
from .reductions import argmax, max_, sum_
from .shaping import broadcast, real_dtype, reshape, zeros_like

__all__ = ["eig", "eigh", "qr", "same_space", "svd"]

_TOGETHER = 10  # times n eps of the largest: closer than this, rounding cannot tell values apart


class _Decomposition(Primitive):
    """Base: one matrix in, several parts out; its lanes are leading axes already."""

    multiple = True

    def batch(self, size, operands, batched, **params):
        return self(operands[0], **params)

    def cost(self, types, results, **params):
        return Cost(10 * types[0].size * min(types[0].shape[-2:]), moved_bytes(types, results))


class EigH(_Decomposition):
    """Eigenvalues, ascending, and vectors of a Hermitian matrix, of which one triangle is read."""

    name = "eigh"

    def infer(self, a, *, lower=True):
        dtype = matrix_dtype(a)
        return array_type(a.shape[:-1], real_dtype(dtype)), array_type(a.shape, dtype)

    def evaluate(self, a, *, lower=True):
        return tuple(np.linalg.eigh(a, "L" if lower else "U"))

    def jvp(self, operands, result, tangents, *, lower=True):
        w, v = result
        turning = same_space(v, w, unitary=True)
        moved = matmul(hermitian(tangents[0], lower=lower), turning)
        dv = matmul(turning, mul(matmul(adjoint(turning), moved), _inverse_gaps(w)))
        return _real_inner(turning, moved), dv


eigh = EigH()


class Eig(_Decomposition):
    """Eigenvalues and vectors of a square matrix: always complex, also where NumPy finds that all are real.

    Vectors are of length 1, and their largest element is real, as LAPACK makes them. Where they span no
    basis (a defective matrix) there is no derivative, and it is NaN.
    """

    name = "eig"

    def infer(self, a):
        dtype = complex_dtype(matrix_dtype(a))
        return array_type(a.shape[:-1], dtype), array_type(a.shape, dtype)

    def evaluate(self, a):
        w, v = np.linalg.eig(a)
        dtype = complex_dtype(v.dtype)
        return w.astype(dtype, copy=False), v.astype(dtype, copy=False)

    def jvp(self, operands, result, tangents):
        w, v = result
        if not type_of(w).size:
            return None, None
        turning = same_space(v, w, unitary=False)
        inverse = inv(turning)
        inside = mul(matmul(inverse, matmul(tangents[0], turning)), _nan_if_defective(inverse))
        dv = matmul(turning, mul(inside, _inverse_gaps(w)))
        return diagonal(inside), sub(dv, mul(_rows(_growth(turning, dv)), turning))


eig = Eig()


def _nan_if_defective(inverse: Any) -> Any:
    """Return 1, or NaN where the vectors, of length 1, have an inverse as large as one divided by rounding."""
    t = type_of(inverse)
    largest = max_(absolute(inverse), axes=(t.ndim - 2, t.ndim - 1))
    defective = greater(mul(largest, _rounding(t)), 1.0)
    one = _one(largest)
    return reshape(select(defective, one * np.nan, one), shape=(*t.shape[:-2], 1, 1))


def _growth(v: Any, dv: Any) -> Any:
    """Return by how much each vector grows and turns, per vector: what is to be taken off."""
    n = type_of(v).shape[-1]
    largest = equal(
        reshape(iota(n=n, dtype=np.dtype(np.int64)), shape=(n, 1)), _rows(argmax(absolute(v), axis=_axis(v, -2)))
    )
    at = [sum_(mask(largest, x), axes=(_axis(v, -2),)) for x in (dv, v)]
    along = _real_inner(v, dv)
    return add(along, mul(imag(div(*at)), 1j))


class SVD(_Decomposition):
    """U, s, Vᴴ: singular values descending; `full`: with bases of the whole spaces."""

    name = "svd"

    def infer(self, a, *, full=False):
        dtype, (m, n) = any_matrix(a), a.shape[-2:]
        k, lead = min(m, n), a.shape[:-2]
        return (
            array_type((*lead, m, m if full else k), dtype),
            array_type((*lead, k), real_dtype(dtype)),
            array_type((*lead, n if full else k, n), dtype),
        )

    def evaluate(self, a, *, full=False):
        return tuple(np.linalg.svd(a, full_matrices=full))

    def jvp(self, operands, result, tangents, *, full=False):
        u, s, vh = result
        k = type_of(s).shape[-1]
        u, v = (same_space(x, s, unitary=True) for x in (u, adjoint(vh)))
        du = tangents[0]
        u1, v1 = _first_columns(u, k), _first_columns(v, k)
        right, left = matmul(du, v1), matmul(adjoint(du), u1)  # dA V and dAᴴ U
        inside = matmul(adjoint(u1), right)
        p, q = _svd_turnings(s, inside)
        moved_u = _moved_basis(u, u1, right, p, s)
        moved_v = _moved_basis(v, v1, left, q, s)
        return moved_u, _real_inner(u1, right), adjoint(moved_v)


svd = SVD()


def _svd_turnings(s: Any, inside: Any) -> tuple[Any, Any]:
    """Return by how much U and V turn in themselves.

    With P = Uᴴ dA V they are half the sum and half the difference of (P + Pᴴ) / (s_j - s_i) and of
    (P - Pᴴ) / (s_j + s_i): the second is regular for repeated values.
    """
    other = adjoint(inside)
    apart = mul(add(inside, other), _inverse_gaps(s))
    total = add(_rows(s), _columns(s))
    there = greater(total, _smallest(s))
    together = mask(there, mul(sub(inside, other), div(1.0, select(there, total, _one(s)))))
    return mul(add(apart, together), 0.5), mul(sub(apart, together), 0.5)


def _moved_basis(basis: Any, first: Any, images: Any, turning: Any, s: Any) -> Any:
    """Return the tangent of a basis whose first columns turn in themselves, and out of their space.

    `images`: of the vectors of the other side, under dA. The columns behind, if there are, turn back
    into the first; that they turn in themselves, nothing says.
    """
    m, k = type_of(first).shape[-2:]
    out = matmul(first, turning)
    if m == k:
        return out
    there = greater(s, reshape(_smallest(s), shape=(*type_of(s).shape[:-1], 1)))
    scale = _rows(mask(there, div(1.0, select(there, s, _one(s)))))
    if type_of(basis).shape[-1] == k:
        beside = sub(images, matmul(first, matmul(adjoint(first), images)))
        return add(out, mul(beside, scale))
    rest = _last_columns(basis, k)
    down = mul(matmul(adjoint(rest), images), scale)
    return concatenate(add(out, matmul(rest, down)), neg(matmul(first, adjoint(down))), axis=_axis(basis, -1))


class QR(_Decomposition):
    """Q R, of (m, n): Q has orthonormal columns, min(m, n) of them, or with `complete` m; R has a real diagonal.

    Differentiable where the first min(m, n) columns are independent: elsewhere a derivative
    raises LinAlgError.
    """

    name = "qr"

    def infer(self, a, *, complete=False):
        dtype, (m, n) = any_matrix(a), a.shape[-2:]
        k = m if complete else min(m, n)
        return array_type((*a.shape[:-2], m, k), dtype), array_type((*a.shape[:-2], k, n), dtype)

    def evaluate(self, a, *, complete=False):
        return tuple(np.linalg.qr(a, "complete" if complete else "reduced"))

    def jvp(self, operands, result, tangents, *, complete=False):
        (q, r), (da,) = result, tangents
        m, n = type_of(da).shape[-2:]
        k = min(m, n)
        q1, r1 = _first_columns(q, k), _first_columns(_first_rows(r, k), k)
        scaled = transposed(triangular_solve(r1, transposed(_first_columns(da, k)), lower=False, turned=True))
        inside = matmul(adjoint(q1), scaled)  # Qᴴ dA R⁻¹ = Qᴴ dQ + dR R⁻¹
        turning = _antihermitian(inside)
        dq = matmul(q1, turning)
        if m > k and not complete:
            dq = add(dq, sub(scaled, matmul(q1, inside)))
        if m > k and complete:
            rest = _last_columns(q, k)
            down = matmul(adjoint(rest), scaled)
            dq = concatenate(add(dq, matmul(rest, down)), neg(matmul(q1, adjoint(down))), axis=_axis(q, -1))
        dr = add(matmul(adjoint(q), da), matmul(adjoint(dq), operands[0]))  # R = Qᴴ A
        return dq, triangle(dr, lower=False)


qr = QR()


def _antihermitian(x: Any) -> Any:
    """Return what is below the diagonal and minus its adjoint above; of the diagonal the imaginary part."""
    below = triangle(x, lower=True, k=-1)
    out = sub(below, adjoint(below))
    if type_of(x).dtype.kind != "c":
        return out
    return add(out, mul(mask(_on_diagonal(x), imag(x)), 1j))


class SameSpace(Primitive):
    """The vectors v themselves, of values w: what derivatives of decompositions are made of.

    Its tangent is NaN where the vectors of one space (w repeated) turn: the first derivative
    needs no such turning, the second does, and there is no telling what it is.
    """

    name, quiet = "same_space", True

    def infer(self, v, w, *, unitary):
        return v.strong

    def evaluate(self, v, w, *, unitary):
        return v

    def jvp(self, operands, result, tangents, *, unitary):
        (v, w), (dv, _) = operands, tangents
        if dv is None:
            return None
        first = _first_columns(v, type_of(w).shape[-1])
        inside = matmul(adjoint(first), dv) if unitary else solve(first, dv)
        inside = _first_columns(inside, type_of(w).shape[-1])
        unknown = select(_repeated(w), _one(w, np.nan), _one(w, 0.0))
        moved = matmul(first, mul(inside, unknown))
        return add(dv, _padded(moved, v))

    def batch(self, size, operands, batched, *, unitary):
        v, w = (
            x if is_batched else broadcast(x, shape=(size, *type_of(x).shape))
            for x, is_batched in zip(operands, batched, strict=True)
        )
        return same_space(v, w, unitary=unitary)


same_space = SameSpace()


def _padded(moved: Any, v: Any) -> Any:
    """Return columns with zeros behind them, as many as v has."""
    shape = type_of(v).shape
    rest = shape[-1] - type_of(moved).shape[-1]
    if not rest:
        return moved
    zeros = zeros_like(slice_(v, starts=(0,) * len(shape), stops=(*shape[:-1], rest)))
    return concatenate(moved, zeros, axis=len(shape) - 1)


# Gaps ---------------------------------------------------------------------------------------


def _gaps(w: Any) -> tuple[Any, Any]:
    """Return ``w_j - w_i`` for all i, j, and whether they are too small to be told from rounding."""
    gaps = sub(_rows(w), _columns(w))
    return gaps, less_equal(absolute(gaps), _smallest(w))


def _smallest(w: Any) -> Any:
    """Return the size below which a difference of values is rounding: (..., 1, 1)."""
    t = type_of(w)
    n, lead = t.shape[-1], t.shape[:-1]
    if n == 0:
        return broadcast(t.dtype.type(0).real, shape=(*lead, 1, 1))
    size = max_(absolute(w), axes=(t.ndim - 1,))
    return reshape(mul(size, _rounding(t)), shape=(*lead, 1, 1))


def _rounding(t: Any) -> Any:
    return real_dtype(t.dtype).type(_TOGETHER * t.shape[-1] * np.finfo(t.dtype).eps)


def _inverse_gaps(w: Any) -> Any:
    """Return ``1 / (w_j - w_i)``; 0 on the diagonal and, by convention, where values are repeated."""
    gaps, together = _gaps(w)
    inverse = mask(logical_not(together), div(1.0, select(together, _one(w), gaps)))
    if current().repeated == "zero":
        return inverse
    return select(_repeated(w), _one(w, np.nan), inverse)


def _repeated(w: Any) -> Any:
    """Return whether i and j are two of one repeated value."""
    _, together = _gaps(w)
    return logical_and(together, logical_not(_on_diagonal(together)))


def _one(w: Any, value: float = 1.0) -> Any:
    return type_of(w).dtype.type(value)


# Parts of matrices -----------------------------------------------------------------------------


def hermitian(x: Any, *, lower: bool) -> Any:
    """Return the Hermitian matrix that one triangle of x says; of the diagonal the real part."""
    half = mul(add(triangle(x, lower=lower), triangle(x, lower=lower, k=-1 if lower else 1)), 0.5)
    return add(half, adjoint(half))


def diagonal(x: Any) -> Any:
    """Return the diagonals of (..., n, n)."""
    return sum_(mask(_on_diagonal(x), x), axes=(_axis(x, -1),))


def _on_diagonal(x: Any) -> Any:
    m, n = type_of(x).shape[-2:]
    i, j = (iota(n=size, dtype=np.dtype(np.int64)) for size in (m, n))
    return equal(reshape(i, shape=(m, 1)), j)


def _real_inner(a: Any, b: Any) -> Any:
    """Return the real part of ``aᴴ b``, column by column."""
    axes = tuple(range(type_of(a).ndim))
    a = conj(a) if type_of(a).dtype.kind == "c" else a
    out = contract(a, b, a_axes=axes, b_axes=axes, out_axes=(*axes[:-2], axes[-1]))
    return real(out) if type_of(out).dtype.kind == "c" else out


def _axis(x: Any, axis: int) -> int:
    return type_of(x).ndim + axis


def _rows(w: Any) -> Any:
    """Return (..., n) as rows, (..., 1, n)."""
    shape = type_of(w).shape
    return reshape(w, shape=(*shape[:-1], 1, shape[-1]))


def _columns(w: Any) -> Any:
    return reshape(w, shape=(*type_of(w).shape, 1))


def _first_columns(x: Any, k: int) -> Any:
    shape = type_of(x).shape
    return x if shape[-1] == k else slice_(x, starts=(0,) * len(shape), stops=(*shape[:-1], k))


def _last_columns(x: Any, k: int) -> Any:
    shape = type_of(x).shape
    return slice_(x, starts=(*(0,) * (len(shape) - 1), k), stops=shape)


def _first_rows(x: Any, k: int) -> Any:
    shape = type_of(x).shape
    return x if shape[-2] == k else slice_(x, starts=(0,) * len(shape), stops=(*shape[:-2], k, shape[-1]))


def complex_dtype(dtype: np.dtype) -> np.dtype:
    """Return the complex dtype of a precision."""
    return np.dtype(dtype.char.upper()) if dtype.kind == "f" else dtype


def any_matrix(a: Any) -> np.dtype:
    """Return the dtype that ``np.linalg`` computes in, or raise: of a matrix that need not be square."""
    if a.ndim < 2:
        raise np.linalg.LinAlgError(f"{a.ndim}-dimensional array given. Array must be at least two-dimensional")
    if a.dtype == np.float16:
        raise TypeError("array type float16 is unsupported in linalg")
    return a.dtype if a.dtype.kind in "fc" else np.dtype(np.float64)
