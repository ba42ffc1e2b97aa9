"""Assembling: one element of what is put together from parts.

Which part an element comes from is decided at code generation wherever that can be: of a
known index at once, of a loop's counter by cutting the loop (`ranges.piece`), so that a
roll read inside of a chain costs no pass over memory and no choice an element. Only where
the index is something else, both sides are read, at places that exist, and one is selected.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pullback.core.program import Equation, Literal
from pullback.core.types import array_type
from pullback.primitives.index_spec import clipped, result_shape

from .access import aligned, literals_fit
from .ranges import Index, piece, plus, times
from .scalars import OPERATIONS, constant, select

__all__ = ["ASSEMBLED", "is_assembled", "searched"]

Nest = Any  # a NestFunction


def is_assembled(eq: Equation) -> bool:
    """Return whether an element of the result is read from a part that can be named here."""
    name = eq.primitive.name
    if name in ("scatter", "index_set", "index_add", "cut"):
        known = all(type(x) is Literal for x in _indices(eq)) and all(item[0] != "iota" for item in eq.params["spec"])
        return known and literals_fit(eq, eq.results[0].type.shape, _indices(eq)) and _is_large(eq)
    return name in ASSEMBLED


def _is_large(eq: Equation) -> bool:
    """Return whether what is written is not little beside the whole: else only that little is written."""
    shape, k = eq.results[0].type.shape, 0
    written = result_shape(eq.params["spec"], shape, tuple(x.type for x in _indices(eq)))
    while k < len(shape) and eq.params["spec"][k : k + 1] == (("all",),):
        k += 1
    return 4 * math.prod(written) >= math.prod(shape) or math.prod(shape[k:]) <= 32


def _indices(eq: Equation) -> tuple:
    return eq.operands[2 if eq.primitive.name in ("index_set", "index_add") else 1 :]


# One after another ------------------------------------------------------------------------


def _concatenate(nest: Nest, eq: Equation, index: list[Index]) -> str:
    axis = eq.params["axis"]
    edges = [0, *itertools.accumulate(x.type.shape[axis] for x in eq.operands)]

    def read(k: int, i: Index) -> str:
        x = eq.operands[k]
        value = nest.element(x, [*index[:axis], plus(nest.e, i, -edges[k]), *index[axis + 1 :]])
        return nest.e.convert(value, x.type.dtype, eq.results[0].type.dtype)

    return _of_parts(nest, eq, index[axis], edges, read)


def _stack(nest: Nest, eq: Equation, index: list[Index]) -> str:
    axis = eq.params["axis"]

    def read(k: int, i: Index) -> str:
        x = eq.operands[k]
        value = nest.element(x, [*index[:axis], *index[axis + 1 :]])
        return nest.e.convert(value, x.type.dtype, eq.results[0].type.dtype)

    return _of_parts(nest, eq, index[axis], list(range(len(eq.operands) + 1)), read)


def _of_parts(nest: Nest, eq: Equation, i: Index, edges: list[int], read: Callable[[int, Index], str]) -> str:
    """Return the element at i of parts between `edges`; ``read(k, i)`` reads it from part k."""
    k = piece(nest.e, i, edges)
    if k is not None:
        return read(k, i)
    e, dtype = nest.e, eq.results[0].type.dtype
    parts = [k for k in range(len(edges) - 1) if edges[k] < edges[k + 1]]
    value = read(parts[-1], _clamped(e, i, edges[parts[-1]], edges[-1]))
    for k in reversed(parts[:-1]):
        other = read(k, _clamped(e, i, edges[k], edges[k + 1]))
        before = e.op(f"icmp slt i64 {i}, {edges[k + 1]}")
        value = select(e, before, dtype, other, value)
    return value


def _clamped(e: Any, i: Index, low: int, stop: int) -> Index:
    """Return an index moved to where ``low <= i < stop``."""
    if stop - low == 1:
        return low
    up = e.op(f"select i1 {e.op(f'icmp slt i64 {i}, {low}')}, i64 {low}, i64 {i}")
    return e.op(f"select i1 {e.op(f'icmp sge i64 {up}, {stop}')}, i64 {stop - 1}, i64 {up}")


def _roll(nest: Nest, eq: Equation, index: list[Index]) -> str:
    shape, total = eq.operands[0].type.shape, {}
    for s, a in zip(eq.params["shifts"], eq.params["axes"], strict=True):
        total[a] = total.get(a, 0) + s
    moves = [(a, s % shape[a]) for a, s in total.items() if shape[a] and s % shape[a]]

    def read(left: list, at: list[Index]) -> str:
        if not left:
            return nest.element(eq.operands[0], at)
        (a, s), *rest = left
        n = shape[a]

        def part(k: int, i: Index) -> str:
            return read(rest, [*at[:a], plus(nest.e, i, -s if k else n - s), *at[a + 1 :]])

        return _of_parts(nest, eq, at[a], [0, s, n], part)

    return read(moves, list(index))


def _pad(nest: Nest, eq: Equation, index: list[Index]) -> str:
    x, fill = eq.operands
    widths, shape, dtype = eq.params["widths"], x.type.shape, eq.results[0].type.dtype

    def outside() -> str:
        return nest.e.convert(nest.element(fill, []), fill.type.dtype, dtype)

    def read(a: int, at: list[Index]) -> str:
        if a == len(shape):
            return nest.element(x, at)
        before, after = widths[a]
        if before == after == 0:
            return read(a + 1, at)
        edges = [0, before, before + shape[a], before + shape[a] + after]

        def part(k: int, i: Index) -> str:
            return read(a + 1, [*at[:a], plus(nest.e, i, -before), *at[a + 1 :]]) if k == 1 else outside()

        return _of_parts(nest, eq, at[a], edges, part)

    return read(0, list(index))


def _triangle(nest: Nest, eq: Equation, index: list[Index]) -> str:
    """Keep j - i <= k (lower), or j - i >= k."""
    (x,), e, dtype = eq.operands, nest.e, eq.results[0].type.dtype
    lower, k = eq.params["lower"], eq.params.get("k", 0)
    beyond = plus(e, index[-1], times(e, index[-2], -1))
    zero = constant(0, dtype)
    if isinstance(beyond, int):
        return nest.element(x, index) if (beyond <= k if lower else beyond >= k) else zero
    keep = e.op(f"icmp {'sle' if lower else 'sge'} i64 {beyond}, {k}")
    return select(e, keep, dtype, nest.element(x, index), zero)


def _ramp(nest: Nest, eq: Equation, index: list[Index]) -> str:
    """``start + step * i``; with a bound, the start is moved to where all of it lies within."""
    (start,), e = eq.operands, nest.e
    n, step, bound = eq.params["n"], eq.params.get("step", 1), eq.params.get("bound")
    if type(start) is Literal:
        first = int(start.value) if bound is None else int(clipped(int(start.value), bound, n, step))
        return str(plus(e, times(e, index[-1], step), first))
    at = e.convert(nest.element(start, index[:-1]), start.type.dtype, np.int64)
    if bound is not None:
        at = moved_inside(e, at, bound, n, step)
    return str(plus(e, at, times(e, index[-1], step)))


def moved_inside(e: Any, i: str, n: int, size: int, step: int) -> str:
    """Return a start counted from the end if negative, then moved to where `size` elements fit into n."""
    reach = (size - 1) * step
    low = max(0, -reach)
    high = max(low, n - 1 - max(0, reach))
    wrapped = e.op(f"select i1 {e.op(f'icmp slt i64 {i}, 0')}, i64 {e.op(f'add i64 {i}, {n}')}, i64 {i}")
    up = e.op(f"select i1 {e.op(f'icmp slt i64 {wrapped}, {low}')}, i64 {low}, i64 {wrapped}")
    return e.op(f"select i1 {e.op(f'icmp sgt i64 {up}, {high}')}, i64 {high}, i64 {up}")


def searched(nest: Nest, eq: Equation, index: list[Index]) -> str:
    """Return where an element would go in sorted ones: as many halvings as these can take, without a branch."""
    (a, v), e, lanes = eq.operands, nest.e, eq.params.get("lanes", 0)
    left, n = eq.params.get("side", "left") == "left", a.type.shape[-1]
    if n == 0:
        return "0"
    value, base, bool_ = nest.element(v, index), "0", array_type((), np.dtype(bool))

    def before(place: str) -> str:
        """Whether the element there goes before the value: NaN goes to the end."""
        x = nest.element(a, [*index[:lanes], place])
        pair = ([x, value], [a.type, v.type]) if left else ([value, x], [v.type, a.type])
        less = OPERATIONS["less"](e, *pair, bool_)
        if np.result_type(a.type.dtype, v.type.dtype).kind == "f":
            nans = [OPERATIONS["isnan"](e, [y], [t], bool_) for y, t in zip(*pair, strict=True)]
            first = e.op(f"and i1 {nans[1]}, {e.op(f'xor i1 {nans[0]}, true')}")
            less = e.op(f"or i1 {less}, {first}")
        return less if left else e.op(f"xor i1 {less}, true")

    while n > 1:
        half = n // 2
        after = before(e.op(f"add i64 {base}, {half - 1}"))
        base = e.op(f"select i1 {after}, i64 {e.op(f'add i64 {base}, {half}')}, i64 {base}")
        n -= half
    return e.op(f"add i64 {base}, {e.op(f'zext i1 {before(base)} to i64')}")


# A known index into a whole ---------------------------------------------------------------


def _written(nest: Nest, eq: Equation, index: list[Index]) -> str:
    """Return an element of scatter, index_set, index_add or cut: of the part at the index, or beside it."""
    return _Written(nest, eq, index).read(0, [])


class _Written:
    """One element of what is written at known indices."""

    def __init__(self, nest: Nest, eq: Equation, index: list[Index]) -> None:
        name = eq.primitive.name
        self.nest, self.eq, self.index, self.out = nest, eq, index, eq.results[0].type
        self.x = None if name == "scatter" else eq.operands[0]
        self.v = None if name == "cut" else eq.operands[0 if name == "scatter" else 1]
        self.items = _parts(eq, self.out.shape)

    def beside(self) -> str:
        """Return the element of what was there."""
        return constant(0, self.out.dtype) if self.x is None else self.nest.element(self.x, self.index)

    def inside(self, at: list[Index]) -> str:
        """Return the element that is written, `at` its index."""
        if self.v is None:
            return constant(0, self.out.dtype)
        e = self.nest.e
        value = self.nest.element(self.v, aligned(at, self.v.type.shape))
        value = e.convert(value, self.v.type.dtype, self.out.dtype)
        if self.eq.primitive.name != "index_add":
            return value
        return OPERATIONS["add"](e, [self.beside(), value], [self.out, self.out], self.out)

    def read(self, k: int, at: list[Index]) -> str:
        """Return the element, the first k items of the spec having been passed: at index `at` of what is written."""
        if k == len(self.items):
            return self.inside(at)
        axis, start, size, step = self.items[k]
        if axis is None or start is None:
            return self.read(k + 1, [*at, 0 if axis is None else self.index[axis]])
        if size is not None and abs(step) != 1:
            return self._strided(k, at)
        e, i, n = self.nest.e, self.index[axis], 1 if size is None else size
        low = start if step == 1 else start - n + 1

        def part(p: int, i: Index) -> str:
            if p != 1:
                return self.beside()
            j = plus(e, i, -start) if step == 1 else plus(e, times(e, i, -1), start)
            return self.read(k + 1, at if size is None else [*at, j])

        return _of_parts(self.nest, self.eq, i, [0, low, low + n, self.out.shape[axis]], part)

    def _strided(self, k: int, at: list[Index]) -> str:
        axis, start, size, step = self.items[k]
        i = self.index[axis]
        if not isinstance(i, int):
            where = i, start, size, step
            return _strided(self.nest, self.eq, where, lambda j: self.read(k + 1, [*at, j]), self.beside)
        j, odd = divmod(i - start, step)
        return self.read(k + 1, [*at, j]) if not odd and 0 <= j < size else self.beside()


def _strided(nest: Nest, eq: Equation, where: tuple, inside: Callable, beside: Callable) -> str:
    """Every so many elements from a start: both sides are read, and one selected."""
    i, start, size, step = where
    e = nest.e
    away = plus(e, i, -start) if step > 0 else plus(e, times(e, i, -1), start)
    j, rest = e.op(f"sdiv i64 {away}, {abs(step)}"), e.op(f"srem i64 {away}, {abs(step)}")
    even, within = e.op(f"icmp eq i64 {rest}, 0"), e.op(f"icmp ult i64 {j}, {size}")
    here = e.op(f"and i1 {even}, {within}")
    return select(e, here, eq.results[0].type.dtype, inside(_clamped(e, j, 0, size)), beside())


def _parts(eq: Equation, shape: tuple[int, ...]) -> list[tuple]:
    """Return (axis, start, size, step) for each item of a spec of known indices: size None for one element."""
    indices, axis, out = _indices(eq), 0, []
    clip = eq.params.get("mode", "raise") == "clip"
    for item in eq.params["spec"]:
        if item[0] == "newaxis":
            out.append((None, None, None, 1))
            continue
        n = shape[axis]
        if item[0] == "all":
            out.append((axis, None, n, 1))
        else:
            start = int(indices[item[1]].value)
            size, step = (item[2], item[3]) if item[0] == "slice" else (None, 1)
            if clip:
                start = int(clipped(start, n, 1 if size is None else size, step))
            out.append((axis, start + n if start < 0 and size is None else start, size, step))
        axis += 1
    return out


ASSEMBLED: dict[str, Callable[[Nest, Equation, list[Index]], str]] = {
    "concatenate": _concatenate,
    "stack": _stack,
    "roll": _roll,
    "pad": _pad,
    "triangle": _triangle,
    "ramp": _ramp,
    "scatter": _written,
    "index_set": _written,
    "index_add": _written,
    "cut": _written,
}
