"""Reductions: primitives that remove axes.

Axes arrive here normalised: non-negative, sorted, without repeats. `keepdims` could be a
reshape; it is a parameter, since eagerly a reshape costs as much as the sum. Reducing an
empty axis does as NumPy does: a sum is 0, a product 1, a maximum an error.

The derivative of a product never divides: with one zero factor, or several, it is right
at every order.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from pullback.core import conventions
from pullback.core.errors import ShapeError
from pullback.core.primitive import Cost, Primitive, moved_bytes
from pullback.core.types import array_type, type_of

from .arithmetic import div, mask, mul
from .comparison import equal, greater, less, logical_not
from .cumulative import cumprod, shift
from .indexing import take_along
from .shaping import broadcast, convert, real_dtype, reshape, transpose

__all__ = ["all_", "any_", "argmax", "argmin", "max_", "min_", "prod", "spread", "sum_", "without"]


class _Reduction(Primitive):
    """Base: a ufunc's reduction over `axes`."""

    ufunc: np.ufunc

    def infer(self, x, *, axes, keepdims=False):
        return array_type(without(x.shape, axes, keepdims), reduced_dtype(self.ufunc, x.dtype))

    def evaluate(self, x, *, axes, keepdims=False):
        return self.ufunc.reduce(x, axes, keepdims=keepdims)

    def function(self, params):
        reduce, axes, keepdims = self.ufunc.reduce, params["axes"], params.get("keepdims", False)
        axes = axes[0] if len(axes) == 1 else axes
        if keepdims:
            return lambda x: reduce(x, axes, keepdims=True)
        return lambda x: reduce(x, axes)

    def batch(self, size, operands, batched, *, axes, keepdims=False):
        return self(operands[0], axes=tuple(a + 1 for a in axes), keepdims=keepdims)

    def cost(self, types, results, *, axes, keepdims=False):
        return Cost(types[0].size, moved_bytes(types, results))


class Sum(_Reduction):
    """Sum over `axes`; its transpose repeats along them."""

    name, ufunc = "sum", np.add

    def linear(self, n_operands, params):
        return ((0,),)

    def transpose(self, u, x, *, axes, keepdims=False):
        return (broadcast(u, shape=x.shape) if keepdims else spread(u, x.shape, axes),)


sum_ = Sum()


class Prod(_Reduction):
    """Product over `axes`.

    Each factor's derivative is the product of those before it times that of those after it.
    """

    name, ufunc = "prod", np.multiply

    def jvp(self, operands, result, tangents, *, axes, keepdims=False):
        x, v = (_last(a, axes) for a in (operands[0], tangents[0]))
        n, axis = x.shape[-1], x.ndim - 1
        if n == 0:
            return None
        before = shift(cumprod(x, axis=axis, reverse=False), 1.0, axis)
        after = shift(cumprod(x, axis=axis, reverse=True), 1.0, axis, reverse=True)
        return reshape(sum_(mul(v, mul(before, after)), axes=(axis,)), shape=result.shape)


prod = Prod()


class _Place(Primitive):
    """Base: where an extremum along `axis` is attained first."""

    smooth, quiet = False, True

    def infer(self, x, *, axis):
        if x.shape[axis] == 0:
            raise ShapeError(
                f"attempt to get {self.name} of an empty sequence: {x}",
                why=f"axis {axis} has no element",
                fix="ask x.size first",
            )
        return array_type(without(x.shape, (axis,)), np.dtype(np.intp))

    def evaluate(self, x, *, axis):
        return getattr(np, self.name)(x, axis)

    def batch(self, size, operands, batched, *, axis):
        return self(operands[0], axis=axis + 1)


class ArgMax(_Place):
    """Index of the first largest element along `axis`."""

    name = "argmax"


class ArgMin(_Place):
    """Index of the first smallest element along `axis`."""

    name = "argmin"


argmax, argmin = ArgMax(), ArgMin()


class _Extremum(_Reduction):
    """Base: max and min. Ties share equally, or the first takes all (`conventions.ties`)."""

    quiet = True
    misses: Primitive
    place: Primitive

    def infer(self, x, *, axes, keepdims=False):
        if 0 in [x.shape[a] for a in axes]:
            raise ShapeError(
                f"zero-size array to reduction operation {self.ufunc.__name__} which has no identity: {x}",
                why="the maximum or minimum of nothing is not defined",
                fix="guard the empty case, or give initial=",
            )
        return array_type(without(x.shape, axes, keepdims), x.dtype)

    def jvp(self, operands, result, tangents, *, axes, keepdims=False):
        (x,), (v,) = operands, tangents
        if conventions.current().ties == "first":
            x, v = _last(x, axes), _last(v, axes)
            first = self.place(x, axis=x.ndim - 1)
            taken = take_along(v, reshape(first, shape=(*first.shape, 1)), x.ndim - 1, unique=True)
            return reshape(taken, shape=result.shape)
        # Not `equal`: a NaN attains the maximum, and its derivative must not come out as 0.
        best = result if keepdims else spread(result, x.shape, axes)
        attains = logical_not(self.misses(x, best))
        known = equal(result, result)  # 0 where NaN: divided by from here on
        count = convert(mul(sum_(attains, axes=axes, keepdims=keepdims), known), dtype=real_dtype(x.dtype))
        return div(sum_(mask(attains, v), axes=axes, keepdims=keepdims), count)


class Max(_Extremum):
    """Largest element over `axes`."""

    name, ufunc, misses, place = "max", np.maximum, less, argmax


class Min(_Extremum):
    """Smallest element over `axes`."""

    name, ufunc, misses, place = "min", np.minimum, greater, argmin


max_, min_ = Max(), Min()


class _Logical(_Reduction):
    smooth, quiet = False, True

    def infer(self, x, *, axes, keepdims=False):
        return array_type(without(x.shape, axes, keepdims), np.dtype(bool))


class AnyTrue(_Logical):
    """Whether any element over `axes` is true."""

    name, ufunc = "any", np.logical_or


class AllTrue(_Logical):
    """Whether all elements over `axes` are true."""

    name, ufunc = "all", np.logical_and


any_, all_ = AnyTrue(), AllTrue()


def without(shape: tuple[int, ...], axes: tuple[int, ...], keepdims: bool = False) -> tuple[int, ...]:
    """Return a shape without these axes, or with size 1 in their place."""
    if keepdims:
        return tuple(1 if i in axes else n for i, n in enumerate(shape))
    return tuple(n for i, n in enumerate(shape) if i not in axes)


def spread(u, shape: tuple[int, ...], axes: tuple[int, ...]):
    """Return what has lost `axes`, repeated along them: back in `shape`."""
    if axes != tuple(range(len(axes))) and len(axes) < len(shape):
        u = reshape(u, shape=tuple(1 if i in axes else n for i, n in enumerate(shape)))
    return broadcast(u, shape=shape)


def _last(x, axes: tuple[int, ...]):
    """Return the operand with all `axes` in one last axis, in C order."""
    shape = type_of(x).shape
    kept = [i for i in range(len(shape)) if i not in axes]
    order = (*kept, *axes)
    if order != tuple(range(len(shape))):
        x = transpose(x, axes=order)
    return reshape(x, shape=(*(shape[i] for i in kept), math.prod(shape[i] for i in axes)))


@lru_cache(maxsize=256)
def reduced_dtype(ufunc: np.ufunc, dtype: np.dtype) -> np.dtype:
    """Return the dtype of a ufunc's reduction or accumulation: NumPy widens small integers."""
    return ufunc.reduce(np.ones(1, dtype)).dtype
