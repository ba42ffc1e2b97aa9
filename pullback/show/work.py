"""What a Program costs, by source line: floating-point operations, and bytes read and written."""

from __future__ import annotations

from typing import Any, NamedTuple

from pullback.chain.table import render, thousands
from pullback.core.source import describe, line_text

__all__ = ["WorkLine", "WorkReport", "work"]


class WorkLine(NamedTuple):
    """What one source line costs.

    Attributes
    ----------
    where, text : str
        ``file:line``, and what is written there.
    equations : int
        How many equations of the Program come from it.
    flops, nbytes : int
        Floating-point operations; bytes read and written.
    """

    where: str
    text: str
    equations: int
    flops: int
    nbytes: int


class WorkReport:
    """Cost of a Program by source line, the most expensive first; prints as a table.

    Attributes
    ----------
    lines : list of WorkLine
    flops, nbytes : int
        Of all lines.
    """

    def __init__(self, lines: list[WorkLine]) -> None:
        self.lines = lines
        self.flops = sum(line.flops for line in lines)
        self.nbytes = sum(line.nbytes for line in lines)

    def __str__(self) -> str:
        return self.table()

    def __repr__(self) -> str:
        return f"WorkReport({self.flops} flops, {self.nbytes} bytes, {len(self.lines)} lines)"

    def table(self, plain: bool | None = None) -> str:
        """Return the table as text: drawn with rich if it is installed, unless `plain` says otherwise."""
        rows = [
            [line.where, str(line.equations), thousands(line.flops), thousands(line.nbytes), line.text[:60]]
            for line in self.lines
        ]
        rows.append(
            ["all", str(sum(x.equations for x in self.lines)), thousands(self.flops), thousands(self.nbytes), ""]
        )
        heads = ["line", "equations", "flops", "bytes", "source"]
        return render("Cost of the Program, by source line", heads, rows, numbers=(1, 2, 3), plain=plain)


def work(program: Any) -> WorkReport:
    """Return what a Program costs, by source line; a loop of unknown length counts as one turn.

    Parameters
    ----------
    program : Program
        From `pullback.trace`, or ``pullback.program`` of a pullback.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> report = work(pb.trace(lambda x: x @ x)(np.ones((10, 10))))
    >>> report.flops
    2000
    """
    by_line: dict[str, list[Any]] = {}
    for equation, cost in program.costs():
        where = describe(equation.source)
        entry = by_line.setdefault(where, [line_text(equation.source), 0, 0, 0])
        entry[1:] = entry[1] + 1, entry[2] + cost.flops, entry[3] + cost.bytes
    lines = [WorkLine(where, *entry) for where, entry in by_line.items()]
    return WorkReport(sorted(lines, key=lambda line: (-line.flops, -line.nbytes)))
