"""Random bits: Philox4x64-10, a function of a key and a counter and of nothing else.

Salmon, Moraes, Dror and Shaw, *Parallel random numbers: as easy as 1, 2, 3* (SC 2011), section 4.3. Ten
rounds of multiplication and xor turn a counter of four 64-bit words into four random ones; there is no
state, so that lanes, turns of a loop and engines cannot get in each other's way. It is the generator of
`numpy.random.Philox`, which draws long streams here; many short ones are drawn side by side.

A word is an int64: its 64 bits, with the sign that they happen to have.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pullback.core.errors import DTypeError, ShapeError
from pullback.core.primitive import Cost, Primitive
from pullback.core.types import array_type, type_of

from .shaping import broadcast

__all__ = ["MULTIPLIERS", "ROUNDS", "WEYL", "philox"]

ROUNDS = 10
_LONG = 64  # blocks of one stream: from here on NumPy's generator is faster than rounds over arrays
MULTIPLIERS = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)
WEYL = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B)  # golden ratio, √3 − 1
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)


class Philox(Primitive):
    """n words for each key (..., 2) and stream number (...), both int64; `purpose` keeps uses of one key apart.

    Word i is word i mod 4 of the block with the counter (1 + i div 4, stream, 0, purpose).
    """

    name, smooth, quiet = "philox", False, True

    def infer(self, key, stream, *, n, purpose):
        if key.dtype != np.int64 or stream.dtype != np.int64:
            raise DTypeError(
                f"random bits from a key {key} and a stream {stream}",
                why="a key is two int64 words, and a stream is numbered by an int64",
                fix="make keys with pullback.random.key(seed), split and fold_in",
            )
        if key.shape != (*stream.shape, 2):
            raise ShapeError(
                f"random bits from a key {key} for streams {stream}",
                why="a key has shape (2,)",
                fix="draw with one key; pullback.vmap draws with many, one a lane",
            )
        return array_type((*stream.shape, n), np.dtype(np.int64))

    def evaluate(self, key, stream, *, n, purpose):
        lanes = np.ascontiguousarray(key).reshape(-1, 2).view(np.uint64)
        streams = np.reshape(np.asarray(stream, np.int64), -1).view(np.uint64)
        words = _long_streams if n > 4 * _LONG else _short_streams
        return words(lanes, streams, n, purpose).view(np.int64).reshape(*np.shape(stream), n)

    def batch(self, size, operands, batched, *, n, purpose):
        key, stream = (
            x if is_batched else broadcast(x, shape=(size, *type_of(x).shape))
            for x, is_batched in zip(operands, batched, strict=True)
        )
        return philox(key, stream, n=n, purpose=purpose)

    def cost(self, types, results, *, n, purpose):
        return Cost(ROUNDS * 6 * math.ceil(n / 4) * types[1].size, results[0].size * 8)


def _long_streams(keys: Any, streams: Any, n: int, purpose: int) -> Any:
    """Return (lanes, n) words, each lane drawn by NumPy's generator (which counts before it draws)."""
    out = np.empty((len(keys), n), np.uint64)
    for lane, (key, stream) in enumerate(zip(keys, streams, strict=True)):
        counter = np.array([0, stream, 0, purpose], np.uint64)
        out[lane] = np.random.Philox(counter=counter, key=key).random_raw(n)
    return out


def _short_streams(keys: Any, streams: Any, n: int, purpose: int) -> Any:
    """Return (lanes, n) words, the blocks of all lanes side by side."""
    lanes, blocks = len(keys), -(-n // 4)
    x0 = np.broadcast_to(np.arange(1, blocks + 1, dtype=np.uint64), (lanes, blocks))
    x1 = np.broadcast_to(streams[:, None], (lanes, blocks))
    x2, x3 = np.zeros((lanes, blocks), np.uint64), np.full((lanes, blocks), purpose, np.uint64)
    k0, k1 = keys[:, :1], keys[:, 1:]
    for _ in range(ROUNDS):
        high0, low0 = _product(x0, MULTIPLIERS[0])
        high1, low1 = _product(x2, MULTIPLIERS[1])
        x0, x1, x2, x3 = high1 ^ x1 ^ k0, low1, high0 ^ x3 ^ k1, low0
        k0, k1 = k0 + WEYL[0], k1 + WEYL[1]
    return np.ascontiguousarray(np.stack([x0, x1, x2, x3], axis=-1).reshape(lanes, 4 * blocks)[:, :n])


def _product(x: Any, m: np.uint64) -> tuple[Any, Any]:
    """Return the high and the low word of the 128-bit products of x and m."""
    x0, x1, m0, m1 = x & _LOW, x >> _HALF, m & _LOW, m >> _HALF
    middle = x1 * m0 + ((x0 * m0) >> _HALF)
    other = x0 * m1 + (middle & _LOW)
    return x1 * m1 + (middle >> _HALF) + (other >> _HALF), x * m


philox = Philox()
