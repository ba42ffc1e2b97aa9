"""blas: calls of BLAS for a product of matrices, or of a matrix and a vector.

Row-major C = A B is column-major Cᵀ = Bᵀ Aᵀ: the operands change places.
"""

from __future__ import annotations

from .products import MatrixProduct

__all__ = ["call_arguments"]


def call_arguments(p: MatrixProduct) -> tuple[str, list]:
    """Return the function ("gemm" or "gemv") and its arguments before and after alpha, A, beta and C.

    Arguments are letters, ints, and the words "alpha", "beta", "a", "b", "c".
    """
    if p.m is None or p.n is None:
        return "gemv", _vector(p)
    if p.c[1] != 1:  # the result transposed: Cᵀ = Bᵀ Aᵀ in rows
        p = MatrixProduct(p.n, p.m, p.k, _turned(p.b), _turned(p.a), _turned(p.c), p.loops)
        a, b = "b", "a"
    else:
        a, b = "a", "b"
    turn_b, ldb = ("N", p.b[0]) if p.b[1] == 1 else ("T", p.b[1])
    turn_a, lda = ("N", p.a[0]) if p.a[1] == 1 else ("T", p.a[1])
    return "gemm", [turn_b, turn_a, p.n, p.m, p.k, "alpha", b, ldb, a, lda, "beta", "c", p.c[0]]


def _vector(p: MatrixProduct) -> list:
    """Return the arguments of y = A x, or of y = Bᵀ x."""
    if p.n is None:
        rows, (along, across), x, step, out, names = p.m, p.a, "b", p.b[0], p.c[0], "a"
    else:
        rows, (across, along), x, step, out, names = p.n, p.b, "a", p.a[1], p.c[1], "b"
    if across == 1:  # its rows are contiguous: as columns, a matrix (k, rows), to be transposed
        return ["T", p.k, rows, "alpha", names, along, x, step, "beta", "c", out]
    return ["N", rows, p.k, "alpha", names, across, x, step, "beta", "c", out]


def _turned(strides: tuple[int, int]) -> tuple[int, int]:
    return strides[1], strides[0]
