"""What of NumPy is no function: the drop-in's r_, c_, mgrid, ogrid, vectorize and ndenumerate.

NumPy hands nothing of these over. They are NumPy's own with plain arguments; while a transformed function
runs, and in `plain_numpy`, they stand in place of NumPy's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from pullback.core.views import running

from .arguments import as_dtype, holds_tracer, ndim, operand, promoted, reshaped, shape, strong
from .creation import arange, array, linspace, meshgrid
from .joining import concatenated, stack

__all__ = ["OBJECTS"]


def _slice_holds_tracer(item: Any) -> bool:
    return isinstance(item, slice) and holds_tracer((item.start, item.stop, item.step))


def _points(item: slice) -> Any:
    """Return the numbers that a slice stands for: an imaginary step is how many there are."""
    start, step = 0 if item.start is None else item.start, 1 if item.step is None else item.step
    if isinstance(step, complex | np.complexfloating):
        return linspace(start, item.stop, int(abs(step)))
    return arange(start, item.stop, step)


class _Concatenator:
    """NumPy's ``r_`` and ``c_``, of Tracers too."""

    __slots__ = ("_original",)

    def __init__(self, original: Any) -> None:
        self._original = original

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)

    def __len__(self) -> int:
        return 0

    def __getitem__(self, key: Any) -> Any:
        items = list(key) if isinstance(key, tuple) else [key]
        if not any(holds_tracer(x) or _slice_holds_tracer(x) for x in items):
            return self._original[key]
        settings = [self._original.axis, self._original.ndmin, self._original.trans1d]
        if isinstance(items[0], str):
            given = [int(x) for x in items.pop(0).split(",")]
            settings[: len(given)] = given
        axis, least, place = settings
        parts, kinds = [], []
        for item in items:
            part = _points(item) if isinstance(item, slice) else operand(item)
            kinds.append(part if ndim(part) == 0 else strong(part).dtype)
            parts.append(_with_axes(strong(part), least, place, isinstance(item, slice)))
        dtype = promoted(*kinds)
        return concatenated([as_dtype(part, dtype) for part in parts], axis)


def _with_axes(x: Any, least: int, place: int, is_slice: bool) -> Any:
    """Return x with at least so many axes; its own go to `place`, as NumPy's directive says."""
    own = ndim(x)
    if own >= least:
        return x
    x = reshaped(x, (*(1,) * (least - own), *shape(x)))
    if place == -1:
        return x
    if is_slice:
        return np.swapaxes(x, -1, place)
    new = least - own
    k = place + new + 1 if place < 0 else place
    axes = list(range(least))
    return np.transpose(x, axes[:k] + axes[new:] + axes[k:new])


class _Grid:
    """NumPy's ``mgrid`` and ``ogrid``, between Tracers too."""

    __slots__ = ("_original",)

    def __init__(self, original: Any) -> None:
        self._original = original

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)

    def __getitem__(self, key: Any) -> Any:
        items = key if isinstance(key, tuple) else (key,)
        if not any(map(_slice_holds_tracer, items)):
            return self._original[key]
        points = [_points(item) for item in items]
        if not isinstance(key, tuple):
            return points[0]
        numbers = [n for item in items for n in (item.start, item.stop, item.step) if n is not None]
        dtype = promoted(0, *(abs(n) if isinstance(n, complex) else n for n in numbers))
        axes = meshgrid(*(as_dtype(x, dtype) for x in points), sparse=self._original.sparse, indexing="ij")
        return axes if self._original.sparse else stack(axes)


class vectorize(np.vectorize):  # noqa: N801 (NumPy's name)
    """NumPy's ``vectorize``, over the elements of Tracers too: the function is called once for each."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function for each element, and put the results together."""
        plain = running.get() is None and not holds_tracer([*args, *kwargs.values()])
        if plain or self.pyfunc is np._NoValue:  # of which a decorator with options makes one with a function
            return super().__call__(*args, **kwargs)
        places: list[Any] = [i for i in range(len(args)) if i not in self.excluded]
        names: list[Any] = [name for name in kwargs if name not in self.excluded]
        given = [operand(x) for x in (*(args[i] for i in places), *(kwargs[name] for name in names))]
        cores, results = self._cores(len(given))
        leads = [shape(x)[: ndim(x) - core] for x, core in zip(given, cores, strict=True)]
        lead = np.broadcast_shapes(*leads)
        size = int(np.prod(lead))
        if not size:
            raise ValueError("cannot call `vectorize` on size 0 inputs unless `otypes` is set")
        rows = [
            reshaped(np.broadcast_to(x, (*lead, *shape(x)[len(own) :])), (size, *shape(x)[len(own) :]))
            for x, own in zip(given, leads, strict=True)
        ]
        calls = []
        for k in range(size):
            now, named = list(args), dict[Any, Any](kwargs)
            for i, row in zip((*places, *names), rows, strict=True):
                (now if isinstance(i, int) else named)[i] = row[k]
            calls.append(self.pyfunc(*now, **named))
        if not isinstance(calls[0], tuple):
            return self._joined(calls, lead, 0)
        if results is not None and len(calls[0]) != results:
            raise ValueError(f"wrong number of outputs from pyfunc: expected {results}, got {len(calls[0])}")
        return tuple(self._joined(list(each), lead, i) for i, each in enumerate(zip(*calls, strict=True)))

    def _joined(self, results: list[Any], lead: tuple[int, ...], i: int) -> Any:
        x = stack([operand(y) for y in results])
        x = reshaped(x, (*lead, *shape(x)[1:]))
        return as_dtype(x, self.otypes[i]) if self.otypes is not None else x

    def _cores(self, n: int) -> tuple[list[int], int | None]:
        """Return how many axes the function itself takes of each argument, and how many results it has."""
        if self.signature is None:
            return [0] * n, None
        left, right = self.signature.replace(" ", "").split("->")
        cores = [len([x for x in part.strip("()").split(",") if x]) for part in left.split("),(")]
        if len(cores) != n:
            raise TypeError(f"wrong number of positional arguments: expected {len(cores)}, got {n}")
        return cores, right.count("(")


class ndenumerate(np.ndenumerate):  # noqa: N801 (NumPy's name)
    """NumPy's ``ndenumerate``: pairs of an index and the element there, of Tracers too."""

    def __init__(self, arr: Any) -> None:
        if holds_tracer(arr):
            x = array(arr)
            self._pairs: Iterator[Any] | None = ((i, x[i]) for i in np.ndindex(shape(x)))
        else:
            self._pairs = None
            super().__init__(arr)

    def __next__(self) -> Any:
        return super().__next__() if self._pairs is None else next(self._pairs)

    def __iter__(self) -> Any:
        return self


OBJECTS: dict[str, Any] = {
    "r_": _Concatenator(np.r_),
    "c_": _Concatenator(np.c_),
    "mgrid": _Grid(np.mgrid),
    "ogrid": _Grid(np.ogrid),
    "vectorize": vectorize,
    "ndenumerate": ndenumerate,
}
