"""jacfwd, jacrev, jacobian, hessian: shapes, trees, chunks; none of them batches the function."""

import tracemalloc

import numpy as np
import pytest

import pullback as pb
from pullback.core.errors import ArgumentError, DTypeError
from tests import oracles

X = np.array([0.3, -0.8, 1.2])


def f(x):
    return np.stack([x[0] * x[1], np.sin(x[2]), x[0] ** 2 * x[2], np.sum(x)])


@pytest.mark.parametrize("make", [pb.jacfwd, pb.jacrev, pb.jacobian])
@pytest.mark.parametrize("chunk", [None, 1, 2, 3, 100])
def test_jacobians_agree_with_differences(make, chunk):
    want = oracles.jacobian_by_differences(f, X)
    np.testing.assert_allclose(make(f, chunk_size=chunk)(X), want, rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(pb.jit(make(f, chunk_size=chunk))(X), want, rtol=1e-10, atol=1e-11)


def scalar(x):
    return np.sum(np.sin(x) * x[::-1] ** 2)


@pytest.mark.parametrize("chunk", [None, 1, 2])
def test_the_hessian_agrees_with_differences(chunk):
    gradient = lambda x: np.array([oracles.complex_step(scalar, x, e) for e in np.eye(3)])  # noqa: E731
    want = oracles.jacobian_by_differences(gradient, X)
    h = pb.hessian(scalar, chunk_size=chunk)(X)
    np.testing.assert_allclose(h, want, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(h, h.T, rtol=1e-14)


MODES = [pb.jacfwd, pb.jacrev, pb.jacobian]


@pytest.mark.parametrize("outer", MODES)
@pytest.mark.parametrize("inner", MODES)
def test_jacobians_of_jacobians_in_every_mode(outer, inner):
    want = pb.hessian(scalar)(X)
    np.testing.assert_allclose(outer(inner(scalar))(X), want, rtol=1e-12)
    third = pb.jacfwd(pb.hessian(scalar))(X)
    assert third.shape == (3, 3, 3)
    np.testing.assert_allclose(outer(inner(pb.grad(scalar)))(X), third, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("make", MODES)
def test_blocks_have_the_shape_of_output_then_input(make):
    j = make(lambda x: np.outer(x, x[:2]))(X)
    assert j.shape == (3, 2, 3)
    assert make(lambda x: np.sum(x))(X).shape == (3,)
    assert make(lambda s: s * X)(2.0).shape == (3,)
    assert np.shape(make(lambda s: s * 2.0)(2.0)) == ()


@pytest.mark.parametrize("make", MODES)
def test_trees_of_inputs_and_outputs(make):
    def g(p, s):
        return {"a": p["w"] * s, "b": (np.sum(p["w"]) * p["c"],)}

    j = make(g, argnums=(0, 1))({"w": X, "c": 2.0}, 3.0)
    jp, js = j["a"]
    np.testing.assert_allclose(jp["w"], 3 * np.eye(3))
    np.testing.assert_allclose(jp["c"], np.zeros(3))
    np.testing.assert_allclose(js, X)
    jp, js = j["b"][0]
    np.testing.assert_allclose(jp["w"], np.full(3, 2.0))
    np.testing.assert_allclose(jp["c"], np.sum(X))
    assert js == 0.0


def test_the_hessian_of_a_tree_is_a_tree_of_trees():
    h = pb.hessian(lambda p: p["a"] ** 2 * p["b"])({"a": 2.0, "b": 3.0})
    assert h == {"a": {"a": 6.0, "b": 4.0}, "b": {"a": 4.0, "b": 0.0}}


@pytest.mark.parametrize("make", MODES)
def test_the_function_runs_once_and_unbatched(make):
    shapes = []

    def g(x):
        shapes.append(np.shape(x))
        return x**2 if x[0] > 0 else x  # Python's own if: no batch could take it

    np.testing.assert_allclose(make(g)(X), np.diag(2 * X))
    assert shapes == [(3,)]


def test_value_dependent_control_flow_under_hessian():
    g = lambda x: np.sum(x**3) if x[0] > 0 else np.sum(x**2)  # noqa: E731
    np.testing.assert_allclose(pb.hessian(g)(X), np.diag(6 * X), atol=1e-15)
    np.testing.assert_allclose(pb.hessian(g)(-X), np.diag(np.full(3, 2.0)), atol=1e-15)


@pytest.mark.parametrize("make", [pb.jacfwd, pb.jacrev, pb.hessian])
def test_chunk_size_bounds_memory(make):
    x = np.ones(200)

    def wide(x):
        y = np.sum(np.sin(np.outer(x, np.ones(50))), axis=1)
        return np.sum(y**2) if make is pb.hessian else y

    peaks = {}
    for chunk in (None, 10):
        tracemalloc.start()
        make(wide, chunk_size=chunk)(x)
        peaks[chunk] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peaks[10] < peaks[None] / 4


def test_misuse_is_told():
    with pytest.raises(ArgumentError, match="chunk_size=0"):
        pb.jacrev(f, chunk_size=0)
    with pytest.raises(DTypeError, match="int64"):
        pb.jacrev(lambda x: np.argsort(x))(X)
    with pytest.raises(DTypeError, match="str"):
        pb.jacfwd(lambda x: "text")(X)
