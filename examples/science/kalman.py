"""A Kalman filter whose covariance is updated in place: the log-likelihood of measurements of a moving body."""

import numpy as np


def log_likelihood(noise, measurements):
    """Return the log-likelihood of positions measured once a second; noise = log of (process, measurement) variance."""
    q, r = np.exp(noise)
    F = np.array([[1.0, 1.0], [0.0, 1.0]])
    Q = q * np.array([[0.25, 0.5], [0.5, 1.0]])
    x = np.zeros(2)
    P = 10.0 * np.eye(2)
    total = 0.0
    for z in measurements:
        x = F @ x
        P[:] = F @ P @ F.T
        P += Q
        S = P[0, 0] + r
        innovation = z - x[0]
        K = P[:, 0] / S
        x += K * innovation
        P -= np.outer(K, P[0])
        total -= 0.5 * (np.log(2 * np.pi * S) + innovation**2 / S)
    return total


def arguments(rng):
    return np.log([0.1, 0.5]), np.cumsum(np.cumsum(rng.normal(size=60)) * 0.3) + rng.normal(size=60)
