"""form_of: how the arguments of one call lie and how its result is put together, for the engine's quick calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import optree

from pullback.core.tree import unflatten
from pullback.engines.forms import NUMBERS, Form, Kind, Make, Node, Step

from .tracing import Signature

__all__ = ["form_of"]

_KEYS = (str, int)  # of a dict: their comparison runs no code of the user's
_NOT_SEEN = object()  # a static argument, in place of its number among the leaves


def form_of(
    args: tuple, kwargs: dict, signature: Signature, nums: Sequence[int] = (), names: Sequence[str] = ()
) -> Form | None:
    """Return the form of a call; None where it has what quick calls do not take.

    They take arrays, numbers, and dicts, lists, tuples and namedtuples of them; a static argument must be the same
    object in each call. Results may be any tree.

    Parameters
    ----------
    signature : Signature
        Of these arguments, with its output set.
    nums, names
        Which arguments are static.
    """
    dynamic, keywords = unflatten(signature.in_structure, range(len(signature.leaves)))
    static = {i % len(args) for i in nums if -len(args) <= i < len(args)}
    rest = iter(dynamic)
    pending = [(x, _NOT_SEEN if i in static else next(rest)) for i, x in enumerate(args)]
    pending += [(x, _NOT_SEEN if k in names else keywords[k]) for k, x in kwargs.items()]
    inputs = {leaf: number for number, leaf in enumerate(signature.arrays)}
    nodes = []
    for x, number in pending:  # which grows by the children of containers: nodes are in breadth-first order
        node = _leaf(x, number, inputs, signature) if _is_leaf(x, number) else _container(x, number, pending)
        if node is None:
            return None
        nodes.append(node)
    return Form(len(args), tuple(kwargs), tuple(nodes), tuple(_steps(signature)))


def _is_leaf(x: Any, number: Any) -> bool:
    return x is None or number is _NOT_SEEN or type(number) is int


def _leaf(x: Any, number: Any, inputs: dict[int, int], signature: Signature) -> Node | None:
    which = inputs.get(number) if type(number) is int else None
    if which is None:
        return Node(Kind.SAME, x)
    if type(x) is np.ndarray:
        return Node(Kind.ARRAY, signature.types[which], which)
    if type(x) is int or type(x) is bool:
        return Node(Kind.BOOL if type(x) is bool else Kind.INT, type(x), which)
    return Node(Kind.NUMBER, type(x), which, signature.types[which].dtype.itemsize) if type(x) in NUMBERS else None


def _container(x: Any, numbers: Any, pending: list[tuple[Any, Any]]) -> Node | None:
    """Return the node of a container, and add its children to what is pending."""
    first = len(pending)
    if type(x) is dict:
        if not all(type(k) in _KEYS for k in x):
            return None
        pending += [(x[k], numbers[k]) for k in x]
        return Node(Kind.DICT, dict, first, len(x), tuple(x))
    if type(x) is list or _is_tuple(type(x)):
        pending += zip(x, numbers, strict=True)
        return Node(Kind.LIST if type(x) is list else Kind.TUPLE, type(x), first, len(x))
    return None


def _is_tuple(cls: type) -> bool:
    return cls is tuple or optree.is_namedtuple_class(cls)


class _Unknown(Exception):
    """A result has a container that steps cannot make."""


def _steps(signature: Signature) -> list[Step]:
    leaves: list[Step] = []
    for constant in signature.out_leaves:
        n = sum(step.make == Make.RESULT for step in leaves)
        leaves.append(Step(Make.RESULT, n) if constant is None else Step(Make.CONSTANT, 0, constant[0]))
    tree = unflatten(signature.out_structure, range(len(leaves)))
    steps: list[Step] = []
    try:
        _put_together(tree, leaves, steps)
    except _Unknown:
        steps = [step for step in leaves if step.make == Make.RESULT]
        return [*steps, Step(Make.LIST, len(steps)), Step(Make.TUPLE, 1), Step(Make.CALL, 1, signature.result)]
    return steps


def _put_together(tree: Any, leaves: list[Step], steps: list[Step]) -> None:
    if type(tree) is int:
        steps.append(leaves[tree])
        return
    if tree is None:
        steps.append(Step(Make.CONSTANT))
        return
    is_dict = type(tree) is dict
    if not (is_dict or type(tree) is list or _is_tuple(type(tree))):
        raise _Unknown
    for child in tree.values() if is_dict else tree:
        _put_together(child, leaves, steps)
    make = Make.DICT if is_dict else Make.LIST if type(tree) is list else Make.TUPLE
    steps.append(Step(make, len(tree), keys=tuple(tree) if is_dict else ()))
    if type(tree) not in (dict, list, tuple):
        steps.append(Step(Make.CALL, 1, type(tree)))
