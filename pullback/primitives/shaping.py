"""Shapes: primitives that move elements about and compute nothing.

Axes arrive here normalised (non-negative); the NumPy face has raised AxisError in the
user's words.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pullback.core.errors import ShapeError
from pullback.core.primitive import Primitive
from pullback.core.types import array_type, type_of

__all__ = ["align", "broadcast", "convert", "permuted", "real_dtype", "reshape", "sum_to", "transpose", "zeros_like"]

_SMALL = 4096  # elements: up to here filling an array costs less than making a view


class _Linear(Primitive):
    """Base: linear in its one operand, and moves no number through arithmetic."""

    quiet = True

    def linear(self, n_operands, params):
        return ((0,),)


class Reshape(_Linear):
    """The same elements, in C order, in another shape."""

    name = "reshape"

    def infer(self, x, *, shape):
        if math.prod(shape) != x.size:
            raise ShapeError(
                f"reshape of {x} into shape {shape}",
                why=f"{x.size} elements do not fill {math.prod(shape)}",
                fix="use -1 for one axis and let its size be worked out",
            )
        return array_type(shape, x.dtype)

    def evaluate(self, x, *, shape):
        return np.reshape(x, shape)

    def function(self, params):
        shape = params["shape"]
        return lambda x: x.reshape(shape) if type(x) is np.ndarray else np.reshape(x, shape)

    def transpose(self, u, x, *, shape):
        return (reshape(u, shape=x.shape),)

    def batch(self, size, operands, batched, *, shape):
        return reshape(operands[0], shape=(size, *shape))


reshape = Reshape()


class Broadcast(_Linear):
    """``np.broadcast_to``: repeat along new leading axes and axes of size 1."""

    name = "broadcast"

    def infer(self, x, *, shape):
        if np.broadcast_shapes(x.shape, shape) != tuple(shape):
            raise ShapeError(
                f"{x} does not broadcast to shape {shape}",
                why="an axis is repeated only where it has size 1",
                fix="x[:, None] puts an axis of size 1 in",
            )
        return array_type(shape, x.dtype)

    def evaluate(self, x, *, shape):
        return self.function({"shape": shape})(x)

    def function(self, params):
        shape, empty = params["shape"], np.empty
        if math.prod(shape) > _SMALL:
            return lambda x: np.broadcast_to(x, shape)

        def filled(x):  # 0.3 µs, where a read-only view takes 2
            out = empty(shape, getattr(x, "dtype", None) or type_of(x).dtype)
            out[...] = x
            return out

        return filled

    def transpose(self, u, x, *, shape):
        return (sum_to(u, shape=x.shape),)

    def batch(self, size, operands, batched, *, shape):
        x = operands[0]
        lane = type_of(x).shape[1:]
        spread = reshape(x, shape=(size, *(1,) * (len(shape) - len(lane)), *lane))
        return broadcast(spread, shape=(size, *shape))


broadcast = Broadcast()


class SumTo(_Linear):
    """Sum over what `broadcast` repeated: the transpose of broadcasting from `shape`."""

    name = "sum_to"

    def infer(self, x, *, shape):
        return array_type(shape, x.dtype)

    def evaluate(self, x, *, shape):
        return self.function({"shape": shape})(x)

    def function(self, params):
        shape, known, add = params["shape"], {}, np.add.reduce

        def run(x):
            x_shape = x.shape if type(x) is np.ndarray else np.shape(x)
            axes = known.get(x_shape)
            if axes is None:
                lead = len(x_shape) - len(shape)
                own = (lead + i for i, n in enumerate(shape) if n == 1 and x_shape[lead + i] != 1)
                axes = known[x_shape] = (*range(lead), *own)
            out = add(x, axes)
            return out if out.shape == shape else out.reshape(shape)

        return run

    def transpose(self, u, x, *, shape):
        return (broadcast(u, shape=x.shape),)

    def batch(self, size, operands, batched, *, shape):
        x = operands[0]
        n = type_of(x).ndim - 1 - len(shape)
        if not n:
            return sum_to(x, shape=(size, *shape))
        # The batch axis stays in front: the lane's leading axes are summed where they are.
        return reshape(sum_to(x, shape=(size, *(1,) * n, *shape)), shape=(size, *shape))


sum_to = SumTo()


class Transpose(_Linear):
    """Permute the axes: axis i of the result is axis ``axes[i]`` of the operand."""

    name = "transpose"

    def infer(self, x, *, axes):
        return array_type(tuple(x.shape[a] for a in axes), x.dtype)

    def evaluate(self, x, *, axes):
        return np.transpose(x, axes)

    def function(self, params):
        axes = params["axes"]
        return lambda x: x.transpose(axes) if type(x) is np.ndarray else np.transpose(x, axes)

    def transpose(self, u, x, *, axes):
        return (transpose(u, axes=tuple(axes.index(i) for i in range(len(axes)))),)

    def batch(self, size, operands, batched, *, axes):
        return transpose(operands[0], axes=(0, *(a + 1 for a in axes)))


transpose = Transpose()


class Convert(_Linear):
    """``astype``: another dtype. To a real dtype from a complex one, the real part."""

    name = "convert"

    def infer(self, x, *, dtype):
        return array_type(x.shape, dtype)

    def evaluate(self, x, *, dtype):
        if np.iscomplexobj(x) and dtype.kind in "fiu":
            x = np.real(x)
        return np.asarray(x).astype(dtype)[()]

    def jvp(self, operands, result, tangents, *, dtype):
        return convert(tangents[0], dtype=dtype) if dtype.kind in "fc" else None

    def transpose(self, u, x, *, dtype):
        return (convert(u, dtype=x.dtype),)

    def batch(self, size, operands, batched, *, dtype):
        return convert(operands[0], dtype=dtype)


convert = Convert()


class ZerosLike(Primitive):
    """Zeros of an operand's shape and dtype, whatever its value."""

    name, smooth, quiet = "zeros_like", False, True

    def infer(self, x):
        return x.strong

    def evaluate(self, x):
        return np.zeros_like(x)[()]

    def batch(self, size, operands, batched):
        return zeros_like(operands[0])


zeros_like = ZerosLike()


def permuted(x: Any, axes: tuple[int, ...]) -> Any:
    """Return x with its axes permuted, if they move."""
    return x if axes == tuple(range(len(axes))) else transpose(x, axes=axes)


def real_dtype(dtype: np.dtype) -> np.dtype:
    """Return the dtype of the real part."""
    return np.dtype(dtype.char.lower()) if dtype.kind == "c" else dtype


def align(operands: tuple, batched: tuple[bool, ...]) -> list[Any]:
    """Return operands whose lanes broadcast against each other behind one leading batch axis."""
    lanes = [type_of(x).ndim - b for x, b in zip(operands, batched, strict=True)]
    ndim = max(lanes)
    out = []
    for x, is_batched, n in zip(operands, batched, lanes, strict=True):
        if is_batched and n < ndim:
            shape = type_of(x).shape
            x = reshape(x, shape=(shape[0], *(1,) * (ndim - n), *shape[1:]))
        out.append(x)
    return out


def fit_tangent(v: Any, type: Any) -> Any:
    """Return a tangent in the shape and dtype of the result that it belongs to."""
    found = type_of(v)
    if found is type:
        return v
    if found.shape != type.shape:
        v = broadcast(v, shape=type.shape)
    return v if found.dtype == type.dtype else convert(v, dtype=type.dtype)


def fit_cotangent(u: Any, type: Any) -> Any:
    """Return a cotangent in the shape and dtype of the operand that it belongs to."""
    found = type_of(u)
    if found is type or found.strong is type:
        return u
    if found.shape != type.shape:
        u = sum_to(u, shape=type.shape)
    return u if found.dtype == type.dtype else convert(u, dtype=type.dtype)
