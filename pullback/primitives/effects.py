"""Effects, and stops: what guards a value that Python took, and what cuts a derivative."""

from __future__ import annotations

import numpy as np

from pullback.core.errors import GuardError
from pullback.core.primitive import Primitive

__all__ = ["guard", "stop_gradient"]


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
