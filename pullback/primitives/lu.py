"""A = P L U of square matrices, with the rows that partial pivoting chooses (SciPy's ``lu``).

Where the pivots stand does not change with A, but where two are equal: P does not move. With
F = L⁻¹ Pᵀ dA U⁻¹ the tangents are dL = L tril(F, -1) and dU = triu(F) U: of L⁻¹ Pᵀ dA U⁻¹ = L⁻¹ dL + dU U⁻¹ the first
term is strictly lower, and the second upper.
"""

from __future__ import annotations

import importlib

import numpy as np

from pullback.core.primitive import Cost, Primitive, moved_bytes
from pullback.core.types import array_type, type_of

from .assembling import triangle
from .contraction import matmul
from .linalg import matrix_dtype, transposed, triangular_solve

__all__ = ["lu"]


class LU(Primitive):
    """Permutation, unit lower and upper triangle of matrices (..., n, n)."""

    name, multiple = "lu", True

    def infer(self, a):
        return (array_type(a.shape, matrix_dtype(a)),) * 3

    def evaluate(self, a):
        of = self.infer(type_of(a))[0]
        factors = importlib.import_module("scipy.linalg").lu
        lanes = [factors(m) for m in np.asarray(a, of.dtype).reshape(-1, *of.shape[-2:])]
        parts = zip(*lanes, strict=True) if lanes else ([], [], [])
        return tuple(np.reshape(np.asarray(part), of.shape).astype(of.dtype, copy=False) for part in parts)

    def jvp(self, operands, result, tangents):
        p, l, u = result
        moved = triangular_solve(l, matmul(transposed(p), tangents[0]), lower=True, unit=True)
        f = transposed(triangular_solve(u, transposed(moved), lower=False, turned=True))
        return None, matmul(l, triangle(f, lower=True, k=-1)), matmul(triangle(f, lower=False, k=0), u)

    def batch(self, size, operands, batched):
        return lu(operands[0])

    def cost(self, types, results):
        return Cost(types[0].size * types[0].shape[-1], moved_bytes(types, results))


lu = LU()
