"""turns: what a call does once, for a few elements, as a loop over them where that is much less code.

A short vector is computed element by element, without a loop: in the body of a loop that is
fastest. But ten sines in a row are ten times the code of one, for LLVM to inline, optimise and
find vectors in, and it takes milliseconds where running it takes nanoseconds. So outside of loops a
nest that has many mathematical functions in it, and does the same for each element, becomes a loop.
"""

from __future__ import annotations

from pullback.core.program import Equation, Literal, Program

from .access import keeps_lead
from .kinds import kind_of
from .plan import Nest, Plan, plan
from .printer import equations_of

__all__ = ["planned"]

_FUNCTIONS = frozenset([
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "power", "sin", "cos", "tan", "sinh", "cosh", "tanh",
    "arcsin", "arccos", "arctan", "arctan2", "arcsinh", "arccosh", "arctanh", "cbrt", "hypot", "sigmoid", "softplus",
    "logaddexp", "erf", "erfc", "gaussian", "lgamma",
])  # fmt: skip
_MANY = 12  # calls of them in one nest
_SHORTEST = 4  # elements


def planned(program: Program) -> Plan:
    """Return the steps of a whole Program, those of few elements as loops where that is less code."""
    made = plan(program)
    for step in made.steps:
        if isinstance(step, Nest) and not step.lead:
            _turn_by_turn(step, made)
    return made


def _turn_by_turn(nest: Nest, made: Plan) -> None:
    sums = [
        eq for x in nest.stores if (eq := made.defined[x]).primitive.name == "sum" and eq.operands[0].type.ndim == 1
    ]
    totals = {eq.results[0] for eq in sums}
    turned = Nest((), [x for x in nest.stores if x not in totals], [*nest.sums, *sums], nest.apart, nest.block)
    shapes = {x.type.shape for x in (*turned.stores, *(eq.operands[0] for eq in turned.sums))}
    if len(shapes) != 1:
        return
    (shape,) = shapes
    if len(shape) != 1 or shape[0] < _SHORTEST:
        return
    ends = {id(eq) for eq in turned.sums}
    equations = [eq for eq in equations_of(turned, made) if id(eq) not in ends]
    calls = sum(eq.primitive.name in _FUNCTIONS and eq.results[0].type.shape == shape for eq in equations)
    if calls * shape[0] < _MANY or any(x in totals for eq in equations for x in eq.operands):
        return
    if all(_same_for_each(eq, shape) for eq in equations):
        nest.lead, nest.stores, nest.sums = shape, turned.stores, turned.sums


def _same_for_each(eq: Equation, shape: tuple[int, ...]) -> bool:
    """Return whether an element is computed from the elements at its own place, and from single numbers."""
    if kind_of(eq) not in ("elementwise", "view"):
        return False
    own = eq.results[0].type.shape
    if own != shape:
        return eq.results[0].type.size == 1 and all(x.type.size == 1 for x in eq.operands)
    return all(
        type(x) is Literal or x.type.size == 1 or (x.type.shape == shape and keeps_lead(eq, i, 1))
        for i, x in enumerate(eq.operands)
    )
