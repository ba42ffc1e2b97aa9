"""The Tracer: what stands in for an array while a function is being recorded.

There is one Tracer class. What a Tracer means is its recorder's business:

==========  ==============================  =====================================
recorder    ``value``                       ``entry``
==========  ==============================  =====================================
a Program   concrete value, or None         the variable
linearize   the primal, one level out       the number of its tangent on the tape
jvp         the primal, one level out       the tangent, one level out
vmap        None                            all lanes, batch axis in front
==========  ==============================  =====================================

"One level out" may again be a Tracer: nesting is all the machinery there is.
NumPy's functions, the operators and ndarray's methods reach the face above through
`define` and `core.dispatch`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import numpy as np

from . import source
from .dispatch import OutGiven, handler_of, with_out
from .errors import PullbackError
from .made import leaked
from .refusals import lost, no_attribute, no_axis, no_value
from .sizes import lose, sized, watched

__all__ = ["Tracer", "concrete", "floor", "known_value", "settled", "taken_array"]

# The recorder of the body being traced: it takes every operation on any Tracer.
floor: ContextVar[Any] = ContextVar("pullback floor", default=None)


class Tracer:
    """Stands in for an array inside a traced function; behaves as the array does.

    Attributes
    ----------
    recorder : Recorder
        Who records what is done with it.
    value, entry : object
        See the table at the head of this module.
    type : ArrayType
        Shape and dtype, as this level sees them.
    alias : Alias or None
        What it is a view of, and what are views of it (`core.views`); None where it is neither. The
        slots of `recorder`, `value` and `entry` are empty where its base has been written to since.
    """

    __slots__ = ("__weakref__", "alias", "entry", "recorder", "type", "value")
    __hash__ = None  # pyright: ignore[reportAssignmentType]  (as for ndarray)
    __getitem__: Callable[..., Any]  # given by the face, with the operators and the rest of ndarray

    recorder: Any
    value: Any
    entry: Any
    type: Any
    alias: Any

    def __init__(self, recorder: Any, value: Any, entry: Any, type: Any) -> None:
        self.recorder = recorder
        self.value = value
        self.entry = entry
        self.type = type
        self.alias = None

    # What needs no value -------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape, as of an ndarray."""
        return sized(self.type.shape) if watched else self.type.shape

    @property
    def dtype(self) -> np.dtype:
        """Dtype, as of an ndarray."""
        return self.type.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.type.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return sized(self.type.size) if watched else self.type.size

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self.type.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of the whole array."""
        return sized(self.type.nbytes) if watched else self.type.nbytes

    def __len__(self) -> int:
        if not self.type.shape:
            raise TypeError("len() of unsized object")
        if watched:
            lose("len() of an array")
        return self.type.shape[0]

    def __iter__(self):
        if not self.type.shape:
            raise TypeError("iteration over a 0-d array") if concrete(self) is not None else no_axis(self)
        return (self[i] for i in range(self.type.shape[0]))

    def __getattr__(self, name: str) -> Any:
        """Reached only by what is not found: an empty slot, or an attribute that there is not."""
        if name in _READ_AGAIN:
            refresh[0](self)
            return getattr(self, name)
        raise no_attribute(self, name, dir(Tracer))

    # What reaches the face ------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__":
            handler = _ufuncs.get(ufunc)
            if handler is not None:
                return handler(*inputs, **kwargs) if kwargs else handler(*inputs)
            return handler_of(ufunc)(*inputs, **kwargs)
        return handler_of(np.ufunc)(ufunc, method, *inputs, **kwargs)

    def __array_function__(self, function: Callable, types: Any, args: tuple, kwargs: dict) -> Any:
        given = False
        try:
            result = handler_of(function)(*args, **kwargs)
        except OutGiven:  # a try costs nothing, and few calls have `out`
            given = True
        if given:  # out here, so that an error of it has nothing to do with the one above
            result = with_out[0](handler_of(function), function.__name__)(*args, **kwargs)
        if type(result) is Tracer and (result.alias is not None or result is self) and function not in views:
            return result.copy("K")  # an array of its own, as NumPy's is: writing to it changes nothing else
        return result

    @classmethod
    def define(cls, name: str, method: Any) -> None:
        """Give Tracers a method or property: how the NumPy face fills this class."""
        setattr(cls, name, method)

    # What needs the value -------------------------------------------------------------

    def __bool__(self) -> bool:
        value = known_value(self, "bool")
        taken = bool(value)
        self.recorder.took(self, bool, taken)
        return taken

    def __index__(self) -> int:
        if self.type.inexact:
            raise TypeError(f"only integer arrays can be used as an index: this one is {self.type}")
        taken = known_value(self, "index").__index__()
        self.recorder.took(self, int, taken)
        return taken

    def __int__(self) -> int:
        return self._plain("int")

    def __float__(self) -> float:
        return self._plain("float")

    def __complex__(self) -> complex:
        return self._plain("complex")

    def item(self, *args: Any) -> Any:
        """Refuse, for what is differentiated: a plain number has no derivative."""
        return self._plain("item", *args)

    def tolist(self) -> Any:
        """Refuse, for what is differentiated: plain numbers have no derivative."""
        return self._plain("tolist")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self._plain("array")

    def _plain(self, kind: str, *args: Any) -> Any:
        if not self.recorder.live:
            raise leaked(self.recorder, (self,))
        if self.type.inexact:
            if concrete(self) is None:
                raise no_value(self, kind)
            raise lost(self, kind)
        value = known_value(self, kind)
        if kind in ("item", "tolist"):
            plain = getattr(np.asarray(value), kind)(*args)
        elif kind == "array":
            plain = np.array(value)  # the user's own: what is done to it is no business of the trace
        else:
            plain = {"int": int, "float": float, "complex": complex}[kind](value)
        self.recorder.took(self, np.ndarray, np.asarray(value))
        return plain

    def __repr__(self) -> str:
        value = concrete(self)
        return f"Tracer({self.type}, {'no value' if value is None else value})"

    def __str__(self) -> str:
        value = concrete(self)
        return repr(self) if value is None else str(value)

    def __format__(self, spec: str) -> str:
        value = concrete(self)
        return repr(self) if value is None else format(value, spec)

    def __reduce__(self):
        raise PullbackError(
            f"pickling or copying a Tracer of {self.type.strong}",
            where=source.here(),
            why="a Tracer lives only while its function is being traced",
            fix="return the value from the transformed function and pickle that",
        )

    def __copy__(self) -> Tracer:
        return Tracer(self.recorder, self.value, self.entry, self.type)

    def __deepcopy__(self, memo: dict) -> Tracer:
        return self.__copy__()


views: set[Callable[..., Any]] = set()  # functions that return views, or their argument: filled by the face
_READ_AGAIN = frozenset({"recorder", "value", "entry"})
refresh: list[Callable[[Tracer], None]] = []  # filled by `core.views`: reads a stale view again

_ufuncs: dict[np.ufunc, Callable[..., Any]] = {}  # plain calls of ufuncs: the one lookup that eager speed needs


def define_ufunc(ufunc: np.ufunc, handler: Callable[..., Any]) -> None:
    """Have `handler` answer ``ufunc(...)`` of Tracers."""
    _ufuncs[ufunc] = handler


def concrete(x: Any) -> Any:
    """Return the value under a Tracer of any depth, or None where it has none."""
    while type(x) is Tracer:
        x = x.value
    return x


def settled(x: Any) -> Any:
    """Return what a level keeps of a value: a Tracer that the user may still write to is kept as it is now."""
    return x.__copy__() if type(x) is Tracer else x


def taken_array(x: Tracer, kind: str) -> np.ndarray:
    """Return the array under a Tracer, of which a shape is going to depend; it is guarded where that is wanted."""
    value = np.asarray(known_value(x, kind))
    x.recorder.took(x, np.ndarray, value)
    return value


def known_value(x: Tracer, kind: str) -> Any:
    """Return the value that Python asked for as a `kind`, or raise `NoValue`."""
    if not x.recorder.live:
        raise leaked(x.recorder, (x,))
    body = floor.get()
    value = concrete(x)
    if value is None or (body is not None and x.recorder.level < body.level):
        raise no_value(x, kind)
    return value
