"""autograd.misc.flatten: a nest of arrays as one vector, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import pullback.numpy as pnp
from pullback.core.tree import flatten as _leaves
from pullback.core.tree import is_array, unflatten

__all__ = ["flatten", "flatten_func"]


def flatten(value: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Return all numbers of a nest of dicts, lists and tuples as one vector, and the function that undoes it.

    Examples
    --------
    >>> vector, unflatten = flatten({"w": np.array([[1.0, 2.0]]), "b": 3.0})
    >>> vector
    array([3., 1., 2.])
    >>> unflatten(2 * vector)["w"]
    array([[2., 4.]])
    """
    leaves, structure = _leaves(value)
    numbers = [x for x in leaves if is_array(x)]
    shapes = [np.shape(x) for x in numbers]
    vector = pnp.concatenate([np.ravel(x) for x in numbers]) if numbers else np.zeros(0)

    def undo(flat: Any) -> Any:
        parts, start = [], 0
        for shape in shapes:
            size = int(np.prod(shape))
            parts.append(np.reshape(flat[start : start + size], shape) if shape else flat[start])
            start += size
        given = iter(parts)
        return unflatten(structure, [next(given) if is_array(x) else x for x in leaves])

    return vector, undo


def flatten_func(func: Callable[..., Any], example: Any) -> tuple[Callable[..., Any], Callable[[Any], Any], Any]:
    """Return the function of a vector in place of a nest, what makes the nest of it, and the example as a vector."""
    vector, undo = flatten(example)
    return (lambda flat, *args: flatten(func(undo(flat), *args))[0]), undo, vector
