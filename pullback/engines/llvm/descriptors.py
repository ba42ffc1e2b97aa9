"""descriptors: what the interpreter of calls is told of one signature of a compiled function, as words in memory."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from pullback.core.program import Equation, Program, held_programs
from pullback.core.types import ArrayType
from pullback.engines.forms import Form, Kind, Make

from .calling import Frame, Layout
from .objects import DATA
from .records import DESCRIPTOR, NODE, RESULT, STEP

__all__ = ["Descriptor", "runs_long"]

_LONG = 10_000  # nanoseconds: from here on the lock of the interpreter is let go of, which costs 35 ns
_FLOP, _FLOP_OF_LOOP, _BYTE = (
    1 / 15,
    0.8,
    1 / 200,
)  # nanoseconds, about: of nests, and of turns that wait for each other
_CONTAINERS = (Kind.TUPLE, Kind.LIST, Kind.DICT)


class Descriptor:
    """One signature: its words, its frame, and all that its words point to.

    Parameters
    ----------
    form : Form
    captures : sequence of ndarray
        The leading inputs of the Program: those that the function took from outside.
    context : sequence
        What the variables of the context must be.
    releases : bool
        Whether the lock of the interpreter is let go of meanwhile.
    held : object
        What must live as long: the code.
    make : callable
        From the type of a result to a function without arguments that returns a new array for it, or None:
        then NumPy makes it.
    """

    def __init__(
        self, code: int, layout: Layout, frame: Frame, fail: Callable[[int, Frame], Any], form: Form,
        captures: Sequence[np.ndarray], context: Sequence[Any], releases: bool, held: Any,
        make: Callable[[ArrayType], Callable[[], np.ndarray] | None] = lambda t: None,
    ) -> None:  # fmt: skip
        self._kept: list[Any] = [frame, layout, held]
        self._layout, self._frame = layout, frame
        for i, x in enumerate(captures):
            x = np.require(x, layout.in_types[i].dtype, ("C_CONTIGUOUS", "ALIGNED"))
            if layout.scalars[i]:
                ctypes.memmove(self._place(i), x.ctypes.data, x.itemsize)
            else:
                frame.words[i] = self._object(x)

        def failed(status: int) -> Any:
            return fail(status, frame)

        words = {
            "code": code, "frame": frame.address, "releases": int(releases),
            "n_args": form.n_args, "n_names": len(form.names), "names": self._objects(form.names),
            "n_roots": form.n_args + len(form.names), "n_nodes": len(form.nodes),
            "nodes": self._records(NODE, [self._node(node, len(captures)) for node in form.nodes]),
            "objects": self._room(len(form.nodes)), "context": self._objects(context), "n_results": layout.n_out,
            "results": self._records(RESULT, [self._result(k, t, make) for k, t in enumerate(layout.out_types)]),
            "made": self._room(layout.n_out), "n_steps": len(form.steps),
            "steps": self._records(STEP, [self._step(step) for step in form.steps]),
            "stack": self._room(len(form.steps)), "fail": self._object(failed),
        }  # fmt: skip
        self.address = self._records(DESCRIPTOR, [words])

    # Words and what they point to ----------------------------------------------------------------

    def _keep(self, x: Any) -> Any:
        self._kept.append(x)
        return x

    def _object(self, x: Any) -> int:
        return id(self._keep(x))

    def _objects(self, xs: Sequence[Any]) -> int:
        return self._array([self._object(x) for x in xs])

    def _array(self, words: Sequence[int]) -> int:
        return self._keep(np.array([*words, 0], np.uint64)).ctypes.data

    def _room(self, n: int) -> int:
        return self._array([0] * n)

    def _records(self, fields: dict[str, int], records: list[dict[str, int]]) -> int:
        return self._array([record.get(name, 0) for record in records for name in fields])

    def _place(self, i: int) -> int:
        """Return the address of a word of the frame: of an input, or of a result behind them."""
        return self._frame.address + 8 * i

    # Records ------------------------------------------------------------------------------------

    def _node(self, node: Any, n_captures: int) -> dict[str, int]:
        found = {"kind": int(node.kind)}
        if node.kind == Kind.SAME:
            return found | {"expected": self._object(node.expected)}
        if node.kind in _CONTAINERS:
            return found | {
                "expected": self._object(node.expected), "place": node.number, "count": node.count,
                "more": self._objects(node.keys),
            }  # fmt: skip
        i = node.number + n_captures
        found["place"] = self._place(i)
        if node.kind == Kind.ARRAY:
            return self._array_node(found, i, node.expected)
        if node.kind == Kind.NUMBER and not self._layout.scalars[i]:
            found["place"] = self._stand_in(i, node.count)
        return found | {"expected": self._object(node.expected), "count": node.count}

    def _array_node(self, found: dict[str, int], i: int, t: ArrayType) -> dict[str, int]:
        found["expected"] = self._object(np.dtype(t.dtype.type))  # the one object that arrays have
        if self._layout.scalars[i]:
            return found | {"kind": int(Kind.CELL), "count": t.dtype.itemsize}
        return found | {"count": t.ndim, "more": self._array(t.shape)}

    def _result(self, k: int, t: ArrayType, make: Any) -> dict[str, int]:
        place = self._place(self._layout.n_in + k)
        found = {"place": place, "dtype": self._object(np.dtype(t.dtype.type))}
        if t.ndim == 0:
            return found | {"scalar": 1, "value": self._stand_in(self._layout.n_in + k, t.dtype.itemsize)}
        maker = make(t)
        found |= {"axes": t.ndim, "shape": self._array(t.shape)}
        return found if maker is None else found | {"maker": self._object(maker)}

    def _stand_in(self, i: int, n: int) -> int:
        """Put into a word of the frame, where the code takes an array object, what stands in for one.

        Return the address of its value, of n bytes.
        """
        words = self._keep(np.zeros(4 + -(-n // 8), np.uint64)).ctypes.data
        ctypes.c_uint64.from_address(words + DATA).value = words + 32
        self._frame.words[i] = words
        return words + 32

    def _step(self, step: Any) -> dict[str, int]:
        found = {"make": int(step.make), "number": step.number}
        if step.make in (Make.CONSTANT, Make.CALL):
            found["value"] = self._object(step.value)
        return found | ({"keys": self._objects(step.keys)} if step.make == Make.DICT else {})


def runs_long(program: Program) -> bool:
    """Return whether a call may take more than about 10 µs, or calls back: then others may run meanwhile."""
    if program.calls_out or any(map(_is_open_loop, _all_equations(program))):
        return True
    costs = [(eq.cost, _FLOP_OF_LOOP if eq.primitive.name == "loop" else _FLOP) for eq in program.equations]
    return sum(cost.flops * flop + cost.bytes * _BYTE for cost, flop in costs) > _LONG


def _all_equations(program: Program) -> Iterator[Equation]:
    for eq in program.equations:
        yield eq
        for held in held_programs(eq.params):
            yield from _all_equations(held)


def _is_open_loop(eq: Equation) -> bool:
    return eq.primitive.name == "loop" and eq.params["length"] is None
