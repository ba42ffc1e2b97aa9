"""Functions of matrices (exponential, logarithm, square root …), and Sylvester's equation.

The derivative of f at A along E, Fréchet's, is a block of f of a matrix of twice the size
(N. J. Higham, "Functions of Matrices", 2008, theorem 3.6; R. Mathias, 1996),

    f([[A, E], [0, A]]) = [[f(A), L(A, E)], [0, f(A)]],

so one rule does for every f, and for every order: the derivative of L(A, E) by A along F is a block
of L of [[A, E], [0, A]] along [[F, 0], [0, F]]. L is linear in E, and its transpose is L(Aᵀ, ·).
SciPy is imported when a function is first called.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from pullback.core.errors import DTypeError, ShapeError
from pullback.core.primitive import Cost, Primitive, add_tangents, moved_bytes
from pullback.core.types import array_type, type_of

from .arithmetic import add, neg, sub
from .assembling import concatenate
from .contraction import matmul
from .indexing import slice_
from .linalg import matrix_dtype, transposed
from .shaping import align, zeros_like

__all__ = ["frechet", "matrix_function", "sylvester"]


def _square(name: str, a: Any) -> Any:
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ShapeError(
            f"{name} of {a}",
            why="a function of a matrix is of square matrices (..., n, n)",
            fix="one matrix has shape (n, n), several (..., n, n)",
        )
    return array_type(a.shape, matrix_dtype(a))


def _of_lanes(function: str, a: Any, dtype: Any) -> Any:
    """Return SciPy's function of each matrix; of a real one, it must be real."""
    found = getattr(importlib.import_module("scipy.linalg"), function)
    a = np.asarray(a, dtype)
    results = [np.asarray(found(m)) for m in a.reshape(-1, *a.shape[-2:])]
    if dtype.kind == "f" and any(np.iscomplexobj(m) and np.any(np.imag(m)) for m in results):
        raise DTypeError(
            f"{function} of a real matrix that has no real {function}",
            why="the dtype of a result must follow from the dtypes of the operands",
            fix=f"{function}(a.astype(complex))",
        )
    stacked = np.real(results) if dtype.kind == "f" else np.asarray(results)
    return np.reshape(stacked, a.shape).astype(dtype, copy=False)


class _OfMatrices(Primitive):
    """Base: matrices (..., n, n), whose leading axes broadcast."""

    def batch(self, size, operands, batched, **params):
        return self(*align(operands, batched), **params)

    def cost(self, types, results, **params):
        n = types[0].shape[-1] if types[0].shape else 1
        return Cost(30 * results[0].size * n, moved_bytes(types, results))


class MatrixFunction(_OfMatrices):
    """SciPy's `function` of a matrix: expm, logm, sqrtm, cosm …."""

    name = "matrix_function"

    def infer(self, a, *, function):
        return _square(function, a)

    def evaluate(self, a, *, function):
        return _of_lanes(function, a, self.infer(type_of(a), function=function).dtype)

    def jvp(self, operands, result, tangents, *, function):
        return frechet(operands[0], tangents[0], function=function)


class Frechet(_OfMatrices):
    """The derivative of a function of a matrix A along E; linear in E."""

    name = "frechet"

    def infer(self, a, e, *, function):
        both = _square(function, a), _square(function, e)
        shape = np.broadcast_shapes(a.shape, e.shape)
        return array_type(shape, np.result_type(*(t.dtype for t in both)))

    def evaluate(self, a, e, *, function):
        of = self.infer(type_of(a), type_of(e), function=function)
        n = of.shape[-1]
        a, e = (np.broadcast_to(np.asarray(x, of.dtype), of.shape) for x in (a, e))
        # L is linear in E: of its own size it disturbs neither the scaling of the function, nor is it rounded off.
        size = np.max(np.abs(e), axis=(-2, -1), keepdims=True, initial=0.0)
        scale = np.max(np.abs(a), axis=(-2, -1), keepdims=True, initial=0.0)
        factor = np.where(size > 0, size / np.where(scale > 0, scale, 1.0), 1.0)
        double = np.zeros((*of.shape[:-2], 2 * n, 2 * n), of.dtype)
        double[..., :n, :n] = double[..., n:, n:] = a
        double[..., :n, n:] = e / factor
        return np.asarray(_of_lanes(function, double, of.dtype)[..., :n, n:] * factor, of.dtype)

    def linear(self, n_operands, params):
        return ((1,),)

    def jvp(self, operands, result, tangents, *, function):
        (a, e), (v, w) = operands, tangents
        total = None if w is None else frechet(a, w, function=function)
        if v is not None:
            zero = add(zeros_like(a), zeros_like(e))
            along = frechet(_block(a, e, zero), _block(v, zero, zero), function=function)
            n = type_of(a).shape[-1]
            lead = type_of(along).shape[:-2]
            corner = slice_(along, starts=(*(0 for _ in lead), 0, n), stops=(*lead, n, 2 * n))
            total = add_tangents(total, corner)
        return total

    def transpose(self, u, a, e, *, function):
        return None, frechet(transposed(a), u, function=function)


matrix_function, frechet = MatrixFunction(), Frechet()


def _block(a: Any, e: Any, zero: Any) -> Any:
    """Return [[A, E], [0, A]]; leading axes are those of the zero."""
    a, e = add(a, zero), add(e, zero)
    axis = type_of(zero).ndim - 1
    upper, lower = concatenate(a, e, axis=axis), concatenate(zero, a, axis=axis)
    return concatenate(upper, lower, axis=axis - 1)


class Sylvester(_OfMatrices):
    """The X of A X + X B = Q; linear in Q."""

    name = "sylvester"

    def infer(self, a, b, q):
        if q.ndim < 2 or (a.shape[-1], b.shape[-1]) != q.shape[-2:]:
            raise ShapeError(
                f"solve_sylvester of {a}, {b} and {q}",
                why="A is (..., m, m), B (..., n, n), and Q (..., m, n)",
                fix="transpose Q, or exchange A and B",
            )
        dtype = np.result_type(*(_square("solve_sylvester", t).dtype for t in (a, b)), q.dtype)
        lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2], q.shape[:-2])
        return array_type((*lead, *q.shape[-2:]), dtype)

    def evaluate(self, a, b, q):
        of = self.infer(*map(type_of, (a, b, q)))
        solve = importlib.import_module("scipy.linalg").solve_sylvester
        xs = [np.broadcast_to(x, (*of.shape[:-2], *np.shape(x)[-2:])).reshape(-1, *np.shape(x)[-2:]) for x in (a, b, q)]
        lanes = [solve(*matrices) for matrices in zip(*xs, strict=True)]
        return np.reshape(lanes, of.shape).astype(of.dtype, copy=False)

    def linear(self, n_operands, params):
        return ((2,),)

    def jvp(self, operands, result, tangents):
        (a, b, _), (v, w, total) = operands, tangents
        if v is not None:
            moved = neg(matmul(v, result))
            total = moved if total is None else add(total, moved)
        if w is not None:
            moved = matmul(result, w)
            total = neg(moved) if total is None else sub(total, moved)
        return sylvester(a, b, total)

    def transpose(self, u, a, b, q):
        return None, None, sylvester(transposed(a), transposed(b), u)


sylvester = Sylvester()
