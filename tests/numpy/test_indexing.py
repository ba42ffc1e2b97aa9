"""Indexing: brackets, masks, take and where; ``.at``; what would change an array."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback.core import errors
from tests.numpy.checks import check, check_derivative, check_value

X = np.arange(24.0).reshape(2, 3, 4) + 0.5
V = np.array([3.0, -1.0, 2.0, 0.5, -2.5])
I = np.array([[0, 2], [1, 1]])
MASK = X > 11

INDICES = {
    "int": 1,
    "negative": -1,
    "numpy int": np.int8(1),
    "ints": (1, 2, -3),
    "slice": slice(0, 2),
    "steps": (slice(None), slice(None, None, -1), slice(3, 0, -2)),
    "empty": (slice(None), slice(5, 9)),
    "int and slice": (1, slice(1, None), 2),
    "ellipsis": (..., 0),
    "only ellipsis": ...,
    "newaxis": (None, 0, ..., None, slice(1, 3)),
    "only newaxis": (slice(None), None),
    "true": True,
    "false": np.False_,
    "boolean without axes": np.array(True),
    "true and int": (True, 0),
    "true among others": (slice(None), True, ..., [0, 2, 1]),
    "true beside arrays": (slice(None), I, True),
    "false and mask": (np.array([True, False]), False),
    "array": (slice(None), np.array([2, 0, 0, -1])),
    "list": [1, 0, 1],
    "two arrays": (np.array([0, 1, 1]), slice(None), np.array([3, 0, 0])),
    "arrays together": (slice(None), I, I + 1),
    "array and int": (0, I, slice(None, 2)),
    "array int apart": (0, slice(None), np.array([1, 1, 2])),
    "broadcast": (np.array([[0], [1]]), np.array([0, 2, 1])),
    "mask": MASK,
    "mask of an axis": (slice(None), np.array([True, False, True])),
    "mask of two axes": MASK[..., 0],
    "mask and int": (MASK[..., 0], 1),
    "empty list": [],
}


@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES.keys())
def test_brackets_are_numpys(index, rng):
    check(lambda x: x[index], X, rng=rng)
    check(lambda x: (x[index] * x[index]).sum(), X, rng=rng, exact=False)


@pytest.mark.parametrize("index", [INDICES[k] for k in ("ints", "array", "mask", "broadcast", "list", "steps")])
def test_at_writes_and_adds_as_numpy(index, rng):
    def set_(x):
        y = np.array(x)
        y[index] = 7.0
        return y

    def add(x):
        y = np.array(x)
        np.add.at(y, index, 2.0)
        return y

    np.testing.assert_array_equal(pb.trace(lambda x: x.at[index].set(7))(X)(X), set_(X))
    np.testing.assert_array_equal(pb.trace(lambda x: x.at[index].add(2.0))(X)(X), add(X))
    np.testing.assert_array_equal(pb.vjp(lambda x: x.at[index].set(7), X)[0], set_(X))
    if index is not INDICES["list"] and index is not INDICES["array"]:
        once = pb.numpy.at(X)[index]
        for name in ("multiply", "divide", "power", "max", "min", "subtract"):
            y = np.array(X)
            old = y[index]
            y[index] = {
                "multiply": old * 2,
                "divide": old / 2,
                "power": old**2,
                "max": np.maximum(old, 2),
                "min": np.minimum(old, 2),
                "subtract": old - 2,
            }[name]
            np.testing.assert_array_equal(getattr(once, name)(2), y)


def test_at_has_its_derivatives(rng):
    check_derivative(lambda x, v: pb.numpy.at(x)[1, :, 0].set(v) ** 2, X, V[:3], rng=rng)
    check_derivative(lambda x, v: pb.numpy.at(x)[:, [0, 0, 1]].add(v[:3, None]) ** 2, X, V, rng=rng)
    check_derivative(lambda x, v: pb.numpy.at(x)[0].apply(lambda y: y * v[0]), X, V, rng=rng)
    check_derivative(lambda x, v: pb.numpy.at(x)[0].mul(v[0]), X, V, rng=rng)


def test_a_repeated_index_is_refused_where_it_would_be_forgotten():
    with pytest.raises(errors.NotWritten, match="only set and add take an index more than once"):
        pb.grad(lambda x: x.at[np.array([0, 0])].multiply(2.0).sum())(V)


OTHERS = {
    "take": lambda x: np.take(x, I),
    "take axis": lambda x: np.take(x, I, axis=1),
    "take method": lambda x: x.take([0, -1], axis=-1),
    "take clip": lambda x: np.take(x, [-5, 9, 1], axis=1, mode="clip"),
    "take wrap": lambda x: np.take(x, [-5, 9, 1], axis=1, mode="wrap"),
    "take_along_axis": lambda x: np.take_along_axis(x, np.argsort(-x, axis=2), axis=2),
    "take_along_axis flat": lambda x: np.take_along_axis(x, np.array([3, 3, 0]), axis=None),
    "take_along_axis broadcast": lambda x: np.take_along_axis(x, np.array([[[1], [0], [2]]]), axis=2),
    "where": lambda x: np.where(x > 10, x**2, 3 * x),
    "where scalar": lambda x: np.where(MASK, x, 0),
    "where broadcast": lambda x: np.where(np.array([True, False, True, False]), x[0], x[1, :1]),
    "compress": lambda x: np.compress([True, False, True], x, axis=1),
    "compress method": lambda x: x.compress([False, True]),
    "extract": lambda x: np.extract(MASK, x),
    "select": lambda x: np.select([x < 5, x > 15], [x, x**2], 1.5),
    "choose": lambda x: np.choose(np.array([0, 1, 1, 0]), [x[0], x[1] ** 2]),
    "delete": lambda x: np.delete(x, 1, axis=1),
    "delete several": lambda x: np.delete(x, [0, 5]),
    "insert": lambda x: np.insert(x, 1, 9.0, axis=2),
    "insert several": lambda x: np.insert(x[0, 0], [1, 3], [7.0, 8.0]),
    "insert vector": lambda x: np.insert(x[0, 0], 2, [7.0, 8.0]),
    "nonzero": lambda x: x[np.nonzero(np.array([1, 0]))],
    "iteration": lambda x: sum((i + 1) * row for i, row in enumerate(x)),
    "unpacking": lambda x: (lambda a, b: a * b)(*x),
}


@pytest.mark.parametrize("f", OTHERS.values(), ids=OTHERS.keys())
def test_choosing_elements_is_numpys(f, rng):
    check(f, X, rng=rng)


@given(st.data())
def test_any_index_gives_numpys_shape(data):
    def one(n):
        return st.one_of(
            st.integers(-n, n - 1),
            st.builds(
                slice,
                st.none() | st.integers(-5, 5),
                st.none() | st.integers(-5, 5),
                st.sampled_from([None, 1, -1, 2, -3]),
            ),
            st.lists(st.integers(-n, n - 1), min_size=2, max_size=2).map(np.array),
        )

    index = tuple(data.draw(one(n)) for n in X.shape[: data.draw(st.integers(0, 3))])
    check_value(lambda x: x[index], X)


def test_masks_and_nonzero_take_known_values():
    np.testing.assert_array_equal(pb.grad(lambda x: (x[x > 0] ** 2).sum())(V), 2 * V * (V > 0))
    np.testing.assert_array_equal(pb.grad(lambda x: x[np.nonzero(x > 0)].sum())(V), V > 0)
    np.testing.assert_array_equal(
        pb.grad(lambda x: x[np.flatnonzero(x > 0)].sum() + x[np.argwhere(x > 2)[0]].sum())(V), [2, 0, 1, 1, 0]
    )
    np.testing.assert_array_equal(pb.grad(lambda x: x[np.where(x > 0)].sum())(V), V > 0)


@pytest.mark.parametrize(
    "f", [lambda x: x[x > 0], lambda x: np.nonzero(x), lambda x: np.where(x > 0), lambda x: np.extract(x > 0, x)]
)
def test_masks_without_values_say_what_to_write(f):
    with pytest.raises(errors.NoValue, match=r"np.where\(mask, x, 0.0\)"):
        pb.jit(f)(V)
    with pytest.raises(errors.NoValue, match=r"np.sum\(x, where=mask\)"):
        pb.vmap(f)(np.stack([V, V]))


def test_traced_integers_index():
    np.testing.assert_array_equal(pb.jit(lambda x, i: x[i])(V, 2), V[2])
    np.testing.assert_array_equal(pb.jit(lambda x, i: x[:, i, None])(X, np.array([2, 0])), X[:, [2, 0], None])
    np.testing.assert_array_equal(pb.vmap(lambda i: pb.numpy.take(V, i))(np.array([1, 4])), V[[1, 4]])
    with pytest.raises(errors.NoValue, match=r"pullback.numpy.take\(x, i, axis=0\)"):
        pb.vmap(lambda i: V[i])(np.array([1, 4]))
    np.testing.assert_array_equal(pb.jit(lambda x, i: x[[i, 0]])(V, 2), V[[2, 0]])
    np.testing.assert_array_equal(pb.grad(lambda x: x[np.argmax(x)] ** 2)(V), [6, 0, 0, 0, 0])
    np.testing.assert_array_equal(
        pb.jit(lambda x, i: x.at[i].add(1.0))(V, np.array([1, 1])), V + np.array([0, 2, 0, 0, 0])
    )


@pytest.mark.parametrize(
    ("index", "match"),
    [
        (5, "index 5 is out of bounds for axis 0 with size 5"),
        (-6, "out of bounds"),
        ((0, 0), "too many indices"),
        (1.5, "only integers, slices"),
        ("a", "only integers, slices"),
        (np.array([0.5]), "integer"),
        (np.array([True, False]), "boolean index did not match"),
        ((..., ...), "single ellipsis"),
        (np.array([0, 7]), "out of bounds"),
    ],
)
def test_a_wrong_index_is_numpys_index_error(index, match):
    with pytest.raises(IndexError, match=match):
        pb.grad(lambda x: x[index].sum())(V)


def test_a_mask_that_was_taken_is_guarded():
    for f in (lambda x: x[x > 0].sum(), lambda x: x[np.nonzero(x > 0)].sum(), lambda x: np.extract(x > 0, x)):
        program = pb.trace(f, values=True)(V)
        np.testing.assert_array_equal(program(2 * V), f(2 * V))
        with pytest.raises(errors.GuardError, match="other values"):
            program(-V)
