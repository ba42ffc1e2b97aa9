"""Types: what is known of a value before it has one.

An `ArrayType` is a shape, a dtype and whether it is *weak* (a Python scalar under
NEP 50: ``2.0 * float32`` stays float32). Types are interned, so that two equal
types are one object and compare and hash by identity, which is what makes looking
up a cached rule cheap. A `TapeType` is the type of what a loop of unknown length
has written down: a stack of elements, as long as the loop turned out to be.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from .sizes import Real, Size

__all__ = ["ArrayType", "Tape", "TapeType", "Type", "array_type", "dtype_name", "is_inexact", "tape_type", "type_of"]

PYTHON_SCALARS: dict[type, np.dtype] = {
    bool: np.dtype(bool),
    int: np.dtype(int),
    float: np.dtype(float),
    complex: np.dtype(complex),
}


class Type:
    """What every type answers: what it looks like along a batch axis, and its zero."""

    __slots__ = ()

    def batched(self, size: int) -> Type:
        """Return the type of `size` such values, stacked along a new leading axis."""
        raise NotImplementedError


class ArrayType(Type):
    """Shape, dtype and weakness of an array; made by `array_type`, never directly.

    Examples
    --------
    >>> import numpy as np
    >>> array_type((3,), np.float64)
    float64[3]
    >>> array_type((3,), np.float64) is array_type((3,), np.dtype("f8"))
    True
    """

    __slots__ = ("dtype", "inexact", "ndim", "shape", "weak")

    shape: tuple[int, ...]
    dtype: np.dtype
    weak: bool
    ndim: int
    inexact: bool

    _interned: ClassVar[dict[tuple, ArrayType]] = {}

    @property
    def size(self) -> int:
        """Number of elements."""
        size = 1
        for n in self.shape:
            size *= n
        return size

    @property
    def nbytes(self) -> int:
        """Bytes that an array of this type takes."""
        return self.size * self.dtype.itemsize

    def batched(self, size: int) -> ArrayType:
        return array_type((size, *self.shape), self.dtype)

    def like(self, shape: tuple[int, ...] | None = None, dtype: Any = None) -> ArrayType:
        """Return this type with another shape or dtype, and not weak."""
        return array_type(self.shape if shape is None else shape, self.dtype if dtype is None else dtype)

    @property
    def strong(self) -> ArrayType:
        """The same type, not weak."""
        return array_type(self.shape, self.dtype) if self.weak else self

    def __repr__(self) -> str:
        return f"{dtype_name(self.dtype)}[{','.join(map(str, self.shape))}]{'~' if self.weak else ''}"

    def __reduce__(self):
        return array_type, (self.shape, self.dtype, self.weak)


def array_type(shape: tuple[int, ...], dtype: Any, weak: bool = False) -> ArrayType:
    """Return the one `ArrayType` of this shape, dtype and weakness."""
    key = (shape, dtype, weak)
    found = ArrayType._interned.get(key)
    if found is not None:
        return found
    return _intern(tuple(map(int, shape)), np.dtype(dtype).newbyteorder("="), bool(weak))


def _intern(shape: tuple[int, ...], dtype: np.dtype, weak: bool) -> ArrayType:
    new = object.__new__(ArrayType)
    new.shape, new.dtype, new.weak = shape, dtype, weak
    new.ndim, new.inexact = len(shape), dtype.kind in "fc"
    return ArrayType._interned.setdefault((shape, dtype, weak), new)


class TapeType(Type):
    """A stack of `element`s, one a turn of a loop whose length is known only when it has run.

    An element may be a tape itself: what a loop inside the turn has written down.
    """

    __slots__ = ("element",)

    element: ArrayType | TapeType

    _interned: ClassVar[dict[Type, TapeType]] = {}

    weak = False

    @property
    def inexact(self) -> bool:
        """Whether the elements can carry a derivative."""
        return self.element.inexact

    @property
    def dtype(self) -> np.dtype:
        """The elements' dtype."""
        return self.element.dtype

    @property
    def strong(self) -> TapeType:
        """The type itself: a tape is never weak."""
        return self

    @property
    def size(self) -> int:
        """Elements of one turn."""
        return self.element.size

    @property
    def nbytes(self) -> int:
        """Bytes of one turn."""
        return self.element.nbytes

    def batched(self, size: int) -> TapeType:
        return tape_type(self.element.batched(size))

    def __repr__(self) -> str:
        return f"Tape({self.element})"

    def __reduce__(self):
        return tape_type, (self.element,)


def tape_type(element: ArrayType | TapeType) -> TapeType:
    """Return the one `TapeType` of this element type."""
    found = TapeType._interned.get(element)
    if found is None:
        found = object.__new__(TapeType)
        found.element = element
        found = TapeType._interned.setdefault(element, found)
    return found


_SCALAR_TYPES = {t: array_type((), d, weak=True) for t, d in PYTHON_SCALARS.items()}
_SCALAR_TYPES |= {Size: _SCALAR_TYPES[int], Real: _SCALAR_TYPES[float]}


class Tape:
    """The value of a tape: an array with the turns along axis 0 (of objects, where elements are tapes).

    A turn that is not there is a zero, so that an empty tape is the zero of any length.
    """

    __slots__ = ("array", "type")

    array: np.ndarray
    type: TapeType

    def __init__(self, array: np.ndarray, type: TapeType) -> None:
        self.array, self.type = array, type

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, turn: int) -> Any:
        return self.array[turn]

    def __add__(self, other: Tape) -> Tape:
        long, short = (self, other) if len(self) >= len(other) else (other, self)
        if not len(short):
            return long
        total = long.array.copy()
        both = slice(len(short))
        total[both] = long.array[both] + short.array
        return Tape(total, self.type)

    @property
    def nbytes(self) -> int:
        """Bytes of all turns."""
        if isinstance(self.type.element, TapeType):
            return sum(turn.nbytes for turn in self.array)
        return self.array.nbytes


def type_of(value: Any) -> Any:
    """Return the type of a Tracer, an ndarray, a NumPy scalar or a Python scalar."""
    weak = _SCALAR_TYPES.get(type(value))
    if weak is not None:
        return weak
    own = getattr(value, "type", None)  # a Tracer carries its own; an exception would cost 0.4 µs here
    return array_type(value.shape, value.dtype) if own is None else own


def is_inexact(value: Any) -> bool:
    """Return whether a value is floating or complex, and so can have a derivative."""
    return type_of(value).inexact


def dtype_name(dtype: np.dtype) -> str:
    """Return the name of a dtype as users write it: ``float64``, ``bool``."""
    return dtype.name
