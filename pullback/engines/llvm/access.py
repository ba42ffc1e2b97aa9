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
from pullback.primitives.index_spec import block_ndim, layout

from .ranges import Index, divided, plus, times
from .scalars import Emitter

__all__ = ["VIEWS", "Index", "is_view", "keeps_lead", "lead_rank", "place_in"]

_UNROLLED = 32  # elements of trailing axes that go into registers
_UNROLLED_AXIS = 16  # elements of one such axis: a longer one is a loop, and vectorises


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
    return [plus(e, shape[a] - 1, times(e, i, -1)) if a in eq.params["axes"] else i for a, i in enumerate(index)]


def _index_get(e: Emitter, eq: Equation, index: list[Index], read: Any) -> list[Index]:
    return indexed(e, eq, eq.operands[0].type.shape, eq.operands[1:], index, read)


def indexed(
    e: Emitter, eq: Equation, shape: tuple[int, ...], indices: tuple, index: list[Index], read: Any
) -> list[Index]:
    """Return the index into an array of `shape` of the element at `index` of what an index of it takes.

    ``read(x, size, item, at)`` reads an index operand for an axis of a size, from element `at` of it.
    """
    spec = eq.params["spec"]
    labels = [("block", j) for j in range(block_ndim(spec, [x.type.ndim for x in indices]))]
    at = dict(zip(layout(spec, labels), index, strict=True))
    block = [at[label] for label in labels]
    out: list[Index] = []
    for i, item in enumerate(spec):
        size = shape[len(out)] if item[0] != "newaxis" else 0
        if item[0] == "all":
            out.append(at[i])
        elif item[0] == "iota":
            out.append(block[len(block) - item[1]])
        elif item[0] == "array":
            x = indices[item[1]]
            out.append(read(x, size, item, aligned(block, x.type.shape)))
        elif item[0] == "slice":
            x = indices[item[1]]
            out.append(plus(e, read(x, size, item, [0] * x.type.ndim), times(e, at[i], item[3])))
    return out


def _same(e: Emitter, eq: Equation, index: list[Index], read: Any) -> list[Index]:
    return index


VIEWS: dict[str, Callable[[Emitter, Equation, list[Index], Any], list[Index]]] = {
    "same_space": _same,
    "reshape": _reshape,
    "broadcast": _broadcast,
    "transpose": _transpose,
    "flip": _flip,
    "index_get": _index_get,
}


def is_view(eq: Equation) -> bool:
    """Return whether an equation only moves elements, by a map that is known here."""
    if eq.primitive.name == "index_get":
        if 0 in eq.operands[0].type.shape:
            return False  # nothing may be read, not even where an index out of range is moved to
        return literals_fit(eq, eq.operands[0].type.shape, eq.operands[1:])
    return eq.primitive.name in VIEWS


def place_in(eq: Equation) -> int | None:
    """Return at which element of its operand's memory a result lies, if it lies there as it is; None if not.

    A reshape is all of its operand; a row, or some rows one after another, are a part of it.
    """
    if eq.primitive.name == "reshape":
        return 0
    if eq.primitive.name != "index_get" or len(eq.operands) != 2 or type(eq.operands[1]) is not Literal:
        return None
    (x, index), (first, *rest) = eq.operands, eq.params["spec"]
    if any(item[0] != "all" for item in rest) or not (first[0] == "array" or (first[0] == "slice" and first[3] == 1)):
        return None
    n = first[2] if first[0] == "slice" else 1
    i = int(index.value) + (x.type.shape[0] if index.value < 0 else 0)
    return i * math.prod(x.type.shape[1:]) if 0 <= i <= x.type.shape[0] - n and x.type.size else None


def literals_fit(eq: Equation, shape: tuple[int, ...], indices: tuple) -> bool:
    """Return whether indices that are known are in range; where they are not, NumPy is to say so."""
    if eq.params.get("mode", "raise") == "clip":
        return True
    sizes = iter(shape)
    for item in eq.params["spec"]:
        n = next(sizes) if item[0] != "newaxis" else 0
        if item[0] in ("array", "slice") and type(indices[item[1]]) is Literal:
            i = int(indices[item[1]].value)
            last = i + (max(item[2], 1) - 1) * item[3] if item[0] == "slice" else i
            if not (-n <= i < n and -n <= last < n) and (item[0] == "array" or item[2]):
                return False
    return True


def lead_rank(shape: tuple[int, ...]) -> int:
    """Return how many leading axes are looped over; the others are unrolled."""
    k = len(shape)
    while k and shape[k - 1] <= _UNROLLED_AXIS:
        if math.prod(shape[k - 1 :]) > (_UNROLLED if k > 1 else _UNROLLED_AXIS):
            break
        k -= 1
    return k


def keeps_lead(eq: Equation, i: int, k: int) -> bool:
    """Return whether element (l, …) of the result reads operand i at (l, …) only, l being the first k indices."""
    x, y = eq.operands[i].type, eq.results[0].type
    if k == 0:
        return True
    if len(x.shape) < k or len(y.shape) < k or x.shape[:k] != y.shape[:k]:
        return False
    rule = _KEEPS.get(eq.primitive.name)
    return len(x.shape) == len(y.shape) if rule is None else rule(eq, i, k)  # elementwise: aligned from the right


def _axes_behind(eq: Equation, i: int, k: int) -> bool:
    return min(eq.params["axes"], default=k) >= k


def _axis_behind(eq: Equation, i: int, k: int) -> bool:
    return eq.params["axis"] >= k


def _index_behind(eq: Equation, i: int, k: int) -> bool:
    return all(item == ("all",) for item in eq.params["spec"][:k]) and _stays(eq)


def _written_at(eq: Equation, i: int, k: int) -> bool:
    return (i == 0 and eq.primitive.name != "scatter") or _index_behind(eq, i, k)


def _labels_kept(eq: Equation, i: int, k: int) -> bool:
    return eq.params["a_axes" if i == 0 else "b_axes"][:k] == eq.params["out_axes"][:k]


_KEEPS: dict[str, Callable[[Equation, int, int], bool]] = {
    "same_space": lambda eq, i, k: i == 0,
    "transpose": lambda eq, i, k: eq.params["axes"][:k] == tuple(range(k)),
    "reshape": lambda eq, i, k: _common_lead(eq.operands[0].type.shape, eq.results[0].type.shape) >= k,
    "index_get": lambda eq, i, k: i == 0 and _index_behind(eq, i, k),
    "pad": lambda eq, i, k: all(w == (0, 0) for w in eq.params["widths"][:k]),
    "ramp": lambda eq, i, k: eq.operands[0].type.ndim >= k,
    "searchsorted": lambda eq, i, k: i == 1 or k <= eq.params.get("lanes", 0),
    "triangle": lambda eq, i, k: True,
    "contract": _labels_kept,
    **dict.fromkeys(("flip", "roll", "sum", "prod", "max", "min", "any", "all"), _axes_behind),
    **dict.fromkeys(("concatenate", "stack", "argmax", "argmin"), _axis_behind),
    **dict.fromkeys(("scatter", "index_set", "index_add", "cut"), _written_at),
}


def _stays(eq: Equation) -> bool:
    """Return whether the axes of index arrays go where the arrays stand, and not in front."""
    arrays = [i for i, item in enumerate(eq.params["spec"]) if item[0] in ("array", "iota")]
    block = any(x.type.ndim for x in eq.operands[1:]) or any(item[0] == "iota" for item in eq.params["spec"])
    return not arrays or not block or arrays[-1] - arrays[0] + 1 == len(arrays)
