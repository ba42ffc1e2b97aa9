"""scan, fori_loop, while_loop and map: loops that stay in the Program.

A body is traced once, as a closed Program of one turn; what it takes from outside becomes a
constant of the loop, so that derivatives flow to it. Forward and reverse mode go through all
of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from pullback.core.arrays import own
from pullback.core.errors import ArgumentError, AxisSizeError, DTypeError, ShapeError, TreeError
from pullback.core.primitive import primitives
from pullback.core.program import Equation, Literal, Program, Var, intern
from pullback.core.sizes import plain
from pullback.core.source import here
from pullback.core.tracer import concrete
from pullback.core.tree import flatten, is_array, leaf_paths, shown, unflatten
from pullback.core.types import array_type, type_of
from pullback.primitives.loop import loop
from pullback.primitives.loop_parts import TURN, element_of

from .batching import vmap
from .bodies import check_arrays, insert_inputs, strong, turn_first, with_out_types
from .calls import name_of
from .tracing import Body, trace_body

__all__ = ["common_length", "fori_loop", "map", "scan", "while_loop"]


def while_loop(cond_fun: Callable[[Any], Any], body_fun: Callable[[Any], Any], init_val: Any) -> Any:
    """Return what `init_val` becomes under `body_fun`, again and again while ``cond_fun(value)`` holds.

    Reverse mode keeps the residuals of each turn on a tape that grows: unlike JAX, pullback
    differentiates through it in both modes.

    Examples
    --------
    >>> import pullback as pb
    >>> double = lambda x: pb.while_loop(lambda y: y < 100.0, lambda y: y * y, x)
    >>> float(double(3.0)), float(pb.grad(double)(3.0))
    (6561.0, 17496.0)
    """
    turns = _trace_turns(lambda _, value, x: (body_fun(value), None), init_val, None, "while_loop", body_fun)
    predicate = trace_body(cond_fun, flatten((init_val,))[1], [type_of(x) for x in turns.carry], what="while_loop")
    if len(predicate.program.out_types) != 1 or predicate.program.out_types[0].shape != ():
        raise ShapeError(
            f"the condition of while_loop returns {predicate.program.out_types}",
            where=here(),
            why="it is one truth value",
            fix="np.any or np.all make one of many",
        )
    consts = [*turns.body.captures, *predicate.captures]
    operands = (*consts, *turns.carry)
    outs = loop(
        *operands,
        body=insert_inputs(turns.body.program, 1 + len(turns.body.captures), predicate.captures),
        predicate=insert_inputs(_truth(predicate.program), 0, turns.body.captures),
        length=None,
        n_consts=len(consts),
        n_carry=len(turns.carry),
        reverse=False,
    )
    return unflatten(turns.structure, own(outs[1:], operands))


def _truth(program: Program) -> Program:
    """Return a condition that gives a bool, whatever number it gave."""
    if program.out_types[0].dtype.kind == "b":
        return with_out_types(program, [array_type((), np.dtype(bool))])
    y = Var(array_type((), np.dtype(bool)))
    test = Equation(primitives["not_equal"], (program.outputs[0], Literal(0)), (y,), {})
    return Program(program.inputs, (*program.equations, test), (y,))


def fori_loop(lower: Any, upper: Any, body_fun: Callable[[Any, Any], Any], init_val: Any) -> Any:
    """Return what `init_val` becomes under ``value = body_fun(i, value)`` for i from `lower` to ``upper - 1``.

    The bounds may be traced: then the number of turns is known only when the loop runs, and
    reverse mode tapes as many.

    Examples
    --------
    >>> import pullback as pb
    >>> power = lambda x: pb.fori_loop(0, 3, lambda i, y: y * x, 1.0)
    >>> float(power(2.0)), float(pb.grad(power)(2.0))
    (8.0, 12.0)
    """
    lower, upper = plain(lower), plain(upper)
    for name, bound in (("lower", lower), ("upper", upper)):
        if not is_array(bound) or type_of(bound).dtype.kind not in "iu" or type_of(bound).ndim:
            given = type_of(bound).strong if is_array(bound) else type(bound).__name__
            raise DTypeError(
                f"{name} of fori_loop is {given}",
                where=here(),
                why="bounds are integers",
                fix="int(x) of a plain number, x.astype(int) of a traced one",
            )
    lo, hi = concrete(lower), concrete(upper)
    known = None if lo is None or hi is None else (int(lo), max(int(hi) - int(lo), 0))
    start, length = known or (lower, None)

    def turn(t: Any, value: Any, x: None) -> Any:
        return body_fun(t if known and start == 0 else primitives["add"](t, start), value), None

    turns = _trace_turns(turn, init_val, None, "fori_loop", body_fun)
    operands = (*turns.body.captures, *turns.carry)
    outs = loop(
        *(() if known else (_trip_count(lower, upper),)),
        *operands,
        body=turns.body.program,
        predicate=None,
        length=length,
        n_consts=len(turns.body.captures),
        n_carry=len(turns.carry),
        reverse=False,
    )
    return unflatten(turns.structure, own(outs, operands))


def _trip_count(lower: Any, upper: Any) -> Any:
    distance = primitives["sub"](upper, lower)
    return primitives["convert"](primitives["maximum"](distance, 0), dtype=TURN.dtype)


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
) -> tuple[Any, Any]:
    """Return ``(carry, ys)``, where ``carry, y = f(carry, x)`` for each x along the first axis of `xs`.

    Parameters
    ----------
    f : callable
        Returns a pair; `y` may be None.
    init : tree
        The first carry.
    xs : tree, optional
        Arrays of one length along axis 0; None: give `length`.
    length : int, optional
    reverse : bool
        From the last to the first; ys stay in the order of xs.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> pb.scan(lambda c, x: (c + x, c * x), 0.0, np.array([1.0, 2.0, 3.0]))
    (np.float64(6.0), array([0., 2., 9.]))
    """
    x_leaves = flatten(xs)[0]
    check_arrays(x_leaves, xs, "scan")
    length = common_length(x_leaves, xs, length)
    turns = _trace_turns(lambda _, carry, x: f(carry, x), init, xs, "scan", f)
    operands = (*turns.body.captures, *turns.carry, *x_leaves)
    outs = loop(
        *operands,
        body=turns.body.program,
        predicate=None,
        length=length,
        n_consts=len(turns.body.captures),
        n_carry=len(turns.carry),
        reverse=bool(reverse),
    )
    outs, n = own(outs, operands), len(turns.carry)
    return unflatten(turns.structure, outs[:n]), unflatten(turns.y_structure, outs[n:])


def map(f: Callable[[Any], Any], xs: Any, *, batch_size: int | None = None) -> Any:
    """Return ``f(x)`` for each x along the first axis of `xs`, stacked; one at a time.

    Like `vmap`, in the memory of one lane; with `batch_size`, of so many lanes.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> pb.map(lambda x: x**2, np.array([1.0, 2.0, 3.0]))
    array([1., 4., 9.])
    """
    if batch_size is not None:
        return vmap(f, chunk_size=batch_size)(xs)
    return scan(lambda _, x: (None, f(x)), None, xs)[1]


class _Turns(NamedTuple):
    """One traced turn of a loop: the first carry, and the body ``(t, *captures, *carry, *x) -> (*carry, *y)``."""

    carry: list[Any]
    structure: Any
    body: Body
    y_structure: Any


def _trace_turns(turn: Callable[[Any, Any, Any], Any], init: Any, xs: Any, what: str, user: Any) -> _Turns:
    """Trace ``turn(t, carry, x) -> (carry, y)``.

    A carry that starts as a Python scalar, or in a dtype that the body widens, is converted to
    the dtype that the body gives it; a carry that changes its shape or structure is an error.
    """
    carry, structure = flatten(init)
    check_arrays(carry, init, what)
    x_leaves, x_structure = flatten(xs)
    elements = [element_of(type_of(x)) for x in x_leaves]
    args = flatten((0, init, unflatten(x_structure, [0] * len(x_leaves))))[1]
    n = len(carry)
    while True:  # a dtype only ever widens: it ends
        body = trace_body(turn, args, [TURN, *(type_of(x).strong for x in carry), *elements], what=what)
        y_structure = _checked_pair(body, structure, what, user)
        widened = [
            _widened(x, t, k, what, user)
            for k, (x, t) in enumerate(zip(carry, body.program.out_types[:n], strict=True))
        ]
        if all(a is b for a, b in zip(widened, carry, strict=True)):
            break
        carry = widened
    carry = [strong(x) for x in carry]
    outs = [*(type_of(x) for x in carry), *(t.strong for t in body.program.out_types[n:])]
    body.program = intern(turn_first(with_out_types(body.program, outs), len(body.captures)))
    return _Turns(carry, structure, body, y_structure)


def _checked_pair(body: Body, structure: Any, what: str, user: Any) -> Any:
    """Return the structure of y, of a body that must return (carry, y)."""
    whole = body.structure
    parts = whole.children() if whole.type in (tuple, list) else []
    if len(parts) != 2:
        raise TreeError(
            f"{name_of(user)}, the body of {what}, returned {shown(whole)}",
            where=here(),
            why="it returns a pair: the new carry, and what to stack",
            fix="return carry, y; y may be None",
        )
    if parts[0] != structure:
        raise TreeError(
            f"the carry of {what} starts as {shown(structure)}, and {name_of(user)} returns {shown(parts[0])}",
            where=here(),
            why="a carry keeps its structure from turn to turn",
            fix=f"return from {name_of(user)} what it was given, in the same structure",
        )
    return parts[1]


def _widened(x: Any, out: Any, k: int, what: str, user: Any) -> Any:
    """Return the carry's leaf in a dtype that holds what the body returns."""
    t = type_of(x)
    if t.shape != out.shape:
        raise ShapeError(
            f"leaf {k} of the carry of {what} starts as {t.strong}, and {name_of(user)} returns {out.strong}",
            where=here(),
            why="a carry keeps its shape from turn to turn",
            fix="start with an array of that shape: np.broadcast_to(x, shape)",
        )
    if t.dtype == out.dtype or out.weak:
        return x
    if t.weak or np.can_cast(t.dtype, out.dtype, "safe"):
        return primitives["convert"](x, dtype=np.result_type(t.dtype, out.dtype) if not t.weak else out.dtype)
    if np.can_cast(out.dtype, t.dtype, "same_kind"):
        return x
    raise DTypeError(
        f"leaf {k} of the carry of {what} starts as {t.strong}, and {name_of(user)} returns {out.strong}",
        where=here(),
        why="a carry keeps its dtype from turn to turn",
        fix=f"start with {out.dtype.name}, or return x.astype(np.{t.dtype.name})",
    )


def common_length(leaves: list[Any], xs: Any, length: int | None) -> int:
    """Return the size of the first axis of all leaves; AxisSizeError where they differ."""
    sizes = {}
    for i, x in enumerate(leaves):
        t = type_of(x)
        if not t.ndim:
            raise AxisSizeError(
                f"scan over {leaf_paths(xs)[i] or 'xs'}, which is {t.strong}",
                where=here(),
                why="it has no axis to go along",
                fix="let the body close over it, or put it into the carry",
            )
        sizes[leaf_paths(xs)[i] or "xs"] = t.shape[0]
    if length is not None:
        sizes["length"] = length
    if not sizes:
        raise ArgumentError(
            "scan without xs and without length",
            where=here(),
            why="the number of turns is the size of the first axes of xs, or length",
            fix="say length=",
        )
    if len(set(sizes.values())) > 1:
        raise AxisSizeError(
            "scan over first axes of different sizes: " + ", ".join(f"{k} {n}" for k, n in sizes.items()),
            where=here(),
            why="one element of each is taken a turn",
            fix="cut them to one size, or let the body close over what is the same in every turn",
        )
    return int(next(iter(sizes.values())))
