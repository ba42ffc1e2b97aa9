"""The derivative of a chain is a product of Jacobians, and the order of multiplying them decides its price.

Run: python examples/order_of_multiplication.py
"""

import itertools

import numpy as np

from pullback.chain import Chain


def main():
    rng = np.random.default_rng(0)

    # h(g2(g1(x))): R^n -> R^m -> R^d -> R
    n, m, d = 1000, 200, 50
    loss = Chain([lambda x, w: np.tanh(w @ x), lambda x, w: np.tanh(w @ x), lambda x, w: np.sum(x**2)])
    cost = loss.cost(rng.normal(size=n), [rng.normal(size=(m, n)), rng.normal(size=(d, m)), None])
    print(f"A scalar at the end, n = {n}, m = {m}, d = {d}:\n")
    print(cost)
    assert cost.from_loss == m * d + n * m
    assert cost.from_input == n * m * d + n * d

    # Two bottlenecks, and 400 outputs: neither direction is best.
    sizes = [300, 4, 500, 6, 400]
    layers = [lambda x, w: w @ x] * 4
    weights = [rng.normal(size=(b, a)) for a, b in itertools.pairwise(sizes)]
    cost = Chain(layers).cost(rng.normal(size=300), weights)
    print("\nTwo bottlenecks on the way to 400 outputs:\n")
    print(cost)
    assert cost.best < min(cost.from_loss, cost.from_input)


if __name__ == "__main__":
    main()
