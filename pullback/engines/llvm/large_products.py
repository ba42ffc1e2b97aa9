"""large_products: products of matrices that threads share, each of them calling BLAS with one thread of its own.

Many products beside each other are cut into pieces of some, by their size. One large product is cut into as
many pieces as there are threads, since BLAS arranges the other factor anew for each piece: of the rows
of the result, or of its columns. Each element is the sum that it is in the whole product, but at the
edge of a piece BLAS may add it up in another order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from .products import MatrixProduct
from .ranges import plus, times
from .scalars import Emitter, memory_type
from .splitting import LEAST, MOST, PIECE, between

__all__ = ["Sharing", "shared_product", "written"]

_FLOP, _WORD = 1 / 80, 0.2  # nanoseconds, about: of a product of matrices; a number that a matrix times a vector reads
_ROWS = 48  # of the result: pieces have a multiple of so many, as blocks of BLAS as a rule do


@dataclass(frozen=True)
class Sharing:
    """How a product is shared: what is cut ("loops", "m" or "n"), of what size, into pieces of at least so much."""

    kind: str
    size: int
    grain: int


def shared_product(p: MatrixProduct) -> Sharing | None:
    """Return how a product is shared; None if it is small."""
    one = p.work * (_WORD if p.m is None or p.n is None else 2 * _FLOP)
    whole = one
    for size, *_ in p.loops:
        whole *= size
    if whole < LEAST:
        return None
    if p.loops:
        size = p.loops[0][0]
        wanted = min(int(whole / PIECE), MOST, size)
        return Sharing("loops", size, -(-size // wanted)) if wanted > 1 else None
    kind = "m" if p.n is None or (p.m is not None and p.m >= p.n) else "n"
    size = (p.m if kind == "m" else p.n) or 0
    least = -(-int(size * LEAST / 2 / one) // _ROWS) * _ROWS
    return Sharing(kind, size, max(least, _ROWS)) if size > least else None


def written(driver: Any, name: str, p: MatrixProduct, how: Sharing, dtype: Any, numbers: dict) -> str:
    """Return the functions of a shared product; `driver` writes the calls of BLAS."""
    outer = driver.e, driver.head, driver.home
    driver.e, driver.head, driver.home = Emitter(), Emitter(), {}
    driver.head._n = 1_000_000
    try:
        body = _loops(driver, p, dtype, numbers) if how.kind == "loops" else _rows(driver, p, how.kind, dtype, numbers)
        driver.declared |= driver.e.declared
    finally:
        driver.e, driver.head, driver.home = outer
    driver.declared |= {"declare i64 @llvm.smin.i64(i64, i64)", "declare i64 @llvm.smax.i64(i64, i64)"}
    words = "".join(f"  %{x}.at = getelementptr ptr, ptr %table, i64 {i}\n" for i, x in enumerate(("a", "b", "c", "g")))
    return f"""define internal void @{name}.task(ptr %table, i64 %piece) #0 {{
{words}  %a = load ptr, ptr %a.at
  %b = load ptr, ptr %b.at
  %c = load ptr, ptr %c.at
  %grain = load i64, ptr %g.at
  %lo = mul i64 %piece, %grain
  %far = add i64 %lo, %grain
  %hi = call i64 @llvm.smin.i64(i64 %far, i64 {how.size})
{body}
  ret void
}}
define internal void @{name}(ptr %a, ptr %b, ptr %c) #0 {{
  %table = alloca [4 x ptr]
{words}  store ptr %a, ptr %a.at
  store ptr %b, ptr %b.at
  store ptr %c, ptr %c.at
{_number_of_pieces(how, driver.threads)}
  store i64 %grain, ptr %g.at
  %up = add i64 %grain, {how.size - 1}
  %pieces = udiv i64 %up, %grain
  call void @parallel(ptr @{name}.task, ptr %table, i64 %pieces, i64 {driver.threads})
  ret void
}}
"""


def _number_of_pieces(how: Sharing, threads: int) -> str:
    """Return the lines that find out of how much a piece is."""
    if how.kind == "loops":
        return f"  %grain = add i64 0, {how.grain}"
    return f"""  %wanted = call i64 @wanted(i64 {threads})
  %more = add i64 %wanted, {how.size - 1}
  %fair = udiv i64 %more, %wanted
  %above = add i64 %fair, {_ROWS - 1}
  %round = and i64 %above, {-_ROWS}
  %grain = call i64 @llvm.smax.i64(i64 %round, i64 {how.grain})"""


def _rows(driver: Any, p: MatrixProduct, kind: str, dtype: Any, numbers: dict) -> str:
    """Write one call for the rows, or the columns, from `lo` to `hi`."""
    e, t = driver.e, memory_type(dtype)
    count, n = e.op("alloca i32"), e.op("sub i64 %hi, %lo")
    e.do(f"store i32 {e.op(f'trunc i64 {n} to i32')}, ptr {count}")

    def moved(pointer: str, stride: int) -> str:
        return e.op(f"getelementptr {t}, ptr {pointer}, i64 {e.op(f'mul i64 %lo, {stride}')}")

    pointers = {"a": "%a", "b": "%b", "count": count}
    if kind == "m":
        pointers["a"], pointers["c"] = moved("%a", p.a[0]), moved("%c", p.c[0])
    else:
        pointers["b"], pointers["c"] = moved("%b", p.b[1]), moved("%c", p.c[1])
    some: Any = replace(p, **{kind: "count"})
    driver._products(some, (), dtype, pointers, numbers, dict.fromkeys(pointers, 0))
    return "\n".join([*driver.head.lines, *e.lines])


def _loops(driver: Any, p: MatrixProduct, dtype: Any, numbers: dict) -> str:
    """Write the loops around the calls, the outermost of them from `lo` to `hi`."""
    e, ((size, *strides), *rest) = driver.e, p.loops

    def turn(i: Any) -> None:
        at = {x: plus(e, 0, times(e, i, stride)) for x, stride in zip("abc", strides, strict=True)}
        driver._products(p, rest, dtype, {"a": "%a", "b": "%b", "c": "%c"}, numbers, at)

    between(e, size, turn, 0, None)
    return "\n".join([*driver.head.lines, *e.lines])
