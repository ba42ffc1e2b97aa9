"""Diagonals and triangles of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.primitives.arithmetic import mask
from pullback.primitives.assembling import pad
from pullback.primitives.indexing import slice_

from .arguments import dtype_of, ndim, one_axis, operand, permute, refuse, reshaped, shape
from .reductions import total
from .registry import covers, method
from .shapes import ravel
from .views import diagonal_view

__all__ = ["diag", "diagonal", "trace"]


@method("diagonal")
@covers(np.diagonal)
def diagonal(a: Any, offset: Any = 0, axis1: Any = 0, axis2: Any = 1) -> Any:
    """Diagonal of two axes, as a last axis in their place.

    With rows of n elements, the diagonal's elements lie n + 1 apart: a strided slice.
    """
    x = operand(a)
    if ndim(x) < 2:
        raise ValueError("diag requires an array of at least two dimensions")
    i, j = one_axis(axis1, ndim(x)), one_axis(axis2, ndim(x))
    if i == j:
        raise ValueError("axis1 and axis2 cannot be the same")
    return diagonal_view(x, _diagonal, int(offset), i, j)


def _diagonal(x: Any, offset: int, i: int, j: int) -> Any:
    x = permute(x, (*(k for k in range(ndim(x)) if k not in (i, j)), i, j))
    *lead, m, n = shape(x)
    length = max(min(m, n - offset) if offset >= 0 else min(m + offset, n), 0)
    start = offset if offset >= 0 else -offset * n
    flat = reshaped(x, (*lead, m * n))
    if length == 0:
        return slice_(flat, starts=(0,) * len(flat.shape), stops=(*lead, 0), steps=(1,) * len(flat.shape))
    stop = start + (length - 1) * (n + 1) + 1
    return slice_(flat, starts=(*(0,) * len(lead), start), stops=(*lead, stop), steps=(*(1,) * len(lead), n + 1))


@covers(np.linalg.diagonal)
def linalg_diagonal(x: Any, /, *, offset: Any = 0) -> Any:
    """Diagonal of the last two axes."""
    return diagonal(x, offset, -2, -1)


@method("trace")
@covers(np.trace)
def trace(a: Any, offset: Any = 0, axis1: Any = 0, axis2: Any = 1, dtype: Any = None, out: Any = None) -> Any:
    """Sum along a diagonal."""
    refuse("trace", out=out)
    return total(diagonal(a, offset, axis1, axis2), -1, dtype)


@covers(np.linalg.trace)
def linalg_trace(x: Any, /, *, offset: Any = 0, dtype: Any = None) -> Any:
    """Sum along the diagonal of the last two axes."""
    return trace(x, offset, -2, -1, dtype)


@covers(np.diag)
def diag(v: Any, k: int = 0) -> Any:
    """Diagonal of a matrix, or the matrix with a vector on its diagonal."""
    x = operand(v)
    if ndim(x) == 2:
        return diagonal(x, k)
    if ndim(x) != 1:
        raise ValueError("Input must be 1- or 2-d.")
    return _placed(x, int(k))


def _placed(x: Any, k: int) -> Any:
    """Return the matrix with a vector on diagonal k: each element, then as many zeros as lie between two."""
    size = shape(x)[0]
    n = size + abs(k)
    start = k if k >= 0 else -k * n
    zero = dtype_of(x).type(0)
    flat = ravel(pad(reshaped(x, (size, 1)), zero, widths=((0, 0), (0, n))))
    missing = n * n - start - size * (n + 1)
    flat = pad(flat, zero, widths=((start, max(missing, 0)),))
    if missing < 0:
        flat = slice_(flat, starts=(0,), stops=(n * n,), steps=(1,))
    return reshaped(flat, (n, n))


@covers(np.diagflat)
def diagflat(v: Any, k: int = 0) -> Any:
    """Matrix with the flattened input on its diagonal."""
    return _placed(ravel(operand(v)), int(k))


@covers(np.tril)
def tril(m: Any, k: int = 0) -> Any:
    """Lower triangle; zeros above diagonal k."""
    x = _matrix(m)
    return mask(np.tri(*shape(x)[-2:], k=k, dtype=bool), x)


@covers(np.triu)
def triu(m: Any, k: int = 0) -> Any:
    """Upper triangle; zeros below diagonal k."""
    x = _matrix(m)
    return mask(~np.tri(*shape(x)[-2:], k=k - 1, dtype=bool), x)


def _matrix(m: Any) -> Any:
    x = operand(m)
    if ndim(x) == 0:
        raise ValueError("array of 0 dimensions has no triangle")
    return x


@covers(np.vander)
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """Matrix of powers of a vector's elements."""
    v = operand(x)
    if ndim(v) != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    powers = np.arange(shape(v)[0] if N is None else N)
    return reshaped(v, (*shape(v), 1)) ** (powers if increasing else powers[::-1])
