"""jacfwd, jacrev, jacobian, hessian: whole matrices of derivatives.

Each linearises once and batches the linear part; none of them batches the function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pullback.core.arrays import own
from pullback.core.errors import ArgumentError, DTypeError
from pullback.core.primitive import primitives
from pullback.core.source import here
from pullback.core.tree import is_array, unflatten
from pullback.core.types import type_of
from pullback.transforms.vmap import VmapRecorder

from .batching import concatenated, lanes_between, move_axis
from .calls import check_inexact, name_of, select
from .gradients import Transformed
from .linearized import Linearized, conjugate_if_pytorch

__all__ = ["hessian", "jacfwd", "jacobian", "jacrev"]


class _Jacobian(Transformed):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        o = self.options
        selection = select(self.f, args, kwargs, o["argnums"], o["argnames"])
        check_inexact(selection, self.f)
        at = Linearized(self.f, selection, o["has_aux"])
        at.tape.prune(at.nodes)
        _check_outputs(at, self.f, o["holomorphic"])
        ins = [type_of(x) for x in at.inputs]
        outs = [type_of(y) if is_array(y) and type_of(y).inexact else None for y in at.values]
        mode = o["mode"]
        if mode == "cheapest":
            mode = "fwd" if sum(t.size for t in ins) < sum(t.size for t in outs if t is not None) else "rev"
        blocks = (_forward if mode == "fwd" else _reverse)(at, ins, outs, o["chunk_size"])
        owned = own([b for row in blocks for b in row], at.kept())
        rows = [owned[i : i + len(ins)] for i in range(0, len(owned), len(ins))]
        jacobian = unflatten(at.structure, [selection.rebuild(conjugate_if_pytorch(row)) for row in rows])
        return (jacobian, at.aux) if o["has_aux"] else jacobian


def _check_outputs(at: Linearized, f: Any, holomorphic: bool) -> None:
    for y in at.values:
        if not is_array(y) or not type_of(y).inexact:
            shown = type_of(y) if is_array(y) else type(y).__name__
            raise DTypeError(
                f"a Jacobian of {name_of(f)}, one of whose outputs is {shown}",
                where=here(),
                why="only floating-point and complex outputs have a derivative",
                fix="return it as auxiliary: return value, aux and has_aux=True",
            )
        if type_of(y).dtype.kind == "c" and not holomorphic:
            raise DTypeError(
                f"a Jacobian of {name_of(f)}, whose output is {type_of(y)}",
                where=here(),
                why="the Jacobian of a complex output is defined only for a holomorphic function",
                fix="return real and imaginary parts, or say holomorphic=True",
            )


def _reverse(at: Linearized, ins: list[Any], outs: list[Any], chunk: int | None) -> list[list[Any]]:
    """Return, for each output and input, the block of shape ``out.shape + in.shape``, by rows."""

    def sweep(us: list[Any]) -> list[Any]:
        return at.tape.pull(at.nodes, us, len(ins))

    lanes = _sweeps(sweep, outs, ins, chunk)
    rows = []
    start = 0
    for t in outs:
        row = []
        for k, s in enumerate(ins):
            block = lanes_between(lanes[k], start, start + t.size)
            row.append(_reshape(block, (*t.shape, *s.shape)))
        rows.append(row)
        start += t.size
    return rows


def _forward(at: Linearized, ins: list[Any], outs: list[Any], chunk: int | None) -> list[list[Any]]:
    """Return the same blocks, by columns."""

    def sweep(vs: list[Any]) -> list[Any]:
        return at.tape.push(vs, at.nodes)

    lanes = _sweeps(sweep, ins, outs, chunk)
    rows: list[list[Any]] = [[] for _ in outs]
    start = 0
    for s in ins:
        for j, t in enumerate(outs):
            block = move_axis(lanes_between(lanes[j], start, start + s.size), 0, -1)
            rows[j].append(_reshape(block, (*t.shape, *s.shape)))
        start += s.size
    return rows


def _sweeps(sweep: Callable, sources: list[Any], targets: list[Any], chunk: int | None) -> list[Any]:
    """Send every unit vector of the sources through a linear map; return the targets, batch axis in front."""
    total = sum(t.size for t in sources)
    step = chunk or max(total, 1)
    parts = []
    for start in range(0, max(total, 1), step):
        stop = min(start + step, total)
        recorder = VmapRecorder(stop - start)
        got = sweep([recorder.input(x) for x in _units(sources, start, stop)])
        parts.append(
            [
                np.zeros((stop - start, *t.shape), t.dtype) if x is None else recorder.lanes(x)
                for x, t in zip(got, targets, strict=True)
            ]
        )
        recorder.close()
    return [concatenated([p[k] for p in parts]) for k in range(len(targets))]


def _units(types: list[Any], start: int, stop: int) -> list[np.ndarray]:
    """Return rows start to stop of the identity on all types together, split and shaped by type."""
    out, offset = [], 0
    for t in types:
        block = np.zeros((stop - start, t.size), t.dtype)
        for i in range(max(start, offset), min(stop, offset + t.size)):
            block[i - start, i - offset] = 1
        out.append(block.reshape((stop - start, *t.shape)))
        offset += t.size
    return out


def _reshape(x: Any, shape: tuple[int, ...]) -> Any:
    return x if type_of(x).shape == shape else primitives["reshape"](x, shape=shape)


def _jacobian(mode: str, fun: Any, argnums: Any, has_aux: bool, holomorphic: bool, argnames: Any, chunk: Any) -> Any:
    if chunk is not None and (not isinstance(chunk, int) or chunk < 1):
        raise ArgumentError(
            f"chunk_size={chunk!r}",
            where=here(),
            why="it is the number of directions run at a time",
            fix="an int, 1 or more",
        )
    return _Jacobian(
        fun,
        mode=mode,
        argnums=argnums,
        argnames=argnames,
        has_aux=has_aux,
        holomorphic=holomorphic,
        chunk_size=chunk,
    )


def jacfwd(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
    *,
    argnames: str | Sequence[str] | None = None,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """Return the Jacobian of `fun`, one column a direction: cheap for few inputs.

    The block of output leaf y by input leaf x has shape ``y.shape + x.shape``. `chunk_size`
    bounds how many columns are pushed forward at a time, and so memory.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> pb.jacfwd(lambda x: x**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    return _jacobian("fwd", fun, argnums, has_aux, holomorphic, argnames, chunk_size)


def jacrev(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
    *,
    argnames: str | Sequence[str] | None = None,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """Return the Jacobian of `fun`, one row a sweep back: cheap for few outputs. See `jacfwd`.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> pb.jacrev(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    return _jacobian("rev", fun, argnums, has_aux, holomorphic, argnames, chunk_size)


def jacobian(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
    *,
    argnames: str | Sequence[str] | None = None,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """Return the Jacobian of `fun`, forward where it has fewer inputs than outputs, else reverse.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> pb.jacobian(lambda x: np.array([[1.0, 2.0]]) @ x)(np.ones(2))
    array([[1., 2.]])
    """
    return _jacobian("cheapest", fun, argnums, has_aux, holomorphic, argnames, chunk_size)


def hessian(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
    *,
    argnames: str | Sequence[str] | None = None,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """Return the Hessian of a scalar function, forward over reverse.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> pb.hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 3.0]))
    array([[6., 2.],
           [2., 0.]])
    """
    inner = jacrev(fun, argnums, has_aux, holomorphic, argnames=argnames)
    return jacfwd(inner, argnums, has_aux, holomorphic, argnames=argnames, chunk_size=chunk_size)
