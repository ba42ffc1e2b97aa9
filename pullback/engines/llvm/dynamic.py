"""dynamic: native code for a Program whose lengths are known only at the call.

The Program is there for some example lengths. Code is written for each, and if the texts differ
in nothing but numbers that are formulas of the lengths (`template`), they are one code, compiled
once. Whether it serves other lengths, shorter or longer, is found by writing the text for them and
comparing. Between two lengths that it serves it serves all: what the engine decides by a length,
it decides by comparing sums of it, and such a comparison turns once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from pullback.core.fitting import Examples, Point
from pullback.core.program import Equation, Program
from pullback.core.types import ArrayType, array_type

from .arena import Slots
from .callbacks import CALLBACK, Callbacks
from .calling import Frame, Layout, adapter
from .compiled import Compiled, fail, symbols
from .driver import Module, Unsupported, write_module
from .flat import prepared
from .math import define
from .native import build, has_fma
from .plan import plan
from .template import Differs, Template

__all__ = ["Differs", "ManyLengths", "Unsupported"]


class _Types:
    """Types whose shapes are formulas of the lengths."""

    def __init__(self, rows: Sequence[Sequence[Any]], examples: Examples) -> None:
        if len({*map(len, rows)}) != 1:
            raise Differs("for some lengths there are more arrays than for others")
        self._found = [self._one(types, examples) for types in zip(*rows, strict=True)]

    def _one(self, types: tuple[Any, ...], examples: Examples) -> tuple[Any, Any, bool]:
        if not all(isinstance(t, ArrayType) for t in types):
            raise Differs("a function of many lengths takes and gives no tapes")
        if len({(t.dtype, t.weak, t.ndim) for t in types}) != 1:
            raise Differs("the dtype or the number of axes of an array depends on the length")
        shape = [examples.whole(sizes) for sizes in zip(*(t.shape for t in types), strict=True)]
        if None in shape:
            raise Differs(f"a shape depends on the length in an unknown way: {', '.join(map(repr, types))}", True)
        return shape, types[0].dtype, types[0].weak

    def at(self, point: Point) -> tuple[Any, ...]:
        """Return the types for lengths."""
        found = []
        for shape, dtype, weak in self._found:
            sizes = tuple(n(point) for n in shape)
            if any(n is None or n < 0 for n in sizes):
                raise Differs("a shape is no whole number at this length")
            found.append(array_type(sizes, dtype, weak))
        return tuple(found)


class _Written:
    """What the engine writes for one example."""

    def __init__(self, program: Program, contract: bool) -> None:
        self.source, self.program, self.slots = program, prepared(program), Slots()
        self.module: Module = write_module(plan(self.program), contract, arena=self.slots)
        if self.module.callbacks:
            raise Differs(f"{self.module.callbacks[0].primitive.name} calls back to NumPy")
        self.constants = [*(v for _, v in self.program.constants), *self.module.constants]

    @property
    def facts(self) -> Any:
        """What must be the same for all lengths, beside the text."""
        module = self.module
        return sorted(module.blas), sorted(module.math), len(self.constants), len(module.checks), len(module.growing)


class ManyLengths:
    """Native code for the lengths that a Program has in common with its examples.

    Parameters
    ----------
    examples : sequence of (lengths, Program)
        Enough of them for a polynomial, see `Examples.enough`.

    Raises
    ------
    Differs
        Where the code is not the same at all lengths.
    """

    def __init__(self, examples: Sequence[tuple[Point, Program]], contract: bool = False) -> None:
        self.contract = contract
        self.examples = Examples([point for point, _ in examples])
        written = [_Written(program, contract) for _, program in examples]
        first = self._first = written[-1]
        if any(w.facts != first.facts for w in written):
            raise Differs("the code for some lengths calls other functions than that for others")
        self._inputs = _Types([w.program.in_types for w in written], self.examples)
        self._outputs = _Types([w.program.out_types for w in written], self.examples)
        self._constants = [self._constant(xs) for xs in zip(*(w.constants for w in written), strict=True)]
        self._checks = [self._check(checks) for checks in zip(*(w.module.checks for w in written), strict=True)]
        layout = Layout(first.program.in_types, first.program.out_types, len(first.constants), 1)
        texts, slots = [w.module.text for w in written], [w.slots for w in written]
        self.template = Template(texts, slots, self.examples, layout.n_words - 1 - layout.table)
        math = define(sorted(first.module.math), schedule="estrin", fma=has_fma()) if first.module.math else ""
        self.text = self.template.text + adapter(layout) + math
        self.callbacks = Callbacks([])
        self.function = CALLBACK(self.callbacks)  # must live as long as the code
        self.library = build(self.text, symbols(first.module, self.text, self.function), "call")

    def _constant(self, arrays: tuple[Any, ...]) -> Any:
        if all(x.dtype == arrays[0].dtype and np.array_equal(x, arrays[0], equal_nan=False) for x in arrays):
            return lambda point: arrays[0]
        found = self.examples.array(arrays)
        if found is None:
            raise Differs("an array in the Program depends on the length", True)
        return found

    def _check(self, checks: tuple[Any, ...]) -> tuple[Equation, int, Any]:
        """Return whose index may be out of range, of which axis, and the formula of its size; None for a matrix."""
        (eq, where), axes = checks[0], {place and place[0] for _, place in checks}
        if where is None:
            return eq, 0, None
        size = self.examples.whole([place[1] for _, place in checks])
        if size is None or len(axes) != 1:
            raise Differs("the size of an axis depends on the length in an unknown way", True)
        return eq, where[0], size

    def covers(self, point: Point, program: Program) -> bool:
        """Return whether the engine writes this code for lengths, of which it is given the Program."""
        try:
            new = _Written(program, self.contract)
            return (
                new.facts == self._first.facts
                and new.program.in_types == self._inputs.at(point)
                and new.program.out_types == self._outputs.at(point)
                and new.slots.sizes == self.template.sizes(point)
                and all(np.array_equal(x, f(point)) for x, f in zip(new.constants, self._constants, strict=True))
                and new.module.text == self.template.written(point)
            )
        except Differs:
            return False

    def at(self, point: Point) -> Instance | None:
        """Return what calls the code with arguments of lengths; None where it is not theirs."""
        try:
            return Instance(self, point)
        except Differs:  # a number is not whole: it is the code for each second length, or each third
            return None

    def types(self, point: Point) -> tuple[tuple, tuple]:
        """Return the types of inputs and outputs for lengths."""
        return self._inputs.at(point), self._outputs.at(point)

    def constants(self, point: Point) -> list[np.ndarray]:
        """Return the arrays that the Program holds, for lengths."""
        return [np.require(f(point), None, ("C_CONTIGUOUS", "ALIGNED")) for f in self._constants]

    def checks(self, point: Point) -> list[Any]:
        """Return whose index may be out of range, as `Module.checks` has it, for lengths."""
        return [(eq, size and (axis, size(point))) for eq, axis, size in self._checks]

    @property
    def program(self) -> Program:
        """The Program of the longest example, simplified and flat."""
        return self._first.program

    @property
    def module(self) -> Module:
        """The module of the longest example."""
        return self._first.module


class Instance(Compiled):
    """The code of many lengths, for one: what a call needs is filled in, and nothing is compiled."""

    def __init__(self, code: ManyLengths, point: Point) -> None:
        self.code, self.point = code, point
        self.source, self.contract, self.program = code.program, code.contract, code.program
        self.module, self.text, self.library = code.module, code.text, code.library
        self.callbacks, self._function = code.callbacks, code.function
        self.constants = code.constants(point)
        table, self._arena_size = code.template.table(point)
        types = code.types(point)
        layout = Layout(*types, len(self.constants), 1)
        self._connect(layout, types, self._arena_size, partial(_fail_at, code, point), table)

    @property
    def arena_size(self) -> int:
        return self._arena_size

    def __reduce__(self):
        raise TypeError("code for many lengths is not pickled by length")


def _fail_at(code: ManyLengths, point: Point, status: int, frame: Frame) -> None:
    fail(code.callbacks, code.checks(point), code.module.growing, status, frame)
