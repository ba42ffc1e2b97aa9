"""Rows: what walks along one axis, an element after another: running sums, recurrences, the place of an extremum."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.program import Equation

from .access import linear
from .nest import NestFunction, counted, load, store
from .plan import Nest, Plan
from .ranges import Index, plus, times
from .scalars import OPERATIONS, llvm_type

__all__ = ["RowFunction"]

_STEP = {"cumsum": "add", "cumprod": "mul", "cummax": "maximum", "cummin": "minimum"}


class RowFunction(NestFunction):
    """Emits the function of one equation that walks along an axis."""

    def __init__(self, name: str, eq: Equation, plan: Plan, contract: bool, checks: list[Any]) -> None:
        self.eq, self.shape, self.axis = eq, eq.operands[0].type.shape, eq.params["axis"]
        super().__init__(name, Nest(()), plan, contract, checks)

    def _loops(self, depth: int, index: list[Index]) -> None:
        walk = self._place if self.eq.primitive.name in ("argmax", "argmin") else self._walk
        if walk == self._walk and self.axis != len(self.shape) - 1:
            walk = self._walk_side_by_side
            others = range(self.axis)
        else:
            others = [a for a in range(len(self.shape)) if a != self.axis]
        if 0 not in self.shape:
            self._over(list(others), {}, walk)
        self.e.sums.clear()

    def _over(self, axes: list[int], at: dict[int, Index], body: Any) -> None:
        """Write loops over axes around a body."""
        if not axes:
            body(at)
            return
        first, *rest = axes
        if self.shape[first] == 1:
            self._over(rest, {**at, first: 0}, body)
        else:
            self._loop(first, self.shape[first], lambda i: self._over(rest, {**at, first: i}, body))

    def _along(self, i: Index) -> Index:
        """Return the place of turn i: from the end, if in reverse."""
        if not self.eq.params.get("reverse", False):
            return i
        return plus(self.e, times(self.e, i, -1), self.shape[self.axis] - 1)

    def _at(self, at: dict[int, Index], i: Index) -> list[Index]:
        return [self._along(i) if a == self.axis else at[a] for a in range(len(self.shape))]

    def _read(self, x: Any, index: list[Index]) -> str:
        return self.e.convert(self._element(x, index), x.type.dtype, self.eq.results[0].type.dtype)

    def _next(self, before: str, index: list[Index]) -> str:
        """Return the element that follows `before`."""
        out, eq = self.eq.results[0].type, self.eq
        values = [self._read(x, index) for x in eq.operands]
        if eq.primitive.name == "recurrence":
            scaled = OPERATIONS["mul"](self.e, [values[0], before], [out, out], out)
            return OPERATIONS["add"](self.e, [scaled, values[1]], [out, out], out)
        return OPERATIONS[_STEP[eq.primitive.name]](self.e, [before, *values], [out, out], out)

    def _walk(self, at: dict[int, Index]) -> None:
        """Along the last axis: what has come so far is in a register."""
        e, y = self.e, self.eq.results[0]
        t, slot = llvm_type(y.type.dtype), self._slot(llvm_type(y.type.dtype))

        def put(index: list[Index], value: str) -> None:
            e.do(f"store {t} {value}, ptr {slot}")
            store(e, y.type.dtype, value, self._address(y, linear(e, index, self.shape)))

        first = self._at(at, 0)
        put(first, self._read(self.eq.operands[-1], first))
        counted(
            e,
            self.shape[self.axis],
            lambda i: put(self._at(at, i), self._next(e.op(f"load {t}, ptr {slot}"), self._at(at, i))),
            start=1,
        )

    def _walk_side_by_side(self, at: dict[int, Index]) -> None:
        """Along an axis with others behind it: these go side by side, and read what has come so far from memory."""
        y, behind = self.eq.results[0], list(range(self.axis + 1, len(self.shape)))

        def put(index: list[Index], value: str) -> None:
            store(self.e, y.type.dtype, value, self._address(y, linear(self.e, index, self.shape)))

        def first(at: dict[int, Index]) -> None:
            index = self._at(at, 0)
            put(index, self._read(self.eq.operands[-1], index))

        def later(i: Index) -> Any:
            def turn(at: dict[int, Index]) -> None:
                index, before = self._at(at, i), self._at(at, plus(self.e, i, -1))
                old = load(self.e, y.type.dtype, self._address(y, linear(self.e, before, self.shape)))
                put(index, self._next(old, index))

            return turn

        self._over(behind, at, first)
        counted(self.e, self.shape[self.axis], lambda i: self._over(behind, at, later(i)), start=1)

    def _place(self, at: dict[int, Index]) -> None:
        """Find where the extremum is first, or the first NaN: the extremum, and then the least place that has it."""
        e, eq, n = self.e, self.eq, self.shape[self.axis]
        x, y = eq.operands[0], eq.results[0]
        t = llvm_type(x.type.dtype)
        best, where = self._slot(t), self._slot("i64")
        rule = OPERATIONS["maximum" if eq.primitive.name == "argmax" else "minimum"]

        def compare(i: Index) -> None:
            value = self._element(x, self._at(at, i))
            e.do(f"store {t} {rule(e, [e.op(f'load {t}, ptr {best}'), value], [x.type] * 2, x.type)}, ptr {best}")

        def look(i: Index) -> None:
            value = self._element(x, self._at(at, i))
            hit = OPERATIONS["equal"](e, [value, e.op(f"load {t}, ptr {best}")], [x.type] * 2, y.type)
            if x.type.dtype.kind == "f":
                hit = e.op(f"or i1 {hit}, {e.op(f'fcmp uno {t} {value}, {value}')}")
            place = e.op(f"select i1 {hit}, i64 {i}, i64 {n}")
            e.do(f"store i64 {e.intrinsic('smin', 'i64', e.op(f'load i64, ptr {where}'), place)}, ptr {where}")

        e.do(f"store {t} {self._element(x, self._at(at, 0))}, ptr {best}")
        e.do(f"store i64 {n}, ptr {where}")
        counted(e, n, compare, start=1)
        counted(e, n, look)
        index = [at[a] for a in range(len(self.shape)) if a != self.axis]
        found = e.convert(e.op(f"load i64, ptr {where}"), np.int64, y.type.dtype)
        store(e, y.type.dtype, found, self._address(y, linear(e, index, y.type.shape)))

    def _element(self, x: Any, index: list[Index]) -> str:
        self._memo = {}
        return self.element(x, index)
