"""A Gaussian process: the marginal likelihood of data, by the logarithms of its hyperparameters."""

import numpy as np


def negative_log_likelihood(log_parameters, x, y):
    """Return it for (length scale, amplitude, noise)."""
    length, amplitude, noise = np.exp(log_parameters)
    distance = x[:, None] - x[None, :]
    K = amplitude**2 * np.exp(-0.5 * (distance / length) ** 2)
    np.fill_diagonal(K, K.diagonal() + noise**2)
    L = np.linalg.cholesky(K)
    alpha = np.linalg.solve(K, y)
    return 0.5 * y @ alpha + np.log(np.diag(L)).sum() + 0.5 * len(x) * np.log(2 * np.pi)


def arguments(rng):
    x = np.sort(rng.uniform(-3, 3, 80))
    return np.log([1.0, 1.0, 0.2]), x, np.sin(2 * x) + 0.2 * rng.normal(size=80)
