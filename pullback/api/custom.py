"""custom_jvp and custom_vjp: functions with derivative rules of the user's own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import update_wrapper
from typing import Any

from pullback.core.errors import ArgumentError, CustomRuleError
from pullback.core.source import here

from .calls import is_global, name_of
from .rules import Rules, line_of

__all__ = ["custom_jvp", "custom_vjp"]


_MOST_RULES = 256  # values of `nondiff_argnums`, a function: the oldest are forgotten


def _n_positional(fun: Any) -> int:
    """Return how many arguments the rules get by position, those with a default too; 0 of a ufunc or builtin."""
    if not hasattr(fun, "__code__"):
        return 0
    parameters = inspect.signature(fun).parameters.values()
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)


class _Custom:
    """What the two decorators share: arguments, rules, and the refusal to run without any."""

    def __init__(self, fun: Callable[..., Any], nondiff_argnums: Sequence[int] = ()) -> None:
        if not callable(fun):
            raise ArgumentError(
                f"{type(self).__name__} of {type(fun).__name__}",
                where=here(),
                why="it takes a function",
                fix=f"@pullback.{type(self).__name__} above its def",
            )
        update_wrapper(self, fun, updated=())
        self.fun = fun
        self.nondiff_argnums = tuple(nondiff_argnums)
        self.jvp: Callable[..., Any] | None = None
        self.fwd: Callable[..., Any] | None = None
        self.bwd: Callable[..., Any] | None = None
        self._rules: dict[Any, Rules] = {}
        self._n_positional = _n_positional(fun)

    def defjvp(self, jvp: Callable[..., Any]) -> Callable[..., Any]:
        """Set the forward rule: ``jvp(primals, tangents) -> (out, tangent)``."""
        self.jvp = jvp
        self._rules.clear()
        return jvp

    def defvjp(self, fwd: Callable[..., Any], bwd: Callable[..., Any]) -> None:
        """Set the reverse rule: ``fwd(*args) -> (out, residuals)``, ``bwd(residuals, u) -> cotangents``."""
        self.fwd, self.bwd = fwd, bwd
        self._rules.clear()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs or len(args) < self._n_positional:
            args = self._positional(args, kwargs)
        if self.jvp is None and self.bwd is None:
            raise CustomRuleError(
                f"{name_of(self.fun)} has no derivative rule",
                where=line_of(self.fun) or here(),
                why="it was decorated, and no rule was given",
                fix="f.defjvp(jvp), or f.defvjp(fwd, bwd)",
            )
        fixed = {i % len(args): args[i] for i in self.nondiff_argnums}
        return self._rules_for(fixed, len(args))(*(x for i, x in enumerate(args) if i not in fixed))

    def _positional(self, args: tuple, kwargs: dict) -> tuple:
        bound = inspect.signature(self.fun).bind(*args, **kwargs)
        bound.apply_defaults()
        if bound.kwargs:
            raise ArgumentError(
                f"{name_of(self.fun)}, which has a derivative rule, was given keywords {sorted(bound.kwargs)}",
                where=here(),
                why="its rules take positional arguments",
                fix="pass them by position",
            )
        return bound.args

    def _rules_for(self, fixed: dict[int, Any], n: int) -> Rules:
        try:
            key = n, tuple(fixed.items())
            found = self._rules.get(key)
        except TypeError:  # an argument that does not hash: rules of this call alone
            return self._make_rules(fixed, n)
        if found is None:
            if len(self._rules) >= _MOST_RULES:
                self._rules.pop(next(iter(self._rules)))
            found = self._rules[key] = self._make_rules(fixed, n)
        return found

    def _make_rules(self, fixed: dict[int, Any], n: int) -> Rules:
        first = tuple(fixed.values())

        def whole(args: Sequence[Any]) -> list[Any]:
            given = iter(args)
            return [fixed[i] if i in fixed else next(given) for i in range(n)]

        jvp = fwd = bwd = None
        if self.jvp is not None:
            jvp = _named(lambda primals, tangents, user=self.jvp: user(*first, primals, tangents), self.jvp)
        if self.fwd is not None and self.bwd is not None:
            fwd = _named(lambda _, *args, user=self.fwd: user(*whole(args)), self.fwd)
            bwd = _named(lambda residuals, u, user=self.bwd: user(*first, residuals, u), self.bwd)
        return Rules(lambda *args: self.fun(*whole(args)), jvp, fwd, bwd, name_of(self.fun), line_of(self.fun))

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        bound = type(self)(self.fun.__get__(instance, owner), self.nondiff_argnums)
        bound.jvp, bound.fwd, bound.bwd = self.jvp, self.fwd, self.bwd
        return bound

    def __repr__(self) -> str:
        return f"{type(self).__name__}({name_of(self.fun)})"

    def __reduce__(self):
        if is_global(self):
            return getattr(self, "__qualname__")  # noqa: B009 (update_wrapper has set it)
        return _rebuild, (type(self), self.fun, self.nondiff_argnums, self.jvp, self.fwd, self.bwd)


def _named(rule: Any, user: Any) -> Any:
    """Return a rule that knows whose lines errors should show."""
    rule.user = user
    return rule


def _rebuild(cls: Any, fun: Any, nondiff_argnums: tuple, *rules: Any) -> Any:
    made = cls(fun, nondiff_argnums)
    made.jvp, made.fwd, made.bwd = rules
    return made


class custom_jvp(_Custom):  # noqa: N801 (JAX's name)
    """Give a function a forward derivative rule of its own, from which reverse mode follows.

    Parameters
    ----------
    fun : callable
        Takes positional arguments, pytrees of arrays.
    nondiff_argnums : sequence of int
        Arguments without derivative; rules get them first, as they are.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> @pb.custom_jvp
    ... def log1pexp(x):
    ...     return np.log(1.0 + np.exp(x))
    >>> @log1pexp.defjvp
    ... def _(primals, tangents):
    ...     (x,), (v,) = primals, tangents
    ...     return log1pexp(x), (1 - 1 / (1 + np.exp(x))) * v
    >>> float(pb.grad(log1pexp)(0.0))
    0.5
    """


class custom_vjp(_Custom):  # noqa: N801 (JAX's name)
    """Give a function a reverse derivative rule of its own; forward mode transposes it.

    A function may have both rules: give the other with `defjvp`.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> @pb.custom_vjp
    ... def clip_gradient(x):
    ...     return x
    >>> clip_gradient.defvjp(lambda x: (x, None), lambda _, u: (np.clip(u, -1.0, 1.0),))
    >>> float(pb.grad(lambda x: clip_gradient(x) * 5.0)(1.0))
    1.0
    """
