"""jit: its options, and what they may be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pullback.core.errors import ArgumentError
from pullback.core.source import here

from .dynamic import dynamic_axes
from .jitted import Jitted
from .threads import checked

__all__ = ["jit"]


def jit(
    fun: Callable[..., Any],
    *,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
    fp: str = "strict",
    donate_argnums: int | Sequence[int] = (),
    tier: str = "native",
    dynamic: Any = None,
    threads: int | None = None,
) -> Jitted:
    """Return a function that traces `fun` once a signature and runs it as native code.

    Parameters
    ----------
    fun : callable
        Pure: what it prints or changes outside happens only while it is traced. To print when
        it runs, use `debug_print`; to call Python when it runs, `pure_callback`.
    static_argnums, static_argnames : int or str, or sequences of them
        Arguments that are values of the trace, not arrays: Python's own control flow works on
        them, and each new value is traced anew. They must be hashable.
    fp : {"strict", "contract"}
        "contract" lets a multiplication and an addition become one instruction that rounds once
        (fused multiply-add). It is a little faster, and as a rule more accurate; but ``x * x - y * y``
        at x = y is then no longer exactly 0, and its square root may be NaN. Derivatives of the
        function inherit the choice.
    donate_argnums : int or sequence of int
        Positional arguments whose arrays you give away: their memory may be taken for results of
        the same shape and dtype, where they are not needed any more when the result is first
        written. What such an array holds after the call is not defined. Only arrays that own their
        memory, are writeable and share it with no other argument are taken.
    tier : {"native", "background"}
        "background" answers from the NumPy evaluator at once, compiles in another thread, and switches over when the
        native code is ready: results then change in the last place, where sums are added up in another order. What
        the compiler raises is logged, and raised by the next call. ``f.wait()`` waits for the native code.

    threads : int, optional
        How many threads its large loops may take; else as many as `set_threads` says: one at first.

    dynamic : int, sequence of int, bool, or dict
        Axes that may have any length, so that a new length is neither traced nor compiled: a dict from arguments
        (numbers or names) to axes, of all arrays in them, as ``{0: 0, "y": (0, 1)}``; or axes of all arrays, of which
        those are dynamic whose length is seen to change, as ``(0,)``, which True stands for. Equal lengths are one;
        there may be two different ones. Where there cannot be one code for many lengths, each is traced
        and compiled as without it, and ``f.lower(*args).why_static`` says why. See docs/engine.md.

    Notes
    -----
    Each signature (types, shapes, structure and static values of the arguments) is traced once, and 512 of them are
    kept, the latest that were used. Python's numbers are values: a new one is no new signature. To be told why
    there is a new trace, set ``PULLBACK_LOG=retrace`` in the environment, or the logger "pullback" to INFO.

    What the compiler leaves alone runs on the NumPy evaluator, with the same results;
    ``jit(f).lower(*args)`` says what and why, ``jit(f).profile(*args)`` where the time goes.
    A jitted function may be called from many threads; native code runs without the GIL.

    Raises
    ------
    OutOfRange
        An IndexError, with the line: an index was out of range when the function ran.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> f = pb.jit(lambda x, n: x**n, static_argnums=1)
    >>> float(f(3.0, 2))
    9.0
    >>> float(pb.grad(f)(3.0, 2))
    6.0
    """
    if fp not in ("strict", "contract"):
        raise ArgumentError(
            f"jit with fp={fp!r}",
            where=here(),
            why="it is 'strict' (each operation rounds, as in NumPy) or 'contract' (fused multiply-add)",
            fix="leave fp out for NumPy's results; fp='contract' for speed",
        )
    if tier not in ("native", "background"):
        raise ArgumentError(
            f"jit with tier={tier!r}",
            where=here(),
            why="it is 'native' (the first call compiles) or 'background' (calls are answered by NumPy until then)",
            fix="leave tier out, or write tier='background'",
        )
    nums = (static_argnums,) if isinstance(static_argnums, int) else tuple(static_argnums)
    names = (static_argnames,) if isinstance(static_argnames, str) else tuple(static_argnames)
    donated = tuple(donate_argnums) if isinstance(donate_argnums, Sequence) else (donate_argnums,)
    if not all(isinstance(i, int) and not isinstance(i, bool) for i in donated) or isinstance(donate_argnums, bool):
        raise ArgumentError(
            f"jit with donate_argnums={donate_argnums!r}",
            where=here(),
            why="donate_argnums are integers that count positional arguments from 0",
            fix="donate_argnums=0 for the first, (0, 1) for two",
        )
    if {*donated} & {*nums}:
        raise ArgumentError(
            f"jit with argument {min({*donated} & {*nums})} both static and donated",
            where=here(),
            why="a static argument is a value of the trace, and has no memory to give away",
            fix="name it in static_argnums or in donate_argnums",
        )
    if threads is not None:
        checked(threads, "jit(f, threads=n)")
    axes = dynamic_axes(dynamic)
    if axes is not None and tier == "background":
        raise ArgumentError(
            "jit with dynamic axes and tier='background'",
            where=here(),
            why="code for many lengths is made when the function is first called",
            fix="leave tier out: later calls, of any length, do not wait",
        )
    return Jitted(
        fun, static_argnums=nums, static_argnames=names, fp=fp, donate_argnums=donated, tier=tier, dynamic=axes,
        threads=threads,
    )  # fmt: skip
