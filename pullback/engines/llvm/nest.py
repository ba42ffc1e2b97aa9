"""nest: one fused loop nest to one LLVM function.

Every stored value and every reduction of the nest is computed element by element where it
is asked for; what has been computed for an index is remembered for the rest of the turn.
Pointers are arguments without aliases: each buffer is memory of its own.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from pullback.core.program import Equation, Literal, Var
from pullback.primitives.index_spec import clipped

from .access import VIEWS, Index, aligned, is_view, linear
from .assembling import ASSEMBLED, searched
from .discrete import WITH_PARAMETERS
from .kinds import REDUCTIONS, reduced_axes
from .plan import Nest, Plan
from .ranges import Split, interval
from .reducing import beats, combine, identity
from .scalars import OPERATIONS, Emitter, constant, llvm_type, memory_type, part_dtype

__all__ = ["NestFunction"]

_IN_REGISTERS = 32
_FRAMES = 10_000
_PARTS, _PARTS_APART = 32, 1024  # into how many parts loops are cut at most; in a nest of its own


class NestFunction:
    """Emits the function of one nest; `arguments` are then the values whose pointers it takes, in order.

    Attributes
    ----------
    work : int
        Bytes of working memory, which it knows as `place`; 0: none.
    """

    work, place = 0, None

    def __init__(self, name: str, nest: Nest, plan: Plan, contract: bool, checks: list[Any] | None = None) -> None:
        self.nest, self.plan = nest, plan
        self.e = Emitter(contract, self._alone())
        self.name = name
        self.arguments: list[Any] = []
        self.checks: list[Any] = [] if checks is None else checks  # the module's: (equation, (axis, size))
        self._pointers: dict[Any, str] = {}
        self._memo: dict[Any, str] = {}
        self._here = set(nest.stores)
        self.contract = contract
        self._extremes: dict[Any, tuple[Equation, str, str]] = {}
        self._slots: list[str] = []
        self.cuts: dict[int, list[int]] = {}  # for each depth of the lead, where its loop is cut
        self._accumulators: dict[tuple[Var, Index], str] = {}

    def text(self) -> str:
        """Return the function; it is written again, with loops cut, until each part knows where it reads."""
        checks = len(self.checks)
        while True:
            self._afresh()
            del self.checks[checks:]
            try:
                with _deep():
                    return self._text()
            except Split as split:
                self._cut(split)

    def _alone(self) -> bool:
        """Return whether the nest computes single numbers, which nothing could be vectorised with."""
        return bool(self.nest.stores) and not self.nest.sums and all(x.type.size == 1 for x in self.nest.stores)

    def _afresh(self) -> None:
        contract, whole = self.contract, self.e.whole
        self.e = Emitter(contract, self._alone())
        self.e.whole = whole
        self.arguments.clear()
        self._pointers, self._memo, self._accumulators, self._extremes = {}, {}, {}, {}
        self._slots.clear()

    def _cut(self, split: Split) -> None:
        """Note where a loop is to be cut; a loop that would fall into too many parts stays whole."""
        points = {*self.cuts.get(split.depth, ()), *split.points}
        others = math.prod(len(x) + 1 for depth, x in self.cuts.items() if depth != split.depth)
        if (len(points) + 1) * others > (_PARTS_APART if self.nest.apart else _PARTS):
            self.e.whole.add(split.depth)
        else:
            self.cuts[split.depth] = sorted(points)

    def _text(self) -> str:
        e = self.e
        for eq in self.nest.sums:
            self._begin_sum(eq)
        self._loops(0, [])
        for eq in self.nest.sums:
            self._end_sum(eq)
        head = [*self._judge(), *self._slots]
        e.do("ret void")
        args = ", ".join(f"ptr noalias {self._pointers[x]}" for x in self.arguments)
        return f"define internal void @{self.name}({args}) #0 {{\nentry:\n" + "\n".join([*head, *e.lines]) + "\n}\n"

    # Loops ----------------------------------------------------------------------------------

    def _loops(self, depth: int, index: list[Index]) -> None:
        if depth == len(self.nest.lead):
            self._turn(index)
            return
        n = self.nest.lead[depth]
        edges = [0, *(p for p in self.cuts.get(depth, ()) if 0 < p < n), n]
        for start, stop in itertools.pairwise(edges):
            if stop > start:
                self._loop(depth, stop, lambda i: self._loops(depth + 1, [*index, i]), start, depth)

    def _loop(self, key: Any, n: int, body: Any, start: int = 0, depth: int | None = None) -> None:
        """Write one of the loops, from `start` to n; the key is its depth, or as it is called in other functions."""
        if depth is not None and n - start == 1:
            body(start)
        else:
            counted(self.e, n, body, start, depth)

    def _turn(self, lead: list[Index]) -> None:
        self._memo = {}
        for x in self._in_order():
            for rest in np.ndindex(*x.type.shape[len(lead) :]):
                self.element(x, [*lead, *map(int, rest)])
        for x in self.nest.stores:
            for rest in np.ndindex(*x.type.shape[len(lead) :]):
                index = [*lead, *map(int, rest)]
                self._store(x, index, self.element(x, index))
        for eq in self.nest.sums:
            x = eq.operands[0]
            for rest in np.ndindex(*x.type.shape[len(lead) :]):
                self._add_up(eq, [*lead, *map(int, rest)])

    def _in_order(self) -> list[Var]:
        """Return the values of the nest's own shape that it computes, in order: so that no recursion runs deep."""
        if len(self.plan.program.equations) < 200:
            return []
        wanted: set[Any] = set()
        todo: list[Any] = [*self.nest.stores, *(eq.operands[0] for eq in self.nest.sums)]
        while todo:
            x = todo.pop()
            if type(x) is Var and x not in wanted and (x in self._here or x not in self.plan.stored):
                wanted.add(x)
                eq = self.plan.defined[x]
                if eq.primitive.name in OPERATIONS:
                    todo += [y for y in eq.operands if y.type.shape == x.type.shape]
        shape = (self.nest.stores or [self.nest.sums[0].operands[0]])[0].type.shape
        defined = self.plan.defined
        found = [x for x in wanted if x.type.shape == shape and defined[x].primitive.name in OPERATIONS]
        return sorted(found, key=self.plan.order.__getitem__)

    # Elements -------------------------------------------------------------------------------

    def element(self, x: Any, index: list[Index]) -> str:
        """Return a register with one element of a value."""
        if type(x) is Literal:
            return constant(x.value, x.type.dtype)
        key = x, tuple(index)
        found = self._memo.get(key)
        if found is None:
            computed = x in self._here or x not in self.plan.stored
            found = self._memo[key] = self._compute(self.plan.defined[x], index) if computed else self._load(x, index)
        return found

    def _compute(self, eq: Equation, index: list[Index]) -> str:
        name, out = eq.primitive.name, eq.results[0].type
        if is_view(eq):
            return self.element(eq.operands[0], VIEWS[name](self.e, eq, index, partial(self._start, eq)))
        if name in ASSEMBLED:
            return ASSEMBLED[name](self, eq, index)
        if name in REDUCTIONS:
            return self._reduce_inline(eq, index)
        if name in ("argmax", "argmin"):
            return self._place_inline(eq, index)
        if name == "searchsorted":
            return searched(self, eq, index)
        if name == "contract":
            return self._contract_inline(eq, index)
        if name == "iota":
            return self._iota(index[0], out)
        xs = [self.element(x, aligned(index, x.type.shape)) for x in eq.operands]
        types = [x.type for x in eq.operands]
        if name in WITH_PARAMETERS:
            return WITH_PARAMETERS[name](self.e, xs, types, out, eq.params)
        return OPERATIONS[name](self.e, xs, types, out)

    def _iota(self, i: Index, out: Any) -> str:
        return self.e.convert(str(i), np.int64, out.dtype)

    def _start(self, eq: Equation, x: Any, size: int, item: tuple, at: list[Index]) -> Index:
        """Return an index operand as a number or register: wrapped if negative, and checked, or moved into range."""
        taken, step = (item[2], item[3]) if item[0] == "slice" else (1, 1)
        reach = (max(taken, 1) - 1) * step
        low, high = max(0, -reach), size - 1 - max(0, reach)
        clip = eq.params.get("mode", "raise") == "clip"
        e = self.e
        i = e.convert(self.element(x, at), x.type.dtype, np.int64)
        if i.lstrip("-").isdigit() and (clip or low <= int(i) + (size if int(i) < 0 else 0) <= high):
            number = int(i)
            if clip:
                return int(clipped(number, size, taken, step))
            return number + size if number < 0 and (item[0] == "array" or type(x) is not Literal) else number
        span = interval(e, i)
        if span is not None and low <= span[0] and span[1] <= high:
            return i
        wrapped = e.op(f"select i1 {e.op(f'icmp slt i64 {i}, 0')}, i64 {e.op(f'add i64 {i}, {size}')}, i64 {i}")
        if clip:
            up = e.intrinsic("smax", "i64", wrapped, str(low))
            return e.intrinsic("smin", "i64", up, str(max(high, low)))
        inside = e.op(f"and i1 {e.op(f'icmp sge i64 {wrapped}, {low}')}, {e.op(f'icmp sle i64 {wrapped}, {high}')}")
        axis = [i for i in eq.params["spec"] if i[0] != "newaxis"].index(item)
        self._note(eq, wrapped, (axis, size, low, high))
        return e.op(f"select i1 {inside}, i64 {wrapped}, i64 {low}")

    def _slot(self, t: str) -> str:
        """Return the address of a local variable."""
        slot = f"%{self.e.fresh('local')}"
        self._slots.append(f"  {slot} = alloca {t}")
        return slot

    def _note(self, eq: Equation, index: str, limits: tuple[int, int, int, int]) -> None:
        """Note the least and the greatest index that an equation reads: they are judged at the end of the function."""
        e, key = self.e, (id(eq), limits)
        if key not in self._extremes:
            self._extremes[key] = eq, f"%{e.fresh('most')}", f"%{e.fresh('least')}"
        for slot, name in zip(self._extremes[key][1:], ("smax", "smin"), strict=True):
            e.do(f"store i64 {e.intrinsic(name, 'i64', e.op(f'load i64, ptr {slot}'), index)}, ptr {slot}")

    def _judge(self) -> list[str]:
        """Write the status where an index was out of range (see `faults`); return what begins the function."""
        e = self.e
        for (_, (axis, size, low, high)), (eq, most, least) in self._extremes.items():
            pointer = self.pointer("status")
            self.checks.append((eq, (axis, size)))
            greatest, smallest = e.op(f"load i64, ptr {most}"), e.op(f"load i64, ptr {least}")
            above, below = e.op(f"icmp sgt i64 {greatest}, {high}"), e.op(f"icmp slt i64 {smallest}, {low}")
            old = e.op(f"load i64, ptr {pointer}")
            out = e.op(f"and i1 {e.op(f'or i1 {above}, {below}')}, {e.op(f'icmp eq i64 {old}, 0')}")
            index = e.op(f"select i1 {above}, i64 {greatest}, i64 {e.op(f'sub i64 {smallest}, {size}')}")
            slot = e.op(f"getelementptr inbounds i64, ptr {pointer}, i64 1")
            for address, new in ((pointer, str(len(self.checks))), (slot, index)):
                before = e.op(f"load i64, ptr {address}")
                e.do(f"store i64 {e.op(f'select i1 {out}, i64 {new}, i64 {before}')}, ptr {address}")
        return self._limits()

    def _limits(self) -> list[str]:
        """Return the slots of the extremes of indices, which begin in range."""
        limits = ((slots, within[2:]) for (_, within), (_, *slots) in self._extremes.items())
        pairs = [pair for slots, within in limits for pair in zip(slots, within, strict=True)]
        return [f"  {slot} = alloca i64\n  store i64 {first}, ptr {slot}" for slot, first in pairs]

    def _reduce_inline(self, eq: Equation, index: list[Index]) -> str:
        x, out = eq.operands[0], eq.results[0].type
        axes = reduced_axes(eq)
        kept = self._kept_positions(eq)
        total = None
        for inner in itertools.product(*(range(x.type.shape[a]) for a in axes)):
            full: list[Index] = [0] * x.type.ndim
            for a, i in zip(kept[0], kept[1], strict=True):
                full[a] = index[i]
            for a, i in zip(axes, inner, strict=True):
                full[a] = i
            value = self.e.convert(self.element(x, full), x.type.dtype, out.dtype)
            total = value if total is None else combine(self.e, eq, total, value, out, reassoc=False)
        return identity(eq, out.dtype) if total is None else total

    def _place_inline(self, eq: Equation, index: list[Index]) -> str:
        """Return where the extremum along an axis of few elements is first."""
        e, x, axis = self.e, eq.operands[0], eq.params["axis"]
        t, best, where = llvm_type(x.type.dtype), "", "0"
        for i in range(x.type.shape[axis]):
            value = self.element(x, [*index[:axis], i, *index[axis:]])
            if i:
                more = beats(e, eq, x.type.dtype, value, best)
                where = e.op(f"select i1 {more}, i64 {i}, i64 {where}")
                value = e.op(f"select i1 {more}, {t} {value}, {t} {best}")
            best = value
        return e.convert(where, np.int64, eq.results[0].type.dtype)

    @staticmethod
    def _kept_positions(eq: Equation) -> tuple[list[int], list[int]]:
        """Return the axes of the operand that are kept, and where each is in the result."""
        axes, x, y = reduced_axes(eq), eq.operands[0].type, eq.results[0].type
        kept = [a for a in range(x.ndim) if a not in axes]
        if x.ndim == y.ndim:  # keepdims, or a sum over axes of size 1
            return kept, kept
        if eq.primitive.name == "sum_to":
            lead = x.ndim - y.ndim
            return kept, [a - lead for a in kept]
        return kept, list(range(len(kept)))

    def _contract_inline(self, eq: Equation, index: list[Index]) -> str:
        a, b = eq.operands
        al, bl, ol = (eq.params[k] for k in ("a_axes", "b_axes", "out_axes"))
        sizes = dict(zip((*al, *bl), (*a.type.shape, *b.type.shape), strict=True))
        at: dict[int, Index] = dict(zip(ol, index, strict=True))
        summed = [x for x in sizes if x not in ol]
        out = eq.results[0].type
        total = None
        for inner in itertools.product(*(range(sizes[x]) for x in summed)):
            at.update(zip(summed, inner, strict=True))
            pair = [self.element(x, [at[k] for k in labels]) for x, labels in ((a, al), (b, bl))]
            value = OPERATIONS["mul"](self.e, pair, [a.type, b.type], out)
            total = value if total is None else OPERATIONS["add"](self.e, [total, value], [out, out], out)
        return constant(0, out.dtype) if total is None else total

    # Memory ---------------------------------------------------------------------------------

    def pointer(self, x: Any) -> str:
        """Return the pointer argument of a value."""
        if x not in self._pointers:
            self._pointers[x] = f"%p{len(self.arguments)}"
            self.arguments.append(x)
        return self._pointers[x]

    def _address(self, x: Any, position: Index) -> str:
        t = memory_type(x.type.dtype)
        return self.e.op(f"getelementptr inbounds {t}, ptr {self.pointer(x)}, i64 {position}")

    def _load(self, x: Any, index: list[Index]) -> str:
        address = self._address(x, linear(self.e, index, x.type.shape))
        return load(self.e, x.type.dtype, address)

    def _store(self, x: Any, index: list[Index], value: str) -> None:
        store(self.e, x.type.dtype, value, self._address(x, linear(self.e, index, x.type.shape)))

    # Reductions over the lead -----------------------------------------------------------------

    def _small(self, eq: Equation) -> bool:
        """Return whether the whole result of a reduction is held in registers."""
        k = len(self.nest.lead)
        return eq.results[0].type.size <= _IN_REGISTERS and set(range(k)) <= set(reduced_axes(eq))

    def _begin_sum(self, eq: Equation) -> None:
        e, y = self.e, eq.results[0]
        start = identity(eq, y.type.dtype)
        if self._small(eq):
            for i in range(y.type.size):
                slot = e.op(f"alloca {llvm_type(y.type.dtype)}")
                e.do(f"store {llvm_type(y.type.dtype)} {start}, ptr {slot}")
                self._accumulators[y, i] = slot
        else:
            counted(e, y.type.size, lambda i: store(e, y.type.dtype, start, self._address(y, i)))

    def _add_up(self, eq: Equation, index: list[Index]) -> None:
        e, x, y = self.e, eq.operands[0], eq.results[0]
        value = e.convert(self.element(x, index), x.type.dtype, y.type.dtype)
        kept, places = self._kept_positions(eq)
        at: list[Index] = [0] * y.type.ndim
        for a, i in zip(kept, places, strict=True):
            at[i] = index[a]
        position = linear(e, at, y.type.shape)
        t = llvm_type(y.type.dtype)
        if self._small(eq):
            slot = self._accumulators[y, position]
            e.do(f"store {t} {combine(e, eq, e.op(f'load {t}, ptr {slot}'), value, y.type)}, ptr {slot}")
        else:
            address = self._address(y, position)
            store(e, y.type.dtype, combine(e, eq, load(e, y.type.dtype, address), value, y.type), address)

    def _end_sum(self, eq: Equation) -> None:
        y = eq.results[0]
        if self._small(eq):
            t = llvm_type(y.type.dtype)
            for i in range(y.type.size):
                value = self.e.op(f"load {t}, ptr {self._accumulators[y, i]}")
                store(self.e, y.type.dtype, value, self._address(y, i))


@contextlib.contextmanager
def _deep() -> Iterator[None]:
    """Let Python recurse as deep as equations are computed one in the other: frames of Python's alone, on the heap."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _FRAMES))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def counted(e: Emitter, n: int, body: Any, start: int = 0, depth: int | None = None) -> None:
    """Write a loop from `start` to n around what `body` writes for an index register; `depth`: which of the lead."""
    if n <= start:
        return
    k = e.fresh("")
    e.affine[f"%i{k}"] = {f"%i{k}": 1}, 0
    e.counters[f"%i{k}"] = start, n - 1, depth
    e.do(f"br label %before{k}")
    e.label(f"before{k}")
    e.do(f"br label %turn{k}")
    e.label(f"turn{k}")
    e.do(f"%i{k} = phi i64 [ {start}, %before{k} ], [ %next{k}, %end{k} ]")
    body(f"%i{k}")
    e.do(f"br label %end{k}")
    e.label(f"end{k}")
    e.do(f"%next{k} = add nuw nsw i64 %i{k}, 1")
    e.do(f"%more{k} = icmp ult i64 %next{k}, {n}")
    e.do(f"br i1 %more{k}, label %turn{k}, label %after{k}")
    e.label(f"after{k}")


def load(e: Emitter, dtype: Any, address: str) -> str:
    """Return a register loaded from an address."""
    if np.dtype(dtype).kind == "c":  # part by part: LLVM vectorises no loads of structures
        t = llvm_type(part_dtype(dtype))
        re, im = (e.op(f"load {t}, ptr {place}") for place in _part_addresses(e, t, address))
        return e.pair(re, im, t)
    value = e.op(f"load {memory_type(dtype)}, ptr {address}")
    return e.op(f"icmp ne i8 {value}, 0") if np.dtype(dtype).kind == "b" else value


def store(e: Emitter, dtype: Any, value: str, address: str) -> None:
    """Store a register at an address."""
    if np.dtype(dtype).kind == "b":
        value = e.op(f"zext i1 {value} to i8")
    elif np.dtype(dtype).kind == "c":
        t = llvm_type(part_dtype(dtype))
        for part, place in zip(e.parts(value, t), _part_addresses(e, t, address), strict=True):
            e.do(f"store {t} {part}, ptr {place}")
        return
    e.do(f"store {memory_type(dtype)} {value}, ptr {address}")


def _part_addresses(e: Emitter, t: str, address: str) -> tuple[str, str]:
    return address, e.op(f"getelementptr inbounds {t}, ptr {address}, i64 1")
