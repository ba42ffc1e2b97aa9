"""checked: native code under suspicion, for ``PULLBACK_CHECK=1``.

Each call runs on copies of its arguments. It is an error of pullback's own (CheckError) if
native code writes to an argument or beyond the memory that it was given, or makes a NaN where
the evaluator makes none. A NaN that
the Program itself makes is none of its business; ``PULLBACK_CHECK=nan`` raises NaNError for
it, naming the line where the first NaN came out of numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pullback.core.arrays import own
from pullback.core.errors import CheckError, NaNError
from pullback.core.primitive import primitives
from pullback.core.program import Program, held_programs
from pullback.core.replay import last_uses, read
from pullback.core.types import Tape, TapeType

from .evaluate import compile_program

__all__ = ["Checked", "first_nan"]


class Checked:
    """Native code for a Program, each call of which is looked at."""

    def __init__(self, native: Any, program: Program, nan: bool) -> None:
        self.native, self.source, self.nan = native, program, nan
        self.run = native.guarded

    def __getattr__(self, name: str) -> Any:
        if name == "native":  # while it is unpickled
            raise AttributeError(name)
        return getattr(self.native, name)

    def __call__(self, *values: Any) -> Sequence[Any]:
        """Run it on flat arrays."""
        given = [x.copy() if isinstance(x, np.ndarray) else x for x in values]
        outs = self.run(*given)
        for i, (a, b) in enumerate(zip(values, given, strict=True)):
            if isinstance(a, np.ndarray) and a.tobytes() != b.tobytes():
                raise CheckError(f"native code has written to argument {i}, of {a.dtype}[{a.shape}]")
        if any(map(_has_nan, outs)) and not any(map(_has_nan, values)) and not self.source.calls_out:
            self._blame(values, outs)
        return outs

    def fresh(self, *values: Any) -> Sequence[Any]:
        """Return results that share memory with nothing."""
        return own(self(*values), values)

    def donating(self, values: Sequence[Any], donated: tuple[int, ...]) -> Sequence[Any]:
        """Return the results; what was given away is not taken while native code is checked."""
        return self(*values)

    def descriptor(self, *_: Any) -> None:
        """Return None: the code is not to be called directly."""

    def _blame(self, values: Sequence[Any], outs: Sequence[Any]) -> None:
        """Raise the error for a NaN that came out of numbers, if it is one."""
        with np.errstate(all="ignore"):
            wanted = compile_program(self.source)(*values)
        for i, (x, y) in enumerate(zip(outs, wanted, strict=True)):
            if _has_nan(x) and not _has_nan(y):
                raise CheckError(f"native code made a NaN in result {i} where NumPy makes none")
        if self.nan:
            where = first_nan(self.source, values)
            raise NaNError(
                f"{where.primitive if where else 'a Program'} made a NaN out of numbers",
                where=where and where.source,
                why="PULLBACK_CHECK=nan is in the environment, and no argument held a NaN",
                fix="keep the point out with np.where, or look at the arguments of that line",
            )


def first_nan(program: Program, values: Sequence[Any]) -> Any:
    """Return the first equation that makes a NaN out of operands without one, looking into calls; None if none does."""
    env: dict[Any, Any] = {**dict(program.constants), **dict(zip(program.inputs, values, strict=True))}
    last = last_uses(program)
    for i, eq in enumerate(program.equations):
        operands = tuple([read(env, x) for x in eq.operands])
        with np.errstate(all="ignore"):
            outs = eq.primitive.evaluate_weak(operands, eq.params)
        outs = outs if eq.primitive.multiple else (outs,)
        if any(map(_has_nan, outs)) and not any(map(_has_nan, operands)):
            inner = held_programs(eq.params) if eq.primitive in (primitives["call"], primitives["checkpoint"]) else []
            return (first_nan(inner[0], operands) if inner else None) or eq
        env.update(zip(eq.results, outs, strict=True))
        for x in last.get(i, ()):
            env.pop(x, None)
    return None


def _has_nan(x: Any) -> bool:
    if isinstance(x, Tape):
        return any(map(_has_nan, x.array)) if isinstance(x.type.element, TapeType) else _has_nan(x.array)
    x = np.asarray(x)
    return x.dtype.kind in "fc" and bool(np.isnan(x).any())
