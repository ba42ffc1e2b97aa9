"""What a derivative keeps in memory between the way forward and the way back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from pullback.chain.chain import Chain
from pullback.chain.table import render, thousands
from pullback.core.errors import ArgumentError
from pullback.core.source import here

__all__ = ["KeptLine", "MemoryReport", "chain_memory", "memory"]


class KeptLine(NamedTuple):
    """What is kept for one source line, or for one layer.

    Attributes
    ----------
    where : str
        ``file:line``, or the layer.
    arrays : tuple of str
        What is kept: the primitive that keeps it and its type.
    nbytes : int
    """

    where: str
    arrays: tuple[str, ...]
    nbytes: int


class MemoryReport:
    """Arrays kept for the backward pass, by source line or by layer; prints as a table.

    Attributes
    ----------
    lines : list of KeptLine
        The greatest first, or the layers in their order.
    total : int
        Bytes of all of them.
    """

    def __init__(self, lines: list[KeptLine], head: str) -> None:
        self.lines = lines
        self.head = head
        self.total = sum(line.nbytes for line in lines)

    def __str__(self) -> str:
        return self.table()

    def __repr__(self) -> str:
        return f"MemoryReport({self.total} bytes in {len(self.lines)} places)"

    def table(self, plain: bool | None = None) -> str:
        """Return the table as text: drawn with rich if it is installed, unless `plain` says otherwise."""
        rows = [
            [line.where, thousands(line.nbytes), _share(line.nbytes, self.total), ", ".join(line.arrays)]
            for line in self.lines
        ]
        rows.append(["all", thousands(self.total), "", ""])
        heads = [self.head, "bytes", "share", "kept for"]
        return render("Kept in memory for the backward pass", heads, rows, numbers=(1, 2), plain=plain)


def memory(pullback: Any) -> MemoryReport:
    """Return what the pullback of `pullback.vjp` keeps in memory, by source line.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> y, pullback = pb.vjp(lambda x: np.sum(np.sin(x)), np.ones(100))
    >>> memory(pullback).total
    800
    """
    if not hasattr(pullback, "residuals"):
        raise ArgumentError(
            f"memory of {type(pullback).__name__}",
            where=here(),
            why="it is a report on what pullback.vjp returned second",
            fix="value, pullback = pb.vjp(f, x); print(memory(pullback))",
        )
    by_line: dict[str, list[Any]] = {}
    for r in pullback.residuals:
        by_line.setdefault(r.where, []).append(r)
    lines = [_line(where, residuals) for where, residuals in by_line.items()]
    return MemoryReport(sorted(lines, key=lambda line: -line.nbytes), "line")


def chain_memory(chain: Chain, x: Any, params: Any) -> MemoryReport:
    """Return what `Chain.backward` keeps in memory on its way, by layer.

    The copy of an input that two layers keep counts twice, as it is kept twice. What a rule by
    hand keeps is its own affair, and is not known.

    Examples
    --------
    >>> import numpy as np
    >>> from pullback.chain import Chain, dot, squared_loss
    >>> chain = Chain([dot, squared_loss])
    >>> report = chain_memory(chain, np.ones((4, 3)), [np.ones((3, 1)), np.ones((4, 1))])
    >>> [line.where for line in report.lines]
    ['1 dot', '2 squared_loss']
    """
    _, kept = chain.forward(x, params)
    names = [f"{i} {f!r}" for i, f in enumerate(chain.layers, 1)]
    return MemoryReport([_line(name, vjp.residuals) for name, vjp in zip(names, kept, strict=True)], "layer")


def _line(where: str, residuals: Iterable[Any]) -> KeptLine:
    arrays: dict[str, int] = {}
    nbytes = 0
    for r in residuals:
        text = f"{r.name} {r.dtype.name}[{','.join(map(str, r.shape))}]"
        arrays[text] = arrays.get(text, 0) + 1
        nbytes += r.nbytes
    return KeptLine(where, tuple(t if n == 1 else f"{n} × {t}" for t, n in arrays.items()), nbytes)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else ""
