"""What carries the user's derivative rules into a Program: arguments split, results checked.

`CustomCall` is one call of a function with rules: it knows the structure of the arguments,
runs the user's functions on flat operands, and holds what they return against what they
must. The public decorators are in `api.custom` and `api.function`.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pullback.core.body import LinearRecorder
from pullback.core.errors import CustomRuleError
from pullback.core.source import inherit
from pullback.core.tracer import Tracer, floor
from pullback.core.tree import flatten, is_array, matching_leaves, shown, unflatten
from pullback.core.types import type_of
from pullback.primitives.custom import custom
from pullback.primitives.reductions import sum_
from pullback.primitives.shaping import fit_cotangent
from pullback.primitives.tapes import zero_value
from pullback.transforms.vmap import VmapRecorder

from .calls import call, own_leaf
from .tracing import trace_body

__all__ = ["Backward", "CustomCall", "Rules"]


class Rules:
    """A function and its rules, in terms of argument trees.

    Attributes
    ----------
    f, jvp, fwd, bwd : callable or None
        ``f(*args)``; ``jvp(args, tangents) -> (out, tangent)``; ``fwd(moving, *args) -> (out,
        residuals)``; ``bwd(residuals, u) -> tuple of cotangents, one an argument``.
    """

    __slots__ = ("bwd", "f", "fwd", "jvp", "name", "where")

    def __init__(self, f: Callable, jvp: Any, fwd: Any, bwd: Any, name: str, where: Any) -> None:
        self.f, self.jvp, self.fwd, self.bwd, self.name, self.where = f, jvp, fwd, bwd, name, where

    @property
    def key(self) -> tuple:
        """What makes two sets of rules the same."""
        return self.f, self.jvp, self.fwd, self.bwd

    def __call__(self, *args: Any) -> Any:
        """Call the function so that its own rules are its derivative."""
        leaves, structure = flatten(args)
        places = tuple(i for i, x in enumerate(leaves) if _is_operand(x))
        operands = tuple(leaves[i] for i in places)
        if floor.get() is None and not any(type(x) is Tracer for x in operands):
            return self.f(*args)
        others = tuple((i, x) for i, x in enumerate(leaves) if i not in places)
        call = CustomCall(self, structure, places, others)
        outs = call.apply(operands)
        return unflatten(call.out_structure, outs)


def _on_tangents(operands: Sequence[Any]) -> bool:
    """Return whether the innermost recorder among operands writes down a linear Program."""
    recorders = [x.recorder for x in operands if type(x) is Tracer]
    return isinstance(max(recorders, key=lambda r: r.level, default=None), LinearRecorder)


def _is_operand(x: Any) -> bool:
    """Python's own ints and bools stay values: they have no derivative, and control flow may depend on them."""
    return is_array(x) and type(x) not in (int, bool)


def line_of(f: Any) -> Any:
    """Return the source of a function's first line; `user` leads from our wrapper to the user's function."""
    code = getattr(getattr(f, "user", f), "__code__", None)
    return None if code is None else ("", code.co_filename, _line_of_def(code))


def _run(rule: Callable, *args: Any) -> Any:
    """Call a function of the user's: what it does belongs to its own lines, whoever asked for it."""
    with inherit(None):
        return call(rule, args, {})


def _line_of_def(code: Any) -> int:
    """Return the line of ``def``, which stands after the decorators."""
    for line in range(code.co_firstlineno, code.co_firstlineno + 20):
        text = linecache.getline(code.co_filename, line).lstrip()
        if text.startswith(("def ", "async def ")):
            return line
        if not text.startswith(("@", "#", ")")) or "lambda" in text:
            break
    return code.co_firstlineno


class CustomCall:
    """One call: rules on flat operands."""

    def __init__(self, rules: Rules, structure: Any, places: tuple[int, ...], others: tuple) -> None:
        self.rules, self.structure, self.places, self.others = rules, structure, places, others
        self.out_structure: Any = None
        self.name, self.where = rules.name, rules.where
        self.has_tangent, self.has_backward = rules.jvp is not None, rules.bwd is not None

    def __hash__(self) -> int:
        return hash((self.rules.key, self.structure, self.places))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CustomCall):
            return NotImplemented
        mine, theirs = ((c.rules.key, c.structure, c.places, c.others) for c in (self, other))
        return self is other or mine == theirs

    def args(self, operands: Sequence[Any], fill: Any = None) -> tuple:
        """Return the argument trees of flat operands, which are the user's function's own: it may write to them."""
        leaves: list[Any] = [None] * (len(self.places) + len(self.others))
        for i, x in self.others:
            leaves[i] = x if fill is None else fill
        for i, x in zip(self.places, operands, strict=True):
            leaves[i] = own_leaf(x, read_only=True)
        return unflatten(self.structure, leaves)

    def _outs(self, out: Any, what: str, where: Any) -> list[Any]:
        leaves, structure = flatten(out)
        for x in leaves:
            if not is_array(x):
                raise CustomRuleError(
                    f"{what} of {self.name} returned a {type(x).__name__} among its outputs",
                    where=where,
                    why="outputs are arrays, in a pytree",
                    fix="return arrays; keep anything else outside of the function",
                )
        if self.out_structure is None:
            self.out_structure = structure
        elif structure != self.out_structure:
            raise CustomRuleError(
                f"{what} of {self.name} returned {shown(structure)}, the function itself {shown(self.out_structure)}",
                where=where,
                why="both return the same structure",
                fix=f"return from {what} what the function returns",
            )
        return leaves

    def apply(self, operands: Sequence[Any]) -> tuple:
        """Bind the custom call on operands of the level at hand."""
        if floor.get() is None:
            if _on_tangents(operands):  # inside a rule: it is to be linear there, and so is its own derivative
                return tuple(self.primal(operands))
            return custom(*operands, rule=self, program=None, n_captures=0)
        types = [type_of(x) for x in operands]

        def flat(*xs: Any) -> tuple:
            return tuple(self.primal(xs))

        body = trace_body(flat, flatten(tuple(operands))[1], types, what=self.name, closed=True)
        return custom(*body.captures, *operands, rule=self, program=body.program, n_captures=len(body.captures))

    def rule_lines(self) -> list[Any]:
        """Return the sources of the user's rules, the backward rule first."""
        return [line_of(g) for g in (self.rules.bwd, self.rules.jvp) if g is not None]

    def primal(self, operands: Sequence[Any]) -> list[Any]:
        """Run the function."""
        return self._outs(_run(self.rules.f, *self.args(operands)), "the function", self.where)

    def forward(self, operands: Sequence[Any], moving: Sequence[bool]) -> tuple[list[Any], tuple, Backward]:
        """Run the user's forward; return outputs, residual arrays, and the backward that takes them."""
        flags = self.args(moving, fill=False)
        pair = _run(self.rules.fwd, flags, *self.args(operands))
        where = line_of(self.rules.fwd) or self.where
        if not (isinstance(pair, tuple) and len(pair) == 2):
            raise CustomRuleError(
                f"the forward rule of {self.name} returned {_counted(pair)}",
                where=where,
                why="it returns a pair: the output, and the residuals for the backward rule",
                fix="return out, residuals",
            )
        outs = self._outs(pair[0], "the forward rule", where)
        leaves, structure = flatten(pair[1])
        arrays = tuple(i for i, x in enumerate(leaves) if _is_operand(x))
        backward = Backward(self, operands, moving, outs, leaves, structure, arrays)
        return outs, tuple(leaves[i] for i in arrays), backward

    def tangent(self, operands: Sequence[Any], tangents: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """Run the user's jvp rule; tangents that are structurally zero become arrays of zeros for it."""
        where = line_of(self.rules.jvp) or self.where
        vs = [zero_value(type_of(x).strong) if v is None else v for x, v in zip(operands, tangents, strict=True)]
        pair = _run(self.rules.jvp, self.args(operands), self.args(vs))
        if not (isinstance(pair, tuple | list) and len(pair) == 2):
            raise CustomRuleError(
                f"the jvp rule of {self.name} returned {_counted(pair)}",
                where=where,
                why="it returns a pair: the output and its tangent",
                fix="return out, tangent",
            )
        outs = self._outs(pair[0], "the jvp rule", where)
        pushed, structure = flatten(pair[1])
        if structure != self.out_structure:
            raise CustomRuleError(
                f"the jvp rule of {self.name} returned a tangent of structure {shown(structure)} "
                f"for an output of structure {shown(self.out_structure)}",
                where=where,
                why="a tangent has the structure of the output",
                fix="return out, tangent with one tangent for each array in out",
            )
        for v, y in zip(pushed, outs, strict=True):
            if type_of(v).shape != type_of(y).shape:
                raise CustomRuleError(
                    f"the jvp rule of {self.name} returned a tangent of shape {type_of(v).shape} "
                    f"for an output of shape {type_of(y).shape}",
                    where=where,
                    why="a tangent has the shape of the output",
                    fix="the tangent is J v: for out = x.sum() it is v.sum()",
                )
        return outs, [v if type_of(y).inexact else None for v, y in zip(pushed, outs, strict=True)]

    def batched(self, size: int, flags: Sequence[bool]) -> BatchedCall:
        """Return the call over many lanes, whose rules are these over many lanes."""
        return BatchedCall(self, size, tuple(flags))


def _counted(x: Any) -> str:
    return f"a {type(x).__name__}" + (f" of {len(x)}" if isinstance(x, tuple | list) else "")


class Backward:
    """The user's backward rule, with what it needs to know beside the residual arrays.

    Called with (residual arrays, cotangents of the outputs that move); returns one cotangent,
    or None, for each operand that moves.
    """

    def __init__(
        self,
        call: CustomCall,
        operands: Sequence[Any],
        moving: Sequence[bool],
        outs: Sequence[Any],
        leaves: list[Any],
        structure: Any,
        arrays: tuple[int, ...],
    ) -> None:
        self.call, self.name = call, call.name
        self.where = line_of(call.rules.bwd) or call.where
        self.moving = tuple(moving)
        self.operand_types = tuple(type_of(x).strong for x in operands)
        self.in_types = tuple(t for t, m in zip(self.operand_types, moving, strict=True) if m)
        self.result_types = tuple(type_of(y).strong for y in outs)
        self.moves = tuple(t.inexact for t in self.result_types)
        self.out_types = tuple(t for t in self.result_types if t.inexact)
        self.leaves = [None if i in arrays else x for i, x in enumerate(leaves)]
        self.structure, self.arrays = structure, arrays
        self.residual_types: tuple = ()
        self.transposed: Any = None

    def __call__(self, residuals: Sequence[Any], us: Sequence[Any]) -> list[Any]:
        """Run the user's backward and hold what it returns against what it must."""
        leaves = list(self.leaves)
        for i, x in zip(self.arrays, residuals, strict=True):
            leaves[i] = own_leaf(x, read_only=True)
        given = (own_leaf(u, read_only=True) for u in us)
        every = [
            (zero_value(t) if (u := next(given)) is None else u) if m else np.zeros(t.shape, t.dtype)
            for t, m in zip(self.result_types, self.moves, strict=True)
        ]
        u = unflatten(self.call.out_structure, every)
        return self._checked(_run(self.call.rules.bwd, unflatten(self.structure, leaves), u))

    def _checked(self, pulled: Any) -> list[Any]:
        args = self.call.args(list(range(len(self.call.places))), fill=-1)
        if not isinstance(pulled, tuple | list) or len(pulled) != len(args):
            raise CustomRuleError(
                f"the backward rule of {self.name} returned {_counted(pulled)}, for {len(args)} arguments",
                where=self.where,
                why="it returns one cotangent an argument, as a tuple",
                fix="return u1, u2, … with None for an argument that needs none; for one argument: return (u,)",
            )
        found: dict[int, Any] = {}
        for k, (u, arg) in enumerate(zip(pulled, args, strict=True)):
            matched = matching_leaves(u, arg)
            if matched is None:
                raise CustomRuleError(
                    f"the backward rule of {self.name} returned a cotangent of structure {shown(flatten(u)[1])} "
                    f"for argument {k}, which has structure {shown(flatten(arg)[1])}",
                    where=self.where,
                    why="a cotangent has the structure of its argument",
                    fix="return a tree like the argument, with None for what needs none",
                )
            found.update(zip(flatten(arg)[0], matched, strict=True))
        return [self._fitted(found.get(i), i) for i, m in enumerate(self.moving) if m]

    def _fitted(self, u: Any, i: int) -> Any:
        if u is None:
            return None
        t = self.operand_types[i]
        if not is_array(u) or (type_of(u).dtype.kind == "c" and t.dtype.kind != "c"):
            raise CustomRuleError(
                f"the backward rule of {self.name} returned a cotangent that is "
                f"{type_of(u).strong if is_array(u) else type(u).__name__} for an input of {t.strong}",
                where=self.where,
                why="a cotangent is an array of its input's shape, and real where the input is",
                fix="return np.real(u) for a real input of a complex function" if is_array(u) else "return an array",
            )
        shape = type_of(u).shape
        if shape != t.shape:
            raise CustomRuleError(
                f"the backward rule of {self.name} returned a cotangent of shape {shape} "
                f"for an input of shape {t.shape}",
                where=self.where,
                why="a cotangent has the shape of its input",
                fix="sum over the axes along which the input was broadcast",
            )
        return fit_cotangent(u, t)


class BatchedCall(CustomCall):
    """A custom call over many lanes: every rule runs with a batch axis in front."""

    def __init__(self, lane: CustomCall, size: int, flags: tuple[bool, ...]) -> None:
        super().__init__(lane.rules, lane.structure, lane.places, lane.others)
        self.lane, self.size, self.flags = lane, size, flags

    def __hash__(self) -> int:
        return hash((self.lane, self.size, self.flags))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BatchedCall):
            return NotImplemented
        return (self.lane, self.size, self.flags) == (other.lane, other.size, other.flags)

    def _over_lanes(self, f: Callable, groups: Sequence[tuple[Sequence[Any], Sequence[bool]]]) -> Any:
        recorder = VmapRecorder(self.size)
        try:
            lanes = [
                [recorder.input(x) if b and x is not None else x for x, b in zip(xs, flags, strict=True)]
                for xs, flags in groups
            ]
            return f(recorder, *lanes)
        finally:
            recorder.close()

    def primal(self, operands: Sequence[Any]) -> list[Any]:
        def run(recorder: VmapRecorder, xs: list[Any]) -> list[Any]:
            return [recorder.lanes(y) for y in self.lane.primal(xs)]

        outs = self._over_lanes(run, [(operands, self.flags)])
        self.out_structure = self.lane.out_structure
        return outs

    def forward(self, operands: Sequence[Any], moving: Sequence[bool]) -> tuple[list[Any], tuple, Any]:
        def run(recorder: VmapRecorder, xs: list[Any]) -> Any:
            outs, residuals, backward = self.lane.forward(xs, moving)
            return [recorder.lanes(y) for y in outs], tuple(recorder.lanes(r) for r in residuals), backward

        outs, residuals, backward = self._over_lanes(run, [(operands, self.flags)])
        self.out_structure = self.lane.out_structure
        return outs, residuals, BatchedBackward(self, backward)

    def tangent(self, operands: Sequence[Any], tangents: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        def run(recorder: VmapRecorder, xs: list[Any], vs: list[Any]) -> Any:
            outs, pushed = self.lane.tangent(xs, vs)
            return [recorder.lanes(y) for y in outs], [None if v is None else recorder.lanes(v) for v in pushed]

        found = self._over_lanes(run, [(operands, self.flags), (tangents, self.flags)])
        self.out_structure = self.lane.out_structure
        return found


class BatchedBackward:
    """A backward rule over many lanes; an operand without batch axis gets the sum over the lanes."""

    def __init__(self, call: BatchedCall, lane: Any) -> None:
        self.call, self.lane = call, lane
        self.name, self.where, self.moves = lane.name, lane.where, lane.moves
        flags = [b for b, m in zip(call.flags, lane.moving, strict=True) if m]
        self.flags = flags
        self.moving = lane.moving
        self.in_types = tuple(t.batched(call.size) if b else t for t, b in zip(lane.in_types, flags, strict=True))
        self.result_types = tuple(t.batched(call.size) for t in lane.result_types)
        self.out_types = tuple(t.batched(call.size) for t in lane.out_types)
        self.residual_types: tuple = ()
        self.transposed: Any = None

    def __call__(self, residuals: Sequence[Any], us: Sequence[Any]) -> list[Any]:
        def run(recorder: VmapRecorder, rs: list[Any], vs: list[Any]) -> list[Any]:
            pulled = self.lane(rs, vs)
            return [None if u is None else recorder.lanes(u) for u in pulled]

        every = (True,) * len(residuals), (True,) * len(us)
        lanes = self.call._over_lanes(run, [(residuals, every[0]), (us, every[1])])
        return [u if u is None or b else sum_(u, axes=(0,)) for u, b in zip(lanes, self.flags, strict=True)]
