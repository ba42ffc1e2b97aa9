"""checkpoint and stop_gradient: what is kept, and what moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pullback.core.tracer import Tracer, concrete, floor
from pullback.core.tree import flatten, is_array, map_leaves, unflatten
from pullback.core.types import type_of
from pullback.primitives.checkpoint import checkpoint as checkpoint_primitive
from pullback.primitives.effects import stop_gradient as stop_gradient_primitive

from .calls import call, name_of
from .gradients import Transformed
from .tracing import trace_body

__all__ = ["checkpoint", "stop_gradient"]


class Known:
    """Values of results that are computed already; two of them are equal, so that no cache sees them."""

    __slots__ = ("values",)

    def __init__(self, values: list[Any]) -> None:
        self.values = values

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Known)

    def __hash__(self) -> int:
        return 0


class Checkpointed(Transformed):
    """A function whose derivative recomputes it."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        leaves, structure = flatten((args, kwargs))
        places = [i for i, x in enumerate(leaves) if is_array(x) and type(x) not in (int, bool)]
        operands = [leaves[i] for i in places]
        values = [concrete(x) for x in operands]
        if floor.get() is not None or any(v is None for v in values):
            values = None

        def flat(*arrays: Any) -> Any:
            replaced = list(leaves)
            for i, x in zip(places, arrays, strict=True):
                replaced[i] = x
            given, keywords = unflatten(structure, replaced)
            return call(self.f, given, keywords)

        flat.__name__ = name_of(self.f)  # what errors call it
        types = [type_of(x) for x in operands]
        body = trace_body(flat, flatten(tuple(operands))[1], types, values, what="checkpoint")
        every = [*body.captures, *operands]
        known = body.values if body.values is not None and all(v is not None for v in body.values) else None
        if known is not None and not any(type(x) is Tracer for x in every):
            return unflatten(body.structure, known)
        params: dict[str, Any] = {"program": body.program}
        if known is not None:
            params["known"] = Known(known)
        return unflatten(body.structure, checkpoint_primitive(*every, **params))


def checkpoint(fun: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function whose derivative keeps only its inputs, and computes the rest again.

    What `fun` closes over counts as an input. Costs one more evaluation of `fun` on the way
    back; what is saved shows in ``pullback.residuals`` of `pullback.vjp`.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> f = lambda x: np.sin(np.sin(np.sin(x)))
    >>> len(pb.vjp(f, np.ones(9))[1].residuals)
    3
    >>> len(pb.vjp(pb.checkpoint(f), np.ones(9))[1].residuals)
    1
    """
    return Checkpointed(fun)


def stop_gradient(x: Any) -> Any:
    """Return the same value, of which nothing moves: no derivative flows through it.

    Eagerly the result is a plain array, ready for any code.

    Examples
    --------
    >>> import pullback as pb
    >>> float(pb.grad(lambda x: x * pb.stop_gradient(x))(3.0))
    3.0
    """
    return map_leaves(lambda leaf: stop_gradient_primitive(leaf) if is_array(leaf) else leaf, x)
