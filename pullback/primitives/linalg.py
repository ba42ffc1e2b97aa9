"""Linear algebra on stacks of square matrices (..., n, n), as ``np.linalg`` has it.

The derivatives are those of Giles, "Collected matrix derivative results for forward and
reverse mode algorithmic differentiation" (2008), and for Cholesky of Murray,
"Differentiation of the Cholesky decomposition" (2016), §3.1.

The determinant's derivative is its cofactors and not ``det(A) inv(A)ᵀ``: it is right at
singular matrices too, at every order. A matrix that is singular raises LinAlgError wherever
NumPy does, also in a derivative (of slogdet) that does not exist there.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from pullback.core.errors import ShapeError
from pullback.core.primitive import Cost, Primitive, add_tangents, moved_bytes
from pullback.core.types import array_type, type_of

from .arithmetic import add, mul, neg
from .assembling import triangle
from .complex import conj, imag, real
from .contraction import contract, matmul
from .determinants import cofactor
from .shaping import permuted, real_dtype, reshape

__all__ = ["cholesky", "det", "inv", "slogdet", "solve", "triangular_solve"]


class _OfMatrix(Primitive):
    """Base: one matrix in; its lanes are leading axes already."""

    def batch(self, size, operands, batched, **params):
        return self(operands[0], **params)

    def cost(self, types, results, **params):
        return Cost(types[0].size * types[0].shape[-1], moved_bytes(types, results))


class Inv(_OfMatrix):
    """The inverse: dB = -B dA B."""

    name = "inv"

    def infer(self, a):
        return a.like(dtype=matrix_dtype(a))

    def evaluate(self, a):
        return np.linalg.inv(a)

    def jvp(self, operands, result, tangents):
        return neg(matmul(result, matmul(tangents[0], result)))


inv = Inv()


class Det(_OfMatrix):
    """The determinant: its tangent is the sum of the cofactors times dA."""

    name = "det"

    def infer(self, a):
        return array_type(a.shape[:-2], matrix_dtype(a))

    def evaluate(self, a):
        return np.linalg.det(a)

    def jvp(self, operands, result, tangents):
        return inner(tangents[0], cofactor(operands[0]))


det = Det()


class SlogDet(_OfMatrix):
    """Sign and logarithm of the absolute value of the determinant: d log|det A| + d log sign = tr(A⁻¹ dA)."""

    name, multiple = "slogdet", True

    def infer(self, a):
        dtype = matrix_dtype(a)
        return array_type(a.shape[:-2], dtype), array_type(a.shape[:-2], real_dtype(dtype))

    def evaluate(self, a):
        return tuple(np.linalg.slogdet(a))

    def jvp(self, operands, result, tangents):
        v = inner(tangents[0], transposed(inv(operands[0])))
        if type_of(result[0]).dtype.kind != "c":
            return None, v
        return mul(mul(imag(v), 1j), result[0]), real(v)


slogdet = SlogDet()


class _Solve(Primitive):
    """Base: (..., n, n) and (..., n, m), whose leading axes broadcast; linear in the right-hand side."""

    def infer(self, a, b, **params):
        dtype = np.result_type(matrix_dtype(a), b.dtype)
        if b.ndim < 2 or b.shape[-2] != a.shape[-1]:
            raise ShapeError(
                f"{self.name} of {a} and {b}",
                why="a matrix (..., n, n) takes right-hand sides (..., n, m)",
                fix="for one vector: solve(a, b[:, None])[:, 0]",
            )
        lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        return array_type((*lead, *b.shape[-2:]), dtype)

    def linear(self, n_operands, params):
        return ((1,),)

    def batch(self, size, operands, batched, **params):
        ndim = max(type_of(x).ndim - is_batched for x, is_batched in zip(operands, batched, strict=True))
        out = []
        for x, is_batched in zip(operands, batched, strict=True):
            shape = type_of(x).shape
            if is_batched and len(shape) - 1 < ndim:
                x = reshape(x, shape=(size, *(1,) * (ndim + 1 - len(shape)), *shape[1:]))
            out.append(x)
        return self(*out, **params)

    def cost(self, types, results, **params):
        n = types[0].shape[-1]
        return Cost(types[0].size * n + 2 * n * results[0].size, moved_bytes(types, results))


class Solve(_Solve):
    """A⁻¹ b."""

    name = "solve"

    def evaluate(self, a, b):
        return np.linalg.solve(a, b)

    def jvp(self, operands, result, tangents):
        a, (v, w) = operands[0], tangents
        moved = add_tangents(w, None if v is None else neg(matmul(v, result)))
        return solve(a, moved)

    def transpose(self, u, a, b):
        return None, solve(transposed(a), u)


solve = Solve()


class TriangularSolve(_Solve):
    """A⁻¹ b (or A⁻ᵀ b, if `turned`), of which only the lower (upper) triangle of A is read.

    With `unit`, the diagonal of A is taken as ones and not read either.
    """

    name = "triangular_solve"

    def evaluate(self, a, b, *, lower, turned=False, unit=False):
        a, b = np.asarray(a), np.asarray(b)
        dtype = np.result_type(matrix_dtype(type_of(a)), b.dtype)
        lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        out = np.empty((*lead, *b.shape[-2:]), dtype)
        if not out.size:
            return out
        one = importlib.import_module("scipy.linalg").solve_triangular
        a, b = np.broadcast_to(a, (*lead, *a.shape[-2:])), np.broadcast_to(b, out.shape)
        for lane in np.ndindex(lead):
            out[lane] = one(a[lane], b[lane], trans=int(turned), lower=lower, unit_diagonal=unit, check_finite=False)
        return out

    def jvp(self, operands, result, tangents, *, lower, turned=False, unit=False):
        a, (v, w) = operands[0], tangents
        if v is not None:
            v = triangle(v, lower=lower, k=(-1 if lower else 1) if unit else 0)
            v = neg(matmul(transposed(v) if turned else v, result))
        return triangular_solve(a, add_tangents(w, v), lower=lower, turned=turned, unit=unit)

    def transpose(self, u, a, b, *, lower, turned=False, unit=False):
        return None, triangular_solve(a, u, lower=lower, turned=not turned, unit=unit)


triangular_solve = TriangularSolve()


class Cholesky(_OfMatrix):
    """The lower triangular L of ``A = L Lᴴ``; as in NumPy, only the lower triangle of A is read.

    Its derivative by the upper triangle is zero, then. Whoever wants the symmetric gradient,
    symmetrises A first: the chain rule does the rest.
    """

    name = "cholesky"

    def infer(self, a):
        return a.like(dtype=matrix_dtype(a))

    def evaluate(self, a):
        return np.linalg.cholesky(a)

    def jvp(self, operands, result, tangents):
        half = _half_triangle(tangents[0])
        v = add(half, adjoint(half))
        inside = triangular_solve(result, v, lower=True)
        inside = adjoint(triangular_solve(result, adjoint(inside), lower=True))
        return matmul(result, _half_triangle(inside))


cholesky = Cholesky()


def _half_triangle(x: Any) -> Any:
    """Return the lower triangle with half of the diagonal."""
    return mul(add(triangle(x, lower=True), triangle(x, lower=True, k=-1)), 0.5)


def transposed(x: Any) -> Any:
    """Return x with its last two axes swapped."""
    n = type_of(x).ndim
    return permuted(x, (*range(n - 2), n - 1, n - 2))


def adjoint(x: Any) -> Any:
    """Return the conjugate transpose."""
    return conj(transposed(x)) if type_of(x).dtype.kind == "c" else transposed(x)


def inner(a: Any, b: Any) -> Any:
    """Return the sum of ``a * b`` over the last two axes."""
    axes = tuple(range(type_of(a).ndim))
    return contract(a, b, a_axes=axes, b_axes=axes, out_axes=axes[:-2])


def matrix_dtype(a: Any) -> np.dtype:
    """Return the dtype that ``np.linalg`` computes in, or raise: it takes square matrices."""
    if a.ndim < 2:
        raise np.linalg.LinAlgError(f"{a.ndim}-dimensional array given. Array must be at least two-dimensional")
    if a.shape[-1] != a.shape[-2]:
        raise np.linalg.LinAlgError("Last 2 dimensions of the array must be square")
    if a.dtype == np.float16:
        raise TypeError("array type float16 is unsupported in linalg")
    return a.dtype if a.dtype.kind in "fc" else np.dtype(np.float64)
