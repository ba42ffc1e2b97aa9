"""sizes: numbers that the user's code reads from shapes, while it is traced for many lengths.

Such a trace is for example lengths, and what is made of it must hold for others. So the code is
given its sizes as `Size`, an int that notes what is asked of it: each comparison, with its outcome,
is a guard of the trace; sums and products of sizes are sizes, quotients are `Real`. Where a size
becomes a plain number (``int(n)``, ``len(x)``, a key of a dict), what is done with it is not seen,
and the trace is noted to be `lost`: it must be made again for each length.

Only what the user's own code asks is noted, not what pullback's asks.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NamedTuple

__all__ = ["Event", "Real", "Size", "Watch", "compare", "lose", "plain", "sized", "watched"]


class Event(NamedTuple):
    """A comparison that the user's code made, or an operation that is no polynomial, and what came out."""

    name: str
    left: Any
    right: Any
    outcome: Any


class Watch:
    """Notes what is asked of sizes while it is entered.

    Attributes
    ----------
    events : list of Event
    lost : str
        Empty, or how a size became a plain number.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.lost = ""

    def __enter__(self) -> Watch:
        self._token = _watch.set(self)
        watched.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        watched.remove(self)
        _watch.reset(self._token)


_watch: ContextVar[Watch | None] = ContextVar("pullback sizes", default=None)
watched: list[Watch] = []  # in all threads: most of the time there is none, and nothing to ask further


def compare(name: str, left: Any, right: Any) -> Any:
    """Return the outcome of a comparison, or of another operation, by its name."""
    return _COMPARISONS[name](left, right)


_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "mod": operator.mod, "floordiv": operator.floordiv, "pow": operator.pow, "lshift": operator.lshift,
    "rshift": operator.rshift, "and": operator.and_, "or": operator.or_, "xor": operator.xor,
}  # fmt: skip
_POLYNOMIAL = frozenset({"add", "sub", "mul", "truediv"})


def sized(value: Any, always: bool = False) -> Any:
    """Return a shape or a size as the caller of the caller is to see it: with `Size`s where it is the user's code."""
    if _watch.get() is None or not (always or not _is_ours(2)):
        return value
    return tuple(Size(n) for n in value) if type(value) is tuple else Size(value)


def lose(how: str, depth: int = 2) -> None:
    """Note that the user's code has made a plain number of a size."""
    watch = _watch.get()
    if watch is not None and not _is_ours(depth):
        watch.lost = watch.lost or how


def _is_ours(depth: int) -> bool:
    """Return whether it is pullback's own code that asks, itself or through NumPy."""
    frame = sys._getframe(depth + 1)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if not module.startswith("numpy"):
            return module.startswith("pullback.")
        frame = frame.f_back
    return False


def plain(x: Any) -> Any:
    """Return the number as Python has it."""
    return _INT(x) if type(x) is Size else _FLOAT(x) if type(x) is Real else x


def _wrapped(x: Any) -> Any:
    if type(x) is int:
        return Size(x)
    return Real(x) if type(x) is float else x


def _calculating(method: Callable[..., Any], noted: str = "", turned: bool = False) -> Callable[..., Any]:
    """Return a method whose result is a size again, or the quotient of some; it is noted where it is no polynomial."""

    def calculate(self: Any, *others: Any) -> Any:
        if any(type(x) not in (int, float, bool, Size, Real) for x in others):
            return NotImplemented
        xs = plain(self), *map(plain, others)
        result = method(*xs)
        watch = _watch.get()
        if noted and watch is not None and not _is_ours(1):
            if len(xs) != 2 or type(result) is tuple:
                watch.lost = watch.lost or f"{noted} of a size"
            else:
                left, right = xs[::-1] if turned else xs
                watch.events.append(Event(noted, left, right, result))
        return tuple(map(_wrapped, result)) if type(result) is tuple else _wrapped(result)

    return calculate


def _reflected(method: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, y: method(y, x)


def _comparing(name: str) -> Callable[..., Any]:
    def compared(self: Any, other: Any) -> Any:
        if type(other) not in (int, float, bool, Size, Real):
            return NotImplemented
        left, right = plain(self), plain(other)
        outcome = compare(name, left, right)
        watch = _watch.get()
        if watch is not None and not _is_ours(1):
            watch.events.append(Event(name, left, right, outcome))
        return outcome

    return compared


def _losing(method: Callable[..., Any], how: str) -> Callable[..., Any]:
    def converted(self: Any, *others: Any) -> Any:
        lose(how)
        return method(self, *others)

    return converted


class Size(int):
    """An int that was read from a shape."""

    __slots__ = ()

    def __bool__(self) -> bool:
        watch, outcome = _watch.get(), _INT(self) != 0
        if watch is not None and not _is_ours(1):
            watch.events.append(Event("!=", _INT(self), 0, outcome))
        return outcome

    def __reduce__(self):
        return int, (_INT(self),)


class Real(float):
    """A float that was calculated of sizes."""

    __slots__ = ()

    def __reduce__(self):
        return float, (_FLOAT(self),)


_INT, _FLOAT = int.__int__, float.__float__


def _fill() -> None:
    two = {"add": operator.add, "sub": operator.sub, "mul": operator.mul, "truediv": operator.truediv,
           "floordiv": operator.floordiv, "mod": operator.mod, "divmod": divmod, "pow": operator.pow}  # fmt: skip
    for kind in (Size, Real):
        for name, method in two.items():
            noted = "" if name in _POLYNOMIAL else name
            setattr(kind, f"__{name}__", _calculating(method, noted))
            setattr(kind, f"__r{name}__", _calculating(_reflected(method), noted, turned=True))
        for name, method in {"neg": operator.neg, "pos": operator.pos, "abs": abs}.items():
            setattr(kind, f"__{name}__", _calculating(method, "abs" if name == "abs" else ""))
        names = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
        for symbol, name in names.items():
            setattr(kind, f"__{name}__", _comparing(symbol))
        base: Any = int if kind is Size else float
        for name in ("int", "float", "hash", "repr", "str", "format", "round", "trunc", "floor", "ceil"):
            if hasattr(base, f"__{name}__"):
                setattr(kind, f"__{name}__", _losing(getattr(base, f"__{name}__"), f"{name}() of a size"))
    for name in ("lshift", "rshift", "and", "or", "xor"):
        method = getattr(operator, f"{name}_" if name in ("and", "or") else name)
        setattr(Size, f"__{name}__", _calculating(method, name))
        setattr(Size, f"__r{name}__", _calculating(_reflected(method), name, turned=True))
    for kind, name, special in (
        (Real, "bool", _losing(float.__bool__, "bool() of a quotient")),
        (Size, "invert", _calculating(operator.invert, "invert")),
    ):
        setattr(kind, f"__{name}__", special)


_fill()
