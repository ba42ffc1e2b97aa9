"""The drop-in: NumPy's names, for ``import pullback.numpy as np``."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from . import (
    array_api,
    buffers,
    creation,
    cumulative,
    decompositions,
    diagonals,
    einstein,
    elementwise,
    fourier,
    histograms,
    indexing,
    joining,
    logic,
    mapping,
    matrices,
    methods,
    moments,
    mutation,
    nans,
    objects,
    operators,
    packing,
    padding,
    polynomials,
    products,
    quantiles,
    reductions,
    sets,
    shapes,
    sorting,
    ufunc_methods,
    ufuncs,
    updates,
    windows,
)
from .outputs import takes_out
from .plain import fft, in_block, linalg, maker, maker_for_users, makers, others, tracer_aware
from .registry import FACE

__all__ = ["HANDLERS", "attributes", "fft_attributes", "linalg_attributes"]

# Importing these files fills the table that the names below are read from.
HANDLERS = (
    array_api, creation, cumulative, decompositions, diagonals, einstein, elementwise, fourier, histograms, indexing,
    joining, logic, mapping, matrices, methods, moments, mutation, nans, operators, packing, padding,
    polynomials, products, quantiles, reductions, sets, shapes, sorting, ufunc_methods, ufuncs, updates,
    windows,
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
MAKERS = (
    "array", "arange", "asarray", "ascontiguousarray", "copy", "empty", "empty_like", "eye", "full", "full_like",
    "identity", "linspace", "ones", "ones_like", "tri", "zeros", "zeros_like",
)  # fmt: skip

# No makers of arrays to be written into; but NumPy does not hand them over either.
NOT_HANDED_OVER = ("asanyarray", "asarray_chkfinite", "asfortranarray", "kaiser", "require")


def _public(module: ModuleType) -> dict[str, Callable[..., Any]]:
    """Return the names under which NumPy's module offers functions that have a handler."""
    found = {}
    for name, function in list(vars(module).items()):  # not dir: NumPy would load the submodules that it loads lazily
        if name.startswith("_"):
            continue
        handler = FACE.get(function) if callable(function) and getattr(function, "__hash__", None) else None
        if handler is not None:
            found[name] = tracer_aware(function, takes_out(handler, name))
    return found


attributes = _public(np)
attributes.update({name: tracer_aware(getattr(np, name), ours) for name, ours in constructors.items()})
attributes.update({n: maker(getattr(np, n), constructors.get(n) or FACE[getattr(np, n)]) for n in MAKERS})
attributes.update(objects.OBJECTS)
linalg_attributes, fft_attributes = _public(np.linalg), _public(np.fft)

buffers.define_held()

# What is swapped on NumPy: makers of arrays while a function runs, and the rest inside of `plain_numpy`.
for _name, _function in attributes.items():
    if _name in objects.OBJECTS:
        makers.add(_name, _function)
    elif _name in MAKERS or _name in NOT_HANDED_OVER:
        makers.add(_name, maker_for_users(getattr(np, _name), _function))
    else:
        others.add(_name, in_block(getattr(np, _name), _function))
for _name, _function in linalg_attributes.items():
    linalg.add(_name, in_block(getattr(np.linalg, _name), _function))
for _name, _function in fft_attributes.items():
    fft.add(_name, in_block(getattr(np.fft, _name), _function))
