"""pure_callback and debug_print: back from a traced or compiled function into plain Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pullback.core.errors import ArgumentError, CustomRuleError
from pullback.core.source import here
from pullback.core.tree import flatten, is_array, shown, unflatten
from pullback.core.types import array_type
from pullback.primitives.effects import debug_print as debug_print_primitive
from pullback.primitives.effects import pure_callback as pure_callback_primitive

from .calls import name_of

__all__ = ["debug_print", "pure_callback"]


def pure_callback(
    fun: Callable[..., Any], result_shapes: Any, *args: Any, vectorized: bool = False, **kwargs: Any
) -> Any:
    """Return ``fun(*args, **kwargs)``, called with plain arrays whenever the Program runs.

    For what pullback cannot trace: another library, a table look-up, a solver. It works eagerly,
    under `jit` (native code calls back), in loops and branches, and under `vmap`.

    Parameters
    ----------
    fun : callable
        Pure: the same arrays in, the same arrays out. It may use anything, pullback too.
    result_shapes : pytree
        One leaf a result, with `shape` and `dtype`: an array, or anything that has both.
    *args, **kwargs : pytrees
        What `fun` gets: arrays, as copies. Leaves that are no arrays are passed on as they are.
    vectorized : bool
        Under `vmap`, call `fun` once, with a batch axis in front of every array, in place of
        once a lane.

    Notes
    -----
    It is called once each time that it is run, in the order of the program, and never merged or
    left out. It has no derivative: differentiating through it raises NotTraceable. Give the
    function around it a rule with `custom_vjp`, or call it on ``stop_gradient(x)``. Where `vmap`
    turns a branch or a loop into a choice by lane, it is called for lanes that are not taken
    too; what it raises there is passed over.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> def sorted_by_python(x):
    ...     return np.array(sorted(x.tolist()))
    >>> f = pb.jit(lambda x: 2.0 * pb.pure_callback(sorted_by_python, x, x))
    >>> f(np.array([3.0, 1.0, 2.0]))
    array([2., 4., 6.])
    """
    if not callable(fun):
        raise ArgumentError(
            f"pure_callback of {type(fun).__name__}",
            where=here(),
            why="it takes a function, the shapes of its results, and its arguments",
            fix="pure_callback(f, result_shapes, x)",
        )
    shapes, out_structure = flatten(result_shapes)
    for s in shapes:
        if not hasattr(s, "shape") or not hasattr(s, "dtype"):
            raise ArgumentError(
                f"pure_callback of {name_of(fun)} with a {type(s).__name__} among result_shapes",
                where=here(),
                why="every leaf says a shape and a dtype",
                fix="pass an array of that shape and dtype: np.empty((3,)), np.float64(0)",
            )
    types = tuple(array_type(tuple(s.shape), np.dtype(s.dtype)) for s in shapes)
    leaves, structure = flatten((args, kwargs))
    given = _Arguments(leaves, structure)
    call = _Called(fun, given, out_structure)
    outs = pure_callback_primitive(*given.arrays(leaves), f=call, types=types, vectorized=vectorized)
    return unflatten(out_structure, list(outs))


def debug_print(fmt: str, *args: Any, **kwargs: Any) -> None:
    """Print ``fmt.format(*args, **kwargs)`` whenever the Program runs, with the values that it has then.

    Works eagerly, under `jit`, in loops and branches. Under `grad` and `jvp` it prints the
    values, once, on the way forward. Under `vmap` it prints one line a lane, in order; where
    `vmap` turns a branch or a loop into a choice by lane, it does not print.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> def f(x):
    ...     pb.debug_print("x is {}", x)
    ...     return x * x
    >>> float(pb.jit(pb.grad(f))(3.0))
    x is 3.0
    6.0
    """
    if not isinstance(fmt, str):
        raise ArgumentError(
            f"debug_print of {type(fmt).__name__}",
            where=here(),
            why="the first argument is a format, as str.format takes it",
            fix='debug_print("x is {}", x)',
        )
    leaves, structure = flatten((args, kwargs))
    given = _Arguments(leaves, structure)
    debug_print_primitive(*given.arrays(leaves), f=_Printed(fmt, given))


class _Arguments:
    """Arguments without their arrays; equal to others that differ in nothing else."""

    def __init__(self, leaves: list[Any], structure: Any) -> None:
        self.structure = structure
        self.static = tuple(None if is_array(x) else (x,) for x in leaves)

    def arrays(self, leaves: list[Any]) -> list[Any]:
        return [x for x, s in zip(leaves, self.static, strict=True) if s is None]

    def __call__(self, arrays: tuple) -> tuple[tuple, dict]:
        given = iter(arrays)
        return unflatten(self.structure, [next(given) if s is None else s[0] for s in self.static])


class _Called:
    """The user's function on flat arrays."""

    def __init__(self, f: Callable[..., Any], given: _Arguments, out_structure: Any) -> None:
        self.f, self.given, self.out_structure = f, given, out_structure
        self.__name__ = name_of(f)

    def __call__(self, *arrays: Any) -> list[Any]:
        own = tuple(x.copy() if isinstance(x, np.ndarray) else x for x in arrays)  # it may write to them
        args, kwargs = self.given(own)
        leaves, structure = flatten(self.f(*args, **kwargs))
        if structure != self.out_structure:
            raise CustomRuleError(
                f"pure_callback of {self.__name__} returned {shown(structure)}",
                where=here(),
                why=f"result_shapes announced {shown(self.out_structure)}",
                fix="return what result_shapes says",
            )
        return leaves

    def _key(self) -> tuple:
        return self.f, self.given.structure, self.given.static, self.out_structure

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Called) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash((self.f, self.given.structure, self.out_structure))


class _Printed:
    """A format, on flat arrays."""

    def __init__(self, format: str, given: _Arguments) -> None:
        self.format, self.given = format, given

    def __call__(self, *arrays: Any) -> None:
        args, kwargs = self.given(arrays)
        print(self.format.format(*args, **kwargs), flush=True)  # noqa: T201 (this is what it is for)

    def _key(self) -> tuple:
        return self.format, self.given.structure, self.given.static

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Printed) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash((self.format, self.given.structure))
