"""plain_numpy: NumPy's own constructors take Tracers, inside the block and in this context only."""

import contextvars
import threading

import numpy as np
import pytest
import scipy.linalg

import pullback as pb
from pullback.core import errors
from pullback.numpy import plain_numpy
from pullback.numpy.buffers import Buffer

M = np.arange(6.0).reshape(2, 3)
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
        pb.grad(of_lists)(V)


def of_lists(x):
    return np.sum([x[0], x[1] ** 2])


def test_other_threads_and_contexts_see_numpys_own():
    seen = []

    def other():
        try:
            pb.grad(of_lists)(V)
        except errors.DerivativeLost as error:
            seen.append(error)

    with plain_numpy():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    contextvars.Context().run(other)
    assert len(seen) == 2


def test_makers_of_arrays_need_no_block():
    value, pull = pb.vjp(build, V)
    assert value == build(V)
    np.testing.assert_array_equal(pull(1.0)[0], [2 * 3 + -2 + 2, 2 * 3 + 2, -3 + 2])


def test_while_a_function_runs_other_threads_see_numpys_own():
    seen, zeros = [], np.zeros

    def f(x):
        def other():
            seen.append(type(np.zeros(2)))

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert np.zeros is not zeros
        seen.append(type(np.zeros(2)))
        return x

    pb.grad(f)(1.0)
    assert seen == [np.ndarray, Buffer]
    assert np.zeros is zeros
    with pytest.raises(ZeroDivisionError):
        pb.grad(lambda x: 1 // 0)(1.0)
    assert np.zeros is zeros


def test_numpy_and_scipy_are_given_numpys_own():
    def f(x):
        kinds.append(type(np.cov(M)))
        kinds.append(type(scipy.linalg.hilbert(3)))
        return x

    kinds: list[type] = []
    pb.grad(f)(1.0)
    assert kinds == [np.ndarray] * 2


def test_a_name_bound_before_is_numpys_own():
    zeros = np.zeros

    def f(x):
        y = zeros(3)
        y[0] = x[0]
        return y.sum()

    with pytest.raises(errors.DerivativeLost, match=r"was to be assigned into a plain NumPy array"):
        pb.grad(f)(V)
