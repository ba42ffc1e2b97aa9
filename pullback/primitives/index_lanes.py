"""An index into one lane, turned into one into all lanes of a batch.

Axes carry labels while it is worked out: those of the broadcast index arrays, of what is kept
of x, and "lane". NumPy puts the axes of index arrays in one place or another; the labels
say which permutation brings the result into a lane's order, batch axis in front.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.primitive import Primitive
from pullback.core.types import array_type, type_of

from .index_spec import ALL, block_ndim, layout, result_shape
from .shaping import broadcast, permuted, reshape

__all__ = ["Lanes", "ramp"]


class Ramp(Primitive):
    """``start + step * [0, 1, …, n - 1]``, along a new last axis.

    With `bound`, the start is moved to where all n elements lie within it, as a dynamic slice is.
    """

    name, smooth, quiet = "ramp", False, True

    def infer(self, start, *, n, step=1, bound=None):
        return array_type((*start.shape, n), np.dtype(np.intp))

    def evaluate(self, start, *, n, step=1, bound=None):
        start = np.asarray(start, np.intp)
        if bound is not None:
            low, high = max(0, -(n - 1) * step), bound - 1 - max(0, (n - 1) * step)
            start = np.clip(np.where(start < 0, start + bound, start), low, max(low, high))
        return start[..., None] + step * np.arange(n)

    def batch(self, size, operands, batched, **params):
        return ramp(operands[0], **params)


ramp = Ramp()


class Lanes:
    """An index into one lane, turned into one into all lanes.

    Attributes
    ----------
    spec, indices
        Of the index into all lanes: x has a batch axis in front if `x_batched`.
    to_front : tuple of int
        Which permutation of the axes of the result puts the batch axis in front and the others in a
        lane's order.
    """

    def __init__(
        self, size: int, spec: tuple, indices: Any, batched: Any, x_batched: bool, shape: tuple[int, ...]
    ) -> None:
        self.size, self._shape, self._indices, self._batched, self._spec = size, shape, tuple(indices), batched, spec
        ndims = [type_of(i).ndim - b for i, b in zip(indices, batched, strict=True)]
        nb = block_ndim(spec, ndims)
        block = [("block", j) for j in range(nb)]
        self._lane = layout(spec, block)
        if not any(batched):
            self.spec, self.indices = (ALL, *spec), tuple(indices)
            order = layout(self.spec, block, ("lane", *range(len(spec))))
        else:
            arrayed = [i for i, item in enumerate(spec) if item[0] == "slice" and batched[item[1]]]
            block = ["lane", *block, *arrayed]
            self.indices = self._spread_indices(ndims, nb, arrayed)
            self.spec = tuple(self._item(i, item, arrayed) for i, item in enumerate(spec))
            names: tuple = tuple(range(len(spec)))
            if x_batched:
                self.spec, names = (("iota", len(block)), *self.spec), (None, *names)
            order = layout(self.spec, block, names)
        wanted = ["lane", *self._lane]
        self.to_front = tuple(order.index(label) for label in wanted)
        self._from_front = tuple(wanted.index(label) for label in order)

    def _item(self, i: int, item: tuple, arrayed: list[int]) -> tuple:
        if i in arrayed:
            return ("array", item[1])
        return ("iota", item[1] + len(arrayed)) if item[0] == "iota" else item

    def _spread_indices(self, ndims: list[int], nb: int, arrayed: list[int]) -> tuple:
        """Return the index operands, broadcasting to (lanes, *block, *elements of slices that became arrays)."""
        out, behind = list(self._indices), (1,) * len(arrayed)
        axis = 0
        for i, item in enumerate(self._spec):
            n = 0 if item[0] == "newaxis" else self._shape[axis]
            axis += item[0] != "newaxis"
            if item[0] == "array":
                k = item[1]
                shape = type_of(out[k]).shape
                if self._batched[k]:
                    shape = (self.size, *(1,) * (nb - ndims[k]), *shape[1:], *behind)
                    out[k] = reshape(out[k], shape=shape)
                elif behind and shape:
                    out[k] = reshape(out[k], shape=(*shape, *behind))
            elif i in arrayed:
                _, k, m, step = item
                j = arrayed.index(i)
                around = (1,) * (nb + j), (1,) * (len(arrayed) - j - 1)
                out[k] = reshape(ramp(out[k], n=m, step=step, bound=n), shape=(self.size, *around[0], m, *around[1]))
        return tuple(out)

    def spread_value(self, v: Any, batched: bool) -> Any:
        """Return what is to be written, in the shape of the result of the index into all lanes."""
        lanes = tuple(type_of(i).shape[b:] for i, b in zip(self._indices, self._batched, strict=True))
        lane = result_shape(self._spec, self._shape, tuple(array_type(s, np.dtype(np.intp)) for s in lanes))
        found = type_of(v).shape[batched:]
        if batched and found != lane:
            v = reshape(v, shape=(self.size, *(1,) * (len(lane) - len(found)), *found))
        if type_of(v).shape != (self.size, *lane):
            v = broadcast(v, shape=(self.size, *lane))
        return permuted(v, self._from_front)
