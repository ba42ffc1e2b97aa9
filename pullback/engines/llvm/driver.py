"""driver: the steps of a plan to the function ``i32 entry(ptr)``: calls, native loops and branches.

The argument is a table of pointers: inputs, outputs, constants, the arena, the status, and
the callback's table. Buffers come from one arena, planned by liveness; what is small lives
on the stack, where LLVM turns it into registers.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from pullback.core.program import Equation, Literal, Program, Var
from pullback.core.types import TapeType, array_type

from . import large_products
from .access import place_in
from .arena import Arena, Slots
from .bits import BitsFunction
from .blas import call_arguments
from .contractions import ContractionFunction
from .control import Control
from .interrupts import POLL, look_up
from .lapack import MatrixFunction, SharedFactors
from .large_products import Sharing, shared_product
from .lengths import kept_apart
from .liveness import changed_operand, constants_in, last_uses
from .native import ONE_THREAD, blas_threads, clock
from .nest import NestFunction, counted, store
from .plan import (
    Alias,
    Bits,
    Branches,
    Callback,
    Contraction,
    Loop,
    Matrix,
    Nest,
    OfTape,
    Plan,
    Product,
    Row,
    Table,
    Update,
)
from .pool import PARALLEL
from .products import BLAS_LETTERS, MatrixProduct, canonical, matrix_product
from .ranges import plus, times
from .rows import RowFunction
from .scalars import constant, memory_type
from .splitting import cut_of, function_in_pieces
from .updates import LastWritten, UpdateFunction

__all__ = ["Module", "Unsupported", "write_module"]

_LOOPS = {Contraction: ContractionFunction, Row: RowFunction, Bits: BitsFunction}
POISON = False  # tests set it: what the arena has back is filled with NaN


class Unsupported(Exception):
    """What this engine leaves to the evaluator; it never reaches the user."""


class Module:
    """The text of a module and what it needs to run.

    Attributes
    ----------
    text : str
    callbacks : list of Equation
    arena_size : int
    blas : set of str
    checks : list of (Equation, (int, int) or None)
        What a status of 1, 2, … says: whose index was out of range, of which axis and size; None: whose
        matrix has no result.
    timed : list of (Plan, step)
        Whose ticks are added up, where there is a clock.
    constants : list of ndarray
        Arrays that stand in the Program's equations: pointed to behind its own constants.
    growing : list of Equation or None
        What asks for memory while it runs; the second word of the status names one that got none.
    """

    def __init__(
        self, text: str, callbacks: list[Equation], arena_size: int, blas: set[str], math: Any, checks: list[Any],
        timed: list[tuple[Plan, Any]], constants: list[np.ndarray], growing: list[Equation | None],
    ) -> None:  # fmt: skip
        self.text, self.callbacks, self.arena_size, self.blas, self.math = text, callbacks, arena_size, blas, math
        self.checks, self.timed, self.constants, self.growing = checks, timed, constants, growing


def write_module(
    made: Plan, contract: bool = False, clock: str = "", arena: Arena | None = None, threads: int = 0
) -> Module:
    """Return the module of a plan; `Unsupported` where the evaluator must run it.

    With the intrinsic of a `clock`, the ticks that each step takes are added up, in one more
    table of the entry's argument; `Module.timed` has the steps. Memory is taken from the `arena`.
    `threads` may take pieces of large loops; 0: as many as `set_threads` says when it runs.
    """
    driver = _Driver(made, contract, clock, threads)
    driver.arena = arena or driver.arena
    return driver.write()


class _Driver(Control):
    def __init__(self, made: Plan, contract: bool, clock: str, threads: int) -> None:
        super().__init__(contract)
        self.plan, self.contract, self.clock, self.threads = made, contract, clock, threads
        self.timed: list[tuple[Plan, Any]] = []
        self.functions: list[str] = []
        self.repeated: set[str] = set()  # names of those that a loop or a branch calls
        self.is_top = True
        self.written: dict[str, str] = {}  # the text of a nest, without its name, to its name
        self.math: set[tuple[str, str]] = set()
        self.callbacks: list[Equation] = []
        self.checks: list[Any] = []  # what the status names: (equation, size of the axis), from number 1 on
        self.blas: set[str] = set()
        self.factors = SharedFactors(made)  # of the steps that are being written
        self.pointed: set[Any] = set()  # values that lie in the memory of others
        self.taken: set[Any] = set()  # results that have the memory of the value that they change

    # The whole --------------------------------------------------------------------------------

    def write(self) -> Module:
        program = self.plan.program
        outputs, arrays = self._read_table(program)
        self.home["status"] = self.status
        taken: set[Any] = set()
        for x, pointer in zip(program.outputs, outputs, strict=True):
            tape = isinstance(x.type, TapeType)
            if type(x) is Var and x in self.plan.defined and x not in taken and x not in self.home and not tape:
                self.home[x] = pointer
                taken.add(x)
        self._steps(self.plan, top=True)
        for x, pointer in zip(program.outputs, outputs, strict=True):
            if type(x) is Literal:
                store(self.e, x.type.dtype, constant(x.value, x.type.dtype), pointer)
            elif isinstance(x.type, TapeType):
                self._give_out(x, pointer)
            elif self.home[x] != pointer:
                self._copy(pointer, self.home[x], x.type.nbytes, once=True)
        self._leave()
        if POISON:
            self.declared.add("declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)")
            where = f"ptr {self.arena_pointer}, i8 -1, i64 {self.arena.size}"
            self.head.do(f"call void @llvm.memset.p0.i64({where}, i1 false)")
        return Module(
            self._text(), self.callbacks, self.arena.size, self.blas, self.math, self.checks, self.timed, arrays,
            self.growing,
        )  # fmt: skip

    def _give_out(self, x: Var, pointer: str) -> None:
        """Hand a tape to the caller: with its memory, where a loop has written it for this result alone."""
        owner = self.owners.pop(x, None)
        if owner is None:
            owner = self._new_stacks(x.type, self.plan.defined.get(x))
            copy = self._descriptor(x.type)
            self._copied(owner, self.home[x])
            self._describe(copy, owner, self.e.op(f"load i64, ptr {self._word(self.home[x], 1)}"))
            self._hand_over(pointer, owner, copy)
            return
        self._hand_over(pointer, owner, self.home[x])

    def _read_table(self, program: Program) -> tuple[list[str], list[np.ndarray]]:
        """Give what the entry's argument points to its homes; return the outputs' pointers, and arrays in equations."""
        pointers = (self._from_table(n) for n in itertools.count())
        self.home.update(zip(program.inputs, pointers, strict=False))
        tapes = {k: next(pointers) for k, x in enumerate(program.outputs) if isinstance(x.type, TapeType)}
        outputs = [tapes[k] if k in tapes else next(pointers) for k in range(len(program.outputs))]
        for x, _ in program.constants:
            self.home[x] = next(pointers)
        arrays: dict[int, tuple[np.ndarray, str]] = {}
        for x, array in constants_in(self.plan):
            if id(array) not in arrays:
                arrays[id(array)] = array, next(pointers)
            self.home[x] = arrays[id(array)][1]
        self.arena_pointer, self.status, self.table = next(pointers), next(pointers), next(pointers)
        self.ticks = next(pointers) if self.clock else ""
        return outputs, [array for array, _ in arrays.values()]

    def _text(self) -> str:
        lines = "\n".join([*self.head.lines, *self.e.lines])
        entry = f"define internal i32 @entry(ptr %args) noinline {{\nstart:\n{lines}\n}}\n"  # inlined, it slows LLVM
        functions = [*kept_apart(self.functions, self.repeated), *self._tape_functions()]
        if self.due or self.callbacks:
            self.declared.add(f"declare i64 @{clock()}()")
            functions.append(look_up(clock()))
        declared = sorted(self.declared | self.e.declared | self.head.declared)
        attributes = 'attributes #0 = { nounwind "prefer-vector-width"="512" "stackrealign" }\n'
        return "\n".join([*declared, *functions, entry, attributes])

    def _from_table(self, i: int) -> str:
        return self.head.op(f"load ptr, ptr {self.head.op(f'getelementptr ptr, ptr %args, i64 {i}')}")

    def _poison(self, pointer: str, nbytes: int) -> None:
        if POISON:
            self.declared.add("declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)")
            self.e.do(f"call void @llvm.memset.p0.i64(ptr {pointer}, i8 -1, i64 {nbytes}, i1 false)")

    # Steps ------------------------------------------------------------------------------------

    def _steps(self, made: Plan, top: bool = False) -> None:
        last = last_uses(made) if top or any(isinstance(step, Update | Product) for step in made.steps) else {}
        owned: list[tuple[Any, int, int]] = []
        outer, was_top = self.factors, self.is_top
        self.factors, self.is_top = SharedFactors(made), top
        for i, step in enumerate(made.steps):
            x = changed_operand(step)
            if x is not None:
                self._take_over(made, step.eq, x, last.get(x, i) <= i, owned)
            if isinstance(step, Alias | Table):
                self._point(step)
                continue
            self._give_homes(made, step if isinstance(step, Nest) else step.eq, owned, top)
            self._step(made, step)
            if top:
                for x, offset, nbytes in [o for o in owned if last.get(o[0], -1) <= i]:
                    self.arena.give_back(offset, nbytes)
                    self._poison(self.home[x], nbytes)
                    owned.remove((x, offset, nbytes))
        self.factors, self.is_top = outer, was_top

    def _point(self, step: Alias | Table) -> None:
        """Point to what is in memory."""
        if isinstance(step, Table):
            self._table(step.eq)
            return
        (x, *_), y, place = step.eq.operands, step.eq.results[0], place_in(step.eq)
        self.pointed.add(y)
        at = self._pointer(x)
        self.home[y] = self.e.op(f"getelementptr {memory_type(x.type.dtype)}, ptr {at}, i64 {place}") if place else at

    def _step(self, made: Plan, step: Any) -> None:
        if not self.clock or isinstance(step, Loop | Branches):
            self._plain_step(made, step)
            return
        self.declared.add(f"declare i64 @{self.clock}()")
        before = self.e.op(f"call i64 @{self.clock}()")
        self._plain_step(made, step)
        taken = self.e.op(f"sub i64 {self.e.op(f'call i64 @{self.clock}()')}, {before}")
        slot = self.e.op(f"getelementptr i64, ptr {self.ticks}, i64 {len(self.timed)}")
        had = self.e.op(f"load i64, ptr {slot}")
        self.e.do(f"store i64 {self.e.op(f'add i64 {had}, {taken}')}, ptr {slot}")
        self.timed.append((made, step))

    def _plain_step(self, made: Plan, step: Any) -> None:
        if isinstance(step, Nest):
            self._nest(made, step)
        elif isinstance(step, Product):
            self._product(step.eq)
        elif type(step) in _LOOPS:
            self._run_step(made, step, _LOOPS[type(step)], step.eq)
        elif isinstance(step, Matrix):
            self._matrix(made, step.eq)
        elif isinstance(step, Update):
            self._update(made, step.eq)
        elif isinstance(step, Callback):
            self._callback(step.eq)
        elif isinstance(step, OfTape):
            self._of_tape(step.eq)
        elif isinstance(step, Loop):
            self._loop(step)
        elif isinstance(step, Branches):
            self._branches(step)

    def _nest(self, made: Plan, nest: Nest) -> None:
        self._run_step(made, nest, NestFunction, nest)

    def _run_step(self, made: Plan, step: Any, kind: Any, what: Any) -> None:
        """Write a step of loops and the call of it: in pieces, where it is long, and the lengths are known."""
        name, more = f"nest{len(self.functions)}", (made, self.contract, self.checks)
        cut = None if isinstance(self.arena, Slots) else cut_of(step, made)
        if cut is None:
            self._run(kind(name, what, *more))
            return
        if PARALLEL not in self.functions:
            self.functions.append(PARALLEL)
        self._run(function_in_pieces(step, cut, self.threads, name, *more))

    def _run(self, function: NestFunction) -> None:
        """Write a nest and the call of it; of equal nests, the first is called."""
        text = function.text()
        if function.work and function.place not in self.home:
            self.home[function.place] = self._slot(array_type((function.work,), np.dtype(np.uint8)))
        alike = text.replace(f"@{function.name}(", "@(").replace(f"@{function.name}.", "@.")
        name = self.written.setdefault(alike, function.name)
        if name == function.name:
            self.functions.append(text)
        if not self.is_top:
            self.repeated.add(name)
        self.math |= function.e.math
        self.declared |= function.e.declared
        pointers = ", ".join(f"ptr {self.home[x]}" for x in function.arguments)
        self.e.do(f"call void @{name}({pointers})")

    def _take_over(self, made: Plan, eq: Equation, x: Var, dead: bool, owned: list[tuple[Any, int, int]]) -> None:
        """Give the result of an update the memory of the value x that it changes, if that value is dead after."""
        y = eq.results[0]
        if y in self.taken:
            self.taken.discard(y)
            del self.home[y]
        # A constant is everybody's, and what is pointed to is another's memory.
        mine = x in made.defined and made.defined[x].primitive.name != "constant" and x not in self.pointed
        mine = mine or x in self.changeable
        once = sum(type(o) is Var and self.home.get(o) == self.home[x] for o in eq.operands) == 1
        if not (dead and mine and once) or y in self.home or x.type.nbytes != y.type.nbytes:
            return
        self.home[y] = self.home[x]
        self.taken.add(y)
        owned[:] = [(y if o is x else o, offset, nbytes) for o, offset, nbytes in owned]

    def _update(self, made: Plan, eq: Equation) -> None:
        x, y = eq.operands[0], eq.results[0]
        if eq.primitive.name == "scatter":
            self.declared.add("declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)")
            self.e.do(f"call void @llvm.memset.p0.i64(ptr {self.home[y]}, i8 0, i64 {y.type.nbytes}, i1 false)")
        elif y not in self.taken and eq.primitive.name != "last_written":
            self._copy(self.home[y], self._pointer(x), y.type.nbytes)
        name = f"nest{len(self.functions)}"
        if eq.primitive.name == "last_written":
            self.home["table", y] = self._slot(array_type(eq.params["shape"], np.dtype(np.int64)))
            self._run(LastWritten(name, eq, made, self.contract, self.checks))
            return
        self._run(UpdateFunction(name, eq, made, self.contract, self.checks, y in self.taken))

    def _matrix(self, made: Plan, eq: Equation) -> None:
        """Call the function of an equation of linear algebra; end the call where a matrix has no result."""
        e, k = self.e, self.e.fresh("")
        name, shared = f"nest{len(self.functions)}", self.factors.take(eq)
        function = MatrixFunction(name, eq, made, self.contract, self.checks, *shared)
        alone = not function.small and self._one_thread()
        self._run(function)
        self.blas |= function.calls
        if alone:
            e.do("call void @blas_leave()")
        bad = e.op(f"icmp ne i64 {e.op(f'load i64, ptr {self.status}')}, 0")
        e.do(f"br i1 {bad}, label %leave, label %well{k}")
        e.label(f"well{k}")

    def _product(self, eq: Equation) -> None:
        """Call BLAS, in loops where there are more axes; a third operand is what is added to."""
        a, b, *added = eq.operands
        y, p = eq.results[0], matrix_product(canonical(eq))
        if p is None:
            raise Unsupported("a product that BLAS does not do")
        if added and y not in self.taken:
            self._copy(self.home[y], self._pointer(added[0]), y.type.nbytes)
        pointers = {"a": self._pointer(a), "b": self._pointer(b), "c": self.home[y]}
        numbers = {"alpha": eq.params.get("alpha", 1.0), "beta": float(bool(added))}
        alone = self._one_thread()
        how = shared_product(p) if alone and not isinstance(self.arena, Slots) else None
        if how is None:
            self._products(p, p.loops, y.type.dtype, pointers, numbers, {"a": 0, "b": 0, "c": 0})
        else:
            self._share(p, how, y.type.dtype, pointers, numbers)
        if alone:
            self.e.do("call void @blas_leave()")

    def _share(self, p: MatrixProduct, how: Sharing, dtype: Any, pointers: dict, numbers: dict) -> None:
        """Write a product in pieces, and the call of it; of equal products, the first is called."""
        if PARALLEL not in self.functions:
            self.functions.append(PARALLEL)
        name, key = f"product{len(self.functions)}", repr((p, dtype, numbers))
        if self.written.setdefault(key, name) == name:
            self.functions.append(large_products.written(self, name, p, how, dtype, numbers))
        a, b, c = (pointers[x] for x in "abc")
        self.e.do(f"call void @{self.written[key]}(ptr {a}, ptr {b}, ptr {c})")

    def _one_thread(self) -> bool:
        """Let BLAS run with one thread from here on; False where it does not tell with how many it runs."""
        if not blas_threads():
            return False
        if ONE_THREAD not in self.functions:
            self.functions.append(ONE_THREAD)
        self.declared |= {"declare i32 @blas_threads()", "declare void @set_blas_threads(i32)"}
        self.e.do("call void @blas_enter()")
        return True

    def _products(self, p: MatrixProduct, loops: Any, dtype: Any, pointers: dict, numbers: dict, at: dict) -> None:
        if loops:
            (size, *strides), *rest = loops

            def turn(i: Any) -> None:
                moved = {k: plus(self.e, at[k], times(self.e, i, s)) for k, s in zip("abc", strides, strict=True)}
                self._products(p, rest, dtype, pointers, numbers, moved)

            counted(self.e, size, turn)
            return
        kind, arguments = call_arguments(p)
        t = memory_type(dtype)
        texts = []
        for x in arguments:
            if isinstance(x, int):
                texts.append(self._small_int(x))
            elif x in numbers:
                texts.append(self._number(numbers[x], dtype))
            elif x in pointers:
                moved = f"getelementptr {t}, ptr {pointers[x]}, i64 {at[x]}"
                texts.append(self.e.op(moved) if p.loops else pointers[x])
            else:
                texts.append(self._char(x))
        name = BLAS_LETTERS[dtype.name] + kind
        self.blas.add(name)
        self.declared.add(f"declare void @{name}({', '.join(['ptr'] * len(texts))})")
        self.e.do(f"call void @{name}({', '.join(f'ptr {x}' for x in texts)})")

    def _of_tape(self, eq: Equation) -> None:
        """Write what needs no loop: an empty tape, or how many turns there are."""
        y = eq.results[0]
        if eq.primitive.name == "empty_tape":
            self.home[y] = self._descriptor(y.type)
            return
        turns = self.e.op(f"load i64, ptr {self._word(self._pointer(eq.operands[0]), 1)}")
        self.e.do(f"store i64 {turns}, ptr {self.home[y]}")

    def _callback(self, eq: Equation) -> None:
        if any(isinstance(x.type, TapeType) for x in (*eq.operands, *eq.results)):
            raise Unsupported(f"{eq.primitive.name} of a tape")
        pointers = [self._pointer(x) for x in eq.operands] + [self.home[x] for x in eq.results]
        for i, p in enumerate(pointers):
            self.e.do(f"store ptr {p}, ptr {self.e.op(f'getelementptr ptr, ptr {self.table}, i64 {i}')}")
        self.declared.add("declare i32 @pb_callback(i32, ptr)")
        self._leave_if(self.e.op("call i1 @signals()"), POLL)  # what is raised as a callback begins would be lost
        failed = self.e.op(f"call i32 @pb_callback(i32 {len(self.callbacks)}, ptr {self.table})")
        self.callbacks.append(eq)
        self._leave_if(self.e.op(f"icmp ne i32 {failed}, 0"), 1)
