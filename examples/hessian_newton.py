"""The Hessian of a function, and Newton's method with it: Rosenbrock's valley in ten dimensions.

Run: python examples/hessian_newton.py
"""

import numpy as np

import pullback as pb


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def main():
    x = np.full(10, -0.5)
    gradient, hessian = pb.grad(rosenbrock), pb.hessian(rosenbrock)
    for n in range(60):
        g, H = gradient(x), hessian(x)
        if n % 5 == 0 or np.linalg.norm(g) < 1e-9:
            print(f"iteration {n:2}   f = {rosenbrock(x):10.3e}   |gradient| = {np.linalg.norm(g):9.2e}")
        if np.linalg.norm(g) < 1e-9:
            break
        shift = max(0.0, 1e-3 - np.linalg.eigvalsh(H)[0])  # downhill also where the Hessian is not positive
        step = np.linalg.solve(H + shift * np.eye(10), g)
        length = 1.0
        while rosenbrock(x - length * step) > rosenbrock(x) - 1e-4 * length * (g @ step) and length > 1e-10:
            length /= 2
        x = x - length * step
    print("x =", x)
    assert np.allclose(x, 1.0)

    v = np.arange(10.0)
    print("H v without H:", np.allclose(pb.hvp(rosenbrock, (x,), (v,)), hessian(x) @ v))


if __name__ == "__main__":
    main()
