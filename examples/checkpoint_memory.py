"""What reverse mode keeps in memory, line by line, and what checkpoint makes of it.

Run: python examples/checkpoint_memory.py
"""

import numpy as np

import pullback as pb
from pullback.show import memory


def block(x, w):
    y = np.tanh(x @ w)
    return x + np.sin(y) * y


def network(x, ws):
    for w in ws:
        x = block(x, w)
    return np.sum(x**2)


def frugal(x, ws):
    for w in ws:
        x = pb.checkpoint(block)(x, w)
    return np.sum(x**2)


def main():
    rng = np.random.default_rng(0)
    x, ws = rng.normal(size=(64, 32)), list(0.1 * rng.normal(size=(8, 32, 32)))
    _, pullback = pb.vjp(network, x, ws)
    print(memory(pullback).table(plain=True))
    _, cheap = pb.vjp(frugal, x, ws)
    print("\nWith checkpoint(block):\n")
    print(memory(cheap).table(plain=True))
    assert memory(cheap).total < memory(pullback).total
    (ux, _), (vx, _) = pullback(1.0), cheap(1.0)
    print("\nthe same gradient:", np.allclose(ux, vx, rtol=1e-12))


if __name__ == "__main__":
    main()
