"""A row of the table: one piece of work, and who does it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pullback as pb
from benchmarks.timing import Call

OURS = "pullback"
SIZES = ("tiny", "quick", "full")


@dataclass(frozen=True)
class Case:
    """One piece of work.

    Attributes
    ----------
    work : str
        What is done, with its sizes.
    contenders : dict
        By name, a function that prepares a call, ours first. It raises ImportError where its
        library or its compiler is missing.
    rtol : float
        How far results may differ, relative to the largest entry of each array.
    at_least : dict
        By peer, how many times as fast as it we want to be.
    """

    work: str
    contenders: dict[str, Callable[[], Call]]
    rtol: float
    at_least: Mapping[str, float] = field(default_factory=dict)


def ours(function: Callable, args: tuple) -> dict[str, Callable[[], Call]]:
    """Return our contenders: strict arithmetic and, where `pb.jit` offers it, ``fp="contract"``."""

    def build(**options: Any) -> Call:
        return functools.partial(pb.jit(function, **options), *args)

    found: dict[str, Callable[[], Call]] = {OURS: build}
    if "fp" in inspect.signature(pb.jit).parameters:
        found[f"{OURS}, contract"] = lambda: build(fp="contract")
    return found


def not_native(call: Any) -> list[str]:
    """Return what of a call of ours is not native code: the reason why nothing is, or the primitives called back."""
    lowered = call.func.lower(*call.args)
    return [lowered.why] if lowered.why else sorted({eq.primitive.name for eq in lowered.callbacks})


def loop(lower: int, upper: int, body: Callable[[Any, Any], Any], value: Any) -> Any:
    """Do what `pb.fori_loop` does, in plain Python: what the tests compare with."""
    for i in range(lower, upper):
        value = body(i, value)
    return value
