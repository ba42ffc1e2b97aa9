"""jit: trace once a signature, and run the simplified Program as native code."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from numpy import float64, ndarray

from pullback.core import conventions
from pullback.core.arrays import own
from pullback.core.errors import ArgumentError
from pullback.core.program import Program, intern
from pullback.core.source import here
from pullback.core.tracer import Tracer, floor
from pullback.core.tree import flatten
from pullback.engines import compile_native
from pullback.engines.lowered import Lowered, Profile, profile
from pullback.primitives.call import call as call_primitive
from pullback.transforms import nans
from pullback.transforms.simplify import simplify

from .calls import call, name_of
from .gradients import Transformed
from .tracing import Signature, trace_body

__all__ = ["Jitted", "jit"]

_QUICK = (ndarray, float, int, bool, float64)  # arguments of which type and shape are the whole type
_MOST_SIGNATURES = 512  # a function: the oldest are forgotten


class Jitted(Transformed):
    """A function that is traced once for each signature: types, structure and static values of its arguments."""

    def __init__(self, f: Callable[..., Any], **options: Any) -> None:
        super().__init__(f, **options)
        self._traces: dict[Any, tuple[Program, list[Any], Signature]] = {}
        self._quick: dict[Any, tuple[Any, tuple, Signature | None]] = {}  # arrays and numbers only: what to run
        self._lock = threading.Lock()
        self._native = "contract" if options.get("fp") == "contract" else True
        self._is_plain = not any(options.get(k) for k in ("static_argnums", "static_argnames", "donate_argnums"))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the Program of these arguments' signature; trace it first if it is new."""
        if nans.current() is not None and floor.get() is None:
            return call(self.f, args, kwargs)  # under debug_nans: as written, so that every operation has its line
        if not self._is_plain or floor.get() is not None:
            return self._call(args, kwargs, None)
        key, leaves = _key_of(args), args
        found = None if kwargs else self._quick.get(key)
        if found is None and any(type(x) is Tracer for x in args):
            return self._call(args, kwargs, None)
        if found is None and (kwargs or not all(type(x) in _QUICK for x in args)):
            leaves, structure = flatten((args, kwargs))
            key = structure, _key_of(leaves)
            found = self._quick.get(key)
        if found is None:
            return self._call(args, kwargs, key if all(type(x) in _QUICK for x in leaves) else None)
        run, captures, signature = found
        outs = run(*captures, *leaves)
        return outs[0] if signature is None else signature.result(outs)

    def _call(self, args: tuple, kwargs: dict, key: Any) -> Any:
        signature, f = self._signature(args, kwargs)
        inputs = signature.inputs()
        program, captures, signature = self._traced(signature, f)
        operands = (*captures, *inputs)
        if any(type(x) is Tracer for x in operands) or floor.get() is not None:
            outs = call_primitive(*operands, program=program, label=name_of(self.f), native=self._native)
            if not any(type(x) is Tracer for x in operands):
                outs = own(outs, operands)
            return signature.result(outs)
        run = compile_native(program, self._native)
        if key is not None:
            alone = signature.out_leaves == [None] and signature.out_structure.is_leaf()
            self._quick[key] = run.fresh, tuple(captures), None if alone else signature
        donated = self._donated(args) if self.options.get("donate_argnums") else ()
        if not donated:
            return signature.result(run.fresh(*operands))
        given = [x for x in inputs if any(x is y for y in donated)]
        kept = [x for x in operands if not any(x is y for y in given)]
        numbers = tuple(i for i, x in enumerate(operands) if any(x is y for y in given))
        return signature.result(own(run.donating(operands, numbers), kept))

    def _donated(self, args: tuple) -> list[Any]:
        """Return the arrays of the arguments that were given away."""
        leaves: list[Any] = []
        for i in self.options["donate_argnums"]:
            if not -len(args) <= i < len(args):
                raise ArgumentError(
                    f"donate_argnums={i} of {name_of(self.f)}, which was called with {len(args)} positional arguments",
                    where=here(),
                    why="donate_argnums count positional arguments from 0",
                    fix="donate an argument that is given by position",
                )
            leaves += [x for x in flatten(args[i])[0] if type(x) is ndarray]
        return leaves

    def lower(self, *args: Any, **kwargs: Any) -> Lowered:
        """Return the stages of the compilation for these arguments, each printable.

        `program` (simplified), `loops` (the fused nests), `llvm_ir`, `asm`, `cost` (flops, bytes, working
        memory), and `callbacks`: what is not native code, and calls back to NumPy or into Python.

        Examples
        --------
        >>> import numpy as np, pullback as pb
        >>> lowered = pb.jit(lambda x: np.sum(x * x)).lower(np.ones(4))
        >>> lowered.cost.flops
        8
        >>> lowered.callbacks
        no callbacks: all of it is native code
        """
        program = self.program(*args, **kwargs)
        return Lowered(program, compile_native(program, self._native))

    def profile(self, *args: Any, **kwargs: Any) -> Profile:
        """Return where the time of a call with these arguments goes, by source line; prints as a table.

        The function is compiled once more, with a clock around every loop nest, matrix product and
        callback; the time of a nest is shared among its lines by their floating-point operations.
        Very short steps inside of loops look longer than they are: a clock takes some nanoseconds.
        """
        signature, f = self._signature(args, kwargs)
        inputs = signature.inputs()
        program, captures, _ = self._traced(signature, f)
        return profile(program, compile_native(program, self._native), (*captures, *inputs))

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
                        self._quick.clear()
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


def _key_of(xs: Sequence[Any]) -> tuple:
    """Return what tells arrays and numbers apart by type; it may say too little of anything else."""
    return (conventions.current(), *[(x.dtype, x.shape) if type(x) is ndarray else type(x) for x in xs])


def jit(
    fun: Callable[..., Any],
    *,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
    fp: str = "strict",
    donate_argnums: int | Sequence[int] = (),
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

    Notes
    -----
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
    return Jitted(fun, static_argnums=nums, static_argnames=names, fp=fp, donate_argnums=donated)
