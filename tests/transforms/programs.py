"""Random functions and random linear Programs, by seed: what hypothesis feeds to the passes."""

import numpy as np

import pullback as pb

SHAPES = ((), (3,), (2, 3))


def random_inputs(seed):
    """Three arrays: of shapes (), (3,) and (2, 3)."""
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.uniform(-1.0, 1.0, s)) for s in SHAPES]


def _reduce(rng, x):
    axes = [None, 0, -1]
    if np.ndim(x) == 0:
        return x
    return np.sum(x, axis=axes[rng.integers(3)])


def _nonlinear(rng, x, y):
    choices = [
        lambda: np.sin(x),
        lambda: np.tanh(x * y),
        lambda: x * y,
        lambda: x * x,
        lambda: np.where(x > y, x, np.cos(y)),
        lambda: np.maximum(x, 0.3 * y),
        lambda: x / (2.0 + y * y),
        lambda: np.exp(-x * x),
        lambda: x - y,
        lambda: _reduce(rng, x * y),
        lambda: np.cumsum(x, axis=-1) if np.ndim(x) else x,
        lambda: np.flip(x, axis=-1) if np.ndim(x) else x,
        lambda: 2.0 * y,
        lambda: x[..., 1:] if np.ndim(x) and np.shape(x)[-1] > 1 else x,
        lambda: np.sin(x) + np.sin(x),
        lambda: pb.cond(np.sum(x) > 0.1, lambda a: np.sin(a) * 2.0, lambda a: a * a, x),
        lambda: pb.fori_loop(0, 3, lambda i, c: np.sin(c) + 0.1 * np.sum(y), x),
        lambda: pb.jit(lambda a: np.cos(a) * a)(x),
    ]
    return choices[rng.integers(len(choices))]()


def random_function(seed, steps=8):
    """A smooth (almost everywhere) function of three arrays to three arrays."""

    def f(*inputs):
        rng = np.random.default_rng(seed + 1)
        pool = list(inputs)
        for _ in range(steps):
            i, j = rng.integers(len(pool), size=2)
            x, y = pool[i], pool[j]
            try:
                np.broadcast_shapes(np.shape(x), np.shape(y))
            except ValueError:
                y = np.sum(y)
            pool.append(_nonlinear(rng, x, y))
        return tuple(pool[-3:])

    return f


def _linear(rng, x, y, weights):
    w = weights.get(np.shape(x)[-1:])
    choices = [
        lambda: x + y,
        lambda: x - y,
        lambda: -x,
        lambda: 3.0 * x,
        lambda: x / 4.0,
        lambda: x * w if w is not None else x,
        lambda: _reduce(rng, x),
        lambda: np.where(w > 0, x, y) if w is not None and np.shape(x) == np.shape(y) else x,
        lambda: x @ np.outer(w, w) if w is not None and np.ndim(x) else x,
        lambda: np.reshape(x, (-1,))[::-1],
        lambda: np.concatenate([np.ravel(x), np.ravel(y)]),
        lambda: np.cumsum(x, axis=0) if np.ndim(x) else x,
        lambda: np.broadcast_to(x, (2, *np.shape(x))),
        lambda: np.moveaxis(x, 0, -1) if np.ndim(x) else x,
        lambda: pb.fori_loop(0, 2, lambda i, c: c * 0.5 + np.sum(y), x),
        lambda: pb.scan(lambda c, a: (c + np.sum(a), 2.0 * a), np.sum(y), x)[1] if np.ndim(x) else x,
        lambda: pb.cond(seed_bool(rng), lambda a: 2.0 * a, lambda a: -a, x),
        lambda: pb.jit(lambda a: a + a)(x),
        lambda: pb.checkpoint(lambda a: a * 0.5)(x),
        lambda: x[..., 0] if np.ndim(x) else x,
        lambda: np.pad(x, [(1, 0)] * np.ndim(x)) if np.ndim(x) else x,
    ]
    return choices[rng.integers(len(choices))]()


def seed_bool(rng):
    """A truth value by chance."""
    return bool(rng.integers(2))


def random_linear(seed, steps=7):
    """A linear function of three arrays to three arrays."""
    weights = {(3,): np.array([0.5, -1.5, 2.0])}

    def f(*inputs):
        rng = np.random.default_rng(seed + 7)
        pool = list(inputs)
        for _ in range(steps):
            i, j = rng.integers(len(pool), size=2)
            x, y = pool[i], pool[j]
            try:
                np.broadcast_shapes(np.shape(x), np.shape(y))
            except ValueError:
                y = np.sum(y)
            out = _linear(rng, x, y, weights)
            pool.append(out if np.size(out) < 200 else np.sum(out))
        return tuple(pool[-3:])

    return f
