"""associative_scan: all prefixes of an associative operation, in logarithmically many steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pullback.core.arrays import own
from pullback.core.primitive import primitives
from pullback.core.tree import flatten, unflatten
from pullback.core.types import type_of
from pullback.primitives.assembling import concatenate
from pullback.primitives.indexing import slice_

from .batching import move_axis
from .bodies import check_arrays
from .loops import common_length

__all__ = ["associative_scan"]


def associative_scan(fn: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """Return all prefixes of an associative operation, in a number of steps that grows with log n.

    Parameters
    ----------
    fn : callable
        Associative; works on whole arrays of pairs: ``fn(a, b)``, elementwise along `axis`.
    elems : tree
        Arrays of one size along `axis`.

    Notes
    -----
    Blelloch, "Prefix sums and their applications" (1990): pairs are combined, the half-length
    problem is solved, and the rest is filled in.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> pb.associative_scan(np.multiply, np.array([1.0, 2.0, 3.0, 4.0]))
    array([ 1.,  2.,  6., 24.])
    """
    leaves, structure = flatten(elems)
    check_arrays(leaves, elems, "associative_scan")
    moved = [move_axis(x, axis, 0) for x in leaves]
    common_length(moved, elems, None)
    if reverse:
        moved = [primitives["flip"](x, axes=(0,)) for x in moved]

    def combine(a: list[Any], b: list[Any]) -> list[Any]:
        pair = fn(unflatten(structure, a), unflatten(structure, b))
        return flatten(pair)[0]

    outs = _prefixes(combine, moved)
    if reverse:
        outs = [primitives["flip"](x, axes=(0,)) for x in outs]
    return unflatten(structure, own([move_axis(x, 0, axis) for x in outs], leaves))


def _prefixes(combine: Callable[[list, list], list], xs: list[Any]) -> list[Any]:
    n = type_of(xs[0]).shape[0]
    if n < 2:
        return xs
    odd = _prefixes(combine, combine([_strided(x, 0, n - 1, 2) for x in xs], [_strided(x, 1, n, 2) for x in xs]))
    inner = [_strided(x, 0, (n - 1) // 2, 1) for x in odd]
    even = [_strided(x, 0, 1, 1) for x in xs]
    if n > 2:
        rest = combine(inner, [_strided(x, 2, n, 2) for x in xs])
        even = [concatenate(a, b, axis=0) for a, b in zip(even, rest, strict=True)]
    return [_interleave(a, b, n) for a, b in zip(even, odd, strict=True)]


def _strided(x: Any, start: int, stop: int, step: int) -> Any:
    shape = type_of(x).shape
    rest = shape[1:]
    return slice_(x, starts=(start, *(0 for _ in rest)), stops=(stop, *rest), steps=(step, *(1 for _ in rest)))


def _interleave(even: Any, odd: Any, n: int) -> Any:
    """Return even[0], odd[0], even[1], odd[1], …, n of them."""
    shape = type_of(even).shape
    if type_of(odd).shape != shape:
        odd = concatenate(odd, _strided(odd, 0, 1, 1), axis=0)  # a filler, cut off below
    pair = [primitives["reshape"](x, shape=(shape[0], 1, *shape[1:])) for x in (even, odd)]
    woven = primitives["reshape"](concatenate(*pair, axis=1), shape=(2 * shape[0], *shape[1:]))
    return _strided(woven, 0, n, 1)
