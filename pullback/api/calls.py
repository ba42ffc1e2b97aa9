"""Calling the user's function: its arguments flattened, its outputs gathered, its errors made readable.

Everything here works on flat lists of leaves; the transformations beside it decide what
the leaves are replaced by.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pullback.core.errors import ArgumentError, IntegerInput, NoValue, PullbackError, TreeError
from pullback.core.source import here, in_library, user_line
from pullback.core.tracer import Tracer
from pullback.core.tree import flatten, is_array, leaf_paths, unflatten
from pullback.core.types import PYTHON_SCALARS, type_of
from pullback.core.views import made_stale, read_leaves, running
from pullback.numpy.buffers import buffer, contents
from pullback.numpy.consumers import meet
from pullback.numpy.plain import makers
from pullback.numpy.views import copied

__all__ = ["Selection", "call", "check_inexact", "is_global", "name_of", "own_argument", "own_leaf", "select"]


def call(f: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Call the user's function; where NumPy or SciPy replaced an error of ours by its own, raise ours.

    What it makes with NumPy's makers of arrays may be written to with Tracers (`numpy.plain`).
    """
    meet()
    makers.enter()
    stale: list[bool] = []
    token = running.set(stale)
    try:
        out = f(*args, **kwargs)
        if stale:
            read_leaves(out)
        return out
    except (TypeError, ValueError, SystemError) as error:
        ours = _ours(error) or _no_shape(error)
        if ours is None:
            raise
        raise ours from None
    finally:
        running.reset(token)
        makers.leave()
        if stale:
            made_stale()


def _ours(error: Exception) -> PullbackError | None:
    """Return the error of ours that a library has put its own in place of, as NumPy does inside its conversions."""
    if isinstance(error, PullbackError) or not (_is_conversion(error) or in_library(error)):
        return None
    found: Any = error
    while found is not None and not isinstance(found, PullbackError):
        found = found.__cause__ or found.__context__
    return found


def _no_shape(error: Exception) -> NoValue | None:
    """Return the error for ``np.zeros(n)`` of an n without value, where NumPy has forgotten ours."""
    text = str(error)
    if isinstance(error, PullbackError) or "integers or a single integer" not in text or "no value)" not in text:
        return None
    return NoValue(
        f"a shape was asked for that depends on a value which is not known here: {text}",
        where=user_line(error),
        why="under jit, vmap and in bodies, shapes are fixed while code is traced once for all values",
        fix="mark the argument with static_argnums, or take the size from an array's shape: x.shape[0]",
    )


def _is_conversion(error: Exception) -> bool:
    text = str(error)
    return any(
        part in text
        for part in (
            "array element with a sequence",
            "can be converted to Python scalars",
            "inhomogeneous shape",
            "with an exception set",
        )
    )


def is_global(x: Any) -> bool:
    """Return whether x is what its module knows by its name: a function decorated where it is defined."""
    found: Any = sys.modules.get(x.__module__)
    for part in x.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is x


def name_of(f: Any) -> str:
    """Return the name of a function for messages."""
    return getattr(f, "__name__", type(f).__name__)


class Selection:
    """Which arguments a transformation differentiates by, flattened.

    Attributes
    ----------
    leaves : list
        Leaves of the selected arguments.
    arrays : list of int
        Which of them are arrays.
    """

    __slots__ = ("argnames", "argnums", "args", "arrays", "kwargs", "leaves", "single", "structure")

    def __init__(self, args: tuple, kwargs: dict, argnums: tuple[int, ...], argnames: tuple[str, ...], single: bool):
        self.args, self.kwargs = args, kwargs
        self.argnums, self.argnames, self.single = argnums, argnames, single
        chosen = [args[i] for i in argnums] + [kwargs[k] for k in argnames]
        self.leaves, self.structure = flatten(tuple(chosen))
        self.arrays = [i for i, x in enumerate(self.leaves) if is_array(x)]

    def inputs(self) -> list[Any]:
        """Return the leaves that are arrays."""
        return [self.leaves[i] for i in self.arrays]

    def path(self, i: int) -> str:
        """Return where the i-th leaf sits, in the user's words."""
        chosen = unflatten(self.structure, self.leaves)
        position, _, rest = leaf_paths(chosen)[i][1:].partition("]")
        k = int(position)
        n = len(self.argnums)
        return (f"argument {self.argnums[k]}" if k < n else f"argument {self.argnames[k - n]!r}") + rest

    def call(self, f: Callable[..., Any], arrays: Sequence[Any]) -> Any:
        """Call f with the selected arrays replaced."""
        leaves = list(self.leaves)
        for i, x in zip(self.arrays, arrays, strict=True):
            leaves[i] = x
        chosen = unflatten(self.structure, leaves)
        moved = dict(zip((*self.argnums, *self.argnames), chosen, strict=True))
        args = [moved[i] if i in moved else own_argument(x) for i, x in enumerate(self.args)]
        kwargs = {k: moved[k] if k in moved else own_argument(x) for k, x in self.kwargs.items()}
        return call(f, args, kwargs)

    def rebuild(self, arrays: Sequence[Any]) -> Any:
        """Return the selected arguments with these arrays, and None for leaves that are no arrays.

        A tuple, one entry an argument; alone if one was selected by an integer or a name.
        """
        leaves: list[Any] = [None] * len(self.leaves)
        for i, x in zip(self.arrays, arrays, strict=True):
            leaves[i] = x
        tree = unflatten(self.structure, leaves)
        return tree[0] if self.single else tree


def own_argument(x: Any) -> Any:
    """Return an argument with arrays of the function's own: what is written to them does not reach the caller."""
    if type(x) is Tracer or isinstance(x, np.ndarray):
        return own_leaf(x)
    if type(x) in PYTHON_SCALARS:
        return x
    leaves, structure = flatten(x)
    if not any(type(y) is Tracer or isinstance(y, np.ndarray) for y in leaves):
        return x
    return unflatten(structure, map(own_leaf, leaves))


def own_leaf(x: Any, read_only: bool = False) -> Any:
    """Return a copy, to be written to, of an array that may be written to (or `read_only`); anything else as it is."""
    if type(x) is Tracer:
        return copied(x)
    if isinstance(x, np.ndarray) and (read_only or x.flags.writeable):
        return buffer(contents(x).copy("K"))
    return x


def select(
    f: Any, args: tuple, kwargs: dict, argnums: int | Sequence[int] | None, argnames: str | Sequence[str] | None
) -> Selection:
    """Return the selected arguments; ArgumentError where `argnums` or `argnames` do not fit the call."""
    if argnums is None and argnames is None:
        argnums = 0
    nums = () if argnums is None else tuple(argnums) if isinstance(argnums, Sequence) else (argnums,)
    names = () if argnames is None else (argnames,) if isinstance(argnames, str) else tuple(argnames)
    single = len(nums) + len(names) == 1 and not isinstance(argnames if argnums is None else argnums, tuple | list)
    checked = []
    for i in nums:
        if not isinstance(i, int) or isinstance(i, bool) or not -len(args) <= i < len(args):
            raise ArgumentError(
                f"argnums={argnums!r} of {name_of(f)}, which was called with {_count(args, 'positional argument')}",
                where=here(),
                why="argnums are integers that count positional arguments from 0",
                fix="argnums=0 for the first, (0, 1) for two; argnames='w' for one that is given by keyword",
            )
        checked.append(i % len(args))
    if len({*checked}) < len(checked):
        raise ArgumentError(
            f"argnums={argnums!r} of {name_of(f)} names one argument twice",
            where=here(),
            why=f"it was called with {_count(args, 'positional argument')}; a negative number counts from the last",
            fix="name each argument once",
        )
    for k in names:
        if k not in kwargs:
            given = f"{_count(kwargs, 'keyword')} {', '.join(kwargs)}".strip()
            raise ArgumentError(
                f"argnames={k!r} of {name_of(f)}, which was called with {given}",
                where=here(),
                why="argnames names arguments that are given by keyword",
                fix=f"call it with {k}=…, or use argnums for a positional argument",
            )
    return Selection(args, kwargs, tuple(checked), names, single)


def _count(xs: Any, what: str) -> str:
    return f"{len(xs) or 'no'} {what}{'' if len(xs) == 1 else 's'}"


def check_inexact(selection: Selection, f: Any) -> None:
    """Raise IntegerInput, with the leaf's path, for an integer or boolean among the selected arrays."""
    for i in selection.arrays:
        t = type_of(selection.leaves[i])
        if not t.inexact:
            raise IntegerInput(
                f"a derivative of {name_of(f)} by {selection.path(i)}, which is {t.strong}",
                where=here(),
                why="a derivative needs a floating-point or complex input",
                fix=f"pass a float: {_as_float(selection.leaves[i])}",
            )


def _as_float(x: Any) -> str:
    return f"{float(x)!r}" if isinstance(x, int) else "x.astype(np.float64)"


def unpack_aux(out: Any, f: Any) -> tuple[Any, Any]:
    """Return (value, auxiliary) of a function that returns a pair."""
    if not (isinstance(out, tuple | list) and len(out) == 2):
        raise TreeError(
            f"{name_of(f)} returned {type(out).__name__}, and has_aux=True was given",
            where=here(),
            why="with has_aux the function returns a pair (value, auxiliary)",
            fix="return value, aux",
        )
    return out[0], out[1]


def zero_like(x: Any) -> Any:
    """Return a zero gradient for an input: an array, or a NumPy scalar for a scalar."""
    t = type_of(x)
    return (
        np.zeros(t.shape, t.dtype)[()] if t.ndim == 0 and not isinstance(x, np.ndarray) else np.zeros(t.shape, t.dtype)
    )
