"""Access: which element of its operands an element of a result is read from.

A value that only moves elements (a reshape, a slice, a broadcast …) is never stored: it is
a map of indices. `VIEWS` has one map a primitive, from the index of the result to the index
of the operand; indices are registers, or Python ints where they are known.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pullback.core.program import Equation, Literal

from .ranges import Index, divided, plus, times
from .scalars import Emitter

__all__ = ["VIEWS", "Index", "is_view", "keeps_lead"]

def linear(e: Emitter, index: list[Index], shape: tuple[int, ...]) -> Index:
    """Return the position of an element in C order."""
    out: Index = 0
    for i, n in zip(index, shape, strict=True):
        out = plus(e, times(e, out, n), i)
    return out


def unravel(e: Emitter, position: Index, shape: tuple[int, ...]) -> list[Index]:
    """Return the index of the element at a position."""
    out: list[Index] = []
    for n in reversed(shape):
        if isinstance(position, int):
            position, i = divmod(position, n)
            out.append(i)
        elif n == 1:
            out.append(0)
        elif (found := divided(e, position, n)) is not None:
            position, i = found
            out.append(i)
        else:
            out.append(e.op(f"urem i64 {position}, {n}"))
            position = e.op(f"udiv i64 {position}, {n}")
    return out[::-1]


def _reshape(e: Emitter, eq: Equation, index: list[Index], read: Any) -> list[Index]:
    old, new = eq.operands[0].type.shape, eq.results[0].type.shape
    k = _common_lead(old, new)
    return [*index[:k], *unravel(e, linear(e, index[k:], new[k:]), old[k:])]


def _common_lead(a: tuple, b: tuple) -> int:
    """Return how many leading axes two shapes of one size have in common, so that what follows has one size too."""
    k = 0
    while k < min(len(a), len(b)) and a[k] == b[k]:
        k += 1
    return k if math.prod(a[k:]) == math.prod(b[k:]) else 0


def _broadcast(e: Emitter, eq: Equation, index: list[Index], read: Any) -> list[Index]:
    return aligned(index, eq.operands[0].type.shape)


def aligned(index: list[Index], shape: tuple[int, ...]) -> list[Index]:
    """Return the index into an operand of `shape` that broadcasts to what `index` indexes."""
    own = index[len(index) - len(shape) :]
    return [0 if n == 1 else i for i, n in zip(own, shape, strict=True)]


def _transpose(e: Emitter, eq: Equation, index: list[Index], read: Any) -> list[Index]:
    axes = eq.params["axes"]
    return [index[axes.index(a)] for a in range(len(axes))]


def _flip(e: Emitter, eq: Equation, index: list[Index], read: Any) -> list[Index]:
    shape = eq.operands[0].type.shape
    return [
        plus(e, shape[a] - 1, times(e, i, -1)) if a in eq.params["axes"] else i for a, i in enumerate(index)
    ]


def _index_get(e: Emitter, eq: Equation, index: list[Index], read: Any) -> list[Index]:
    """Basic indexing, and scalar integers: each axis is whole, a slice from a start, or one element."""
    shape, out, given = eq.operands[0].type.shape, [], iter(index)
    axis = 0
    for item in eq.params["spec"]:
        if item[0] == "newaxis":
            next(given)
            continue
        if item[0] == "all":
            out.append(next(given))
        else:
            start = read(eq.operands[1 + item[1]], shape[axis], item)
            out.append(plus(e, start, times(e, next(given), item[3])) if item[0] == "slice" else start)
        axis += 1
    return out


VIEWS: dict[str, Callable[[Emitter, Equation, list[Index], Any], list[Index]]] = {
    "reshape": _reshape,
    "broadcast": _broadcast,
    "transpose": _transpose,
    "flip": _flip,
    "index_get": _index_get,
}


def is_view(eq: Equation) -> bool:
    """Return whether an equation only moves elements, by a map that is known here."""
    if eq.primitive.name == "index_get":
        if any(item[0] == "iota" for item in eq.params["spec"]):
            return False
        if 0 in eq.operands[0].type.shape:
            return False  # nothing may be read, not even where an index out of range is moved to
        arrays = [eq.operands[1 + item[1]] for item in eq.params["spec"] if item[0] == "array"]
        return all(x.type.ndim == 0 for x in arrays)
    return eq.primitive.name in VIEWS


def keeps_lead(eq: Equation, i: int, k: int) -> bool:
    """Return whether element (l, …) of the result reads operand i at (l, …) only, l being the first k indices."""
    name, x, y = eq.primitive.name, eq.operands[i].type, eq.results[0].type
    if k == 0:
        return True
    if len(x.shape) < k or len(y.shape) < k or x.shape[:k] != y.shape[:k]:
        return False
    if name == "transpose":
        return eq.params["axes"][:k] == tuple(range(k))
    if name == "reshape":
        return _common_lead(x.shape, y.shape) >= k
    if name == "flip":
        return min(eq.params["axes"], default=k) >= k
    if name == "index_get":
        return i == 0 and all(item == ("all",) for item in eq.params["spec"][:k]) and _stays(eq, k)
    if name in ("concatenate", "stack"):
        return eq.params["axis"] >= k
    if name == "roll":
        return min(eq.params["axes"], default=k) >= k
    if name == "pad":
        return all(w == (0, 0) for w in eq.params["widths"][:k])
    if name in ("scatter", "index_set", "index_add", "cut"):
        at_same = i == 0 and name != "scatter"
        return at_same or all(item == ("all",) for item in eq.params["spec"][:k]) and _stays(eq, k)
    if name == "ramp":
        return x.ndim >= k
    if name == "triangle":
        return True
    if name in ("sum", "prod", "max", "min", "any", "all"):
        return min(eq.params["axes"], default=k) >= k
    if name == "sum_to":
        return len(x.shape) == len(y.shape)
    if name == "contract":
        labels = eq.params["a_axes" if i == 0 else "b_axes"]
        return labels[:k] == eq.params["out_axes"][:k]
    if name == "broadcast":
        return len(x.shape) == len(y.shape)
    return len(x.shape) == len(y.shape)  # elementwise: aligned from the right


def _stays(eq: Equation, k: int) -> bool:
    """Return whether the axes of index arrays go behind the first k axes."""
    arrays = [i for i, item in enumerate(eq.params["spec"]) if item[0] in ("array", "iota")]
    block = any(x.type.ndim for x in eq.operands[1:]) or any(item[0] == "iota" for item in eq.params["spec"])
    return not arrays or not block or arrays[-1] - arrays[0] + 1 == len(arrays)


def literal_index(x: Any) -> int | None:
    """Return the value of an index operand that is a literal."""
    return int(x.value) if type(x) is Literal else None
