"""Assembling: primitives that put arrays together, or their elements in another place.

They compute nothing, so that all of them are linear and exact.
"""

from __future__ import annotations

import numpy as np

from pullback.core.errors import ShapeError
from pullback.core.primitive import Primitive, is_linear, zeros_like
from pullback.core.types import array_type, type_of

from .indexing import cut, index_set, slice_
from .shaping import broadcast, convert, sum_to, transpose

__all__ = ["concatenate", "flip", "iota", "pad", "roll", "triangle"]


class Concatenate(Primitive):
    """Operands one after another along `axis`; linear in all of them together."""

    name, quiet = "concatenate", True

    def infer(self, *types, axis):
        first = types[0].shape
        for t in types:
            if len(t.shape) != len(first) or any(
                m != n for i, (m, n) in enumerate(zip(t.shape, first, strict=True)) if i != axis
            ):
                raise ShapeError(
                    f"concatenate along axis {axis} of {' and '.join(map(repr, types))}",
                    why="all the input array dimensions except for the concatenation axis must match exactly",
                    fix="reshape an operand first, or np.stack to put arrays beside each other on a new axis",
                )
        total = sum(t.shape[axis] for t in types)
        return array_type((*first[:axis], total, *first[axis + 1 :]), np.result_type(*(t.dtype for t in types)))

    def evaluate(self, *values, axis):
        return np.concatenate(values, axis)

    def function(self, params):
        axis = params["axis"]
        return lambda *values: np.concatenate(values, axis)

    def linear(self, n_operands, params):
        return (tuple(range(n_operands)),)

    def jvp(self, operands, result, tangents, *, axis):
        vs = [zeros_like(x) if v is None else v for x, v in zip(operands, tangents, strict=True)]
        return concatenate(*vs, axis=axis)

    def transpose(self, u, *operands, axis):
        shape, start, pieces = type_of(u).shape, 0, []
        for x in operands:
            stop = start + type_of(x).shape[axis]
            if is_linear(x):
                starts = tuple(start if i == axis else 0 for i in range(len(shape)))
                stops = tuple(stop if i == axis else n for i, n in enumerate(shape))
                pieces.append(slice_(u, starts=starts, stops=stops))
            else:
                pieces.append(None)
            start = stop
        return tuple(pieces)

    def batch(self, size, operands, batched, *, axis):
        lanes = [
            x if is_batched else broadcast(x, shape=(size, *type_of(x).shape))
            for x, is_batched in zip(operands, batched, strict=True)
        ]
        return concatenate(*lanes, axis=axis + 1)


concatenate = Concatenate()


class Pad(Primitive):
    """x with `widths` = ((before, after), …) of a value around it; linear in both together."""

    name, quiet = "pad", True

    def infer(self, x, value, *, widths):
        if len(widths) != x.ndim or value.shape:
            raise ShapeError(
                f"pad of {x} with {value} by {widths}",
                why="one pair of widths an axis, and one value",
                fix="((before, after), ...) for each axis",
            )
        return x.like(tuple(n + before + after for n, (before, after) in zip(x.shape, widths, strict=True)))

    def evaluate(self, x, value, *, widths):
        x = np.asarray(x)
        shape = tuple(n + before + after for n, (before, after) in zip(x.shape, widths, strict=True))
        out = np.empty(shape, x.dtype)
        out[...] = value
        out[tuple(slice(before, before + n) for n, (before, _) in zip(x.shape, widths, strict=True))] = x
        return out

    def linear(self, n_operands, params):
        return ((0, 1),)

    def jvp(self, operands, result, tangents, *, widths):
        v, w = tangents
        return pad(zeros_like(operands[0]) if v is None else v, 0.0 if w is None else w, widths=widths)

    def transpose(self, u, x, value, *, widths):
        shape = type_of(x).shape
        starts = tuple(before for before, _ in widths)
        stops = tuple(before + n for n, (before, _) in zip(shape, widths, strict=True))
        inner = slice_(u, starts=starts, stops=stops) if is_linear(x) else None
        if not is_linear(value):
            return inner, None
        # Not the sum of all less the sum of the inner part: that cancels.
        spec = tuple(("slice", i, n, 1) for i, n in enumerate(shape))
        return inner, sum_to(cut(u, *starts, spec=spec), shape=())

    def batch(self, size, operands, batched, *, widths):
        x, value = operands
        if not batched[0]:
            x = broadcast(x, shape=(size, *type_of(x).shape))
        if not batched[1]:
            return pad(x, value, widths=((0, 0), *widths))
        return _pad_lanes(size, x, value, widths)


pad = Pad()


def _pad_lanes(size: int, x, value, widths: tuple):
    shape = type_of(x).shape
    whole = tuple(n + before + after for n, (before, after) in zip(shape[1:], widths, strict=True))
    value = convert(value, dtype=type_of(x).dtype)
    spread = transpose(broadcast(value, shape=(*whole, size)), axes=(len(whole), *range(len(whole))))
    starts = tuple(before for before, _ in widths)
    spec = (("all",), *(("slice", i, n, 1) for i, n in enumerate(shape[1:])))
    return index_set(spread, x, *starts, spec=spec)


class Flip(Primitive):
    """The elements in reverse order along `axes`."""

    name, quiet = "flip", True

    def infer(self, x, *, axes):
        return x.strong

    def evaluate(self, x, *, axes):
        return np.flip(x, axes)

    def linear(self, n_operands, params):
        return ((0,),)

    def transpose(self, u, x, *, axes):
        return (flip(u, axes=axes),)

    def batch(self, size, operands, batched, *, axes):
        return flip(operands[0], axes=tuple(a + 1 for a in axes))


flip = Flip()


class Roll(Primitive):
    """The elements moved on by `shifts` along `axes`, round the end."""

    name, quiet = "roll", True

    def infer(self, x, *, shifts, axes):
        return x.strong

    def evaluate(self, x, *, shifts, axes):
        return np.roll(x, shifts, axes)

    def linear(self, n_operands, params):
        return ((0,),)

    def transpose(self, u, x, *, shifts, axes):
        return (roll(u, shifts=tuple(-s for s in shifts), axes=axes),)

    def batch(self, size, operands, batched, *, shifts, axes):
        return roll(operands[0], shifts=shifts, axes=tuple(a + 1 for a in axes))


roll = Roll()


class Triangle(Primitive):
    """The lower (or upper) triangle of (..., m, n), up to and with diagonal `k`; 0 elsewhere."""

    name, masks, quiet = "triangle", True, True

    def infer(self, x, *, lower, k=0):
        if x.ndim < 2:
            raise ShapeError(
                f"the triangle of {x}",
                why="it takes a matrix, or a stack of them: (..., m, n)",
                fix="x[None] makes a matrix of one row",
            )
        return x.strong

    def evaluate(self, x, *, lower, k=0):
        return np.tril(x, k) if lower else np.triu(x, k)

    def linear(self, n_operands, params):
        return ((0,),)

    def transpose(self, u, x, *, lower, k=0):
        return (triangle(u, lower=lower, k=k),)

    def batch(self, size, operands, batched, *, lower, k=0):
        return triangle(operands[0], lower=lower, k=k)


triangle = Triangle()


class Iota(Primitive):
    """0, 1, …, n - 1."""

    name, smooth, quiet = "iota", False, True

    def infer(self, *, n, dtype):
        return array_type((n,), dtype)

    def evaluate(self, *, n, dtype):
        return np.arange(n, dtype=dtype)

    def batch(self, size, operands, batched, *, n, dtype):
        return iota(n=n, dtype=dtype)


iota = Iota()
