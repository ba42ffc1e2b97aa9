"""lapack: factors, solutions and determinants of matrices: one equation to one function, with a loop over its lanes.

What is to be overwritten is read through the nest's rules, element by element, into the
result or into working memory in the arena: a matrix that is computed where it is read, or is
the transpose of another, is never stored. BLAS and LAPACK come from SciPy's capsules; they
go by columns, our arrays by rows:

- LU factors are taken of A by columns, as NumPy takes them, so that a matrix that is singular
  but for rounding is found to be so here if it is there. Right-hand sides stay by rows: to
  LAPACK they are Xᵀ, and A X = B is solved from the right, Xᵀ Aᵀ = Bᵀ.
- A lower triangle by rows is an upper one by columns, of the transpose: nothing is moved for
  Cholesky factors and triangular solutions.

Several steps that take LU factors of one matrix, or of its transpose, share them (`SharedFactors`).
What is singular, or not positive definite, sets the status. Matrices up to 4 by 4 stay in
registers: `elimination`.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from pullback.core.program import Equation, Var
from pullback.core.types import array_type

from .access import aligned, linear
from .elimination import Small
from .nest import NestFunction, counted, load, store
from .plan import Matrix, Nest, Plan
from .ranges import Index, plus, times
from .scalars import OPERATIONS, constant, llvm_type, memory_type, part_dtype
from .spectral import SPECTRAL, spectral_work

__all__ = ["MatrixFunction", "SharedFactors"]

_SMALL = 4  # rows of matrices, and columns of right-hand sides, that are written out in registers
_LINE = 64  # bytes
_LETTER = {"float64": "d", "float32": "s", "complex128": "z", "complex64": "c"}
_FACTORED = ("inv", "det", "slogdet", "solve")


def _stays_in_registers(eq: Equation) -> bool:
    kind, a, y = eq.primitive.name, eq.operands[0].type, eq.results[0].type
    columns = y.shape[-1] if kind in ("solve", "triangular_solve") else 1
    small = kind in _RULES and a.dtype.kind == "f" and max(a.shape[-1], columns) <= _SMALL
    return small or kind.startswith("cofactor")


def _lead(eq: Equation) -> tuple[int, ...]:
    """Return the leading axes over which the function of an equation loops."""
    trailing = {"det": 0, "slogdet": 0, "eigh": 1}.get(eq.primitive.name, 2)
    return eq.results[0].type.shape[: eq.results[0].type.ndim - trailing]


def factored_matrix(eq: Equation, plan: Plan) -> tuple[Var, bool] | None:
    """Return the matrix whose LU factors an equation can take from another, and whether it is of its transpose."""
    a, turned = eq.operands[0], False
    if eq.primitive.name not in _FACTORED or type(a) is not Var or _stays_in_registers(eq):
        return None
    maker, n = plan.defined.get(a), a.type.ndim
    if maker is not None and maker.primitive.name == "transpose" and type(maker.operands[0]) is Var:
        turned = maker.params["axes"] == (*range(n - 2), n - 1, n - 2)
        a = maker.operands[0] if turned else a
    return (a, turned) if a.type.shape[:-2] == _lead(eq) else None


class SharedFactors:
    """The LU factors that several steps of a plan take: the first of them writes them."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        found = [factored_matrix(step.eq, plan) for step in plan.steps if isinstance(step, Matrix)]
        self._takers = Counter(x[0] for x in found if x is not None)
        self._written: set[Var] = set()

    def take(self, eq: Equation) -> tuple[Any, bool]:
        """Return the name of the factors' memory, None if no other step takes them, and whether they are there."""
        found = factored_matrix(eq, self.plan)
        if found is None or self._takers[found[0]] < 2:
            return None, False
        there = found[0] in self._written
        self._written.add(found[0])
        return ("factors", found[0]), there


class MatrixFunction(NestFunction):
    """Emits the function of one equation of linear algebra.

    Parameters
    ----------
    shared : Any
        What the driver calls the memory of LU factors that several equations take; None: they are its own.
    factored : bool
        Whether another equation has written them already.

    Attributes
    ----------
    calls : set of str
        The functions of BLAS and LAPACK that it calls.
    work : int
        Bytes of working memory, which it knows as `place`; 0: none.
    """

    def __init__(
        self, name: str, eq: Equation, plan: Plan, contract: bool, checks: list[Any], shared: Any = None,
        factored: bool = False,
    ) -> None:  # fmt: skip
        self.eq, self.n = eq, eq.operands[0].type.shape[-1]
        self.dtype, self.t = eq.operands[0].type.dtype, llvm_type(eq.operands[0].type.dtype)
        self.is_complex = self.dtype.kind == "c"
        self.real = part_dtype(self.dtype) if self.is_complex else self.dtype
        self.real_t = llvm_type(self.real)
        self.small, self.lead = _stays_in_registers(eq), _lead(eq)
        self.shared, self.factored = shared, factored
        found = factored_matrix(eq, plan) if shared is not None else None
        self.matrix, self.turned = found or (eq.operands[0], False)  # whose factors are taken
        self._sizes = self._work_sizes()
        self.work = sum(self._sizes) * (1 if shared is None else math.prod(self.lead))
        self.place = ("work", self.work) if shared is None else shared
        self.calls: set[str] = set()
        super().__init__(name, Nest(self.lead), plan, contract, checks)

    def _work_sizes(self) -> list[int]:
        """Return the bytes of each piece of working memory, which begins where a cache line does."""
        name, n = self.eq.primitive.name, self.n
        wanted: list[tuple[int, str]] = []
        if name in SPECTRAL:
            wanted = spectral_work(self.eq)
        elif name in _FACTORED and not self.small:
            wanted = [(n * n, "t"), (n + 1, "i32")]
        bytes_of = {"t": self.dtype.itemsize, "real": self.real.itemsize, "i32": 4}
        return [-(-count * bytes_of[kind] // _LINE) * _LINE for count, kind in wanted]

    def pieces(self, lead: list[Index]) -> list[str]:
        """Return where each piece of working memory is: one and the same for all lanes, unless it is shared."""
        starts = [0, *itertools.accumulate(self._sizes)]
        lane = 0 if self.shared is None else times(self.e, linear(self.e, lead, self.lead), starts[-1])
        base = self.pointer(self.place)
        return [self.e.op(f"getelementptr i8, ptr {base}, i64 {plus(self.e, lane, start)}") for start in starts[:-1]]

    def _afresh(self) -> None:
        super()._afresh()
        self.bad = self.slot("i1")
        self._slots.append(f"  store i1 false, ptr {self.bad}")

    def _turn(self, lead: list[Index]) -> None:
        if self.small:
            self._written_out(lead)
        else:
            (_RULES | SPECTRAL)[self.eq.primitive.name](self, lead)
        self.e.sums.clear()

    def _judge(self) -> list[str]:
        """Write the status where a matrix had no result, beside what the nest writes for indices."""
        head, e = super()._judge(), self.e
        pointer = self.pointer("status")
        self.checks.append((self.eq, None))
        old = e.op(f"load i64, ptr {pointer}")
        bad = e.op(f"load i1, ptr {self.bad}")
        first = e.op(f"and i1 {bad}, {e.op(f'icmp eq i64 {old}, 0')}")
        e.do(f"store i64 {e.op(f'select i1 {first}, i64 {len(self.checks)}, i64 {old}')}, ptr {pointer}")
        return head

    def note_bad(self, bad: str) -> None:
        """Note that a matrix has no result, where `bad`."""
        had = self.e.op(f"load i1, ptr {self.bad}")
        self.e.do(f"store i1 {self.e.op(f'or i1 {had}, {bad}')}, ptr {self.bad}")

    # Reading and writing ------------------------------------------------------------------------

    def slot(self, t: str) -> str:
        """Return the address of a local variable."""
        return self._slot(t)

    def read(self, x: Any, lead: list[Index], i: Index, j: Index) -> str:
        """Return an element of a matrix of an operand, whose leading axes broadcast."""
        return self.element_of(x, [*aligned(lead, x.type.shape[:-2]), i, j])

    def element_of(self, x: Any, index: list[Index]) -> str:
        """Return an element, computed afresh: what is remembered of a loop is not there after it."""
        self._memo = {}
        return self.element(x, index)

    def base(self, x: Any, lead: list[Index], inner: int, trailing: int = 2) -> str:
        """Return the address of a lane of x, of `inner` elements in `trailing` axes."""
        shape = x.type.shape[: x.type.ndim - trailing]
        position = linear(self.e, aligned(lead, shape), shape)
        return self.at(self.pointer(x), times(self.e, position, inner), x.type.dtype)

    def at(self, pointer: str, position: Index, dtype: Any = None) -> str:
        """Return the address of an element, by default of the matrix's dtype."""
        return self.e.op(f"getelementptr inbounds {memory_type(dtype or self.dtype)}, ptr {pointer}, i64 {position}")

    def fill(
        self, to: str, rows: int, columns: int, value: Callable[[Index, Index], str], by_columns: bool = False
    ) -> None:
        """Write elements (i, j) to memory, by rows or by columns."""

        def row(i: Index) -> None:
            def element(j: Index) -> None:
                first, size, second = (j, rows, i) if by_columns else (i, columns, j)
                store(self.e, self.dtype, value(i, j), self.at(to, plus(self.e, times(self.e, first, size), second)))

            counted(self.e, columns, element)

        counted(self.e, rows, row)

    # Calls --------------------------------------------------------------------------------------

    def call(self, routine: str, *arguments: Any) -> None:
        """Call a routine: letters, ints and floats are pointed to, and so is what is a pointer already ("%…")."""
        name = _LETTER[self.dtype.name] + routine
        self.calls.add(name)
        pointers = [self._constant(x) for x in arguments]
        self.e.declared.add(f"declare void @{name}({', '.join(['ptr'] * len(pointers))})")
        self.e.do(f"call void @{name}({', '.join(f'ptr {p}' for p in pointers)})")

    def _constant(self, x: Any) -> str:
        if isinstance(x, str) and x.startswith("%"):
            return x
        if isinstance(x, str):
            t, text = "i8", str(ord(x))
        else:
            t, text = ("i32", str(x)) if isinstance(x, int) else (self.t, constant(x, self.dtype))
        slot = self.slot(t)
        self._slots.append(f"  store {t} {text}, ptr {slot}")
        return slot

    def failed(self, info: str) -> str:
        """Return whether a routine has said that it failed."""
        return self.e.op(f"icmp ne i32 {self.e.op(f'load i32, ptr {info}')}, 0")

    # In registers -------------------------------------------------------------------------------

    def _written_out(self, lead: list[Index]) -> None:
        eq, n, columns = self.eq, self.n, 0
        a = [[self.read(eq.operands[0], lead, i, j) for j in range(n)] for i in range(n)]
        b: list[list[str]] = []
        if len(eq.operands) == 2:
            columns = eq.operands[1].type.shape[-1]
            b = [[self.read(eq.operands[1], lead, i, j) for j in range(columns)] for i in range(n)]
        found = Small(self.e, eq.results[0].type, self.note_bad).run(eq, a, b)
        for y, values in zip(eq.results, found, strict=True):
            base = self.base(y, lead, len(values), y.type.ndim - len(self.lead))
            for k, value in enumerate(values):
                store(self.e, self.dtype, value, self.at(base, k))


# With LAPACK ----------------------------------------------------------------------------------


def _factors(f: MatrixFunction, lead: list[Index]) -> tuple[str, str, str]:
    """Write P A = L U: return where the factors are, by columns, where the pivots, and whether A is singular.

    That stands behind the pivots.
    """
    n, (lu, pivots) = f.n, f.pieces(lead)
    info = f.e.op(f"getelementptr i32, ptr {pivots}, i64 {n}")
    if not f.factored:
        f.fill(lu, n, n, lambda i, j: f.read(f.matrix, lead, i, j), by_columns=True)
        f.call("getrf", n, n, lu, n, pivots, info)
    return lu, pivots, f.failed(info)


def _pivot(f: MatrixFunction, pivots: str, i: Index) -> str:
    """Return with which row row i changed places: within the matrix, whatever NaNs have done."""
    e = f.e
    p = e.op(f"load i32, ptr {e.op(f'getelementptr i32, ptr {pivots}, i64 {i}')}")
    p = e.op(f"sub i64 {e.op(f'sext i32 {p} to i64')}, 1")
    return e.intrinsic("smin", "i64", e.intrinsic("smax", "i64", p, "0"), str(f.n - 1))


def _solved(f: MatrixFunction, lead: list[Index], columns: int, value: Callable[[Index, Index], str]) -> None:
    """Solve A X = B, or Aᵀ X = B: P A = L U, and rows of B or of X change places as those of A did."""
    n, e, y = f.n, f.e, f.eq.results[0]
    lu, pivots, singular = _factors(f, lead)
    f.note_bad(singular)
    x = f.base(y, lead, n * columns)
    f.fill(x, n, columns, value)

    def swap(i: Index) -> None:
        i = plus(e, times(e, i, -1), n - 1) if f.turned else i
        here, there = times(e, i, columns), e.op(f"mul i64 {_pivot(f, pivots, i)}, {columns}")

        def one(j: Index) -> None:
            p, q = f.at(x, plus(e, here, j)), f.at(x, e.op(f"add i64 {there}, {j}"))
            a, b = load(e, f.dtype, p), load(e, f.dtype, q)
            store(e, f.dtype, b, p)
            store(e, f.dtype, a, q)

        counted(e, columns, one)

    if f.turned:
        _triangular(f, x, lu, columns, ("U", "T", "N"))
        _triangular(f, x, lu, columns, ("L", "T", "U"))
    counted(e, n, swap)
    if not f.turned:
        _triangular(f, x, lu, columns, ("L", "N", "U"))
        _triangular(f, x, lu, columns, ("U", "N", "N"))


def _triangular(f: MatrixFunction, x: str, a: str, columns: int, how: tuple[str, str, str]) -> None:
    """Solve op(A) X = X in place, A by columns, X by rows; `how`: which triangle, "N" or "T", "U" for a unit diagonal.

    To BLAS, Xᵀ op(A)ᵀ: from the right, and turned.
    """
    triangle, turned, unit = how
    if columns == 1:
        f.call("trsv", triangle, turned, unit, f.n, a, f.n, x, 1)
    else:
        f.call("trsm", "R", triangle, "T" if turned == "N" else "N", unit, columns, f.n, 1.0, a, f.n, x, columns)


def _solve(f: MatrixFunction, lead: list[Index]) -> None:
    b = f.eq.operands[1]
    _solved(f, lead, b.type.shape[-1], lambda i, j: f.read(b, lead, i, j))


def _inv(f: MatrixFunction, lead: list[Index]) -> None:
    def identity(i: Index, j: Index) -> str:
        return f.e.convert(f.e.op(f"icmp eq i64 {i}, {j}"), np.bool_, f.dtype)

    _solved(f, lead, f.n, identity)


def _triangular_solve(f: MatrixFunction, lead: list[Index]) -> None:
    (a, b), e, p, n = f.eq.operands, f.e, f.eq.params, f.n
    unit, turned = p.get("unit", False), p.get("turned", False)
    columns, y = b.type.shape[-1], f.eq.results[0]
    x, base = f.base(y, lead, n * columns), f.base(a, lead, n * n)
    f.fill(x, n, columns, lambda i, j: f.read(b, lead, i, j))
    if not unit:

        def look(i: Index) -> None:
            d = load(e, f.dtype, f.at(base, times(e, i, n + 1)))
            f.note_bad(OPERATIONS["equal"](e, [d, constant(0, f.dtype)], [a.type] * 2, array_type((), np.dtype(bool))))

        counted(e, n, look)
    # By columns, the memory of A is Aᵀ, and its lower triangle the upper one.
    _triangular(f, x, base, columns, ("U" if p["lower"] else "L", "N" if turned else "T", "U" if unit else "N"))


def _cholesky(f: MatrixFunction, lead: list[Index]) -> None:
    (a,), e, n, y = f.eq.operands, f.e, f.n, f.eq.results[0]

    def lower(i: Index, j: Index) -> str:
        kept = e.op(f"icmp sle i64 {j}, {i}")
        return e.op(f"select i1 {kept}, {f.t} {f.read(a, lead, i, j)}, {f.t} {constant(0, f.dtype)}")

    out = f.base(y, lead, n * n)
    f.fill(out, n, n, lower)
    info = f.slot("i32")
    f.call("potrf", "U", n, out, n, info)
    f.note_bad(f.failed(info))


def _determinant(f: MatrixFunction, lead: list[Index]) -> None:
    """Sign and logarithm from the diagonal of U, as NumPy has them; a singular matrix has 0 and -inf."""
    e, n, t, real_t = f.e, f.n, f.t, f.real_t
    whole, real = array_type((), f.dtype), array_type((), f.real)
    lu, pivots, singular = _factors(f, lead)
    sign, total = f.slot(t), f.slot(real_t)
    e.do(f"store {t} {constant(1, f.dtype)}, ptr {sign}")
    e.do(f"store {real_t} 0.0, ptr {total}")

    def one(i: Index) -> None:
        d = load(e, f.dtype, f.at(lu, times(e, i, n + 1)))
        size = OPERATIONS["absolute"](e, [d], [whole], real)
        moved = e.op(f"icmp ne i64 {_pivot(f, pivots, i)}, {i}")
        own = _direction(f, d, size)
        own = e.op(f"select i1 {moved}, {t} {OPERATIONS['neg'](e, [own], [whole], whole)}, {t} {own}")
        product = OPERATIONS["mul"](e, [e.op(f"load {t}, ptr {sign}"), own], [whole] * 2, whole)
        e.do(f"store {t} {product}, ptr {sign}")
        log, before = OPERATIONS["log"](e, [size], [real], real), e.op(f"load {real_t}, ptr {total}")
        e.do(f"store {real_t} {e.op(f'fadd {real_t} {before}, {log}')}, ptr {total}")

    counted(e, n, one)
    s, log = e.op(f"load {t}, ptr {sign}"), e.op(f"load {real_t}, ptr {total}")
    s = e.op(f"select i1 {singular}, {t} {constant(0, f.dtype)}, {t} {s}")
    log = e.op(f"select i1 {singular}, {real_t} {constant(-np.inf, f.real)}, {real_t} {log}")
    values = [s, log]
    if f.eq.primitive.name == "det":
        size = e.convert(OPERATIONS["exp"](e, [log], [real], real), f.real, f.dtype)
        values = [OPERATIONS["mul"](e, [s, size], [whole] * 2, whole)]
    for y, value in zip(f.eq.results, values, strict=True):
        store(e, y.type.dtype, value, f.base(y, lead, 1, trailing=0))


def _direction(f: MatrixFunction, d: str, size: str) -> str:
    """Return d divided by its size: of a real d the sign, of 0 and NaN 1."""
    e, t, whole = f.e, f.t, array_type((), f.dtype)
    if f.is_complex:
        return OPERATIONS["div"](e, [d, e.convert(size, f.real, f.dtype)], [whole] * 2, whole)
    one, other = constant(1, f.dtype), constant(-1, f.dtype)
    return e.op(f"select i1 {e.op(f'fcmp olt {t} {d}, 0.0')}, {t} {other}, {t} {one}")


_RULES: dict[str, Callable[[MatrixFunction, list[Index]], None]] = {
    "solve": _solve,
    "inv": _inv,
    "triangular_solve": _triangular_solve,
    "cholesky": _cholesky,
    "det": _determinant,
    "slogdet": _determinant,
}
