"""The vjp of a layer at a point: automatic, written by hand, or with one gradient a sample."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from pullback.api.batching import vmap
from pullback.api.gradients import vjp
from pullback.core.errors import CustomRuleError, TreeError
from pullback.core.source import here
from pullback.core.tree import flatten, is_array, map_leaves, unflatten
from pullback.core.types import is_inexact, type_of

__all__ = ["ByHand", "LayerVjp", "Moving", "PerSample", "automatic", "line_of"]


def line_of(rule: Any) -> str:
    """Return where a function was written, ``file:line``."""
    code = getattr(rule, "__code__", None)
    return f"{os.path.basename(code.co_filename)}:{code.co_firstlineno}" if code else repr(rule)


class Moving:
    """The leaves of some trees that can have a derivative; the others (integers, strings) stay as they are."""

    def __init__(self, trees: tuple) -> None:
        self.leaves, self.structure = flatten(trees)
        self.places = [i for i, x in enumerate(self.leaves) if is_array(x) and is_inexact(x)]
        self.arrays = [self.leaves[i] for i in self.places]

    def filled(self, arrays: Any) -> Any:
        """Return the trees, with these arrays."""
        leaves = list(self.leaves)
        for i, x in zip(self.places, arrays, strict=True):
            leaves[i] = x
        return unflatten(self.structure, leaves)

    def rebuilt(self, arrays: Any) -> Any:
        """Return trees of these arrays, with None for what stays."""
        leaves: list[Any] = [None] * len(self.leaves)
        for i, x in zip(self.places, arrays, strict=True):
            leaves[i] = x
        return unflatten(self.structure, leaves)

    def tangents(self, trees: tuple) -> list[Any]:
        """Return the leaves of trees of tangents, zeros for those that are None."""
        full = tuple(
            self.rebuilt([np.zeros(x.shape, x.dtype) for x in map(type_of, self.arrays)])[i] if v is None else v
            for i, v in enumerate(trees)
        )
        try:
            found = self.structure.flatten_up_to(full)
        except (ValueError, TypeError) as error:
            raise TreeError(
                f"tangents of structure {flatten(trees)[1]}, where (x, w) has {self.structure}",
                where=here(),
                why="a tangent has the structure of what it belongs to",
                fix="None for x or w as a whole stands for a zero",
            ) from error
        return [found[i] for i in self.places]


class LayerVjp:
    """A function of a cotangent u that returns (J_xᵀu, J_wᵀu)."""

    residuals: list[Any]

    def __call__(self, u: Any) -> Any:
        """Return (J_xᵀu, J_wᵀu)."""
        raise NotImplementedError


class Automatic(LayerVjp):
    """By reverse mode."""

    def __init__(self, moving: Moving, pullback: Any) -> None:
        self.moving, self.pullback = moving, pullback

    def __call__(self, u: Any) -> tuple[Any, ...]:
        (cotangents,) = self.pullback(u)
        return self.moving.rebuilt(cotangents)

    @property
    def residuals(self) -> list[Any]:
        """What is kept in memory for it."""
        return self.pullback.residuals


def automatic(f: Callable[..., Any], args: tuple) -> tuple[Any, Automatic]:
    """Return f(*args), and its vjp by reverse mode."""
    moving = Moving(args)
    value, pullback = vjp(lambda arrays: f(*moving.filled(arrays)), moving.arrays)
    return value, Automatic(moving, pullback)


class ByHand(LayerVjp):
    """By a rule that the user wrote, whose results are checked for their number and shapes."""

    def __init__(self, owner: Any, rule: Any, x: Any, w: Any) -> None:
        self.owner, self.rule, self.x, self.w = owner, rule, x, w
        self.residuals = []
        self.pull = rule(x, w, **owner.options)
        if not callable(self.pull):
            raise self._wrong(f"returned a {type(self.pull).__name__}", "make_vjp(x, w) returns a function of u")

    def __call__(self, u: Any) -> tuple[Any, Any]:
        """Return (J_xᵀu, J_wᵀu)."""
        out = self.pull(u)
        if not (isinstance(out, tuple | list) and len(out) == 2):
            size = f" of {len(out)}" if isinstance(out, tuple | list) else ""
            raise self._wrong(f"returned a {type(out).__name__}{size}", "vjp(u) returns the pair (J_xᵀu, J_wᵀu)")
        for name, given, of in (("x", out[0], self.x), ("w", out[1], self.w)):
            self._check_shapes(name, given, of)
        return out[0], out[1]

    def _check_shapes(self, name: str, given: Any, of: Any) -> None:
        if given is None:
            return
        leaves, structure = flatten(of)
        try:
            found = structure.flatten_up_to(given)
        except (ValueError, TypeError):
            raise self._wrong(
                f"returned for {name} a tree of structure {flatten(given)[1]}", f"{name} has structure {structure}"
            ) from None
        for a, b in zip(found, leaves, strict=True):
            if a is not None and np.shape(a) != np.shape(b):
                raise self._wrong(
                    f"returned for {name} an array of shape {np.shape(a)}", f"{name} has shape {np.shape(b)}"
                )

    def _wrong(self, what: str, why: str) -> CustomRuleError:
        return CustomRuleError(
            f"the vjp of layer {self.owner!r}, written by hand, {what}",
            where=line_of(self.rule),
            why=why,
            fix="compare it with the automatic one: layer.check(x, w)",
        )


class PerSample(LayerVjp):
    """The usual J_xᵀu, and J_wᵀu of each sample: the layer, on a batch of one, mapped over the batch.

    The layer runs again for this, all samples at once.
    """

    def __init__(self, make_vjp: Any, x: Any, w: Any) -> None:
        self.make_vjp, self.x, self.w = make_vjp, x, w
        self.residuals = []

    def __call__(self, u: Any) -> tuple[Any, Any]:
        """Return J_xᵀu, and J_wᵀu of each sample."""

        def one(x: Any, u: Any) -> tuple[Any, Any]:
            pull = self.make_vjp(map_leaves(_batch_of_one, x), self.w)
            return pull(map_leaves(_batch_of_one, u))

        ux, uw = vmap(one)(self.x, u)
        return map_leaves(lambda a: np.reshape(a, (a.shape[0], *a.shape[2:])), ux), uw


def _batch_of_one(x: Any) -> Any:
    return x[None]
