"""dynamic: which axes of the arguments may have any length, and one code for all of their lengths.

The *lengths* of a call are the different lengths of its dynamic axes, in order; axes of one length
share it. A `Family` is what calls have in common that differ in nothing but the lengths. It traces the
function at some example lengths and has the engine make one code of them; a call takes that code, with
the numbers that depend on its lengths filled in. What cannot be kept so runs as without `dynamic`, traced and
compiled by length, and `why` says why.
"""

from __future__ import annotations

import copy
import inspect
import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from pullback.core.errors import ArgumentError
from pullback.core.fitting import Examples
from pullback.core.sizes import Real, Size, Watch, compare, plain
from pullback.core.source import here
from pullback.core.tracer import Tracer
from pullback.core.tree import contents, flatten, unflatten
from pullback.core.types import ArrayType, array_type
from pullback.engines import Static, compile_many

from .calls import name_of
from .retracing import note_lengths
from .tracing import Signature

__all__ = ["Lengths", "dynamic_axes"]

Point = tuple[int, ...]
_SHORTEST = 2  # axes of length 0 and 1 are special: nothing is there, or it is broadcast
_MOST_LENGTHS = 2
_ONE = (67, 130, 259, 512, 1021)
_TWO = ((67, 1021), (1021, 67), (71, 67), (1021, 1019), (259, 512), (512, 130), (130, 259), (300, 700))
_EXAMPLES = {1: tuple((n,) for n in _ONE), 2: _TWO}
_BLOCK = 64  # the example of 512 stays a multiple of it, in case that such lengths are something special
_SCALES = 1, 5  # where the code for the shortest examples is another, longer ones are tried
_fresh = itertools.count()  # example lengths are never the same: nothing that is cached by them is met again


class Family:
    """Calls that differ in nothing but the lengths of their dynamic axes.

    Parameters
    ----------
    trace : callable
        From lengths to what was traced for them.
    parities : tuple of int
        Of the lengths, where it is for those of one parity; else empty.

    Attributes
    ----------
    why : str
        Empty, or why there is no code for many lengths.
    by_parity : bool
        Whether there may be code for lengths of one parity.
    n_traces : int
        How often the function was traced for it.
    """

    def __init__(self, count: int, trace: Callable[[Point], Any], native: Any, parities: Point = ()) -> None:
        self.why, self.by_parity, self.n_traces, self._native = "", False, 0, native
        self._trace, self._lock = trace, threading.RLock()
        self.points: list[Point] = []
        self._low: Point = ()
        self._high: Point = ()
        contents.update({Size: plain, Real: plain})
        if count > _MOST_LENGTHS:
            self.why = f"{count} different lengths: there may be {_MOST_LENGTHS}"
            return
        k = next(_fresh)
        for scale in _SCALES:
            self._make([_of_parities(_example(p, scale, k), parities) for p in _EXAMPLES[count]])
            if not self.why:
                return

    def _traced(self, point: Point, watch: Watch | None = None) -> Any:
        self.n_traces += 1
        with watch or Watch():
            found = self._trace(point)
        if any(type(x) is Tracer for x in found.captures):
            raise ValueError("it takes a traced value from outside")
        return found

    def _make(self, points: list[Point]) -> None:
        self.by_parity = False
        try:
            self.why = self._made_of(points)
        except Exception as error:  # whatever it is, it shows in an ordinary call, or is no matter there
            self.why, self.by_parity = f"{type(error).__name__}: {error}", True  # as where only even lengths fit

    def _made_of(self, points: list[Point]) -> str:
        """Make the code of examples; return why there is none."""
        self.points = points
        watches, traced = [Watch() for _ in points], []
        for point, watch in zip(points, watches, strict=True):
            traced.append(self._traced(point, watch))
            if not _alike(traced[0], traced[-1]):
                return "the function does something else at some lengths"
        made = compile_many([(p, t.program) for p, t in zip(points, traced, strict=True)], self._native)
        if isinstance(made, Static):
            self.by_parity = made.by_parity
            return made.why
        examples = Examples(points)
        self.code, self.first = made, traced[0]
        self._captures = [_capture(xs, examples) for xs in zip(*(t.captures for t in traced), strict=True)]
        self._guards = _Guards(watches, examples)
        self._low, self._high = tuple(map(min, *points)), tuple(map(max, *points))
        return ""

    def at(self, point: Point) -> Any:
        """Return (what runs it, captures) for lengths, or None where this code is not theirs."""
        if self.why or min(point) < _SHORTEST:
            return None
        with self._lock:
            if not self._guards.hold(point) or not (self._is_within(point) or self._extended(point)):
                return None
            captures = [x and x(point) for x in self._captures]
            if self._guards.lost or any(x is None for x in captures):
                found = self._traced(point)
                if not self.code.covers(point, found.program):
                    return None
                captures = found.captures
            run = self.code.at(point)
            return run and (run, captures)

    def _is_within(self, point: Point) -> bool:
        return all(a <= n <= b for a, n, b in zip(self._low, point, self._high, strict=True))

    def _extended(self, point: Point) -> bool:
        """Let the code serve lengths beyond the examples too, if it is the one for the outermost of them."""
        further = tuple(n + n // 2 * 2 if n > b else n for n, b in zip(point, self._high, strict=True))
        return any(self._reach(p) for p in dict.fromkeys([further, point]))

    def _reach(self, point: Point) -> bool:
        low, high = tuple(map(min, self._low, point)), tuple(map(max, self._high, point))
        corners = dict.fromkeys(itertools.product(*zip(low, high, strict=True)))
        try:
            for corner in corners:
                if not self._is_within(corner) and not self.code.covers(corner, self._traced(corner).program):
                    return False
        except Exception:  # the function fails for such lengths: an ordinary call says how
            return False
        self._low, self._high = low, high
        return True


class _Guards:
    """What the user's code asked of its sizes, at all examples alike."""

    def __init__(self, watches: list[Watch], examples: Examples) -> None:
        self.lost = next((w.lost for w in watches if w.lost), "")
        self._checks: dict[tuple, None] = {}
        if len({len(w.events) for w in watches}) != 1:
            self.lost = self.lost or "its sizes are compared with each other differently"
            return
        for events in zip(*(w.events for w in watches), strict=True):
            left, right, outcome = (_number([e[i] for e in events], examples) for i in (1, 2, 3))
            if left is None or right is None or outcome is None or len({e.name for e in events}) != 1:
                self.lost = self.lost or f"{events[0].name} of its sizes depends on the length in an unknown way"
                return
            self._checks[events[0].name, left, right, outcome] = None

    def hold(self, point: Point) -> bool:
        """Return whether each comparison comes out at lengths as it did at the examples."""
        return all(_comes_out(name, *(f(point) for f in numbers)) for name, *numbers in self._checks)


def _comes_out(name: str, a: Any, b: Any, outcome: Any) -> bool:
    return None not in (a, b, outcome) and compare(name, a, b) == outcome


def _number(values: list[Any], examples: Examples) -> Any:
    if all(type(x) in (int, bool) for x in values):
        return examples.whole([*map(int, values)])
    return examples.real([*map(float, values)])


def _alike(a: Any, b: Any) -> bool:
    """Return whether two traces have as many steps, and return values of one structure."""
    x, y = a.signature, b.signature
    if len(a.program.equations) != len(b.program.equations) or len(a.captures) != len(b.captures):
        return False
    return x.out_structure == y.out_structure and _equal(x.out_leaves, y.out_leaves)


def _equal(a: list[Any], b: list[Any]) -> bool:
    return len(a) == len(b) and all(x is y or bool(x == y) for x, y in zip(a, b, strict=True))


def _example(point: Point, scale: int, k: int) -> Point:
    return tuple(scale * n + (k if n % _BLOCK else _BLOCK * (k % 16)) for n in point)


def _of_parities(point: Point, parities: Point) -> Point:
    return tuple(n + (n - r) % 2 for n, r in zip(point, parities, strict=True)) if parities else point


def _capture(values: tuple[Any, ...], examples: Examples) -> Callable[[Point], Any] | None:
    """Return what a captured array is for lengths; None where only the function itself knows."""
    first = values[0]
    if all(x is first for x in values):
        return lambda point: first
    arrays = [np.asarray(x) for x in values]
    if all(x.dtype == arrays[0].dtype and np.array_equal(x, arrays[0]) for x in arrays):
        return lambda point: first
    return examples.array(arrays) if all(type(x) is np.ndarray for x in values) else None


class Lengths:
    """The dynamic axes of a jitted function, and its families.

    Parameters
    ----------
    axes : dict or tuple
        As `dynamic_axes` returns it.
    trace : callable
        From (signature, function) to what was traced.
    """

    def __init__(self, f: Callable[..., Any], axes: Any, trace: Callable[..., Any], native: Any) -> None:
        self._axes, self._trace, self._native = axes, trace, native
        self._names, self._name = _names(f), name_of(f)
        self._families: dict[Any, Family] = {}
        self._seen: dict[Any, tuple[dict, set]] = {}  # where axes are not named: lengths met, and those that changed
        self._lock = threading.Lock()

    def find(self, signature: Signature, f: Callable[..., Any], key: Any) -> Any:
        """Return (what runs a call, captures, signature) for its lengths; None where it is traced as others are."""
        family, point = self.family(signature, f, key)
        found = None if family is None else family.at(point)
        return None if family is None or found is None else (*found, family.first.signature)

    def why(self, signature: Signature, f: Callable[..., Any], key: Any) -> str:
        """Return why a call has code for its own lengths alone; empty where it has that for many."""
        family, point = self.family(signature, f, key)
        if family is None:
            return "its dynamic axes are of length 0 or 1, or have not changed yet"
        if family.why or family.at(point) is not None:
            return family.why
        return "the function, or its code, is another at this length than at others"

    def family(self, signature: Signature, f: Callable[..., Any], key: Any) -> tuple[Family | None, Point]:
        """Return the family of a call, and its lengths; None where no axis is dynamic."""
        places = self._places(signature, key)
        if not places:
            return None, ()
        shapes = [t.shape for t in signature.types]
        point = tuple(dict.fromkeys(shapes[i][a] for i, a in places))
        if min(point) < _SHORTEST:
            return None, ()
        number = {n: k for k, n in enumerate(point)}
        which = {(i, a): number[shapes[i][a]] for i, a in places}
        alike = tuple(_at(t, i, which, [f"n{k}" for k in range(len(point))]) for i, t in enumerate(signature.types))
        found = self._one((alike, key), signature, f, which, point)
        if found.by_parity:
            parities = tuple(n % 2 for n in point)
            found = self._one((alike, key, parities), signature, f, which, point, parities)
        return found, point

    def _one(self, name: Any, *how: Any) -> Family:
        with self._lock:
            if name not in self._families:
                made = self._families[name] = self._new(*how)
                note_lengths(self._name, made.why, made.points)
            return self._families[name]

    def _new(
        self, signature: Signature, f: Callable[..., Any], which: dict, point: Point, parities: Point = ()
    ) -> Family:
        like = copy.copy(signature)
        like.leaves = list(signature.leaves)
        like.forget_arrays()

        def trace(point: Point) -> Any:
            example = copy.copy(like)
            example.leaves = list(like.leaves)
            example.types = [
                array_type(_at(t, i, which, point)[0], t.dtype, t.weak) for i, t in enumerate(signature.types)
            ]
            return self._trace(example, f)

        return Family(len(point), trace, self._native, parities)

    def _places(self, signature: Signature, key: Any) -> list[tuple[int, int]]:
        """Return which axes of which arrays are dynamic: (number of the array, axis)."""
        if isinstance(self._axes, dict):
            return self._named(signature)
        shapes = [t.shape for t in signature.types]
        lengths = {(i, a): s[a] for i, s in enumerate(shapes) for a in self._axes if a < len(s)}
        if len({*lengths.values()}) == 1:
            return [*lengths]
        ranks = key, tuple(map(len, shapes))
        with self._lock:
            last, changed = self._seen.setdefault(ranks, (lengths, set()))
            changed |= {place for place, n in lengths.items() if last[place] != n}
            return [place for place in lengths if place in changed]

    def _named(self, signature: Signature) -> list[tuple[int, int]]:
        """Return the axes of arguments that are given by number or name."""
        args, keywords = unflatten(signature.in_structure, range(len(signature.leaves)))
        nums = {i for i, _ in signature.static[0]} if signature.static else set()
        positions = [i for i in range(len(args) + len(nums)) if i not in nums]
        inputs = {leaf: number for number, leaf in enumerate(signature.arrays)}
        found = []
        given = [(i, self._names[i] if i < len(self._names) else None, x) for i, x in zip(positions, args, strict=True)]
        given += [(self._names.index(k) if k in self._names else None, k, x) for k, x in keywords.items()]
        for position, name, x in given:
            axes = self._axes.get(position, self._axes.get(name, ()))
            for i in [inputs[n] for n in flatten(x)[0] if type(n) is int and n in inputs]:
                ndim = len(signature.types[i].shape)
                found += [(i, a % ndim) for a in axes if -ndim <= a < ndim]
        return found


def _at(t: ArrayType, i: int, which: dict, lengths: Sequence[Any]) -> tuple[tuple, Any, bool]:
    """Return shape, dtype and weakness of array i, with its dynamic axes of other lengths."""
    shape = tuple(lengths[which[i, a]] if (i, a) in which else n for a, n in enumerate(t.shape))
    return shape, t.dtype, t.weak


def _names(f: Callable[..., Any]) -> list[str]:
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):  # a builtin: its arguments have no names
        return []
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def dynamic_axes(dynamic: Any) -> Any:
    """Return jit's `dynamic` as a tuple of axes, or as a dict from arguments to such; None for none."""
    if dynamic is None or dynamic is False or dynamic == () or dynamic == {}:
        return None
    if dynamic is True:
        return (0,)
    if isinstance(dynamic, Mapping):
        keys = all(isinstance(k, str) or (_is_whole(k) and k >= 0) for k in dynamic)
        axes = {k: _axes(v) for k, v in dynamic.items()}
        if keys and all(axes.values()):
            return axes
    elif (axes := _axes(dynamic)) is not None and min(axes) >= 0:
        return axes
    raise ArgumentError(
        f"jit with dynamic={dynamic!r}",
        where=here(),
        why="it names axes that may have any length: (0,) for the first axis of all arrays, or a dict from "
        "arguments (numbers or names) to axes",
        fix="dynamic=(0,), or dynamic={0: 0, 'y': (0, 1)}",
    )


def _axes(axes: Any) -> tuple[int, ...] | None:
    if _is_whole(axes):
        return (axes,)
    if not isinstance(axes, tuple | list) or len(axes) == 0 or not all(map(_is_whole, axes)):
        return None
    return tuple(axes)


def _is_whole(x: Any) -> bool:
    return isinstance(x, int) and not isinstance(x, bool)
