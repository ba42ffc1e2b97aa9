"""linearize: f at x to its value and the linear map of its tangents, as a tape.

Operations are consumed as they are made. Each runs once, one level out; its linear rule
and its residuals go on the tape, and nothing else stays alive. The tape is pushed through
(J v), pulled back through (Jᵀ u), or written out as a linear Program.

Radul et al., "You Only Linearize Once", POPL 2023; the tape is their linear program, kept
as (rule, residuals) pairs so that rules are transposed once for their types, and not once
for each use.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pullback.core.arrays import snapshot
from pullback.core.body import LinearRecorder, ProgramRecorder
from pullback.core.program import Literal, Program, Var
from pullback.core.recorder import Recorder, bind
from pullback.core.replay import replay
from pullback.core.source import NOWHERE, here, inherit
from pullback.core.tracer import Tracer, settled
from pullback.core.types import type_of
from pullback.primitives.custom import check_outside
from pullback.primitives.tapes import add_values, zero_equation

from . import nans
from .inline import taken_apart
from .rules import Rule, rule_of
from .simplify import drop_dead, simplify

__all__ = ["LinearizeRecorder", "LinearizedProgram", "Step", "Tape", "linearize_program"]


class Step(NamedTuple):
    """One entry of a tape: a rule, the numbers of its tangents in and out, what it keeps, the user's line."""

    rule: Rule
    ins: tuple[int, ...]
    residuals: tuple[Any, ...]
    out: int
    source: Any


class Tape:
    """The linear part of a function, step by step; nodes are numbered, inputs first."""

    __slots__ = ("count", "steps", "traced")

    def __init__(self, n_inputs: int) -> None:
        self.steps: list[Any] = []  # Steps, as plain tuples: a NamedTuple costs 0.2 µs more to make
        self.count = n_inputs
        self.traced = False  # whether a residual is a Tracer of an outer level

    def prune(self, outs: list[int | None]) -> None:
        """Drop the steps that no output depends on, and with them their residuals."""
        live = {i for i in outs if i is not None}
        kept = []
        for step in reversed(self.steps):
            rule, ins, _, out, _ = step
            if any(out + k in live for k in range(rule.n_moved)):
                kept.append(step)
                live.update(ins)
        kept.reverse()
        self.steps = kept

    def push(self, tangents: list[Any], outs: list[int | None]) -> list[Any]:
        """Return J v: the tangents of the outputs (None: structurally zero) from those of the inputs."""
        plain = not self.traced and all(type(v) is not Tracer for v in tangents)
        checker = nans.current()
        at: dict[int, Any] = dict(enumerate(tangents))
        with np.errstate(all="ignore"):
            for rule, ins, residuals, out, where in self.steps:
                with inherit(where):
                    vs = tuple([at[i] for i in ins])
                    pushed = rule.push(residuals, vs, plain)
                    if checker is not None:
                        checker.pushed(rule, residuals, vs, pushed)
                for k, v in enumerate(pushed):
                    at[out + k] = v
        return [None if i is None else at[i] for i in outs]

    def pull(self, outs: list[int | None], cotangents: list[Any], n_inputs: int, consume: bool = False) -> list[Any]:
        """Return Jᵀ u: the cotangents of the inputs (None: structurally zero) from those of the outputs.

        `consume` lets go of residuals on the way: the tape is empty afterwards.
        """
        at: list[Any] = [None] * self.count
        masked = [0] * self.count
        plain = not self.traced and nans.current() is None
        for i, u in zip(outs, cotangents, strict=True):
            if i is not None and u is not None:
                plain = plain and type(u) is not Tracer
                at[i] = u if at[i] is None else add_values(at[i], u)
        steps = self.steps
        if consume:
            self.steps = []
        with np.errstate(all="ignore"):
            (_pull_plain if plain else self._pull_traced)(steps, at, masked, consume)
        return at[:n_inputs]

    def _pull_traced(self, steps: list[Any], at: list[Any], masked: list[int], consume: bool) -> None:
        checker = nans.current()
        for rule, ins, residuals, out, where in _backwards(steps, consume):
            key, us = _cotangents_of(rule, out, at, masked)
            if not us:
                continue
            pull = rule.pull(key)
            with inherit(where):
                pulled = pull.replay(*residuals, *us)
                if checker is not None:
                    checker.pulled(rule, residuals, us, pulled, pull)
                for k, mask, u in zip(pull.targets, pull.masked, pulled, strict=True):
                    i = ins[k]
                    masked[i] = mask if at[i] is None else masked[i] & mask
                    total = u if at[i] is None else add_values(at[i], u)
                    if checker is not None:
                        checker.added(rule, (at[i], u), total)
                    at[i] = total

    def linear_program(self, in_types: list[Any], outs: list[int | None]) -> tuple[Program, list[Any]]:
        """Return the tape as a linear Program ``(residuals, tangents) -> tangents``, and the residuals.

        Outputs that do not move are left out.
        """
        inner = LinearRecorder()
        at: dict[int, Any] = {i: inner.linear_input(t.strong) for i, t in enumerate(in_types)}
        for rule, ins, residuals, out, where in self.steps:
            with inherit(where or NOWHERE):
                pushed = replay(rule.linear, (*residuals, *[at[i] for i in ins]))
            at.update((out + k, v) for k, v in enumerate(pushed))
        program, residuals = inner.finish_closed([at[i] for i in outs if i is not None])
        inner.close()
        return program, residuals


def _backwards(steps: list[Any], consume: bool):
    if not consume:
        yield from reversed(steps)
        return
    while steps:
        yield steps.pop()


def _cotangents_of(rule: Rule, out: int, at: list[Any], masked: list[int]) -> tuple[Any, list[Any]]:
    """Return the key of the pull rule, and the cotangents that are there; they are let go of."""
    nodes = range(out, out + rule.n_moved)
    key = tuple(None if at[i] is None else masked[i] for i in nodes)
    us = [at[i] for i in nodes if at[i] is not None]
    for i in nodes:
        at[i] = None
    return key[0] if len(key) == 1 else key, us


def _pull_plain(steps: list[Any], at: list[Any], masked: list[int], consume: bool) -> None:
    """Pull back through plain arrays: the hot loop, about 0.5 µs a step over the arithmetic itself."""
    owned: set[int] = set()  # nodes whose cotangent is an array of ours alone: it may be added to in place
    for rule, ins, residuals, out, _ in _backwards(steps, consume):
        if rule.n_moved == 1:
            u = at[out]
            if u is None:
                continue
            at[out] = None
            pull = rule.pulls.get(masked[out]) or rule.pull(masked[out])
            if pull.add_into is not None:
                i = ins[pull.targets[0]]
                if i in owned:
                    pull.add_into(at[i], *residuals, u)
                    masked[i] &= pull.masked[0]
                    continue
                owned.add(i)  # whether a new array or a sum, it is so from here on
            pulled = pull.run(*residuals, u)
        else:
            key, us = _cotangents_of(rule, out, at, masked)
            if not us:
                continue
            pull = rule.pull(key)
            pulled = pull.run(*residuals, *us)
        for k, mask, u in zip(pull.targets, pull.masked, pulled):  # noqa: B905 (strict costs time here)
            i = ins[k]
            old = at[i]
            if old is None:
                at[i] = u
                masked[i] = mask
            else:
                at[i] = old + u
                masked[i] &= mask


class LinearizeRecorder(Recorder):
    """Consumes operations as they are made: runs each one level out, and tapes its linear rule."""

    __slots__ = ("n_inputs", "sources", "tape")

    def __init__(self) -> None:
        super().__init__()
        self.tape = Tape(0)
        self.n_inputs = 0
        self.sources: dict[int, Any] = {}

    def input(self, value: Any) -> Tracer:
        """Return the Tracer of an input that moves."""
        node = self.tape.count
        self.tape.count += 1
        self.n_inputs = node + 1
        return Tracer(self, settled(value), node, type_of(value))

    def process(self, primitive: Any, operands: tuple, params: dict) -> Any:  # noqa: C901 (hot: one pass, no calls)
        values, types, ins = [], [], []
        moving, plain, bit = 0, True, 1
        for x in operands:
            if type(x) is Tracer:
                types.append(x.type)
                if x.recorder is self:
                    ins.append(x.entry)
                    moving |= bit
                    x = x.value
                    if type(x) is Tracer:
                        plain = False
                else:
                    plain = False
                    x = x.__copy__()
            else:
                types.append(type_of(x))
            values.append(x)
            bit += bit
        if primitive.holds_programs:  # always `multiple`
            outs = None if nans.current() is None else taken_apart(primitive, operands, params)
            return self._process_holder(primitive, values, ins, moving, params) if outs is None else outs
        rule = rule_of(primitive, moving, tuple(types), params) if primitive.smooth else None
        if rule is None:
            return bind(primitive, tuple(values), params)
        if plain:
            results, residuals = rule.run(*values)
        else:
            with inherit(here(3) or NOWHERE):  # looked for once, for all that the rule writes down
                results, residuals = rule.record(values, primitive.multiple)
            self.tape.traced = True
        for j, i in rule.kept:
            if type(values[i]) is np.ndarray and not moving >> i & 1 and values[i].flags.writeable:
                residuals = (*residuals[:j], snapshot(values[i]), *residuals[j + 1 :])
        if primitive.multiple:
            return self._write(rule, tuple(ins), residuals, results)
        tape = self.tape
        out = tape.count
        tape.count = out + 1
        tape.steps.append((rule, tuple(ins), residuals, out, here(3)))
        return Tracer(self, results, out, rule.result_types[0])

    def _process_holder(self, primitive: Any, values: list, ins: list, moving: int, params: dict) -> Any:
        moves = tuple(bool(moving >> i & 1) for i in range(len(values)))
        results, residuals, rule = primitive.linearize(tuple(values), moves, params)
        check_outside(self, params, (*results, *residuals))
        if rule is None:
            return tuple([settled(x) for x in results])
        if any(type(r) is Tracer for r in residuals):
            self.tape.traced = True
        return self._write(rule, tuple(ins), tuple(residuals), results)

    def _write(self, rule: Rule, ins: tuple, residuals: tuple, results: tuple) -> tuple:
        tape = self.tape
        tape.steps.append((rule, ins, residuals, tape.count, here()))
        wrapped = []
        for value, type, moves in zip(results, rule.result_types, rule.moves, strict=True):
            if moves:
                value = Tracer(self, value, tape.count, type)
                tape.count += 1
            else:
                value = settled(value)
            wrapped.append(value)
        return tuple(wrapped)

    def source_of(self, tracer: Tracer) -> Any:
        node = tracer.entry
        for out, n, where in ((s[3], s[0].n_moved, s[4]) for s in self.tape.steps):
            if out <= node < out + n:
                return where
        return self.sources.get(node) or (self.made if node < self.n_inputs else None)

    def keep_sources(self) -> None:
        """Note the lines of the steps, before a pull lets go of them: for Tracers that have leaked."""
        self.sources = {s[3] + k: s[4] for s in self.tape.steps for k in range(s[0].n_moved)}

    def node(self, x: Any) -> int | None:
        """Return the number of an output's tangent on the tape; None where it does not move."""
        return x.entry if type(x) is Tracer and x.recorder is self else None

    def primal(self, x: Any) -> Any:
        """Return the value of an output, one level out."""
        return x.value if type(x) is Tracer and x.recorder is self else x


class LinearizedProgram(NamedTuple):
    """A Program linearised: its forward part, and its linear part.

    Attributes
    ----------
    forward : Program
        Of the same inputs; outputs are the old ones, then the residuals.
    linear : Program
        Inputs: residuals, then tangents of the moving inputs. Outputs: tangents of the
        outputs that move.
    n_residuals : int
    moves : tuple of bool
        Which outputs move.
    from_input : tuple of int or None
        For each residual, which input of the Program it is, if it is one.
    """

    forward: Program
    linear: Program
    n_residuals: int
    moves: tuple[bool, ...]
    from_input: tuple[int | None, ...]


def linearize_program(
    program: Program, moving: tuple[bool, ...], instantiate: tuple[bool, ...] | None = None
) -> LinearizedProgram:
    """Linearise a closed Program in the inputs that move.

    Parameters
    ----------
    moving : tuple of bool
        Which inputs move.
    instantiate : tuple of bool, optional
        Outputs whose tangent is wanted even where it is structurally zero.
    """
    instantiate = instantiate or (False,) * len(program.outputs)
    return program.derived(("linearize", moving, instantiate), lambda: _linearize(program, moving, instantiate))


def _linearize(program: Program, moving: tuple, instantiate: tuple) -> LinearizedProgram:
    with ProgramRecorder(closed=True) as outer:
        xs = [outer.input(t) for t in program.in_types]
        recorder = LinearizeRecorder()
        ins = [recorder.input(x) if m else x for x, m in zip(xs, moving, strict=True)]
        outs = replay(program, ins)
        nodes = [recorder.node(y) for y in outs]
        primals = [recorder.primal(y) for y in outs]
        recorder.close()
        recorder.tape.prune(nodes)
        types = [x.type for x, m in zip(xs, moving, strict=True) if m]
        linear, residuals = recorder.tape.linear_program(types, nodes)
        forward = simplify(outer.finish([*primals, *residuals]))
    moves = tuple(i is not None for i in nodes)
    linear = with_zeros(simplify(linear), program.out_types, moves, instantiate)
    moves = tuple(a or b for a, b in zip(moves, instantiate, strict=True))
    return _narrowed(forward, linear, len(program.outputs), moves)


def with_zeros(program: Program, types: tuple, there: tuple[bool, ...], wanted: tuple[bool, ...]) -> Program:
    """Return the Program with a zero for each of the outputs that is wanted and not there.

    `types` are those of all outputs; the Program's own outputs are those that are `there`.
    """
    if not any(w and not t for t, w in zip(there, wanted, strict=True)):
        return program
    outs, equations, given = [], list(program.equations), iter(program.outputs)
    for type, is_there, is_wanted in zip(types, there, wanted, strict=True):
        if is_there:
            outs.append(next(given))
        elif is_wanted:
            equations.append(zero_equation(type))
            outs.append(equations[-1].results[0])
    return Program(program.inputs, tuple(equations), tuple(outs), program.constants)


def _narrowed(forward: Program, linear: Program, n_outputs: int, moves: tuple) -> LinearizedProgram:
    """Drop residuals that the linear part does not read, and keep each only once."""
    kept, renamed = _distinct(linear, forward.outputs[n_outputs:])
    n_old = len(forward.outputs) - n_outputs
    inputs = tuple(linear.inputs[j] for j in kept) + linear.inputs[n_old:]
    linear = renamed_program(linear, inputs, renamed)
    residuals = tuple(forward.outputs[n_outputs + j] for j in kept)
    forward = Program(forward.inputs, forward.equations, forward.outputs[:n_outputs] + residuals, forward.constants)
    place = {x: i for i, x in enumerate(forward.inputs)}
    return LinearizedProgram(drop_dead(forward), linear, len(kept), moves, tuple(place.get(x) for x in residuals))


def _distinct(linear: Program, residuals: tuple) -> tuple[list[int], dict[Var, Any]]:
    """Return which residual inputs to keep, and what to read in place of the others."""
    read = {x for eq in linear.equations for x in eq.operands} | set(linear.outputs)
    first: dict[Any, Var] = {}
    kept, renamed = [], {}
    for j, (x, value) in enumerate(zip(linear.inputs, residuals, strict=False)):
        if x not in read:
            continue
        if type(value) is Literal:
            renamed[x] = value
        elif value in first:
            renamed[x] = first[value]
        else:
            first[value] = x
            kept.append(j)
    return kept, renamed


def renamed_program(program: Program, inputs: tuple, renamed: dict[Var, Any]) -> Program:
    """Return a Program of other inputs, with variables replaced."""
    equations = tuple(
        eq._replace(operands=tuple(renamed.get(x, x) if type(x) is Var else x for x in eq.operands))
        for eq in program.equations
    )
    outputs = tuple(renamed.get(x, x) if type(x) is Var else x for x in program.outputs)
    return Program(inputs, equations, outputs, program.constants)
