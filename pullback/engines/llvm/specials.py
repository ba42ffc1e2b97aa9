"""specials: SciPy's special functions through their C entry points, one call an element.

``scipy.special.cython_special`` has a capsule for each function and each of its C types, whose name
is its signature. The symbol that is called is made of both, ``special.psi.d``, and bound when code is
linked, so that object code may move between processes. NumPy says which loop it would run; what
has a capsule of these types is called, float32 as SciPy does it (through double, where there is none
of single precision), and the rest is NumPy's: complex numbers, functions with several results, and
those that Cython does not see (zeta, lambertw, spherical Bessel functions …). log Γ is our own.
"""

from __future__ import annotations

import ctypes
import importlib
import re
from functools import lru_cache
from typing import Any

import numpy as np

from pullback.core.errors import NotWritten
from pullback.core.program import Equation
from pullback.primitives.special import TABLE, implementation

from .scalars import Emitter, llvm_type

__all__ = ["lower", "lowers", "symbols"]

_OURS = {"gammaln": "lgamma"}  # our own functions, by SciPy's name
_NAMES = {"digamma": "psi", "jn": "jv"}  # one function under two names: Cython sees the other
_LETTERS = {  # NumPy's characters of C's types
    "double": "d",
    "float": "f",
    "long": np.dtype("long").char,
    "Py_ssize_t": np.dtype(np.intp).char,
}
_SIGNATURE = re.compile(r"(\w+) \(((?:\w+, )+)int __pyx_skip_dispatch\)")


@lru_cache(maxsize=1)
def _entries() -> dict[str, int]:
    """Return the addresses of all functions of floats and integers, by symbol; one int more says that C calls."""
    api = ctypes.pythonapi
    api.PyCapsule_GetName.restype, api.PyCapsule_GetName.argtypes = ctypes.c_char_p, [ctypes.py_object]
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    found = {}
    for name, capsule in importlib.import_module("scipy.special.cython_special").__pyx_capi__.items():
        signature = api.PyCapsule_GetName(capsule)
        match = _SIGNATURE.fullmatch(signature.decode())
        kinds = [match[1], *match[2].rstrip(", ").split(", ")] if match else [""]
        if all(kind in _LETTERS for kind in kinds):
            letters = "".join(_LETTERS[kind] for kind in kinds)
            plain = re.sub(r"^__pyx_fuse_[\d_]*", "", name)
            found[f"special.{plain}.{letters[1:]}_{letters[0]}"] = api.PyCapsule_GetPointer(capsule, signature)
    return found


def symbols(text: str) -> dict[str, int]:
    """Return the addresses of the functions that a module declares."""
    names = re.findall(r"^declare \w+ @(special\.\w+\.\w+)\(", text, re.MULTILINE)
    return {name: _entries()[name] for name in names}


def lowers(eq: Equation) -> bool:
    """Return whether there is an entry point for a function on operands of these types."""
    name, types = eq.params["function"], [x.type for x in eq.operands]
    if name in _OURS:
        return types[0].dtype.kind == "f" and types[0].dtype == eq.results[0].type.dtype
    return _symbol(name, tuple(types), eq.results[0].type) is not None


@lru_cache(maxsize=1024)
def _symbol(name: str, types: tuple, out: Any) -> str | None:
    """Return the symbol of the function that NumPy would call for each element, or None."""
    try:
        ufunc = implementation(name)
    except NotWritten:
        return None
    if not isinstance(ufunc, np.ufunc) or TABLE[name].results != 1:
        return None
    python = {"i": int, "f": float}
    given = [t.dtype if not t.weak or all(t.weak for t in types) else python.get(t.dtype.kind, t.dtype) for t in types]
    loop = ufunc.resolve_dtypes((*given, None))
    letters = "".join(d.char for d in loop)
    for tried in (letters, letters.replace("f", "d")):
        symbol = f"special.{_NAMES.get(name, name)}.{tried[:-1]}_{tried[-1]}"
        if symbol in _entries():
            return symbol
    return None


def lower(e: Emitter, xs: list[str], types: list[Any], out: Any, params: dict) -> str:
    """Call the function on one element."""
    name = params["function"]
    if name in _OURS:
        return e.call_math(_OURS[name], llvm_type(out.dtype), *xs)
    symbol = _symbol(name, tuple(types), out)
    assert symbol is not None, f"{name} was to be a callback"
    letters, result = symbol.rpartition(".")[2].split("_")
    dtypes = [np.dtype(c) for c in letters]
    kinds = [llvm_type(d) for d in dtypes]
    # It writes no memory that we see: calls with the same arguments are one.
    what = "nounwind willreturn memory(none)"
    e.declared.add(f"declare {llvm_type(np.dtype(result))} @{symbol}({', '.join((*kinds, 'i32'))}) {what}")
    given = [e.convert(x, t.dtype, d) for x, t, d in zip(xs, types, dtypes, strict=True)]
    arguments = ", ".join(f"{k} {x}" for k, x in zip((*kinds, "i32"), (*given, "0"), strict=True))
    called = e.op(f"call {llvm_type(np.dtype(result))} @{symbol}({arguments})")
    return e.convert(called, np.dtype(result), out.dtype)
