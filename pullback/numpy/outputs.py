"""``out=``: a result written into an array that is there already, by NumPy's rules of shape and dtype."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from pullback.core.dispatch import with_out
from pullback.core.tracer import Tracer
from pullback.core.types import type_of
from pullback.primitives.choice import select

from .arguments import as_dtype, no_out, operand, spread, strong
from .buffers import target
from .views import write

__all__ = ["store", "store_ufunc", "takes_out"]


def store(function: str, out: Any, result: Any, casting: Any = "same_kind", spreads: bool = False) -> Any:
    """Write a result into `out`, and return `out`; `spreads` where it may be broadcast to it."""
    result = strong(operand(result))
    at = target(out, result)
    if at is None:
        if not isinstance(out, np.ndarray) or np.can_cast(type_of(result).dtype, out.dtype, casting):
            raise no_out(function)
        at = out  # NumPy does not take it either, and says why
    found, wanted = type_of(result), type_of(at)
    if found.shape != wanted.shape and not (spreads and _fits(found.shape, wanted.shape)):
        raise ValueError(
            f"non-broadcastable output operand with shape {wanted.shape} "
            f"doesn't match the broadcast shape {found.shape}"
        )
    if not np.can_cast(found.dtype, wanted.dtype, casting):
        raise np._core._exceptions._UFuncOutputCastingError(  # pyright: ignore[reportAttributeAccessIssue]
            getattr(np, function.rpartition(".")[2], np.add), casting, found.dtype, wanted.dtype, 0
        )
    put(at, spread(as_dtype(result, wanted.dtype), wanted.shape))
    return out


def put(at: Any, new: Any) -> None:
    """Write all of a Tracer, or of a plain array."""
    if type(at) is Tracer:
        write(at, new)
    else:
        np.copyto(at, new)


def store_ufunc(ufunc: np.ufunc, outs: tuple, results: Any, where: Any, casting: str) -> Any:
    """Write the results of a ufunc into those of `outs` that are given, but only `where`."""
    many = ufunc.nout > 1
    given = []
    for out, result in zip(outs, results if many else (results,), strict=False):
        if out is None:
            given.append(result)
            continue
        if where is not True:
            held = target(out, result, where)
            if held is None:
                raise no_out(ufunc.__name__)
            result = select(operand(where), as_dtype(result, type_of(held).dtype), held)
        given.append(store(ufunc.__name__, out, result, casting, spreads=True))
    return tuple(given) if many else given[0]


def _fits(shape: tuple[int, ...], whole: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(shape, whole) == whole
    except ValueError:
        return False


def takes_out(handler: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return a handler whose ``out`` works: it computes without, and the result is written there."""
    names = list(inspect.signature(handler).parameters)
    if "out" not in names:
        return handler
    parameter = inspect.signature(handler).parameters["out"]
    place = names.index("out") if parameter.kind is parameter.POSITIONAL_OR_KEYWORD else len(names)

    @functools.wraps(handler)
    def function(*args: Any, **kwargs: Any) -> Any:
        if "out" in kwargs:
            out = kwargs.pop("out")
        elif len(args) > place:
            out = args[place]
            args = (*args[:place], None, *args[place + 1 :])
        else:
            return handler(*args, **kwargs)
        if type(out) is tuple and len(out) == 1:
            (out,) = out
        result = handler(*args, **kwargs)
        return result if out is None else store(name, out, result)

    return function


with_out.append(takes_out)
