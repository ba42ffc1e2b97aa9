"""Pytrees: structured arguments and results, flattened by optree.

Dicts, lists, tuples, namedtuples, None, and plain dataclasses, which are registered the
first time one is met. A leaf is an *array* if it is numeric: an ndarray, a NumPy or Python
scalar, or a Tracer. Other leaves pass through untouched.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import optree

from .tracer import Tracer
from .types import PYTHON_SCALARS

__all__ = ["flatten", "is_array", "leaf_paths", "map_leaves", "matching_leaves", "shown", "unflatten"]

_NAMESPACE = "pullback"

# Leaves that are taken for what is in them, by class: filled by `numpy.buffers` when there is the first buffer.
contents: dict[type, Any] = {}


def flatten(tree: Any) -> tuple[list[Any], Any]:
    """Return the leaves of a tree and its structure.

    Examples
    --------
    >>> leaves, structure = flatten({"w": 1.0, "b": (2.0, None)})
    >>> leaves
    [2.0, 1.0]
    >>> unflatten(structure, leaves)
    {'w': 1.0, 'b': (2.0, None)}
    """
    while True:
        leaves, structure = optree.tree_flatten(tree, namespace=_NAMESPACE)
        fresh = {type(x) for x in leaves if dataclasses.is_dataclass(x) and not isinstance(x, type)}
        if not fresh:
            return (
                [contents[type(x)](x) if type(x) in contents else x for x in leaves] if contents else leaves
            ), structure
        for cls in fresh:
            _register(cls)


def unflatten(structure: Any, leaves: Any) -> Any:
    """Return the tree of a structure with these leaves."""
    return optree.tree_unflatten(structure, leaves)


def map_leaves(function: Any, *trees: Any) -> Any:
    """Return the tree of ``function(leaf, ...)`` over trees of one structure."""
    leaves, structure = flatten(trees[0])
    rest = [flatten(t)[0] for t in trees[1:]]
    return unflatten(structure, [function(*xs) for xs in zip(leaves, *rest, strict=True)])


def matching_leaves(tree: Any, like: Any) -> list[Any] | None:
    """Return one entry a leaf of `like`, where `tree` may have None for a leaf or a subtree; None if they differ."""
    leaves, structure = flatten(like)
    if tree is None:
        return [None] * len(leaves)
    if structure.is_leaf():
        given, own = flatten(tree)
        return given if own.is_leaf() else None
    given, wanted = _children(tree), _children(like)
    if given is None or given[1] != wanted[1]:
        return None
    found: list[Any] = []
    for t, w in zip(given[0], wanted[0], strict=True):
        part = matching_leaves(t, w)
        if part is None:
            return None
        found += part
    return found


def _children(tree: Any) -> Any:
    """Return the children of a container, and what tells it apart; None of a leaf."""
    if flatten(tree)[1].is_leaf():
        return None
    children, _, entries, *_ = optree.tree_flatten_one_level(tree, none_is_leaf=True, namespace=_NAMESPACE)
    return children, (type(tree), entries)


def leaf_paths(tree: Any) -> list[str]:
    """Return where each leaf sits, as one would write it: ``['w'][0]``."""
    flatten(tree)  # registers dataclasses
    accessors = optree.tree_accessors(tree, namespace=_NAMESPACE)
    return [a.codify("") for a in accessors]


def shown(structure: Any) -> str:
    """Return a structure as messages show it, an asterisk a leaf.

    Examples
    --------
    >>> shown(flatten({"w": 1.0, "b": (2.0, None)})[1])
    "{'b': (*, None), 'w': *}"
    """
    text = str(structure).removeprefix("PyTreeSpec(").removesuffix(")").removesuffix(f", namespace='{_NAMESPACE}'")
    return "one array" if text == "*" else text


def is_array(x: Any) -> bool:
    """Return whether a leaf is numeric."""
    if type(x) is Tracer or type(x) in PYTHON_SCALARS:
        return True
    return isinstance(x, np.ndarray | np.generic) and x.dtype.kind in "biufc"


def _register(cls: type) -> None:
    names = tuple(f.name for f in dataclasses.fields(cls))

    def split(x: Any) -> tuple[tuple, Any, tuple[str, ...]]:
        return tuple(getattr(x, name) for name in names), None, names

    def join(_: Any, children: Any) -> Any:
        # Not by __init__, which may convert, check or count: a tree of Tracers is the same object with other leaves.
        x = object.__new__(cls)
        for name, child in zip(names, children, strict=True):
            object.__setattr__(x, name, child)
        return x

    optree.register_pytree_node(cls, split, join, path_entry_type=optree.GetAttrEntry, namespace=_NAMESPACE)
