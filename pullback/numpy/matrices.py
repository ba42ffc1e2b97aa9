"""Linear algebra: norms, solutions, inverses, determinants, Cholesky factors.

Norms at the zero vector follow the convention (0 by default), and so do singular values that
are zero in the norms that are made of them. Decompositions are in `decompositions`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core import conventions, source
from pullback.core.errors import NotWritten, ShapeError
from pullback.core.types import type_of
from pullback.primitives.arithmetic import add, mask, mul
from pullback.primitives.choice import select
from pullback.primitives.comparison import equal, greater, logical_not
from pullback.primitives.complex import absolute, conj, imag, real
from pullback.primitives.decompositions import svd
from pullback.primitives.effects import stop_gradient
from pullback.primitives.exponential import power, reciprocal, square
from pullback.primitives.linalg import cholesky, det, inv, slogdet, solve
from pullback.primitives.norms import root
from pullback.primitives.reductions import max_, min_, sum_
from pullback.primitives.shaping import permuted

from .arguments import as_dtype, dtype_of, keep_axes, ndim, one_axis, operand, reshaped, shape, some_axes
from .products import dot, matmul
from .registry import covers
from .shapes import matrix_transpose

__all__ = ["floats", "inverse", "norm", "solution", "square_matrices", "squares"]

_SlogDet: Any = type(np.linalg.slogdet(np.eye(1)))


def floats(x: Any) -> Any:
    """Return an operand as linear algebra takes it: integers as float64."""
    x = operand(x)
    return as_dtype(x, float) if dtype_of(x).kind in "biu" else x


def squares(x: Any) -> Any:
    """Return the squares of absolute values."""
    return add(square(real(x)), square(imag(x))) if dtype_of(x).kind == "c" else square(x)


@covers(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Norm of vectors along one axis, or of matrices along two."""
    x = floats(x)
    whole = shape(x)
    if axis is None:
        if ord is None or (ord in ("f", "fro") and ndim(x) == 2) or (ord == 2 and ndim(x) == 1):
            return _finished(root(sum_(squares(x), axes=tuple(range(ndim(x))))), whole, range(ndim(x)), keepdims)
        axes = tuple(range(ndim(x)))
    else:
        axes = tuple(axis) if isinstance(axis, tuple | list) else (axis,)
    axes = tuple(one_axis(i, ndim(x)) for i in axes)
    if len(axes) == 1:
        return _finished(_vector_norm(x, ord, axes), whole, axes, keepdims)
    if len(axes) == 2:
        if axes[0] == axes[1]:
            raise ValueError("Duplicate axes given.")
        return _finished(_matrix_norm(x, ord, axes), whole, axes, keepdims)
    raise ValueError("Improper number of dimensions to norm.")


def _finished(result: Any, whole: tuple, axes: Any, keepdims: bool) -> Any:
    return keep_axes(result, whole, tuple(axes)) if keepdims else result


def _vector_norm(x: Any, ord: Any, axes: tuple[int, ...]) -> Any:
    if ord is None or ord == 2:
        return root(sum_(squares(x), axes=axes))
    if isinstance(ord, str):
        raise ValueError(f"Invalid norm order {ord!r} for vectors")
    if ord == np.inf:
        return max_(absolute(x), axes=axes)
    if ord == -np.inf:
        return min_(absolute(x), axes=axes)
    if ord == 0:
        return sum_(as_dtype(logical_not(equal(x, 0)), _real_dtype(x)), axes=axes)
    if ord == 1:
        return sum_(absolute(x), axes=axes)
    return _p_root(sum_(power(absolute(x), ord), axes=axes), ord)


def _p_root(total: Any, ord: Any) -> Any:
    """Return ``total ** (1 / ord)``; for a zero vector the derivative follows the convention."""
    exponent = reciprocal(type_of(total).dtype.type(ord))
    if conventions.current().norm != "zero" or ord < 0:
        return power(total, exponent)
    still = equal(total, 0)
    zero, one = (type_of(total).dtype.type(v) for v in (0, 1))
    return select(still, zero, power(select(still, one, total), exponent))


def _real_dtype(x: Any) -> np.dtype:
    return np.real(np.empty(0, dtype_of(x))).dtype


def _matrix_norm(x: Any, ord: Any, axes: tuple[int, ...]) -> Any:
    row, column = axes
    both = tuple(sorted(axes))
    if ord in (None, "fro", "f"):
        return root(sum_(squares(x), axes=both))
    if ord in ("nuc", 2, -2):
        return _singular_norm(x, ord, axes)
    if ord not in (1, -1, np.inf, -np.inf):
        raise ValueError("Invalid norm order for matrices.")
    first, second = (row, column) if abs(ord) == 1 else (column, row)
    sums = sum_(absolute(x), axes=(first,))
    return (max_ if ord > 0 else min_)(sums, axes=(second - (second > first),))


def _singular_norm(x: Any, ord: Any, axes: tuple[int, ...]) -> Any:
    """Return the sum, the greatest or the least of the singular values."""
    rest = tuple(i for i in range(ndim(x)) if i not in axes)
    s = svd(permuted(x, (*rest, *axes)))[1]
    last, k = (ndim(s) - 1,), shape(s)[-1]
    if ord == -2 or k:
        s = _held_at_zero(s, max(shape(x)[i] for i in axes))
    if ord == "nuc":
        return sum_(s, axes=last)
    if ord == 2 and not k:
        return sum_(s, axes=last)  # of none: 0
    return (max_ if ord == 2 else min_)(s, axes=last)


def _held_at_zero(s: Any, n: int) -> Any:
    """Return singular values of which those that are zero, but for rounding, have derivative 0, as the norm at 0."""
    if conventions.current().norm != "zero":
        return s
    largest = max_(s, axes=(ndim(s) - 1,))
    smallest = mul(largest, type_of(s).dtype.type(n * np.finfo(type_of(s).dtype).eps))
    there = greater(s, reshaped(smallest, (*shape(s)[:-1], 1)))
    return add(mask(there, s), mask(logical_not(there), stop_gradient(s)))


@covers(np.linalg.vector_norm)
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """Norm of vectors along one axis or several; by default of all elements."""
    x = floats(x)
    axes = some_axes(axis, ndim(x))
    if len(axes) == 1:
        return _finished(_vector_norm(x, ord, axes), shape(x), axes, keepdims)
    rest = tuple(i for i in range(ndim(x)) if i not in axes)
    flat = np.transpose(x, (*rest, *axes))
    flat = reshaped(flat, (*(shape(x)[i] for i in rest), int(np.prod([shape(x)[i] for i in axes]))))
    return _finished(_vector_norm(flat, ord, (len(rest),)), shape(x), axes, keepdims)


@covers(np.linalg.matrix_norm)
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """Norm of the matrices in the last two axes."""
    x = floats(x)
    return norm(x, ord, (-2, -1), keepdims)


def square_matrices(x: Any) -> Any:
    """Return stacks of square matrices, or raise what NumPy raises."""
    x = floats(x)
    if ndim(x) < 2:
        raise np.linalg.LinAlgError(f"{ndim(x)}-dimensional array given. Array must be at least two-dimensional")
    if shape(x)[-1] != shape(x)[-2]:
        raise np.linalg.LinAlgError("Last 2 dimensions of the array must be square")
    return x


@covers(np.linalg.inv)
def inverse(a: Any) -> Any:
    """Inverse of matrices."""
    return inv(square_matrices(a))


@covers(np.linalg.det)
def determinant(a: Any) -> Any:
    """Return the determinant of matrices."""
    return det(square_matrices(a))


@covers(np.linalg.slogdet)
def sign_and_log_determinant(a: Any) -> Any:
    """Sign of the determinant, and logarithm of its absolute value."""
    return _SlogDet(*slogdet(square_matrices(a)))


@covers(np.linalg.cholesky)
def cholesky_factor(a: Any, /, *, upper: bool = False) -> Any:
    """Lower factor L of A = L Lᴴ; with `upper` its conjugate transpose, read from the upper triangle."""
    x = square_matrices(a)
    if not upper:
        return cholesky(x)
    return _adjoint(cholesky(_adjoint(x)))


def _adjoint(x: Any) -> Any:
    x = matrix_transpose(x)
    return conj(x) if dtype_of(x).kind == "c" else x


@covers(np.linalg.solve)
def solution(a: Any, b: Any) -> Any:
    """Solution x of A x = b, for a vector b or a matrix of columns."""
    a, b = square_matrices(a), floats(b)
    vector = ndim(b) == 1
    rows = shape(b)[0] if vector else (shape(b)[-2] if ndim(b) > 1 else 0)
    if rows != shape(a)[-1]:
        raise ShapeError(
            f"solve of shapes {shape(a)} and {shape(b)}",
            where=source.here(),
            why=f"the matrix has {shape(a)[-1]} rows, the right-hand side {rows}",
            fix="for a stack of vectors: np.linalg.solve(a, b[..., None])[..., 0]",
            operands=(a, b),
        )
    if not vector:
        return solve(a, b)
    x = solve(a, reshaped(b, (*shape(b), 1)))
    return reshaped(x, shape(x)[:-1])


@covers(np.linalg.matrix_power)
def matrix_power(a: Any, n: int) -> Any:
    """Integer power of matrices, by repeated squaring."""
    x = operand(a)
    if ndim(x) < 2 or shape(x)[-1] != shape(x)[-2]:
        x = square_matrices(a)
    if n < 0:
        return matrix_power(inv(square_matrices(x)), -n)
    if n == 0:
        return np.broadcast_to(np.eye(shape(x)[-1], dtype=dtype_of(x)), shape(x)).copy()
    result, rest = None, int(n)
    while rest:
        if rest & 1:
            result = x if result is None else matmul(result, x)
        rest >>= 1
        x = matmul(x, x) if rest else x
    return result


@covers(np.linalg.multi_dot)
def multi_dot(arrays: Any, *, out: Any = None) -> Any:
    """Product of a chain of matrices, in the cheapest order."""
    if out is not None:
        raise NotWritten("np.linalg.multi_dot(out=...)", where=source.here(), fix="leave out= out")
    xs = [operand(x) for x in arrays]
    if len(xs) < 2:
        raise ValueError("Expecting at least two arrays.")
    sizes = [shape(x)[0] for x in xs] + [shape(xs[-1])[-1]]
    if ndim(xs[0]) == 1:
        sizes[0], sizes[1] = 1, shape(xs[0])[0]
    if ndim(xs[-1]) == 1:
        sizes[-1] = 1
    best = _best_splits(sizes)

    def product(i: int, j: int) -> Any:
        return xs[i] if i == j else dot(product(i, best[i, j]), product(best[i, j] + 1, j))

    return product(0, len(xs) - 1)


def _best_splits(sizes: list[int]) -> dict[tuple[int, int], int]:
    """Return where to split each chain (Cormen et al., Introduction to Algorithms, matrix-chain order)."""
    n = len(sizes) - 1
    cost = {(i, i): 0 for i in range(n)}
    best: dict[tuple[int, int], int] = {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            costs = [(cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)]
            cost[i, j], best[i, j] = min(costs)
    return best
