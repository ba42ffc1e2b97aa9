"""Kinds: how an equation is run: where it is read, in a step of its own, or by NumPy.

"view", "assembled", "elementwise", "inline" and "iota" are computed where they are read;
"reduction" is accumulated in a nest; "constant" is in memory; "loop", "branches", "product",
"loops" (a contraction), "row", "bits", "update", "matrix" and "tape" are steps; "callback" is for NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pullback.core.program import Equation, Literal

from .access import is_view, lead_rank, literals_fit
from .assembling import is_assembled
from .complexes import is_complex, takes_complex
from .products import scheme
from .scalars import CARRIED, OPERATIONS, SUPPORTED
from .specials import lowers

__all__ = ["REDUCTIONS", "kind_of", "reduced_axes"]

REDUCTIONS = {
    "sum": "add", "prod": "mul", "max": "maximum", "min": "minimum", "any": "or", "all": "and", "sum_to": "add",
}  # fmt: skip
_UNROLLED_IN_A_TURN = 128  # elements that reductions in registers read in one turn of a nest
_UPDATES = ("scatter", "index_set", "index_add", "cut")
_MATRICES = (
    "solve", "inv", "det", "slogdet", "cholesky", "triangular_solve", "cofactor", "cofactor_tangent", "eigh", "svd",
    "qr", "pinv",
)  # fmt: skip
_OF_LAPACK = ("float64", "float32", "complex128", "complex64")
_FIXED = {
    "loop": "loop", "cond": "branches", "constant": "constant", "empty_tape": "tape", "count_turns": "tape",
}  # fmt: skip
# What small and unsigned integers do here: it does not depend on their sign, or knows it.
_SIGNLESS = {
    "select", "mask", "add", "sub", "mul", "div", "neg", "square", "sum", "sum_to", "max", "min", "maximum", "minimum",
    "bitwise_and", "bitwise_or", "bitwise_xor", "invert", "equal", "not_equal", "less", "less_equal", "greater",
    "greater_equal",
}  # fmt: skip


def kind_of(eq: Equation) -> str:
    """Return how an equation is run."""
    name = eq.primitive.name
    if name in _FIXED:
        return _FIXED[name]
    types = [x.type for x in (*eq.operands, *eq.results)]
    if name in _MATRICES:
        return _of_matrices(eq, types)
    if any(not hasattr(t, "shape") for t in types) or len(eq.results) != 1:
        return "callback"
    if any(t.dtype.name not in SUPPORTED for t in types) and not _carries(eq, types):
        return "callback"
    if any(is_complex(t) for t in types) and not (takes_complex(name) or is_view(eq) or is_assembled(eq)):
        return "callback"
    if is_view(eq):
        return "view"
    if is_assembled(eq):
        return "assembled"
    rule = _KINDS.get(name)
    if rule is not None:
        return rule(eq)
    return "elementwise" if name in OPERATIONS and eq.operands and not _overflows(eq) else "callback"


def _overflows(eq: Equation) -> bool:
    """Return whether a Python integer does not fit into the integers that it meets: NumPy is to say so."""
    dtype = eq.results[0].type.dtype
    info = np.iinfo(dtype if dtype.kind in "iu" else np.int64)
    ints = [x.value for x in eq.operands if type(x) is Literal and type(x.value) is int]
    return any(not info.min <= i <= info.max for i in ints)


def _carries(eq: Equation, types: list[Any]) -> bool:
    """Return whether an equation is one that small and unsigned integers have."""
    name = eq.primitive.name
    if any(t.dtype.name not in SUPPORTED and t.dtype.name not in CARRIED for t in types):
        return False
    if name == "convert":
        return types[0].dtype.kind not in "fc"
    return name in _SIGNLESS or is_view(eq) or is_assembled(eq) or name in _UPDATES


def _of_matrices(eq: Equation, types: list[Any]) -> str:
    """LAPACK takes numbers of one precision; cofactors are written out up to 3 by 3, and then NumPy's."""
    name, dtype = eq.primitive.name, types[0].dtype
    matrices = types[:1] if name == "pinv" else [x.type for x in eq.operands]
    one = dtype.name in _OF_LAPACK and all(t.dtype == dtype for t in matrices)
    ours = one and not any(0 in t.shape for t in types) and not eq.params.get("hermitian", False)
    written = not name.startswith("cofactor") or types[0].shape[-1] <= 3
    return "matrix" if ours and written else "callback"


def _updates(eq: Equation) -> str:
    y, last = eq.results[0].type, eq.primitive.name == "last_written"
    shape, indices = (eq.params["shape"], eq.operands) if last else (y.shape, eq.operands[1:])
    return "update" if y.size and literals_fit(eq, shape, indices) else "callback"


def _reduces(eq: Equation) -> str:
    return "inline" if _reduces_trailing(eq) else "reduction"


def _places(eq: Equation) -> str:
    return "inline" if eq.params["axis"] >= lead_rank(eq.operands[0].type.shape) else "row"


def _walks(eq: Equation) -> str:
    return "row" if eq.results[0].type.dtype.kind != "b" else "callback"


def _integer_power(eq: Equation) -> str:
    n, floats = eq.params["n"], eq.results[0].type.dtype.kind in "fc"
    return "elementwise" if abs(n) <= 64 and (n >= 0 or floats) else "callback"


def _power(eq: Equation) -> str:
    return "elementwise" if eq.results[0].type.dtype.kind in "fc" and "power" in OPERATIONS else "callback"


_KINDS: dict[str, Callable[[Equation], str]] = {
    **dict.fromkeys((*_UPDATES, "last_written"), _updates),
    **dict.fromkeys(REDUCTIONS, _reduces),
    **dict.fromkeys(("argmax", "argmin"), _places),
    **dict.fromkeys(("cumsum", "cumprod", "cummax", "cummin", "recurrence"), _walks),
    **dict.fromkeys(("share", "searchsorted"), lambda eq: "elementwise"),
    "contract": lambda eq: scheme(eq, lead_rank),
    "integer_power": _integer_power,
    "power": _power,
    "special": lambda eq: "elementwise" if lowers(eq) and not _overflows(eq) else "callback",
    "iota": lambda eq: "iota",
    "philox": lambda eq: "bits" if eq.results[0].type.size else "callback",
}


def _reduces_trailing(eq: Equation) -> bool:
    """Return whether an equation reduces axes that are unrolled, and few elements of them in one turn."""
    x, y = eq.operands[0].type.shape, eq.results[0].type.shape
    k = lead_rank(x)
    turn = math.prod(x[min(lead_rank(y), k) :])
    return min(reduced_axes(eq), default=k) >= k and turn <= _UNROLLED_IN_A_TURN


def reduced_axes(eq: Equation) -> tuple[int, ...]:
    """Return the axes over which an equation reduces."""
    if eq.primitive.name != "sum_to":
        return eq.params["axes"]
    old, new = eq.operands[0].type.shape, eq.params["shape"]
    lead = len(old) - len(new)
    return (*range(lead), *(lead + i for i, n in enumerate(new) if n == 1 and old[lead + i] != 1))
