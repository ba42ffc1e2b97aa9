"""Function: PyTorch's way of writing a derivative rule, with the same names."""

from __future__ import annotations

from typing import Any, ClassVar

from pullback.core.errors import CustomRuleError
from pullback.core.source import here
from pullback.core.tree import flatten

from .rules import Rules, line_of

__all__ = ["Function"]


class Context:
    """What `forward` leaves for `backward`: saved arrays, and any attributes that the user sets.

    Attributes
    ----------
    saved_tensors : tuple
        What `forward` saved.
    needs_input_grad : tuple of bool
        Which inputs are being differentiated by.
    """

    def __init__(self, name: str, needs_input_grad: tuple[bool, ...]) -> None:
        self._name = name
        self._saved: tuple | None = None
        self.needs_input_grad = needs_input_grad

    def save_for_backward(self, *arrays: Any) -> None:
        """Keep arrays for `backward`, where `saved_tensors` gives them back in this order."""
        self._saved = arrays

    @property
    def saved_tensors(self) -> tuple:
        """The arrays that `forward` saved."""
        if self._saved is None:
            raise CustomRuleError(
                f"{self._name}.backward reads ctx.saved_tensors, and nothing was saved",
                where=here(),
                why="backward sees only what forward left on ctx",
                fix=f"call ctx.save_for_backward(...) in {self._name}.forward",
            )
        return self._saved

    def state(self) -> dict[str, Any]:
        """Return everything on it, as a tree."""
        return dict(vars(self))


class Function:
    """Base class of functions with a hand-written backward, as in PyTorch.

    A subclass states two static methods. ``forward(ctx, *inputs)`` returns an array or a
    tuple of arrays; ``backward(ctx, *us)`` takes one cotangent an output and returns one an
    input (None for those that need none). ``apply(*inputs)`` runs it. `forward` may run more
    than once, each time with a fresh `ctx`.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> class Exp(pb.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         y = np.exp(x)
    ...         ctx.save_for_backward(y)
    ...         return y
    ...
    ...     @staticmethod
    ...     def backward(ctx, u):
    ...         (y,) = ctx.saved_tensors
    ...         return u * y
    >>> float(pb.grad(Exp.apply)(0.0)), float(pb.grad(pb.grad(Exp.apply))(0.0))
    (1.0, 1.0)
    """

    _rules: ClassVar[dict[type, Rules]] = {}

    @staticmethod
    def forward(ctx: Context, *inputs: Any) -> Any:
        """Compute the output; state it in a subclass."""
        raise NotImplementedError("a Function states forward(ctx, *inputs)")

    @staticmethod
    def backward(ctx: Context, *us: Any) -> Any:
        """Return the inputs' cotangents; state it in a subclass."""
        raise NotImplementedError("a Function states backward(ctx, *us)")

    @classmethod
    def apply(cls, *inputs: Any) -> Any:
        """Run the function; transformations use its `backward`."""
        rules = Function._rules.get(cls)
        if rules is None:
            rules = Function._rules[cls] = _rules_of(cls)
        return rules(*inputs)


def _check_states(cls: type[Function], method: str, signature: str) -> None:
    if getattr(cls, method) is getattr(Function, method):
        raise CustomRuleError(
            f"{cls.__name__} states no {method}",
            where=here(),
            why=f"a Function states {signature}",
            fix=f"@staticmethod and def {signature}: in class {cls.__name__}",
        )


def _rules_of(cls: type[Function]) -> Rules:
    name = cls.__name__

    _check_states(cls, "forward", "forward(ctx, *inputs)")

    def f(*inputs: Any) -> Any:
        return cls.forward(Context(name, (False,) * len(inputs)), *inputs)

    def fwd(moving: tuple, *inputs: Any) -> Any:
        needs = tuple(any(flatten(m)[0]) for m in moving)
        ctx = Context(name, needs)
        out = cls.forward(ctx, *inputs)
        return out, ctx.state()

    def bwd(state: dict[str, Any], u: Any) -> Any:
        _check_states(cls, "backward", "backward(ctx, *us)")
        ctx = Context.__new__(Context)
        vars(ctx).update(state)
        us = u if isinstance(u, tuple | list) else (u,)
        pulled = cls.backward(ctx, *us)
        return pulled if isinstance(pulled, tuple | list) else (pulled,)

    fwd.user, bwd.user = cls.forward, cls.backward  # whose lines errors show
    return Rules(f, None, fwd, bwd, name, line_of(cls.forward))
