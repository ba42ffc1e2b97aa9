"""Pickling, processes and threads: what is made in one place works in another."""

import multiprocessing
import pickle
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

import pullback as pb
from tests.api import module_of_functions as m

X = np.linspace(0.1, 0.9, 5)


@pytest.mark.parametrize("name", ["gradient", "jitted", "hessian", "kept", "decorated", "ruled_gradient", "slope"])
def test_transformed_functions_pickle(name):
    f = getattr(m, name)
    x = 0.5 if name in ("ruled_gradient", "slope") else X
    want = f(x)
    again = pickle.loads(pickle.dumps(f))
    np.testing.assert_array_equal(again(x), want)


def test_a_batched_function_pickles():
    again = pickle.loads(pickle.dumps(m.batched))
    np.testing.assert_array_equal(again(np.stack([X, X])), m.batched(np.stack([X, X])))


def test_a_custom_function_pickles_with_its_rule():
    again = pickle.loads(pickle.dumps(m.ruled))
    assert pb.grad(again)(0.0) == 10.0


def test_programs_pickle():
    for f in (m.loss, m.looped, pb.grad(m.loss), m.ruled_gradient):
        x = X if f in (m.loss,) or "loss" in repr(f) else 0.5
        program = pb.trace(f)(x)
        again = pickle.loads(pickle.dumps(program))
        np.testing.assert_array_equal(again(x), program(x))


def test_programs_that_hold_closures_in_rules_do_not_pickle_silently_wrong():
    program = pb.trace(pb.grad(lambda x: np.sum(m.Scale.apply(x, 3.0))))(X)
    np.testing.assert_array_equal(program(X), np.full(5, 3.0))


def test_a_spawned_process_gives_the_same_numbers():
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(m.work, 1).result() == m.work(1)
        np.testing.assert_array_equal(pool.submit(m.jitted, X).result(), m.jitted(X))
        program = pb.trace(m.looped)(0.5)
        assert pool.submit(program, 0.5).result() == program(0.5)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_gives_the_same_numbers():
    m.work(1)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(m.work, [1, 2, 3]) == [m.work(k) for k in (1, 2, 3)]


def test_many_threads_call_grad_and_jit_at_once():
    """Fresh shapes in every thread, so that rules, traces and memos are made in a race."""
    start = threading.Barrier(8)

    def run(k):
        start.wait()
        results = []
        for n in range(1, 13):
            x = np.linspace(0.1, 1.0, n)
            if n < 4:
                results.append(np.sum(jitted(x)))
            results.append(np.sum(pb.grad(lambda x: np.sum(np.tanh(x) * np.exp(x)))(x)))
            results.append(pb.grad(lambda s, x=x: pb.scan(lambda c, a: (c * a, c), s, x)[0])(0.5 + k % 2))
            results.append(np.sum(pb.vmap(pb.grad(np.sin))(x)))
        return results

    jitted = pb.jit(pb.grad(lambda x: np.sum(np.sin(x) * x)))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(run, range(8)))
    for k, results in enumerate(found):
        assert results == found[k % 2]
    np.testing.assert_allclose(found[0][-1], np.sum(np.cos(np.linspace(0.1, 1.0, 12))), rtol=1e-13)


def test_conventions_and_errors_of_one_thread_are_not_anothers():
    inside, done = threading.Event(), threading.Event()

    def other():
        with pb.conventions(abs="one"):
            inside.set()
            done.wait(5)
            return pb.grad(np.abs)(0.0)

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(other)
        inside.wait(5)
        assert pb.grad(np.abs)(0.0) == 0.0
        done.set()
        assert future.result() == 1.0


def test_a_jitted_function_is_called_from_many_threads_while_it_is_first_traced():
    traces = []

    def f(x):
        traces.append(1)
        return np.sum(np.sin(x))

    g = pb.jit(f)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: float(g(X)), range(64)))
    assert set(results) == {float(np.sum(np.sin(X)))}
    assert len(traces) <= 8


def test_grad_inside_a_thread_started_by_the_differentiated_function_sees_no_trace_of_it():
    def f(x):
        with ThreadPoolExecutor(1) as pool:
            inner = pool.submit(lambda: pb.grad(np.sin)(0.0)).result()
        return x * inner

    assert pb.grad(f)(2.0) == 1.0


def test_one_compiled_function_is_called_from_many_threads_on_different_data():
    g = pb.jit(pb.grad(lambda x: np.sum(np.sin(x) * np.roll(x, 1))))
    data = [np.linspace(0.0, 1.0, 5000) + k for k in range(8)]
    want = [g(x) for x in data]

    def run(k):
        return all(np.array_equal(g(data[k]), want[k]) for _ in range(50))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(run, range(8)))
