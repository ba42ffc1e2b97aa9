"""Changing arrays without changing them: ``x.at[i].set(v)`` gives a new one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pullback.core import source
from pullback.core.errors import NotWritten
from pullback.core.tracer import concrete
from pullback.primitives.indexing import index_add, index_get, index_set

from .arguments import as_dtype, dtype_of, ndim, operand, shape
from .indexing import parse_index
from .registry import attribute
from .ufuncs import call_ufunc

__all__ = ["At", "Update"]


class At:
    """What ``x.at`` is: index it to say where the new array shall differ.

    Examples
    --------
    >>> import numpy as np, pullback.numpy as pnp
    >>> pnp.at(np.zeros(3))[1].set(5.0)
    array([0., 5., 0.])
    """

    __slots__ = ("array",)

    def __init__(self, array: Any) -> None:
        self.array = array

    def __getitem__(self, index: Any) -> Update:
        return Update(self.array, index)


class Update:
    """What ``x.at[index]`` is: each method returns a new array; `x` stays as it is."""

    __slots__ = ("array", "index")

    def __init__(self, array: Any, index: Any) -> None:
        self.array = array
        self.index = index

    def _write(self, primitive: Any, value: Any) -> Any:
        x = operand(self.array)
        spec, indices, unique = parse_index(x, self.index)
        return primitive(x, as_dtype(operand(value), dtype_of(x)), *indices, spec=spec, unique=unique)

    def get(self) -> Any:
        """Return the elements at the index."""
        x = operand(self.array)
        spec, indices, unique = parse_index(x, self.index)
        return index_get(x, *indices, spec=spec, unique=unique)

    def set(self, value: Any) -> Any:
        """Return the array with `value` at the index."""
        return self._write(index_set, value)

    def add(self, value: Any) -> Any:
        """Return the array with `value` added at the index; as often as it is repeated."""
        return self._write(index_add, value)

    def subtract(self, value: Any) -> Any:
        """Return the array with `value` subtracted at the index."""
        return self._write(index_add, call_ufunc(np.negative, operand(value)))

    def apply(self, function: Callable[[Any], Any]) -> Any:
        """Return the array with `function` applied to the elements at the index, each once."""
        return self._write(index_set, function(self.get()))

    def multiply(self, value: Any) -> Any:
        """Return the array multiplied by `value` at the index."""
        return self._once(np.multiply, value)

    def divide(self, value: Any) -> Any:
        """Return the array divided by `value` at the index."""
        return self._once(np.true_divide, value)

    def power(self, value: Any) -> Any:
        """Return the array raised to `value` at the index."""
        return self._once(np.power, value)

    def min(self, value: Any) -> Any:
        """Return the array with the minimum of it and `value` at the index."""
        return self._once(np.minimum, value)

    def max(self, value: Any) -> Any:
        """Return the array with the maximum of it and `value` at the index."""
        return self._once(np.maximum, value)

    mul = multiply

    def _once(self, ufunc: np.ufunc, value: Any) -> Any:
        self._check_unique(ufunc.__name__)
        return self._write(index_set, call_ufunc(ufunc, self.get(), operand(value)))

    def _check_unique(self, name: str) -> None:
        """Refuse an index that is repeated: reading once and writing once would forget all but one of them."""
        _, indices, unique = parse_index(self.array, self.index)
        if unique or all(ndim(i) == 0 for i in indices):
            return
        if any(concrete(i) is None for i in indices):
            raise self._repeated(name, "may be repeated")
        places = np.arange(int(np.prod(shape(self.array)))).reshape(shape(self.array))
        spec = parse_index(self.array, self.index)[0]
        met = index_get(places, *(concrete(i) for i in indices), spec=spec)
        if np.unique(met).size != met.size:
            raise self._repeated(name, "is repeated")

    def _repeated(self, name: str, how: str) -> NotWritten:
        return NotWritten(
            f"x.at[index].{name}(v) where an index {how}",
            where=source.here(),
            why="only set and add take an index more than once",
            fix="a loop over the indices with pullback.fori_loop, or indices that differ",
        )


attribute("at")(At)


def at(x: Any) -> At:
    """Return ``x.at`` for any array."""
    return At(x)
