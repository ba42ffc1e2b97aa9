"""Shapes: functions that move elements about and compute nothing."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from pullback.core import source
from pullback.core.errors import NotWritten, ShapeError
from pullback.core.sizes import sized
from pullback.core.tracer import Tracer
from pullback.primitives.assembling import roll
from pullback.primitives.shaping import reshape, transpose

from .arguments import ndim, one_axis, operand, reshaped, shape, sizes_of, some_axes
from .registry import attribute, covers, method
from .views import copied, layout, repeated, reshaped_view
from .views import flipped as flip
from .views import permuted as permute

__all__ = ["moved", "ravel", "reshape_to"]


def check_order(function: str, order: Any, x: Any) -> None:
    """Refuse an order of elements that is not C's ("A" and "K" are C's for a Tracer)."""
    if order in ("C", "A", "K", None):
        return
    raise NotWritten(
        f"np.{function}(order={order!r}) of something that is being differentiated or traced",
        where=source.here(),
        why="only C order is supported",
        fix=f"transpose first: np.{function}(x.T, ...) reads the elements in Fortran order",
    )


def filled(x: Any, new: Any) -> tuple[int, ...]:
    """Return a shape with its -1 worked out."""
    new, size = sizes_of(new), math.prod(shape(x))
    if new.count(-1) > 1:
        raise ValueError("can only specify one unknown dimension")
    known = math.prod(n for n in new if n != -1)
    if -1 in new and known > 0 and size % known == 0:
        new = tuple(size // known if n == -1 else n for n in new)
    if any(n < 0 for n in new) or math.prod(new) != size:
        raise ShapeError(
            f"cannot reshape array of size {size} into shape {new}",
            where=source.here(),
            why=f"shape {shape(x)} has {size} elements",
            fix="use -1 for one axis and let its size be worked out",
        )
    return new


@covers(np.reshape)
def reshape_to(a: Any, /, shape: Any = None, order: str = "C", *, newshape: Any = None, copy: Any = None) -> Any:
    """Give a new shape to the same elements."""
    x = operand(a)
    given = shape if shape is not None else newshape
    if given is None:
        raise TypeError("reshape() missing 1 required positional argument: 'shape'")
    if copy is False and type(x) is Tracer:
        _check_no_copy(x, filled(x, given), order)
    if order == "F":
        back = tuple(reversed(filled(x, given)))
        y = permute(reshaped_view(permute(x, _reversed(x)), back), tuple(reversed(range(len(back)))))
    else:
        check_order("reshape", order, x)
        y = reshaped_view(x, filled(x, given))
    return copied(y) if copy and type(y) is Tracer else y


def _check_no_copy(x: Tracer, sizes: tuple[int, ...], order: Any) -> None:
    """Raise, as NumPy does, where the elements do not lie so that a reshape is a view."""
    memory = layout(x)
    if memory is not None and memory.size and not np.may_share_memory(memory, memory.reshape(sizes, order=order)):
        raise ValueError("Unable to avoid creating a copy while reshaping.")


@method("reshape")
def reshape_method(self: Any, *sizes: Any, order: str = "C", copy: Any = None) -> Any:
    """``x.reshape(2, 3)`` or ``x.reshape((2, 3))``."""
    return reshape_to(self, sizes[0] if len(sizes) == 1 else sizes, order, copy=copy)


def _reversed(x: Any) -> tuple[int, ...]:
    return tuple(reversed(range(ndim(x))))


@method("ravel")
@covers(np.ravel)
def ravel(a: Any, order: str = "C") -> Any:
    """All elements along one axis; a view of them where NumPy makes one."""
    return reshaped_view(_in_order(operand(a), order), (-1,))


@method("flatten")
def flatten(self: Any, order: str = "C") -> Any:
    """All elements along one axis, as an array of their own."""
    return reshape(_in_order(self, order), shape=(self.size,))


def _in_order(x: Any, order: Any) -> Any:
    if order == "F":
        return permute(x, _reversed(x))
    check_order("ravel", order, x)
    return x


@covers(np.transpose, np.permute_dims)
def transposed(a: Any, axes: Any = None) -> Any:
    """Permute the axes; by default reverse them."""
    x = operand(a)
    if axes is None:
        return permute(x, _reversed(x))
    axes = sizes_of(axes)
    if len(axes) != ndim(x):
        raise ValueError("axes don't match array")
    found = tuple(one_axis(i, ndim(x)) for i in axes)
    if len(set(found)) != len(found):
        raise ValueError("repeated axis in transpose")
    return permute(x, found)


@method("transpose")
def transpose_method(self: Any, *axes: Any) -> Any:
    """``x.transpose()``, ``x.transpose(1, 0)`` or ``x.transpose((1, 0))``."""
    if len(axes) == 1 and not isinstance(axes[0], int | np.integer):
        axes = axes[0]
    return transposed(self, None if axes is None or axes == () else axes)


@attribute("T")
def _transpose_attribute(self: Any) -> Any:
    return permute(self, _reversed(self))


@covers(np.matrix_transpose, np.linalg.matrix_transpose)
def matrix_transpose(x: Any, /) -> Any:
    """Swap the last two axes."""
    x = operand(x)
    if ndim(x) < 2:
        raise ValueError(f"Input array must be at least 2-dimensional, but it is {ndim(x)}")
    return permute(x, (*range(ndim(x) - 2), ndim(x) - 1, ndim(x) - 2))


attribute("mT")(matrix_transpose)


@method("swapaxes")
@covers(np.swapaxes)
def swapaxes(a: Any, axis1: Any, axis2: Any) -> Any:
    """Interchange two axes."""
    x = operand(a)
    axes = list(range(ndim(x)))
    i, j = one_axis(axis1, ndim(x)), one_axis(axis2, ndim(x))
    axes[i], axes[j] = axes[j], axes[i]
    return permute(x, tuple(axes))


@covers(np.moveaxis)
def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    """Move axes to new places; the others keep their order."""
    x = operand(a)
    n = ndim(x)
    ins = [one_axis(i, n) for i in sizes_of(source)]
    outs = [one_axis(i, n) for i in sizes_of(destination)]
    if len(ins) != len(outs):
        raise ValueError("`source` and `destination` arguments must have the same number of elements")
    if len(set(ins)) != len(ins) or len(set(outs)) != len(outs):
        raise ValueError(f"repeated axis in `{'source' if len(set(ins)) != len(ins) else 'destination'}` argument")
    axes = [i for i in range(n) if i not in ins]
    for place, i in sorted(zip(outs, ins, strict=True)):
        axes.insert(place, i)
    return permute(x, tuple(axes))


def moved(x: Any, axis: int, place: int) -> Any:
    """Return x with one axis (non-negative) moved: no view of x, as a part of results."""
    return transpose(x, axes=axes) if (axes := _moving(ndim(x), axis, place)) != tuple(range(ndim(x))) else x


def _moving(n: int, axis: int, place: int) -> tuple[int, ...]:
    axes = [i for i in range(n) if i != axis]
    axes.insert(place, axis)
    return tuple(axes)


@covers(np.rollaxis)
def rollaxis(a: Any, axis: Any, start: Any = 0) -> Any:
    """Move an axis backwards until it lies at `start`."""
    x = operand(a)
    i = one_axis(axis, ndim(x))
    start = start + ndim(x) if start < 0 else start
    return permute(x, _moving(ndim(x), i, start - 1 if i < start else start))


@covers(np.expand_dims)
def expand_dims(a: Any, axis: Any) -> Any:
    """Insert axes of size 1."""
    x = operand(a)
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    n = ndim(x) + len(axes)
    found = {one_axis(i, n) for i in axes}
    if len(found) != len(axes):
        raise ValueError("repeated axis")
    sizes = iter(shape(x))
    return reshaped_view(x, tuple(1 if i in found else next(sizes) for i in range(n)))


@method("squeeze")
@covers(np.squeeze)
def squeeze(a: Any, axis: Any = None) -> Any:
    """Drop axes of size 1."""
    x = operand(a)
    if axis is None:
        return reshaped_view(x, tuple(n for n in shape(x) if n != 1))
    axes = some_axes(axis, ndim(x))
    if any(shape(x)[i] != 1 for i in axes):
        raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
    return reshaped_view(x, tuple(n for i, n in enumerate(shape(x)) if i not in axes))


@covers(np.broadcast_to)
def broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    """Repeat along new leading axes and axes of size 1."""
    x, wanted = operand(array), sizes_of(shape)
    have = _shape(x)
    fits = len(have) <= len(wanted) and all(a in (1, b) for a, b in zip(reversed(have), reversed(wanted), strict=False))
    if not fits:
        raise ShapeError(
            f"broadcast_to of shape {have} into shape {wanted}",
            where=source.here(),
            why="an axis is repeated only where it has size 1",
            fix="x[:, None] puts an axis of size 1 in; np.tile repeats others",
        )
    return repeated(x, wanted)


_shape = shape


@covers(np.broadcast_arrays)
def broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Any, ...]:
    """Broadcast arrays against each other."""
    xs = [operand(x) for x in args]
    whole = np.broadcast_shapes(*(shape(x) for x in xs))
    return tuple(repeated(x, whole) if shape(x) != whole else x for x in xs)


@covers(np.atleast_1d)
def atleast_1d(*arys: Any) -> Any:
    """Give scalars an axis."""
    return _each(arys, lambda x: reshaped_view(x, (1,)) if ndim(x) == 0 else x)


@covers(np.atleast_2d)
def atleast_2d(*arys: Any) -> Any:
    """Put axes in front until there are two."""
    return _each(arys, lambda x: reshaped_view(x, (*(1,) * (2 - ndim(x)), *shape(x))) if ndim(x) < 2 else x)


@covers(np.atleast_3d)
def atleast_3d(*arys: Any) -> Any:
    """Put axes around until there are three."""
    return _each(arys, lambda x: reshaped_view(x, {0: (1, 1, 1), 1: (1, *shape(x), 1), 2: (*shape(x), 1)}[ndim(x)])
                 if ndim(x) < 3 else x)  # fmt: skip


def _each(arys: tuple, function: Any) -> Any:
    found = tuple(function(operand(x)) for x in arys)
    return found[0] if len(found) == 1 else found


@covers(np.flip)
def flipped(m: Any, axis: Any = None) -> Any:
    """Reverse the order of elements along axes."""
    x = operand(m)
    axes = some_axes(axis, ndim(x))
    return flip(x, axes)


@covers(np.flipud)
def flipud(m: Any) -> Any:
    """Reverse along axis 0."""
    if ndim(operand(m)) < 1:
        raise ValueError("Input must be >= 1-d.")
    return flipped(m, 0)


@covers(np.fliplr)
def fliplr(m: Any) -> Any:
    """Reverse along axis 1."""
    if ndim(operand(m)) < 2:
        raise ValueError("Input must be >= 2-d.")
    return flipped(m, 1)


@covers(np.rot90)
def rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    """Rotate by 90 degrees in the plane of two axes."""
    x = operand(m)
    first, second = (one_axis(i, ndim(x)) for i in axes)
    if first == second:
        raise ValueError("Axes must be different.")
    if k % 4 == 2:
        return flip(x, tuple(sorted((first, second))))
    if k % 4 == 1:
        return swapaxes(flip(x, (second,)), first, second)
    return flip(swapaxes(x, first, second), (second,)) if k % 4 == 3 else flip(x, ())


@covers(np.roll)
def rolled(a: Any, shift: Any, axis: Any = None) -> Any:
    """Roll elements along axes; what leaves at one end enters at the other."""
    x = operand(a)
    if axis is None:
        flat = roll(ravel(x), shifts=(int(np.sum(shift)),), axes=(0,))
        return reshaped(flat, shape(x))
    if isinstance(shift, Tracer):
        shift = operator.index(shift)
    shifts, axes = np.broadcast_arrays(shift, axis)
    by: dict[int, int] = {}
    for s, i in zip(shifts.ravel().tolist(), axes.ravel().tolist(), strict=True):
        by[one_axis(i, ndim(x))] = by.get(one_axis(i, ndim(x)), 0) + s
    axes = tuple(sorted(by))
    return roll(x, shifts=tuple(by[i] for i in axes), axes=axes) if axes else np.copy(x)


@covers(np.shape, moves=False)
def shape_of(a: Any) -> tuple[int, ...]:
    """Shape of an array."""
    return sized(shape(operand(a)), always=True)


@covers(np.ndim, moves=False)
def ndim_of(a: Any) -> int:
    """Return the number of axes of an array."""
    return ndim(operand(a))


@covers(np.size, moves=False)
def size_of(a: Any, axis: Any = None) -> int:
    """Return the number of elements, in all or along axes."""
    x = operand(a)
    return sized(math.prod(shape(x)[i] for i in some_axes(axis, ndim(x))), always=True)
