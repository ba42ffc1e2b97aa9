"""What primitives that hold Programs share: residual bookkeeping, masks, reordered inputs."""

from __future__ import annotations

from typing import Any

from pullback.core.body import LinearRecorder
from pullback.core.passes import passes
from pullback.core.primitive import Primitive, is_linear
from pullback.core.program import Equation, Program, Var
from pullback.core.tracer import Tracer

__all__ = ["Holder", "is_masked", "linear_equation_rule", "residuals_last", "set_masked"]


class Holder(Primitive):
    """Base of primitives that hold Programs: many results, linear in whatever its Programs are linear in."""

    multiple = True

    def linear(self, n_operands, params):
        return (tuple(range(n_operands)),)

    def jvp(self, operands, result, tangents, **params):
        raise AssertionError(f"{self.name} is differentiated by `push` and `linearize`")


def is_masked(u: Any) -> bool:
    """Return whether the zeros of a cotangent were made by a mask."""
    return type(u) is Tracer and isinstance(u.recorder, LinearRecorder) and u.recorder.is_masked(u)


def set_masked(xs: Any, masked: Any) -> None:
    """Note which results are masked, where the Programs that made them know better than their equation."""
    for x, m in zip(xs, masked, strict=True):
        if type(x) is Tracer and isinstance(x.recorder, LinearRecorder) and x.entry in x.recorder.moving:
            x.recorder.moving[x.entry] = m and x.recorder.strong_zeros


def states_of(us: tuple) -> tuple[tuple[bool, ...], tuple[bool, ...]]:
    """Return which cotangents are there, and which of all are masked."""
    return tuple(u is not None for u in us), tuple(u is not None and is_masked(u) for u in us)


def residuals_last(lin: Any, operands: tuple, n_outputs: int) -> tuple[Program, Any]:
    """Return the forward Program without residuals that are inputs, and how to gather all residuals.

    The second is a function from (operands, computed residuals) to the residuals in the order
    in which the linear part takes them: an operand that is a residual is passed on, not copied out.
    """
    forward = lin.forward

    def without_inputs() -> Program:
        computed = tuple(forward.outputs[n_outputs + j] for j, i in enumerate(lin.from_input) if i is None)
        return Program(forward.inputs, forward.equations, forward.outputs[:n_outputs] + computed, forward.constants)

    trimmed = forward.derived(("computed residuals", n_outputs), without_inputs)

    def gather(extra: Any) -> tuple:
        extra = iter(extra)
        return tuple(next(extra) if i is None else operands[i] for i in lin.from_input)

    return trimmed, gather


def linear_equation_rule(
    primitive: Primitive, in_types: tuple, out_types: tuple, n_residuals: int, params: dict, *rest: Any
) -> Any:
    """Return the rule whose linear Program is one equation of a primitive; `rest` goes to the Rule."""
    inputs = tuple(Var(t) for t in in_types)
    results = tuple(Var(t) for t in out_types)
    program = Program(inputs, (Equation(primitive, inputs, results, params),), results)
    return passes.rule(program, n_residuals, *rest)


def partition(program: Program, operands: tuple) -> tuple[Program, list[Any], list[int]]:
    """Return the Program with its linear inputs last, the other operands, and where the linear ones were."""
    still = [i for i, x in enumerate(operands) if not is_linear(x)]
    moving = [i for i, x in enumerate(operands) if is_linear(x)]
    return reordered(program, (*still, *moving)), [operands[i] for i in still], moving


def reordered(program: Program, order: tuple[int, ...]) -> Program:
    """Return the Program with its inputs in another order."""
    inputs = tuple(program.inputs[i] for i in order)
    return program.derived(("reordered", order), lambda: Program(inputs, program.equations, program.outputs))


def scatter_back(values: Any, places: list[int], n: int) -> tuple:
    """Return n entries, None but at the places, where the values stand."""
    out: list[Any] = [None] * n
    for i, x in zip(places, values, strict=True):
        out[i] = x
    return tuple(out)
