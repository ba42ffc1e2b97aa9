"""SciPy's special functions: two primitives, and the table of what their derivatives are.

`define` fills the table, in the files ``special_*.py`` beside this one, a family each: the
function as it is called, where its derivative stands (DLMF: the NIST Digital Library of
Mathematical Functions), and for each argument the derivative by it: a function (y, *arguments)
-> derivative, where y is the value; the reason why there is none (a string); or None, for an
argument that cannot move, or on which the function does not depend.

Derivatives are written with other functions of the table, so that they have derivatives
themselves: `f.digamma(x)`. As operands are Tracers or arrays when a rule runs, formulas are
written with operators. They are to be accurate relative to themselves: where the textbook's formula
cancels, another stands in its place, and says so.

SciPy is imported when a function is first called.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np

from pullback.core import source
from pullback.core.errors import NotWritten
from pullback.core.primitive import Cost, Primitive, add_tangents, moved_bytes
from pullback.core.types import array_type, type_of

from .arithmetic import mul
from .elementwise import elementwise_type
from .exponential import cbrt, erf, erfc, exp2, expm1, log1p, sigmoid
from .shaping import align

__all__ = [
    "ALIASES",
    "TABLE",
    "Entry",
    "apply",
    "define",
    "f",
    "horner",
    "implementation",
    "is_complex",
    "own_type",
    "special",
    "special_parts",
    "ufunc_named",
]

Slope = Callable[..., Any] | str | None


class Entry(NamedTuple):
    """One function of the table.

    Attributes
    ----------
    name : str
        In ``scipy.special``.
    arguments : tuple of str
    slopes : tuple
        For each argument the derivative by it (a tuple of them, one for each result, where there
        are several), the reason why there is none, or None.
    source : str
        Where the derivative stands.
    note : str
        What is to be known about the domain.
    ufunc : str
        The name of SciPy's ufunc; it starts with a _ where the function is only wrapped around it.
    results : int
        How many arrays it gives.
    evaluate : callable or None
        What computes it, in place of a ufunc of SciPy's: floats, of single precision where no operand is of double.
    complex : bool
        Whether that gives complex numbers.
    """

    name: str
    arguments: tuple[str, ...]
    slopes: tuple[Slope, ...]
    source: str
    note: str
    ufunc: str
    results: int
    evaluate: Callable[..., Any] | None
    complex: bool


TABLE: dict[str, Entry] = {}

# What there are primitives for already: by name.
ALIASES = {
    "erf": erf, "erfc": erfc, "expit": sigmoid, "expm1": expm1, "log1p": log1p, "exp2": exp2, "cbrt": cbrt,
}  # fmt: skip


def define(
    signature: str, source: str, /, *, note: str = "", ufunc: str = "", results: int = 1,
    evaluate: Callable[..., Any] | None = None, complex: bool = False, **slopes: Slope,
) -> None:  # fmt: skip
    """Put a function into the table: ``define("jv(v, z)", "DLMF 10.6.1", v="…", z=lambda y, v, z: …)``."""
    name, _, rest = signature.partition("(")
    arguments = tuple(a.strip() for a in rest.rstrip(")").split(","))
    if set(slopes) != set(arguments):
        raise TypeError(f"{signature}: says what the derivatives by {', '.join(slopes)} are")
    by = tuple(slopes[a] for a in arguments)
    TABLE[name] = Entry(name, arguments, by, source, note, ufunc or name, results, evaluate, complex)


class _Functions:
    """The functions of the table as attributes: ``f.digamma(x)``; they may be named before they are defined."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return partial(apply, name)


f = _Functions()


def apply(name: str, /, *operands: Any) -> Any:
    """Apply a function of the table, or what stands for it, to values and Tracers alike."""
    if name in ALIASES:
        return ALIASES[name](*operands)
    return (special if TABLE[name].results == 1 else special_parts)(*operands, function=name)


@lru_cache(maxsize=1024)
def implementation(name: str) -> Callable[..., Any]:
    """Return what computes a function on plain values: SciPy's ufunc, imported at the first call, or our own."""
    return TABLE[name].evaluate or ufunc_named(name)


def ufunc_named(name: str) -> np.ufunc:
    """Return the ufunc behind a function of ``scipy.special``; NotWritten, where the installed SciPy has none."""
    ufunc = TABLE[name].ufunc if name in TABLE else name
    found = getattr(importlib.import_module("scipy.special"), ufunc, None)
    found = getattr(found, "__wrapped__", found)  # under SCIPY_ARRAY_API functions stand in place of the ufuncs
    if not isinstance(found, np.ufunc):
        found = getattr(importlib.import_module("scipy.special._ufuncs"), ufunc, None)
    if not isinstance(found, np.ufunc):
        raise NotWritten(
            f"scipy.special.{name}",
            where=source.here(),
            why=f"the SciPy that is installed, {importlib.import_module('scipy').__version__}, does not have it",
            fix="install a SciPy that does",
        )
    return found


def own_type(types: tuple, complex: bool = False) -> Any:
    """Return the type of a function that has no ufunc: of floats, or of complex numbers of their precision."""
    real = [array_type(t.shape, np.real(np.empty(0, t.dtype)).dtype, t.weak) for t in types]
    found = real[0]
    for t in real:
        found = elementwise_type(np.hypot, (found, t))
    return array_type(found.shape, np.result_type(found.dtype, np.complex64)) if complex else found


class _Special(Primitive):
    """Base: elementwise, as in `Elementwise`, where the ufunc is known by name only."""

    def infer_one(self, types: tuple, function: str) -> Any:
        ufunc = implementation(function)
        if isinstance(ufunc, np.ufunc):
            return elementwise_type(ufunc, types)
        return own_type(types, TABLE[function].complex)

    def function(self, params):
        return implementation(params["function"])

    def batch(self, size, operands, batched, *, function):
        return self(*align(operands, batched), function=function)

    def cost(self, types, results, *, function):
        return Cost(50 * results[0].size, moved_bytes(types, results))

    def slopes(self, operands, result, tangents, function):
        """Yield (tangent, derivative by its operand) for each operand that moves."""
        entry = TABLE[function]
        for i, (argument, slope) in enumerate(zip(entry.arguments, entry.slopes, strict=True)):
            if tangents[i] is None or slope is None:
                continue
            if isinstance(slope, str):
                raise refusal(entry, argument, slope)
            yield tangents[i], slope(result, *operands)


class Special(_Special):
    """A special function with one result; `function` is its name in the table."""

    name = "special"

    def infer(self, *types, function):
        return self.infer_one(types, function)

    def evaluate(self, *values, function):
        return implementation(function)(*values)

    def jvp(self, operands, result, tangents, *, function):
        total = None
        for v, slope in self.slopes(operands, result, tangents, function):
            total = add_tangents(total, mul(v, slope))
        return total


class SpecialParts(_Special):
    """A special function with several results: Airy's, Fresnel's, Jacobi's."""

    name, multiple = "special_parts", True

    def infer(self, *types, function):
        first = self.infer_one(types, function)
        return (first,) * TABLE[function].results

    def evaluate(self, *values, function):
        return implementation(function)(*values)

    def jvp(self, operands, result, tangents, *, function):
        totals: list[Any] = [None] * TABLE[function].results
        for v, slopes in self.slopes(operands, result, tangents, function):
            totals = [
                old if slope is None else add_tangents(old, mul(v, slope))
                for old, slope in zip(totals, slopes, strict=True)
            ]
        return tuple(totals)


special, special_parts = Special(), SpecialParts()


def refusal(entry: Entry, argument: str, why: str) -> NotWritten:
    """Return the error for a derivative by an argument that has none."""
    with source.inherit(None):  # rules are derived on behalf of no line: here the line is wanted
        where = source.here()
    name = f"special.{entry.name}({', '.join(entry.arguments)})"
    return NotWritten(
        f"the derivative of {entry.note or name if entry.name.startswith('_') else name} by {argument}",
        where=where,
        why=why,
        fix=f"pullback.stop_gradient({argument}), if it is to be held fixed; "
        "or give the function a derivative of your own with pullback.custom_jvp",
    )


# What formulas are written with, beside functions of the table -------------------------------


def is_complex(x: Any) -> bool:
    """Return whether an operand is complex."""
    return type_of(x).dtype.kind == "c"


def horner(x: Any, coefficients: Any) -> Any:
    """Return the polynomial Σ cₖ xᵏ."""
    *rest, total = coefficients
    for c in reversed(rest):
        total = total * x + c
    return total
