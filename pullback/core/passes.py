"""The slots through which a primitive that holds Programs reaches the passes above it.

A loop is differentiated by differentiating its body, which is a pass over Programs; passes
live one floor above the primitives. Core owns the slots, and `pullback.transforms` fills them.
"""

from __future__ import annotations

from typing import Any

__all__ = ["Passes", "passes"]


class Passes:
    """The passes over closed Programs, by name; each memoises on the Program."""

    linearize: Any  # (program, moving, instantiate) -> LinearizedProgram
    jvp: Any  # (program, moving, instantiate) -> PushedProgram
    transpose: Any  # (program, n_residuals, present, masked) -> TransposedProgram
    batch: Any  # (program, size, batched, force) -> BatchedProgram
    rule: Any  # (linear program, n_residuals) -> Rule
    custom_rule: Any  # (backward, residual types) -> the Rule of a custom call
    with_zeros: Any  # (program, types, there, wanted) -> the Program with explicit zeros among its outputs
    compile: Any  # program -> a function of flat plain arrays: filled in by the engines
    compile_native: Any  # (program, native) -> the same, by the compiled engine where it can: for what comes from jit
    quiet: Any  # program -> a Program that never raises, for lanes that are not taken


passes = Passes()
