"""The Python array API standard, 2024.12: what it asks of Tracers and of this namespace beyond NumPy's own names.

NumPy has nearly all of the standard's functions under the standard's names; those that it lacks, or spells
with fewer arguments, are here: they take NumPy's arguments and the standard's. `Tracer.__array_namespace__`
gives `pullback.numpy`, in which array libraries find all of them (docs/array-api.md).

Source: https://data-apis.org/array-api/2024.12
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from pullback.core import source
from pullback.core.errors import ArgumentError, DerivativeLost
from pullback.core.tracer import Tracer, concrete

from .arguments import TRACED, check_device, holds_tracer, operand
from .namespace_info import NamespaceInfo
from .registry import attribute, method

__all__ = ["ATTRIBUTES", "VERSION", "extensions", "fftfreq", "namespace", "rfftfreq"]

VERSION = "2024.12"
_VERSIONS = ("2021.12", "2022.12", "2023.12", VERSION)  # each takes in those before it

namespace: list[Any] = [np]  # pullback.numpy puts itself here
extensions: dict[str, ModuleType] = {}  # namespaces within it that upper floors give: "special", where SciPy looks


# What the standard asks of arrays ---------------------------------------------------------------


@method("__array_namespace__")
def _namespace(self: Tracer, *, api_version: str | None = None) -> Any:
    """Return `pullback.numpy`, which conforms to the standard in the version asked for."""
    if api_version is not None and api_version not in _VERSIONS:
        raise ArgumentError(
            f"api_version={api_version!r} of the Python array API standard",
            where=source.here(),
            why=f"pullback.numpy conforms to {', '.join(_VERSIONS)}",
            fix=f"x.__array_namespace__() gives {VERSION}",
        )
    return namespace[0]


@attribute("device")
def _device(self: Tracer) -> str:
    return "cpu"


@method("to_device")
def _to_device(self: Tracer, device: Any, /, *, stream: Any = None) -> Tracer:
    check_device(device)
    if stream is not None:
        raise ValueError("The stream argument to to_device() is not supported")
    return self


@method("__dlpack_device__")
def _dlpack_device(self: Tracer) -> tuple[int, int]:
    return 1, 0  # the CPU


@method("__dlpack__")
def _dlpack(self: Tracer, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: Any = None):
    """Refuse what is differentiated, for memory holds numbers only; anything else as its plain array does."""
    if self.type.inexact and concrete(self) is not None:
        raise DerivativeLost(
            f"the memory of a Tracer of {self.type.strong} was asked for, through DLPack",
            where=source.here(),
            why="another library would see numbers only: the derivative would be lost",
            fix="functions of NumPy or of the array API standard in place of the other library's; "
            "pullback.pure_callback and custom_vjp for one that has none; if a constant is meant, "
            "pullback.stop_gradient(x)",
            operands=(self,),
        )
    plain = np.array(self)
    return plain.__dlpack__(stream=stream, max_version=max_version, dl_device=dl_device, copy=copy)


# What the standard has, and NumPy has not -------------------------------------------------------


_NO: Any = np._NoValue  # NumPy's own mark for "not given"


def _given(x: Any) -> Any:
    """Return a list that holds Tracers as one array; anything else as it is."""
    return operand(x) if holds_tracer(x) else x


def sort(
    a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, descending: bool = False, stable: Any = None
) -> Any:
    """Return the elements in order along an axis, as NumPy's ``sort``; the standard's `descending` turns it round.

    Examples
    --------
    >>> import pullback as pb, pullback.numpy as np
    >>> np.sort([1.0, 3.0, 2.0], descending=True)
    array([3., 2., 1.])
    >>> pb.grad(lambda x: np.sort(x, descending=True)[0])(np.array([1.0, 3.0, 2.0]))
    array([0., 1., 0.])
    """
    x = _given(a)
    if not descending:
        return np.sort(x, axis, kind, order, stable=stable)
    if axis is None:
        x, axis = np.ravel(x), 0
    # Turned before and after: equal elements keep their order.
    return np.flip(np.sort(np.flip(x, axis), axis, kind, order, stable=stable), axis)


def argsort(
    a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, descending: bool = False, stable: Any = None
) -> Any:
    """Return the indices that sort along an axis, as NumPy's ``argsort``, but that equal elements keep their order.

    That is the standard's default, and NumPy allows it; ``stable=False`` or a `kind` gives NumPy's own choice.

    Examples
    --------
    >>> import pullback.numpy as np
    >>> np.argsort([1.0, 3.0, 3.0], descending=True)
    array([1, 2, 0])
    """
    x = _given(a)
    if kind is None and stable is None:
        stable = True
    if not descending:
        return np.argsort(x, axis, kind, order, stable=stable)
    if axis is None:
        x, axis = np.ravel(x), 0
    turned = np.argsort(np.flip(x, axis), axis, kind, order, stable=stable)
    return np.shape(turned)[axis] - 1 - np.flip(turned, axis) if np.ndim(turned) else turned


def diff(a: Any, n: int = 1, axis: Any = -1, prepend: Any = _NO, append: Any = _NO) -> Any:
    """Return differences of neighbours, as NumPy's ``diff``; None before or after is nothing, as in the standard."""
    prepend, append = (_NO if x is None else _given(x) for x in (prepend, append))
    return np.diff(_given(a), n, axis, prepend, append)


def clip(
    a: Any, a_min: Any = _NO, a_max: Any = _NO, out: Any = None, *, min: Any = _NO, max: Any = _NO, **options: Any
):
    """Return elements held between bounds, as NumPy's ``clip``, of which the standard lets each be left out."""
    if (a_min is not _NO and min is not _NO) or (a_max is not _NO and max is not _NO):
        raise ValueError("a bound is given twice: by place, and by name")
    low, high = (min if a_min is _NO else a_min), (max if a_max is _NO else a_max)
    low, high = (None if x is _NO else _given(x) for x in (low, high))
    return np.clip(_given(a), low, high, out, **options)


def take_along_axis(arr: Any, indices: Any, axis: Any = -1) -> Any:
    """Return elements by indices along an axis, as NumPy's ``take_along_axis`` since 2.3: by default the last one."""
    return np.take_along_axis(_given(arr), _given(indices), axis)


def _dtype_of(x: Any) -> Any:
    return x.dtype if type(x) in TRACED or isinstance(x, np.ndarray | np.generic) else x


def finfo(dtype: Any) -> np.finfo:
    """Return the limits of a floating dtype, as NumPy's ``finfo``; of an array or a Tracer those of its dtype."""
    return np.finfo(_dtype_of(dtype))


def iinfo(type: Any) -> np.iinfo:
    """Return the limits of an integer dtype, as NumPy's ``iinfo``; of an array or a Tracer those of its dtype."""
    return np.iinfo(_dtype_of(type))


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Any:
    """Return an array of what another library holds; a Tracer as it is, or a copy of it.

    Raises
    ------
    ValueError
        For a device that is not the CPU.
    """
    if type(x) not in TRACED:
        return np.from_dlpack(x, device=device, copy=copy)
    check_device(device)
    return x.copy() if copy else x


def fftfreq(n: int, d: Any = 1.0, device: Any = None, *, dtype: Any = None) -> Any:
    """Return the frequencies of the bins of ``fft``, as NumPy's ``fftfreq``, in a dtype.

    Examples
    --------
    >>> import pullback.numpy as np
    >>> np.fft.fftfreq(4, d=0.5, dtype=np.float32)
    array([ 0. ,  0.5, -1. , -0.5], dtype=float32)
    """
    return _frequencies(np.fft.fftfreq(n, d), device, dtype)


def rfftfreq(n: int, d: Any = 1.0, device: Any = None, *, dtype: Any = None) -> Any:
    """Return the frequencies of the bins of ``rfft``, as NumPy's ``rfftfreq``, in a dtype."""
    return _frequencies(np.fft.rfftfreq(n, d), device, dtype)


def _frequencies(f: Any, device: Any, dtype: Any) -> Any:
    check_device(device)
    return f if dtype is None else f.astype(dtype)


# By name: what stands in `pullback.numpy` in place of NumPy's own.
ATTRIBUTES: dict[str, Any] = {
    "__array_api_version__": VERSION,
    "__array_namespace_info__": NamespaceInfo,
    "argsort": argsort,
    "clip": clip,
    "diff": diff,
    "finfo": finfo,
    "from_dlpack": from_dlpack,
    "iinfo": iinfo,
    "sort": sort,
    "take_along_axis": take_along_axis,
}
