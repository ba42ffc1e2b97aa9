"""How a loop's operands divide, and the types of what turns read and write."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pullback.core.types import TapeType, array_type, tape_type

__all__ = ["TURN", "Parts", "element_of", "split", "stacked_type"]

TURN = array_type((), np.dtype(np.int64))


class Parts(NamedTuple):
    """What stands beside the operands of a loop, by kind; `count` is empty unless the loop is counted."""

    count: tuple
    consts: tuple
    carry: tuple
    xs: tuple


def split(xs: Any, params: dict) -> Parts:
    """Return what stands beside the operands, by kind."""
    c = int(params["length"] is None and params["predicate"] is None)
    a, b = c + params["n_consts"], c + params["n_consts"] + params["n_carry"]
    return Parts(tuple(xs[:c]), tuple(xs[c:a]), tuple(xs[a:b]), tuple(xs[b:]))


def element_of(type: Any) -> Any:
    """Return the type of one turn's element of an xs."""
    if isinstance(type, TapeType):
        return type.element
    return array_type(type.shape[1:], type.dtype)


def stacked_type(type: Any, length: int | None) -> Any:
    """Return the type of a ys whose element has a type."""
    if length is None or isinstance(type, TapeType):  # tapes of the turns differ in length: no array holds them
        return tape_type(type.strong)
    return array_type((length, *type.shape), type.dtype)
