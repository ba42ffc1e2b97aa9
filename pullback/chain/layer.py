"""Layers: functions f(x, w) that know how to multiply by their own Jacobians, transposed or not.

A layer maps an input x and parameters w to an output. Backprop needs two linear maps of it,
both of a cotangent u of the output:

    J_xᵀ u      the cotangent of the input, to be handed to the layer before
    J_wᵀ u      the gradient of the parameters

They follow automatically from f (reverse mode), or are written by hand and checked against
the automatic ones with `Layer.check`. Nothing here is needed to differentiate f: a layer
that is called is just f(x, w), and `pullback.grad` sees through it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import update_wrapper
from typing import Any

import numpy as np

from pullback.api.gradients import linearize
from pullback.core.errors import ArgumentError, DerivativeError
from pullback.core.source import here
from pullback.core.tree import flatten, map_leaves
from pullback.core.types import type_of

from .vjps import ByHand, LayerVjp, Moving, PerSample, automatic, line_of

__all__ = ["Layer", "layer"]


class Layer:
    """A function f(x, w), and its derivatives as linear maps. Made by `layer`.

    Attributes
    ----------
    f : callable
        The function itself, ``f(x, w, **options)``.
    data : bool
        What stands in place of w is no parameter but data: one row a sample (targets, random numbers).
    options : dict
        Keyword arguments of f.
    """

    __name__: str
    __qualname__: str

    def __init__(
        self, f: Callable[..., Any], make_vjp: Any = None, *, data: bool = False, options: dict | None = None
    ) -> None:
        if not callable(f):
            raise ArgumentError(
                f"layer of {type(f).__name__}",
                where=here(),
                why="a layer is a function",
                fix="layer(lambda x, w: x @ w)",
            )
        update_wrapper(self, f, updated=())
        self.__name__ = getattr(f, "__name__", type(f).__name__)
        self.f = f
        self.data = data
        self.options = dict(options or {})
        self._rule = make_vjp
        self._base: Layer | None = None

    def __call__(self, x: Any, w: Any = None, **options: Any) -> Any:
        """Return f(x, w)."""
        return self.f(x, w, **{**self.options, **options})

    def partial(self, **options: Any) -> Layer:
        """Return this layer with keyword arguments of f filled in.

        Examples
        --------
        >>> import numpy as np
        >>> from pullback.chain import conv2d
        >>> strided = conv2d.partial(stride=2)
        >>> strided(np.ones((1, 1, 4, 4)), np.ones((1, 1, 2, 2))).shape
        (1, 1, 2, 2)
        """
        filled = Layer(self.f, self._rule, data=self.data, options={**self.options, **options})
        filled.__name__ = self.__name__
        filled._base = self._base or self
        return filled

    # Jᵀ u: reverse mode ---------------------------------------------------------------------

    @property
    def make_vjp(self) -> Callable[..., LayerVjp]:
        """The function ``make_vjp(x, w, per_sample=False)``, which returns ``vjp(u) -> (J_xᵀu, J_wᵀu)``.

        Assign a function of (x, w), and of the layer's options if it has any, to give the rule
        by hand; None makes it automatic again. With `per_sample`, the second result has one
        gradient of w a sample, along a new first axis: they add up to the usual one.
        """
        return self._make_vjp

    @make_vjp.setter
    def make_vjp(self, rule: Callable[..., Any] | None) -> None:
        """Give the rule by hand."""
        self._rule = rule

    def _make_vjp(self, x: Any, w: Any = None, per_sample: bool = False) -> LayerVjp:
        return self.value_and_vjp(x, w, per_sample)[1]

    def value_and_vjp(self, x: Any, w: Any = None, per_sample: bool = False) -> tuple[Any, LayerVjp]:
        """Return f(x, w), and the vjp at that point; f runs once."""
        value, pull = self._by_hand(x, w) if self._rule is not None else self._automatic(x, w)
        if per_sample and not self.data and flatten(w)[0]:
            pull = PerSample(self._make_vjp, x, w)
        return value, pull

    def vjp_x(self, x: Any, w: Any = None) -> Callable[[Any], Any]:
        """Return the function u ↦ J_xᵀu."""
        if self._rule is not None:
            pull = self._make_vjp(x, w)
            return lambda u: pull(u)[0]
        pull = automatic(lambda moved: self(moved, w), (x,))[1]
        return lambda u: pull(u)[0]

    def vjp_w(self, x: Any, w: Any = None, per_sample: bool = False) -> Callable[[Any], Any]:
        """Return the function u ↦ J_wᵀu; with `per_sample`, one such gradient a sample."""
        if self._rule is not None or per_sample:
            pull = self._make_vjp(x, w, per_sample)
            return lambda u: pull(u)[1]
        pull = automatic(lambda moved: self(x, moved), (w,))[1]
        return lambda u: pull(u)[0]

    # J v: forward mode ----------------------------------------------------------------------

    def jvp(self, x: Any, w: Any = None) -> Callable[..., Any]:
        """Return the function (vx, vw) ↦ J_x vx + J_w vw; None stands for a zero.

        Always automatic: a rule by hand is one for the transpose.

        Examples
        --------
        >>> import numpy as np
        >>> from pullback.chain import dot
        >>> dot.jvp(np.ones((1, 2)), np.ones((2, 1)))(np.array([[1.0, 2.0]]), None)
        array([[3.]])
        """
        moving = Moving((x, w))
        _, push = linearize(lambda arrays: self(*moving.filled(arrays)), moving.arrays)

        def jvp(vx: Any, vw: Any = None) -> Any:
            return push(moving.tangents((vx, vw)))

        return jvp

    # A rule by hand against the automatic one -------------------------------------------------

    def check(self, x: Any, w: Any = None, *, rtol: float | None = None, seed: int = 0) -> float:
        """Compare the rule written by hand with the automatic one, in a random direction u.

        Parameters
        ----------
        x, w
            Where to compare.
        rtol : float, optional
            How much they may differ, relative to the norm of the automatic result:
            ``eps**(2/3)`` by default, 4e-11 in double precision.
        seed : int
            Of the random u.

        Returns
        -------
        float
            The greater of the two relative differences. A layer without a rule by hand is its own measure: 0.

        Raises
        ------
        CustomRuleError
            If the rule does not return a pair, or shapes that are not those of x and w.
        DerivativeError
            If it is off: the message says in which part, and by how much.
        """
        rng = np.random.default_rng(seed)
        value, automatic = self._automatic(x, w)
        u = map_leaves(lambda y: rng.standard_normal(type_of(y).shape).astype(type_of(y).dtype), value)
        right, given = automatic(u), self._make_vjp(x, w)(u)
        off = [
            _difference(self, name, a, b, rtol)
            for name, a, b in zip(("J_xᵀu, the cotangent of x", "J_wᵀu, the gradient of w"), given, right, strict=True)
        ]
        return max(off)

    def _automatic(self, x: Any, w: Any) -> tuple[Any, LayerVjp]:
        return automatic(self, (x, w))

    def _by_hand(self, x: Any, w: Any) -> tuple[Any, LayerVjp]:
        return self(x, w), ByHand(self, self._rule, x, w)

    # ------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        filled = ", ".join(f"{k}={v!r}" for k, v in self.options.items())
        return self.__name__ + (f"({filled})" if filled else "")

    def __reduce__(self):
        if self._base is not None:
            return _partial, (self._base, self.options)
        if self._is_named():
            return self.__qualname__  # by reference, as a function: the module's own layer
        return _rebuild, (self.f, self._rule, self.data, self.options)

    def _is_named(self) -> bool:
        """Return whether the layer has taken the place of its function: ``@layer`` in a module."""
        found: Any = sys.modules.get(getattr(self, "__module__", ""))
        for name in getattr(self, "__qualname__", "<").split("."):
            found = getattr(found, name, None)
        return found is self


def _partial(base: Layer, options: dict) -> Layer:
    return base.partial(**options)


def _rebuild(f: Any, rule: Any, data: bool, options: dict) -> Layer:
    return Layer(f, rule, data=data, options=options)


def layer(f: Any = None, make_vjp: Callable[..., Any] | None = None, *, data: bool = False) -> Any:
    """Make a `Layer` of a function f(x, w): as a decorator, or called.

    Parameters
    ----------
    f : callable
        Of an input x, shape (bs, a) for a batch of bs samples, and of parameters w: an array, a
        pytree of arrays, or None for a layer without parameters.
    make_vjp : callable, optional
        The derivative by hand: a function of (x, w) that returns ``vjp``, with
        ``vjp(u) -> (J_xᵀu, J_wᵀu)``. Without it the derivative is automatic.
    data : bool
        In place of w stands no parameter but data, one row a sample: targets, random numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from pullback.chain import layer
    >>> @layer
    ... def dot(x, w):
    ...     return x @ w
    >>> x, w = np.ones((4, 2)), np.ones((2, 3))
    >>> ux, uw = dot.make_vjp(x, w)(np.ones((4, 3)))
    >>> ux.shape, uw.shape
    ((4, 2), (2, 3))

    By hand, and checked:

    >>> dot.make_vjp = lambda x, w: lambda u: (u @ w.T, x.T @ u)
    >>> dot.check(x, w) < 1e-12
    True
    """
    if f is None:
        return lambda function: Layer(function, make_vjp, data=data)
    return Layer(f, make_vjp, data=data)


def _difference(owner: Layer, name: str, given: Any, right: Any, rtol: float | None) -> float:
    """Return how far a part of a rule by hand is off, relative to its norm; raise if too far."""
    leaves, structure = flatten(right)
    found = structure.flatten_up_to(given) if given is not None else [None] * len(leaves)
    worst = 0.0
    for a, b in zip(found, leaves, strict=True):
        a = np.zeros(np.shape(b)) if a is None else np.asarray(a)
        scale = float(np.linalg.norm(np.ravel(b)))
        off = float(np.linalg.norm(np.ravel(a - b)))
        relative = off / scale if scale else off
        allowed = float(np.finfo(b.dtype).eps) ** (2 / 3) if rtol is None else rtol
        if not relative <= allowed:
            raise DerivativeError(
                f"the rule of layer {owner!r}, written by hand, is off in {name}: by {off:.3g}, "
                f"{relative:.3g} of its norm ({allowed:.1g} is allowed)",
                where=line_of(owner._rule),
                why=f"the automatic one gives a norm of {scale:.6g}, and this one {np.linalg.norm(np.ravel(a)):.6g}",
                fix="correct the rule, or leave it out: layer.make_vjp = None",
            )
        worst = max(worst, relative)
    return worst
