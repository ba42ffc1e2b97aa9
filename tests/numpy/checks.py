"""What every function of the face is held to: NumPy for values, differences for derivatives, loops for vmap."""

import numpy as np

import pullback as pb
from tests import oracles

# Functions and arguments that came after NumPy 2.0: cases of these names are left out before.
SINCE = {
    "unstack": "2.1.0",
    "cumulative_sum": "2.1.0",
    "cumulative_prod": "2.1.0",
    "clip nothing": "2.1.0",
    "clip keywords": "2.1.0",
    "pad dict": "2.2.0",
}


def available(cases):
    """The cases that the installed NumPy can do."""
    version = np.lib.NumpyVersion(np.__version__)
    return {name: f for name, f in cases.items() if version >= SINCE.get(name, "2.0.0")}


def leaves(y):
    """The arrays of a result: of a list or tuple, one after another."""
    if isinstance(y, tuple | list):
        return [leaf for part in y for leaf in leaves(part)]
    return [y]


def assert_same(actual, expected, exact=True):
    """Values, shapes and dtypes are equal (values to rounding, unless `exact`)."""
    actual, expected = leaves(actual), leaves(expected)
    assert len(actual) == len(expected)
    for a, b in zip(actual, expected, strict=True):
        a, b = np.asarray(a), np.asarray(b)
        assert a.shape == b.shape, (a.shape, b.shape)
        assert a.dtype == b.dtype, (a.dtype, b.dtype)
        if exact:
            np.testing.assert_array_equal(a, b)
        else:
            # One function in two orders of summation: a few roundings of terms of the size of the largest.
            scale = np.max(np.abs(b), initial=0.0, where=np.isfinite(b))
            rtol = 64 * np.finfo(a.dtype).eps if a.dtype.kind in "fc" else 0
            np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * scale)


def check_value(f, *xs, exact=True):
    """`f` of Tracers gives NumPy's values: with values under `vjp`, and traced without."""
    expected = f(*xs)
    if any(np.asarray(x).dtype.kind in "fc" for x in xs):
        moving = tuple(i for i, x in enumerate(xs) if np.asarray(x).dtype.kind in "fc")
        given = list(xs)

        def moved(*zs):
            for i, z in zip(moving, zs, strict=True):
                given[i] = z
            return f(*given)

        value, _ = pb.vjp(moved, *(xs[i] for i in moving))
        assert_same(value, expected, exact)
    assert_same(pb.trace(f)(*xs)(*xs), expected, exact)


def check_derivative(f, *xs, rng, rtol=1e-7):
    """Forward mode against differences, reverse mode against forward mode."""
    vs = tuple(_direction(x, rng) for x in xs)
    y, pushed = pb.jvp(f, xs, vs)
    smooth = [i for i, leaf in enumerate(leaves(y)) if np.asarray(leaf).dtype.kind in "fc"]

    def flat(*zs):
        parts = [np.ravel(leaves(f(*zs))[i]) for i in smooth]
        return np.concatenate([p.astype(np.result_type(p, np.float64)) for p in parts])

    expected = oracles.directional(flat, xs, vs)
    found = np.concatenate([np.ravel(leaves(pushed)[i]) for i in smooth])
    scale = max(1.0, float(np.max(np.abs(expected), initial=0.0)))
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol * scale)

    def forward(*ws):
        return tuple(np.asarray(leaves(pb.jvp(f, xs, ws)[1])[i]) for i in smooth)

    def reverse(us):
        return pb.vjp(lambda *zs: tuple(leaves(f(*zs))[i] for i in smooth), *xs)[1](us)

    us = tuple(_direction(np.asarray(leaves(y)[i]), rng) for i in smooth)
    oracles.assert_transposes(forward, reverse, vs, us)


def check_lanes(f, *xs, exact=False):
    """Under `vmap`, each lane is what `f` gives alone."""
    lanes = tuple(np.stack([x, x[..., ::-1] if np.ndim(x) else x + 1]) for x in map(np.asarray, xs))
    whole = leaves(pb.vmap(f)(*lanes))
    for k in range(2):
        alone = leaves(f(*(x[k] for x in lanes)))
        assert_same([np.asarray(y)[k] for y in whole], alone, exact)


def check(f, *xs, rng, smooth=True, exact=True, lanes=True):
    """All three."""
    check_value(f, *xs, exact=exact)
    if smooth:
        check_derivative(f, *xs, rng=rng)
    if lanes:
        check_lanes(f, *xs)


def _direction(x, rng):
    x = np.asarray(x)
    v = rng.normal(size=x.shape)
    if x.dtype.kind == "c":
        v = v + 1j * rng.normal(size=x.shape)
    return v.astype(x.dtype)


HOW_GRADS = {
    "grad": pb.grad,
    "grad of jit": lambda f: pb.grad(pb.jit(f)),
    "jit of grad": lambda f: pb.jit(pb.grad(f)),
    "grad of checkpoint": lambda f: pb.grad(pb.checkpoint(f)),
    "vmap of grad": lambda f: lambda x: pb.vmap(pb.grad(f))(np.stack([x + 0.01, x]))[1],
    "grad of a loop": lambda f: pb.grad(lambda x: pb.fori_loop(0, 1, lambda i, c: (c[0] + f(c[1]), c[1]), (0.0, x))[0]),
    "jacfwd": pb.jacfwd,
}


def everywhere(f, x, rtol=1e-6, hows=tuple(HOW_GRADS)):
    """`f`, which may change what it makes in place, is NumPy's in value and right in derivative, under everything."""
    expected = f(x)
    for how in (lambda f: lambda x: pb.vjp(f, x)[0], pb.jit, lambda f: lambda x: pb.jvp(f, (x,), (x,))[0]):
        kept = x.copy()
        assert_same(how(f)(x), expected, exact=False)
        np.testing.assert_array_equal(x, kept)  # the caller's own array is never changed
    lanes = pb.vmap(f)(np.stack([x, 1.01 * x]))
    assert_same([y[0] for y in leaves(lanes)], expected, exact=False)
    assert_same([y[1] for y in leaves(lanes)], f(1.01 * x), exact=False)
    weights = [np.cos(np.arange(1.0, np.size(y) + 1)).reshape(np.shape(y)) for y in leaves(expected)]

    def total(x):
        return sum(np.sum(w * y) for w, y in zip(weights, leaves(f(x)), strict=True))

    h = 1e-5
    steps = h * np.eye(x.size).reshape(x.size, *x.shape)
    slopes = np.array([(total(x + e) - total(x - e)) / (2 * h) for e in steps]).reshape(x.shape)
    for name in hows:
        got = HOW_GRADS[name](total)(x)
        np.testing.assert_allclose(got, slopes, rtol=rtol, atol=rtol * (1 + np.abs(slopes).max()), err_msg=name)
