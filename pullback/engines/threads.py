"""threads: how many threads large loops of native code may take; `llvm/pool.py` has the threads themselves."""

from __future__ import annotations

import ctypes
import os

__all__ = ["MOST", "WORDS", "number", "set_number"]

MOST = 64  # threads; more are not of use, since no loop is given out in more pieces
WORDS = 640  # of the memory that all native code and all threads see

shared = (ctypes.c_int64 * (WORDS + 8))()  # the first word is the number; the others are the pool's


def number() -> int:
    """Return how many threads a large loop may take, where `jit` does not say it: one, if nobody has asked for more."""
    return shared[_FIRST]


def set_number(n: int) -> None:
    """Let large loops take n threads, from now on."""
    shared[_FIRST] = min(n, MOST)


def _given() -> int:
    """Return the number that the environment asks for; what is no positive number asks for nothing."""
    text = os.environ.get("PULLBACK_THREADS", "1")
    return max(int(text), 1) if text.isdecimal() else 1


_FIRST = (-ctypes.addressof(shared) % 64) // 8  # at the beginning of a cache line
address = ctypes.addressof(shared) + 8 * _FIRST
set_number(_given())
