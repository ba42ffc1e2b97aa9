"""custom: a function with derivative rules of the user's own.

The rules are Python functions, held by an object from the api floor (`rule`) that offers

    primal(values) -> outputs              forward(values, moving) -> outputs, residuals, backward
    tangent(values, tangents) -> outputs, tangents             batched(size, flags) -> rule
    apply(values) -> outputs, the custom call again one level out

`custom_linear` stands, in a linear Program, for the map whose transpose is the user's
backward; forward mode through it transposes the traced backward.
"""

from __future__ import annotations

from typing import Any

from pullback.core.body import LinearRecorder, ProgramRecorder
from pullback.core.errors import CustomRuleError
from pullback.core.passes import passes
from pullback.core.primitive import Same, is_linear
from pullback.core.program import Equation, Program, Var, intern
from pullback.core.tracer import Tracer
from pullback.core.types import type_of

from .call import call
from .holding import Holder
from .shaping import fit_tangent
from .tapes import zero_value

__all__ = ["check_outside", "custom", "custom_linear"]


class Custom(Holder):
    """A function and its rules. `program` is its traced body, where it is bound inside a body."""

    name = "custom"

    def infer(self, *types, rule, program, n_captures):
        return program.out_types

    def evaluate(self, *values, rule, program, n_captures):
        if program is None:
            return tuple(rule.primal(values))
        return tuple(passes.compile(program)(*values))

    def linear(self, n_operands, params):
        return ()

    def transpose(self, us, *operands, **params):
        raise AssertionError("custom declares no operand linear")

    def push(self, operands, tangents, params):
        rule = _rule(params)
        if rule.has_tangent:
            outs, pushed = rule.tangent(operands, tangents)
            return _again(rule, operands, outs), tuple(pushed)
        moving = tuple(v is not None for v in tangents)
        results, residuals, linear = self.linearize(operands, moving, params)
        if linear is None:
            return results, (None,) * len(results)
        vs = tuple(v for v in tangents if v is not None)
        moved = iter(linear.push(residuals, vs, not any(type(x) is Tracer for x in (*residuals, *vs))))
        return results, tuple(next(moved) if m else None for m in linear.moves)

    def linearize(self, operands, moving, params):
        rule = _rule(params)
        if rule.has_backward:
            outs, residuals, backward = rule.forward(operands, moving)
            results = _again(rule, operands, outs)
            swapped = {id(a): b for a, b in zip(outs, results, strict=True)}
            residuals = tuple(swapped.get(id(r), r) for r in residuals)
            return results, residuals, passes.custom_rule(backward, tuple(type_of(r) for r in residuals))
        inner = LinearRecorder()
        vs = tuple(inner.linear_input(type_of(x).strong) if m else None for x, m in zip(operands, moving, strict=True))
        outs, pushed = rule.tangent(operands, vs)
        moves = tuple(v is not None for v in pushed)
        if not any(moves):
            inner.close()
            return _again(rule, operands, outs), (), None
        fitted = [fit_tangent(v, type_of(y).strong) for v, y in zip(pushed, outs, strict=True) if v is not None]
        linear, residuals = inner.finish_closed(fitted)
        inner.close()
        types = tuple(type_of(y).strong for y in outs)
        return (
            _again(rule, operands, outs),
            residuals,
            passes.rule(intern(linear), len(residuals), moves, types, rule.name),
        )

    def batch(self, size, operands, batched, *, rule, program, n_captures):
        outs = _rule({"rule": rule, "n_captures": n_captures}).batched(size, batched).apply(operands)
        return tuple(outs)

    def written(self, params):
        return params["rule"].name


custom = Custom()


def _rule(params: dict) -> Any:
    rule = params["rule"]
    if params["n_captures"]:
        raise _closes_over(rule)
    return rule


def _closes_over(rule: Any) -> CustomRuleError:
    return CustomRuleError(
        f"{rule.name}, which has derivative rules of its own, takes a traced value from outside",
        where=rule.where,
        why="its rules know only of its arguments",
        fix="pass the value as an argument",
    )


def check_outside(recorder: Any, params: dict, values: tuple) -> None:
    """Raise CustomRuleError if what a custom rule gave, one level out, belongs to the level itself.

    Then the user's function closes over what is being differentiated: it would be lost.
    """
    if any(type(x) is Tracer and x.recorder is recorder for x in values):
        raise _closes_over(params["rule"])


def _again(rule: Any, operands: tuple, outs: Any) -> tuple:
    """Return the results one level out: the custom call again where that level is traced, else what is known."""
    if any(type(x) is Tracer for x in operands):
        return tuple(rule.apply(operands))
    return tuple(outs)


class CustomLinear(Holder):
    """The linear map of (residuals, tangents) whose transpose is ``backward(residuals, cotangents)``."""

    name = "custom_linear"

    def infer(self, *types, backward):
        return backward.out_types

    def evaluate(self, *values, backward):
        return tuple(passes.compile(forwards(backward))(*values))

    def push(self, operands, tangents, params):
        return call.push(operands, tangents, _as_call(params))

    def linearize(self, operands, moving, params):
        return call.linearize(operands, moving, _as_call(params))

    def transpose(self, us, *operands, backward):
        n = len(backward.residual_types)
        if any(is_linear(x) for x in operands[:n]):
            raise AssertionError("a residual of a custom rule moves in a linear Program")
        found = iter(backward(operands[:n], us))
        return tuple(next(found) if i >= n else None for i in range(len(operands)))

    def batch(self, size, operands, batched, *, backward):
        whole, out_batched = passes.batch(forwards(backward), size, batched)
        outs = call(*operands, program=intern(whole), label=backward.name)
        return tuple(x if b else Same(x) for x, b in zip(outs, out_batched, strict=True))

    def written(self, params):
        return params["backward"].name


custom_linear = CustomLinear()


def _as_call(params: dict) -> dict:
    return {"program": forwards(params["backward"]), "label": params["backward"].name}


def forwards(backward: Any) -> Program:
    """Return the Program ``(residuals, tangents) -> tangents``: the traced backward, transposed."""
    if backward.transposed is None:
        n = len(backward.residual_types)
        with ProgramRecorder(closed=True) as recorder:
            residuals = [recorder.input(t) for t in backward.residual_types]
            us = tuple(recorder.input(t) for t in backward.out_types)
            pulled = backward(tuple(residuals), us)
            cotangents = [zero_value(t) if u is None else u for u, t in zip(pulled, backward.in_types, strict=True)]
            program, captures = recorder.finish_closed(cotangents)
        if captures:
            raise CustomRuleError(
                f"the backward rule of {backward.name} takes a value from outside",
                where=backward.where,
                why="forward mode through it traces and transposes it, as a function of residuals and cotangents alone",
                fix="return the value among the residuals",
            )
        found = passes.transpose(program, n, (True,) * len(program.outputs), (False,) * len(program.outputs))
        types = backward.out_types
        backward.transposed = intern(passes.with_zeros(found.program, types, found.nonzero, (True,) * len(types)))
    return backward.transposed


def linear_program(backward: Any) -> Program:
    """Return the linear Program of one `custom_linear` equation."""
    inputs = tuple(Var(t) for t in (*backward.residual_types, *backward.in_types))
    results = tuple(Var(t) for t in backward.out_types)
    return Program(inputs, (Equation(custom_linear, inputs, results, {"backward": backward}),), results)
