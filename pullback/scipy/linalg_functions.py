"""The functions of ``scipy.linalg``, of Tracers, under SciPy's names and with its arguments.

They are called with at least one Tracer among the arguments: see `pullback.scipy.linalg`. Options that say only how
SciPy is to compute (overwrite_a, check_finite …) are taken, and have no effect.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pullback.core import source
from pullback.core.errors import ArgumentError, NotWritten
from pullback.core.types import type_of
from pullback.numpy.arguments import operand
from pullback.primitives.linalg import triangular_solve
from pullback.primitives.lu import lu as lu_factors
from pullback.primitives.matrix_functions import matrix_function, sylvester

__all__ = ["FUNCTIONS"]

FUNCTIONS: dict[str, Callable[..., Any]] = {}
_WAYS = {"overwrite_a", "overwrite_b", "overwrite_ab", "check_finite", "lwork", "driver", "lapack_driver", "debug"}


def _covers(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        def checked(*args: Any, **options: Any) -> Any:
            return function(*args, **{k: v for k, v in options.items() if k not in _WAYS})

        FUNCTIONS.update(dict.fromkeys(names, checked))
        return function

    return register


def _transposed(a: Any) -> Any:
    return np.swapaxes(a, -1, -2)


def _adjoint(a: Any) -> Any:
    return np.conj(_transposed(a)) if type_of(a).dtype.kind == "c" else _transposed(a)


def _mirrored(a: Any, lower: bool, conjugate: bool = True) -> Any:
    """Return the symmetric (or Hermitian) matrix of which one triangle is given."""
    part = np.tril(a, -1) if lower else np.triu(a, 1)
    diagonal = np.diagonal(a, axis1=-2, axis2=-1)
    middle = np.real(diagonal) if conjugate and type_of(a).dtype.kind == "c" else diagonal
    middle = middle[..., None] * np.eye(type_of(a).shape[-1], dtype=bool)
    return part + (_adjoint(part) if conjugate else _transposed(part)) + middle


def _one_of(name: str, option: str, value: Any, known: Any) -> None:
    if value not in known:
        raise ArgumentError(
            f"linalg.{name}({option}={value!r})",
            where=source.here(),
            why=f"{option} is one of a few names",
            fix=f"one of: {', '.join(map(repr, known))}",
        )


# Solutions ------------------------------------------------------------------------------------


@_covers("solve")
def solve(a: Any, b: Any, lower: bool = False, assume_a: str | None = None, transposed: bool = False) -> Any:
    """Return the x of ``a x = b``; of a symmetric or positive definite a one triangle is read."""
    a, b = operand(a), operand(b)
    kinds = (None, "gen", "general", "sym", "symmetric", "her", "hermitian", "pos", "positive definite",
             "upper triangular", "lower triangular", "diagonal", "tridiagonal", "banded")  # fmt: skip
    _one_of("solve", "assume_a", assume_a, kinds)
    if assume_a in ("upper triangular", "lower triangular"):
        return solve_triangular(a, b, trans=int(transposed), lower=assume_a == "lower triangular")
    if assume_a in ("sym", "symmetric"):
        a = _mirrored(a, lower, conjugate=False)
    elif assume_a in ("her", "hermitian", "pos", "positive definite"):
        a = _mirrored(a, lower)
    elif assume_a == "diagonal":
        a = np.diagonal(a, axis1=-2, axis2=-1)[..., None] * np.eye(type_of(a).shape[-1])
    return _solution(np.linalg.solve, _transposed(a) if transposed else a, b)


def _solution(solver: Callable[..., Any], a: Any, b: Any) -> Any:
    """Solve for a vector, or for the columns of a matrix."""
    if type_of(b).ndim == 1:
        return solver(a, b[..., None])[..., 0]
    return solver(a, b)


@_covers("solve_triangular")
def solve_triangular(a: Any, b: Any, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False) -> Any:
    """Return the x of ``a x = b``, ``aᵀ x = b`` (trans 1) or ``aᴴ x = b`` (2); one triangle of a is read."""
    a, b = operand(a), operand(b)
    _one_of("solve_triangular", "trans", trans, (0, 1, 2, "N", "T", "C"))
    if trans in (2, "C"):
        a = np.conj(a)
    turned = trans not in (0, "N")
    return _solution(
        lambda a, b: triangular_solve(a, b, lower=bool(lower), turned=turned, unit=bool(unit_diagonal)), a, b
    )


@_covers("inv")
def inv(a: Any) -> Any:
    """Return the inverse."""
    return np.linalg.inv(operand(a))


@_covers("det")
def det(a: Any) -> Any:
    """Return the determinant."""
    return np.linalg.det(operand(a))


@_covers("norm")
def norm(a: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Return a norm of a vector or a matrix."""
    return np.linalg.norm(operand(a), ord=ord, axis=axis, keepdims=keepdims)


# Factors --------------------------------------------------------------------------------------


@_covers("cholesky")
def cholesky(a: Any, lower: bool = False) -> Any:
    """Return the L of ``a = L Lᴴ``, or the U of ``a = Uᴴ U``; that triangle of a is read."""
    factor = np.linalg.cholesky(_mirrored(operand(a), lower))
    return factor if lower else _adjoint(factor)


@_covers("cho_factor")
def cho_factor(a: Any, lower: bool = False) -> tuple[Any, bool]:
    """Return (Cholesky's factor, lower); the other triangle of the factor is 0, where SciPy leaves what was there."""
    return cholesky(a, lower), lower


@_covers("cho_solve")
def cho_solve(c_and_lower: tuple[Any, bool], b: Any) -> Any:
    """Return the x of ``a x = b``, given what `cho_factor` returns."""
    c, lower = operand(c_and_lower[0]), c_and_lower[1]
    first, second = (0, 2) if lower else (2, 0)
    return solve_triangular(c, solve_triangular(c, b, trans=first, lower=lower), trans=second, lower=lower)


@_covers("lu")
def lu(a: Any, permute_l: bool = False, p_indices: bool = False) -> tuple[Any, ...]:
    """Return (P, L, U) of a square matrix, or (P L, U); with `p_indices` P is the order of the rows."""
    p, l, u = lu_factors(operand(a))
    if permute_l:
        return p @ l, u
    return (np.argmax(p, axis=-1) if p_indices else p), l, u


@_covers("eigh")
def eigh(a: Any, b: Any = None, *, lower: bool = True, eigvals_only: bool = False, type: int = 1) -> Any:
    """Return eigenvalues and vectors of a symmetric matrix, or of the pair ``a v = w b v``."""
    a = _mirrored(operand(a), lower)
    if b is None:
        return np.linalg.eigvalsh(a) if eigvals_only else tuple(np.linalg.eigh(a))
    if type != 1:
        raise NotWritten(f"linalg.eigh(type={type})", where=source.here(), fix="type=1, a v = w b v")
    factor = cholesky(b, lower=True) if lower else _adjoint(cholesky(b, lower=False))
    half = solve_triangular(factor, a, lower=True)
    reduced = solve_triangular(factor, _adjoint(half), lower=True)
    reduced = 0.5 * (reduced + _adjoint(reduced))
    if eigvals_only:
        return np.linalg.eigvalsh(reduced)
    w, v = np.linalg.eigh(reduced)
    return w, solve_triangular(factor, v, trans=2, lower=True)


@_covers("eigvalsh")
def eigvalsh(a: Any, b: Any = None, *, lower: bool = True, type: int = 1) -> Any:
    """Return the eigenvalues of a symmetric matrix, or of a pair."""
    return eigh(a, b, lower=lower, eigvals_only=True, type=type)


@_covers("svd")
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Return the singular values, with U and Vᴴ."""
    found = np.linalg.svd(operand(a), full_matrices=full_matrices, compute_uv=compute_uv)
    return tuple(found) if compute_uv else found


@_covers("svdvals")
def svdvals(a: Any) -> Any:
    """Return the singular values."""
    return np.linalg.svd(operand(a), compute_uv=False)


@_covers("qr")
def qr(a: Any, mode: str = "full", pivoting: bool = False) -> Any:
    """Return (Q, R), or with mode "r" (R,); "economic" is NumPy's "reduced"."""
    _one_of("qr", "mode", mode, ("full", "r", "economic"))
    if pivoting:
        raise NotWritten("linalg.qr(pivoting=True)", where=source.here(), fix="leave pivoting out")
    q, r = np.linalg.qr(operand(a), mode="reduced" if mode == "economic" else "complete")
    return (r,) if mode == "r" else (q, r)


# Functions of matrices, and equations ---------------------------------------------------------


def _function_of_a_matrix(name: str) -> Callable[..., Any]:
    return lambda A: matrix_function(operand(A), function=name)


for _name in ("expm", "logm", "sqrtm", "cosm", "sinm", "tanm", "coshm", "sinhm", "tanhm"):
    _covers(_name)(_function_of_a_matrix(_name))


@_covers("solve_sylvester")
def solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    """Return the X of ``a X + X b = q``."""
    return sylvester(operand(a), operand(b), operand(q))


@_covers("solve_continuous_lyapunov", "solve_lyapunov")
def solve_continuous_lyapunov(a: Any, q: Any) -> Any:
    """Return the X of ``a X + X aᴴ = q``."""
    a = operand(a)
    return sylvester(a, _adjoint(a), operand(q))


@_covers("solve_discrete_lyapunov")
def solve_discrete_lyapunov(a: Any, q: Any, method: str | None = None) -> Any:
    """Return the X of ``a X aᴴ - X + q = 0``, as (I - a ⊗ conj a) vec X = vec q: n⁶ operations.

    SciPy's "bilinear" method is another way to the same result.
    """
    a, q = operand(a), operand(q)
    n = type_of(a).shape[-1]
    system = np.eye(n * n) - np.kron(a, np.conj(a))
    return np.reshape(np.linalg.solve(system, np.reshape(q, (-1, 1))), (n, n))


# Matrices of a structure ----------------------------------------------------------------------


@_covers("block_diag")
def block_diag(*arrays: Any) -> Any:
    """Return the matrix with these blocks on its diagonal."""
    blocks = [np.atleast_2d(operand(a)) for a in arrays]
    columns = sum(type_of(b).shape[1] for b in blocks)
    rows, before = [], 0
    for b in blocks:
        m, n = type_of(b).shape
        rows.append(np.concatenate([np.zeros((m, before)), b, np.zeros((m, columns - before - n))], axis=1))
        before += n
    return np.concatenate(rows, axis=0)


@_covers("toeplitz")
def toeplitz(c: Any, r: Any = None) -> Any:
    """Return the matrix with c as first column and r as first row (of which the first element is not read)."""
    c = np.ravel(operand(c))
    r = np.conj(c) if r is None else np.ravel(operand(r))
    values = np.concatenate([c[::-1], r[1:]])
    m, n = type_of(c).shape[0], type_of(r).shape[0]
    return values[np.arange(m)[::-1, None] + np.arange(n)]


@_covers("hankel")
def hankel(c: Any, r: Any = None) -> Any:
    """Return the matrix with c as first column and r as last row (of which the first element is not read)."""
    c = np.ravel(operand(c))
    r = np.zeros_like(c) if r is None else np.ravel(operand(r))
    values = np.concatenate([c, r[1:]])
    return values[np.arange(type_of(c).shape[0])[:, None] + np.arange(type_of(r).shape[0])]


@_covers("circulant")
def circulant(c: Any) -> Any:
    """Return the matrix whose columns are c, moved on by one each time."""
    c = operand(c)
    n = type_of(c).shape[-1]
    return c[..., (np.arange(n)[:, None] - np.arange(n)) % n]
