"""jit: trace once a signature, and run the simplified Program on an engine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from pullback.core import conventions
from pullback.core.arrays import own
from pullback.core.errors import ArgumentError
from pullback.core.program import Program, intern
from pullback.core.source import here
from pullback.core.tracer import Tracer, floor
from pullback.core.tree import flatten
from pullback.primitives.call import call as call_primitive
from pullback.transforms import nans
from pullback.transforms.simplify import simplify

from .calls import call, name_of
from .gradients import Transformed
from .tracing import Signature, trace_body

__all__ = ["Jitted", "jit"]

_MOST_SIGNATURES = 512  # a function: the oldest are forgotten


class Jitted(Transformed):
    """A function that is traced once for each signature: types, structure and static values of its arguments."""

    def __init__(self, f: Callable[..., Any], **options: Any) -> None:
        super().__init__(f, **options)
        self._traces: dict[Any, tuple[Program, list[Any], Signature]] = {}
        self._lock = threading.Lock()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the Program of these arguments' signature; trace it first if it is new."""
        if nans.current() is not None and floor.get() is None:
            return call(self.f, args, kwargs)  # under debug_nans: as written, so that every operation has its line
        signature, f = self._signature(args, kwargs)
        inputs = signature.inputs()
        program, captures, signature = self._traced(signature, f)
        operands = (*captures, *inputs)
        outs = call_primitive(*operands, program=program, label=name_of(self.f), native=True)
        if not any(type(x) is Tracer for x in operands):
            outs = own(outs, operands)
        return signature.result(outs)

    def program(self, *args: Any, **kwargs: Any) -> Program:
        """Return the simplified Program that runs for these arguments; captured arrays are its leading inputs."""
        return self._traced(*self._signature(args, kwargs))[0]

    def _signature(self, args: tuple, kwargs: dict) -> tuple[Signature, Callable[..., Any]]:
        nums, names = self.options["static_argnums"], self.options["static_argnames"]
        if not nums and not names:
            return Signature(args, kwargs, name_of(self.f)), self.f
        static = {i % len(args): args[i] for i in nums if -len(args) <= i < len(args)}
        named = {k: kwargs[k] for k in names if k in kwargs}
        dynamic = tuple(x for i, x in enumerate(args) if i not in static)
        keywords = {k: v for k, v in kwargs.items() if k not in named}

        def with_static(*given: Any, **keywords: Any) -> Any:
            rest = iter(given)
            return self.f(*(static[i] if i in static else next(rest) for i in range(len(args))), **keywords, **named)

        signature = Signature(dynamic, keywords, name_of(self.f))
        signature.static = (tuple(static.items()), tuple(named.items()))
        return signature, with_static

    def _traced(self, signature: Signature, f: Callable[..., Any]) -> tuple[Program, list[Any], Signature]:
        key = self._key(signature)
        found = self._traces.get(key)
        if found is None:
            found = self._trace(signature, f)
            if not any(type(x) is Tracer for x in found[1]):  # a Tracer belongs to one run of an outer function
                with self._lock:
                    if len(self._traces) >= _MOST_SIGNATURES:
                        self._traces.pop(next(iter(self._traces)))
                    self._traces[key] = found
        return found

    def _key(self, signature: Signature) -> Any:
        arrays = set(signature.arrays)
        others = tuple(x for i, x in enumerate(signature.leaves) if i not in arrays)
        key = (
            signature.in_structure,
            tuple(signature.types),
            tuple(signature.arrays),
            others,
            signature.static,
            conventions.current(),
        )
        try:
            hash(key)
        except TypeError:
            raise ArgumentError(
                f"jit of {name_of(self.f)}: a static argument, or one that is no array, is not hashable",
                where=here(),
                why="such arguments are part of the signature that a trace is cached by",
                fix="pass arrays, numbers, strings or tuples; for a function, one defined once",
            ) from None
        return key

    @staticmethod
    def _trace(signature: Signature, f: Callable[..., Any]) -> tuple[Program, list[Any], Signature]:
        structure = flatten(tuple(signature.inputs()))[1]

        def on_flat(arrays: tuple) -> Any:
            return tuple(signature.set_output(signature.call(f, arrays)))

        body = trace_body(lambda *arrays: on_flat(arrays), structure, signature.types, what="jit")
        signature.forget_arrays()
        return intern(simplify(body.program)), body.captures, signature


def jit(
    fun: Callable[..., Any],
    *,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
) -> Jitted:
    """Return a function that traces `fun` once a signature and runs the simplified Program.

    Parameters
    ----------
    fun : callable
        Pure: what it prints or changes outside happens only while it is traced.
    static_argnums, static_argnames : int or str, or sequences of them
        Arguments that are values of the trace, not arrays: Python's own control flow works on
        them, and each new value is traced anew. They must be hashable.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> f = pb.jit(lambda x, n: x**n, static_argnums=1)
    >>> float(f(3.0, 2))
    9.0
    >>> float(pb.grad(f)(3.0, 2))
    6.0
    """
    nums = (static_argnums,) if isinstance(static_argnums, int) else tuple(static_argnums)
    names = (static_argnames,) if isinstance(static_argnames, str) else tuple(static_argnames)
    return Jitted(fun, static_argnums=nums, static_argnames=names)
