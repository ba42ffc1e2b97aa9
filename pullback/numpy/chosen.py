"""``x[mask]`` of a mask whose values are not known while code is traced.

How many elements there are depends on the values, so that it is no array. What is done to each of
its elements alone is known all the same: it is done to all of x, and the mask chooses when the result
is written back, ``x[mask] = v * x[mask]`` or ``x[mask] += v``. Anything else raises NoValue.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core import source
from pullback.core.body import ProgramRecorder
from pullback.core.errors import NoValue
from pullback.core.primitive import freeze
from pullback.core.program import Equation, Literal
from pullback.core.tracer import Tracer
from pullback.core.tree import contents
from pullback.core.types import type_of

from .arguments import operand

__all__ = ["Chosen", "no_mask"]


def no_mask(x: Tracer) -> NoValue:
    """Return the error for a mask whose values tracing does not know."""
    return NoValue(
        f"the elements that a mask chooses were asked for: {x.type}, which has no value here",
        where=source.here(),
        why="how many there are depends on values; under jit, vmap and in bodies, code is traced once for all of them",
        fix="np.where(mask, x, 0.0) keeps the shape; for a sum, np.sum(x, where=mask)",
    )


def _is_same(a: Any, b: Any) -> bool:
    """Return whether two masks are one, or are computed alike from the same: ``x > 0``, written twice."""
    if type(a) is not Tracer or type(b) is not Tracer:
        return type(a) is type(b) and type_of(a) is type_of(b) and np.array_equal(a, b)
    if a.recorder is not b.recorder:
        return False
    if a.entry is b.entry:
        return True
    if not isinstance(a.recorder, ProgramRecorder):
        return _is_same(a.entry, b.entry)
    return _is_computed_alike(a.entry, b.entry, _made_by(a.recorder))


def _made_by(recorder: ProgramRecorder) -> dict[Any, Equation]:
    """Return the equations of late, by what they have made."""
    return {x: eq for eq in recorder.equations[-_LATE:] for x in eq.results}


def _is_computed_alike(a: Any, b: Any, made_by: dict[Any, Equation]) -> bool:
    if a is b:
        return True
    if type(a) is Literal or type(b) is Literal:
        return type(a) is type(b) and a.key == b.key
    one, other = made_by.get(a), made_by.get(b)
    if one is None or other is None or one.primitive is not other.primitive or one.calls_out:
        return False
    return (
        freeze(one.params) == freeze(other.params)
        and len(one.operands) == len(other.operands)
        and one.results.index(a) == other.results.index(b)
        and all(_is_computed_alike(x, y, made_by) for x, y in zip(one.operands, other.operands, strict=True))
    )


_LATE = 200  # how many equations back a mask is looked for


class Chosen(np.lib.mixins.NDArrayOperatorsMixin):
    """The elements of an array that a mask without values chooses.

    Attributes
    ----------
    everywhere : Tracer
        What has been done to them, done to all elements.
    mask : Tracer
    """

    __slots__ = ("everywhere", "mask")

    def __init__(self, everywhere: Any, mask: Tracer) -> None:
        sizes = type_of(everywhere).shape
        if mask.type.shape != sizes[: mask.type.ndim]:
            raise IndexError(
                f"boolean index did not match indexed array: the array has shape {sizes}, the mask {mask.type.shape}"
            )
        contents[Chosen] = Chosen.chosen  # it is no result
        self.everywhere = everywhere
        self.mask = mask.__copy__()

    def check_same(self, mask: Tracer) -> None:
        """Raise NoValue unless a mask is the one by which the elements were chosen, or was computed as it was."""
        if not _is_same(mask, self.mask):
            raise no_mask(mask)

    def chosen(self) -> Any:
        """Refuse: an array of the elements has no shape here."""
        raise no_mask(self.mask)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or ufunc.nout != 1 or ufunc.signature is not None:
            self.chosen()
        out = kwargs.pop("out", None)
        given = []
        for x in inputs:
            if isinstance(x, Chosen):
                self.check_same(x.mask)
                x = x.everywhere
            elif np.ndim(operand(x)):
                self.chosen()
            given.append(x)
        result = ufunc(*given, **kwargs)
        if out is not None:
            (into,) = out
            if not isinstance(into, Chosen):
                self.chosen()
            kept = type_of(into.everywhere).dtype
            if not np.can_cast(type_of(result).dtype, kept, "same_kind"):
                raise TypeError(f"Cannot cast ufunc {ufunc.__name__!r} output from {result.dtype!r} to {kept!r}")
            into.everywhere = result.astype(kept)
            return into
        return Chosen(result, self.mask)

    # A Tracer on the left would be asked first, and knows nothing of this.

    def __radd__(self, other: Any) -> Any:
        return self.__array_ufunc__(np.add, "__call__", other, self)

    def __rsub__(self, other: Any) -> Any:
        return self.__array_ufunc__(np.subtract, "__call__", other, self)

    def __rmul__(self, other: Any) -> Any:
        return self.__array_ufunc__(np.multiply, "__call__", other, self)

    def __rtruediv__(self, other: Any) -> Any:
        return self.__array_ufunc__(np.true_divide, "__call__", other, self)

    def __rpow__(self, other: Any) -> Any:
        return self.__array_ufunc__(np.power, "__call__", other, self)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"'Chosen' object has no attribute {name!r}")
        return self.chosen()

    def __array_function__(self, function: Any, types: Any, args: tuple, kwargs: dict) -> Any:
        return self.chosen()

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.chosen()

    def __iter__(self) -> Any:
        return self.chosen()

    def __len__(self) -> Any:
        return self.chosen()

    def __getitem__(self, index: Any) -> Any:
        return self.chosen()
