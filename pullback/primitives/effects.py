"""Effects, and stops: guards, what calls back into Python and what prints, and what cuts a derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.errors import CustomRuleError, GuardError, NotTraceable
from pullback.core.primitive import Primitive
from pullback.core.source import here
from pullback.core.tracer import floor
from pullback.core.types import array_type, type_of

from .shaping import broadcast

__all__ = ["debug_print", "guard", "pure_callback", "stop_gradient"]


class Guard(Primitive):
    """Raise GuardError unless Python would again take what it took when the Program was traced.

    `kind` is bool, int, or ndarray: what Python made of the value; `expected` is that, an array's as bytes.
    """

    name, multiple, smooth, effect = "guard", True, False, "raise"

    def infer(self, x, *, kind, expected):
        return ()

    def evaluate(self, x, *, kind, expected):
        taken = np.asarray(x).tobytes() if kind is np.ndarray else kind(x)
        if taken != expected:
            shown = (
                "for other values of an array"
                if kind is np.ndarray
                else f"where {kind.__name__}() of a value was {expected}; here it is {taken}"
            )
            raise GuardError(
                f"the Program was traced {shown}",
                why="Python's own control flow took the value, and the Program holds only the path taken",
                fix="trace again with these arguments, or write the choice with np.where or pullback.cond",
            )
        return ()

    def batch(self, size, operands, batched, *, kind, expected):
        raise GuardError(
            f"a guard on {kind.__name__}() under vmap",
            why="lanes may differ in what Python took",
            fix="trace without values=True, and write the choice with np.where or pullback.cond",
        )

    def written(self, params):
        return "array" if params["kind"] is np.ndarray else f"{params['kind'].__name__}: {params['expected']}"


guard = Guard()


class StopGradient(Primitive):
    """The same value, of which nothing moves; a copy, since eagerly it goes to the user."""

    name, smooth, quiet = "stop_gradient", False, True

    def infer(self, x):
        return x.strong

    def evaluate(self, x):
        return np.array(x)[()]

    def batch(self, size, operands, batched):
        return stop_gradient(operands[0])


stop_gradient = StopGradient()


def _lanes(values: tuple, lanes: tuple) -> Any:
    """Yield the operands of each lane, the outermost batch first; `lanes` has (size, batched) for each batch."""
    if not lanes:
        yield values
        return
    (size, batched), *inner = lanes
    for i in range(size):
        yield from _lanes(tuple(x[i] if b else x for x, b in zip(values, batched, strict=True)), tuple(inner))


class PureCallback(Primitive):
    """What a Python function of the user's makes of the operands: arrays of `types`.

    `f` takes flat arrays and returns a list of arrays. Under `vmap` it is called lane by lane
    (`lanes` are the batches), or once, if `vectorized`: then with the batch axis in front of
    every operand. A `quiet` one, of a lane that is not taken, gives zeros where `f` raises.
    It has no derivative.
    """

    name, multiple, effect = "pure_callback", True, "callback"

    def infer(self, *operands, f, types, lanes=(), vectorized=False, quiet=False):
        shape = tuple(size for size, _ in lanes)
        return tuple(array_type((*shape, *t.shape), t.dtype) for t in types)

    def evaluate(self, *values, f, types, lanes=(), vectorized=False, quiet=False):
        token = floor.set(None)  # the function is run, not traced, whatever is being traced outside
        try:
            turns = [_called(f, xs, types, quiet) for xs in _lanes(values, lanes)]
        finally:
            floor.reset(token)
        if not lanes:
            return tuple(turns[0])
        shape = tuple(size for size, _ in lanes)
        stacked = zip(*turns, strict=True) if turns else [()] * len(types)
        return tuple(np.array(ys, t.dtype).reshape(*shape, *t.shape) for ys, t in zip(stacked, types, strict=True))

    def jvp(self, operands, result, tangents, *, f, **params):
        raise NotTraceable(
            f"a derivative of pure_callback of {getattr(f, '__name__', f)}",
            where=here(),
            why="pullback does not see what a Python function does with plain arrays",
            fix="give the function that calls it a rule with pullback.custom_vjp, "
            "or call it on pullback.stop_gradient(x), if nothing is to move through it",
        )

    def batch(self, size, operands, batched, *, lanes=(), vectorized=False, types, **params):
        if vectorized:
            xs = tuple(x if b else _repeated(x, size) for x, b in zip(operands, batched, strict=True))
            types = tuple(array_type((size, *t.shape), t.dtype) for t in types)
            return pure_callback(*xs, types=types, vectorized=True, **params)
        return pure_callback(*operands, types=types, lanes=((size, batched), *lanes), **params)

    def quiet_params(self, params):
        return {**params, "quiet": True}

    def written(self, params):
        return getattr(params["f"], "__name__", "")


pure_callback = PureCallback()


def _repeated(x: Any, size: int) -> Any:
    return broadcast(x, shape=(size, *type_of(x).shape))


def _called(f: Any, values: tuple, types: tuple, quiet: bool) -> list[Any]:
    """Return what the user's function gives, fitted to what was announced; an array of another shape is refused."""
    try:
        outs = f(*values)
    except Exception:
        if quiet:
            return [np.zeros(t.shape, t.dtype) for t in types]
        raise
    fitted = []
    for i, (y, t) in enumerate(zip(outs, types, strict=True)):
        y = np.asarray(y)
        if y.shape != t.shape or not np.can_cast(y.dtype, t.dtype, "same_kind"):
            raise CustomRuleError(
                f"result {i} of pure_callback of {getattr(f, '__name__', f)} is {array_type(y.shape, y.dtype)}",
                where=here(),
                why=f"result_shapes announced {t}",
                fix="return an array of the announced shape and dtype, or announce what the function returns",
            )
        fitted.append(y.astype(t.dtype)[()])  # a copy: it may be a buffer that the function uses again
    return fitted


class DebugPrint(Primitive):
    """Print: `f` takes flat arrays and prints them. Under `vmap`, lane by lane, in order."""

    name, multiple, smooth, effect = "debug_print", True, False, "print"

    def infer(self, *operands, f, lanes=()):
        return ()

    def evaluate(self, *values, f, lanes=()):
        for xs in _lanes(values, lanes):
            f(*xs)
        return ()

    def batch(self, size, operands, batched, *, f, lanes=()):
        return debug_print(*operands, f=f, lanes=((size, batched), *lanes))

    def written(self, params):
        return repr(getattr(params["f"], "format", ""))


debug_print = DebugPrint()
