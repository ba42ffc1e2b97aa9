"""Discrete distributions: integers, booleans and orders. They have no derivative by their parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pullback.numpy as np
from pullback.core.errors import ArgumentError
from pullback.core.source import here

from .continuous import gumbel
from .keys import bits, shape_of, units

__all__ = ["bernoulli", "categorical", "choice", "permutation", "randint"]

_Shape = int | Sequence[int] | None


def bernoulli(key: Any, p: Any = 0.5, shape: _Shape = None) -> Any:
    """Draw booleans that are true with probability `p`.

    Examples
    --------
    >>> from pullback import random
    >>> random.bernoulli(random.key(0), 1.0, 3)
    array([ True,  True,  True])
    """
    return units(key, shape_of(shape, p)) < p


def randint(key: Any, shape: int | Sequence[int], minval: Any, maxval: Any) -> Any:
    """Draw int64 integers from minval, …, maxval − 1.

    Notes
    -----
    The remainder of 63 random bits: no integer is likelier than another by more than (maxval − minval) / 2**63.
    """
    word = bits(key, shape_of(shape, minval, maxval)) & (2**63 - 1)
    return minval + word % (maxval - minval)


def categorical(key: Any, logits: Any, axis: int = -1, shape: _Shape = None) -> Any:
    """Draw indices along `axis`, with probabilities in proportion to exp(logits).

    Parameters
    ----------
    logits : array
        Logarithms of probabilities, up to a constant; −inf for what cannot be.
    shape : int or tuple of int, optional
        Shape of the result, which the shape of `logits` without `axis` must broadcast to.

    Notes
    -----
    The largest of logits + Gumbel numbers (Gumbel, 1954; Maddison, Tarlow and Minka, 2014).

    Examples
    --------
    >>> import numpy as np
    >>> from pullback import random
    >>> random.categorical(random.key(0), np.array([-np.inf, 0.0, -np.inf]), shape=4)
    array([1, 1, 1, 1])
    """
    rows = np.moveaxis(logits, axis, -1)
    kept = shape_of(shape, rows[..., 0])
    return np.argmax(rows + gumbel(key, (*kept, np.shape(rows)[-1])), axis=-1)


def permutation(key: Any, x: Any, axis: int = 0) -> Any:
    """Return x in random order along `axis`; of an int n, the numbers 0, …, n − 1 in random order.

    The derivative flows to where the elements came from.
    """
    n = int(x) if isinstance(x, int | np.integer) else np.shape(x)[axis]
    order = np.argsort(bits(key, n))
    return order if isinstance(x, int | np.integer) else np.take(x, order, axis=axis)


def choice(key: Any, a: Any, shape: int | Sequence[int] = (), replace: bool = True, p: Any = None) -> Any:
    """Draw elements of `a` along its first axis; of an int n, numbers below n.

    Parameters
    ----------
    replace : bool
        Whether one element may be drawn twice.
    p : array, shape (n,), optional
        Probabilities, by default all alike. Without replacement they are those of the elements that are left.

    Raises
    ------
    ArgumentError
        More elements than there are are drawn without replacement.
    """
    n = int(a) if isinstance(a, int | np.integer) else np.shape(a)[0]
    shape = shape_of(shape)
    size = math.prod(shape)
    if not replace and size > n:
        raise ArgumentError(
            f"random.choice of {size} out of {n} without replacement",
            where=here(),
            why="each element is drawn once at most",
            fix=f"draw {n} or fewer, or with replace=True",
        )
    if replace:
        index = randint(key, shape, 0, n) if p is None else categorical(key, _log(p), shape=shape)
    else:
        race = bits(key, n) if p is None else -(_log(p) + gumbel(key, n))
        index = np.argsort(race)[:size].reshape(shape)
    return index if isinstance(a, int | np.integer) else np.take(a, index, axis=0)


def _log(p: Any) -> Any:
    """Return log p, −inf at 0 without a warning."""
    return np.where(p > 0.0, np.log(np.where(p > 0.0, p, 1.0)), -np.inf)
