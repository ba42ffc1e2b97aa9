"""The derivatives of a loop: forward, linearised, and transposed.

The carries that move are a fixpoint: a carry moves if it starts with a tangent, or if the
body gives it one. So are the cotangents that are there, and those that are masked.
"""

from __future__ import annotations

from itertools import compress
from typing import Any

from pullback.core.body import ProgramRecorder
from pullback.core.errors import LinearityError
from pullback.core.passes import passes
from pullback.core.primitive import Linear, is_linear
from pullback.core.program import Equation, Program, Var, intern
from pullback.core.replay import replay
from pullback.core.source import here
from pullback.core.types import type_of

from .holding import reordered, set_masked, states_of
from .loop_parts import TURN, split, stacked_type
from .tapes import add_values, zero_equation, zero_value

__all__ = ["linearize_loop", "push_loop", "transpose_loop"]


def _moving_carry(transform: Any, params: dict, moving: tuple) -> tuple[tuple, Any]:
    """Return which carries move, and the transformed body: the fixpoint."""
    _, consts, carry, xs = split(moving, params)
    body, n = params["body"], params["n_carry"]
    none = (False,) * (len(body.outputs) - n)
    while True:
        found = transform(body, (False, *consts, *carry, *xs), (*carry, *none))
        grown = tuple(a or b for a, b in zip(carry, found.moves[:n], strict=True))
        if grown == carry:
            return carry, found
        carry = grown


# Forward ------------------------------------------------------------------------------------


def push_loop(loop: Any, operands: tuple, tangents: tuple, params: dict) -> tuple[tuple, tuple]:
    """Return the loop's results and their tangents, from one loop that carries both."""
    moving = tuple(v is not None for v in tangents)
    moves, pushed = _moving_carry(passes.jvp, params, moving)
    count, consts, carry, xs = split(operands, params)
    _, v_consts, v_carry, v_xs = split(tangents, params)
    v_carry = [
        v if v is not None else zero_value(type_of(x).strong)
        for x, v, m in zip(carry, v_carry, moves, strict=True)
        if m
    ]
    v_consts, v_xs = [v for v in v_consts if v is not None], [v for v in v_xs if v is not None]
    body = _interleaved(pushed, params, moves, len(v_consts), len(v_xs))
    predicate = params["predicate"]
    new = {
        **params,
        "body": intern(body),
        "predicate": predicate and intern(_widened(predicate, params, v_consts, v_carry)),
        "n_consts": params["n_consts"] + len(v_consts),
        "n_carry": params["n_carry"] + len(v_carry),
    }
    outs = loop(*count, *consts, *v_consts, *carry, *v_carry, *xs, *v_xs, **new)
    return _separated(outs, params, moves, pushed.moves[params["n_carry"] :])


def _interleaved(pushed: Any, params: dict, moves: tuple, n_v_consts: int, n_v_xs: int) -> Program:
    """Return the pushed body with each kind's tangents behind its primals."""
    program, n_carry, n_consts = pushed.program, params["n_carry"], params["n_consts"]
    n_primal = len(params["body"].inputs)
    t, *primals = program.inputs[:n_primal]
    v = program.inputs[n_primal:]
    a, b = n_v_consts, n_v_consts + sum(moves)
    consts, carry, xs = primals[:n_consts], primals[n_consts : n_consts + n_carry], primals[n_consts + n_carry :]
    inputs = (t, *consts, *v[:a], *carry, *v[a:b], *xs, *v[b:])
    n_out = len(params["body"].outputs)
    outs, v_outs = program.outputs[:n_out], program.outputs[n_out:]
    k = sum(moves)
    outputs = (*outs[:n_carry], *v_outs[:k], *outs[n_carry:], *v_outs[k:])
    return Program(tuple(inputs), program.equations, outputs, program.constants)


def _widened(predicate: Program, params: dict, v_consts: list, v_carry: list) -> Program:
    """Return the predicate with inputs for the tangents, which it does not read."""
    n = params["n_consts"]
    inputs = (
        *predicate.inputs[:n],
        *(Var(type_of(v).strong) for v in v_consts),
        *predicate.inputs[n:],
        *(Var(type_of(v).strong) for v in v_carry),
    )
    return Program(inputs, predicate.equations, predicate.outputs)


def _separated(outs: tuple, params: dict, moves: tuple, y_moves: tuple) -> tuple[tuple, tuple]:
    """Return (results, tangents), one entry a result, from the results of the interleaved loop."""
    c = int(params["predicate"] is not None)
    n_carry, n_ys, k = params["n_carry"], len(y_moves), sum(moves)
    count, carry, v_carry = outs[:c], outs[c : c + n_carry], iter(outs[c + n_carry : c + n_carry + k])
    ys, v_ys = outs[c + n_carry + k :][:n_ys], iter(outs[c + n_carry + k + n_ys :])
    tangents = (
        *(None,) * c,
        *(next(v_carry) if m else None for m in moves),
        *(next(v_ys) if m else None for m in y_moves),
    )
    return (*count, *carry, *ys), tangents


# Linearised ---------------------------------------------------------------------------------


def linearize_loop(loop: Any, operands: tuple, moving: tuple, params: dict) -> tuple[tuple, tuple, Any]:
    """Return the loop's results, its residuals, and the rule whose linear Program is a loop."""
    body = params["body"]
    key = "linearize loop", moving, tuple((k, v) for k, v in params.items() if k != "body")
    types = tuple(type_of(x).strong for x in operands)
    found = body.derived(key, lambda: _linearized(loop, types, moving, params))
    forward, rule, taped, consts_kept, xs_kept, n_results = found
    outs = loop(*operands, **forward)
    results = outs[:n_results]
    if rule is None:
        return results, (), None
    count, consts, _, xs = split(operands, params)
    count = (outs[0],) if params["predicate"] is not None else count
    residuals = (*count, *(consts[i] for i in consts_kept), *outs[n_results:], *(xs[i] for i in xs_kept))
    assert len(outs) - n_results == taped, "a taped residual went missing"
    return results, residuals, rule


def _linearized(loop: Any, types: tuple, moving: tuple, params: dict) -> tuple:
    moves, lin = _moving_carry(passes.linearize, params, moving)
    n_carry, n_consts = params["n_carry"], params["n_consts"]
    n_out = len(params["body"].outputs)
    # A residual is the turn, a constant, an element of xs (all passed on), or else is taped.
    kinds = [_kind(i, n_consts, n_carry) for i in lin.from_input]
    taped = [j for j, (kind, _) in enumerate(kinds) if kind == "taped"]
    forward_body = Program(
        lin.forward.inputs,
        lin.forward.equations,
        lin.forward.outputs[:n_out] + tuple(lin.forward.outputs[n_out + j] for j in taped),
        lin.forward.constants,
    )
    forward = {**params, "body": intern(forward_body)}
    n_results = n_out + (params["predicate"] is not None)
    if not any(lin.moves):
        return {**params}, None, 0, (), (), n_results
    consts_kept = [i for kind, i in kinds if kind == "const"]
    xs_kept = [i for kind, i in kinds if kind == "xs"]
    rule = _rule(loop, types, moving, params, moves, lin, kinds)
    return forward, rule, len(taped), consts_kept, xs_kept, n_results


def _kind(i: int | None, n_consts: int, n_carry: int) -> tuple[str, int]:
    if i == 0:
        return "turn", 0
    if i is not None and i <= n_consts:
        return "const", i - 1
    if i is not None and i > n_consts + n_carry:
        return "xs", i - 1 - n_consts - n_carry
    return "taped", -1


def _rule(loop: Any, types: tuple, moving: tuple, params: dict, moves: tuple, lin: Any, kinds: list) -> Any:
    """Return the rule: a linear Program of (count, residuals, tangents) with one loop in it."""
    _, consts, carry, xs = split(types, params)
    _, m_consts, m_carry, m_xs = split(moving, params)
    residual = lin.linear.inputs[: lin.n_residuals]
    tangent = lin.linear.inputs[lin.n_residuals :]
    a, b = sum(m_consts), sum(m_consts) + sum(moves)
    of = {
        kind: [x for x, (k, _) in zip(residual, kinds, strict=True) if k == kind] for kind in ("const", "taped", "xs")
    }
    turn = [x for x, (k, _) in zip(residual, kinds, strict=True) if k == "turn"] or [Var(TURN)]
    body_inputs = (
        turn[0], *of["const"], *tangent[:a], *tangent[a:b], *of["taped"], *of["xs"], *tangent[b:]
    )  # fmt: skip
    body = intern(Program(body_inputs, lin.linear.equations, lin.linear.outputs))

    static = params["length"] is not None
    count = [] if static else [Var(TURN)]
    r_consts, r_taped = _vars(of["const"]), [Var(stacked_type(x.type, params["length"])) for x in of["taped"]]
    r_xs = [Var(xs[i]) for k, i in kinds if k == "xs"]
    v_consts, v_xs = [Var(t) for t in compress(consts, m_consts)], [Var(t) for t in compress(xs, m_xs)]
    v_given = [Var(t) for t in compress(carry, m_carry)]
    given, zeros, v_carry = iter(v_given), [], []
    for t, starts, moves_later in zip(carry, m_carry, moves, strict=True):
        if starts:
            v_carry.append(next(given))
        elif moves_later:
            zeros.append(zero_equation(t))
            v_carry.append(zeros[-1].results[0])
    ys_types = [
        stacked_type(t, params["length"])
        for t in compress(params["body"].out_types[params["n_carry"] :], lin.moves[params["n_carry"] :])
    ]
    results = tuple(Var(t) for t in (*compress(carry, moves), *ys_types))
    operands = (*count, *r_consts, *v_consts, *v_carry, *r_taped, *r_xs, *v_xs)
    new = {
        "body": body,
        "predicate": None,
        "length": params["length"],
        "n_consts": len(r_consts) + len(v_consts),
        "n_carry": len(v_carry),
        "reverse": params["reverse"],
    }
    residuals = (*count, *r_consts, *r_taped, *r_xs)
    program = Program(
        (*residuals, *v_consts, *v_given, *v_xs), (*zeros, Equation(loop, operands, results, new)), results
    )
    counted = (False,) * (params["predicate"] is not None)
    out_moves = (*counted, *moves, *lin.moves[params["n_carry"] :])
    out_types = (
        *(TURN for _ in counted),
        *carry,
        *(stacked_type(t, params["length"]) for t in params["body"].out_types[params["n_carry"] :]),
    )
    return passes.rule(program, len(residuals), out_moves, out_types, "loop")


def _vars(xs: Any) -> list[Var]:
    return [Var(x.type) for x in xs]


# Transposed ---------------------------------------------------------------------------------


def transpose_loop(loop: Any, us: tuple, operands: tuple, params: dict) -> tuple:
    """Return the cotangents of a linear loop's operands: the counted loop, backwards.

    Its carry is the cotangents of the carry, and the sums of the constants' cotangents.
    """
    count, consts, carry, xs = split(operands, params)
    if params["predicate"] is not None or not all(type_of(x).inexact for x in carry):
        raise _not_linear(params)
    n = params["n_carry"]
    # A carry that does not move yet starts at zero, and moves from the first turn on.
    starts, carry = carry, tuple(Linear(type_of(x).strong) for x in carry)
    still = [i for i, x in enumerate((None, *consts, *carry, *xs)) if not is_linear(x)]
    moving = [i for i in range(len(params["body"].inputs)) if i not in still]
    body = reordered(params["body"], (*still, *moving))
    present, masked, found = _fixpoint(body, len(still), us, n, moving, len(consts))
    backward = _Backward(params, consts, carry, xs, present, found, us)
    outs = loop(*count, *backward.operands(us), **backward.params(body, len(still), moving))
    set_masked(outs, backward.masks(masked))
    found_consts, found_carry, found_xs = backward.cotangents(outs)
    found_carry = [u if is_linear(x) else None for u, x in zip(found_carry, starts, strict=True)]
    return (*(None for _ in count), *found_consts, *found_carry, *found_xs)


def _not_linear(params: dict) -> Exception:
    kind = "a while loop" if params["predicate"] is not None else "a loop with a carry that does not move"
    return LinearityError(
        f"{kind} is not linear in its operands",
        where=here(),
        why="the number of turns, or what a turn does, depends on them",
        fix="pullback.vjp linearises a function first, at a point",
    )


def _fixpoint(body: Program, n_still: int, us: tuple, n: int, moving: list[int], n_consts: int) -> tuple:
    """Return which carry cotangents are there, which are masked, and the transposed body."""
    there, masks = states_of(us)
    present, masked = there[:n], tuple(m or not p for m, p in zip(masks[:n], there[:n], strict=True))
    carry_at = [k for k, i in enumerate(moving) if n_consts < i <= n_consts + n]
    while True:
        found = passes.transpose(body, n_still, (*present, *there[n:]), (*masked, *masks[n:]))
        every = iter(found.masked)
        out_masks = [next(every) if nz else True for nz in found.nonzero]
        grown = tuple(p or found.nonzero[k] for p, k in zip(present, carry_at, strict=True))
        fewer = tuple(m and out_masks[k] for m, k in zip(masked, carry_at, strict=True))
        if (grown, fewer) == (present, masked):
            return present, masked, found
        present, masked = grown, fewer


class _Backward:
    """The backward loop of one linear loop: what goes in, its body, what comes out."""

    def __init__(self, params: dict, consts: tuple, carry: tuple, xs: tuple, present: tuple, found: Any, us: tuple):
        self.old = params
        self.consts, self.carry, self.xs = consts, carry, xs
        self.present, self.found = present, found
        linear = [x for x in (*consts, *carry, *xs) if is_linear(x)]
        nonzero = list(zip(linear, found.nonzero, strict=True))
        k = sum(is_linear(x) for x in consts)
        self.const_there = [nz for _, nz in nonzero[:k]]
        self.const_types = [x.type.strong for x, nz in nonzero[:k] if nz]
        self.carry_there = [nz for _, nz in nonzero[k : k + len(carry)]]
        self.xs_there = [nz for _, nz in nonzero[k + len(carry) :]]
        self.y_there = [u is not None for u in us[params["n_carry"] :]]

    def operands(self, us: tuple) -> tuple:
        """Still constants; sums of constants' cotangents and cotangents of the carry; still xs and cotangents of ys."""
        n = self.old["n_carry"]
        start = [
            u if u is not None else zero_value(x.type.strong)
            for u, x, there in zip(us[:n], self.carry, self.present, strict=True)
            if there
        ]
        return (
            *(x for x in self.consts if not is_linear(x)),
            *(zero_value(t) for t in self.const_types),
            *start,
            *(x for x in self.xs if not is_linear(x)),
            *(u for u in us[n:] if u is not None),
        )

    def params(self, body: Program, n_still: int, moving: list[int]) -> dict:
        n_still_consts = sum(not is_linear(x) for x in self.consts)
        key = "backward", n_still, self.present, tuple(self.y_there), self.found.program
        return {
            "body": body.derived(key, lambda: intern(self._body(body, n_still, n_still_consts))),
            "predicate": None,
            "length": self.old["length"],
            "n_consts": n_still_consts,
            "n_carry": len(self.const_types) + sum(self.present),
            "reverse": not self.old["reverse"],
        }

    def _body(self, body: Program, n_still: int, n_still_consts: int) -> Program:
        with ProgramRecorder(closed=True) as recorder:
            types = body.in_types[:n_still]
            t, consts = recorder.input(types[0]), [recorder.input(s) for s in types[1 : 1 + n_still_consts]]
            sums = [recorder.input(s) for s in self.const_types]
            n = self.old["n_carry"]
            out_types = [s.strong for s in body.out_types]
            carry = [recorder.input(s) for s in compress(out_types[:n], self.present)]
            xs = [recorder.input(s) for s in types[1 + n_still_consts :]]
            ys = [recorder.input(s) for s in compress(out_types[n:], self.y_there)]
            got = iter(replay(self.found.program, (t, *consts, *xs, *carry, *ys)))
            summed = [add_values(s, next(got)) for s in sums]
            new_carry = []
            for x, there, nonzero in zip(self.carry, self.present, self.carry_there, strict=True):
                u = next(got) if nonzero else None
                if there:
                    new_carry.append(u if u is not None else zero_value(x.type.strong))
            return recorder.finish([*summed, *new_carry, *got])

    def masks(self, masked: tuple) -> list[bool]:
        """Return which results of the backward loop are masked."""
        every = iter(self.found.masked)
        consts = [next(every) for there in self.const_there if there]
        for there in self.carry_there:
            if there:
                next(every)
        return [*consts, *compress(masked, self.present), *every]

    def cotangents(self, outs: tuple) -> tuple[list[Any], list[Any], list[Any]]:
        """Return one entry for each const, for each carry, and for each xs."""
        got = iter(outs)
        const_there, xs_there = iter(self.const_there), iter(self.xs_there)
        consts = [next(got) if is_linear(x) and next(const_there) else None for x in self.consts]
        carry = [next(got) if there else None for there in self.present]
        xs = [next(got) if is_linear(x) and next(xs_there) else None for x in self.xs]
        return consts, carry, xs
