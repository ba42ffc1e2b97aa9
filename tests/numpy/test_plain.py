"""plain_numpy: NumPy's own constructors take Tracers, inside the block and in this context only."""

import contextvars
import threading

import numpy as np
import pytest

import pullback as pb
from pullback.core import errors
from pullback.numpy import plain_numpy

V = np.array([3.0, -1.0, 2.0])


def build(x):
    return np.sum(np.array([x[0], x[1] * x[2]]) * np.full(2, x[0])) + np.asarray([x, x]).sum()


def test_functions_of_lists_take_tracers_inside_the_block():
    with plain_numpy():
        grad = pb.grad(lambda x: np.sum([x[0], x[1] ** 2]) + np.linalg.norm([x[2], 0.0]) + np.max([x[0], 1.0]))(V)
    np.testing.assert_array_equal(grad, [2, -2, 1])


def test_arrays_of_tracers_are_built_inside_the_block():
    with plain_numpy():
        value, pull = pb.vjp(build, V)
    assert value == build(V)
    np.testing.assert_array_equal(pull(1.0)[0], [2 * 3 + -2 + 2, 2 * 3 + 2, -3 + 2])


def test_outside_the_block_numpy_is_untouched():
    array = np.array
    with plain_numpy():
        assert np.array is not array
        assert np.array([1, 2]).tolist() == [1, 2]
        with plain_numpy():
            pass
        assert np.array is not array
    assert np.array is array
    with pytest.raises(ZeroDivisionError), plain_numpy():
        raise ZeroDivisionError
    assert np.array is array
    with pytest.raises(errors.DerivativeLost):
        pb.grad(build)(V)


def test_other_threads_and_contexts_see_numpys_own():
    seen = []

    def other():
        try:
            pb.grad(build)(V)
        except errors.DerivativeLost as error:
            seen.append(error)

    with plain_numpy():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    contextvars.Context().run(other)
    assert len(seen) == 2


def test_a_plain_buffer_stays_one():
    def f(x):
        y = np.zeros(3)
        y[0] = 1.0
        return (x * y).sum()

    def g(x):
        y = np.zeros(3)
        y[0] = x[0]
        return y.sum()

    with plain_numpy():
        np.testing.assert_array_equal(pb.grad(f)(V), [1, 0, 0])
        with pytest.raises(errors.DerivativeLost, match=r"was to be assigned into a plain NumPy array"):
            pb.grad(g)(V)
