"""Draws of NumPy's random generators while a body is traced: refused, since they would be constants for ever after.

NumPy's generators are stateful and written in C: nothing tells when one draws. So the generators that a
function can reach (its arguments, what it closes over, its globals, NumPy's own global one) are
compared with what they were before the trace.
"""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from pullback.core.errors import BakedDraw
from pullback.core.source import here

__all__ = ["Generators"]

_DEEPEST = 6  # functions in functions, attributes of attributes: a jitted function of the user's is 4 down
_MOST = 200  # elements of a container, objects in all
_LEGACY = "numpy.random"


class Generators:
    """The random generators within reach of a function, and their states when it is made."""

    def __init__(self, f: Callable[..., Any]) -> None:
        self.found = {id(g): (name, g, _state(g)) for name, g in _reach(f)}

    def refuse_draws(self, what: str) -> None:
        """Raise BakedDraw if one of them has drawn since."""
        for name, generator, before in self.found.values():
            if _state(generator) != before:
                raise BakedDraw(
                    f"random numbers were drawn from {name} while {what} traced a function",
                    where=here(),
                    why="it is traced once and run many times: each run would use the same numbers again",
                    fix="draw outside and pass the numbers in; or pass a key, and draw with pullback.random: "
                    "random.normal(key, shape)",
                )


def _state(generator: Any) -> bytes:
    return pickle.dumps(generator.bit_generator.state if hasattr(generator, "bit_generator") else generator.get_state())


def _reach(f: Any) -> Iterator[tuple[str, Any]]:
    """Yield the generators that f can reach, with a name for each."""
    yield _LEGACY, np.random.mtrand._rand  # type: ignore[attr-defined]
    seen: set[int] = set()
    todo: deque[tuple[str, Any, int]] = deque([("", f, 0)])  # the nearest first
    while todo and len(seen) < _MOST:
        name, x, depth = todo.popleft()
        if id(x) in seen:
            continue
        seen.add(id(x))
        if isinstance(x, np.random.Generator | np.random.RandomState):
            yield name, x
        elif depth < _DEEPEST:
            todo += [(n, y, depth + 1) for n, y in _inside(name, x)]


def _inside(name: str, x: Any) -> list[tuple[str, Any]]:
    if isinstance(x, FunctionType):
        code = x.__code__
        cells = [(n, _content(c)) for n, c in zip(code.co_freevars, x.__closure__ or (), strict=True)]
        is_ours = (x.__module__ or "").partition(".")[0] == __name__.partition(".")[0]
        return cells if is_ours else cells + [(n, x.__globals__[n]) for n in code.co_names if n in x.__globals__]
    if isinstance(x, MethodType):
        return [("self", x.__self__), (name, x.__func__)]
    if isinstance(x, partial):
        return [(name, x.func), *((f"argument {i}", y) for i, y in enumerate(x.args)), *x.keywords.items()]
    if isinstance(x, list | tuple):
        return [(f"{name}[{i}]", y) for i, y in enumerate(x[:_MOST])]
    if isinstance(x, dict):
        return [(f"{name}[{k!r}]", y) for k, y in list(x.items())[:_MOST]]
    if hasattr(x, "leaves"):  # the signature of a call
        return [("an argument", x.leaves)]
    if isinstance(x, type | ModuleType) or not hasattr(x, "__dict__"):
        return []
    return [(f"{name}.{k}".lstrip("."), y) for k, y in list(vars(x).items())[:_MOST]]


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not set yet
        return None
