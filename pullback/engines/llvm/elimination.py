"""elimination: matrices of a few rows in registers: Gauss, Cholesky and substitution, written out.

There is no branch: rows change places by selection, so that a loop over many small matrices
is straight-line code. Pivots are the greatest in their column, the first of equals.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pullback.core.program import Equation

from .scalars import OPERATIONS, constant, llvm_type

__all__ = ["Small"]

Matrix = list[list[str]]


class Small:
    """Writes the instructions for one small matrix; ``note_bad(register)`` is told whether it has no result."""

    def __init__(self, e: Any, type: Any, note_bad: Callable[[str], None]) -> None:
        self.e, self.type, self.note_bad = e, type, note_bad
        self.t = llvm_type(type.dtype)
        self.one = constant(1, type.dtype)

    def run(self, eq: Equation, a: Matrix, b: Matrix) -> list[list[str]]:
        """Return the elements of each result, by rows."""
        name = eq.primitive.name
        if name in ("det", "slogdet"):
            return self._determinant(a, name)
        rule = {
            "solve": self._solve,
            "inv": lambda a, b: self._solve(a, self._identity(len(a))),
            "cholesky": lambda a, b: self._cholesky(a),
            "triangular_solve": lambda a, b: self._triangular(a, b, **eq.params),
            "cofactor": lambda a, b: self._cofactors(a, a),
            "cofactor_tangent": self._cofactor_tangent,
        }[name]
        return [[x for row in rule(a, b) for x in row]]

    # Arithmetic ---------------------------------------------------------------------------------

    def _do(self, op: str, *xs: str) -> str:
        return OPERATIONS[op](self.e, list(xs), [self.type] * len(xs), self.type)

    def _less(self, a: str, b: str, c: str) -> str:
        """Return ``a - b c``."""
        return self._do("sub", a, self._do("mul", b, c))

    def _select(self, c: str, a: str, b: str) -> str:
        return self.e.op(f"select i1 {c}, {self.t} {a}, {self.t} {b}")

    def _is_zero(self, x: str) -> str:
        return self.e.op(f"fcmp oeq {self.t} {x}, 0.0")

    def _identity(self, n: int) -> Matrix:
        return [[self.one if i == j else "0.0" for j in range(n)] for i in range(n)]

    # Elimination --------------------------------------------------------------------------------

    def _eliminate(self, rows: Matrix) -> str:
        """Bring rows (of a matrix, and of right-hand sides behind it) to an upper triangle; return the sign."""
        n, sign = len(rows), self.one
        for k in range(n):
            for i in range(k + 1, n):
                sizes = [self._do("absolute", rows[r][k]) for r in (i, k)]
                more = self.e.op(f"fcmp ogt {self.t} {sizes[0]}, {sizes[1]}")
                sign = self._select(more, self._do("neg", sign), sign)
                for j in range(k, len(rows[0])):
                    x, y = rows[i][j], rows[k][j]
                    rows[i][j], rows[k][j] = self._select(more, y, x), self._select(more, x, y)
            inverse = self._do("div", self.one, rows[k][k])
            for i in range(k + 1, n):
                factor = self._do("mul", rows[i][k], inverse)
                for j in range(k + 1, len(rows[0])):
                    rows[i][j] = self._less(rows[i][j], factor, rows[k][j])
        return sign

    def _solve(self, a: Matrix, b: Matrix) -> Matrix:
        n = len(a)
        rows = [[*x, *y] for x, y in zip(a, b, strict=True)]
        self._eliminate(rows)
        for k in range(n):
            self.note_bad(self._is_zero(rows[k][k]))
        return self._triangular([row[:n] for row in rows], [row[n:] for row in rows], lower=False, checked=False)

    def _triangular(
        self, a: Matrix, b: Matrix, *, lower: bool, turned: bool = False, unit: bool = False, checked: bool = True
    ) -> Matrix:
        n, x = len(a), [list(row) for row in b]
        if turned:
            a, lower = [[a[j][i] for j in range(n)] for i in range(n)], not lower
        order = list(range(n)) if lower else list(range(n))[::-1]
        for place, i in enumerate(order):
            if checked and not unit:
                self.note_bad(self._is_zero(a[i][i]))
            for j in range(len(x[0])):
                for k in order[:place]:
                    x[i][j] = self._less(x[i][j], a[i][k], x[k][j])
                if not unit:
                    x[i][j] = self._do("div", x[i][j], a[i][i])
        return x

    def _cholesky(self, a: Matrix) -> Matrix:
        n = len(a)
        low = [["0.0"] * n for _ in range(n)]
        for j in range(n):
            d = a[j][j]
            for k in range(j):
                d = self._less(d, low[j][k], low[j][k])
            self.note_bad(self.e.op(f"fcmp ole {self.t} {d}, 0.0"))  # a NaN stays one, as in LAPACK
            low[j][j] = self._do("sqrt", d)
            for i in range(j + 1, n):
                x = a[i][j]
                for k in range(j):
                    x = self._less(x, low[i][k], low[j][k])
                low[i][j] = self._do("div", x, low[j][j])
        return low

    # Determinants -------------------------------------------------------------------------------

    def _determinant(self, a: Matrix, name: str) -> list[list[str]]:
        """Return sign and logarithm, or the determinant made of them, as NumPy does."""
        rows = [list(row) for row in a]
        sign, total = self._eliminate(rows), "0.0"
        zero = "false"
        for k in range(len(a)):
            d = rows[k][k]
            zero = self.e.op(f"or i1 {zero}, {self._is_zero(d)}")
            sign = self._select(self.e.op(f"fcmp olt {self.t} {d}, 0.0"), self._do("neg", sign), sign)
            total = self._do("add", total, self._do("log", self._do("absolute", d)))
        sign = self._select(zero, "0.0", sign)
        total = self._select(zero, constant(-np.inf, self.type.dtype), total)
        if name == "slogdet":
            return [[sign], [total]]
        return [[self._do("mul", sign, self._do("exp", total))]]

    def _cofactors(self, a: Matrix, b: Matrix) -> Matrix:
        """Return the cofactors of a for n ≤ 2, and their polar form in a and b for n = 3."""
        n = len(a)
        if n == 1:
            return [[self.one]]
        if n == 2:
            return [[a[1][1], self._do("neg", a[1][0])], [self._do("neg", a[0][1]), a[0][0]]]
        return [self._cross(a[(i + 1) % 3], b[(i + 2) % 3]) for i in range(3)]

    def _cross(self, x: list[str], y: list[str]) -> list[str]:
        return [
            self._less(self._do("mul", x[(i + 1) % 3], y[(i + 2) % 3]), x[(i + 2) % 3], y[(i + 1) % 3])
            for i in range(3)
        ]

    def _cofactor_tangent(self, a: Matrix, v: Matrix) -> Matrix:
        if len(a) == 1:
            return [[constant(0, self.type.dtype)]]
        if len(a) == 2:
            return self._cofactors(v, v)
        parts = zip(self._cofactors(a, v), self._cofactors(v, a), strict=True)
        return [[self._do("add", x, y) for x, y in zip(*rows, strict=True)] for rows in parts]
