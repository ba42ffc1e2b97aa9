"""Cofactors of a matrix, and their derivative: what the determinant's derivatives are made of.

With ``A = U S Vᴴ``, cof(A) = det(U) det(Vᴴ) conj(U) cof(S) conj(Vᴴ); and for a diagonal S the
cofactors and their derivatives are products of all singular values but one, or but two.
Nothing is divided, so that singular matrices of any rank come out right. Up to 3 by 3 the
cofactors are written out.

Left out on purpose: speed at third order, which goes through all n² minors.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.primitive import Cost, Primitive, add_tangents, moved_bytes
from pullback.core.types import type_of

from .contraction import contract
from .shaping import broadcast

__all__ = ["cofactor", "cofactor_tangent", "minors"]


class Cofactor(Primitive):
    """The cofactors of (..., n, n): the derivative of the determinant by each element."""

    name = "cofactor"

    def infer(self, a):
        return a.strong

    def evaluate(self, a):
        n = a.shape[-1]
        if n <= 3:
            return _small(a, a)
        u, s, vh = np.linalg.svd(a)
        return _turned(u, _all_but_one(s)[..., None] * np.conj(vh), vh).astype(a.dtype, copy=False)

    def jvp(self, operands, result, tangents):
        return cofactor_tangent(operands[0], tangents[0])

    def batch(self, size, operands, batched):
        return cofactor(operands[0])

    def cost(self, types, results):
        return Cost(20 * types[0].size * types[0].shape[-1], moved_bytes(types, results))


cofactor = Cofactor()


class CofactorTangent(Primitive):
    """The derivative of the cofactors of A along V: linear in V, and its own transpose.

    It is the second derivative of the determinant, which is symmetric.
    """

    name = "cofactor_tangent"

    def infer(self, a, v):
        return a.strong

    def evaluate(self, a, v):
        n = a.shape[-1]
        if n <= 3:
            if n == 1:
                return np.zeros_like(a)
            return _small(v, v) if n == 2 else _small(a, v) + _small(v, a)
        u, s, vh = np.linalg.svd(a)
        w = np.conj(u.swapaxes(-1, -2)) @ v @ np.conj(vh.swapaxes(-1, -2))
        others = _all_but_two(s)
        d = -w.swapaxes(-1, -2) * others
        i = np.arange(n)
        d[..., i, i] = (np.einsum("...kk->...k", w)[..., None, :] * others).sum(-1)
        return _turned(u, d @ np.conj(vh), vh).astype(a.dtype, copy=False)

    def linear(self, n_operands, params):
        return ((1,),)

    def jvp(self, operands, result, tangents):
        (a, v), (w, moved) = operands, tangents
        first = None
        if w is not None and a.shape[-1] > 1:
            axes = tuple(range(a.ndim + 2))
            first = contract(
                cofactor_tangent(minors(a), minors(w)),
                minors(v, signed=True),
                a_axes=axes,
                b_axes=axes,
                out_axes=axes[:-2],
            )
        return add_tangents(first, None if moved is None else cofactor_tangent(a, moved))

    def transpose(self, u, a, v):
        return None, cofactor_tangent(a, u)

    def batch(self, size, operands, batched):
        both = [
            x if is_batched else broadcast(x, shape=(size, *type_of(x).shape))
            for x, is_batched in zip(operands, batched, strict=True)
        ]
        return cofactor_tangent(*both)

    def cost(self, types, results):
        return Cost(25 * types[0].size * types[0].shape[-1], moved_bytes(types, results))


cofactor_tangent = CofactorTangent()


class Minors(Primitive):
    """All (n - 1, n - 1) minors of (..., n, n), with the chessboard's signs if `signed`: (..., n, n, n - 1, n - 1)."""

    name, quiet = "minors", True

    def infer(self, a, *, signed=False):
        n = a.shape[-1]
        return a.like((*a.shape, n - 1, n - 1))

    def evaluate(self, a, *, signed=False):
        n = a.shape[-1]
        kept = _others(n)
        out = a[..., kept[:, None, :, None], kept[None, :, None, :]]
        return out * _signs(n) if signed else out

    def linear(self, n_operands, params):
        return ((0,),)

    def transpose(self, u, a, *, signed=False):
        return (sum_minors(u, signed=signed),)

    def batch(self, size, operands, batched, *, signed=False):
        return minors(operands[0], signed=signed)


minors = Minors()


class SumMinors(Primitive):
    """Each element of all minors added back to its place: the transpose of `minors`."""

    name = "sum_minors"

    def infer(self, u, *, signed=False):
        return u.like(u.shape[:-2])

    def evaluate(self, u, *, signed=False):
        n = u.shape[-3]
        kept = _others(n)
        out = np.zeros(u.shape[:-2], u.dtype)
        places: Any = (..., kept[:, None, :, None], kept[None, :, None, :])
        np.add.at(out, places, u * _signs(n) if signed else u)
        return out

    def linear(self, n_operands, params):
        return ((0,),)

    def transpose(self, w, u, *, signed=False):
        return (minors(w, signed=signed),)

    def batch(self, size, operands, batched, *, signed=False):
        return sum_minors(operands[0], signed=signed)


sum_minors = SumMinors()


def _small(a: Any, b: Any) -> Any:
    """Return the cofactors for n ≤ 3: of a for n ≤ 2, and their polar form in a and b for n = 3."""
    n = a.shape[-1]
    if n <= 1:
        return np.ones_like(a)
    if n == 2:
        return np.stack([a[..., 1, 1], -a[..., 1, 0], -a[..., 0, 1], a[..., 0, 0]], -1).reshape(a.shape)
    return np.cross(a[..., [1, 2, 0], :], b[..., [2, 0, 1], :])


def _turned(u: Any, inside: Any, vh: Any) -> Any:
    scale = np.linalg.det(u) * np.linalg.det(vh)
    return scale[..., None, None] * (np.conj(u) @ inside)


def _all_but_one(s: Any) -> Any:
    """Products of all entries along the last axis but each one."""
    one = np.ones_like(s[..., :1])
    before = np.cumprod(np.concatenate([one, s[..., :-1]], -1), -1)
    after = np.cumprod(np.concatenate([one, s[..., :0:-1]], -1), -1)[..., ::-1]
    return before * after


def _all_but_two(s: Any) -> Any:
    """P[i, j] = the product of all entries but i and j; 0 for i = j."""
    n = s.shape[-1]
    i = np.arange(n)
    without_i = np.repeat(s[..., None, :], n, axis=-2)
    without_i[..., i, i] = 1
    out = _all_but_one(without_i)
    out[..., i, i] = 0
    return out


def _others(n: int) -> Any:
    """Row i: all of 0 … n - 1 but i."""
    return np.arange(n - 1)[None, :] + (np.arange(n - 1)[None, :] >= np.arange(n)[:, None])


def _signs(n: int) -> Any:
    i = np.arange(n)
    return (1.0 - 2.0 * ((i[:, None] + i) % 2))[..., None, None]
