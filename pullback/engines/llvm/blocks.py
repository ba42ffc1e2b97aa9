"""blocks: a long Program in parts, each computed in functions of its own.

LLVM's time grows faster than linearly with the length of a function. So equations that are
computed where they are read are put into blocks, in order, of a limited number of scalar
operations each: a nest holds equations of one block, and what a later block reads is stored.
Up to some number of operations a Program is one block: what is in registers is fastest.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pullback.core.program import Equation, Program, Var

from .access import is_view, lead_rank

__all__ = ["Blocks"]

_LONG = 1500  # scalar operations of a Program that is put into blocks: some 0.5 s of compiling, if it were not
_LONGEST = 256  # scalar operations of a block
_FUNCTION = 8  # operations that a call of a mathematical function counts for
_PLAIN = frozenset([
    "add", "sub", "mul", "smul", "mask", "neg", "square", "select", "maximum", "minimum", "absolute", "convert",
    "equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or", "logical_not",
    "stack", "concatenate", "pad", "roll", "zeros_like", "sum", "sum_to", "contract", "stop_gradient", "share", "iota",
])  # fmt: skip


class Blocks:
    """Which block each equation is in; a short Program is one block."""

    def __init__(self, program: Program, computed: Callable[[Equation], bool]) -> None:
        self.program, self.computed = program, computed
        self.of: dict[Any, int] = {}
        done, block = 0, 0
        sizes = [_size(eq) if computed(eq) else (0, 0) for eq in program.equations]
        if sum(n for n, _ in sizes) <= _LONG:
            self.of = dict.fromkeys((x for eq in program.equations for x in eq.results), 0)
            return
        for eq, (n, each) in zip(program.equations, sizes, strict=True):
            size = n * each
            if done + size > _LONGEST and done:
                done, block = 0, block + 1
            done += size
            for x in eq.results:
                self.of[x] = block

    def crossing(self, defined: dict[Var, Equation]) -> set[Var]:
        """Return what is read in a later block: of a value that only moves elements, what it moves."""
        found: set[Var] = set()
        if not self.of or not next(reversed(self.of.values())):
            return found
        for eq in self.program.equations:
            here = self.of[eq.results[0]] if eq.results else 0
            for x in eq.operands:
                while type(x) is Var and x in defined and is_view(defined[x]) and self.of[x] < here:
                    x = defined[x].operands[0]
                if type(x) is Var and x in defined and self.of[x] < here and self.computed(defined[x]):
                    found.add(x)
        return found


def _size(eq: Equation) -> tuple[int, int]:
    """Return how many elements an equation that is computed where it is read writes out, and what each costs."""
    if is_view(eq):
        return 0, 0
    each = 1 if eq.primitive.name in _PLAIN else _FUNCTION
    if eq.primitive.name == "contract":
        a, b, out = (eq.params[k] for k in ("a_axes", "b_axes", "out_axes"))
        sizes = dict(zip((*a, *b), (*eq.operands[0].type.shape, *eq.operands[1].type.shape), strict=True))
        return math.prod(n for label, n in sizes.items() if label not in out) * unrolled(eq.results[0].type), each
    return max((unrolled(x.type) for x in (*eq.operands, *eq.results)), default=1), each


def unrolled(type: Any) -> int:
    """Return how many elements of a value are computed in one turn of a nest."""
    return math.prod(type.shape[lead_rank(type.shape) :])
