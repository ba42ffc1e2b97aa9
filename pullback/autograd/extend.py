"""autograd.extend: derivative rules of the user's own, ``primitive`` with ``defvjp`` and ``defjvp``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import update_wrapper
from itertools import count
from typing import Any

import numpy as np

from pullback.api.rules import Rules, line_of
from pullback.core.errors import CustomRuleError, NotWritten
from pullback.core.source import here
from pullback.core.tree import is_array

__all__ = [
    "Primitive",
    "def_linear",
    "defjvp",
    "defjvp_argnum",
    "defvjp",
    "defvjp_argnum",
    "notrace_primitive",
    "primitive",
]


class Primitive:
    """A function of plain arrays whose derivative is what `defvjp` and `defjvp` say.

    Its rules are written as for autograd: ``vjpmaker(ans, *args, **kwargs)`` returns a function
    of the cotangent; ``jvpfun(g, ans, *args, **kwargs)`` returns the tangent of the result.

    Examples
    --------
    >>> from pullback.autograd import grad
    >>> @primitive
    ... def logsumexp(x):
    ...     return np.max(x) + np.log(np.sum(np.exp(x - np.max(x))))
    >>> defvjp(logsumexp, lambda ans, x: lambda g: g * np.exp(x - ans))
    >>> grad(logsumexp)(np.array([1.0, 1.0]))
    array([0.5, 0.5])
    """

    __name__: str

    def __init__(self, fun: Callable[..., Any]) -> None:
        update_wrapper(self, fun, updated=())
        self.fun = fun
        self.vjp: Callable[..., Any] | None = None  # vjp(argnum, ans, args, kwargs) -> function of g
        self.jvp: Callable[..., Any] | None = None  # jvp(argnum, g, ans, args, kwargs) -> tangent
        self._rules: dict[Any, Rules] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Apply the function; keywords, and arguments that are no arrays, have no derivative."""
        key = tuple(sorted(kwargs.items())), self.vjp, self.jvp
        try:
            rules = self._rules.get(key) or self._rules.setdefault(key, self._make_rules(kwargs))
        except TypeError:  # a keyword that does not hash: rules of this call alone
            rules = self._make_rules(kwargs)
        return rules(*args)

    def _make_rules(self, kwargs: dict[str, Any]) -> Rules:
        vjp, jvp, name = self.vjp, self.jvp, self.__name__

        def f(*args: Any) -> Any:
            return self.fun(*args, **kwargs)

        def fwd(moving: Any, *args: Any) -> Any:
            ans = self.fun(*args, **kwargs)
            return ans, (ans, args, moving)

        def bwd(residuals: Any, g: Any) -> Any:
            ans, args, moving = residuals
            if vjp is None:
                raise self._missing("vjp", moving)
            return tuple(vjp(i, ans, args, kwargs)(g) if m is True else None for i, m in enumerate(moving))

        def push(args: Any, tangents: Any) -> Any:
            ans = self.fun(*args, **kwargs)
            total = None
            for i, v in enumerate(tangents):
                if is_array(v):
                    part = jvp(i, v, ans, args, kwargs) if jvp is not None else None
                    total = part if total is None else total + part
            return ans, np.zeros_like(ans) if total is None else total

        fwd.user = bwd.user = push.user = self.fun  # type: ignore[attr-defined]  # whose lines errors show
        backward = (None, None) if vjp is None and jvp is not None else (fwd, bwd)
        return Rules(f, None if jvp is None else push, *backward, name, line_of(self.fun))

    def _missing(self, kind: str, moving: Any) -> CustomRuleError:
        which = ", ".join(str(i) for i, m in enumerate(moving) if m is True)
        return CustomRuleError(
            f"the {kind} of {self.__name__} by argument {which} is not defined",
            where=line_of(self.fun),
            why="a primitive is not looked into: its derivative is what you say",
            fix=f"def{kind}({self.__name__}, lambda ans, *args: lambda g: ...)",
        )

    def __repr__(self) -> str:
        return f"primitive({self.__name__})"


def primitive(fun: Callable[..., Any]) -> Primitive:
    """Make a function a primitive: its derivative is what `defvjp` and `defjvp` say."""
    return Primitive(fun)


def notrace_primitive(fun: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function itself: what has no derivative needs no wrapping here."""
    return fun


def defvjp(fun: Any, *vjpmakers: Any, argnums: Sequence[int] | None = None) -> None:
    """Say the reverse derivative, one ``vjpmaker(ans, *args, **kwargs)`` an argument; None for a zero."""
    makers = dict(zip(count() if argnums is None else argnums, vjpmakers, strict=False))

    def vjp(argnum: int, ans: Any, args: tuple, kwargs: dict) -> Callable[[Any], Any]:
        if argnum not in makers:
            raise _undefined("vjp", fun, argnum)
        maker = makers[argnum]
        return (lambda g: None) if maker is None else maker(ans, *args, **kwargs)

    _checked(fun).vjp = vjp


def defvjp_argnum(fun: Any, vjpmaker: Callable[..., Any]) -> None:
    """Say the reverse derivative by any argument: ``vjpmaker(argnum, ans, args, kwargs)``."""
    _checked(fun).vjp = vjpmaker


def defjvp(fun: Any, *jvpfuns: Any, argnums: Sequence[int] | None = None) -> None:
    """Say the forward derivative, one ``jvpfun(g, ans, *args, **kwargs)`` an argument.

    None stands for a zero; "same" for a function that is linear in this argument.
    """
    rules = dict(zip(count() if argnums is None else argnums, jvpfuns, strict=False))

    def jvp(argnum: int, g: Any, ans: Any, args: tuple, kwargs: dict) -> Any:
        if argnum not in rules:
            raise _undefined("jvp", fun, argnum)
        rule = rules[argnum]
        if rule is None:
            return np.zeros_like(ans)
        if rule == "same":
            return fun(*args[:argnum], g, *args[argnum + 1 :], **kwargs)
        return rule(g, ans, *args, **kwargs)

    _checked(fun).jvp = jvp


def defjvp_argnum(fun: Any, jvpmaker: Callable[..., Any]) -> None:
    """Say the forward derivative by any argument: ``jvpmaker(argnum, g, ans, args, kwargs)``."""
    _checked(fun).jvp = jvpmaker


def def_linear(fun: Any) -> None:
    """Say that a function is linear in each of its arguments."""

    def jvp(argnum: int, g: Any, ans: Any, args: tuple, kwargs: dict) -> Any:
        return fun(*args[:argnum], g, *args[argnum + 1 :], **kwargs)

    _checked(fun).jvp = jvp


def _checked(fun: Any) -> Primitive:
    if not isinstance(fun, Primitive):
        raise CustomRuleError(
            f"a derivative for {getattr(fun, '__name__', fun)}, which is no primitive",
            where=here(),
            why="only a function decorated with @primitive is not looked into",
            fix="@primitive above its def; functions of NumPy have their derivatives",
        )
    return fun


def _undefined(kind: str, fun: Primitive, argnum: int) -> NotWritten:
    return NotWritten(
        f"the {kind} of {fun.__name__} by argument {argnum}",
        where=here(),
        why="it is not defined",
        fix=f"def{kind}({fun.__name__}, ..., argnums=[..., {argnum}])",
    )
