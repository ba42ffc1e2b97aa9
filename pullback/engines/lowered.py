"""lowered: what has become of a function under `jit`, stage by stage, and where its time goes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pullback.core.program import Equation, Program
from pullback.core.replay import last_uses, read
from pullback.core.source import describe, line_text

from .evaluate import Evaluated

__all__ = ["Callbacks", "Cost", "Lowered", "Profile", "ProfileLine", "Text", "profile"]

_SECONDS = 0.05  # what a profile takes, about


class Text(str):
    """A text that shows itself as it is, without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class Cost(NamedTuple):
    """What one call costs: floating-point operations, bytes that equations read and write, bytes of the arena.

    A loop whose length is known only when it runs counts as one turn. The bytes are those of the
    Program before fusion: what fuses moves less.
    """

    flops: int
    bytes: int
    arena: int

    def __str__(self) -> str:
        return f"{self.flops} flops, {self.bytes} bytes moved by equations, {self.arena} bytes of working memory"


class Callbacks(tuple):
    """The equations that NumPy evaluates, called from native code; prints as one line each."""

    __slots__ = ()

    def __repr__(self) -> str:
        if not self:
            return "no callbacks: all of it is native code"
        return "\n".join(f"{_name(eq)}{_shapes(eq)}{_at(eq.source)}" for eq in self)


def _name(eq: Any) -> str:
    """Return the name of a primitive, with that of the function where it stands for many: special[zeta]."""
    function = eq.params.get("function")
    return f"{eq.primitive.name}[{function}]" if isinstance(function, str) else eq.primitive.name


class Lowered:
    """The stages of a jitted function for arguments of one signature; each prints.

    Attributes
    ----------
    program : Program
        Simplified: what was compiled. Captured arrays are its leading inputs.
    loops : str
        The plan: fused loop nests, with what they store and sum, matrix products, native loops
        and branches, callbacks.
    llvm_ir, asm : str
        As emitted, before LLVM's own passes; the machine code.
    cost : Cost
        Floating-point operations, bytes moved, bytes of the arena.
    callbacks : tuple of Equation
        What calls back to NumPy or into Python, with source lines.
    why : str
        Empty, or why it runs on the NumPy evaluator in place of native code; the stages say so too.
    why_static : str
        Empty, or why the code is for these lengths only although there are dynamic axes.
    """

    def __init__(self, program: Program, run: Any, why_static: str = "") -> None:
        self.program, self._run, self.why_static = program, run, why_static
        self.why: str = run.why if isinstance(run, Evaluated) else ""

    @property
    def loops(self) -> Text:
        """The plan, as text."""
        return self._stage("loops")

    @property
    def llvm_ir(self) -> Text:
        """The LLVM IR, as emitted."""
        return self._stage("text")

    @property
    def asm(self) -> Text:
        """The machine code, as text."""
        return self._stage("asm")

    @property
    def cost(self) -> Cost:
        """What one call costs."""
        return Cost(*self.program.cost, 0 if self.why else self._run.arena_size)

    @property
    def callbacks(self) -> Callbacks:
        """The equations that call back; all of them, where the evaluator runs the Program."""
        return Callbacks(self.program.equations if self.why else self._run.called_back)

    def _stage(self, name: str) -> Text:
        if self.why:
            return Text(f"no native code: the NumPy evaluator runs it, since {self.why}")
        return Text(getattr(self._run, name))

    def __repr__(self) -> str:
        how = f"on the NumPy evaluator, since {self.why}" if self.why else f"native, {len(self.callbacks)} callbacks"
        return f"Lowered({how}; {self.cost})"


class ProfileLine(NamedTuple):
    """The time of one source line, in seconds a call, and its share of the whole."""

    where: str
    text: str
    seconds: float
    share: float
    native: bool


class Profile:
    """Time by source line, the most first; prints as a table.

    Attributes
    ----------
    lines : list of ProfileLine
    seconds : float
        Of one call, without clocks.
    """

    def __init__(self, lines: list[ProfileLine], seconds: float) -> None:
        self.lines, self.seconds = lines, seconds

    def __repr__(self) -> str:
        return self.table()

    def table(self) -> str:
        """Return the table as text."""
        rows = [
            [x.where, _duration(x.seconds), f"{100 * x.share:.1f} %", "native" if x.native else "NumPy", x.text[:60]]
            for x in self.lines
        ]
        return columns(["line", "time", "share", "by", "source"], [*rows, ["all", _duration(self.seconds), "", "", ""]])


def profile(program: Program, run: Any, values: Sequence[Any]) -> Profile:
    """Return the time of a Program by source line.

    Native code is compiled again with a clock around each nest, product and callback, those
    inside of loops too. The time of a nest is shared among its lines by their floating-point
    operations.
    """
    called: set[int] = set()
    run(*values)
    calls = min(max(int(_SECONDS / max(_seconds(run, values, 1), 1e-9)), 3), 1000)
    if isinstance(run, Evaluated):
        work, ticks = _evaluated(program, values, calls)
    else:
        timed = run.timed()
        timed(*values)
        timed.ticks[:] = 0
        for _ in range(calls):
            timed(*values)
        work, ticks = timed.work(), timed.ticks.tolist()
        called = {id(eq) for eq in timed.called_back}
    seconds = _seconds(run, values, calls)
    total = sum(ticks) or 1
    by_line: dict[tuple, float] = {}
    for equations, n in zip(work, ticks, strict=True):
        weights = [1 + eq.cost.flops for eq in equations]
        for eq, weight in zip(equations, weights, strict=True):
            native = not isinstance(run, Evaluated) and id(eq) not in called
            key = describe(eq.source), line_text(eq.source), native
            by_line[key] = by_line.get(key, 0.0) + n * weight / sum(weights) / total
    lines = [ProfileLine(where, text, s * seconds, s, native) for (where, text, native), s in by_line.items()]
    return Profile(sorted(lines, key=lambda x: -x.share), seconds)


def _seconds(run: Any, values: Sequence[Any], calls: int) -> float:
    best = float("inf")
    for _ in range(calls):
        start = time.perf_counter()
        run(*values)
        best = min(best, time.perf_counter() - start)
    return best


def _evaluated(program: Program, values: Sequence[Any], calls: int) -> tuple[list[list[Equation]], list[int]]:
    """Return each equation and the nanoseconds that NumPy takes for it."""
    ticks = [0] * len(program.equations)
    last = last_uses(program)
    for _ in range(calls):
        env: dict[Any, Any] = {**dict(program.constants), **dict(zip(program.inputs, values, strict=True))}
        for i, eq in enumerate(program.equations):
            operands = tuple([read(env, x) for x in eq.operands])
            start = time.perf_counter_ns()
            with np.errstate(all="ignore"):
                outs = eq.primitive.evaluate_weak(operands, eq.params)
            ticks[i] += time.perf_counter_ns() - start
            env.update(zip(eq.results, outs if eq.primitive.multiple else (outs,), strict=True))
            for x in last.get(i, ()):
                env.pop(x, None)
    return [[eq] for eq in program.equations], ticks


def columns(heads: list[str], rows: list[list[str]]) -> str:
    """Return rows as columns of text."""
    widths = [max(len(row[i]) for row in (heads, *rows)) for i in range(len(heads))]
    lines = ["  ".join(x.ljust(w) for x, w in zip(row, widths, strict=True)).rstrip() for row in (heads, *rows)]
    return "\n".join([lines[0], "-" * (sum(widths) + 2 * (len(widths) - 1)), *lines[1:]])


def _duration(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * scale >= 1.0:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def _shapes(eq: Equation) -> str:
    return f"({', '.join(str(x.type) for x in eq.operands)})"


def _at(source: Any) -> str:
    where, text = describe(source), line_text(source)
    return "" if where == "?" else f"    # {where}" + (f": {text}" if text else "")
