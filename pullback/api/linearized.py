"""A function linearised at a point: what grad, vjp, linearize and the Jacobians are made of."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pullback.core import conventions
from pullback.core.arrays import own, snapshot
from pullback.core.errors import DTypeError, ShapeError, TreeError
from pullback.core.source import here
from pullback.core.tracer import Tracer
from pullback.core.tree import flatten, is_array, matching_leaves, shown, unflatten
from pullback.core.types import type_of
from pullback.transforms.linearize import LinearizeRecorder

from .calls import Selection, unpack_aux, zero_like

__all__ = ["Linearized"]

_ALONE = 2  # what sys.getrefcount says of an object that one name refers to


class Linearized:
    """f at x: its value, and the tape of its linear part.

    Attributes
    ----------
    inputs : list
        The selected arrays, as snapshots.
    values : list
        Values of the output leaves (arrays and others), one level out.
    nodes : list of int or None
        Where each output's tangent is on the tape.
    structure
        Structure of the output; `aux` is the auxiliary output, or None.
    """

    __slots__ = ("aux", "in_types", "inputs", "nodes", "selection", "structure", "tape", "values")

    def __init__(self, f: Callable[..., Any], selection: Selection, has_aux: bool = False) -> None:
        recorder = LinearizeRecorder()
        self.selection = selection
        self.inputs = [snapshot(x) if isinstance(x, np.ndarray) else x for x in selection.inputs()]
        tracers = [recorder.input(x) for x in self.inputs]
        self.in_types = [x.type for x in tracers]
        try:
            out = selection.call(f, tracers)
        finally:
            recorder.close()
        self.aux = None
        if has_aux:
            out, aux = unpack_aux(out, f)
            leaves, structure = flatten(aux)
            self.aux = unflatten(structure, own([recorder.primal(x) for x in leaves], self.inputs))
        leaves, self.structure = flatten(out)
        self.nodes = [recorder.node(x) for x in leaves]
        self.values = [recorder.primal(x) for x in leaves]
        self.tape = recorder.tape
        del tracers, out, leaves
        if sys.getrefcount(recorder) > _ALONE:  # a Tracer is still about: it has leaked, or sits in a cycle
            recorder.keep_sources()

    def value(self) -> Any:
        """Return the output, sharing memory with nothing that is kept."""
        return unflatten(self.structure, own(self.values, self.kept()))

    def kept(self) -> list[Any]:
        """Return every array that the tape holds on to."""
        return [*self.inputs, *(r for step in self.tape.steps for r in step[2])]

    def pull(self, cotangents: Sequence[Any], consume: bool = False) -> list[Any]:
        """Return one cotangent an input, zeros included, sharing memory with nothing else."""
        pulled = self.tape.pull(self.nodes, list(cotangents), len(self.inputs), consume)
        out = [
            zero_like(x) if u is None else fitted(u, t)
            for u, x, t in zip(pulled, self.inputs, self.in_types, strict=True)
        ]
        return own(out, cotangents if consume else [*cotangents, *self.kept()])

    def push(self, tangents: Sequence[Any]) -> list[Any]:
        """Return one tangent an output, zeros included; None for outputs that are no inexact arrays."""
        pushed = self.tape.push(list(tangents), self.nodes)
        out = []
        for v, value in zip(pushed, self.values, strict=True):
            if v is None and is_array(value) and type_of(value).inexact:
                v = zero_like(value)
            out.append(v)
        return own(out, [*tangents, *self.kept()])


def fitted(u: Any, type: Any) -> Any:
    """Return a cotangent as a NumPy value of an input's dtype (a weak input's is strong)."""
    if not isinstance(u, Tracer):
        u = np.asarray(u, dtype=type.dtype)[()] if type.ndim == 0 else u
    return u


def conjugate_if_pytorch(us: Sequence[Any]) -> list[Any]:
    """Return cotangents in the convention in force: conjugated under ``complex="pytorch"``."""
    if conventions.current().complex == "jax":
        return list(us)
    return [np.conj(u) if is_array(u) and type_of(u).dtype.kind == "c" else u for u in us]


def checked_leaves(given: Any, structure: Any, types: Sequence[Any], what: str, of: str) -> list[Any]:
    """Return the leaves of a cotangent or tangent, of the right tree, shapes and dtypes.

    `types` has one entry a leaf, None where the output is no inexact array: there the leaf may be
    anything, None too.
    """
    leaves = matching_leaves(given, unflatten(structure, range(structure.num_leaves)))
    if leaves is None or any(x is None and t is not None for x, t in zip(leaves, types, strict=True)):
        raise TreeError(
            f"a {what} of structure {shown(flatten(given)[1])}, where {shown(structure)} is that of {of}",
            where=here(),
            why=f"a {what} has the structure of what it belongs to, with an array of the same shape for each leaf",
            fix="one array for each leaf, of its shape: np.ones_like(leaf)",
        )
    return [checked_leaf(x, t, what, of) for x, t in zip(leaves, types, strict=True)]


def _kind(x: Any) -> str:
    return f"{type(x).__name__}, {x!r:.60}"


def checked_leaf(x: Any, type: Any, what: str, of: str) -> Any:
    """Return one cotangent or tangent as it is used: of the very type that it belongs to."""
    if type is None:
        return None
    if not is_array(x):
        raise DTypeError(
            f"a {what} that is {_kind(x)}, for {of} of {type!r}",
            where=here(),
            why=f"a {what} is an array of numbers",
            fix=f"pass an array of shape {type.shape}",
        )
    x = x if isinstance(x, Tracer) else np.asarray(x)
    if x.shape != type.shape:
        raise ShapeError(
            f"a {what} of shape {x.shape} for {of} of shape {type.shape}",
            where=here(),
            why=f"a {what} has the shape of what it belongs to",
            fix=f"pass an array of shape {type.shape}",
        )
    if not np.can_cast(x.dtype, type.dtype, casting="same_kind"):
        raise DTypeError(
            f"a {what} of dtype {x.dtype} for {of} of dtype {type.dtype}",
            where=here(),
            why=f"a {what} has the dtype of what it belongs to, or one that converts to it",
            fix=f"pass x.astype(np.{type.dtype.name})",
        )
    return x if x.dtype == type.dtype else x.astype(type.dtype)
