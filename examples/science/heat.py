"""The heat equation with ghost cells: what the final temperature says about the first."""

import numpy as np


def final_misfit(initial, target, conductivity):
    """Return the squared misfit after 100 explicit steps, with insulated edges."""
    n, m = initial.shape
    u = np.zeros((n + 2, m + 2))
    u[1:-1, 1:-1] = initial
    for _ in range(100):
        u[0], u[-1] = u[1], u[-2]
        u[:, 0], u[:, -1] = u[:, 1], u[:, -2]
        laplacian = u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:] - 4 * u[1:-1, 1:-1]
        u[1:-1, 1:-1] += conductivity * laplacian
    return np.sum((u[1:-1, 1:-1] - target) ** 2)


def arguments(rng):
    return rng.random((32, 32)), np.full((32, 32), 0.5), 0.2
