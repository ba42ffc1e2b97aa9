"""A robot arm: where its hand is, by rotations multiplied up joint by joint, and how far from where it should be."""

import numpy as np


def distance(angles, lengths, goal):
    """Return the squared distance of the hand from the goal; joints turn about z and y in turn."""
    pose = np.eye(4)
    for i in range(len(angles)):
        c, s = np.cos(angles[i]), np.sin(angles[i])
        joint = np.eye(4)
        a, b = (0, 1) if i % 2 == 0 else (2, 0)
        joint[a, a], joint[a, b], joint[b, a], joint[b, b] = c, -s, s, c
        link = np.eye(4)
        link[0, 3] = lengths[i]
        pose = pose @ joint @ link
    return np.sum((pose[:3, 3] - goal) ** 2) + 1e-3 * np.sum(angles**2)


def arguments(rng):
    return rng.normal(size=7), np.full(7, 0.4), np.array([1.0, 0.5, 0.8])
