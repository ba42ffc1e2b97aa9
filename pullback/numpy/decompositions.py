"""Decompositions of matrices and what is made of them: eigenvalues, singular values, QR, least squares, rank.

What happens at repeated and zero values is in docs/conventions.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core import source
from pullback.core.errors import NotWritten
from pullback.core.tracer import Tracer
from pullback.core.types import type_of
from pullback.primitives.arithmetic import div, mul, sub
from pullback.primitives.choice import select
from pullback.primitives.comparison import equal, greater, isnan, logical_and, logical_not
from pullback.primitives.complex import absolute, imag, real
from pullback.primitives.decompositions import eig, eigh, qr, svd
from pullback.primitives.decompositions import hermitian as hermitian_of
from pullback.primitives.linalg import inv
from pullback.primitives.pseudoinverse import pinv
from pullback.primitives.reductions import any_, max_, sum_
from pullback.primitives.shaping import real_dtype

from .arguments import as_dtype, dtype_of, is_missing, missing, ndim, operand, reshaped, shape
from .matrices import floats, inverse, norm, solution, square_matrices, squares
from .products import matmul
from .registry import covers
from .shapes import matrix_transpose

__all__ = ["singular_values"]

_Eig, _EigH, _SVD, _QR = (
    type(f(np.eye(1))) for f in (np.linalg.eig, np.linalg.eigh, np.linalg.svd, np.linalg.qr)
)  # NumPy's named tuples


def _matrices(a: Any) -> Any:
    """Return stacks of matrices that need not be square."""
    x = floats(a)
    if ndim(x) < 2:
        raise np.linalg.LinAlgError(f"{ndim(x)}-dimensional array given. Array must be at least two-dimensional")
    return x


def _named(kind: Any, parts: Any) -> Any:
    return kind(*parts)


# Eigenvalues ----------------------------------------------------------------------------------


@covers(np.linalg.eigh)
def eigenvectors_of_hermitian(a: Any, UPLO: str = "L") -> Any:  # noqa: N803
    """Eigenvalues and eigenvectors of a Hermitian matrix, of which one triangle is read."""
    if UPLO.upper() not in ("L", "U"):
        raise ValueError("UPLO argument must be 'L' or 'U'")
    return _named(_EigH, eigh(square_matrices(a), lower=UPLO.upper() == "L"))


@covers(np.linalg.eigvalsh)
def eigenvalues_of_hermitian(a: Any, UPLO: str = "L") -> Any:  # noqa: N803
    """Eigenvalues of a Hermitian matrix."""
    return eigenvectors_of_hermitian(a, UPLO)[0]


@covers(np.linalg.eig)
def eigenvectors(a: Any) -> Any:
    """Eigenvalues and eigenvectors: real, as NumPy's, where all of a real matrix are known to be."""
    x = square_matrices(a)
    w, v = eig(x)
    if dtype_of(x).kind != "c":
        still = np.all(equal(imag(w), 0.0))
        if not isinstance(still, Tracer) and still:
            w, v = real(w), real(v)
    return _named(_Eig, (w, v))


@covers(np.linalg.eigvals)
def eigenvalues(a: Any) -> Any:
    """Eigenvalues of a matrix."""
    return eigenvectors(a)[0]


# Singular values ------------------------------------------------------------------------------


@covers(np.linalg.svd)
def singular_vectors(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """Singular values and vectors."""
    if not compute_uv:
        return singular_values(a, hermitian)
    if not hermitian:
        return _named(_SVD, svd(_matrices(a), full=bool(full_matrices)))
    w, u = eigenvectors_of_hermitian(a)
    sign = np.copysign(1.0, w)
    order = np.argsort(absolute(w))[..., ::-1]
    sign, s = (np.take_along_axis(x, order, axis=-1) for x in (sign, absolute(w)))
    u = np.take_along_axis(u, order[..., None, :], axis=-1)
    return _named(_SVD, (u, s, np.conjugate(matrix_transpose(mul(u, as_dtype(sign, dtype_of(u))[..., None, :])))))


def singular_values(a: Any, hermitian: bool = False) -> Any:
    """Return singular values, descending."""
    if hermitian:
        return np.sort(absolute(eigenvalues_of_hermitian(a)))[..., ::-1]
    return svd(_matrices(a))[1]


@covers(np.linalg.svdvals)
def only_singular_values(x: Any, /) -> Any:
    """Singular values, descending."""
    return singular_values(x)


@covers(np.linalg.matrix_rank, moves=False)
def matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    """Rank: how many singular values are above a tolerance; it never moves."""
    if rtol is not None and tol is not None:
        raise ValueError("`tol` and `rtol` can't be both set.")
    x = operand(A)
    if ndim(x) < 2:
        return as_dtype(logical_not(np.all(equal(x, 0))), int)
    s = singular_values(x, hermitian)
    if tol is not None:
        return np.count_nonzero(greater(s, _per_matrix(tol)), axis=-1)
    if rtol is None:
        rtol = max(shape(x)[-2:]) * np.finfo(dtype_of(s)).eps
    return _rank(s, rtol)


def _rank(s: Any, rtol: Any) -> Any:
    if not shape(s)[-1]:
        return np.zeros(shape(s)[:-1], int)[()]
    most = reshaped(max_(s, axes=(ndim(s) - 1,)), (*shape(s)[:-1], 1))
    return np.count_nonzero(greater(s, mul(most, _per_matrix(rtol))), axis=-1)


def _per_matrix(x: Any) -> Any:
    """Return a tolerance, or one a matrix, as it meets singular values."""
    x = operand(x)
    return reshaped(x, (*shape(x), 1)) if ndim(x) else x


@covers(np.linalg.cond)
def condition(x: Any, p: Any = None) -> Any:
    """Condition number in a norm.

    In others than 2 and -2 a singular matrix raises LinAlgError, where NumPy gives inf.
    """
    a = operand(x)
    if 0 in shape(a)[-2:]:
        raise np.linalg.LinAlgError("cond is not defined on empty arrays")
    with np.errstate(all="ignore"):
        if p is None or p in (2, -2):
            s = singular_values(a)
            r = div(s[..., -1], s[..., 0]) if p == -2 else div(s[..., 0], s[..., -1])
        else:
            a = square_matrices(a)
            r = mul(norm(a, p, axis=(-2, -1)), norm(inv(a), p, axis=(-2, -1)))
    n = ndim(a)
    made = logical_and(isnan(r), logical_not(any_(isnan(a), axes=(n - 2, n - 1))))
    return select(made, dtype_of(r).type(np.inf), r)


# QR -------------------------------------------------------------------------------------------


@covers(np.linalg.qr)
def orthogonal_factor(a: Any, mode: str = "reduced") -> Any:
    """Q and R, or with mode "r" R alone."""
    if mode in ("raw", "f", "full", "e", "economic"):
        raise NotWritten(
            f"np.linalg.qr(mode={mode!r}) of what is being differentiated or traced",
            where=source.here(),
            why="reflectors as LAPACK packs them have no rule, and the older modes are deprecated",
            fix='mode="reduced", "complete" or "r"',
        )
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f"Unrecognized mode '{mode}'")
    q, r = qr(_matrices(a), complete=mode == "complete")
    return r if mode == "r" else _named(_QR, (q, r))


# Least squares ----------------------------------------------------------------------------------


@covers(np.linalg.pinv)
def pseudo_inverse(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = missing) -> Any:
    """Pseudo-inverse of matrices; its derivative is that among matrices of the same rank."""
    if rcond is not None and not is_missing(rtol):
        raise ValueError("`rtol` and `rcond` can't be both set.")
    x = square_matrices(a) if hermitian else _matrices(a)
    if rcond is None:
        rcond = 1e-15 if is_missing(rtol) else rtol
    if rcond is None:
        rcond = max(shape(x)[-2:]) * float(np.finfo(dtype_of(x)).eps)
    if 0 in shape(x)[-2:]:
        return np.zeros((*shape(x)[:-2], shape(x)[-1], shape(x)[-2]), dtype_of(x))
    return pinv(hermitian_of(x, lower=True) if hermitian else x, operand(rcond), hermitian=bool(hermitian))


@covers(np.linalg.lstsq)
def least_squares(a: Any, b: Any, rcond: Any = None) -> Any:
    """Least-squares solution of least norm, residuals, rank and singular values.

    Under `jit` the rank is not known, and residuals are given as of a matrix of full rank.
    """
    a, b = floats(a), floats(b)
    vector = ndim(b) == 1
    columns = reshaped(b, (*shape(b), 1)) if vector else b
    for x in (a, columns):
        if ndim(x) != 2:
            raise np.linalg.LinAlgError(f"{ndim(x)}-dimensional array given. Array must be two-dimensional")
    (m, n), dtype = shape(a), np.result_type(dtype_of(a), dtype_of(b))
    if shape(columns)[0] != m:
        raise np.linalg.LinAlgError("Incompatible dimensions")
    if rcond is None:
        rcond = float(np.finfo(dtype).eps) * max(n, m)
    a, columns = as_dtype(a, dtype), as_dtype(columns, dtype)
    s = singular_values(a)
    rank = as_dtype(_rank(s, rcond), np.int32)
    x = matmul(pinv(a, rcond), columns)
    if m > n and (isinstance(rank, Tracer) or rank == n):
        residuals = sum_(squares(sub(columns, matmul(a, x))), axes=(0,))
    else:
        residuals = np.zeros(0, real_dtype(dtype))
    return reshaped(x, (n,)) if vector else x, residuals, rank, s


# Tensors as matrices ------------------------------------------------------------------------------


@covers(np.linalg.tensorsolve)
def tensor_solution(a: Any, b: Any, axes: Any = None) -> Any:
    """Tensor x of ``tensordot(a, x, x.ndim) = b``."""
    a, b = floats(a), floats(b)
    n = ndim(a)
    if axes is not None:
        order = list(range(n))
        for k in axes:
            order.remove(k)
            order.insert(n, k)
        a = np.transpose(a, order) if isinstance(a, Tracer) else a.transpose(order)
    result = shape(a)[-(n - ndim(b)) :]
    size = int(np.prod(result))
    if type_of(a).size != size**2:
        raise np.linalg.LinAlgError(
            "Input arrays must satisfy the requirement prod(a.shape[b.ndim:]) == prod(a.shape[:b.ndim])"
        )
    return reshaped(solution(reshaped(a, (size, size)), reshaped(b, (type_of(b).size,))), result)


@covers(np.linalg.tensorinv)
def tensor_inverse(a: Any, ind: int = 2) -> Any:
    """Inverse of a tensor as of a matrix whose rows are its first `ind` axes."""
    a = floats(a)
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    old = shape(a)
    size = int(np.prod(old[ind:]))
    return reshaped(inverse(reshaped(a, (size, type_of(a).size // max(size, 1)))), (*old[ind:], *old[:ind]))
