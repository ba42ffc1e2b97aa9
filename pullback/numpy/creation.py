"""Making arrays: of Tracers, like Tracers, between Tracers.

What holds no Tracer comes out as a plain ndarray, exactly as NumPy makes it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core import source
from pullback.core.errors import NotWritten
from pullback.core.tracer import Tracer, concrete
from pullback.core.types import type_of
from pullback.primitives.arithmetic import add, div, mul, sub
from pullback.primitives.shaping import convert

from .arguments import (
    as_dtype,
    builder,
    check_device,
    dtype_of,
    holds_tracer,
    ndim,
    one_axis,
    operand,
    promoted,
    refuse,
    reshaped,
    shape,
    sizes_of,
    spread,
    strong,
)
from .buffers import buffer
from .joining import concatenated, cut_along, stack
from .registry import covers, method
from .shapes import moved
from .ufuncs import call_ufunc
from .views import copied, ordered

__all__ = ["array", "asarray", "full"]


def array(
    object: Any,
    dtype: Any = None,
    *,
    copy: bool | None = True,
    order: Any = "K",
    subok: bool = False,
    ndmin: int = 0,
    ndmax: int = 64,
    like: Any = None,
) -> Any:
    """Make an array of nested sequences that may hold Tracers; NumPy's ``array`` where they hold none."""
    if not holds_tracer(object):
        return np.array(object, dtype, copy=copy, order=order, subok=subok, ndmin=ndmin)
    x = strong(_built(object))
    x = as_dtype(x, dtype)
    if ndim(x) < ndmin:
        x = reshaped(x, (*(1,) * (ndmin - ndim(x)), *shape(x)))
    return copied(x) if x is object and copy else x


def _built(x: Any) -> Any:
    if not isinstance(x, list | tuple) or not holds_tracer(x):
        return x if type(x) is Tracer else operand(x if isinstance(x, np.ndarray) else np.asarray(x))
    parts = [_built(y) for y in x]
    shapes = {shape(y) for y in parts}
    if len(shapes) > 1:
        raise ValueError(
            "setting an array element with a sequence. The requested array has an inhomogeneous shape: "
            f"its parts have shapes {', '.join(map(str, sorted(shapes)))}"
        )
    return stack(parts)


builder[0] = array


@covers(np.array)
def _array_like(*args: Any, like: Any = None, **kwargs: Any) -> Any:
    return array(*args, **kwargs)


@covers(np.asarray)
def asarray(
    a: Any, dtype: Any = None, order: Any = None, *, device: Any = None, copy: bool | None = None, like: Any = None
) -> Any:
    """Make an array of nested sequences that may hold Tracers; a Tracer as it is."""
    check_device(device)
    if not holds_tracer(a):
        return np.asarray(a, dtype, order, copy=copy)
    x = array(a, dtype, copy=bool(copy))
    if copy is False and x is not a:
        raise ValueError("Unable to avoid copy while creating an array as requested.")
    return x


covers(np.asanyarray, np.ascontiguousarray)(asarray)


def asfarray(a: Any, dtype: Any = None, like: Any = None) -> Any:
    """Make a Tracer-aware array, in any order of memory."""
    return asarray(a, dtype)


covers(np.asfortranarray)(asfarray)


@covers(np.asarray_chkfinite)
def asarray_chkfinite(a: Any, dtype: Any = None, order: Any = None) -> Any:
    """Make an array and refuse NaNs and infinities, where values are known."""
    x = asarray(a, dtype, order)
    if dtype_of(x).kind in "fc" and not bool(np.all(np.isfinite(x))):
        raise ValueError("array must not contain infs or NaNs")
    return x


@method("copy")
def copy_method(self: Tracer, order: Any = "C") -> Tracer:
    """Return an array of its own: C-ordered, unless the order of x is to be kept."""
    return ordered(copied(self)) if order == "C" else copied(self)


@covers(np.copy)
def copy(a: Any, order: Any = "K", subok: bool = False) -> Any:
    """Return an array of its own."""
    return copied(a) if type(a) is Tracer else np.array(a, order=order, copy=True)


def _plain_maker(name: str) -> Any:
    make = getattr(np, name)

    def function(*args: Any, like: Any = None, **kwargs: Any) -> Any:
        return buffer(make(*args, **kwargs))

    function.__name__, function.__doc__ = name, f"As NumPy's ``{name}``; Tracers may be written into it."
    return function


for _name in ("zeros", "ones", "empty", "eye", "identity", "tri", "fromfunction"):
    covers(getattr(np, _name), moves=False)(_plain_maker(_name))  # reached by like=


@covers(np.arange, moves=False)
def arange(*args: Any, like: Any = None, **kwargs: Any) -> Any:
    """As NumPy's ``arange``; the length must be known, so that a traced step or bound needs its value."""
    known: list[Any] = [x.__index__() if type(x) is Tracer and not x.type.inexact else x for x in args]
    if any(type(x) is Tracer for x in known):
        raise NotWritten(
            "np.arange between what is being differentiated or traced",
            where=source.here(),
            why="its length would depend on the value",
            fix="start + step * np.arange(n), or np.linspace(start, stop, n)",
        )
    return np.arange(*known, **kwargs)


@covers(np.full)
def full(
    shape: Any, fill_value: Any, dtype: Any = None, order: Any = "C", *, device: Any = None, like: Any = None
) -> Any:
    """Make an array of one value, which may be a Tracer."""
    check_device(device)
    if not holds_tracer(fill_value):
        return buffer(np.full(shape, fill_value, dtype, order))
    x = strong(as_dtype(operand(fill_value), dtype))
    return spread(x, sizes_of(shape))


def _like(name: str) -> Any:
    make = getattr(np, name)

    def function(
        a: Any, dtype: Any = None, order: Any = "K", subok: bool = True, shape: Any = None, *, device: Any = None
    ) -> Any:
        check_device(device)
        if type(a) is not Tracer:
            return getattr(np, f"{name}_like")(operand(a), dtype, order, subok, shape)
        return buffer(make(a.shape if shape is None else shape, a.dtype if dtype is None else dtype))

    function.__name__, function.__doc__ = f"{name}_like", f"As NumPy's ``{name}_like``: Tracers may be written into it."
    return function


for _name in ("zeros", "ones", "empty"):
    covers(getattr(np, f"{_name}_like"), moves=False)(_like(_name))

_shape = shape


@covers(np.full_like)
def full_like(
    a: Any,
    fill_value: Any,
    dtype: Any = None,
    order: Any = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Any:
    """Make an array of one value, in the shape and dtype of another."""
    x = operand(a)
    return full(
        _shape(x) if shape is None else shape, fill_value, dtype_of(x) if dtype is None else dtype, device=device
    )


@covers(np.linspace)
def linspace(
    start: Any,
    stop: Any,
    num: Any = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: Any = 0,
    *,
    device: Any = None,
) -> Any:
    """Evenly spaced numbers from `start` to `stop`."""
    check_device(device)
    num = int(np.asarray(num)) if type(num) is not Tracer else num.__index__()
    if num < 0:
        raise ValueError(f"Number of samples, {num}, must be non-negative.")
    parts = num - 1 if endpoint else num
    start, stop = operand(start), operand(stop)
    inexact = promoted(start, stop)
    inexact = inexact if inexact.kind in "fc" else np.result_type(inexact, 1.0)
    start, stop = as_dtype(start, inexact), as_dtype(stop, inexact)
    width = sub(stop, start)
    step = div(width, parts) if parts else mul(width, np.nan)
    places = np.arange(num, dtype=inexact).reshape(num, *(1,) * ndim(width))
    y = add(mul(places, step), start) if parts else add(mul(places, width), start)
    if endpoint and num > 1:
        last = reshaped(spread(add(stop, 0.0), shape(width)), (1, *shape(width)))
        y = concatenated([cut_along(y, 0, 0, num - 1), as_dtype(last, dtype_of(y))])
    wanted = np.dtype(dtype) if dtype is not None else inexact
    if wanted.kind in "iu":
        y = call_ufunc(np.floor, y)
    y = moved(as_dtype(y, wanted), 0, one_axis(axis, ndim(y)))
    return (y, step) if retstep else y


@covers(np.logspace)
def logspace(
    start: Any, stop: Any, num: Any = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None, axis: Any = 0
) -> Any:
    """Numbers spaced evenly on a log scale, from base**start to base**stop."""
    base = operand(base)
    if ndim(base):
        n = max(ndim(operand(x)) for x in (start, stop, base))
        start, stop, base = (reshaped(x, (*(1,) * (n - ndim(x)), *shape(x))) for x in map(operand, (start, stop, base)))
        base = np.expand_dims(base, axis)
    y = linspace(start, stop, num, endpoint, axis=axis)
    return as_dtype(call_ufunc(np.power, base, y), dtype)


@covers(np.geomspace)
def geomspace(start: Any, stop: Any, num: Any = 50, endpoint: bool = True, dtype: Any = None, axis: Any = 0) -> Any:
    """Numbers of which each is the same multiple of the one before."""
    start, stop = operand(start), operand(stop)
    for known in (concrete(start), concrete(stop)):
        if known is not None and np.any(np.equal(known, 0)):
            raise ValueError("Geometric sequence cannot include zero")
    inexact = np.result_type(promoted(start, stop, float(num)), np.zeros((), dtype))
    start, stop = as_dtype(start, inexact), as_dtype(stop, inexact)
    turn = call_ufunc(np.sign, start)
    if inexact.kind == "c":
        turn = div(start, np.abs(start))
    start, stop = (np.broadcast_to(x, np.broadcast_shapes(shape(start), shape(stop))) for x in (start, stop))
    ends = [np.log10(div(x, turn)) for x in (start, stop)]
    y = mul(logspace(*ends, num=num, endpoint=endpoint, dtype=inexact), turn)
    if num > 0:  # the ends are as given
        last = [stop[None]] if num > 1 and endpoint else []
        y = concatenated([start[None], y[1 : -1 if last else None], *last])
    return as_dtype(moved(y, 0, one_axis(axis, ndim(y))), inexact if dtype is None else dtype)


@covers(np.require)
def require(a: Any, dtype: Any = None, requirements: Any = None, *, like: Any = None) -> Any:
    """Make an array; how it lies in memory is nothing that a Tracer knows."""
    x = asarray(a, dtype)
    wanted = {str(r).upper() for r in ([requirements] if isinstance(requirements, str) else requirements or ())}
    is_view = type(x) is Tracer and x.alias is not None and x.alias.parent is not None
    return copied(x) if is_view and wanted & {"O", "OWNDATA"} else x


@covers(np.meshgrid)
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[Any, ...]:
    """Coordinate arrays of a grid."""
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    n = len(xi)
    order = list(range(n))
    if indexing == "xy" and n > 1:
        order[:2] = [1, 0]
    xs = [strong(operand(x)) for x in xi]
    sizes = [int(np.prod(shape(x))) for x in xs]
    out = [reshaped(x, tuple(sizes[k] if i == order[k] else 1 for i in range(n))) for k, x in enumerate(xs)]
    if sparse:
        return tuple(out)
    whole = np.broadcast_shapes(*(shape(x) for x in out))
    return tuple(spread(x, whole) for x in out)


@method("astype")
@covers(getattr(np, "astype", None))  # NumPy 2.1
def astype(
    x: Any,
    dtype: Any,
    /,
    order: Any = "K",
    casting: Any = "unsafe",
    subok: bool = True,
    copy: bool = True,
    *,
    device: Any = None,
) -> Any:
    """Convert to a dtype; to an integer one there is no derivative."""
    check_device(device)
    x, dtype = operand(x), np.dtype(dtype)
    if not copy and dtype_of(x) == dtype and not type_of(x).weak:
        return x
    if not np.can_cast(dtype_of(x), dtype, casting):
        raise TypeError(f"Cannot cast array data from {dtype_of(x)!r} to {dtype!r} according to the rule {casting!r}")
    if order not in ("K", "A", "C"):
        refuse("astype", order=order)
    return convert(x, dtype=dtype)
