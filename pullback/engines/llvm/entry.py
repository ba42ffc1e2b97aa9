"""entry: what Python calls: a C function that takes the objects of a call and returns the object of its result.

It is an interpreter. What it does for a signature is said in data (`descriptors.py`), so that
it is compiled once a process, however many functions there are, and holds no address of any
of them. For a call it

1. looks whether the context is the one that the code was traced in (conventions, no trace in progress);
2. takes the first descriptor that every argument matches: exact class, dtype, shape, C order, alignment, and
   within trees the containers and keys;
3. makes the arrays of the results, lets go of the lock of the interpreter (the GIL) if the work is long, and
   runs the native code on the descriptor's frame;
4. puts the result together.

What matches no descriptor goes to the Python function that is the fallback: it can do all there is.
From 2 until the native code runs, no Python code can run, so that nothing that was looked at changes.
A descriptor has one frame, and says that it is busy until its call is over: a second call meanwhile, from
another thread or from a callback, goes to the fallback, which has frames for all.

The function is a builtin (METH_FASTCALL | METH_KEYWORDS), bound to a tuple: the fallback, the chain (an array: the
context's variables, the descriptors' addresses, 0), then all that must live as long as the function does.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from .answering import ANSWERING
from .matching import MATCHING
from .native import Library, build_once
from .objects import DATA, ITEMS, SIZE, symbols
from .records import DESCRIPTOR, at, load

__all__ = ["VARIABLES", "bound"]

VARIABLES = 3  # of the context that are looked at


def _fast() -> str:
    """Return the function that Python calls."""
    read = "".join(
        f"""  %var{i}.at = getelementptr ptr, ptr %chain, i64 {i}
  %var{i} = load ptr, ptr %var{i}.at
  %now{i} = call ptr @current(ptr %var{i})
"""
        for i in range(VARIABLES)
    )
    compare = "".join(
        f"""  %then{i}.at = getelementptr ptr, ptr %d.context, i64 {i}
  %then{i} = load ptr, ptr %then{i}.at
  %as{i} = icmp eq ptr %now{i}, %then{i}
  %so{i} = and i1 {f"%so{i - 1}" if i else "%is.free"}, %as{i}
"""
        for i in range(VARIABLES)
    )
    return f"""
define ptr @fast(ptr %self, ptr %args, i64 %n, ptr %names) {{
start:
{at("chain.array", "%self", ITEMS + 8)}
{at("chain", "%chain.array", DATA)}
{read}
  %named = icmp ne ptr %names, null
  %first.at = getelementptr ptr, ptr %chain, i64 {VARIABLES}
  br i1 %named, label %count, label %try
count:
{at("names.size", "%names", SIZE, "i64")}
  br label %try
try:
  %d.at = phi ptr [ %first.at, %start ], [ %first.at, %count ], [ %d.next.at, %next ]
  %n.names = phi i64 [ 0, %start ], [ %names.size, %count ], [ %n.names, %next ]
  %d = load ptr, ptr %d.at
  %d.next.at = getelementptr ptr, ptr %d.at, i64 1
  %end = icmp eq ptr %d, null
  br i1 %end, label %slow, label %look
look:
{load(DESCRIPTOR, "%d", "d.", busy="i64", n_args="i64", n_names="i64", names="ptr", context="ptr")}
  %is.free.0 = icmp eq i64 %d.busy, 0
  %is.args = icmp eq i64 %n, %d.n_args
  %is.names = icmp eq i64 %n.names, %d.n_names
  %is.free.1 = and i1 %is.free.0, %is.args
  %is.free = and i1 %is.free.1, %is.names
{compare}
  br i1 %so{VARIABLES - 1}, label %name, label %next
name:
  %i = phi i64 [ 0, %look ], [ %i.next, %name.next ]
  %i.over = icmp eq i64 %i, %n.names
  br i1 %i.over, label %arguments, label %name.of
name.of:
  %name.offset = getelementptr i8, ptr %names, i64 {ITEMS}
  %name.at = getelementptr ptr, ptr %name.offset, i64 %i
  %name.o = load ptr, ptr %name.at
  %name.wanted.at = getelementptr ptr, ptr %d.names, i64 %i
  %name.wanted = load ptr, ptr %name.wanted.at
  %is.name = call i1 @equal(ptr %name.o, ptr %name.wanted)
  br i1 %is.name, label %name.next, label %next
name.next:
  %i.next = add i64 %i, 1
  br label %name
arguments:
  %fit = call i1 @fits(ptr %d, ptr %args)
  br i1 %fit, label %run, label %next
next:
  br label %try
run:
  %result = call ptr @run(ptr %d)
  ret ptr %result
slow:
{at("fallback", "%self", ITEMS)}
  %answer = call ptr @PyObject_Vectorcall(ptr %fallback, ptr %args, i64 %n, ptr %names)
  ret ptr %answer
}}

; The value of a variable of the context: not to be read, only compared.
define internal ptr @current(ptr %variable) {{
  %slot = alloca ptr
  store ptr null, ptr %slot
  %error = call i32 @PyContextVar_Get(ptr %variable, ptr null, ptr %slot)
  %value = load ptr, ptr %slot
  call void @Py_DecRef(ptr %value)
  ret ptr %value
}}
"""


_DECLARED = """
@ndarray = external global i8
@PyLong = external global i8
@PyBool = external global i8
@PyList = external global i8
@PyDict = external global i8
@PyUnicode = external global i8
@True = external global i8
declare i32 @PyContextVar_Get(ptr, ptr, ptr)
declare i32 @PyDict_Next(ptr, ptr, ptr, ptr)
declare ptr @PyDict_New()
declare i32 @PyDict_SetItem(ptr, ptr, ptr)
declare i64 @PyDict_Size(ptr)
declare void @PyEval_RestoreThread(ptr)
declare ptr @PyEval_SaveThread()
declare ptr @PyList_New(i64)
declare i64 @PyLong_AsLongLongAndOverflow(ptr, ptr)
declare ptr @PyLong_FromLongLong(i64)
declare ptr @PyObject_Call(ptr, ptr, ptr)
declare ptr @PyObject_CallNoArgs(ptr)
declare ptr @PyObject_CallOneArg(ptr, ptr)
declare ptr @PyObject_Vectorcall(ptr, ptr, i64, ptr)
declare ptr @PyTuple_New(i64)
declare i32 @PyUnicode_Compare(ptr, ptr)
declare void @Py_DecRef(ptr)
declare void @Py_IncRef(ptr)
declare ptr @PyArray_NewFromDescr(ptr, ptr, i32, ptr, ptr, ptr, i32, ptr)
declare ptr @PyArray_Scalar(ptr, ptr, ptr)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
"""


@lru_cache(maxsize=1)
def _library() -> Library:
    """Return the interpreter, compiled when it is first asked for."""
    return build_once(_DECLARED + MATCHING + ANSWERING + _fast(), symbols(), "fast")


class _MethodDef(ctypes.Structure):
    """CPython's PyMethodDef."""

    _fields_ = (
        ("name", ctypes.c_char_p), ("function", ctypes.c_void_p), ("flags", ctypes.c_int), ("doc", ctypes.c_char_p),
    )  # fmt: skip


_FASTCALL_WITH_KEYWORDS = 0x80 | 0x02


def bound(fallback: Callable[..., Any], variables: Sequence[Any], descriptors: Sequence[Any], name: str) -> Any:
    """Return the builtin function that answers calls that match a descriptor, and hands others to the fallback.

    Parameters
    ----------
    variables : sequence of ContextVar
        Three, each with a default: of a descriptor's `context`, what they must be.
    descriptors : sequence of Descriptor
        In the order in which they are tried.
    """
    addresses = [id(x) for x in variables] + [d.address for d in descriptors]
    chain = np.array([*addresses, 0], np.uint64)
    library = _library()
    definition = _MethodDef(name.encode(), library.address, _FASTCALL_WITH_KEYWORDS, None)
    held = fallback, chain, definition, library, tuple(variables), tuple(descriptors)
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p]
    return make(ctypes.addressof(definition), held, None)
