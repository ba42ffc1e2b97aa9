"""spectral: eigenvalues, singular values, QR and pseudo-inverses through LAPACK, for `lapack`.

The same routines as NumPy's, on the same matrix by columns, so that signs and bases are the
same: syevd (heevd), gesdd, geqrf and orgqr (ungqr). What they give by columns is written out by
rows. Working memory is as much as LAPACK's documentation asks for, and blocks of 64 columns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pullback.core.program import Equation

from .access import aligned
from .nest import counted, load, store
from .ranges import Index, plus, times
from .scalars import OPERATIONS, constant

__all__ = ["SPECTRAL", "spectral_work"]

Function = Any  # a lapack.MatrixFunction
_BLOCK = 64


def spectral_work(eq: Equation) -> list[tuple[int, str]]:
    """Return working memory, piece by piece: how many elements, and of what: "t", "real" or "i32"."""
    name, (m, n) = eq.primitive.name, eq.operands[0].type.shape[-2:]
    k, most, is_complex = min(m, n), max(m, n), eq.results[0].type.dtype.kind == "c"
    matrix = (m * n, "t")
    if name == "eigh":
        is_complex = eq.operands[0].type.dtype.kind == "c"
        work = 2 * n + n * n if is_complex else 1 + 6 * n + 2 * n * n
        return [matrix, (work, "t"), (1 + 5 * n + 2 * n * n if is_complex else 0, "real"), (3 + 5 * n, "i32")]
    if name == "qr":
        q = eq.results[0].type.shape[-1]
        return [matrix, (m * q, "t"), (k, "t"), (_BLOCK * most, "t")]
    full = eq.params.get("full", False)
    rows, columns = (m, n) if full else (k, k)
    work = (k * k + 3 * k if is_complex else 4 * k * k + 7 * k) + (_BLOCK + 1) * most
    reals = max(5 * k * k + 5 * k, 2 * most * k + 2 * k * k + k) if is_complex else 0
    return [matrix, (m * rows, "t"), (columns * n, "t"), (work, "t"), (reals, "real"), (8 * k, "i32"), (k, "real")]


def _out_by_rows(f: Function, to: str, source: str, rows: int, columns: int) -> None:
    """Write a matrix that lies by columns to memory by rows."""
    f.fill(to, rows, columns, lambda i, j: load(f.e, f.dtype, f.at(source, plus(f.e, times(f.e, j, rows), i))))


def _eigh(f: Function, lead: list[Index]) -> None:
    (a,), (w, v), n = f.eq.operands, f.eq.results, f.n
    matrix, work, reals, ints = f.pieces(lead)
    counts = [size for size, _ in spectral_work(f.eq)]
    f.fill(matrix, n, n, lambda i, j: f.read(a, lead, i, j), by_columns=True)
    triangle = "L" if f.eq.params.get("lower", True) else "U"
    values, info = f.base(w, lead, n, trailing=1), f.slot("i32")
    extra = [reals, counts[2]] if f.is_complex else []
    routine = "heevd" if f.is_complex else "syevd"
    f.call(routine, "V", triangle, n, matrix, n, values, work, counts[1], *extra, ints, counts[3], info)
    f.note_bad(f.failed(info))
    _out_by_rows(f, f.base(v, lead, n * n), matrix, n, n)


def _decompose(f: Function, lead: list[Index], values: str, full: bool, conjugate: bool = False) -> tuple[str, str]:
    """Call gesdd; return where U and Vᴴ are, by columns."""
    (a, *_), e = f.eq.operands, f.e
    m, n = a.type.shape[-2:]
    matrix, u, vh, work, reals, ints, _ = f.pieces(lead)

    def element(i: Index, j: Index) -> str:
        x = f.read(a, lead, i, j)
        return OPERATIONS["conj"](e, [x], [a.type], a.type) if conjugate and f.is_complex else x

    f.fill(matrix, m, n, element, by_columns=True)
    size, info = spectral_work(f.eq)[3][0], f.slot("i32")
    extra = [reals] if f.is_complex else []
    columns = n if full else min(m, n)
    f.call(
        "gesdd", "A" if full else "S", m, n, matrix, m, values, u, m, vh, columns, work, size, *extra, ints, info
    )  # fmt: skip
    f.note_bad(f.failed(info))
    return u, vh


def _svd(f: Function, lead: list[Index]) -> None:
    u, s, vh = f.eq.results
    m, n = f.eq.operands[0].type.shape[-2:]
    k, full = s.type.shape[-1], f.eq.params.get("full", False)
    left, right = _decompose(f, lead, f.base(s, lead, k, trailing=1), full)
    rows, columns = u.type.shape[-1], vh.type.shape[-2]
    _out_by_rows(f, f.base(u, lead, m * rows), left, m, rows)
    _out_by_rows(f, f.base(vh, lead, columns * n), right, columns, n)


def _qr(f: Function, lead: list[Index]) -> None:
    (a,), (q, r), e = f.eq.operands, f.eq.results, f.e
    m, n = a.type.shape[-2:]
    k, columns = min(m, n), q.type.shape[-1]
    matrix, basis, tau, work = f.pieces(lead)
    size, info = _BLOCK * max(m, n), f.slot("i32")
    f.fill(matrix, m, n, lambda i, j: f.read(a, lead, i, j), by_columns=True)
    f.call("geqrf", m, n, matrix, m, tau, work, size, info)
    f.fill(basis, m, k, lambda i, j: load(e, f.dtype, f.at(matrix, plus(e, times(e, j, m), i))), by_columns=True)
    f.call("ungqr" if f.is_complex else "orgqr", m, columns, k, basis, m, tau, work, size, info)
    _out_by_rows(f, f.base(q, lead, m * columns), basis, m, columns)

    def upper(i: Index, j: Index) -> str:
        kept = e.op(f"icmp sle i64 {i}, {j}")
        x = load(e, f.dtype, f.at(matrix, plus(e, times(e, j, m), i)))
        return e.op(f"select i1 {kept}, {f.t} {x}, {f.t} {constant(0, f.dtype)}")

    f.fill(f.base(r, lead, columns * n), columns, n, upper)


def _pinv(f: Function, lead: list[Index]) -> None:
    """With conj(A) = U S Vᴴ, the transpose of A⁺ is U S⁻¹ Vᴴ: by columns, the memory of A⁺ by rows."""
    (a, rcond), (y,), e = f.eq.operands, f.eq.results, f.e
    m, n = a.type.shape[-2:]
    k, values = min(m, n), f.pieces(lead)[6]
    u, vh = _decompose(f, lead, values, full=False, conjugate=True)
    real, t = f.real, f.real_t
    cut = e.convert(f.element_of(rcond, aligned(lead, rcond.type.shape)), rcond.type.dtype, real)
    largest = load(e, real, e.op(f"getelementptr {t}, ptr {values}, i64 0"))
    cutoff = e.op(f"fmul {t} {cut}, {largest}")

    def scaled(j: Index) -> None:
        s = load(e, real, e.op(f"getelementptr {t}, ptr {values}, i64 {j}"))
        large, inverse = e.op(f"fcmp ogt {t} {s}, {cutoff}"), e.op(f"fdiv {t} {constant(1, real)}, {s}")
        scale = e.convert(e.op(f"select i1 {large}, {t} {inverse}, {t} 0.0"), real, f.dtype)

        def one(i: Index) -> None:
            place = f.at(u, plus(e, times(e, j, m), i))
            x = OPERATIONS["mul"](e, [load(e, f.dtype, place), scale], [a.type] * 2, a.type)
            store(e, f.dtype, x, place)

        counted(e, m, one)

    counted(e, k, scaled)
    f.call("gemm", "N", "N", m, n, k, 1.0, u, m, vh, k, 0.0, f.base(y, lead, m * n), m)


SPECTRAL: dict[str, Callable[[Function, list[Index]], None]] = {
    "eigh": _eigh,
    "svd": _svd,
    "qr": _qr,
    "pinv": _pinv,
}
