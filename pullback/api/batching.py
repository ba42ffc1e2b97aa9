"""vmap and map: a function of one lane, applied to many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optree

from pullback.core.arrays import own, snapshot
from pullback.core.errors import ArgumentError, AxisSizeError
from pullback.core.source import here
from pullback.core.tree import flatten, is_array, leaf_paths, unflatten
from pullback.core.types import type_of
from pullback.primitives.assembling import concatenate
from pullback.primitives.indexing import slice_
from pullback.primitives.shaping import transpose
from pullback.transforms.vmap import VmapRecorder, mapping

from .calls import call, name_of, own_leaf
from .gradients import Transformed

__all__ = ["vmap"]


class Vmapped(Transformed):
    """A function mapped over an axis of its arguments."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        leaves, structure = flatten((args, kwargs))
        axes = self._axes(args, kwargs, leaves)
        size = self._size((args, kwargs), leaves, axes)
        chunk = self.options["chunk_size"] or max(size, 1)
        lanes = [x if a is None else move_axis(x, a, 0) for x, a in zip(leaves, axes, strict=True)]
        parts = []
        for start in range(0, max(size, 1), chunk):
            stop = min(start + chunk, size)
            some = [x if a is None else lanes_between(x, start, stop) for x, a in zip(lanes, axes, strict=True)]
            parts.append(self._run(stop - start, some, axes, structure))
        outs = [concatenated([p[0][i] for p in parts]) for i in range(len(parts[0][0]))]
        return self._placed(outs, parts[0][1], leaves)

    def _run(self, size: int, leaves: list[Any], axes: list[int | None], structure: Any) -> tuple[list[Any], Any]:
        recorder = VmapRecorder(size)
        token = mapping.set(True)
        try:
            xs = [
                own_leaf(x) if a is None else recorder.input(snapshot(x) if isinstance(x, np.ndarray) else x)
                for x, a in zip(leaves, axes, strict=True)
            ]
            args, kwargs = unflatten(structure, xs)
            outs, out_structure = flatten(call(self.f, args, kwargs))
            return [recorder.lanes(y) if is_array(y) else y for y in outs], out_structure
        finally:
            mapping.reset(token)
            recorder.close()

    def _placed(self, outs: list[Any], structure: Any, leaves: list[Any]) -> Any:
        out_axes = prefix_axes(self.options["out_axes"], unflatten(structure, outs), "out_axes", self.f)
        placed = []
        for y, a in zip(outs, out_axes, strict=True):
            if a is None:
                y = y[0] if is_array(y) else y
            elif is_array(y):
                self._check_out_axis(a, type_of(y).ndim)
                y = move_axis(y, 0, a)
            placed.append(y)
        return unflatten(structure, own(placed, leaves))

    def _check_out_axis(self, axis: int, ndim: int) -> None:
        if not -ndim <= axis < ndim:
            given = self.options["out_axes"]
            raise ArgumentError(
                f"out_axes={given!r} of vmap({name_of(self.f)}), an output of which has {ndim - 1} axes",
                where=here(),
                why="with the batch axis it has one more, and that goes to one of these places",
                fix="out_axes=0 puts the batch axis in front, -1 at the end",
            )

    def _axes(self, args: tuple, kwargs: dict, leaves: list[Any]) -> list[int | None]:
        in_axes = self.options["in_axes"]
        if isinstance(in_axes, tuple | list):
            if len(in_axes) != len(args):
                raise ArgumentError(
                    f"in_axes={in_axes!r} of vmap({name_of(self.f)}), which was called with {len(args)} arguments",
                    where=here(),
                    why="in_axes has one entry a positional argument, or is one integer for all",
                    fix="None for an argument that is the same in every lane",
                )
            axes = [a for spec, x in zip(in_axes, args, strict=True) for a in prefix_axes(spec, x, "in_axes", self.f)]
        else:
            axes = prefix_axes(in_axes, args, "in_axes", self.f)
        axes += [0] * (len(leaves) - len(axes))  # keywords are mapped over their first axis, as in JAX
        return [a if is_array(x) else None for a, x in zip(axes, leaves, strict=True)]

    def _size(self, tree: Any, leaves: list[Any], axes: list[int | None]) -> int:
        sizes: dict[int, int] = {}
        for i, (x, a) in enumerate(zip(leaves, axes, strict=True)):
            if a is None:
                continue
            shape = type_of(x).shape
            if not -len(shape) <= a < len(shape):
                raise ArgumentError(
                    f"vmap of {name_of(self.f)} over axis {a} of {_argument(tree, i)}, which has shape {shape}",
                    where=here(),
                    why=f"it has {len(shape)} axes",
                    fix="in_axes=None for an argument that is the same in every lane",
                )
            sizes[i] = shape[a]
        if not sizes:
            if self.options["axis_size"] is not None:
                return self.options["axis_size"]
            raise ArgumentError(
                f"vmap of {name_of(self.f)} maps none of its arguments",
                where=here(),
                why="the number of lanes is the size of the axes that are mapped",
                fix="give at least one argument an axis, or say axis_size=",
            )
        if len(set(sizes.values())) > 1:
            shown = "; ".join(f"{_argument(tree, i)}: axis {axes[i]} of size {n}" for i, n in sizes.items())
            raise AxisSizeError(
                f"vmap of {name_of(self.f)} over axes of different sizes: {shown}",
                where=here(),
                why="one lane is taken from every mapped argument",
                fix="in_axes=None for an argument that is the same in every lane",
            )
        return next(iter(sizes.values()))


def _argument(tree: Any, i: int) -> str:
    path = leaf_paths(tree)[i]
    kind, rest = path[1:].split("]", 1)
    return f"argument {rest}" if kind == "0" else f"keyword {rest}"


def prefix_axes(spec: Any, tree: Any, what: str, f: Any) -> list[int | None]:
    """Return one axis a leaf of the tree, from a tree prefix of axes."""
    leaves, _ = flatten(tree)
    if spec is None or isinstance(spec, int):
        return [spec] * len(leaves)
    try:
        structure = flatten(tree)[1]
        found = _broadcast(spec, unflatten(structure, list(range(len(leaves)))))
    except (ValueError, TypeError, KeyError) as error:
        raise ArgumentError(
            f"{what}={spec!r} of vmap({name_of(f)}) does not fit the structure of what it describes",
            where=here(),
            why=str(error).splitlines()[0],
            fix=f"{what} is an integer, None, or a tree of them of the same structure, down to any depth",
        ) from error
    return found


def _broadcast(spec: Any, tree: Any) -> list[int | None]:
    if spec is None or isinstance(spec, int):
        return [spec] * len(flatten(tree)[0])
    specs, _ = optree.tree_flatten_one_level(spec, none_is_leaf=True, namespace="pullback")[:2]
    parts, _ = optree.tree_flatten_one_level(tree, none_is_leaf=True, namespace="pullback")[:2]
    if len(specs) != len(parts):
        raise ValueError(f"{len(specs)} entries for {len(parts)}")
    return [a for s, t in zip(specs, parts, strict=True) for a in ([] if t is None else _broadcast(s, t))]


def move_axis(x: Any, source: int, destination: int) -> Any:
    """Return x with one axis moved."""
    ndim = type_of(x).ndim
    source, destination = source % ndim, destination % ndim
    if source == destination:
        return x
    order = [i for i in range(ndim) if i != source]
    order.insert(destination, source)
    return transpose(x, axes=tuple(order))


def lanes_between(x: Any, start: int, stop: int) -> Any:
    """Return the lanes from start to stop."""
    shape = type_of(x).shape
    if (start, stop) == (0, shape[0]):
        return x
    rest = shape[1:]
    return slice_(x, starts=(start, *(0 for _ in rest)), stops=(stop, *rest), steps=(1,) * len(shape))


def concatenated(parts: Sequence[Any]) -> Any:
    """Return the chunks of one output, joined."""
    if len(parts) == 1 or not is_array(parts[0]):
        return parts[0]
    return concatenate(*parts, axis=0)


def vmap(
    fun: Callable[..., Any],
    in_axes: Any = 0,
    out_axes: Any = 0,
    *,
    axis_size: int | None = None,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """Return a function that applies `fun` to every lane of its arguments at once.

    Parameters
    ----------
    fun : callable
        Of one lane. Python's own control flow may depend on arguments that are not mapped.
    in_axes : int, None or tree
        Which axis of each argument to map over; None for the same value in every lane. One
        entry an argument, each a prefix of that argument's tree. Keywords: their first axis.
    out_axes : int or tree
        Where the batch axis goes in each output.
    axis_size : int, optional
        The number of lanes, where no argument says it.
    chunk_size : int, optional
        Run so many lanes at a time: bounds memory.

    Raises
    ------
    AxisSizeError
        If mapped axes differ in size; the message names arguments, axes and sizes.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> pb.vmap(lambda x, w: x @ w, in_axes=(0, None))(np.ones((2, 3)), np.ones(3))
    array([3., 3.])
    >>> pb.vmap(pb.grad(lambda x: x**3))(np.array([1.0, 2.0]))
    array([ 3., 12.])
    """
    if chunk_size is not None and (not isinstance(chunk_size, int) or chunk_size < 1):
        raise ArgumentError(
            f"chunk_size={chunk_size!r}",
            where=here(),
            why="it is the number of lanes run at a time",
            fix="an int, 1 or more",
        )
    return Vmapped(fun, in_axes=in_axes, out_axes=out_axes, axis_size=axis_size, chunk_size=chunk_size)
