"""Contractions: what is too large for registers and too small, or too odd, for BLAS, as loops.

Where the last axis of the result is long, its elements are added to side by side, a vector
at a time; else each element of the result is a sum in a register.
"""

from __future__ import annotations

import math
from typing import Any

from pullback.core.program import Equation

from .nest import NestFunction, counted, load, store
from .plan import Nest, Plan
from .ranges import Index, plus, times
from .reducing import added
from .scalars import OPERATIONS, constant, llvm_type

__all__ = ["ContractionFunction"]

_LONG = 4


class ContractionFunction(NestFunction):
    """Emits the function of one contraction."""

    def __init__(self, name: str, eq: Equation, plan: Plan, contract: bool, checks: list[Any]) -> None:
        self.eq = eq
        super().__init__(name, Nest(()), plan, contract, checks)

    def _loops(self, depth: int, index: list[Index]) -> None:
        eq, e = self.eq, self.e
        a, b, out = (eq.params[k] for k in ("a_axes", "b_axes", "out_axes"))
        self.sizes = dict(zip((*a, *b), (*eq.operands[0].type.shape, *eq.operands[1].type.shape), strict=True))
        summed = [x for x in self.sizes if x not in out]
        last = next((x for x in reversed(out) if self.sizes[x] > 1), None)
        ends = {next((x for x in reversed(labels) if self.sizes[x] > 1), None) for labels in (a, b)}
        y = eq.results[0]
        long = last in ends and self.sizes[last] >= _LONG if last is not None else False
        if last is not None and (long or not ends & set(summed)):
            zero = constant(0, y.type.dtype)
            rows = [x for x in out if x != last]
            self._over(rows, {}, lambda at: self._row(at, last, summed, zero))
        else:
            self._over(list(out), {}, lambda at: self._sum(at, summed))
        e.sums.clear()

    def _over(self, labels: list[Any], at: dict[Any, Index], body: Any) -> None:
        """Write loops over labels around a body."""
        if not labels:
            body(at)
            return
        first, *rest = labels
        if self.sizes[first] == 1:
            self._over(rest, {**at, first: 0}, body)
        else:
            self._loop(first, self.sizes[first], lambda i: self._over(rest, {**at, first: i}, body))

    def _row(self, at: dict[Any, Index], last: Any, summed: list[Any], zero: str) -> None:
        y, out = self.eq.results[0], self.eq.params["out_axes"]
        base = self._place({**at, last: 0}, out)

        def clear(i: Index) -> None:
            store(self.e, y.type.dtype, zero, self._address(y, plus(self.e, base, i)))

        def add(inner: dict[Any, Index]) -> None:
            address = self._address(y, plus(self.e, base, inner[last]))
            old = load(self.e, y.type.dtype, address)
            value = OPERATIONS["add"](self.e, [old, self._term(inner)], [y.type, y.type], y.type)
            store(self.e, y.type.dtype, value, address)

        counted(self.e, self.sizes[last], clear)
        self._over([*summed, last], at, add)

    def _sum(self, at: dict[Any, Index], summed: list[Any]) -> None:
        e, y = self.e, self.eq.results[0]
        t = llvm_type(y.type.dtype)
        slot = self._slot(t)
        e.do(f"store {t} {constant(0, y.type.dtype)}, ptr {slot}")

        def add(inner: dict[Any, Index]) -> None:
            old, value = e.op(f"load {t}, ptr {slot}"), self._term(inner)
            total = added(e, y.type, old, value, f"reassoc {e.flags}")
            e.do(f"store {t} {total}, ptr {slot}")

        self._over(summed, at, add)
        place = self._place(at, self.eq.params["out_axes"])
        store(e, y.type.dtype, e.op(f"load {t}, ptr {slot}"), self._address(y, place))

    def _term(self, at: dict[Any, Index]) -> str:
        eq, y = self.eq, self.eq.results[0].type
        self._memo = {}
        labels = eq.params["a_axes"], eq.params["b_axes"]
        pair = [self.element(x, [at[k] for k in axes]) for x, axes in zip(eq.operands, labels, strict=True)]
        return OPERATIONS["mul"](self.e, pair, [x.type for x in eq.operands], y)

    def _place(self, at: dict[Any, Index], labels: tuple) -> Index:
        place: Index = 0
        for i, label in enumerate(labels):
            stride = math.prod(self.sizes[x] for x in labels[i + 1 :])
            place = plus(self.e, place, times(self.e, at[label], stride))
        return place
