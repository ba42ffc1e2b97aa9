"""Keys, and the streams of random words that they stand for.

A key is an int64 array of shape (2,): the key of Philox4x64-10 (`primitives/philox.py`). Draws, splits
and folds number their blocks apart, so that a draw says nothing about the keys that are split off.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pullback.core.errors import ArgumentError, DTypeError, ShapeError
from pullback.core.source import here
from pullback.core.types import type_of
from pullback.primitives.philox import philox

__all__ = ["bits", "fold_in", "key", "key_of", "open_unit", "shape_of", "split", "units"]

_DRAW, _SPLIT, _FOLD = range(3)  # what the blocks of a key are for


def key(seed: int) -> np.ndarray:
    """Return the key of a seed, an integer of up to 64 bits.

    Examples
    --------
    >>> from pullback import random
    >>> random.key(42)
    array([42,  0])
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not -(2**63) <= seed < 2**64:
        raise ArgumentError(
            f"random.key of {seed!r}",
            where=here(),
            why="a seed is an integer of up to 64 bits, known when the key is made",
            fix="random.key(0); for a number that is traced: random.fold_in(random.key(0), number)",
        )
    return np.array([seed % 2**64, 0], np.uint64).view(np.int64)


def key_of(x: Any, what: str) -> Any:
    """Return x if it is a key; an error of `what` if it is anything else."""
    t = type_of(x) if hasattr(x, "dtype") else None
    if t is None or t.dtype != np.int64 or t.shape != (2,):
        raise DTypeError(
            f"random.{what} with {type(x).__name__ if t is None else t} in place of a key",
            where=here(),
            why="a key is an int64 array of shape (2,)",
            fix="make one with random.key(seed), or take one row of random.split(key, n); vmap draws with many",
        )
    return x


def split(key: Any, num: int = 2) -> Any:
    """Return `num` new keys, int64 of shape (num, 2), independent of each other and of the draws of `key`.

    Examples
    --------
    >>> import numpy as np
    >>> from pullback import random
    >>> a, b = random.split(random.key(0))
    >>> bool(random.uniform(a) != random.uniform(b))
    True
    """
    return philox(key_of(key, "split"), 0, n=2 * num, purpose=_SPLIT).reshape(num, 2)


def fold_in(key: Any, data: Any) -> Any:
    """Return the key of (`key`, `data`), where `data` is an integer: the turn of a loop, the index of an item.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> from pullback import random
    >>> key = random.key(0)
    >>> walk = pb.jit(lambda n: pb.fori_loop(0, n, lambda i, x: x + random.normal(random.fold_in(key, i)), 0.0))
    >>> steps = [random.normal(random.fold_in(key, i)) for i in range(3)]
    >>> bool(np.isclose(walk(3), sum(steps)))
    True
    """
    t = type_of(data)
    if t.dtype.kind not in "iu" or t.shape != ():
        raise DTypeError(
            f"random.fold_in of {t}",
            where=here(),
            why="what is folded into a key is one integer",
            fix="fold several in one after the other: fold_in(fold_in(key, i), j)",
        )
    data = np.asarray(data, np.int64) if isinstance(data, int | np.generic | np.ndarray) else data.astype(np.int64)
    return philox(key_of(key, "fold_in"), data, n=2, purpose=_FOLD)


def bits(key: Any, shape: int | Sequence[int] = (), *, stream: Any = 0) -> Any:
    """Return words of 64 random bits, int64 of `shape`.

    Parameters
    ----------
    key : array, shape (2,), int64
    shape : int or tuple of int
    stream : int
        A number, which may be traced. The streams of one key are independent of each other.
    """
    shape = shape_of(shape)
    return philox(key_of(key, "bits"), stream, n=math.prod(shape), purpose=_DRAW).reshape(shape)


def shape_of(shape: int | Sequence[int] | None, *parameters: Any) -> tuple[int, ...]:
    """Return the shape asked for, which parameters must broadcast to; without one, the shape they have together."""
    given = np.broadcast_shapes(*(np.shape(x) for x in parameters))
    if shape is None:
        return given
    asked = (int(shape),) if isinstance(shape, int | np.integer) else tuple(shape)
    try:
        fits = np.broadcast_shapes(asked, given) == asked
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(
            f"random numbers of shape {asked} with parameters of shape {given}",
            where=here(),
            why="the parameters broadcast to the shape that is asked for",
            fix=f"leave the shape out, which gives {given}, or draw (n, *{given}) for n of each",
        )
    return asked


def units(key: Any, shape: tuple[int, ...], stream: Any = 0) -> Any:
    """Return float64 numbers in [0, 1): multiples of 2**-53."""
    return ((bits(key, shape, stream=stream) >> 11) & (2**53 - 1)) * 2.0**-53


def open_unit(key: Any, shape: tuple[int, ...], stream: Any = 0) -> Any:
    """Return float64 numbers in (0, 1), symmetric about 1/2: odd multiples of 2**-53."""
    return ((bits(key, shape, stream=stream) >> 12) & (2**52 - 1)) * 2.0**-52 + 2.0**-53
