"""grad, value_and_grad, vjp, jvp, linearize, linear_transpose, hvp: derivatives of a function at a point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import update_wrapper
from typing import Any, cast

import numpy as np

from pullback.core.arrays import own, snapshot
from pullback.core.errors import ArgumentError, DTypeError, NonScalarOutput, TreeError
from pullback.core.program import Program
from pullback.core.replay import replay
from pullback.core.source import describe, here
from pullback.core.tree import flatten, is_array, shown, unflatten
from pullback.core.types import Tape, type_of
from pullback.transforms.jvp import JvpRecorder
from pullback.transforms.linearity import check_linear
from pullback.transforms.transpose import transpose

from .calls import check_inexact, is_global, name_of, select, unpack_aux, zero_like
from .linearized import Linearized, checked_leaves, conjugate_if_pytorch
from .tracing import trace_flat

__all__ = ["Transformed", "grad", "hvp", "jvp", "linear_transpose", "linearize", "value_and_grad", "vjp"]


class Transformed:
    """A function made from another: carries its name, and pickles if the function does."""

    def __init__(self, f: Callable[..., Any], **options: Any) -> None:
        if not callable(f):
            raise ArgumentError(
                f"{_public_name(type(self))} of {type(f).__name__}, {f!r:.60}",
                where=here(),
                why="it takes a function, and returns a function",
                fix="grad(f)(x), not grad(f(x))",
            )
        update_wrapper(cast("Any", self), f, updated=())
        self.f = f
        self.options = options

    def __repr__(self) -> str:
        return f"{_public_name(type(self))}({name_of(self.f)})"

    def __reduce__(self):
        if is_global(self):
            return getattr(self, "__qualname__")  # noqa: B009 (update_wrapper has set it)
        return _rebuild, (type(self), self.f, self.options)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else type(self)(self.f.__get__(instance, owner), **self.options)


def _public_name(cls: type) -> str:
    return {"_ValueAndGrad": "value_and_grad"}.get(cls.__name__, cls.__name__.strip("_").lower())


def _rebuild(cls: type, f: Any, options: dict) -> Any:
    return cls(f, **options)


class _ValueAndGrad(Transformed):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        f, o = self.f, self.options
        selection = select(f, args, kwargs, o["argnums"], o["argnames"])
        check_inexact(selection, f)
        at = Linearized(f, selection, o["has_aux"])
        value = _scalar(at, f, o["holomorphic"])
        ones = type_of(value).dtype.type(1)
        grads = at.pull([ones] if at.nodes[0] is not None else [None], consume=True)
        gradient = selection.rebuild(conjugate_if_pytorch(grads))
        value = own([value], at.inputs)[0]
        return ((value, at.aux) if o["has_aux"] else value), gradient


class _Grad(_ValueAndGrad):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        value, gradient = super().__call__(*args, **kwargs)
        return (gradient, value[1]) if self.options["has_aux"] else gradient


def _scalar(at: Linearized, f: Any, holomorphic: bool) -> Any:
    """Return the one scalar output of a function under `grad`, or raise NonScalarOutput."""
    what = f"grad of {name_of(f)}, whose output is "
    if not at.structure.is_leaf() or not is_array(at.values[0]):
        raise NonScalarOutput(
            what + shown(at.structure),
            where=here(),
            why="a gradient is of one scalar",
            fix="return one number; with more to return: return value, aux and has_aux=True",
        )
    t = type_of(at.values[0]).strong
    if t.ndim:
        raise NonScalarOutput(
            what + repr(t),
            where=here(),
            why="a gradient is of one scalar",
            fix="sum it: np.sum(...); for all derivatives of all outputs: pullback.jacobian(f)",
        )
    if not t.inexact:
        raise NonScalarOutput(
            what + repr(t), where=here(), why="an integer output has no derivative", fix="return a float"
        )
    complex_in = any(t.dtype.kind == "c" for t in at.in_types)
    if holomorphic and not (complex_in and t.dtype.kind == "c"):
        raise DTypeError(
            f"holomorphic=True, and {name_of(f)} maps {', '.join(repr(s.strong) for s in at.in_types)} to {t}",
            where=here(),
            why="a holomorphic function maps complex to complex",
            fix="leave holomorphic out for a function with real input or output",
        )
    if t.dtype.kind == "c" and not holomorphic:
        raise NonScalarOutput(
            what + repr(t),
            where=here(),
            why="the gradient of a complex output is defined only for a holomorphic function",
            fix="return a real number (np.abs, np.real), or grad(f, holomorphic=True)",
        )
    return at.values[0]


def value_and_grad(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
    *,
    argnames: str | Sequence[str] | None = None,
) -> Callable[..., Any]:
    """Return a function of the same arguments that returns ``(fun(...), gradient)``.

    Parameters
    ----------
    fun : callable
        Returns a real scalar; or ``(scalar, aux)`` with `has_aux`; or, with `holomorphic`,
        a complex scalar.
    argnums : int or sequence of int, optional
        Positions of the arguments to differentiate by; the first by default. A sequence
        gives a tuple of gradients.
    has_aux : bool
        The function returns a pair, of which the second is passed through.
    holomorphic : bool
        The function is complex-differentiable, and the complex derivative is wanted.
    argnames : str or sequence of str, optional
        Names of keyword arguments to differentiate by; their gradients come after those of `argnums`.

    Returns
    -------
    callable
        Gradients have the structure, shapes and dtypes of the arguments; leaves that are no
        arrays come back as None.

    Raises
    ------
    NonScalarOutput, IntegerInput, ArgumentError

    Notes
    -----
    One run of `fun`, keeping its residuals, then one sweep back: 2 to 5 times the time of `fun`.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> value, gradient = pb.value_and_grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    >>> float(value), gradient
    (5.0, array([2., 4.]))
    """
    return _ValueAndGrad(fun, argnums=argnums, has_aux=has_aux, holomorphic=holomorphic, argnames=argnames)


def grad(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
    *,
    argnames: str | Sequence[str] | None = None,
) -> Callable[..., Any]:
    """Return a function that computes the gradient of `fun`; see `value_and_grad`.

    For complex inputs of a real function, z = x + iy, the gradient is ``df/dx - i df/dy``
    (JAX's convention), or its conjugate under ``pullback.conventions(complex="pytorch")``.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> pb.grad(lambda x: np.sum(np.sin(x)))(np.zeros(2))
    array([1., 1.])
    >>> float(pb.grad(pb.grad(pb.grad(np.sin)))(0.0))
    -1.0
    """
    return _Grad(fun, argnums=argnums, has_aux=has_aux, holomorphic=holomorphic, argnames=argnames)


class Residual:
    """One array kept in memory for the backward pass.

    Attributes
    ----------
    name : str
        The primitive that keeps it.
    shape, dtype, nbytes
        As of the array.
    where : str
        The user's line, ``file:line``.
    """

    __slots__ = ("dtype", "name", "nbytes", "shape", "where")

    def __init__(self, name: str, kept: Any, where: str) -> None:
        self.name, self.where = name, where
        t = type_of(kept)
        self.dtype = t.dtype
        self.shape, self.nbytes = (kept.array.shape, kept.nbytes) if isinstance(kept, Tape) else (t.shape, t.nbytes)

    def __repr__(self) -> str:
        return f"Residual({self.name}, {self.dtype.name}{list(self.shape)}, {self.nbytes} bytes, {self.where})"


class Pullback:
    """The linear map u ↦ Jᵀu of `vjp`, and what it keeps in memory."""

    def __init__(self, at: Linearized, n_args: int) -> None:
        self._at = at
        self._n_args = n_args

    def __call__(self, u: Any) -> tuple[Any, ...]:
        """Return Jᵀu, one cotangent an argument.

        Raises
        ------
        TreeError, ShapeError, DTypeError
            If `u` has not the structure, shapes and dtypes of the function's value.
        """
        at = self._at
        types = [type_of(v).strong if is_array(v) and type_of(v).inexact else None for v in at.values]
        us = conjugate_if_pytorch(checked_leaves(u, at.structure, types, "cotangent", "the function's value"))
        return at.selection.rebuild(conjugate_if_pytorch(at.pull(us)))

    @property
    def residuals(self) -> list[Residual]:
        """What is kept in memory until the pullback is let go of, each array once."""
        found, seen = [], set()
        for rule, _, residuals, _, source in self._at.tape.steps:
            for r in residuals:
                if id(r) not in seen:
                    seen.add(id(r))
                    found.append(Residual(rule.name, r, describe(source)))
        return found

    @property
    def program(self) -> Program:
        """The transposed Program: from residuals (its constants) and cotangents to the arguments' cotangents."""
        at = self._at
        linear, residuals = at.tape.linear_program(at.in_types, at.nodes)
        transposed = transpose(linear, len(residuals)).program
        inputs, constants = transposed.inputs[len(residuals) :], transposed.inputs[: len(residuals)]
        return Program(
            inputs,
            transposed.equations,
            transposed.outputs,
            (*transposed.constants, *zip(constants, residuals, strict=True)),
        )

    def __repr__(self) -> str:
        kept = sum(r.nbytes for r in self.residuals)
        return f"Pullback({len(self._at.values)} outputs -> {self._n_args} arguments, keeps {kept} bytes)"


def vjp(fun: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """Return ``(fun(*primals), pullback)``, or ``(value, pullback, aux)`` with `has_aux`.

    ``pullback(u)`` returns ``Jᵀu`` as a tuple, one cotangent an argument; it can be called
    again, and does not follow later changes of the primals. ``pullback.residuals`` lists
    what is kept in memory, ``pullback.program`` is the transposed Program.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> y, pullback = pb.vjp(lambda x, w: x @ w, np.ones((1, 2)), np.ones((2, 3)))
    >>> vx, vw = pullback(np.ones((1, 3)))
    >>> vx
    array([[3., 3.]])
    >>> [r.shape for r in pullback.residuals]
    [(2, 3), (1, 2)]
    """
    selection = select(fun, primals, {}, tuple(range(len(primals))), None)
    check_inexact(selection, fun)
    at = Linearized(fun, selection, has_aux)
    at.tape.prune(at.nodes)
    pullback = Pullback(at, len(primals))
    return (at.value(), pullback, at.aux) if has_aux else (at.value(), pullback)


def linearize(fun: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """Return ``(fun(*primals), f_jvp)``, where ``f_jvp(*tangents)`` is J v at the primals.

    `fun` runs once; each call of `f_jvp` runs the linear part only.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> y, f_jvp = pb.linearize(np.sin, 0.0)
    >>> float(f_jvp(2.0))
    2.0
    """
    selection = select(fun, primals, {}, tuple(range(len(primals))), None)
    check_inexact(selection, fun)
    at = Linearized(fun, selection, has_aux)
    at.tape.prune(at.nodes)

    def f_jvp(*tangents: Any) -> Any:
        return unflatten(at.structure, at.push(_tangent_leaves(tangents, selection, at.in_types)))

    return (at.value(), f_jvp, at.aux) if has_aux else (at.value(), f_jvp)


def _tangent_leaves(tangents: Any, selection: Any, types: Sequence[Any]) -> list[Any]:
    every: list[Any] = [None] * len(selection.leaves)
    for i, t in zip(selection.arrays, types, strict=True):
        every[i] = t.strong
    leaves = checked_leaves(tuple(tangents), selection.structure, every, "tangent", "the arguments")
    return [leaves[i] for i in selection.arrays]


def jvp(fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False) -> Any:
    """Return ``(fun(*primals), J v)``, or ``(value, J v, aux)`` with `has_aux`.

    Nothing is kept: any number of steps takes the memory of one.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> y, v = pb.jvp(np.sin, (0.0,), (1.0,))
    >>> float(y), float(v)
    (0.0, 1.0)
    """
    for what, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, tuple | list):
            raise TreeError(
                f"{what} of jvp is a {type(given).__name__}",
                where=here(),
                why="primals and tangents have one entry an argument",
                fix="jvp(f, (x,), (v,))",
            )
    selection = select(fun, tuple(primals), {}, tuple(range(len(primals))), None)
    check_inexact(selection, fun)
    inputs = [snapshot(x) if isinstance(x, np.ndarray) else x for x in selection.inputs()]
    vs = _tangent_leaves(tangents, selection, [type_of(x) for x in inputs])
    recorder = JvpRecorder()
    try:
        out = selection.call(fun, [recorder.input(x, v) for x, v in zip(inputs, vs, strict=True)])
    finally:
        recorder.close()
    aux = None
    if has_aux:
        out, aux = unpack_aux(out, fun)
        leaves, structure = flatten(aux)
        aux = unflatten(structure, own([recorder.primal(x) for x in leaves], inputs))
    leaves, structure = flatten(out)
    values = [recorder.primal(x) for x in leaves]
    pushed = [_tangent_or_zero(recorder.tangent(x), value) for x, value in zip(leaves, values, strict=True)]
    owned = own([*values, *pushed], [*inputs, *vs])
    value, tangent = unflatten(structure, owned[: len(values)]), unflatten(structure, owned[len(values) :])
    return (value, tangent, aux) if has_aux else (value, tangent)


def _tangent_or_zero(v: Any, value: Any) -> Any:
    if v is None and is_array(value) and type_of(value).inexact:
        return zero_like(value)
    return v


def linear_transpose(fun: Callable[..., Any], *primals: Any) -> Callable[[Any], tuple[Any, ...]]:
    """Return the transpose of a function that is linear in all its arguments together.

    Parameters
    ----------
    fun : callable
    *primals
        Arrays, of which only shapes and dtypes are read.

    Raises
    ------
    LinearityError
        If `fun` is not linear; the message names the operation and its line.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> transposed = pb.linear_transpose(lambda x: 2.0 * x, np.zeros(2))
    >>> transposed(np.array([1.0, 3.0]))
    (array([2., 6.]),)
    """
    selection = select(fun, primals, {}, tuple(range(len(primals))), None)
    check_inexact(selection, fun)
    program, structure = trace_flat(lambda *arrays: selection.call(fun, arrays), selection.inputs())
    pulled = transpose(program)
    check_linear(program)
    types = [t.strong for t in program.out_types]
    zeros = [zero_like(x) for x in selection.inputs()]

    def transposed(u: Any) -> tuple[Any, ...]:
        us = checked_leaves(u, structure, types, "cotangent", "the function's value")
        found = iter(replay(pulled.program, us))
        outs = [next(found) if there else zero for there, zero in zip(pulled.nonzero, zeros, strict=True)]
        return selection.rebuild(own(outs, us))

    return transposed


def hvp(fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """Return the product of the Hessian of `fun` at `primals` with `tangents`: forward over reverse.

    One argument gives one array, several a tuple.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> pb.hvp(lambda x: np.sum(x**3), (np.array([1.0, 2.0]),), (np.array([1.0, 0.0]),))
    array([6., 0.])
    """
    if not isinstance(primals, tuple | list) or not isinstance(tangents, tuple | list):
        raise TreeError(
            "primals or tangents of hvp is no tuple",
            where=here(),
            why="they have one entry an argument",
            fix="hvp(f, (x,), (v,))",
        )
    argnums = 0 if len(primals) == 1 else tuple(range(len(primals)))
    return jvp(grad(fun, argnums=argnums), tuple(primals), tuple(tangents))[1]
