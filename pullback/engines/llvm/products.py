"""Products: how a contraction is run: written out in registers, as loops, or by BLAS.

A contraction is brought to a canonical form first: axes of size 1 go, and labels that stand
beside each other wherever they stand become one. What is then a product of matrices, or of
a matrix and a vector, with all other labels looped over, BLAS can do, if each operand has
one axis of stride 1.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

from pullback.core.program import Equation

__all__ = ["BLAS_LETTERS", "Canonical", "MatrixProduct", "canonical", "matrix_product", "scheme"]

BLAS_LETTERS = {"float64": "d", "float32": "s", "complex128": "z", "complex64": "c"}
_TERMS, _TERMS_OF_LANES = 64, 512  # products that are written out: alone, and in a loop over many lanes
_FEW = 16  # products a lane that are written out whatever BLAS could do
_INLINE = 16**3  # multiplications up to which loops of our own beat a call of BLAS


@dataclass(frozen=True)
class Canonical:
    """Sizes of the labels, and the stride of each label in each operand and the result (0: not there)."""

    sizes: dict[Any, int]
    strides: tuple[dict[Any, int], dict[Any, int], dict[Any, int]]

    def where(self, label: Any) -> tuple[bool, bool, bool]:
        """Return in which of a, b and the result a label stands."""
        a, b, c = (label in s for s in self.strides)
        return a, b, c


@dataclass(frozen=True)
class MatrixProduct:
    """C (m, n) = A (m, k) B (k, n), within loops of (size, strides in A, B, C). No m or n: a vector."""

    m: int | None
    n: int | None
    k: int
    a: tuple[int, int]  # strides of m and k
    b: tuple[int, int]  # strides of k and n
    c: tuple[int, int]  # strides of m and n
    loops: tuple[tuple[int, int, int, int], ...]

    @property
    def work(self) -> int:
        """Multiplications of one call."""
        return (self.m or 1) * (self.n or 1) * self.k


def canonical(eq: Equation) -> Canonical:
    """Return the canonical form of a contraction."""
    axes = [eq.params[k] for k in ("a_axes", "b_axes", "out_axes")]
    shapes = [x.type.shape for x in (*eq.operands[:2], *eq.results)]
    sizes = {x: n for labels, shape in zip(axes, shapes, strict=True) for x, n in zip(labels, shape, strict=True)}
    orders = [[x for x in labels if sizes[x] != 1] for labels in axes]
    joined = True
    while joined:
        joined = _join(orders, sizes)
    strides = []
    for order in orders:
        stride, found = 1, {}
        for x in reversed(order):
            found[x] = stride
            stride *= sizes[x]
        strides.append(found)
    return Canonical({x: sizes[x] for order in orders for x in order}, tuple(strides))


def _join(orders: list[list[Any]], sizes: dict[Any, int]) -> bool:
    """Make one label of two that follow each other wherever one of them stands."""
    for order in orders:
        for x, y in itertools.pairwise(order):
            if all(_follow(o, x, y) for o in orders):
                sizes[x] *= sizes[y]
                for o in orders:
                    if y in o:
                        o.remove(y)
                return True
    return False


def _follow(order: list[Any], x: Any, y: Any) -> bool:
    if x not in order and y not in order:
        return True
    return x in order and order.index(x) + 1 < len(order) and order[order.index(x) + 1] == y


def matrix_product(form: Canonical) -> MatrixProduct | None:
    """Return the largest product of matrices in a contraction that BLAS can do, if there is one."""
    kinds: dict[tuple[bool, bool, bool], list[Any]] = {}
    for x in form.sizes:
        kinds.setdefault(form.where(x), []).append(x)
    summed = kinds.get((True, True, False), [])
    if len(summed) != 1 or (True, False, False) in kinds or (False, True, False) in kinds:
        return None
    rows, columns = kinds.get((True, False, True), []), kinds.get((False, True, True), [])
    best = None
    for m in [*rows, None]:
        for n in [*columns, None]:
            found = _product(form, m, n, summed[0])
            if found is not None and (best is None or found.work > best.work):
                best = found
    return best


def _product(form: Canonical, m: Any, n: Any, k: Any) -> MatrixProduct | None:
    a, b, c = form.strides
    if m is None and n is None:
        return None
    a_fits = m is None or 1 in (a[m], a[k])
    b_fits = n is None or 1 in (b[k], b[n])
    c_fits = m is None or n is None or 1 in (c[m], c[n])
    if not (a_fits and b_fits and c_fits):
        return None
    loops = tuple((size, a.get(x, 0), b.get(x, 0), c.get(x, 0)) for x, size in form.sizes.items() if x not in (m, n, k))
    return MatrixProduct(
        None if m is None else form.sizes[m],
        None if n is None else form.sizes[n],
        form.sizes[k],
        (a.get(m, 0), a[k]),
        (b[k], b.get(n, 0)),
        (c.get(m, 0), c.get(n, 0)),
        loops,
    )


def scheme(eq: Equation, rank: Any) -> str:
    """Return how a contraction is run: "inline", "loops", "product" or "callback"; `rank` as `plan.lead_rank`."""
    a, b, out = (eq.params[k] for k in ("a_axes", "b_axes", "out_axes"))
    types = [x.type for x in (*eq.operands[:2], *eq.results)]
    if len(eq.operands) == 3 or "alpha" in eq.params:
        return "product"  # what was one has been given more to do
    sizes = dict(zip((*a, *b), (*types[0].shape, *types[1].shape), strict=True))
    if 0 in sizes.values():
        return "loops"
    k = rank(types[2].shape)
    inner = math.prod(n for x, n in sizes.items() if x not in out[:k])
    batch = set(out[:k])
    lanes = math.prod(sizes[x] for x in batch)
    limit = _TERMS_OF_LANES if lanes >= _TERMS and batch <= set(a) | set(b) and _shared(a, b, batch) else _TERMS
    leads = all(_leads(labels, batch) for labels in (a, b))
    if inner <= _FEW and leads:
        return "inline"
    form = canonical(eq)
    found = matrix_product(form)
    floats = len({t.dtype for t in types}) == 1 and types[0].dtype.name in BLAS_LETTERS
    most = _INLINE // 4 if types[0].dtype.kind == "c" else _INLINE  # a product of complex numbers is four
    if floats and found is not None and found.work > most:
        return "product"
    if inner <= limit and leads:
        return "inline"
    total = math.prod(form.sizes.values())
    if total > 2**20 and total > 8 * sum(t.size for t in types):
        return "product" if floats and found is not None else "callback"
    return "loops"


def _shared(a: tuple, b: tuple, batch: set) -> bool:
    """Return whether the lanes are lanes of an operand as a whole: an operand of few elements a lane."""
    return bool(batch) and (batch <= set(a) or batch <= set(b))


def _leads(labels: tuple, batch: set) -> bool:
    """Return whether the batch labels among an operand's come first (or not at all)."""
    n = sum(x in batch for x in labels)
    return n in (0, len(batch)) and all(x in batch for x in labels[:n])
