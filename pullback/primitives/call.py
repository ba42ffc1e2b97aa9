"""call: run a Program as one equation. What `jit` records, and what keeps bodies apart."""

from __future__ import annotations

import numpy as np

from pullback.core.errors import CheckError
from pullback.core.passes import passes
from pullback.core.primitive import Cost, Same
from pullback.core.program import intern

from .holding import Holder, linear_equation_rule, partition, residuals_last, scatter_back, set_masked, states_of

__all__ = ["call"]


class Call(Holder):
    """The outputs of `program` on the operands.

    `label` is the user's name for it. `native` says that it comes from `jit`, and is worth
    compiling; what is derived from it is too. It is True, or "contract" for fused multiply-add.
    """

    name = "call"

    def infer(self, *types, program, label=None, native=False):
        if tuple(t.strong for t in types) != tuple(t.strong for t in program.in_types):
            raise CheckError(f"call of a Program of {program.in_types} with {types}")
        return program.out_types

    def evaluate(self, *values, program, label=None, native=False):
        if native:
            return tuple(passes.compile_native(program, native)(*values))
        run = passes.compile(program)
        with np.errstate(all="ignore"):  # a body is traced: which warnings are the user's is not known any more
            return tuple(run(*values))

    def push(self, operands, tangents, params):
        moving = tuple(v is not None for v in tangents)
        pushed, moves = passes.jvp(params["program"], moving)
        outs = call(*operands, *(v for v in tangents if v is not None), **{**params, "program": intern(pushed)})
        n = len(moves)
        moved = iter(outs[n:])
        return outs[:n], tuple(next(moved) if m else None for m in moves)

    def linearize(self, operands, moving, params):
        program = params["program"]
        n = len(program.outputs)
        lin = passes.linearize(program, moving)
        forward, gather = residuals_last(lin, operands, n)
        outs = call(*operands, **{**params, "program": intern(forward)})
        if not any(lin.moves):
            return outs[:n], (), None
        key = "call", moving, params.get("label"), params.get("native")
        return outs[:n], gather(outs[n:]), program.derived(key, lambda: _rule(program, lin, params))

    def transpose(self, us, *operands, program, **how):
        ordered, still, moving = partition(program, operands)
        transposed, nonzero, masked = passes.transpose(ordered, len(still), *states_of(us))
        outs = call(*still, *(u for u in us if u is not None), program=intern(transposed), **how)
        set_masked(outs, masked)
        return scatter_back(outs, [i for i, there in zip(moving, nonzero, strict=True) if there], len(operands))

    def batch(self, size, operands, batched, *, program, **how):
        whole, out_batched = passes.batch(program, size, batched)
        outs = call(*operands, program=intern(whole), **how)
        return tuple(x if b else Same(x) for x, b in zip(outs, out_batched, strict=True))

    def cost(self, types, results, *, program, **how):
        return Cost(*program.cost)

    def written(self, params):
        return params.get("label") or ""


call = Call()


def _rule(program, lin, params):
    """Return the rule whose linear Program is one call of the linear part."""
    linear, label = lin.linear, params.get("label") or "call"
    how = {**params, "program": intern(linear)}
    return linear_equation_rule(
        call, linear.in_types, linear.out_types, lin.n_residuals, how, lin.moves, program.out_types, label
    )
