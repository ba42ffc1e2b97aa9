"""A hidden Markov model: the log-likelihood of a sequence by the scaled forward algorithm."""

import numpy as np


def log_likelihood(transition_logits, emission_logits, sequence):
    """Return the log-probability of the sequence of symbols; rows of logits become probabilities."""
    A = np.exp(transition_logits)
    A /= A.sum(axis=1, keepdims=True)
    B = np.exp(emission_logits)
    B /= B.sum(axis=1, keepdims=True)
    n = A.shape[0]
    alpha = np.full(n, 1.0 / n) * B[:, sequence[0]]
    scale = np.zeros(len(sequence))
    for t in range(len(sequence)):
        if t > 0:
            alpha = (alpha @ A) * B[:, sequence[t]]
        scale[t] = alpha.sum()
        alpha /= scale[t]
    return np.log(scale).sum()


def arguments(rng):
    return rng.normal(size=(4, 4)), rng.normal(size=(4, 6)), rng.integers(0, 6, size=150)
