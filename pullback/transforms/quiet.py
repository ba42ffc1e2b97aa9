"""quiet: a Program that never raises, for lanes whose branch or turn is not taken.

Where batching turns a branch into a select, every lane runs every branch. A lane that
would not have come this way must neither raise nor print; what it computes is not used.
"""

from __future__ import annotations

from pullback.core.program import Program

__all__ = ["quiet"]


def quiet(program: Program) -> Program:
    """Return the Program with every equation in its quiet form."""
    return program.derived(("quiet",), lambda: _quiet(program))


def _quiet(program: Program) -> Program:
    equations = []
    for eq in program.equations:
        held = {
            k: tuple(map(quiet, v)) if isinstance(v, tuple) and v and isinstance(v[0], Program) else v
            for k, v in eq.params.items()
        }
        held = {k: quiet(v) if isinstance(v, Program) else v for k, v in held.items()}
        params = eq.primitive.quiet_params(held)
        if params is not None:
            equations.append(eq._replace(params=params))
    return Program(program.inputs, tuple(equations), program.outputs)
