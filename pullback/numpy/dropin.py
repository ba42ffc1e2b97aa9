"""The drop-in: NumPy's names, for ``import pullback.numpy as np``."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from . import (
    creation,
    cumulative,
    diagonals,
    einstein,
    elementwise,
    indexing,
    joining,
    logic,
    mapping,
    matrices,
    methods,
    moments,
    nans,
    operators,
    padding,
    products,
    reductions,
    shapes,
    sorting,
    ufunc_methods,
    ufuncs,
    updates,
)
from .plain import aware, tracer_aware
from .registry import FACE

__all__ = ["HANDLERS", "attributes", "linalg_attributes"]

# Importing these files fills the table that the names below are read from.
HANDLERS = (
    creation, cumulative, diagonals, einstein, elementwise, indexing, joining, logic, mapping, matrices, methods,
    moments, nans, operators, padding, products, reductions, shapes, sorting, ufunc_methods, ufuncs, updates,
)  # fmt: skip

# What NumPy does not hand over even where a Tracer is in plain sight.
constructors: dict[str, Callable[..., Any]] = {
    "array": creation.array,
    "asarray": creation.asarray,
    "asanyarray": creation.asarray,
    "ascontiguousarray": creation.asarray,
    "asfortranarray": creation.asfarray,
    "full": creation.full,
    "full_like": creation.full_like,
    "arange": creation.arange,
}


def _public(module: ModuleType) -> dict[str, Callable[..., Any]]:
    """Return the names under which NumPy's module offers functions that have a handler."""
    found = {}
    for name, function in list(vars(module).items()):  # not dir: NumPy would load the submodules that it loads lazily
        if name.startswith("_"):
            continue
        handler = FACE.get(function) if callable(function) and getattr(function, "__hash__", None) else None
        if handler is not None:
            found[name] = tracer_aware(function, handler)
    return found


attributes = _public(np)
attributes.update({name: tracer_aware(getattr(np, name), ours) for name, ours in constructors.items()})
linalg_attributes = _public(np.linalg)

# What `plain_numpy` swaps: constructors, and the functions that plain code may give lists of Tracers.
for _module, _names in ((np, attributes), (np.linalg, linalg_attributes)):
    aware.update({(_module, name): function for name, function in _names.items()})
