"""Reverse mode through a while loop: Kepler's equation, solved by Newton's method.

The eccentric anomaly E solves E - e sin E = M. How many iterations that takes depends on e and M,
and is known only when it has run. The derivatives by e and M come out of the loop itself; the
implicit function theorem says what they must be.

Run: python examples/newton_while_loop.py
"""

import numpy as np

import pullback as pb


def eccentric_anomaly(e, M):
    """Return E with E - e sin E = M, for 0 <= e < 1."""

    def goes_on(state):
        _, step, n = state
        return (np.abs(step) > 1e-12) & (n < 50)

    def newton(state):
        E, _, n = state
        step = (E - e * np.sin(E) - M) / (1.0 - e * np.cos(E))
        return E - step, step, n + 1

    E, _, n = pb.while_loop(goes_on, newton, (M + 0.85 * e, 1.0 + 0.0 * M, 0))
    return E, n


def main():
    for e, M in [(0.1, 1.0), (0.7, 0.3), (0.95, 0.1)]:
        (E, n), (by_e, by_m) = pb.value_and_grad(eccentric_anomaly, argnums=(0, 1), has_aux=True)(e, M)
        slope = 1.0 - e * np.cos(E)
        print(f"e = {e:4}, M = {M}: E = {E:.12f} after {n} iterations; dE/de = {by_e:.12f}, dE/dM = {by_m:.12f}")
        assert np.isclose(by_e, np.sin(E) / slope, rtol=1e-9)
        assert np.isclose(by_m, 1.0 / slope, rtol=1e-9)

    second = pb.grad(pb.jit(pb.grad(lambda M: eccentric_anomaly(0.7, M)[0])))(0.3)
    print(f"d²E/dM² at e = 0.7, M = 0.3, under jit: {second:.9f}")


if __name__ == "__main__":
    main()
