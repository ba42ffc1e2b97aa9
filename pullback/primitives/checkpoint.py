"""checkpoint: a Program whose derivative recomputes it instead of keeping its residuals.

Griewank and Walther, "Evaluating Derivatives" (2nd ed., 2008), §12.1.
"""

from __future__ import annotations

from typing import Any

from pullback.core.passes import passes
from pullback.core.primitive import Cost, Same
from pullback.core.program import Program, Var, intern

from .call import call
from .holding import Holder, linear_equation_rule

__all__ = ["checkpoint"]


class Checkpoint(Holder):
    """The outputs of `program`; only the operands are kept for the way back.

    `known` holds the outputs' values where whoever binds it has computed them already.
    """

    name = "checkpoint"

    def infer(self, *types, program):
        return program.out_types

    def evaluate(self, *values, program, known=None):
        return tuple(known.values) if known is not None else call.evaluate(*values, program=program)

    def push(self, operands, tangents, params):
        return call.push(operands, tangents, {"program": params["program"], "label": "checkpoint"})

    def linearize(self, operands, moving, params):
        program = params["program"]
        results = checkpoint(*operands, **params)
        rule = program.derived(("checkpoint", moving), lambda: _recomputing(program, moving))
        return results, operands if rule is not None else (), rule

    def transpose(self, us, *operands, program):
        return call.transpose(us, *operands, program=program, label="checkpoint")

    def batch(self, size, operands, batched, *, program, known=None):
        whole, out_batched = passes.batch(program, size, batched)
        outs = checkpoint(*operands, program=intern(whole))
        return tuple(x if b else Same(x) for x, b in zip(outs, out_batched, strict=True))

    def cost(self, types, results, *, program):
        return Cost(*program.cost)


checkpoint = Checkpoint()


def _recomputing(program: Program, moving: tuple[bool, ...]) -> Any:
    """Return the rule whose linear Program computes the residuals again from the operands.

    It is one `call`, so that no pass can merge the recomputation with the first one.
    """
    lin = passes.linearize(program, moving)
    if not any(lin.moves):
        return None
    residuals = lin.forward.outputs[len(program.outputs) :]
    renamed = dict(zip(lin.linear.inputs, residuals, strict=False))
    tangents = lin.linear.inputs[lin.n_residuals :]

    def again(xs: tuple) -> tuple:
        return tuple(renamed.get(x, x) if type(x) is Var else x for x in xs)

    equations = (*lin.forward.equations, *(eq._replace(operands=again(eq.operands)) for eq in lin.linear.equations))
    whole = intern(Program((*lin.forward.inputs, *tangents), equations, again(lin.linear.outputs)))
    params = {"program": whole, "label": "recompute"}
    n = len(program.inputs)
    return linear_equation_rule(
        call, whole.in_types, whole.out_types, n, params, lin.moves, program.out_types, "checkpoint"
    )
