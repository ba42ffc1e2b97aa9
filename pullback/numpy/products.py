"""Products of vectors, matrices and arrays: all of them are one contraction primitive, or an elementwise product."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pullback.core import source
from pullback.core.errors import ShapeError
from pullback.core.recorder import bind
from pullback.core.tracer import Tracer, define_ufunc
from pullback.core.types import type_of
from pullback.primitives.arithmetic import mul, sub
from pullback.primitives.assembling import roll
from pullback.primitives.complex import conj
from pullback.primitives.contraction import contract

from .arguments import (
    OPERANDS,
    as_dtype,
    is_missing,
    one_axis,
    operand,
    refuse,
    reshaped,
    shape,
    sizes_of,
    strong,
)
from .arguments import ndim as ndim_of
from .outputs import store_ufunc
from .registry import covers, method
from .shapes import moved, ravel

__all__ = ["contracted", "dot", "matmul", "tensordot"]


def contracted(a: Any, b: Any, a_labels: Sequence[Any], b_labels: Sequence[Any], out: Sequence[Any]) -> Any:
    """Contract two operands over labels, as einsum does; any hashable labels."""
    number: dict[Any, int] = {}
    for label in (*a_labels, *b_labels):
        number.setdefault(label, len(number))
    return contract(
        a,
        b,
        a_axes=tuple([number[x] for x in a_labels]),
        b_axes=tuple([number[x] for x in b_labels]),
        out_axes=tuple([number[x] for x in out]),
    )


def _mismatch(name: str, a: Any, b: Any, i: int, j: int) -> ShapeError:
    return ShapeError(
        f"{name} of shapes {shape(a)} and {shape(b)}",
        where=source.here(),
        why=f"axis {i} of the first has size {shape(a)[i]}, and axis {j} of the second {shape(b)[j]}",
        fix="the two axes that are summed over must have one size: transpose an operand (x.T)",
        operands=(a, b),
    )


def matmul(a: Any, b: Any) -> Any:
    """Matrix product over the last two axes; leading axes broadcast."""
    of_a, of_b = type_of(a), type_of(b)
    m, n = of_a.ndim, of_b.ndim
    if m == 0 or n == 0:
        raise ShapeError(
            f"matmul: Input operand {0 if m == 0 else 1} does not have enough dimensions",
            where=source.here(),
            why="a matrix product is over axes, and a scalar has none",
            fix="write a * b for a product with a scalar",
            operands=(a, b),
        )
    last = 0 if n == 1 else n - 2
    if of_a.shape[-1] != of_b.shape[last]:
        raise _mismatch("matmul", a, b, m - 1, last)
    if m <= 2 and n <= 2:
        return bind(contract, (a, b), {"a_axes": _LEFT[m], "b_axes": _RIGHT[n], "out_axes": _OUT[m, n]})
    return _batched_matmul(a, b)


_LEFT = {1: (1,), 2: (0, 1)}
_RIGHT = {1: (1,), 2: (1, 2)}
_OUT = {(1, 1): (), (1, 2): (2,), (2, 1): (0,), (2, 2): (0, 2)}


def _batched_matmul(a: Any, b: Any) -> Any:
    """Labels: "i", "k", "j" for the matrices, and a number from the right for each leading axis."""
    a_core, b_core = ("i", "k")[-ndim_of(a):], ("k", "j")[: ndim_of(b)]  # fmt: skip
    try:
        lead = np.broadcast_shapes(shape(a)[:-2], shape(b)[:-2])
    except ValueError:
        raise ShapeError(
            f"matmul of shapes {shape(a)} and {shape(b)}",
            where=source.here(),
            why="the leading axes do not broadcast against each other",
            fix="leading axes are a batch: one size, or 1",
            operands=(a, b),
        ) from None
    a, a_lead = _without_ones(a, len(a_core), lead)
    b, b_lead = _without_ones(b, len(b_core), lead)
    out = [*range(len(lead)), *(x for x in (*a_core, *b_core) if x != "k")]
    present = {*a_lead, *b_lead}
    out = [x for x in out if isinstance(x, str) or x in present]
    result = contracted(a, b, [*a_lead, *a_core], [*b_lead, *b_core], out)
    return reshaped(result, (*lead, *shape(result)[len(present) :]))


def _without_ones(x: Any, core: int, lead: tuple[int, ...]) -> tuple[Any, list[int]]:
    """Drop leading axes of size 1, which broadcast; return the labels of those left."""
    own = shape(x)[: ndim_of(x) - core]
    first = len(lead) - len(own)
    labels = [first + i for i, n in enumerate(own) if n != 1]
    kept = tuple(n for n in own if n != 1)
    return reshaped(x, (*kept, *shape(x)[ndim_of(x) - core :])), labels


def _matmul_ufunc(a: Any, b: Any, **options: Any) -> Any:
    options = {k: v for k, v in options.items() if v is not None}
    a, b = operand(a), operand(b)
    dtype, outs, casting = options.pop("dtype", None), options.pop("out", None), options.pop("casting", "same_kind")
    if options:
        refuse("matmul", **options)
    result = matmul(as_dtype(a, dtype), as_dtype(b, dtype))
    return result if outs is None else store_ufunc(np.matmul, outs, result, True, casting)


def _matmul_forward(self: Tracer, other: Any) -> Any:
    if type(other) in OPERANDS:
        return matmul(self, other)
    return matmul(self, operand(other)) if isinstance(other, list | tuple | np.ndarray) else NotImplemented


def _matmul_reflected(self: Tracer, other: Any) -> Any:
    if type(other) in OPERANDS:
        return matmul(other, self)
    return matmul(operand(other), self) if isinstance(other, list | tuple | np.ndarray) else NotImplemented


Tracer.define("__matmul__", _matmul_forward)
Tracer.define("__rmatmul__", _matmul_reflected)
define_ufunc(np.matmul, _matmul_ufunc)
covers(np.linalg.matmul)(lambda x1, x2, /: matmul(operand(x1), operand(x2)))


@method("dot")
@covers(np.dot)
def dot(a: Any, b: Any, out: Any = None) -> Any:
    """Sum over the last axis of `a` and the last but one of `b`."""
    refuse("dot", out=out)
    a, b = operand(a), operand(b)
    m, n = ndim_of(a), ndim_of(b)
    if m == 0 or n == 0:
        return mul(strong(a), strong(b))
    last = max(n - 2, 0)
    if shape(a)[-1] != shape(b)[last]:
        raise _mismatch("dot", a, b, m - 1, last)
    if m <= 2 and n <= 2:
        return matmul(a, b)
    return _summed(a, b, (m - 1,), (last,))


def _summed(a: Any, b: Any, a_sums: tuple[int, ...], b_sums: tuple[int, ...]) -> Any:
    """Sum over pairs of axes; the rest of `a`, then the rest of `b` remain."""
    m, n = ndim_of(a), ndim_of(b)
    b_labels = list(range(m, m + n))
    for i, j in zip(a_sums, b_sums, strict=True):
        b_labels[j] = i
    out = [i for i in range(m) if i not in a_sums] + [x for x in b_labels if x >= m]
    return contracted(a, b, range(m), b_labels, out)


@covers(np.tensordot, np.linalg.tensordot)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """Sum over pairs of axes."""
    a, b = operand(a), operand(b)
    if isinstance(axes, int | np.integer):
        a_axes, b_axes = tuple(range(-int(axes), 0)), tuple(range(int(axes)))
    else:
        a_axes, b_axes = (sizes_of(x) for x in axes)
    if len(a_axes) != len(b_axes):
        raise ShapeError(
            f"tensordot over axes {a_axes} and {b_axes}",
            where=source.here(),
            why="they come in pairs",
            fix="axes=([i, j], [k, l]) sums over axis i of a with k of b, and over j with l",
        )
    a_axes = tuple(one_axis(i, ndim_of(a)) for i in a_axes)
    b_axes = tuple(one_axis(i, ndim_of(b)) for i in b_axes)
    for i, j in zip(a_axes, b_axes, strict=True):
        if shape(a)[i] != shape(b)[j]:
            raise _mismatch("tensordot", a, b, i, j)
    return _summed(a, b, a_axes, b_axes)


@covers(np.inner)
def inner(a: Any, b: Any, /) -> Any:
    """Sum over the last axes of both."""
    a, b = operand(a), operand(b)
    m, n = ndim_of(a), ndim_of(b)
    if m == 0 or n == 0:
        return mul(strong(a), strong(b))
    if shape(a)[-1] != shape(b)[-1]:
        raise _mismatch("inner", a, b, m - 1, n - 1)
    return _summed(a, b, (m - 1,), (n - 1,))


@covers(np.vdot)
def vdot(a: Any, b: Any, /) -> Any:
    """Sum of conj(a) b over all elements."""
    a, b = ravel(operand(a)), ravel(operand(b))
    if shape(a) != shape(b):
        raise _mismatch("vdot", a, b, 0, 0)
    return _summed(conjugated(a), b, (0,), (0,))


def conjugated(x: Any) -> Any:
    """Return the complex conjugate; a real operand as it is."""
    return conj(x) if type_of(x).dtype.kind == "c" else x


@covers(np.linalg.vecdot)
def vecdot(x1: Any, x2: Any, /, *, axis: Any = -1) -> Any:
    """Sum of conj(a) b over one axis; the others broadcast."""
    a, b = operand(x1), operand(x2)
    a, b = (moved(x, one_axis(axis, ndim_of(x)), ndim_of(x) - 1) for x in (a, b))
    if shape(a)[-1] != shape(b)[-1]:
        raise _mismatch("vecdot", a, b, ndim_of(a) - 1, ndim_of(b) - 1)
    a, b = reshaped(conjugated(a), (*shape(a)[:-1], 1, shape(a)[-1])), reshaped(b, (*shape(b), 1))
    result = matmul(a, b)
    return reshaped(result, shape(result)[:-2])


def _matvec(a: Any, x: Any) -> Any:
    x = reshaped(x, (*shape(x), 1))
    result = matmul(a, x)
    return reshaped(result, shape(result)[:-1])


def _vecmat(x: Any, a: Any) -> Any:
    result = matmul(reshaped(conjugated(x), (*shape(x)[:-1], 1, shape(x)[-1])), a)
    return reshaped(result, (*shape(result)[:-2], shape(result)[-1]))


def _without_options(ufunc: np.ufunc, function: Any) -> Any:
    def handler(a: Any, b: Any, **options: Any) -> Any:
        allowed = {"axis": options.pop("axis")} if ufunc is np.vecdot and "axis" in options else {}
        refuse(ufunc.__name__, **options)
        return function(operand(a), operand(b), **allowed)

    return handler


for _name, _function in (("vecdot", vecdot), ("matvec", _matvec), ("vecmat", _vecmat)):
    if hasattr(np, _name):  # vecdot: NumPy 2.0; the others: 2.2
        define_ufunc(getattr(np, _name), _without_options(getattr(np, _name), _function))


@covers(np.outer)
def outer(a: Any, b: Any, out: Any = None) -> Any:
    """All products of two vectors' elements."""
    refuse("outer", out=out)
    a, b = ravel(operand(a)), ravel(operand(b))
    return mul(reshaped(a, (*shape(a), 1)), b)


@covers(np.linalg.outer)
def linalg_outer(x1: Any, x2: Any, /) -> Any:
    """All products of two vectors' elements; vectors only."""
    a, b = operand(x1), operand(x2)
    if ndim_of(a) != 1 or ndim_of(b) != 1:
        raise ValueError(
            f"Input arrays must be one-dimensional, but they are x1.ndim={ndim_of(a)} and x2.ndim={ndim_of(b)}."
        )
    return outer(a, b)


@covers(np.kron)
def kron(a: Any, b: Any) -> Any:
    """Kronecker product."""
    a, b = strong(operand(a)), strong(operand(b))
    n = max(ndim_of(a), ndim_of(b))
    left, right = ((*(1,) * (n - ndim_of(x)), *shape(x)) for x in (a, b))
    a = reshaped(a, tuple(k for size in left for k in (size, 1)))
    b = reshaped(b, tuple(k for size in right for k in (1, size)))
    return reshaped(mul(a, b), tuple(p * q for p, q in zip(left, right, strict=True)))


@covers(np.cross)
def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None) -> Any:
    """Vector product along an axis; of vectors in the plane its third component, as a scalar."""
    if not is_missing(axis):
        axisa = axisb = axisc = axis
    a, b = operand(a), operand(b)
    a = moved(a, one_axis(axisa, ndim_of(a)), ndim_of(a) - 1)
    b = moved(b, one_axis(axisb, ndim_of(b)), ndim_of(b) - 1)
    if shape(a)[-1] == shape(b)[-1] == 2:
        return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    if {shape(a)[-1], shape(b)[-1]} == {2, 3}:
        a, b = (np.concatenate([x, np.zeros_like(x[..., :1])], -1) if shape(x)[-1] == 2 else x for x in (a, b))
    if shape(a)[-1] != 3 or shape(b)[-1] != 3:
        raise ShapeError(
            f"cross of shapes {shape(a)} and {shape(b)}",
            where=source.here(),
            why="the vectors must have 2 or 3 components",
            fix="say which axis holds the components: np.cross(a, b, axis=0)",
            operands=(a, b),
        )
    i, j = (ndim_of(a) - 1,), (ndim_of(b) - 1,)
    result = sub(
        mul(roll(a, shifts=(-1,), axes=i), roll(b, shifts=(-2,), axes=j)),
        mul(roll(a, shifts=(-2,), axes=i), roll(b, shifts=(-1,), axes=j)),
    )
    n = ndim_of(result)
    return moved(result, n - 1, one_axis(axisc, n))


@covers(np.linalg.cross)
def linalg_cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """Vector product of 3-vectors along an axis."""
    return cross(x1, x2, axis=axis)
