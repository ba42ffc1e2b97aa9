"""The rule of a custom call: the user's own backward, run as it is."""

from __future__ import annotations

from typing import Any

from pullback.primitives.custom import linear_program
from pullback.primitives.tapes import zero_value

from .rules import Pull, Rule

__all__ = ["CustomRule"]


class CustomRule(Rule):
    """Pulls back by calling the user's backward, on values or Tracers; pushes forward by its transpose."""

    def __init__(self, backward: Any, residual_types: tuple) -> None:
        backward.residual_types = residual_types
        self.backward = backward
        super().__init__(
            linear_program(backward), len(residual_types), backward.moves, backward.result_types, backward.name
        )

    def _derive_pull(self, state: tuple) -> Pull:
        n, backward = self.n_residuals, self.backward  # not self: the rule holds its pulls

        def run(*operands: Any) -> list[Any]:
            given = iter(operands[n:])
            us = tuple(
                zero_value(t) if s is None else next(given) for s, t in zip(state, backward.out_types, strict=True)
            )
            pulled = backward(operands[:n], us)
            return [zero_value(t) if u is None else u for u, t in zip(pulled, backward.in_types, strict=True)]

        n_in = len(backward.in_types)
        return Pull(run, run, tuple(range(n_in)), (False,) * n_in)
