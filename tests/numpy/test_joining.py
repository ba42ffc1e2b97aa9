"""Joining, splitting, repeating, padding."""

import numpy as np
import pytest

import pullback as pb
from pullback.core import errors
from tests.numpy.checks import available, check, check_value

X = np.arange(12.0).reshape(3, 4) - 3.5
OUT = np.zeros((6, 4))  # from outside: it cannot hold Tracers
V = np.array([3.0, -1.0, 2.0, 0.5])

CASES = {
    "concatenate": lambda x: np.concatenate([x, 2 * x]),
    "concatenate axis": lambda x: np.concatenate((x, np.ones((3, 1)), x**2), axis=-1),
    "concatenate flat": lambda x: np.concatenate([x, x[0]], axis=None),
    "concatenate rows": lambda x: np.concatenate(x.reshape(3, 2, 2)),
    "concatenate dtype": lambda x: np.concatenate([x, np.arange(4)[None]], dtype=np.float64),
    "concat": lambda x: np.concat([x, x]),
    "stack": lambda x: np.stack([x, x**2, np.ones((3, 4))]),
    "stack axis": lambda x: np.stack([x, x**2], axis=-1),
    "stack scalars": lambda x: np.stack([x[0, 0], 2.0, x[1, 2] ** 2]),
    "vstack": lambda x: np.vstack([x, x[0]]),
    "hstack": lambda x: np.hstack([x, x**2]),
    "hstack vectors": lambda x: np.hstack([x[0], 1.0, x[1, 1]]),
    "dstack": lambda x: np.dstack([x, x**2]),
    "column_stack": lambda x: np.column_stack([x[:, 0], x]),
    "append": lambda x: np.append(x, x[:1] ** 2, axis=0),
    "append flat": lambda x: np.append(x, [1.0, 2.0]),
    "block": lambda x: np.block([[x, x**2], [np.zeros((2, 8))]]),
    "split": lambda x: np.split(x, 2, axis=1),
    "split marks": lambda x: np.split(x, [1, 3], axis=1),
    "array_split": lambda x: np.array_split(x, 3, axis=1),
    "vsplit": lambda x: np.vsplit(x, 3),
    "hsplit": lambda x: np.hsplit(x, [1]),
    "dsplit": lambda x: np.dsplit(x.reshape(3, 2, 2), 2),
    "unstack": lambda x: np.unstack(x, axis=1),
    "tile": lambda x: np.tile(x, 2),
    "tile axes": lambda x: np.tile(x, (2, 1, 3)),
    "tile scalar": lambda x: np.tile(x[0, 0], (2, 2)),
    "repeat": lambda x: np.repeat(x, 2),
    "repeat axis": lambda x: x.repeat(3, axis=0),
    "repeat counts": lambda x: np.repeat(x, [0, 2, 1, 1], axis=1),
    "resize": lambda x: np.resize(x, (5, 3)),
    "pad": lambda x: np.pad(x, 2),
    "pad widths": lambda x: np.pad(x, ((1, 2), (0, 3)), constant_values=7),
    "pad dict": lambda x: np.pad(x, {1: (2, 1)}),
    "pad values": lambda x: np.pad(x, ((1, 2), (0, 3)), constant_values=((1, 2), (3, 4))),
    "pad edge": lambda x: np.pad(x, (1, 3), mode="edge"),
    "pad reflect": lambda x: np.pad(x, ((2, 1), (3, 7)), mode="reflect"),
    "pad symmetric": lambda x: np.pad(x, ((2, 1), (3, 3)), mode="symmetric"),
    "pad wrap": lambda x: np.pad(x, 5, mode="wrap"),
    "pad traced": lambda x: np.pad(x, 1, constant_values=x[0, 0]),
}

CASES = available(CASES)


@pytest.mark.parametrize("f", CASES.values(), ids=CASES.keys())
def test_joining_and_splitting_are_numpys(f, rng):
    if f is CASES["pad traced"]:
        np.testing.assert_array_equal(pb.vjp(f, X)[0], np.pad(X, 1, constant_values=X[0, 0]))
        return
    check(f, X, rng=rng)


def test_dtypes_are_promoted_as_by_numpy():
    for other in (np.arange(4), np.ones(4, np.float64), np.array([True] * 4), np.ones(4, np.complex64)):
        check_value(lambda x, other=other: np.concatenate([x, other]), V.astype(np.float32))
        check_value(lambda x, other=other: np.stack([x, other]), V.astype(np.float32))
    with pytest.raises(TypeError, match="Cannot cast"):
        pb.trace(lambda x: np.concatenate([x, x], dtype=int))(V)


@pytest.mark.parametrize(
    ("f", "kind", "match"),
    [
        (lambda x: np.concatenate([x, V]), ValueError, "must match"),
        (lambda x: np.concatenate([x[0, 0], 1.0]), ValueError, "zero-dimensional"),
        (lambda x: np.stack([x, x[0]]), errors.ShapeError, "same shape"),
        (lambda x: np.split(x, 3, axis=1), ValueError, "equal division"),
        (lambda x: np.dsplit(x, 2), ValueError, "dsplit only works"),
        (lambda x: np.pad(x, 1, mode="no"), ValueError, "one of constant, empty"),
        (lambda x: np.pad(x, 1, mode=lambda *_: None), errors.NotWritten, "np.concatenate"),
        (lambda x: np.pad(x, -1), ValueError, "negative"),
        (lambda x: np.repeat(x, -1), ValueError, "negative"),
        (lambda x: np.concatenate([x, x], out=OUT), errors.MutationError, "out="),
    ],
)
def test_misuse_is_refused_as_by_numpy(f, kind, match):
    with pytest.raises(kind, match=match):
        pb.trace(f)(X)
