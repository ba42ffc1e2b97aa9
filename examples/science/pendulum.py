"""A pendulum: its period by a Runge-Kutta loop written by hand, and how the swing depends on where it starts."""

import numpy as np


def acceleration(angle, length):
    return -9.81 / length * np.sin(angle)


def swing(start, length):
    """Return the angle after two seconds of a pendulum that is let go at `start` (angle, velocity)."""
    dt, steps = 0.01, 200
    state = start.copy()
    for _ in range(steps):
        k1 = rate(state, length)
        k2 = rate(state + dt / 2 * k1, length)
        k3 = rate(state + dt / 2 * k2, length)
        k4 = rate(state + dt * k3, length)
        state += dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return state[0]


def rate(state, length):
    out = np.empty_like(state)
    out[0] = state[1]
    out[1] = acceleration(state[0], length)
    return out


def arguments(rng):
    return np.array([1.0, 0.0]), 1.2
