"""Checking a Program: bound once, bound before use, types as `infer` gives them."""

from __future__ import annotations

from .errors import CheckError
from .primitive import infer_types
from .program import Program, Var, held_programs

__all__ = ["check"]


def check(program: Program) -> Program:
    """Return the Program if it keeps every invariant.

    Raises
    ------
    CheckError
        Naming the first equation that breaks one, with its source line.

    Examples
    --------
    >>> import pullback as pb
    >>> check(pb.trace(lambda x: x * x)(2.0)) is not None
    True
    """
    bound: set[Var] = set()
    for x in (*(x for x, _ in program.constants), *program.inputs):
        _bind(bound, x, "as an input", None)
    for i, eq in enumerate(program.equations):
        name = f"equation {i}, {eq.primitive.name}"
        for x in eq.operands:
            if type(x) is Var and x not in bound:
                raise CheckError(f"{name}: an operand of {x.type} is not bound", where=eq.source)
        for held in held_programs(eq.params):
            if held.constants:
                raise CheckError(f"{name}: holds a Program that is not closed", where=eq.source)
            check(held)
        inferred = infer_types(eq.primitive, tuple(x.type for x in eq.operands), eq.params)
        actual = tuple(x.type for x in eq.results)
        if inferred != actual:
            raise CheckError(f"{name}: results are {actual}, inferred {inferred}", where=eq.source)
        for x in eq.results:
            _bind(bound, x, name, eq.source)
    unbound = [x for x in program.outputs if type(x) is Var and x not in bound]
    if unbound:
        raise CheckError(f"an output of {unbound[0].type} is not bound")
    return program


def _bind(bound: set[Var], x: Var, name: str, source: object) -> None:
    if x in bound:
        raise CheckError(f"{name}: a variable of {x.type} is bound twice", where=source)
    bound.add(x)
