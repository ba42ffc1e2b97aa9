"""jitted: a function that is traced once a signature, and whose simplified Programs run as native code."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from numpy import ndarray

from pullback.core import conventions
from pullback.core.arrays import own
from pullback.core.collecting import collector_waits
from pullback.core.errors import ArgumentError
from pullback.core.program import Program, intern
from pullback.core.source import here
from pullback.core.tracer import Tracer, floor
from pullback.core.tree import flatten
from pullback.engines import Evaluated, compile_native, quick_entry
from pullback.engines.forms import NUMBERS, Form
from pullback.engines.lowered import Lowered, Profile, profile
from pullback.primitives.call import call as call_primitive
from pullback.transforms import nans
from pullback.transforms.simplify import simplify

from .background import Job
from .calls import call, name_of
from .dynamic import Lengths
from .forms import form_of
from .gradients import Transformed
from .retracing import note
from .tracing import Signature, trace_body

__all__ = ["Jitted"]

_log = logging.getLogger("pullback")

_QUICK = frozenset({ndarray, int, bool}) | NUMBERS  # type and shape say all
_MOST_SIGNATURES = 512  # a function: the least recently traced or looked up are forgotten
_MOST_ENTRIES = 16  # signatures that a function has quick calls for
_MOST_TRIES = 4  # forms of one signature that quick calls are made for: the keys of a dict may come in another order
_CONTEXT = floor, nans.searching, conventions.variable  # what decides, besides the arguments, what a call does


class _Traced:
    """One signature of one function: its Program, and what runs it."""

    __slots__ = (
        "captures", "conventions", "is_alone", "is_shared", "job", "program", "run", "signature", "tries", "uses",
    )  # fmt: skip

    def __init__(self, program: Any, captures: list[Any], signature: Signature) -> None:
        self.program, self.captures, self.signature = program, tuple(captures), signature
        self.conventions = conventions.current()
        self.is_alone = signature.out_leaves == [None] and signature.out_structure.is_leaf()
        self.is_shared = False  # the code is that of many lengths
        self.run: Any = None
        self.job: Job | None = None
        self.uses = self.tries = 0


# What our own code and LLVM raise; not what a signal's handler does, which belongs to the caller.
_MISTAKES = (RuntimeError, TypeError, ValueError, LookupError, AttributeError, AssertionError)


class Jitted(Transformed):
    """A function that is traced once for each signature: types, structure and static values of its arguments.

    `__call__` is a slot of the object. It holds a Python function at first, and from the second call of a signature
    on a builtin one, which answers calls of known signatures without running any Python code, and hands all others
    to that Python function.
    """

    __slots__ = ("__call__",)
    __call__: Callable[..., Any]

    def __init__(self, f: Callable[..., Any], **options: Any) -> None:
        super().__init__(f, **options)
        self._traces: dict[Any, _Traced] = {}
        self._quick: dict[Any, _Traced] = {}  # arrays and numbers only
        self._descriptors: dict[Any, Any] = {}  # of quick calls, the latest first
        self._lock = threading.Lock()
        self._n_traces = 0
        fp = "contract" if options.get("fp") == "contract" else True
        self._native = fp if options.get("threads") is None else (fp, options["threads"])
        self._background = options.get("tier") == "background"
        axes = options.get("dynamic")
        self._lengths = None if axes is None else Lengths(f, axes, _written_down, self._native)
        self._is_plain = not any(options.get(k) for k in ("static_argnums", "static_argnames", "donate_argnums"))
        self._fallback = _fallback(weakref.ref(self), type(self), f, options)
        self.__call__ = self._fallback

    def _answer(self, args: tuple, kwargs: dict) -> Any:
        """Run the Program of these arguments' signature; trace it first if it is new."""
        if floor.get() is not None:
            return self._call(args, kwargs, None)
        if nans.current() is not None:
            return call(self.f, args, kwargs)  # under debug_nans: as written, so that every operation has its line
        if not self._is_plain:
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
        if found.job is not None:
            self._compiled(found)
        if found.tries < _MOST_TRIES:
            self._make_quick(found, args, kwargs)
        outs = found.run.fresh(*found.captures, *leaves)
        return outs[0] if found.is_alone else found.signature.result(outs)

    def _call(self, args: tuple, kwargs: dict, key: Any) -> Any:
        signature, f = self._signature(args, kwargs)
        inputs = signature.inputs()
        is_run = self._lengths is not None and floor.get() is None and not any(type(x) is Tracer for x in inputs)
        traced = self._of_lengths(signature, f) if is_run else self._traced(signature, f)
        operands = (*traced.captures, *inputs)
        if any(type(x) is Tracer for x in operands) or floor.get() is not None:
            outs = call_primitive(*operands, program=traced.program, label=name_of(self.f), native=self._native)
            if not any(type(x) is Tracer for x in operands):
                outs = own(outs, operands)
            return traced.signature.result(outs)
        run = self._compiled(traced)
        if key is not None:
            self._quick[key] = traced
        if not self.options.get("donate_argnums"):
            self._make_quick(traced, args, kwargs)
            return traced.signature.result(run.fresh(*operands))
        donated = self._donated(args)
        given = [x for x in inputs if any(x is y for y in donated)]
        kept = [x for x in operands if not any(x is y for y in given)]
        numbers = tuple(i for i, x in enumerate(operands) if any(x is y for y in given))
        return traced.signature.result(own(run.donating(operands, numbers), kept))

    def _compiled(self, traced: _Traced) -> Any:
        """Return what runs a Program: native code, or the evaluator while that is made in the background."""
        if traced.run is None:
            if not self._background:
                traced.run = compile_native(traced.program, self._native)
            else:
                traced.run = Evaluated(traced.program, "it is being compiled in the background")
                traced.job = Job(name_of(self.f), partial(compile_native, traced.program, self._native))
        job = traced.job
        if job is not None and job.done:
            if job.error is not None:
                raise job.error
            traced.run, traced.job = job.result, None
        return traced.run

    def _make_quick(self, traced: _Traced, args: tuple, kwargs: dict) -> None:
        """Have calls like this one answered without Python, from the second on; a single call is not worth the work."""
        traced.uses += 1
        if traced.uses < 2 or traced.tries >= _MOST_TRIES or traced.job is not None:
            return
        traced.tries += 1
        try:
            self._add_quick(traced, args, kwargs)
        except _MISTAKES as error:  # whatever is wrong with quick calls, the others are right
            _log.warning("calls of %s stay slow: %s: %s", name_of(self.f), type(error).__name__, error)
            traced.tries = _MOST_TRIES

    def _add_quick(self, traced: _Traced, args: tuple, kwargs: dict) -> None:
        form = self._form(traced.signature, args, kwargs)
        key = traced, form and form.key
        if key in self._descriptors:  # there is one, and it was busy, or an array does not lie as it must
            return
        descriptor = form and traced.run.descriptor(form, traced.captures, (None, None, traced.conventions))
        if descriptor is None:
            traced.tries = _MOST_TRIES
            return
        with self._lock:
            latest = dict([(key, descriptor), *self._descriptors.items()][:_MOST_ENTRIES])
            self.__call__ = quick_entry(self._fallback, _CONTEXT, [*latest.values()], name_of(self.f))
            self._descriptors = latest

    def _form(self, traced: Signature, args: tuple, kwargs: dict) -> Form | None:
        signature = self._signature(args, kwargs)[0]
        signature.out_structure, signature.out_leaves = traced.out_structure, traced.out_leaves
        nums, names = self.options.get("static_argnums", ()), self.options.get("static_argnames", ())
        return form_of(args, kwargs, signature, nums, names)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until all that was called so far is native code, under ``tier="background"``.

        Parameters
        ----------
        timeout : float, optional
            In seconds, for each signature.

        Returns
        -------
        bool
            Whether it is.

        Raises
        ------
        Exception
            What the compiler has raised.
        """
        ready = True
        for traced in [*self._traces.values()]:
            job = traced.job
            if job is not None:
                ready = job.wait(timeout) and ready
                self._compiled(traced)
        return ready

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
        signature, f = self._signature(args, kwargs)
        key, why = self._key(signature), ""
        if self._lengths is not None:
            made = self._of_lengths(signature, f)
            why = "" if made.is_shared else self._lengths.why(signature, f, _without_types(key))
        traced = self._traced(*self._signature(args, kwargs))
        run = traced.run if traced.is_shared else compile_native(traced.program, self._native)
        return Lowered(traced.program, run, why)

    def profile(self, *args: Any, **kwargs: Any) -> Profile:
        """Return where the time of a call with these arguments goes, by source line; prints as a table.

        The function is compiled once more, with a clock around every loop nest, matrix product and
        callback; the time of a nest is shared among its lines by their floating-point operations.
        Very short steps inside of loops look longer than they are: a clock takes some nanoseconds.
        """
        signature, f = self._signature(args, kwargs)
        inputs = signature.inputs()
        traced = self._traced(signature, f)
        run = compile_native(traced.program, self._native)
        return profile(traced.program, run, (*traced.captures, *inputs))

    def program(self, *args: Any, **kwargs: Any) -> Program:
        """Return the simplified Program that runs for these arguments; captured arrays are its leading inputs."""
        return self._traced(*self._signature(args, kwargs)).program

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

    def _of_lengths(self, signature: Signature, f: Callable[..., Any]) -> _Traced:
        """Return what runs a call whose lengths are dynamic: code that there is, with its lengths filled in."""
        key = self._key(signature)
        if key not in self._traces and self._lengths is not None:
            made = self._lengths.find(signature, f, _without_types(key))
            if made is not None:
                run, captures, like = made
                signature.out_structure, signature.out_leaves = like.out_structure, like.out_leaves
                signature.forget_arrays()
                found = _Traced(None, captures, signature)
                found.run, found.is_shared = run, True
                self._keep(key, found)
                return found
        return self._traced(signature, f)

    def _traced(self, signature: Signature, f: Callable[..., Any]) -> _Traced:
        key = self._key(signature)
        found = self._traces.get(key)
        if found is None:
            found = self._trace(signature, f)
            if any(type(x) is Tracer for x in found.captures):  # a Tracer belongs to one run of an outer function
                return found
        elif found.program is None:  # of dynamic lengths: for a call, it was not needed
            found.program = self._trace(signature, f).program
        self._keep(key, found)
        return found

    def _keep(self, key: Any, found: _Traced) -> None:
        with self._lock:  # the last is the latest that was used
            self._traces.pop(key, None)
            if len(self._traces) >= _MOST_SIGNATURES:
                self._traces.pop(next(iter(self._traces)))
                self._quick.clear()
            self._traces[key] = found

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

    def _trace(self, signature: Signature, f: Callable[..., Any]) -> _Traced:
        self._n_traces += 1
        earlier = ((t.signature, t.conventions) for t in reversed([*self._traces.values()]))
        note(name_of(self.f), self._n_traces, (signature, conventions.current()), earlier)
        return _written_down(signature, f)


@collector_waits()
def _written_down(signature: Signature, f: Callable[..., Any]) -> _Traced:
    """Trace a function for a signature, whose output is set."""
    structure = flatten((0,) * len(signature.arrays))[1]

    def on_flat(arrays: tuple) -> Any:
        return tuple(signature.set_output(signature.call(f, arrays)))

    body = trace_body(lambda *arrays: on_flat(arrays), structure, signature.types, what="jit", interned=False)
    signature.forget_arrays()
    return _Traced(intern(simplify(body.program)), body.captures, signature)


def _without_types(key: Any) -> Any:
    structure, _, *others = key
    return structure, *others


def _fallback(jitted: Any, cls: type, f: Callable[..., Any], options: dict[str, Any]) -> Callable[..., Any]:
    """Return what answers calls through Python; it knows the jitted function weakly, so that there is no cycle."""

    def answer(*args: Any, **kwargs: Any) -> Any:
        nonlocal jitted
        found = jitted()
        if found is None:  # somebody has kept `f.__call__`, and not f
            found = cls(f, **options)
            jitted = partial(_same, found)
        return found._answer(args, kwargs)

    return answer


def _same(x: Any) -> Any:
    return x


def _key_of(xs: Sequence[Any]) -> tuple:
    """Return what tells arrays and numbers apart by type; it may say too little of anything else."""
    return (conventions.current(), *[(x.dtype, x.shape) if type(x) is ndarray else type(x) for x in xs])
