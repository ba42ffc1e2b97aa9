"""jvp: f at x to its value and its tangent along v, together; nothing is kept.

Each operation runs one level out, and its linear rule is pushed through at once, so that
forward mode of any number of steps takes the memory of one.

Griewank and Walther, "Evaluating Derivatives" (2nd ed., 2008), §3.1: the tangent sweep.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pullback.core.body import ProgramRecorder
from pullback.core.made import Latest
from pullback.core.program import Program
from pullback.core.recorder import Recorder, bind
from pullback.core.replay import replay
from pullback.core.tracer import Tracer, settled
from pullback.core.types import type_of
from pullback.primitives.custom import check_outside

from . import nans
from .inline import taken_apart
from .linearize import with_zeros
from .rules import rule_of
from .simplify import simplify

__all__ = ["JvpRecorder", "PushedProgram", "jvp_program"]


class JvpRecorder(Recorder):
    """Carries a tangent beside each primal and pushes it through every operation as it is made."""

    __slots__ = ("_latest",)

    def __init__(self) -> None:
        super().__init__()
        self._latest = Latest()

    def input(self, value: Any, tangent: Any) -> Tracer:
        """Return the Tracer of an input with its tangent."""
        return Tracer(self, settled(value), settled(tangent), type_of(value))

    def process(self, primitive: Any, operands: tuple, params: dict) -> Any:
        values = tuple([self.primal(x) for x in operands])
        tangents = tuple([self.tangent(x) for x in operands])
        checker = nans.current()
        if primitive.holds_programs:
            outs = None if checker is None else taken_apart(primitive, operands, params)
            if outs is not None:
                return outs
            results, pushed = primitive.push(values, tangents, params)
            check_outside(self, params, (*results, *pushed))
            if not primitive.multiple:
                results, pushed = (results,), (pushed,)
        else:
            moving = sum(1 << i for i, v in enumerate(tangents) if v is not None)
            types = tuple([type_of(x) for x in values])
            rule = rule_of(primitive, moving, types, params) if primitive.smooth else None
            if rule is None:
                return bind(primitive, values, params)
            results, pushed = self._push(rule, values, tangents, checker)
        both = zip(results, pushed, strict=True)
        out = [settled(value) if v is None else self._result(value, v) for value, v in both]
        return tuple(out) if primitive.multiple else out[0]

    def _result(self, value: Any, tangent: Any) -> Tracer:
        out = self.input(value, tangent)
        self._latest.note(out)
        return out

    def source_of(self, tracer: Tracer) -> Any:
        return self._latest.source_of(tracer) or self.made

    def _push(self, rule: Any, values: tuple, tangents: tuple, checker: Any) -> tuple[tuple, list]:
        plain = all(type(x) is not Tracer for x in (*values, *tangents))
        if plain:
            results, residuals = rule.run(*values)
            results = results if rule.n_results != 1 or isinstance(results, tuple) else (results,)
        else:
            results, residuals = rule.record(list(values), True)
        with np.errstate(all="ignore"):
            vs = tuple([v for v in tangents if v is not None])
            found = rule.push(residuals, vs, plain)
            if checker is not None:
                checker.pushed(rule, residuals, vs, found)
        moved = iter(found)
        return results, [next(moved) if m else None for m in rule.moves]

    def primal(self, x: Any) -> Any:
        """Return the value of a Tracer of this level, one level out; anything else as it is."""
        return x.value if type(x) is Tracer and x.recorder is self else x

    def tangent(self, x: Any) -> Any:
        """Return the tangent of a Tracer of this level; None, a structural zero, of anything else."""
        return x.entry if type(x) is Tracer and x.recorder is self else None


class PushedProgram(NamedTuple):
    """Primals and tangents in, primals and tangents out; and which outputs have a tangent."""

    program: Program
    moves: tuple[bool, ...]


def jvp_program(
    program: Program, moving: tuple[bool, ...], instantiate: tuple[bool, ...] | None = None
) -> PushedProgram:
    """Return the Program ``(primals, tangents of those that move) -> (outputs, their tangents)``.

    `instantiate` marks outputs whose tangent is wanted even where it is structurally zero.
    """
    instantiate = instantiate or (False,) * len(program.outputs)
    return program.derived(("jvp", moving, instantiate), lambda: _jvp(program, moving, instantiate))


def _jvp(program: Program, moving: tuple, instantiate: tuple) -> PushedProgram:
    with ProgramRecorder(closed=True) as outer:
        xs = [outer.input(t) for t in program.in_types]
        recorder = JvpRecorder()
        ins = [recorder.input(x, outer.input(x.type.strong)) if m else x for x, m in zip(xs, moving, strict=True)]
        outs = replay(program, ins)
        tangents = [recorder.tangent(y) for y in outs]
        recorder.close()
        pushed = outer.finish([*(recorder.primal(y) for y in outs), *(v for v in tangents if v is not None)])
    there = (True,) * len(outs) + tuple(v is not None for v in tangents)
    wanted = (True,) * len(outs) + instantiate
    whole = with_zeros(simplify(pushed), program.out_types * 2, there, wanted)
    return PushedProgram(whole, tuple(a or b for a, b in zip(there[len(outs) :], instantiate, strict=True)))
