"""Updates: writing into a value at indices, as ``x[i] = v``, ``x[i] += v``, and adding into zeros.

Only the elements at the indices are touched. The rest is there already: the old value's
memory where that value is dead, else a copy of it, or zeros.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.program import Equation, Var
from pullback.core.types import array_type
from pullback.primitives.index_spec import result_shape

from .access import aligned, indexed, lead_rank, linear
from .nest import NestFunction, load, store
from .plan import Nest, Plan
from .ranges import Index
from .scalars import OPERATIONS, constant

__all__ = ["LastWritten", "UpdateFunction"]


class UpdateFunction(NestFunction):
    """Emits the function of one update; `in_place`: the old value's memory is the result's."""

    def __init__(self, name: str, eq: Equation, plan: Plan, contract: bool, checks: list[Any], in_place: bool) -> None:
        kind, self.eq = eq.primitive.name, eq
        self.x = None if kind == "scatter" else eq.operands[0]
        self.v = None if kind == "cut" else eq.operands[0 if kind == "scatter" else 1]
        self.indices = eq.operands[(self.x is not None) + (self.v is not None) :]
        self.in_place = in_place
        shape = result_shape(eq.params["spec"], eq.results[0].type.shape, tuple(x.type for x in self.indices))
        self.taken = array_type(shape, eq.results[0].type.dtype)
        super().__init__(name, Nest(shape[: lead_rank(shape)]), plan, contract, checks)

    def _afresh(self) -> None:
        super()._afresh()
        if self.in_place and type(self.x) is Var:
            self._pointers[self.x] = self.pointer(self.eq.results[0])

    def _turn(self, lead: list[Index]) -> None:
        """Read all that this turn writes, and then write it."""
        self._memo = {}
        result, out = self.eq.results[0], self.eq.results[0].type
        found = []
        for rest in np.ndindex(*self.taken.shape[len(lead) :]):
            index = [*lead, *map(int, rest)]
            at = indexed(self.e, self.eq, out.shape, self.indices, index, self._reader())
            value = constant(0, out.dtype)
            if self.v is not None:
                value = self.element(self.v, aligned(index, self.v.type.shape))
                value = self.e.convert(value, self.v.type.dtype, out.dtype)
            found.append((self._address(result, linear(self.e, at, out.shape)), value))
        for address, value in found:
            if self.eq.primitive.name in ("index_add", "scatter"):
                old = load(self.e, out.dtype, address)
                value = OPERATIONS["add"](self.e, [old, value], [out, out], out)
            store(self.e, out.dtype, value, address)

    def _reader(self) -> Any:
        return lambda x, size, item, at: self._start(self.eq, x, size, item, at)


class LastWritten(NestFunction):
    """Emits the function that says which of the values written at an index are the last for their place.

    Each writes its number into a table; those whose number is still there are the last.
    """

    def __init__(self, name: str, eq: Equation, plan: Plan, contract: bool, checks: list[Any]) -> None:
        self.eq, self.shape = eq, eq.params["shape"]
        y = eq.results[0].type
        super().__init__(name, Nest(y.shape[: lead_rank(y.shape)]), plan, contract, checks)

    def _loops(self, depth: int, index: list[Index]) -> None:
        if depth == 0:
            self.reading = False
            super()._loops(0, [])
            self.reading = True
        super()._loops(depth, index)

    def _turn(self, lead: list[Index]) -> None:
        e, y = self.e, self.eq.results[0]
        self._memo = {}
        table = self.pointer(("table", y))
        for rest in np.ndindex(*y.type.shape[len(lead) :]):
            index = [*lead, *map(int, rest)]
            at = indexed(e, self.eq, self.shape, self.eq.operands, index, self._reader())
            slot = e.op(f"getelementptr inbounds i64, ptr {table}, i64 {linear(e, at, self.shape)}")
            number = linear(e, index, y.type.shape)
            if self.reading:
                same = e.op(f"icmp eq i64 {e.op(f'load i64, ptr {slot}')}, {number}")
                store(e, y.type.dtype, same, self._address(y, number))
            else:
                e.do(f"store i64 {number}, ptr {slot}")

    def _reader(self) -> Any:
        return lambda x, size, item, at: self._start(self.eq, x, size, item, at)
