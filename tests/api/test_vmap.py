"""vmap: axes, trees, chunks, closures; a Python loop over lanes is the oracle."""

import tracemalloc

import numpy as np
import pytest

import pullback as pb
from pullback.core.errors import ArgumentError, AxisSizeError, NoValue
from tests import oracles

X = np.arange(12.0).reshape(3, 4) / 7.0
W = np.arange(8.0).reshape(4, 2) / 5.0


def test_the_first_axis_is_mapped_by_default():
    f = lambda x, y: np.sum(np.sin(x)) * y  # noqa: E731
    y = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(pb.vmap(f)(X, y), [f(a, b) for a, b in zip(X, y, strict=True)], rtol=1e-15)


@pytest.mark.parametrize("in_axis", [0, 1, -1, -2])
@pytest.mark.parametrize("out_axis", [0, 1, -1])
def test_axes_may_be_anywhere(in_axis, out_axis):
    f = lambda x: np.cumsum(x) * 2.0  # noqa: E731
    want = np.stack([f(a) for a in np.moveaxis(X, in_axis, 0)], axis=out_axis)
    np.testing.assert_allclose(pb.vmap(f, in_axes=in_axis, out_axes=out_axis)(X), want, rtol=1e-15)


def test_in_axes_are_prefixes_of_trees():
    f = lambda p, x: {"y": x @ p["w"] + p["b"], "z": p["b"]}  # noqa: E731
    p = {"w": W, "b": np.array([1.0, 2.0])}
    out = pb.vmap(f, in_axes=(None, 0), out_axes={"y": 0, "z": None})(p, X)
    np.testing.assert_allclose(out["y"], X @ W + p["b"])
    np.testing.assert_array_equal(out["z"], p["b"])
    ws = np.stack([W, 2 * W, 3 * W])
    out = pb.vmap(f, in_axes=({"w": 0, "b": None}, 0))({"w": ws, "b": p["b"]}, X)
    np.testing.assert_allclose(out["y"], [x @ w + p["b"] for x, w in zip(X, ws, strict=True)])
    assert out["z"].shape == (3, 2)


def test_keywords_are_mapped_over_their_first_axis():
    np.testing.assert_array_equal(pb.vmap(lambda x, *, y: x + y)(np.ones(3), y=np.arange(3.0)), [1.0, 2.0, 3.0])


def test_leaves_that_are_no_arrays_pass_through():
    out = pb.vmap(lambda x, how: (x * len(how), how))(np.ones(3), "four")
    np.testing.assert_array_equal(out[0], np.full(3, 4.0))
    assert out[1] == "four"


def test_a_result_that_is_the_same_in_every_lane_is_repeated():
    np.testing.assert_array_equal(pb.vmap(lambda x: 5.0)(np.ones(3)), np.full(3, 5.0))
    np.testing.assert_array_equal(pb.vmap(lambda x: W)(np.ones(3)), np.stack([W] * 3))


def test_python_control_flow_on_arguments_that_are_not_mapped():
    f = lambda x, n: x * 2.0 if n > 1.0 else x  # noqa: E731
    np.testing.assert_array_equal(pb.vmap(f, in_axes=(0, None))(np.ones(2), 3.0), [2.0, 2.0])
    with pytest.raises(NoValue, match=r"np.where"):
        pb.vmap(f)(np.ones(2), np.ones(2))
    g = pb.grad(lambda n: np.sum(pb.vmap(f, in_axes=(0, None))(np.ones(2), n)) * n)
    assert g(3.0) == 4.0


@pytest.mark.parametrize("chunk", [1, 2, 3, 5, 100])
def test_chunks_change_nothing(chunk):
    f = lambda x: (np.sin(x), np.sum(x))  # noqa: E731
    for a, b in zip(pb.vmap(f, chunk_size=chunk)(X), pb.vmap(f)(X), strict=True):
        np.testing.assert_array_equal(a, b)
    g = pb.grad(lambda x: np.sum(pb.vmap(f, chunk_size=chunk)(x)[1] ** 2))
    np.testing.assert_allclose(g(X), 2 * np.sum(X, axis=1)[:, None] * np.ones((3, 4)))
    np.testing.assert_array_equal(pb.vmap(np.sin, in_axes=1, out_axes=1, chunk_size=chunk)(X), np.sin(X))


def test_chunks_bound_memory():
    x = np.ones((400, 10))
    wide = lambda a: np.sum(np.sin(np.outer(a, np.ones(500))))  # noqa: E731
    peaks = {}
    for chunk in (None, 10):
        tracemalloc.start()
        pb.vmap(wide, chunk_size=chunk)(x)
        peaks[chunk] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peaks[10] < peaks[None] / 8


def test_nested_vmaps_make_tables():
    f = lambda x, y: np.sin(x) * y + x  # noqa: E731
    x, y = np.arange(3.0), np.arange(4.0)
    table = pb.vmap(pb.vmap(f, in_axes=(None, 0)), in_axes=(0, None))(x, y)
    np.testing.assert_allclose(table, np.sin(x)[:, None] * y + x[:, None], rtol=1e-15)


def test_per_sample_gradients():
    loss = lambda w, x: np.sum(np.tanh(x @ w) ** 2)  # noqa: E731
    g = pb.vmap(pb.grad(loss), in_axes=(None, 0))(W, X)
    for k in range(3):
        np.testing.assert_allclose(g[k], pb.grad(loss)(W, X[k]), rtol=1e-13)
        v = np.cos(W)
        np.testing.assert_allclose(
            np.sum(g[k] * v), oracles.complex_step(lambda w, k=k: loss(w, X[k]), W, v), rtol=1e-12
        )
    batched = pb.grad(lambda w: np.sum(pb.vmap(loss, in_axes=(None, 0))(w, X)))(W)
    np.testing.assert_allclose(batched, g.sum(axis=0), rtol=1e-13)


def test_closures_over_outer_tracers():
    f = lambda w: np.sum(pb.vmap(lambda x: np.sin(x * w) * w)(np.arange(3.0)))  # noqa: E731
    want = oracles.complex_step(lambda w: np.sum(np.sin(np.arange(3.0) * w) * w), 0.7, 1.0)
    np.testing.assert_allclose(pb.grad(f)(0.7), want, rtol=1e-14)
    np.testing.assert_allclose(pb.jit(pb.grad(f))(0.7), want, rtol=1e-14)


def test_dtypes_are_kept():
    assert pb.vmap(lambda x: x * 2)(np.arange(3, dtype=np.int8)).dtype == np.int8
    assert pb.vmap(lambda x: x * 2.0)(np.ones(3, np.float32)).dtype == np.float32
    assert pb.vmap(lambda x: x > 0)(np.ones(3)).dtype == bool


def test_misuse_is_told():
    with pytest.raises(AxisSizeError, match=r"argument \[0\].*size 3.*argument \[1\].*size 4"):
        pb.vmap(lambda a, b: a)(np.ones(3), np.ones(4))
    with pytest.raises(ArgumentError, match="maps none"):
        pb.vmap(lambda a: a, in_axes=None)(np.ones(3))
    with pytest.raises(ArgumentError, match="axis 2"):
        pb.vmap(lambda a: a, in_axes=2)(np.ones(3))
    with pytest.raises(ArgumentError, match="called with 1 argument"):
        pb.vmap(lambda a: a, in_axes=(0, 0))(np.ones(3))
    with pytest.raises(ArgumentError, match="does not fit"):
        pb.vmap(lambda a: a, in_axes=([0, 0],))(np.ones(3))
    with pytest.raises(ArgumentError, match="chunk_size"):
        pb.vmap(lambda a: a, chunk_size=0)
    with pytest.raises(ArgumentError, match="axis 0"):
        pb.vmap(lambda a: a)(3.0)


def test_axis_size_where_no_argument_says_it():
    np.testing.assert_array_equal(pb.vmap(lambda a: a * 2.0, in_axes=None, axis_size=3)(1.0), np.full(3, 2.0))


def test_no_lanes():
    assert pb.vmap(np.sin)(np.zeros((0, 2))).shape == (0, 2)
    assert pb.vmap(pb.grad(np.sin))(np.zeros(0)).shape == (0,)
