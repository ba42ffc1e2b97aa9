"""Indices and bits as numbers: ravel_multi_index, unravel_index, ix_, packbits, unpackbits. Nothing moves here."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.tracer import concrete

from .arguments import as_dtype, dtype_of, ndim, one_axis, operand, reshaped, shape, sizes_of
from .indexing import values_of
from .registry import covers
from .shapes import ravel

__all__: list[str] = []


@covers(np.ix_, moves=False)
def ix_(*args: Any) -> tuple[Any, ...]:
    """Make an open mesh of several vectors of indices; a mask stands for the places where it is true."""
    found = []
    for i, x in enumerate(map(operand, args)):
        if ndim(x) != 1:
            raise ValueError("Cross index must be 1 dimensional")
        x = np.flatnonzero(values_of(x)) if dtype_of(x).kind == "b" else x
        found.append(reshaped(x, tuple(shape(x)[0] if k == i else 1 for k in range(len(args)))))
    return tuple(found)


def _by_mode(index: Any, n: int, mode: str) -> Any:
    if mode == "wrap":
        return index % n
    if mode == "clip":
        return np.clip(index, 0, n - 1)
    known = concrete(index)
    if known is not None and np.any((np.asarray(known) < 0) | (np.asarray(known) >= n)):
        raise ValueError("invalid entry in coordinates array")
    return index


@covers(np.ravel_multi_index, moves=False)
def ravel_multi_index(multi_index: Any, dims: Any, mode: Any = "raise", order: str = "C") -> Any:
    """Return indices into the flattened array; under `jit` they are not checked."""
    sizes = sizes_of(dims)
    modes = (mode,) * len(sizes) if isinstance(mode, str) else mode
    axes = [operand(multi_index[i]) for i in range(len(sizes))]
    axes = [_by_mode(x, n, m) for x, n, m in zip(axes, sizes, modes, strict=True)]
    total: Any = 0
    for x, n in zip(axes, sizes, strict=True) if order == "C" else zip(reversed(axes), reversed(sizes), strict=True):
        total = total * n + x
    return as_dtype(total, np.intp)


@covers(np.unravel_index, moves=False)
def unravel_index(indices: Any, shape: Any, order: str = "C") -> tuple[Any, ...]:
    """Return the index along each axis of indices into the flattened array; under `jit` they are not checked."""
    x, sizes = as_dtype(operand(indices), np.intp), sizes_of(shape)
    known = concrete(x)
    if known is not None and np.any((np.asarray(known) < 0) | (np.asarray(known) >= int(np.prod(sizes)))):
        raise ValueError(f"index {known} is out of bounds for array with size {int(np.prod(sizes))}")
    found = []
    for n in reversed(sizes) if order == "C" else sizes:
        found.append(x % n)
        x = x // n
    return tuple(reversed(found) if order == "C" else found)


def _weights(bitorder: str) -> np.ndarray:
    if bitorder not in ("big", "little"):
        raise ValueError("'order' must be either 'little' or 'big'")
    weights = 1 << np.arange(8, dtype=np.uint8)
    return weights[::-1] if bitorder == "big" else weights


@covers(np.packbits, moves=False)
def packbits(a: Any, /, axis: Any = None, bitorder: str = "big") -> Any:
    """Pack eight truth values into one byte."""
    x = operand(a)
    if dtype_of(x).kind not in "biu":
        raise TypeError("Expected an input array of integer or boolean data type")
    x = ravel(x) if axis is None else x
    i = one_axis(-1 if axis is None else axis, ndim(x))
    bits = np.moveaxis(as_dtype(as_dtype(x, bool), np.uint8), i, -1)
    size = -(-shape(bits)[-1] // 8)
    bits = np.pad(bits, [*[(0, 0)] * (ndim(bits) - 1), (0, size * 8 - shape(bits)[-1])])
    bits = reshaped(bits, (*shape(bits)[:-1], size, 8))
    return np.moveaxis(as_dtype(np.sum(bits * _weights(bitorder), axis=-1), np.uint8), -1, i)


@covers(np.unpackbits, moves=False)
def unpackbits(a: Any, /, axis: Any = None, count: int | None = None, bitorder: str = "big") -> Any:
    """Return the eight bits of each byte."""
    x = operand(a)
    if dtype_of(x) != np.uint8:
        raise TypeError("Expected an input array of unsigned byte data type")
    x = ravel(x) if axis is None else x
    i = one_axis(-1 if axis is None else axis, ndim(x))
    x = np.moveaxis(x, i, -1)
    bits = as_dtype((x[..., None] & _weights(bitorder)) != 0, np.uint8)
    bits = reshaped(bits, (*shape(x)[:-1], 8 * shape(x)[-1]))
    if count is not None and count > shape(bits)[-1]:
        bits = np.pad(bits, [*[(0, 0)] * (ndim(bits) - 1), (0, count - shape(bits)[-1])])
    elif count is not None:
        bits = bits[..., :count]
    return np.moveaxis(bits, -1, i)
