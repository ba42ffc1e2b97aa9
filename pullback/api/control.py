"""Control flow that stays in the Program: cond, switch, scan, fori_loop, while_loop, map, associative_scan.

Each traces its bodies once, as closed Programs; what a body takes from outside becomes an
operand, so that derivatives flow to it. Forward and reverse mode go through all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pullback.core.arrays import own
from pullback.core.errors import ArgumentError, AxisSizeError, DTypeError, ShapeError, TreeError
from pullback.core.primitive import primitives
from pullback.core.program import Program, Var, intern
from pullback.core.source import here
from pullback.core.tracer import Tracer, concrete
from pullback.core.tree import flatten, is_array, leaf_paths, map_leaves, unflatten
from pullback.core.types import array_type, type_of
from pullback.primitives.assembling import concatenate
from pullback.primitives.cond import cond as cond_primitive
from pullback.primitives.indexing import slice_
from pullback.primitives.loop import loop
from pullback.primitives.loop_parts import TURN, element_of

from .calls import name_of
from .tracing import Body, trace_body

__all__ = ["associative_scan", "cond", "fori_loop", "map", "scan", "switch", "while_loop"]


def cond(pred: Any, true_fun: Callable[..., Any], false_fun: Callable[..., Any], *operands: Any) -> Any:
    """Return ``true_fun(*operands)`` where `pred` holds, else ``false_fun(*operands)``.

    Parameters
    ----------
    pred : bool or scalar
        May be traced.
    true_fun, false_fun : callable
        Return pytrees of one structure, shapes and dtypes.
    *operands
        Pytrees of arrays; there may be none.

    Notes
    -----
    Under `vmap` with a mapped `pred`, both branches run for every lane, and each lane selects;
    the branch not taken neither raises nor poisons the derivative.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> f = lambda x: pb.cond(x > 0, np.sqrt, lambda x: 0.0 * x, x)
    >>> float(pb.grad(f)(4.0)), float(pb.grad(f)(-1.0))
    (0.25, 0.0)
    """
    t = type_of(pred) if is_array(pred) else None
    if t is None or t.ndim:
        raise ShapeError(
            f"the predicate of cond is {t or type(pred).__name__}",
            where=here(),
            why="it is one truth value",
            fix="np.where(pred, a, b) chooses element by element; np.any or np.all make one of many",
        )
    taken = primitives["not_equal"](pred, 0) if t.dtype.kind != "b" else pred
    return _branches(primitives["convert"](taken, dtype=np.dtype(np.int64)), [false_fun, true_fun], operands, "cond")


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """Return ``branches[index](*operands)``; an index out of range takes the nearest branch.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> float(pb.switch(1, [np.sin, np.cos, np.tan], 0.0))
    1.0
    """
    t = type_of(index) if is_array(index) else None
    if t is None or t.ndim or t.dtype.kind not in "iu":
        raise DTypeError(
            f"the index of switch is {t or type(index).__name__}", where=here(), why="it is one integer"
        )
    if not branches:
        raise ArgumentError("switch without branches", where=here())
    return _branches(primitives["convert"](index, dtype=np.dtype(np.int64)), list(branches), operands, "switch")


def _branches(index: Any, functions: list[Callable[..., Any]], operands: tuple, what: str) -> Any:
    leaves, structure = flatten(operands)
    _check_arrays(leaves, operands, what)
    leaves = [_strong(x) for x in leaves]
    types = [type_of(x) for x in leaves]
    bodies = [trace_body(f, structure, types, what=what) for f in functions]
    bodies = _agreeing(bodies, functions, what)
    programs, captures = _shared_captures(bodies)
    outs = cond_primitive(index, *captures, *leaves, branches=programs)
    return unflatten(bodies[0].structure, _owned(outs, [index, *captures, *leaves]))


def _owned(outs: Sequence[Any], operands: Sequence[Any]) -> list[Any]:
    return own(outs, operands)


def _strong(x: Any) -> Any:
    """Return an operand that is not weak: a body is typed, and a Python scalar is a float64 in it."""
    t = type_of(x)
    if not t.weak:
        return x
    return primitives["convert"](x, dtype=t.dtype)


def _agreeing(bodies: list[Body], functions: Sequence[Any], what: str) -> list[Body]:
    """Return bodies whose outputs have one structure and one type each, made strong."""
    first = bodies[0]
    for b, f in zip(bodies[1:], functions[1:], strict=True):
        if b.structure != first.structure:
            raise TreeError(
                f"branches of {what} return {first.structure} and {b.structure}",
                where=here(),
                why="all branches return one structure",
                fix=f"mend {name_of(functions[0])} or {name_of(f)}",
            )
    outs = [b.program.out_types for b in bodies]
    wanted = []
    for k, types in enumerate(zip(*outs, strict=True)):
        strong = {t.strong for t in types if not t.weak} or {types[0].strong}
        if len(strong) > 1 or len({t.shape for t in types}) > 1:
            raise ShapeError(
                f"branches of {what} return {' and '.join(map(repr, types))} at leaf {k}",
                where=here(),
                why="all branches return one shape and dtype, so that the result has a type",
                fix="convert with .astype, or np.broadcast_to",
            )
        wanted.append(strong.pop())
    for b in bodies:
        b.program = intern(_with_out_types(b.program, wanted))
    return bodies


def _with_out_types(program: Program, types: Sequence[Any]) -> Program:
    """Return the Program with its outputs converted to these types, where they differ in dtype or weakness."""
    if all(x.type is t for x, t in zip(program.outputs, types, strict=True)):
        return program
    convert = primitives["convert"]
    equations, outs = list(program.equations), []
    for x, t in zip(program.outputs, types, strict=True):
        if x.type is not t:
            y = Var(t)
            equations.append(_equation(convert, (x,), (y,), {"dtype": t.dtype}))
            x = y
        outs.append(x)
    return Program(program.inputs, tuple(equations), tuple(outs))


def _equation(*parts: Any) -> Any:
    from pullback.core.program import Equation  # noqa: PLC0415

    return Equation(*parts)


def _shared_captures(bodies: list[Body]) -> tuple[tuple[Program, ...], list[Any]]:
    """Return Programs that all take every body's captures in front, and these captures."""
    captures = [c for b in bodies for c in b.captures]
    types = [type_of(c) for c in captures]
    programs, start = [], 0
    for b in bodies:
        n = len(b.captures)
        before, after = types[:start], types[start + n :]
        inputs = (*(Var(t) for t in before), *b.program.inputs[:n], *(Var(t) for t in after), *b.program.inputs[n:])
        programs.append(intern(Program(inputs, b.program.equations, b.program.outputs)))
        start += n
    return tuple(programs), captures


def _check_arrays(leaves: list[Any], tree: Any, what: str) -> None:
    for i, x in enumerate(leaves):
        if not is_array(x):
            raise TreeError(
                f"leaf {leaf_paths(tree)[i]} of what {what} takes is a {type(x).__name__}",
                where=here(),
                why="loops and branches carry arrays, in pytrees",
                fix="let the body close over anything else",
            )


# Loops -----------------------------------------------------------------------------------------


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
    leaves, structure, body = _carry_body(lambda t, value: body_fun(value), init_val, [], "while_loop", body_fun)
    types = [type_of(x) for x in leaves]
    predicate = trace_body(lambda value: cond_fun(value), flatten((init_val,))[1], types, what="while_loop")
    if len(predicate.program.out_types) != 1 or predicate.program.out_types[0].shape != ():
        raise ShapeError(
            f"the condition of while_loop returns {predicate.program.out_types}",
            where=here(),
            why="it is one truth value",
            fix="np.any or np.all make one of many",
        )
    bool_type = [array_type((), np.dtype(bool))]
    predicate.program = intern(_truth(predicate.program, bool_type))
    consts = [*body.captures, *predicate.captures]
    outs = loop(
        *consts,
        *leaves,
        body=_insert_inputs(body.program, 1 + len(body.captures), predicate.captures),
        predicate=_insert_inputs(predicate.program, 0, body.captures),
        length=None,
        n_consts=len(consts),
        n_carry=len(leaves),
        reverse=False,
    )
    return unflatten(structure, _owned(outs[1 : 1 + len(leaves)], [*consts, *leaves]))


def _truth(program: Program, bool_type: list[Any]) -> Program:
    if program.out_types[0].dtype.kind == "b":
        return _with_out_types(program, bool_type)
    from pullback.core.program import Literal  # noqa: PLC0415

    y = Var(bool_type[0])
    test = _equation(primitives["not_equal"], (program.outputs[0], Literal(0)), (y,), {})
    return Program(program.inputs, (*program.equations, test), (y,))


def _insert_inputs(program: Program, place: int, values: Sequence[Any]) -> Program:
    """Return the Program with inputs that it does not read, at a place among its inputs."""
    extra = tuple(Var(type_of(v)) for v in values)
    return intern(
        Program((*program.inputs[:place], *extra, *program.inputs[place:]), program.equations, program.outputs)
    )


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
    for name, bound in (("lower", lower), ("upper", upper)):
        if not is_array(bound) or type_of(bound).dtype.kind not in "iu" or type_of(bound).ndim:
            shown = type_of(bound) if is_array(bound) else type(bound).__name__
            raise DTypeError(f"{name} of fori_loop is {shown}", where=here(), why="bounds are integers")
    lo, hi = concrete(lower), concrete(upper)
    static = lo is not None and hi is not None

    start = int(lo) if static else lower

    def turn(t: Any, value: Any) -> Any:
        return body_fun(t if static and start == 0 else primitives["add"](t, start), value)

    leaves, structure, body = _carry_body(turn, init_val, [], "fori_loop", body_fun)
    count = () if static else (_trip_count(lower, upper),)
    outs = loop(
        *count,
        *body.captures,
        *leaves,
        body=body.program,
        predicate=None,
        length=max(int(hi) - int(lo), 0) if static else None,
        n_consts=len(body.captures),
        n_carry=len(leaves),
        reverse=False,
    )
    return unflatten(structure, _owned(outs, [*body.captures, *leaves]))


def _trip_count(lower: Any, upper: Any) -> Any:
    distance = primitives["sub"](upper, lower)
    return primitives["convert"](primitives["maximum"](distance, 0), dtype=TURN.dtype)


def _carry_body(
    f: Callable[..., Any], init: Any, element_types: Sequence[Any], what: str, user: Any
) -> tuple[list[Any], Any, Body]:
    """Return the carry's leaves, its structure, and the traced body ``(t, carry) -> carry``.

    A carry that starts as a Python scalar, or in a dtype that the body widens, is converted to
    the dtype that the body gives it; a carry that changes shape is an error.
    """
    leaves, structure = flatten(init)
    _check_arrays(leaves, init, what)
    leaves = [_strong(x) if not type_of(x).weak else x for x in leaves]
    args = flatten((0, init))[1]
    for _ in range(4):
        types = [type_of(x).strong for x in leaves]
        body = trace_body(f, args, [TURN, *types], what=what)
        if body.structure != structure:
            raise TreeError(
                f"the carry of {what} starts as {structure}, and {name_of(user)} returns {body.structure}",
                where=here(),
                why="a carry keeps its structure from turn to turn",
                fix=f"return from {name_of(user)} what it was given, in the same structure",
            )
        widened = [_widened(x, t, k, what, user) for k, (x, t) in enumerate(zip(leaves, body.program.out_types, strict=True))]
        if all(a is b for a, b in zip(widened, leaves, strict=True)):
            break
        leaves = widened
    leaves = [_strong(x) for x in leaves]
    body.program = intern(_turn_first(_with_out_types(body.program, [type_of(x) for x in leaves]), len(body.captures)))
    return leaves, structure, body


def _turn_first(program: Program, n_captures: int) -> Program:
    """Return the Program ``(t, *captures, *carry…)`` of one whose captures lead, as every body's do."""
    captures, (t, *rest) = program.inputs[:n_captures], program.inputs[n_captures:]
    return Program((t, *captures, *rest), program.equations, program.outputs)


def _widened(x: Any, out: Any, k: int, what: str, user: Any) -> Any:
    """Return the carry's leaf in a dtype that holds what the body returns."""
    t = type_of(x)
    if t.shape != out.shape:
        raise ShapeError(
            f"leaf {k} of the carry of {what} starts as {t}, and {name_of(user)} returns {out}",
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
        f"leaf {k} of the carry of {what} starts as {t}, and {name_of(user)} returns {out}",
        where=here(),
        why="a carry keeps its dtype from turn to turn",
        fix=f"start with {out.dtype.name}, or return x.astype(np.{t.dtype.name})",
    )


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
    x_leaves, x_structure = flatten(xs)
    _check_arrays(x_leaves, xs, "scan")
    length = _scan_length(x_leaves, xs, length)
    carry_structure = flatten(init)[1]
    found: dict[str, Any] = {}

    def body(t: Any, value: Any) -> Any:
        return f(value[0], value[1])

    leaves, elements = flatten(init)[0], [element_of(type_of(x)) for x in x_leaves]
    _check_arrays(leaves, init, "scan")
    args = flatten((0, (init, unflatten(x_structure, [0] * len(x_leaves)))))[1]
    for _ in range(4):
        traced = trace_body(body, args, [TURN, *(type_of(x).strong for x in leaves), *elements], what="scan")
        carry_out, found["ys"] = _pair(traced, f, carry_structure)
        widened = [_widened(x, t, k, "scan", f) for k, (x, t) in enumerate(zip(leaves, carry_out, strict=True))]
        if all(a is b for a, b in zip(widened, leaves, strict=True)):
            break
        leaves = widened
    leaves = [_strong(x) for x in leaves]
    outs = [*(type_of(x) for x in leaves), *(t.strong for t in traced.program.out_types[len(leaves) :])]
    results = loop(
        *traced.captures,
        *leaves,
        *x_leaves,
        body=intern(_turn_first(_with_out_types(traced.program, outs), len(traced.captures))),
        predicate=None,
        length=length,
        n_consts=len(traced.captures),
        n_carry=len(leaves),
        reverse=bool(reverse),
    )
    results = _owned(results, [*traced.captures, *leaves, *x_leaves])
    return unflatten(carry_structure, results[: len(leaves)]), unflatten(found["ys"], results[len(leaves) :])


def _pair(traced: Body, f: Any, carry_structure: Any) -> tuple[tuple, Any]:
    """Return the types of the new carry, and the structure of y, of a body that returns a pair."""
    whole = traced.structure
    children = whole.children() if whole.type is tuple or whole.type is list else []
    if len(children) != 2:
        raise TreeError(
            f"{name_of(f)}, the body of scan, returned {whole}",
            where=here(),
            why="it returns a pair: the new carry, and what to stack",
            fix="return carry, y; y may be None",
        )
    if children[0] != carry_structure:
        raise TreeError(
            f"the carry of scan starts as {carry_structure}, and {name_of(f)} returns {children[0]}",
            where=here(),
            why="a carry keeps its structure from turn to turn",
        )
    return traced.program.out_types[: carry_structure.num_leaves], children[1]


def _scan_length(leaves: list[Any], xs: Any, length: int | None) -> int:
    sizes = {}
    for i, x in enumerate(leaves):
        t = type_of(x)
        if not t.ndim:
            raise AxisSizeError(
                f"scan over {leaf_paths(xs)[i] or 'xs'}, which is {t}", where=here(), why="it has no axis to go along"
            )
        sizes[leaf_paths(xs)[i] or "xs"] = t.shape[0]
    if length is not None:
        sizes["length"] = length
    if not sizes:
        raise ArgumentError("scan without xs and without length", where=here(), fix="say length=")
    if len(set(sizes.values())) > 1:
        raise AxisSizeError(
            "scan over first axes of different sizes: " + ", ".join(f"{k} {n}" for k, n in sizes.items()),
            where=here(),
            why="one element of each is taken a turn",
        )
    return int(next(iter(sizes.values())))


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
        from .batching import vmap  # noqa: PLC0415

        return vmap(f, chunk_size=batch_size)(xs)
    return scan(lambda _, x: (None, f(x)), None, xs)[1]


def associative_scan(fn: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """Return all prefixes of an associative operation, in a number of steps that grows with log n.

    Parameters
    ----------
    fn : callable
        Associative; works on whole arrays of pairs: ``fn(a, b)``, elementwise along `axis`.
    elems : tree
        Arrays of one size along `axis`.

    Notes
    -----
    Blelloch, "Prefix sums and their applications" (1990): pairs are combined, the half-length
    problem is solved, and the rest is filled in.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> pb.associative_scan(np.multiply, np.array([1.0, 2.0, 3.0, 4.0]))
    array([ 1.,  2.,  6., 24.])
    """
    from .batching import move_axis  # noqa: PLC0415

    leaves, structure = flatten(elems)
    _check_arrays(leaves, elems, "associative_scan")
    moved = [move_axis(x, axis, 0) for x in leaves]
    _scan_length(moved, elems, None)
    if reverse:
        moved = [primitives["flip"](x, axes=(0,)) for x in moved]

    def combine(a: list[Any], b: list[Any]) -> list[Any]:
        pair = fn(unflatten(structure, a), unflatten(structure, b))
        return flatten(pair)[0]

    outs = _prefixes(combine, moved)
    if reverse:
        outs = [primitives["flip"](x, axes=(0,)) for x in outs]
    return unflatten(structure, own([move_axis(x, 0, axis) for x in outs], leaves))


def _prefixes(combine: Callable[[list, list], list], xs: list[Any]) -> list[Any]:
    n = type_of(xs[0]).shape[0]
    if n < 2:
        return xs
    odd = _prefixes(combine, combine([_strided(x, 0, n - 1, 2) for x in xs], [_strided(x, 1, n, 2) for x in xs]))
    inner = [_strided(x, 0, (n - 1) // 2, 1) for x in odd]
    even = [_strided(x, 0, 1, 1) for x in xs]
    if n > 2:
        rest = combine(inner, [_strided(x, 2, n, 2) for x in xs])
        even = [concatenate(a, b, axis=0) for a, b in zip(even, rest, strict=True)]
    return [_interleave(a, b, n) for a, b in zip(even, odd, strict=True)]


def _strided(x: Any, start: int, stop: int, step: int) -> Any:
    shape = type_of(x).shape
    rest = shape[1:]
    return slice_(
        x, starts=(start, *(0 for _ in rest)), stops=(stop, *rest), steps=(step, *(1 for _ in rest))
    )


def _interleave(even: Any, odd: Any, n: int) -> Any:
    """Return even[0], odd[0], even[1], odd[1], …, n of them."""
    shape = type_of(even).shape
    if type_of(odd).shape != shape:
        odd = concatenate(odd, _strided(odd, 0, 1, 1), axis=0)  # a filler, cut off below
    pair = [primitives["reshape"](x, shape=(shape[0], 1, *shape[1:])) for x in (even, odd)]
    woven = primitives["reshape"](concatenate(*pair, axis=1), shape=(2 * shape[0], *shape[1:]))
    return _strided(woven, 0, n, 1)


