"""Linear rules: what a primitive's derivative is, worked out once for given types.

The `jvp` rule of a primitive is traced with its operands one level out and its tangents
in a linear recorder one level in. What the outside records is the *forward* Program
(results and residuals); what the inside records is the *linear* Program, which takes the
residuals, then the tangents. Its transposes are the pull rules. All of them are cached by
(which operands move, types, parameters, conventions) and run as straight-line code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from pullback.core import conventions
from pullback.core.body import LinearRecorder, ProgramRecorder
from pullback.core.primitive import Primitive, freeze
from pullback.core.program import Program
from pullback.core.replay import replay
from pullback.core.source import NOWHERE, inherit
from pullback.core.straightline import primal_part, straightline
from pullback.core.types import Type
from pullback.primitives.shaping import fit_tangent

from .simplify import simplify
from .transpose import transpose

__all__ = ["Pull", "Rule", "rule_of"]

_MOST_RULES = 4096  # a primitive: a loop over ever new shapes must not fill the memory


class Pull(NamedTuple):
    """One pull rule: for given structural zeros and masks among the results' cotangents."""

    run: Callable[..., list]  # (*residuals, *cotangents) -> cotangents, on plain arrays
    replay: Callable[..., list]  # the same, on Tracers
    targets: tuple[int, ...]  # which moving operand each cotangent belongs to
    masked: tuple[bool, ...]
    add_into: Callable[..., None] | None = None  # (array, *residuals, cotangent): add what `run` gives, in place


class Rule:
    """What a step does to tangents: a linear Program of residuals and tangents, and its transposes.

    Attributes
    ----------
    linear : Program
        Inputs: `n_residuals` residuals, then the moving operands' tangents. Outputs: the
        moving results' tangents.
    moves : tuple of bool
        Which results move.
    result_types : tuple of Type
        Types of all results.
    name : str
        The primitive's name, for reports.
    """

    def __init__(
        self, linear: Program, n_residuals: int, moves: tuple[bool, ...], result_types: tuple[Type, ...], name: str
    ) -> None:
        self.linear = linear
        self.n_residuals = n_residuals
        self.moves = moves
        self.n_moved = sum(moves)
        self.result_types = result_types
        self.name = name
        self.pulls: dict[Any, Pull] = {}
        self._push: Callable[..., list] | None = None

    def push(self, residuals: tuple, tangents: tuple, plain: bool) -> list:
        """Return the tangents of the moving results."""
        if not plain:
            return replay(self.linear, (*residuals, *tangents))
        if self._push is None:
            self._push = straightline(self.linear)
        return self._push(*residuals, *tangents)

    def pull(self, key: Any) -> Pull:
        """Return the pull rule for cotangents that are absent (None), plain (0) or masked (1).

        `key` is that number for a single moving result, a tuple of them for several.
        """
        found = self.pulls.get(key)
        if found is None:
            found = self.pulls[key] = self._derive_pull(key if isinstance(key, tuple) else (key,))
        return found

    def _derive_pull(self, state: tuple) -> Pull:
        present = tuple(s is not None for s in state)
        masked = tuple(bool(s) for s in state)
        program, nonzero, masks = transpose(self.linear, self.n_residuals, present, masked)
        targets = tuple(i for i, there in enumerate(nonzero) if there)
        run = straightline(program)
        return Pull(run, lambda *operands: replay(program, operands), targets, masks, _in_place(program))


def _in_place(program: Program) -> Callable[..., None] | None:
    """Return what adds the one cotangent to an array in place: where it is a `scatter`, which would be of its size."""
    if len(program.equations) != 1 or program.outputs != program.equations[0].results:
        return None
    eq = program.equations[0]
    add = eq.primitive.add_into(eq.params)
    if add is None or any(x not in program.inputs for x in eq.operands):
        return None
    places = [program.inputs.index(x) for x in eq.operands]
    return lambda out, *values: add(out, *[values[i] for i in places])


class PrimitiveRule(Rule):
    """The rule of a primitive for given types: its forward Program too."""

    def __init__(self, forward: Program, kept: tuple, *rest: Any) -> None:
        super().__init__(*rest)
        self.forward = forward
        self.kept = kept
        self.n_results = len(self.result_types)
        self.split = primal_part(forward, self.n_results)
        self.run = straightline(forward, self.n_results)

    def record(self, values: list, multiple: bool) -> tuple[Any, tuple]:
        """Do as `run` does, on Tracers."""
        outs = replay(self.forward, values, self.split)
        results = tuple(outs[: self.n_results])
        return results if multiple else results[0], tuple(outs[self.n_results :])


def rule_of(primitive: Primitive, moving: int, types: tuple, params: dict) -> PrimitiveRule | None:
    """Return the rule of a primitive, or None if its results do not move.

    Parameters
    ----------
    moving : int
        Bit i is set where operand i moves.
    """
    key = moving, types, freeze(params) if params else (), conventions.current()
    rules = primitive.rules
    try:
        return rules[key]
    except KeyError:
        if len(rules) >= _MOST_RULES:
            rules.clear()
        with inherit(NOWHERE):
            rule = rules[key] = _derive(
                primitive, tuple(bool(moving >> i & 1) for i in range(len(types))), types, params
            )
        return rule


def _derive(primitive: Primitive, moving: tuple, types: tuple, params: dict) -> PrimitiveRule | None:
    with ProgramRecorder() as outer:
        xs = tuple(outer.input(t) for t in types)
        results = outer.process(primitive, xs, params)
        inner = LinearRecorder()
        vs = tuple(inner.linear_input(t.strong) if m else None for t, m in zip(types, moving, strict=True))
        tangents = primitive.jvp(xs, results, vs, **params)
        results = results if primitive.multiple else (results,)
        tangents = tangents if primitive.multiple else (tangents,)
        moves = tuple(v is not None and r.type.inexact for v, r in zip(tangents, results, strict=True))
        if not any(moves):
            return None
        fitted = [fit_tangent(v, r.type) for v, r, m in zip(tangents, results, moves, strict=True) if m]
        linear, residuals = inner.finish_closed(fitted)
        forward = simplify(outer.finish([*results, *residuals]))
    inner.close()
    linear = simplify(linear)
    kept = tuple(
        (j, forward.inputs.index(x)) for j, x in enumerate(forward.outputs[len(results) :]) if x in forward.inputs
    )
    result_types = tuple(r.type for r in results)
    return PrimitiveRule(forward, kept, linear, len(residuals), moves, result_types, primitive.name)
