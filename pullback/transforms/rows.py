"""rows: variables that are rows of an array, and arrays that are made of variables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby, pairwise
from typing import Any

import numpy as np

from pullback.core.arrays import Data
from pullback.core.primitive import infer_types
from pullback.core.program import Equation, Literal, Var
from pullback.primitives.assembling import concatenate
from pullback.primitives.constant import constant
from pullback.primitives.index_spec import ALL
from pullback.primitives.indexing import index_get
from pullback.primitives.stacking import stack

__all__ = ["Rows", "row_of", "step_of"]

_ROW = ("array", 0)


class Rows:
    """Which variables are rows of arrays; a row is read by an equation only where somebody needs it alone.

    Parameters
    ----------
    defined : callable
        From a variable to the equation that binds it, or None.
    out : list of Equation
        Where equations are written.
    """

    def __init__(self, defined: Callable[[Any], Equation | None], out: list[Equation]) -> None:
        self.defined, self.out = defined, out
        self.at: dict[Var, tuple[Var, int]] = {}  # the array and the number of the row
        self.missing: set[Var] = set()  # rows that nothing has bound yet

    def add(self, x: Var, array: Var, i: int) -> None:
        """Note that a variable is a row of an array, and that nothing binds it yet."""
        self.at[x] = array, i
        self.missing.add(x)

    def find(self, x: Any) -> tuple[Var, int] | None:
        """Return the array and the number, if a variable is a row."""
        if type(x) is not Var:
            return None
        eq = None if x in self.at else self.defined(x)
        return self.at.get(x) if eq is None else row_of(eq, eq.operands)

    def kind(self, x: Any) -> Any:
        """Return what values have in common that are easily one array: the array that they are rows of, or literals."""
        found = self.find(x)
        return type(x) if found is None else found[0]

    def read(self, x: Any) -> Any:
        """Return the variable, after it is bound."""
        if x in self.missing:
            self.missing.discard(x)
            array, i = self.at[x]
            spec = (_ROW, *[ALL] * x.type.ndim)
            self.out.append(Equation(index_get, (array, Literal(i)), (x,), {"spec": spec}))
        return x

    def array(self, values: Sequence[Any]) -> Var:
        """Return the array whose rows are the values, written where it is not in memory."""
        groups = [list(same) for _, same in groupby(values, self.kind)]
        if len(groups) > 1 and not any(type(x) is Literal or x in self.missing for x in values):
            return self._stack(values)
        parts = [self._part(group) for group in groups]
        return parts[0] if len(parts) == 1 else self._write(concatenate, tuple(parts), {"axis": 0})

    def _stack(self, values: Sequence[Any]) -> Var:
        array = self._write(stack, tuple(map(self.read, values)), {"axis": 0})
        for i, x in enumerate(values):
            self.at.setdefault(x, (array, i))  # who reads them again in order reads the stack
        return array

    def _part(self, values: list[Any]) -> Var:
        first = values[0]
        if type(first) is Literal:
            return self._write(constant, (), {"data": Data(np.array([x.value for x in values], first.type.dtype))})
        found = [self.find(x) for x in values]
        rows = [row for row in found if row is not None]
        if not rows:
            return self._stack(values)
        array, n = rows[0][0], len(rows)
        numbers = [i for _, i in rows]
        step = step_of(numbers)
        spec: tuple = (ALL,) * first.type.ndim
        if step is None:
            indices = self._write(constant, (), {"data": Data(np.array(numbers, np.int64))})
            return self._write(index_get, (array, indices), {"spec": (_ROW, *spec)})
        if numbers[0] == 0 and step == 1 and array.type.shape[0] == n:
            return array
        return self._write(index_get, (array, Literal(numbers[0])), {"spec": (("slice", 0, n, step), *spec)})

    def _write(self, primitive: Any, operands: tuple, params: dict) -> Var:
        (type_,) = infer_types(primitive, tuple(x.type for x in operands), params)
        result = Var(type_)
        self.out.append(Equation(primitive, operands, (result,), params))
        return result


def row_of(eq: Equation, operands: Sequence[Any]) -> tuple[Var, int] | None:
    """Return the array and the number of the row that an equation reads, if that is all it does."""
    if eq.primitive is not index_get or len(operands) != 2 or type(operands[1]) is not Literal:
        return None
    x, spec = operands[0], eq.params["spec"]
    if type(x) is not Var or spec[:1] != (_ROW,) or any(item != ALL for item in spec[1:]):
        return None
    i, n = operands[1].value, x.type.shape[0]
    return (x, int(i) % n) if type(i) is int and -n <= i < n else None


def step_of(numbers: Sequence[int]) -> int | None:
    """Return the constant difference of numbers that are not all the same; 1 for a single one."""
    if len(numbers) == 1:
        return 1
    step = numbers[1] - numbers[0]
    return step if step and all(b - a == step for a, b in pairwise(numbers)) else None
