"""Bits: Philox4x64-10 in registers, a block of four words a turn (see `primitives/philox.py`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.program import Equation
from pullback.primitives.philox import MULTIPLIERS, ROUNDS, WEYL

from .access import linear
from .nest import NestFunction, store
from .plan import Nest, Plan
from .ranges import Index, plus, times
from .scalars import constant

__all__ = ["BitsFunction", "loops_of"]


def loops_of(eq: Equation) -> list[tuple[Any, int]]:
    """Return the loops of random bits, outer ones first: over axes of the streams, and over blocks of four words."""
    return [*enumerate(eq.operands[1].type.shape), ("blocks", -(-eq.params["n"] // 4))]


class BitsFunction(NestFunction):
    """Emits the function of one equation of random bits."""

    def __init__(self, name: str, eq: Equation, plan: Plan, contract: bool, checks: list[Any]) -> None:
        self.eq, self.n = eq, eq.params["n"]
        super().__init__(name, Nest(()), plan, contract, checks)

    def _loops(self, depth: int, index: list[Index]) -> None:
        self._over(loops_of(self.eq)[:-1], [])
        self.e.sums.clear()

    def _over(self, axes: list[tuple[Any, int]], index: list[Index]) -> None:
        """Write loops over axes of the streams."""
        if not axes:
            self._stream(index)
            return
        (axis, size), *rest = axes
        self._loop(axis, size, lambda i: self._over(rest, [*index, i]))

    def _stream(self, index: list[Index]) -> None:
        """Write the words of one stream: whole blocks, and what is left of one."""
        self._memo = {}
        e, (key, stream) = self.e, self.eq.operands
        keys = self.element(key, [*index, 0]), self.element(key, [*index, 1])
        number = e.convert(self.element(stream, index), stream.type.dtype, np.int64)
        first = times(e, linear(e, index, stream.type.shape), self.n)
        whole, rest = divmod(self.n, 4)

        def block(b: Index, count: int) -> None:
            words = self._block(b, keys, number)
            place = plus(e, first, times(e, b, 4))
            for j in range(count):
                store(e, np.dtype(np.int64), words[j], self._address(self.eq.results[0], plus(e, place, j)))

        if whole:
            self._loop("blocks", whole, lambda b: block(b, 4))
        if rest:
            self._loop("blocks", whole + 1, lambda b: block(b, rest), start=whole)

    def _block(self, b: Index, keys: tuple[str, str], stream: str) -> list[str]:
        """Return the four words of a block."""
        e = self.e
        words = [e.op(f"add i64 {b}, 1"), stream, "0", constant(self.eq.params["purpose"], np.int64)]
        for turn in range(ROUNDS):
            k0, k1 = (
                e.op(f"add i64 {k}, {constant(turn * int(w) % 2**64, np.int64)}")
                for k, w in zip(keys, WEYL, strict=True)
            )
            (high0, low0), (high1, low1) = (self._product(words[2 * i], int(m)) for i, m in enumerate(MULTIPLIERS))
            words = [self._xor(high1, words[1], k0), low1, self._xor(high0, words[3], k1), low0]
        return words

    def _product(self, x: str, m: int) -> tuple[str, str]:
        """Return the high and the low word of a product."""
        wide = self.e.op(f"mul nuw i128 {self.e.op(f'zext i64 {x} to i128')}, {m}")
        high = self.e.op(f"trunc i128 {self.e.op(f'lshr i128 {wide}, 64')} to i64")
        return high, self.e.op(f"trunc i128 {wide} to i64")

    def _xor(self, a: str, b: str, c: str) -> str:
        return self.e.op(f"xor i64 {self.e.op(f'xor i64 {a}, {b}')}, {c}")
