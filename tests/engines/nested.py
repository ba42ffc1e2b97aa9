"""Random functions with control flow in control flow, by seed: what is fed to the compiled engine."""

import numpy as np

import pullback as pb

SHAPES = ((), (3,), (2, 3), (5, 20))


def inputs_of(seed):
    """Four arrays: of shapes (), (3,), (2, 3) and (5, 20)."""
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.uniform(-1.0, 1.0, s)) for s in SHAPES]


def nested(seed, steps=5, depth=3):
    """A function of four arrays to three, smooth almost everywhere, of magnitudes near one."""

    def f(*inputs):
        rng = np.random.default_rng(seed + 1)
        pool = list(inputs)
        for _ in range(steps):
            pool.append(_step(rng, pool, depth))
        return tuple(pool[-3:])

    return f


def _two(rng, pool):
    i, j = rng.integers(len(pool), size=2)
    x, y = pool[i], pool[j]
    try:
        same = np.broadcast_shapes(np.shape(x), np.shape(y)) == np.shape(x)
    except ValueError:
        same = False
    return x, y if same else np.mean(y)


def _step(rng, pool, depth):
    x, y = _two(rng, pool)
    plain = [
        lambda: np.sin(x) + y,
        lambda: np.tanh(x * y),
        lambda: x * y,
        lambda: np.where(x > y, x, np.cos(y)),
        lambda: np.maximum(x, 0.3 * y),
        lambda: x / (2.0 + y * y),
        lambda: np.exp(-x * x),
        lambda: np.sum(np.sin(x) * y) * 0.1,
        lambda: np.cumsum(x, axis=-1) * 0.2 if np.ndim(x) else x - 0.5,
        lambda: np.flip(x, axis=-1) if np.ndim(x) else -x,
        lambda: np.roll(x, 1, axis=-1) * y if np.ndim(x) else x * 0.5,
        lambda: np.concatenate([x[..., 1:], x[..., :1] * 2.0], axis=-1) if np.ndim(x) else x,
        lambda: x.T if np.ndim(x) == 1 else np.mean(x, axis=0, keepdims=True) + x if np.ndim(x) else x,
        lambda: np.sum(x, axis=0) + 0.0 * x if np.ndim(x) else x,
        lambda: (x @ np.transpose(x)) @ x * 0.05 if np.ndim(x) == 2 else x,
        lambda: x[..., 0:1] * x if np.ndim(x) else x,
        lambda: np.sort(x, axis=-1) if np.ndim(x) else x,
    ]
    if depth == 0 or rng.random() < 0.4:
        return plain[rng.integers(len(plain))]()
    kinds = [_fori, _counted, _scan, _reverse_scan, _while, _cond, _switch, _jit, _checkpoint, _swap, _indexed]
    return kinds[rng.integers(len(kinds))](rng, x, y, depth)


def _body(rng, depth, x, y):
    """Return a function of the carry and of another value (y), which it closes over in part."""
    seed = int(rng.integers(1 << 30))

    def f(c, *others):
        r = np.random.default_rng(seed)
        pool = [c, y, *others]
        for _ in range(2):
            pool.append(_step(r, pool, depth - 1))
        out = pool[-1]
        if np.shape(out) != np.shape(x):
            out = np.mean(out) + 0.5 * c
        return np.tanh(out)

    return f


def _fori(rng, x, y, depth):
    f, n = _body(rng, depth, x, y), int(rng.integers(4))
    return pb.fori_loop(0, n, lambda i, c: f(c, 0.1 * i), x)


def _counted(rng, x, y, depth):
    """A number of turns that is traced."""
    f = _body(rng, depth, x, y)
    n = np.where(np.sum(y) > 0, 3, 1)
    return pb.fori_loop(0, n, lambda i, c: f(c, 0.1 * i), x)


def _scan(rng, x, y, depth, reverse=False):
    f = _body(rng, depth, x, y)
    xs = np.stack([y, 0.5 * y, -y])
    c, ys = pb.scan(lambda c, a: (f(c, a), (np.sum(c) * a, c)), x, xs, reverse=reverse)
    return c + np.mean(ys[0]) + ys[1][1]


def _reverse_scan(rng, x, y, depth):
    return _scan(rng, x, y, depth, reverse=True)


def _while(rng, x, y, depth):
    f = _body(rng, depth, x, y)

    def turn(s):
        n, c = s
        return n + 1.0 + 0.1 * np.sum(c) ** 2, f(c)

    return pb.while_loop(lambda s: s[0] < 3.0, turn, (np.sum(y) * 0.0, x))[1]


def _cond(rng, x, y, depth):
    f, g = _body(rng, depth, x, y), _body(rng, depth, x, y)
    return pb.cond(np.sum(y) > 0.1, f, g, x)


def _switch(rng, x, y, depth):
    branches = [_body(rng, depth, x, y) for _ in range(3)]
    return pb.switch(np.where(np.sum(y) > 0.0, 2, 0), branches, x)


def _jit(rng, x, y, depth):
    return pb.jit(_body(rng, depth, x, y))(x)


def _checkpoint(rng, x, y, depth):
    return pb.checkpoint(_body(rng, depth, x, y))(x)


def _swap(rng, x, y, depth):
    """Carries that change places, one that passes through, and one that is an output too."""
    f = _body(rng, depth, x, y)

    def turn(i, s):
        a, b, c, d = s
        return b, a, f(c, np.sum(d)), d

    a, b, c, d = pb.fori_loop(0, 3, turn, (x, 2.0 * x, x, y))
    return a - b + c * np.mean(d)


def _indexed(rng, x, y, depth):
    """A gather at a traced place, inside a loop."""
    if not np.ndim(x) or not np.shape(x)[-1]:
        return x
    f = _body(rng, depth, x, y)
    return pb.fori_loop(0, 2, lambda i, c: f(c, np.sum(c[..., i])) + 0.1 * c[..., i, None], x)
