"""Buffers: arrays that user code makes while it is traced, and may write Tracers into.

A `Buffer` is an ndarray, and stays one for everybody as long as only numbers are written to it.
The first Tracer that is written makes it, and every live view of it, `Held`: its elements are
those of a Tracer from then on, which answers for it; views that were made before are views of
that Tracer, element by element where NumPy has put them. The memory underneath means nothing any
more, and is filled with NaN (the smallest integer, True), so that C code that looks there cannot
take it for numbers.
"""

from __future__ import annotations

from typing import Any
from weakref import ref

import numpy as np

from pullback.core import source
from pullback.core.errors import DerivativeLost
from pullback.core.recorder import bind
from pullback.core.tracer import Tracer, floor
from pullback.core.tree import contents as tree_contents
from pullback.core.types import array_type
from pullback.core.views import Alias, made_stale, outside
from pullback.primitives.indexing import index_set
from pullback.primitives.shaping import convert, reshape

from .arguments import TRACED, as_dtype, operand
from .view_kinds import Places
from .views import ordered

__all__ = ["Buffer", "Held", "buffer", "contents", "target"]


_REAL: Any = np.ndarray.real
_IMAG: Any = np.ndarray.imag


class Buffer(np.ndarray):
    """An array made inside a traced function, of numbers so far."""

    __slots__ = ("level", "root", "tracer", "views")

    level: int
    root: Any
    tracer: Tracer
    views: list[Any]

    def __array_finalize__(self, obj: Any) -> None:
        self.root = None
        base: Any = self.base
        if (
            type(obj) is Buffer and type(base) is np.ndarray and np.may_share_memory(self, obj)
        ):  # by way of a plain view
            base = obj if obj.root is None else obj.root
        if type(base) is Buffer:  # a view: `base` is always the owner, since all are of one class
            known = len(base.views)
            if known > _MANY and not known & (known - 1):  # now and then
                base.views = [r for r in base.views if r() is not None]
            base.views.append(ref(self))
            self.root, self.level = base, base.level
            return
        self.views = []
        body = floor.get()
        self.level = 0 if body is None else body.level

    def __setitem__(self, index: Any, value: Any) -> None:
        if has_tracer(value) or has_tracer(index):
            at = target(self, value, index)
            if type(at) is Tracer:
                at[index] = contents(value)  # pyright: ignore[reportIndexIssue]
                return
            value = as_dtype(operand(value), self.dtype)  # numbers, since a derivative ends in an integer
        super().__setitem__(index, contents(value))

    def fill(self, value: Any) -> None:
        """Write one value everywhere."""
        if np.ndim(contents(value)):
            raise ValueError("setting an array element with a sequence.")
        self[...] = value

    def put(self, indices: Any, values: Any, mode: Any = "raise") -> None:
        """Write values to places of the flattened array."""
        np.put(self, indices, values, mode)

    def dot(self, b: Any, out: Any = None) -> Any:
        """Return the product, which may be with a Tracer."""
        return np.dot(self, b, out=out)

    @property
    def real(self) -> Any:
        """The real part; written through."""
        return _REAL.__get__(self)

    @real.setter
    def real(self, value: Any) -> None:
        self._set_part("real", value)

    @property
    def imag(self) -> Any:
        """The imaginary part; written through."""
        return _IMAG.__get__(self)

    @imag.setter
    def imag(self, value: Any) -> None:
        self._set_part("imag", value)

    def _set_part(self, name: str, value: Any) -> None:
        at = target(self, value)
        if type(at) is Tracer:
            setattr(at, name, contents(value))
        else:
            (_REAL if name == "real" else _IMAG).__set__(self, contents(value))

    @property
    def flat(self) -> Any:
        """All elements in C order; written through."""
        return BufferFlat(self)

    @flat.setter
    def flat(self, value: Any) -> None:
        BufferFlat(self)[...] = value

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        out = kwargs.get("out", ())
        if method == "at" and isinstance(inputs[0], Buffer) and any(map(has_tracer, inputs)):
            inputs = (target(inputs[0], *inputs[1:]), *inputs[1:])
        written = any(isinstance(x, Buffer) for x in out)
        if written and any(map(has_tracer, (*inputs, *out, kwargs.get("where")))):
            kwargs["out"] = tuple(target(x, *inputs, kwargs.get("where")) for x in out)
        elif written:
            kwargs["out"] = tuple(contents(x) for x in out)
        given = [contents(x) for x in inputs]  # not before: an input may be what has just come to be held
        if written:
            getattr(ufunc, method)(*given, **kwargs)
            return out[0] if len(out) == 1 else out
        result = getattr(ufunc, method)(*given, **kwargs)
        return buffer(result) if type(result) is np.ndarray and result.base is None else result

    def __array_function__(self, function: Any, types: Any, args: tuple, kwargs: dict) -> Any:
        if function in writers and (has_tracer(args) or has_tracer(tuple(kwargs.values()))):
            out = args[0] if args else None
            return function(target(out, *args, *kwargs.values()), *map(contents, args[1:]), **_contents(kwargs))
        if all(issubclass(t, np.ndarray) and t is not Held for t in types):  # NumPy's own; its views are buffers
            if function in _WITHOUT_CLASS:
                kwargs = {**kwargs, "subok": True}
            result = super().__array_function__(function, types, args, kwargs)
            fresh = type(result) is np.ndarray and result.base is None
            return buffer(result) if fresh else result
        result = function(*map(contents, args), **_operands(kwargs))
        given = kwargs.get("out")
        return given if given is not None and isinstance(given, Buffer) else result

    def __reduce__(self):
        return np.asarray(contents(self)).__reduce__()


class BufferFlat:
    """``y.flat`` of a buffer: NumPy's own, but that Tracers may be written to it."""

    __slots__ = ("_array", "_flat")

    def __init__(self, array: Buffer) -> None:
        self._array = array
        self._flat = np.asarray(contents(array)).flat

    def __setitem__(self, index: Any, value: Any) -> None:
        at = target(self._array, value, index)
        if type(at) is Tracer:
            at.flat[index] = contents(value)
        else:
            self._flat[contents(index)] = as_dtype(operand(value), self._array.dtype)

    def __getitem__(self, index: Any) -> Any:
        return contents(self._array).flat[contents(index)]

    def __iter__(self) -> Any:
        return iter(contents(self._array).flat)

    def __len__(self) -> int:
        return len(self._flat)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return contents(self._array).flat.__array__()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._flat, name)


class Held(Buffer):
    """A buffer, or a view of one, that a Tracer has been written into: the Tracer answers for it."""

    __slots__ = ()

    def __array_finalize__(self, obj: Any) -> None:
        pass

    def __setitem__(self, index: Any, value: Any) -> None:
        self.tracer[contents(index)] = contents(value)  # pyright: ignore[reportIndexIssue]

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self.tracer.__array__(dtype, copy)


_WITHOUT_CLASS = {np.broadcast_to, np.broadcast_arrays}  # give plain views where they are not told otherwise
writers: set[Any] = set()  # NumPy's functions that write to their first argument: filled by `mutation`


def _answer(name: str) -> Any:
    def method(self: Held, *args: Any, **kwargs: Any) -> Any:
        args = tuple(map(contents, args))
        answer = getattr(self.tracer, name)(*args, **_operands(kwargs))
        return self if answer is self.tracer else answer

    method.__name__ = name
    return method


def _attribute(name: str) -> Any:
    def get(self: Held) -> Any:
        return getattr(self.tracer, name)

    def put(self: Held, value: Any) -> None:
        setattr(self.tracer, name, contents(value))

    return property(get, put)


_OWN = {
    "__array__", "__array_finalize__", "__array_function__", "__array_interface__", "__array_priority__",
    "__array_struct__", "__array_ufunc__", "__array_wrap__", "__buffer__", "__class__", "__class_getitem__",
    "__deepcopy__", "__copy__", "__del__", "__delattr__", "__dir__", "__doc__", "__format__", "__getattribute__",
    "__hash__", "__init__", "__init_subclass__", "__module__", "__new__", "__reduce__", "__reduce_ex__",
    "__setattr__", "__setitem__", "__setstate__", "__sizeof__", "__subclasshook__", "base", "flags",
}  # fmt: skip


def define_held() -> None:
    """Have `Held` answer to all of ndarray's names by its Tracer; called when Tracers have theirs."""
    for name in dir(np.ndarray):
        if name in _OWN:
            continue
        found = getattr(np.ndarray, name)
        if name.startswith("__") and not hasattr(Tracer, name):
            continue
        setattr(Held, name, _answer(name) if callable(found) else _attribute(name))
    Held.at = _attribute("at")  # pyright: ignore[reportAttributeAccessIssue]


def buffer(x: np.ndarray) -> Any:
    """Return an array of one's own as a buffer; one of another class, or of no numbers, as it is."""
    if type(x) is not np.ndarray or x.dtype.kind not in "biufc" or not x.flags.c_contiguous or not x.dtype.isnative:
        return x
    tree_contents.update(_CONTENTS)
    return x.view(Buffer)


def contents(x: Any) -> Any:
    """Return what is in a buffer, a Tracer or a plain array; in lists, tuples and dicts too. Anything else as it is."""
    kind = type(x)
    if kind is Buffer:
        return x.view(np.ndarray)
    if kind is Held:
        return x.tracer
    if kind is list or kind is tuple:
        return kind(map(contents, x)) if any(isinstance(y, Buffer | list | tuple | dict) for y in x) else x
    if kind is dict:
        return _contents(x)
    return x


def _contents(x: dict) -> dict:
    return {k: contents(v) for k, v in x.items()}


def _operands(x: dict) -> dict:
    """Return keywords by their contents, but for `out`: a buffer that is written to stays one."""
    return {k: v if k == "out" else contents(v) for k, v in x.items()}


def has_tracer(x: Any) -> bool:
    """Return whether x is or holds a Tracer, also by way of a buffer."""
    kind = type(x)
    if kind is Tracer or kind is Held:
        return True
    if kind is slice:
        return has_tracer((x.start, x.stop, x.step))
    return kind in (list, tuple) and any(map(has_tracer, x))


def target(x: Any, *written: Any) -> Any:
    """Return what is written to when x is: the Tracer of a buffer that gets one now; None if x cannot hold Tracers."""
    kind = type(x)
    if kind is Tracer:
        return x
    if kind is Held:
        return x.tracer
    found = next((t for t in map(_first_tracer, written) if t is not None), None)
    if found is None:
        return contents(x) if isinstance(x, np.ndarray) else None
    if kind is not Buffer:
        return None
    held = _hold(x if x.root is None else x.root, found)
    return x.tracer if held else contents(x)


def _first_tracer(x: Any) -> Any:
    kind = type(x)
    if kind is Tracer:
        return x
    if kind is Held:
        return x.tracer
    if kind is slice:
        return _first_tracer((x.start, x.stop, x.step))
    if kind in (list, tuple):
        return next((t for t in map(_first_tracer, x) if t is not None), None)
    return None


def _hold(root: Buffer, like: Tracer) -> bool:
    """Let a Tracer of the recorder of `like` hold the buffer's numbers, and its views be that Tracer's.

    Not where what is written will be plain: integers of what is differentiated.
    """
    body = floor.get()
    if body is not None and body.level > root.level:
        raise outside(array_type(root.shape, root.dtype))
    numbers = np.array(root, subok=False)
    tracer = _lifted(numbers, like)
    if type(tracer) is not Tracer:
        return False
    root.tracer = ordered(tracer)
    places = np.arange(numbers.size)
    start, size = root.ctypes.data, numbers.itemsize
    views = [view for r in root.views if (view := r()) is not None]
    for view in views:
        strides = tuple(s // size * places.itemsize for s in view.strides)
        offset = (view.ctypes.data - start) // size * places.itemsize
        if view.dtype != root.dtype:
            raise DerivativeLost(
                f"a Tracer was to be written into an array of {root.dtype} that is viewed as {view.dtype}",
                where=source.here(),
                why="a view of another dtype looks at the bits of numbers, and Tracers have none",
                fix="a copy in place of x.view(dtype), x.real or x.imag",
            )
        view.tracer = _later(
            view, root.tracer, Places(np.ndarray(view.shape, np.intp, places, offset, strides), view.flags.writeable)
        )
    np.asarray(root)[...] = _POISON[numbers.dtype.kind]() if numbers.dtype.kind != "i" else np.iinfo(root.dtype).min
    for held in (root, *views):
        held.__class__ = Held
    return True


_POISON: dict[str, Any] = {"f": lambda: np.nan, "c": lambda: np.nan, "b": lambda: True, "u": lambda: 0}


_MANY = 16
_CONTENTS: dict[type, Any] = {Buffer: contents, Held: contents}
TRACED.add(Held)


def _lifted(numbers: np.ndarray, like: Tracer) -> Any:
    """Return a Tracer of these numbers in the recorder of another: nothing of that one is written."""
    none = reshape(like, shape=(like.type.size,))
    if none.type.size:
        none = none[:0]
    if none.type.dtype != numbers.dtype:
        none = convert(none, dtype=numbers.dtype)
    flat = bind(index_set, (numbers.reshape(-1), none, 0), {"spec": (("slice", 0, 0, 1),)})
    return reshape(flat, shape=numbers.shape)


def _later(view: np.ndarray, parent: Tracer, how: Places) -> Tracer:
    """Return a view that is read when somebody asks for it."""
    later = Tracer.__new__(Tracer)
    later.type = array_type(view.shape, view.dtype)
    later.alias = Alias(parent, how)
    made_stale()
    if parent.alias is None:
        parent.alias = Alias(None, None)
    return later
