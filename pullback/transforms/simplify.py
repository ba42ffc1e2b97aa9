"""simplify: a Program to an equal Program with fewer equations.

Common subexpressions are computed once, equations of constants are folded, dead ones
dropped. Equations with an effect (raise, print, callback) are kept, in their order.
Nothing here changes a result, not in the last bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.primitive import freeze
from pullback.core.program import Equation, Literal, Program, Var

__all__ = ["drop_dead", "simplify"]


def simplify(program: Program) -> Program:
    """Return an equal Program: common subexpressions once, constants folded, nothing dead.

    Examples
    --------
    >>> import pullback as pb, numpy as np
    >>> program = pb.trace(lambda x: np.sin(x) + np.sin(x))(1.0)
    >>> len(program.equations), len(simplify(program).equations)
    (3, 2)
    """
    if program.is_simple:
        return program
    made = drop_dead(_merge_common(program))
    made.is_simple = True
    return made


def drop_dead(program: Program) -> Program:
    """Return the Program without equations whose results nobody needs."""
    needed = {x for x in program.outputs if type(x) is Var}
    kept: list[Equation] = []
    for eq in reversed(program.equations):
        if not needed.isdisjoint(eq.results) or eq.primitive.effect is not None or eq.calls_out:
            kept.append(eq)
            needed.update([x for x in eq.operands if type(x) is Var])
    constants = tuple((x, value) for x, value in program.constants if x in needed)
    return Program(program.inputs, tuple(reversed(kept)), program.outputs, constants, program.signature)


def _merge_common(program: Program) -> Program:
    renamed: dict[Any, Any] = {}
    met: dict[Any, tuple[Var, ...]] = {}
    kept: list[Equation] = []
    for eq in program.equations:
        primitive, operands, results, params, _ = eq
        if not renamed.keys().isdisjoint(operands):
            operands = tuple([renamed.get(x, x) for x in operands])
            eq = eq._replace(operands=operands)
        if primitive.effect is None and not eq.calls_out:
            key = tuple([x if type(x) is Var else x.key for x in operands])
            if Var not in map(type, operands) and (folded := _fold(eq)) is not None:
                renamed[results[0]] = folded
                continue
            same = met.setdefault((primitive, freeze(params), key), results)
            if same is not results:
                renamed.update(zip(results, same, strict=True))
                continue
        kept.append(eq)
    outputs = tuple(renamed.get(x, x) if type(x) is Var else x for x in program.outputs)
    return Program(program.inputs, tuple(kept), outputs, program.constants, program.signature)


def _fold(eq: Equation) -> Literal | None:
    """Return the literal that an equation of literals comes to, if it is a scalar."""
    if eq.primitive.multiple or not eq.operands:
        return None
    if eq.results[0].type.size > 1 or eq.results[0].type.ndim:
        return None
    with np.errstate(all="ignore"):
        value = eq.primitive.evaluate_weak(tuple(x.value for x in eq.operands), eq.params)
    literal = Literal(np.asarray(value)[()] if not eq.results[0].type.weak else value)
    return literal if literal.type is eq.results[0].type else None
