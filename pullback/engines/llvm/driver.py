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

from .blas import call_arguments
from .buffers import Buffers
from .contractions import ContractionFunction
from .liveness import changed_operand, constants_in, last_uses
from .native import ONE_THREAD, blas_threads
from .nest import NestFunction, counted, load, store
from .plan import Alias, Branches, Callback, Contraction, Loop, Nest, Plan, Product, Row, Update
from .products import MatrixProduct, canonical, matrix_product
from .ranges import plus, times
from .rows import RowFunction
from .scalars import constant, memory_type
from .updates import LastWritten, UpdateFunction

__all__ = ["Module", "Unsupported", "write_module"]

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
    checks : list of (Equation, int)
        What a status of 1, 2, … says: whose index was out of range, of an axis of which size.
    timed : list of (Plan, step)
        Whose ticks are added up, where there is a clock.
    constants : list of ndarray
        Arrays that stand in the Program's equations: pointed to behind its own constants.
    """

    def __init__(
        self, text: str, callbacks: list[Equation], arena_size: int, blas: set[str], math: Any, checks: list[Any],
        timed: list[tuple[Plan, Any]], constants: list[np.ndarray],
    ) -> None:  # fmt: skip
        self.text, self.callbacks, self.arena_size, self.blas, self.math = text, callbacks, arena_size, blas, math
        self.checks, self.timed, self.constants = checks, timed, constants


def write_module(made: Plan, contract: bool = False, clock: str = "") -> Module:
    """Return the module of a plan; `Unsupported` where the evaluator must run it.

    With the intrinsic of a `clock`, the ticks that each step takes are added up, in one more
    table of the entry's argument; `Module.timed` has the steps.
    """
    return _Driver(made, contract, clock).write()


class _Driver(Buffers):
    def __init__(self, made: Plan, contract: bool, clock: str) -> None:
        super().__init__(contract)
        self.plan, self.contract, self.clock = made, contract, clock
        self.timed: list[tuple[Plan, Any]] = []
        self.functions: list[str] = []
        self.math: set[tuple[str, str]] = set()
        self.callbacks: list[Equation] = []
        self.checks: list[Any] = []  # what the status names: (equation, size of the axis), from number 1 on
        self.blas: set[str] = set()
        self.taken: set[Any] = set()  # results that have the memory of the value that they change
        self.changeable: set[Any] = set()  # inputs of bodies that may be changed in place: carries

    # The whole --------------------------------------------------------------------------------

    def write(self) -> Module:
        program = self.plan.program
        self._check(program)
        outputs, arrays = self._read_table(program)
        self.home["status"] = self.status
        taken: set[Any] = set()
        for x, pointer in zip(program.outputs, outputs, strict=True):
            if type(x) is Var and x in self.plan.defined and x not in taken and x not in self.home:
                self.home[x] = pointer
                taken.add(x)
        self._steps(self.plan, top=True)
        for x, pointer in zip(program.outputs, outputs, strict=True):
            if type(x) is Literal:
                store(self.e, x.type.dtype, constant(x.value, x.type.dtype), pointer)
            elif self.home[x] != pointer:
                self._copy(pointer, self.home[x], x.type.nbytes)
        self._free_tapes()
        self.e.do("ret i32 0")
        if self.callbacks:  # here, where all tapes are known: one that comes later may have been written a turn ago
            self.e.label("failed")
            self._free_tapes()
            self.e.do("ret i32 1")
        if POISON:
            self.declared.add("declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)")
            where = f"ptr {self.arena_pointer}, i8 -1, i64 {self.arena.size}"
            self.head.do(f"call void @llvm.memset.p0.i64({where}, i1 false)")
        return Module(
            self._text(), self.callbacks, self.arena.size, self.blas, self.math, self.checks, self.timed, arrays
        )  # fmt: skip

    def _read_table(self, program: Program) -> tuple[list[str], list[np.ndarray]]:
        """Give what the entry's argument points to its homes; return the outputs' pointers, and arrays in equations."""
        pointers = (self._from_table(n) for n in itertools.count())
        self.home.update(zip(program.inputs, pointers, strict=False))
        outputs = [next(pointers) for _ in program.outputs]
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

    def _check(self, program: Program) -> None:
        for x in (*program.inputs, *program.outputs):
            if isinstance(x.type, TapeType):
                raise Unsupported("a tape crosses the boundary")

    def _text(self) -> str:
        entry = "define i32 @entry(ptr %args) {\nstart:\n" + "\n".join([*self.head.lines, *self.e.lines]) + "\n}\n"
        declared = sorted(self.declared | self.e.declared | self.head.declared)
        attributes = 'attributes #0 = { nounwind "prefer-vector-width"="512" "stackrealign" }\n'
        return "\n".join([*declared, *self.functions, entry, attributes])

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
        for i, step in enumerate(made.steps):
            x = changed_operand(step)
            if x is not None:
                self._take_over(made, step.eq, x, last.get(x, i) <= i, owned)
            if isinstance(step, Alias):
                self.home[step.eq.results[0]] = self._pointer(step.eq.operands[0])
                continue
            self._give_homes(made, step if isinstance(step, Nest) else step.eq, owned, top)
            self._step(made, step)
            if top:
                for x, offset, nbytes in [o for o in owned if last.get(o[0], -1) <= i]:
                    self.arena.give_back(offset, nbytes)
                    self._poison(self.home[x], nbytes)
                    owned.remove((x, offset, nbytes))

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
        elif isinstance(step, Contraction):
            name = f"nest{len(self.functions)}"
            self._run(ContractionFunction(name, step.eq, made, self.contract, self.checks))
        elif isinstance(step, Row):
            name = f"nest{len(self.functions)}"
            self._run(RowFunction(name, step.eq, made, self.contract, self.checks))
        elif isinstance(step, Update):
            self._update(made, step.eq)
        elif isinstance(step, Callback):
            self._callback(step.eq)
        elif isinstance(step, Loop):
            self._loop(step)
        elif isinstance(step, Branches):
            self._branches(step)

    def _nest(self, made: Plan, nest: Nest) -> None:
        function = NestFunction(f"nest{len(self.functions)}", nest, made, self.contract, self.checks)
        self._run(function)

    def _run(self, function: NestFunction) -> None:
        self.functions.append(function.text())
        self.math |= function.e.math
        self.declared |= function.e.declared
        pointers = ", ".join(f"ptr {self.home[x]}" for x in function.arguments)
        self.e.do(f"call void @{function.name}({pointers})")

    def _take_over(self, made: Plan, eq: Equation, x: Var, dead: bool, owned: list[tuple[Any, int, int]]) -> None:
        """Give the result of an update the memory of the value x that it changes, if that value is dead after."""
        y = eq.results[0]
        if y in self.taken:
            self.taken.discard(y)
            del self.home[y]
        # A constant is everybody's, and a reshape is another's memory.
        mine = x in made.defined and made.defined[x].primitive.name not in ("constant", "reshape")
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
        self._products(p, p.loops, y.type.dtype, pointers, numbers, {"a": 0, "b": 0, "c": 0})
        if alone:
            self.e.do("call void @blas_leave()")

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
        name = ("d" if t == "double" else "s") + kind
        self.blas.add(name)
        self.declared.add(f"declare void @{name}({', '.join(['ptr'] * len(texts))})")
        self.e.do(f"call void @{name}({', '.join(f'ptr {x}' for x in texts)})")

    def _callback(self, eq: Equation) -> None:
        if any(isinstance(x.type, TapeType) for x in (*eq.operands, *eq.results)):
            raise Unsupported(f"{eq.primitive.name} of a tape")
        pointers = [self._pointer(x) for x in eq.operands] + [self.home[x] for x in eq.results]
        for i, p in enumerate(pointers):
            self.e.do(f"store ptr {p}, ptr {self.e.op(f'getelementptr ptr, ptr {self.table}, i64 {i}')}")
        self.declared.add("declare i32 @pb_callback(i32, ptr)")
        failed = self.e.op(f"call i32 @pb_callback(i32 {len(self.callbacks)}, ptr {self.table})")
        self.callbacks.append(eq)
        k = self.e.fresh("")
        bad = self.e.op(f"icmp ne i32 {failed}, 0")
        self.e.do(f"br i1 {bad}, label %failed, label %fine{k}")
        self.e.label(f"fine{k}")

    # Loops ------------------------------------------------------------------------------------

    def _loop(self, step: Loop) -> None:
        eq, p = step.eq, step.eq.params
        c = int(p["length"] is None and p["predicate"] is None)
        a, b = c + p["n_consts"], c + p["n_consts"] + p["n_carry"]
        consts, carry, xs = eq.operands[c:a], eq.operands[a:b], eq.operands[b:]
        first = int(p["predicate"] is not None)
        results, ys = eq.results[first : first + p["n_carry"]], eq.results[first + p["n_carry"] :]
        body = step.body.program
        if any(isinstance(x.type, TapeType) for x in (*body.inputs, *body.outputs)):
            raise Unsupported("a tape of tapes")
        turn, *inputs = body.inputs
        t = self.head.op("alloca i64")
        self.home[turn] = t
        for x, outer in zip(inputs, (*consts, *results), strict=False):
            self.home[x] = self._pointer(outer)
        for x, outer in zip(results, carry, strict=True):
            self._copy(self.home[x], self._pointer(outer), x.type.nbytes)
        elements = inputs[len(consts) + len(carry) :]
        self.changeable.update(inputs[len(consts) : len(consts) + len(carry)])
        growing = {y: self._tape() for y in ys if isinstance(y.type, TapeType)}
        if step.predicate is not None:
            for x, outer in zip(step.predicate.program.inputs, (*consts, *results), strict=True):
                self.home[x] = self._pointer(outer)
        self._turns(step, t, lambda: self._turn(step, t, elements, xs, results, ys, growing))
        for y, (slot, _) in growing.items():
            self.home[y] = self.e.op(f"load ptr, ptr {slot}")
        if first:
            count = self.e.op(f"load i64, ptr {t}")
            self.e.do(f"store i64 {count}, ptr {self.home[eq.results[0]]}")

    def _turns(self, step: Loop, t: str, turn: Any) -> None:
        """Write the control flow around one turn; `t` holds the turn."""
        e, p, k = self.e, step.eq.params, self.e.fresh("")
        bound = str(p["length"])
        if p["length"] is None and step.predicate is None:
            bound = e.op(f"load i64, ptr {self._pointer(step.eq.operands[0])}")
        start = e.op(f"sub i64 {bound}, 1") if p["reverse"] else "0"
        e.do(f"store i64 {start}, ptr {t}")
        e.do(f"br label %while{k}")
        e.label(f"while{k}")
        at = e.op(f"load i64, ptr {t}")
        if step.predicate is not None:
            self._steps(step.predicate)
            holds = load(e, np.bool_, self._pointer(step.predicate.program.outputs[0]))
        elif p["reverse"]:
            holds = e.op(f"icmp sge i64 {at}, 0")
        else:
            holds = e.op(f"icmp slt i64 {at}, {bound}")
        e.do(f"br i1 {holds}, label %do{k}, label %done{k}")
        e.label(f"do{k}")
        turn()
        now = e.op(f"load i64, ptr {t}")
        step_size = -1 if p["reverse"] else 1
        e.do(f"store i64 {e.op(f'add i64 {now}, {step_size}')}, ptr {t}")
        e.do(f"br label %while{k}")
        e.label(f"done{k}")

    def _turn(self, step: Loop, t: str, elements: Any, xs: Any, results: Any, ys: Any, growing: dict) -> None:
        """Write one turn: elements of xs are pointed to, the steps run, ys and the carry are put in place."""
        e, body, n = self.e, step.body.program, len(results)
        now = e.op(f"load i64, ptr {t}")
        for x, outer in zip(elements, xs, strict=True):
            self.home[x] = self._at(self._pointer(outer), x.type, now)
        places = []
        for y, out in zip(ys, body.outputs[n:], strict=True):
            base = self._grown(growing[y], y.type.element, now) if y in growing else self.home[y]
            place = self._at(base, out.type, now)
            direct = type(out) is Var and out in step.body.defined and out not in body.outputs[:n]
            if direct and out not in self.home:
                self.home[out] = place
            places.append((out, place))
        self._steps(step.body)
        for out, place in places:
            if self._pointer(out) != place:
                self._copy(place, self._pointer(out), out.type.nbytes)
        self._carry_over(results, body.outputs[:n])
        for out, _ in places:  # the next emission of this body must find its own places
            if type(out) is Var and out in step.body.defined and step.body.defined[out].primitive.name != "constant":
                self.home.pop(out, None)

    def _carry_over(self, results: Any, outs: Any) -> None:
        """Copy the new carry into the carry's buffers; by way of temporaries where one is read for another."""
        homes = {self.home[x] for x in results}
        moves = [(x, self._pointer(y)) for x, y in zip(results, outs, strict=True) if self._pointer(y) != self.home[x]]
        staged = []
        for x, source in moves:
            if source in homes:
                slot = self._slot(x.type)
                self._copy(slot, source, x.type.nbytes)
                source = slot
            staged.append((x, source))
        for x, source in staged:
            self._copy(self.home[x], source, x.type.nbytes)

    # Branches -----------------------------------------------------------------------------------

    def _branches(self, step: Branches) -> None:
        e, eq, k = self.e, step.eq, self.e.fresh("")
        index = e.op(f"load i64, ptr {self._pointer(eq.operands[0])}")
        n = len(step.bodies)
        low = e.op(f"select i1 {e.op(f'icmp slt i64 {index}, 0')}, i64 0, i64 {index}")
        taken = e.op(f"select i1 {e.op(f'icmp sge i64 {low}, {n}')}, i64 {n - 1}, i64 {low}")
        cases = " ".join(f"i64 {i}, label %case{k}x{i}" for i in range(n))
        e.do(f"switch i64 {taken}, label %case{k}x{n - 1} [ {cases} ]")
        for i, body in enumerate(step.bodies):
            e.label(f"case{k}x{i}")
            for x, outer in zip(body.program.inputs, eq.operands[1:], strict=True):
                self.home[x] = self._pointer(outer)
            self._steps(body)
            for y, out in zip(eq.results, body.program.outputs, strict=True):
                if isinstance(y.type, TapeType):
                    raise Unsupported("a tape of a branch")
                self._copy(self.home[y], self._pointer(out), y.type.nbytes)
            e.do(f"br label %join{k}")
        e.label(f"join{k}")
