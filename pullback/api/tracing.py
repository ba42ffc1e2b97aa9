"""trace: a function and example arguments to a Program. And bodies, for the primitives that hold one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pullback.core.arrays import own
from pullback.core.body import ProgramRecorder
from pullback.core.errors import ArgumentError, TreeError
from pullback.core.program import Program, intern
from pullback.core.replay import replay
from pullback.core.source import here
from pullback.core.tracer import concrete
from pullback.core.tree import flatten, is_array, shown, unflatten
from pullback.core.types import type_of

from .calls import call, name_of
from .draws import Generators

__all__ = ["Body", "Signature", "trace", "trace_body", "trace_flat"]


class Signature:
    """How a traced Program's arguments and results are structured."""

    __slots__ = ("arrays", "in_structure", "leaves", "name", "out_leaves", "out_structure", "static", "types")

    def __init__(self, args: tuple, kwargs: dict, name: str) -> None:
        self.leaves, self.in_structure = flatten((args, kwargs))
        self.arrays = [i for i, x in enumerate(self.leaves) if is_array(x)]
        self.types = [type_of(self.leaves[i]) for i in self.arrays]
        self.name = name
        self.static: Any = ()

    def inputs(self) -> list[Any]:
        """Return the array leaves of the example arguments."""
        return [self.leaves[i] for i in self.arrays]

    def call(self, f: Callable[..., Any], arrays: Sequence[Any]) -> Any:
        """Call f on the example arguments with their arrays replaced."""
        leaves = list(self.leaves)
        for i, x in zip(self.arrays, arrays, strict=True):
            leaves[i] = x
        args, kwargs = unflatten(self.in_structure, leaves)
        return call(f, args, kwargs)

    def set_output(self, out: Any) -> list[Any]:
        """Note the structure of the result, and return the leaves that are arrays."""
        leaves, self.out_structure = flatten(out)
        self.out_leaves = [None if is_array(x) else (x,) for x in leaves]
        return [x for x in leaves if is_array(x)]

    def forget_arrays(self) -> None:
        """Let go of the example arguments."""
        for i in self.arrays:
            self.leaves[i] = None

    def result(self, arrays: Sequence[Any]) -> Any:
        """Return the result tree of these arrays."""
        given = iter(arrays)
        return unflatten(self.out_structure, [next(given) if x is None else x[0] for x in self.out_leaves])

    def run(self, program: Program, args: tuple, kwargs: dict) -> Any:
        """Run the Program on arguments that must fit."""
        leaves, structure = flatten((args, kwargs))
        if structure != self.in_structure:
            raise TreeError(
                f"the Program of {self.name} was traced with arguments of structure {shown(self.in_structure)}, "
                f"not {shown(structure)}",
                where=here(),
                why="a Program is traced for one structure of its arguments",
                fix="call it with the same structure, or trace it again",
            )
        arrays = [leaves[i] for i in self.arrays]
        for x, t, i in zip(arrays, self.types, self.arrays, strict=True):
            if not is_array(x) or type_of(x).strong is not t.strong:
                raise ArgumentError(
                    f"leaf {i} of the arguments is {type_of(x) if is_array(x) else type(x).__name__}; "
                    f"the Program of {self.name} takes {t}",
                    where=here(),
                    why="a Program is traced for one shape and dtype of each argument",
                    fix="trace the function again with these arguments",
                )
        return self.result(own(replay(program, arrays), [*arrays, *(c for _, c in program.constants)]))


def trace(fun: Callable[..., Any], *, values: bool = False) -> Callable[..., Program]:
    """Return a function that traces `fun` on example arguments and returns its `Program`.

    Parameters
    ----------
    fun : callable
    values : bool
        Carry the arguments' values along, so that Python's own ``if`` and ``while`` work;
        each truth value and integer that Python took from an array becomes a guard of the
        Program, and running it on arguments that break one raises GuardError.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> program = pb.trace(lambda x, y: x * y)(np.ones(2), 3.0)
    >>> program(np.array([1.0, 2.0]), 5.0)
    array([ 5., 10.])
    >>> program.cost.flops
    2
    """

    def traced(*args: Any, **kwargs: Any) -> Program:
        signature = Signature(args, kwargs, name_of(fun))
        with ProgramRecorder(values=values, guard=values) as recorder:
            inputs = signature.inputs()
            xs = [
                recorder.input(t, concrete(x) if values else None) for t, x in zip(signature.types, inputs, strict=True)
            ]
            outs = signature.set_output(signature.call(fun, xs))
            program = recorder.finish(outs, signature)
        signature.forget_arrays()
        return program

    return traced


def trace_flat(f: Callable[..., Any], inputs: Sequence[Any]) -> tuple[Program, Any]:
    """Return the Program of a function of flat arrays, and the structure of its result."""
    with ProgramRecorder() as recorder:
        xs = [recorder.input(type_of(x)) for x in inputs]
        leaves, structure = flatten(call(f, xs, {}))
        return recorder.finish(leaves), structure


class Body:
    """A traced body: a closed Program whose leading inputs are its captures.

    Attributes
    ----------
    program : Program
    captures : list
        Arrays and outer Tracers that the body took from outside.
    structure
        Structure of what it returned.
    values : list or None
        Concrete values of the outputs, where the body was traced with values.
    """

    __slots__ = ("captures", "program", "structure", "values")

    def __init__(self, program: Program, captures: list[Any], structure: Any, values: list[Any] | None) -> None:
        self.program, self.captures, self.structure, self.values = program, captures, structure, values


def trace_body(
    f: Callable[..., Any],
    structure: Any,
    types: Sequence[Any],
    values: Sequence[Any] | None = None,
    what: str = "body",
    closed: bool = False,
    interned: bool = True,
) -> Body:
    """Trace a function of one tuple of arguments as a body, which takes every operation on any Tracer.

    Parameters
    ----------
    structure
        Structure of the tuple of arguments; `types` are its leaves' types.
    values : sequence, optional
        Concrete values of the leaves: Python's own control flow then works inside.
    closed : bool
        Arrays from outside become constants of the Program; only Tracers are captured.
    interned : bool
        The Program is the one of its kind (`intern`); not where the caller makes another of it.
    """
    generators = Generators(f)
    with ProgramRecorder(values=values is not None, closed=closed) as recorder:
        given = values if values is not None else [None] * len(types)
        xs = [recorder.input(t, v) for t, v in zip(types, given, strict=True)]
        leaves, out_structure = flatten(call(f, unflatten(structure, xs), {}))
        for x in leaves:
            if not is_array(x):
                raise TreeError(
                    f"{name_of(f)}, as the body of {what}, returned a {type(x).__name__}",
                    where=here(),
                    why="a body returns arrays, in a pytree",
                    fix="return arrays; keep anything else outside of the body",
                )
        program, captures = recorder.finish_closed(leaves)
        known = [concrete(x) for x in leaves] if values is not None else None
    generators.refuse_draws(what)
    return Body(intern(program) if interned else program, captures, out_structure, known)
