"""Fitting an orbit: a planet's track by a leapfrog integrator, against where it was seen."""

import numpy as np


def misfit(start, seen, times):
    """Return the squared distance of the track from what was seen; start = (x, y, vx, vy), the sun has mass 1."""
    position, velocity = start[:2].copy(), start[2:].copy()
    dt, steps = 0.01, 180
    track = np.zeros((steps, 2))
    for step in range(steps):
        track[step] = position
        velocity += dt / 2 * gravity(position)
        position += dt * velocity
        velocity += dt / 2 * gravity(position)
    return np.sum((track[times] - seen) ** 2)


def gravity(position):
    return -position / np.linalg.norm(position) ** 3


def arguments(rng):
    angle = np.linspace(0.3, 2.0, 8)
    seen = np.stack([np.cos(angle), np.sin(angle)], axis=1) + 0.01 * rng.normal(size=(8, 2))
    return np.array([1.0, 0.1, -0.1, 1.0]), seen, np.arange(20, 180, 20)
