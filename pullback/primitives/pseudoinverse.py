"""The pseudo-inverse of matrices (..., m, n).

Its derivative is that of Golub and Pereyra, "The differentiation of pseudo-inverses and
nonlinear least squares problems whose variables separate" (1973), theorem 4.3: among matrices
of one rank. It needs no singular vectors, so that repeated singular values are no matter; a
direction in which the rank changes has no derivative, since the pseudo-inverse jumps there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.primitive import Cost, Primitive, moved_bytes
from pullback.core.types import type_of

from .arithmetic import add, sub
from .contraction import matmul
from .decompositions import any_matrix
from .linalg import adjoint
from .shaping import broadcast, reshape

__all__ = ["pinv"]


class PInv(Primitive):
    """A⁺; singular values up to `rcond` times the largest count as zeros. A is `hermitian` if that is said."""

    name = "pinv"

    def infer(self, a, rcond, *, hermitian=False):
        dtype = any_matrix(a)
        return a.like((*a.shape[:-2], a.shape[-1], a.shape[-2]), dtype=dtype)

    def evaluate(self, a, rcond, *, hermitian=False):
        return np.linalg.pinv(a, rcond=rcond, hermitian=hermitian)

    def jvp(self, operands, result, tangents, *, hermitian=False):
        (a, _), (v, _), p = operands, tangents, result
        if v is None:
            return None
        moved, back = adjoint(v), adjoint(p)
        left = sub(moved, matmul(matmul(moved, a), p))  # dAᴴ (1 - A A⁺)
        right = sub(moved, matmul(p, matmul(a, moved)))  # (1 - A⁺ A) dAᴴ
        beside = add(matmul(p, matmul(back, left)), matmul(matmul(right, back), p))
        return sub(beside, matmul(p, matmul(v, p)))

    def batch(self, size, operands, batched, *, hermitian=False):
        a, rcond = operands
        if not batched[0]:
            a = broadcast(a, shape=(size, *type_of(a).shape))
        if batched[1]:
            lead, own = type_of(a).ndim - 2, type_of(rcond).shape
            rcond = reshape(rcond, shape=(size, *(1,) * (lead - len(own)), *own[1:]))
        return pinv(a, rcond, hermitian=hermitian)

    def cost(self, types, results, **params: Any):
        return Cost(12 * types[0].size * min(types[0].shape[-2:]), moved_bytes(types, results))


pinv = PInv()
