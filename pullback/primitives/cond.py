"""cond: one of several Programs, by an index known when it runs; `switch` is the same.

Differentiated, every branch keeps its own residuals in slots that the branches share by
type; a branch that does not use a slot fills it with zeros.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.errors import CheckError
from pullback.core.passes import passes
from pullback.core.primitive import Cost, Same, moved_bytes
from pullback.core.program import Program, Var, intern
from pullback.core.types import TapeType, type_of

from .choice import select
from .comparison import equal, greater_equal, less, logical_not
from .holding import Holder, linear_equation_rule, partition, scatter_back, set_masked, states_of
from .index_spec import ALL
from .indexing import index_get
from .reductions import any_, argmax
from .shaping import convert, reshape
from .tapes import add_tapes, mask_tape, zero_equation, zero_value

__all__ = ["cond"]


class Cond(Holder):
    """``branches[index](*operands)``; an index out of range takes the nearest branch."""

    name = "cond"

    def infer(self, index, *types, branches):
        for b in branches:
            if tuple(t.strong for t in types) != tuple(t.strong for t in b.in_types):
                raise CheckError(f"cond of a branch of {b.in_types} with {types}")
            if b.out_types != branches[0].out_types:
                raise CheckError(f"branches of cond give {branches[0].out_types} and {b.out_types}")
        return branches[0].out_types

    def evaluate(self, index, *values, branches):
        taken = branches[min(max(int(index), 0), len(branches) - 1)]
        with np.errstate(all="ignore"):  # as in `call`
            return tuple(passes.compile(taken)(*values))

    def push(self, operands, tangents, params):
        moving = tuple(v is not None for v in tangents[1:])
        moves = _moves(passes.jvp, params["branches"], moving)
        pushed = tuple(intern(passes.jvp(b, moving, moves).program) for b in params["branches"])
        outs = cond(*operands, *(v for v in tangents[1:] if v is not None), branches=pushed)
        n = len(moves)
        moved = iter(outs[n:])
        return outs[:n], tuple(next(moved) if m else None for m in moves)

    def linearize(self, operands, moving, params):
        branches = params["branches"]
        n = len(branches[0].outputs)
        moves = _moves(passes.linearize, branches, moving[1:])
        key = "cond", moving, branches
        forward, rule, passed = branches[0].derived(key, lambda: _linearized(branches, moving[1:], moves, n))
        outs = cond(*operands, branches=forward)
        residuals = (operands[0], *(operands[1 + i] for i in passed), *outs[n:])
        return outs[:n], residuals, rule if any(moves) else None

    def transpose(self, us, index, *operands, branches):
        present, masked = states_of(us)
        parts = [partition(b, operands) for b in branches]
        still, moving = parts[0][1], parts[0][2]
        found = [passes.transpose(p, len(still), present, masked) for p, _, _ in parts]
        union = tuple(any(t.nonzero[k] for t in found) for k in range(len(moving)))
        types = tuple(operands[i].type.strong for i in moving)
        programs = tuple(intern(passes.with_zeros(t.program, types, t.nonzero, union)) for t in found)
        outs = cond(index, *still, *(u for u in us if u is not None), branches=programs)
        set_masked(outs, _all_masked(found, union))
        return (None, *scatter_back(outs, [i for i, there in zip(moving, union, strict=True) if there], len(operands)))

    def batch(self, size, operands, batched, *, branches):
        index, *rest = operands
        if batched[0]:
            return self._batch_index(size, index, rest, batched[1:], branches)
        free = [passes.batch(b, size, batched[1:]).batched for b in branches]
        force = tuple(any(f) for f in zip(*free, strict=True))
        whole = tuple(intern(passes.batch(b, size, batched[1:], force).program) for b in branches)
        outs = cond(index, *rest, branches=whole)
        return tuple(x if b else Same(x) for x, b in zip(outs, force, strict=True))

    def _batch_index(self, size, index, rest, batched, branches):
        """Run every branch that any lane takes for all lanes, and select.

        A lane that does not take a branch runs it on the operands of one that does: so it
        neither raises, nor poisons, nor turns for ever.
        """
        force = (True,) * len(branches[0].outputs)
        chosen: tuple = tuple(zero_value(t.batched(size)) for t in branches[0].out_types)
        if not size:
            return chosen
        for k, b in enumerate(branches):
            takes = _takes(index, k, len(branches))
            given = [_of_a_taker(takes, x) if lanes else x for x, lanes in zip(rest, batched, strict=True)]
            whole = passes.batch(b, size, batched, force).program
            any_lane = convert(any_(takes, axes=(0,)), dtype=np.dtype(np.int64))
            outs = cond(any_lane, *given, branches=(intern(_zeros(whole)), intern(whole)))
            chosen = outs if k == 0 else tuple(map(select_lanes, [takes] * len(outs), outs, chosen))
        return chosen

    def cost(self, types, results, *, branches):
        costs = [b.cost for b in branches]
        return (
            Cost(max(c.flops for c in costs), max(c.bytes for c in costs))
            if costs
            else Cost(0, moved_bytes(types, results))
        )

    def written(self, params):
        return ""


cond = Cond()


def _takes(index: Any, k: int, n: int) -> Any:
    """Return which lanes take branch k of n."""
    if 0 < k < n - 1:
        return equal(index, k)
    return less(index, 1) if k == 0 and n > 1 else greater_equal(index, k)


def _of_a_taker(takes: Any, x: Any) -> Any:
    """Return the lanes of an operand, those that do not take the branch replaced by the first that does."""
    t = type_of(x)
    if isinstance(t, TapeType):  # read only as far as a count says, which is replaced
        return x
    spec = (("array", 0), *(ALL,) * (t.ndim - 1))
    return select_lanes(takes, x, index_get(x, argmax(takes, axis=0), spec=spec, mode="clip"))


def _zeros(program: Program) -> Program:
    """Return the Program of the same types that gives zeros."""
    equations = tuple(zero_equation(t) for t in program.out_types)
    return Program(tuple(Var(t) for t in program.in_types), equations, tuple(eq.results[0] for eq in equations))


def select_lanes(takes: Any, new: Any, old: Any) -> Any:
    """Return each lane of `new` where it is taken, else of `old`."""
    t = type_of(new)
    if isinstance(t, TapeType):
        return add_tapes(mask_tape(takes, new), mask_tape(logical_not(takes), old))
    return select(reshape(takes, shape=(*type_of(takes).shape, *(1,) * (t.ndim - 1))), new, old)


def _moves(transform: Any, branches: tuple, moving: tuple) -> tuple[bool, ...]:
    """Return which outputs move in any branch."""
    return tuple(any(m) for m in zip(*(transform(b, moving).moves for b in branches), strict=True))


def _linearized(branches: tuple, moving: tuple, moves: tuple, n: int) -> tuple[tuple, Any, list[int]]:
    """Return the forward branches, the rule, and which operands are residuals themselves."""
    lins = [passes.linearize(b, moving, moves) for b in branches]
    passed = sorted({i for lin in lins for i in lin.from_input if i is not None})
    slots: list[Any] = []  # types
    places = [_place(lin, slots, n) for lin in lins]
    forward = tuple(intern(_fill(lin, place, slots, n)) for lin, place in zip(lins, places, strict=True))
    linear = tuple(
        intern(_linear_branch(lin, place, slots, passed, b))
        for lin, place, b in zip(lins, places, branches, strict=True)
    )
    in_types = (type_of(0).strong, *linear[0].in_types)
    out_types = tuple(t.strong for t, m in zip(branches[0].out_types, moves, strict=True) if m)
    n_residuals = 1 + len(passed) + len(slots)
    rule = linear_equation_rule(
        cond, in_types, out_types, n_residuals, {"branches": linear}, moves, branches[0].out_types, "cond"
    )
    return forward, rule, passed


def _place(lin: Any, slots: list[Any], n: int) -> list[int]:
    """Return the slot of each residual that is computed; slots are shared between branches by type."""
    taken: set[int] = set()
    places = []
    for j, i in enumerate(lin.from_input):
        if i is not None:
            continue
        t = lin.forward.outputs[n + j].type.strong
        free = [s for s, have in enumerate(slots) if have is t and s not in taken]
        if not free:
            slots.append(t)
            free = [len(slots) - 1]
        taken.add(free[0])
        places.append(free[0])
    return places


def _fill(lin: Any, places: list[int], slots: list[Any], n: int) -> Program:
    forward = lin.forward
    computed = [forward.outputs[n + j] for j, i in enumerate(lin.from_input) if i is None]
    at = dict(zip(places, computed, strict=True))
    equations, outs = list(forward.equations), list(forward.outputs[:n])
    for s, t in enumerate(slots):
        if s in at:
            outs.append(at[s])
        else:
            equations.append(zero_equation(t))
            outs.append(equations[-1].results[0])
    return Program(forward.inputs, tuple(equations), tuple(outs))


def _linear_branch(lin: Any, places: list[int], slots: list[Any], passed: list[int], branch: Program) -> Program:
    """Return the linear Program of (passed operands, slots, tangents)."""
    operand_vars = {i: Var(branch.in_types[i]) for i in passed}
    slot_vars = [Var(t) for t in slots]
    computed = iter(places)
    own = [operand_vars[i] if i is not None else slot_vars[next(computed)] for i in lin.from_input]
    tangents = lin.linear.inputs[lin.n_residuals :]
    renamed = dict(zip(lin.linear.inputs, own, strict=False))
    equations = tuple(
        eq._replace(operands=tuple(renamed.get(x, x) if type(x) is Var else x for x in eq.operands))
        for eq in lin.linear.equations
    )
    outputs = tuple(renamed.get(x, x) if type(x) is Var else x for x in lin.linear.outputs)
    return Program((*operand_vars.values(), *slot_vars, *tangents), equations, outputs)


def _all_masked(found: list[Any], union: tuple[bool, ...]) -> list[bool]:
    """Return, for each cotangent that is there, whether it is masked (or zero) in every branch."""
    every = []
    for t in found:
        masks = iter(t.masked)
        every.append([next(masks) if there else True for there in t.nonzero])
    return [all(e[k] for e in every) for k, there in enumerate(union) if there]
