"""fitting: what a number is of a length, found by looking at several lengths.

Where everything that depends on a length was made for some example lengths, each number in it
is a sample of an unknown function. Whole numbers (shapes, trip counts, strides) are polynomials
of the second degree at most; floating-point literals are made of such by a few forms: 1 / p, c * p,
the square root of p. A fit is accepted if it is *exact* at every example, of which there are more
than a polynomial has coefficients.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Array", "Examples", "Formula", "Polynomial"]

_DIGITS = 1, 3, 6, 12, 15  # of a constant

Point = tuple[int, ...]  # the value of each length


def _monomials(point: Point) -> list[int]:
    squares = [a * b for a, b in itertools.combinations_with_replacement(point, 2)]
    return [1, *point, *squares]


def n_monomials(n_lengths: int) -> int:
    """Return how many coefficients a polynomial of the second degree has."""
    return len(_monomials((1,) * n_lengths))


class Polynomial(NamedTuple):
    """A polynomial whose values are whole numbers: the coefficients over one denominator."""

    coefficients: tuple[int, ...]
    denominator: int = 1

    def __call__(self, point: Point) -> int | None:
        """Return the value at lengths; None where it is no whole number."""
        total = sum(c * m for c, m in zip(self.coefficients, _monomials(point), strict=True) if c)
        whole, rest = divmod(total, self.denominator)
        return None if rest else whole


class Formula(NamedTuple):
    """A floating-point number: a form of a polynomial and a constant, rounded as the dtype has it."""

    form: str
    polynomial: Polynomial
    constant: float
    dtype: np.dtype

    def __call__(self, point: Point) -> float:
        """Return the value at lengths."""
        p = self.polynomial(point)
        return math.nan if p is None else _rounded(_FORMS[self.form], p, self.constant, self.dtype)


_FORMS: dict[str, Callable[[int, float], float]] = {
    "p": lambda p, c: c * float(p),
    "1 / p": lambda p, c: c / p,
    "(1 / p)": lambda p, c: c * (1.0 / p),
    "1 / p / p": lambda p, c: c * (1.0 / p) * (1.0 / p),
    "sqrt": lambda p, c: c * math.sqrt(p),
    "1 / sqrt": lambda p, c: c / math.sqrt(p),
    "(1 / sqrt)": lambda p, c: c * (1.0 / math.sqrt(p)),
}


def _rounded(form: Callable[[int, float], float], p: int, c: float, dtype: np.dtype) -> float:
    try:
        return float(dtype.type(form(p, c)))
    except (ZeroDivisionError, ValueError, OverflowError):
        return math.nan


class Array(NamedTuple):
    """An array that holds one number throughout, or equal steps along its only axis."""

    shape: tuple[Polynomial, ...]
    first: Any
    step: Any
    dtype: np.dtype

    def __call__(self, point: Point) -> np.ndarray | None:
        """Return the array for lengths."""
        shape = tuple([n for f in self.shape if (n := f(point)) is not None])
        if len(shape) != len(self.shape):
            return None
        first, step = self.first(point), self.step(point) if self.step is not None else None
        if step is None:
            return np.full(shape, first, self.dtype)
        return _steps(shape[0], first, step, self.dtype)


def _steps(n: Any, first: Any, step: Any, dtype: np.dtype) -> np.ndarray:
    return (first + np.arange(n, dtype=dtype) * dtype.type(step)).astype(dtype)


class Examples:
    """Example lengths, and what numbers that were seen at them are."""

    def __init__(self, points: Sequence[Point]) -> None:
        self.points = [tuple(p) for p in points]
        self._found: dict[Any, Any] = {}

    @property
    def enough(self) -> bool:
        """Whether a polynomial is determined by the examples, with two to spare."""
        return len(self._basis[0]) == n_monomials(len(self.points[0])) <= len(self.points) - 2

    @cached_property
    def _basis(self) -> tuple[list[int], list[list[Fraction]]]:
        """Return examples whose monomials are independent, and the inverse of their matrix."""
        chosen: list[int] = []
        rows: list[list[Fraction]] = []  # eliminated
        for i, p in enumerate(self.points):
            row = _eliminated([Fraction(m) for m in _monomials(p)], rows)
            if any(row):
                chosen.append(i)
                rows.append(row)
        return chosen, _inverse([[Fraction(m) for m in _monomials(self.points[i])] for i in chosen])

    def whole(self, values: Sequence[int]) -> Polynomial | None:
        """Return the polynomial that has these values at the examples."""
        key = tuple(values)
        if key not in self._found:
            self._found[key] = self._whole(key)
        return self._found[key]

    def _whole(self, values: tuple[int, ...]) -> Polynomial | None:
        chosen, inverse = self._basis
        if len(set(values)) == 1:
            zeros = [0] * (n_monomials(len(self.points[0])) - 1)
            return Polynomial((values[0], *zeros))
        if len(inverse) != n_monomials(len(self.points[0])):
            return None
        coefficients = [sum((a * values[i] for a, i in zip(row, chosen, strict=True)), Fraction(0)) for row in inverse]
        denominator = math.lcm(*(c.denominator for c in coefficients))
        found = Polynomial(tuple(int(c * denominator) for c in coefficients), denominator)
        return found if all(found(p) == v for p, v in zip(self.points, values, strict=True)) else None

    def real(self, values: Sequence[float], dtype: Any = np.float64) -> Formula | None:
        """Return the formula that has these values at the examples, to the last bit."""
        dtype = np.dtype(dtype)
        if not all(map(math.isfinite, values)):
            return None
        if len({*map(repr, values)}) == 1:
            return Formula("p", self.whole([1] * len(values)), values[0], dtype)  # pyright: ignore[reportArgumentType]
        for form, p in self._candidates(values):
            formula = self._fitting(form, p, values, dtype)
            if formula is not None:
                return formula
        return None

    def _candidates(self, values: Sequence[float]) -> Any:
        """Yield forms, and polynomials that they may be of."""
        inverses: dict[str, Callable[[float], float]] = {
            "p": abs, "1 / p": lambda v: 1 / abs(v), "sqrt": lambda v: v * v, "1 / sqrt": lambda v: 1 / (v * v),
        }  # fmt: skip
        for form, back in inverses.items():
            try:
                p = self.whole([round(back(v)) for v in values])
            except (ZeroDivisionError, OverflowError):
                continue
            if p is not None:
                yield form, p
        known = [p for p in dict.fromkeys(self._found.values()) if p is not None and any(p.coefficients[1:])]
        for form in _FORMS:
            yield from ((form, p) for p in known)

    def _fitting(self, form: str, p: Polynomial, values: Sequence[float], dtype: np.dtype) -> Formula | None:
        base = _rounded(_FORMS[form], p(self.points[0]) or 0, 1.0, np.dtype(np.float64))
        if not base or math.isnan(base):
            return None
        for digits in _DIGITS if dtype == np.float64 else _DIGITS[:3]:  # the simplest constant that is right
            formula = Formula(form, p, float(f"{values[0] / base:.{digits}g}"), dtype)
            if all(formula(q) == v for q, v in zip(self.points, values, strict=True)):
                return formula
        return None

    def array(self, arrays: Sequence[np.ndarray]) -> Array | None:
        """Return what these arrays are at any lengths: one number throughout, or equal steps along one axis."""
        first = arrays[0]
        if any(x.dtype != first.dtype or x.ndim != first.ndim for x in arrays):
            return None
        shape = [self.whole([x.shape[a] for x in arrays]) for a in range(first.ndim)]
        if None in shape or 0 in {x.size for x in arrays} or first.dtype.kind not in "fib":
            return None
        starts = self._scalar([x.flat[0] for x in arrays], first.dtype)
        step = None
        if not all(bool((x == x.flat[0]).all()) for x in arrays):
            if first.ndim != 1 or first.dtype.kind == "b" or min(x.size for x in arrays) < 2:
                return None
            step = self._scalar([x[1] - x[0] for x in arrays], first.dtype)
            if step is None:
                return None
        made = Array(tuple(shape), starts, step, first.dtype) if starts is not None else None  # pyright: ignore[reportArgumentType]
        exact = made is not None and all(_equal_bits(x, made(p)) for x, p in zip(arrays, self.points, strict=True))
        return made if exact else None

    def _scalar(self, values: list[Any], dtype: np.dtype) -> Any:
        if dtype.kind == "f":
            return self.real([float(v) for v in values], dtype)
        return self.whole([int(v) for v in values])


def _equal_bits(a: np.ndarray, b: Any) -> bool:
    return a.shape == b.shape and a.tobytes() == b.tobytes()


def _eliminated(row: list[Fraction], rows: list[list[Fraction]]) -> list[Fraction]:
    for other in rows:
        lead = next(i for i, x in enumerate(other) if x)
        if row[lead]:
            factor = row[lead] / other[lead]
            row = [x - factor * y for x, y in zip(row, other, strict=True)]
    return row


def _inverse(a: list[list[Fraction]]) -> list[list[Fraction]]:
    """Return the inverse of a square matrix; an empty list of one that is not square."""
    n = len(a)
    if n == 0 or len(a[0]) != n:
        return []
    rows = [[*row, *(Fraction(int(i == j)) for j in range(n))] for i, row in enumerate(a)]
    for k in range(n):
        pivot = next(i for i in range(k, n) if rows[i][k])
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [x / rows[k][k] for x in rows[k]]
        for i in range(n):
            if i != k and rows[i][k]:
                factor = rows[i][k]
                rows[i] = [x - factor * y for x, y in zip(rows[i], rows[k], strict=True)]
    return [row[n:] for row in rows]
