"""The whole of NumPy's surface: in which of three groups each public function is.

A function has a derivative; or it is evaluated, and its result is an integer, a truth value or a constant; or it
is refused, with the reason. Where a handler answers, it says itself which of the first two it is
(`registry.covers`), and of a ufunc its primitive says it. What needs no handler is listed here and, if it is
refused, in `instead`.
"""

from __future__ import annotations

import types
from typing import Any, NamedTuple

import numpy as np

from pullback.core.primitive import primitives
from pullback.core.tracer import Tracer
from pullback.core.tracer import _ufuncs as ufunc_handlers

from .instead import REFUSED
from .objects import OBJECTS
from .registry import DISCRETE, FACE
from .ufuncs import DIRECT

__all__ = ["DERIVATIVE", "REFUSED_STATUS", "VALUE", "Entry", "surface"]

DERIVATIVE, VALUE, REFUSED_STATUS = "derivative", "value", "refused"

_CONSTANT = "constants, from arguments that do not move"
_KINDS = "about dtypes"

# No argument is an array that moves: NumPy's own function does it.
VALUE_ONLY: dict[str, str] = {
    **dict.fromkeys(("bartlett", "blackman", "hamming", "hanning", "fft.fftfreq", "fft.rfftfreq"), _CONSTANT),
    **dict.fromkeys(("diag_indices", "indices", "mask_indices", "ndindex", "tril_indices", "triu_indices"), "indices"),
    **dict.fromkeys(("isdtype", "issubdtype", "mintypecode", "promote_types", "typename"), _KINDS),
    **dict.fromkeys(("base_repr", "binary_repr", "format_float_positional", "format_float_scientific"), "text"),
    "broadcast_shapes": "a shape",
    "isscalar": "a Tracer is an array: False",
    "iterable": "a truth value",
    **dict.fromkeys(("ndarray.device", "ndarray.dtype", "ndarray.itemsize", "ndarray.nbytes", "ndarray.ndim",
                     "ndarray.shape", "ndarray.size", "ndarray.strides"), "known before values are"),
}  # fmt: skip

# Methods of ndarray that are evaluated only; the others have a derivative, or are refused.
_VALUE_METHODS = frozenset(
    {"all", "any", "argmax", "argmin", "argpartition", "argsort", "nonzero", "round", "searchsorted"}
)

# NumPy's own classes that work by what they call.
_BY_ITS_PARTS = {"poly1d": "return its coefficients, p.coeffs: itself it is no result"}

# About NumPy and not about arrays: settings, information, types.
APART = frozenset({
    "bool", "dtype", "errstate", "finfo", "get_include", "get_printoptions", "getbufsize", "geterr", "geterrcall",
    "iinfo", "info", "ndarray", "printoptions", "set_printoptions", "setbufsize", "seterr", "seterrcall", "show_config",
    "show_runtime", "test", "ufunc",
})  # fmt: skip

# Not offered to be differentiated: modules of NumPy beside the three.
LEFT_OUT = {
    "numpy.char, numpy.strings": "text",
    "numpy.emath": "whether a result is complex depends on values: np.sqrt(x + 0j)",
    "numpy.rec": "records",
    "numpy.ma": "masked arrays have an arithmetic of their own: np.where, or the nan functions",
    "numpy.matlib": "matrices have an arithmetic of their own",
    "numpy.polynomial": "its functions and classes work with what moves where they compute with arrays only",
    "numpy.random": "what it draws is a constant: pullback.random",
}


class Entry(NamedTuple):
    """One public function: its name (``linalg.norm``, ``ndarray.sum``), its group, and what there is to say."""

    name: str
    status: str
    note: str


def surface() -> list[Entry]:
    """Return an entry for each public function of the installed NumPy.

    Raises
    ------
    LookupError
        If one is in no group.
    """
    names = [*_public(np, ""), *_public(np.linalg, "linalg."), *_public(np.fft, "fft.")]
    found = [_entry(name, thing) for name, thing in names]
    found += [_method(name) for name in dir(np.ndarray) if not name.startswith("_")]
    found += [Entry(f"ufunc.{name}", DERIVATIVE, "") for name in ("accumulate", "at", "outer", "reduce", "reduceat")]
    lost = [entry.name for entry in found if not entry.status]
    if lost:
        raise LookupError(f"in no group, of NumPy {np.__version__}: {', '.join(lost)}")
    return found


def _public(module: types.ModuleType, prefix: str) -> list[tuple[str, Any]]:
    """Return the functions and classes that a module of NumPy offers, by name."""
    found = []
    for name in sorted(module.__all__):
        thing = getattr(module, name)
        scalar = isinstance(thing, type) and issubclass(thing, np.generic | Exception) and prefix + name not in REFUSED
        if name in OBJECTS or (callable(thing) and not (scalar or name in APART or name.startswith("_"))):
            found.append((prefix + name, thing))
    return found


def _entry(name: str, thing: Any) -> Entry:
    if name in REFUSED:
        return Entry(name, REFUSED_STATUS, f"{REFUSED[name].why}; instead: {REFUSED[name].instead}")
    if name in OBJECTS:
        return Entry(name, DERIVATIVE, "by this name")
    if name in _BY_ITS_PARTS:
        return Entry(name, DERIVATIVE, _BY_ITS_PARTS[name])
    if name in VALUE_ONLY:
        return Entry(name, VALUE, VALUE_ONLY[name])
    if isinstance(thing, np.ufunc):
        if thing not in ufunc_handlers:
            return Entry(name, "", "")
        smooth = thing not in DIRECT or primitives[DIRECT[thing]].smooth
        return Entry(name, DERIVATIVE if smooth else VALUE, "")
    if thing not in FACE:
        return Entry(name, "", "")
    return Entry(name, VALUE if thing in DISCRETE else DERIVATIVE, "")


def _method(name: str) -> Entry:
    full = f"ndarray.{name}"
    if full in REFUSED:
        return Entry(full, REFUSED_STATUS, f"{REFUSED[full].why}; instead: {REFUSED[full].instead}")
    if full in VALUE_ONLY:
        return Entry(full, VALUE, VALUE_ONLY[full])
    from_face = hasattr(Tracer, name)
    return Entry(full, (VALUE if name in _VALUE_METHODS else DERIVATIVE) if from_face else "", "")
