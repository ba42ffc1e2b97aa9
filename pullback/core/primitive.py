"""Primitive: the base class in which all rules of one operation stand beside each other.

A primitive takes array operands by position and static, hashable parameters by keyword.
Its rules are written with primitives and never look whether something is a Tracer.

===============  ==================================================================
`infer`          types in, types out; where misuse is refused
`evaluate`       NumPy: the specification of all the other rules
`linear`         groups of operands in which it is (jointly) linear
`jvp`            tangents in, tangents out; a linear primitive has one already
`transpose`      cotangents of the results in, cotangents of the moving operands out
`batch`          the operation with a batch axis in front of some operands
`cost`           floating-point operations and bytes moved
`linearize`      (and `push`) only where a Program is held
===============  ==================================================================

Forgetting a rule is an error at import. "Not differentiable" is said (``smooth = False``).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, ClassVar, NamedTuple

import numpy as np

from .recorder import bind
from .types import PYTHON_SCALARS, Type

__all__ = ["Cost", "Linear", "Primitive", "Same", "freeze", "infer_types", "is_linear", "primitives"]

primitives: dict[str, Primitive] = {}  # by name: what pickling and the conformance tests go by


class Cost(NamedTuple):
    """What one equation costs: floating-point operations, and bytes read and written."""

    flops: int
    bytes: int


class Linear:
    """Stands for an operand that moves, in `transpose`: it has a type and no value."""

    __slots__ = ("type",)

    def __init__(self, type: Any) -> None:
        self.type = type

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the operand."""
        return self.type.shape

    @property
    def dtype(self) -> np.dtype:
        """Dtype of the operand."""
        return self.type.dtype


def is_linear(x: Any) -> bool:
    """Return whether an operand of a `transpose` rule is one that moves."""
    return type(x) is Linear


class Same(NamedTuple):
    """A result of `batch` that is the same in every lane, and has no batch axis."""

    value: Any


class Primitive:
    """One operation and all its rules.

    Class attributes
    ----------------
    name : str
        Unique. A base class for a family has none.
    multiple : bool
        Whether the results come as a tuple.
    smooth : bool
        False: integer, boolean or piecewise constant; its results never move.
    masks : bool
        Its result, in a linear Program, is a zero wherever a mask has cut it.
    strong : Primitive or None
        The product to record in its place when a moving operand is masked.
    quiet : bool
        Whether `evaluate` can never warn (or does so only where its primal did).
    effect : str or None
        "raise", "print", "callback": kept and ordered by every pass.
    keeps_weak : bool
        Whether Python scalars in give a Python scalar out.
    """

    name: str
    multiple: ClassVar[bool] = False
    smooth: ClassVar[bool] = True
    masks: ClassVar[bool] = False
    strong: Primitive | None = None
    quiet: ClassVar[bool] = False
    effect: ClassVar[str | None] = None
    keeps_weak: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__:
            return  # a base class of a family

        def states(rule: str) -> bool:
            return getattr(cls, rule) is not getattr(Primitive, rule)

        missing = [rule for rule in ("infer", "evaluate", "batch") if not states(rule)]
        if cls.smooth and not (states("jvp") or states("linearize") or (states("linear") and states("transpose"))):
            missing.append("jvp (or linear and transpose, or smooth = False)")
        if states("linear") and not states("transpose"):
            missing.append("transpose")
        if missing:
            raise TypeError(f"primitive {cls.__name__} states no {', no '.join(missing)} rule")

    def __init__(self) -> None:
        if hasattr(self, "name"):
            if self.name in primitives:
                raise TypeError(f"two primitives are named {self.name!r}")
            primitives[self.name] = self
        self.rules: dict[Any, Any] = {}  # linear rules by types: filled by transforms
        self.takes_mode = "mode" in inspect.signature(self.evaluate).parameters
        self.holds_programs = type(self).linearize is not Primitive.linearize

    def __call__(self, *operands: Any, **params: Any) -> Any:
        """Apply the primitive to values and Tracers alike."""
        return bind(self, operands, params)

    # The rules --------------------------------------------------------------------------

    def infer(self, *types: Any, **params: Any) -> Any:
        """Return the type of the result, or a tuple of types if `multiple`."""
        raise NotImplementedError

    def evaluate(self, *values: Any, **params: Any) -> Any:
        """Compute the result from plain values with NumPy."""
        raise NotImplementedError

    def linear(self, n_operands: int, params: dict) -> tuple[tuple[int, ...], ...]:
        """Return the groups of operands in which the primitive is jointly linear."""
        return ()

    def jvp(self, operands: tuple, result: Any, tangents: tuple, **params: Any) -> Any:
        """Return the tangent of the result (a tuple if `multiple`); None is a structural zero.

        `tangents` has one entry an operand, None where it does not move. The rule of a
        linear primitive follows from `linear`: the sum over groups.
        """
        total = None
        for group in self.linear(len(operands), params):
            if all(tangents[i] is None for i in group):
                continue
            moved = list(operands)
            for i in group:
                moved[i] = zeros_like(operands[i]) if tangents[i] is None else tangents[i]
            total = add_tangents(total, bind(self, tuple(moved), params))
        return total

    def transpose(self, u: Any, *operands: Any, **params: Any) -> tuple:
        """Return one cotangent an operand: None for those that are not `Linear`.

        `u` is the cotangent of the result; a tuple, with None for structural zeros, if `multiple`.
        """
        raise NotImplementedError

    def batch(self, size: int, operands: tuple, batched: tuple[bool, ...], **params: Any) -> Any:
        """Return the result for all lanes, batch axis in front (a tuple if `multiple`).

        Where ``batched[i]``, operand i has a leading axis of `size` lanes. A result without
        batch axis comes as `Same`.
        """
        raise NotImplementedError

    def cost(self, types: tuple, results: tuple, /, **params: Any) -> Cost:
        """Return what one evaluation costs; by default it moves its operands and results, and computes nothing."""
        return Cost(0, moved_bytes(types, results))

    # Only for primitives that hold Programs (call, cond, loop, checkpoint, custom rules):

    def linearize(self, operands: tuple, moving: tuple[bool, ...], params: dict) -> Any:
        """Return (results, residuals, rule): the results, and what is linear in the operands that move.

        The rule is a `transforms.rules.Rule`; its Program takes the residuals, then the tangents.
        """
        raise NotImplementedError

    def push(self, operands: tuple, tangents: tuple, params: dict) -> tuple[Any, tuple]:
        """Return (results, tangents of the results) together: forward mode, without residuals."""
        raise NotImplementedError

    # How others use it --------------------------------------------------------------------

    def function(self, params: dict) -> Callable[..., Any]:
        """Return `evaluate` with its parameters filled in: what straight-line code calls."""
        return partial(self.evaluate, **params) if params else self.evaluate

    def add_into(self, params: dict) -> Callable[..., None] | None:
        """Return a function that adds the result to an array in place, where that is much cheaper than `add`."""
        return None

    def evaluate_weak(self, operands: tuple, params: dict) -> Any:
        """Evaluate plain values; Python scalars give a Python scalar where NEP 50 says so."""
        result = self.evaluate(*operands, **params)
        if self.keeps_weak and all(type(x) in PYTHON_SCALARS for x in operands):
            return result.item()
        return result

    def quiet_params(self, params: dict) -> dict | None:
        """Return the parameters under which the primitive never raises; None: leave the equation out.

        For lanes of a batch that did not come this way. By default an equation that prints or
        calls back is left out, and any other is as it was; one that may raise takes ``mode="clip"``.
        """
        if self.takes_mode:
            return {**params, "mode": "clip"}
        return None if self.effect is not None else params

    def written(self, params: dict) -> str:
        """Return the parameters as the printer shows them."""
        return ", ".join(f"{k}={v}" for k, v in params.items() if v is not None)

    def __repr__(self) -> str:
        return getattr(self, "name", type(self).__name__)

    def __reduce__(self):
        return _by_name, (self.name,)


def _by_name(name: str) -> Primitive:
    return primitives[name]


def moved_bytes(types: tuple, results: tuple) -> int:
    """Return the bytes of all operands and results together."""
    return sum(t.nbytes for t in types) + sum(t.nbytes for t in results)


def freeze(params: dict) -> tuple:
    """Return parameters as a hashable key."""
    return tuple(params.items())


def infer_types(primitive: Primitive, types: tuple, params: dict) -> tuple:
    """Return the types of the results, always as a tuple; cached."""
    try:
        return _infer(primitive, types, freeze(params))
    except TypeError as error:
        if "unhashable" not in str(error):
            raise
        return _infer.__wrapped__(primitive, types, freeze(params))


@lru_cache(maxsize=16384)
def _infer(primitive: Primitive, types: tuple, params: tuple) -> tuple[Type, ...]:
    inferred = primitive.infer(*types, **dict(params))
    return tuple(inferred) if primitive.multiple else (inferred,)


# Two things that the default `jvp` needs of primitives, which are on the floor above.


def add_tangents(total: Any, tangent: Any) -> Any:
    """Return the sum of two tangents, where None is a structural zero."""
    if total is None or tangent is None:
        return tangent if total is None else total
    if isinstance(tangent, tuple):
        return tuple(add_tangents(a, b) for a, b in zip(total, tangent, strict=True))
    return primitives["add"](total, tangent)


def zeros_like(x: Any) -> Any:
    """Return a zero of the type of an operand."""
    return primitives["zeros_like"](x)
