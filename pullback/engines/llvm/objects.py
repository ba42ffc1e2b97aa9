"""objects: where CPython and NumPy keep what native code reads of their objects; tested on objects before it is used.

The places are those of CPython with a global lock and of NumPy 2. Where a test fails (PyPy,
builds without the lock, another layout), calls go by way of ctypes: slower, and right.
"""

from __future__ import annotations

import ctypes
import importlib
import struct
import sys
from functools import lru_cache
from typing import Any

import numpy as np

from pullback.engines.forms import NUMBERS

__all__ = ["DATA", "fits", "symbols"]

TYPE = object.__basicsize__ - 8
FIRST = object.__basicsize__  # what follows an object's head: a float's value, a NumPy scalar's, an array's address
DATA = FIRST
AXES, SHAPE, DTYPE, FLAGS = FIRST + 8, FIRST + 16, FIRST + 40, FIRST + 48
SIZE = FIRST  # of a tuple or list: how many
ITEMS = tuple.__basicsize__  # a tuple's items; of a list, the address of its items
ORDERED = 0x101  # an array's flags: in C order, and aligned

# Functions of CPython's that native code calls; and types that it compares with.
_FUNCTIONS = (
    "PyContextVar_Get", "PyDict_Next", "PyDict_New", "PyDict_SetItem", "PyDict_Size", "PyEval_RestoreThread",
    "PyEval_SaveThread", "PyList_New", "PyLong_AsLongLongAndOverflow", "PyLong_FromLongLong", "PyObject_Call",
    "PyObject_CallNoArgs", "PyObject_CallOneArg", "PyObject_Vectorcall", "PyTuple_New", "PyUnicode_Compare",
    "Py_DecRef", "Py_IncRef",
)  # fmt: skip
_TYPES = {"ndarray": np.ndarray, "PyLong": int, "PyBool": bool, "PyList": list, "PyDict": dict, "PyUnicode": str}
_NUMPY = {"PyArray_Scalar": 60, "PyArray_NewFromDescr": 94}  # where in the table of NumPy's C interface
_TYPE_IN_TABLE = 2  # there: ndarray itself


@lru_cache(maxsize=1)
def fits() -> bool:
    """Return whether objects lie in memory as native code reads them."""
    if sys.implementation.name != "cpython" or "free-threading" in sys.version:
        return False
    if struct.calcsize("P") != 8 or not _numpy_table() or _numpy_table()[_TYPE_IN_TABLE] != id(np.ndarray):
        return False
    return all(map(_array_fits, _arrays())) and _containers_fit() and _numbers_fit()


def symbols() -> dict[str, int]:
    """Return the addresses of what native code names: CPython's functions and types, NumPy's."""
    found = {name: _address(getattr(ctypes.pythonapi, name)) for name in _FUNCTIONS}
    table = _numpy_table()
    return found | {name: id(t) for name, t in _TYPES.items()} | {"True": id(True)} | {
        name: table[i] for name, i in _NUMPY.items()
    }  # fmt: skip


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


@lru_cache(maxsize=1)
def _numpy_table() -> Any:
    capsule = getattr(importlib.import_module("numpy._core._multiarray_umath"), "_ARRAY_API", None)
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return capsule and (ctypes.c_void_p * 300).from_address(get(capsule, None))


def _read(x: Any, offset: int, kind: Any = ctypes.c_int64) -> Any:
    return kind.from_address(id(x) + offset).value


def _arrays() -> list[np.ndarray]:
    base = np.arange(12.0)
    return [
        base, base[3:], base[::2], base.reshape(3, 4).T, np.zeros((2, 3), np.float32), np.array(1.0), np.zeros(0),
        np.array([True]), np.zeros((4, 1, 3), np.int32), np.zeros(3, ">f8"), np.frombuffer(bytes(9), "f8", 1, 1),
    ]  # fmt: skip


def _array_fits(x: np.ndarray) -> bool:
    shape = _read(x, SHAPE)
    return (
        _read(x, TYPE) == id(np.ndarray)
        and _read(x, DATA) == x.ctypes.data
        and _read(x, AXES, ctypes.c_int32) == x.ndim
        and [ctypes.c_int64.from_address(shape + 8 * i).value for i in range(x.ndim)] == [*x.shape]
        and _read(x, DTYPE) == id(x.dtype)
        and _read(x, FLAGS, ctypes.c_int32) == x.flags.num
        and (x.flags.num & ORDERED == ORDERED) == (x.flags.c_contiguous and x.flags.aligned)
    )


def _containers_fit() -> bool:
    things = object(), object(), object()
    row, listed = (*things,), [*things]
    items = ctypes.c_int64.from_address(id(listed) + ITEMS).value
    return (
        _read(row, SIZE) == _read(listed, SIZE) == 3
        and [_read(row, ITEMS + 8 * i) for i in range(3)] == [id(x) for x in things]
        and [ctypes.c_int64.from_address(items + 8 * i).value for i in range(3)] == [id(x) for x in things]
    )


def _numbers_fit() -> bool:
    numbers = [of(value) for of in NUMBERS for value in (0, 1, 77)]
    return all(ctypes.string_at(id(x) + FIRST, np.asarray(x).nbytes) == np.asarray(x).tobytes() for x in numbers)
