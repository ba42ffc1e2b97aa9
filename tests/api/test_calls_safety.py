"""Quick calls from many threads, from their own callbacks, in other processes, as one ends; and what they leave."""

import gc
import multiprocessing
import pickle
import random
import sys
import threading
import time
import weakref
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import pullback as pb
from tests.api import module_of_functions as m
from tests.api.calling import Pair, X, is_quick, natively, needs_quick, quick, run_script, same_tree

__all__ = ["natively"]  # a fixture for each test here

BIG = np.linspace(0.0, 1.0, 40_000)


# Threads and callbacks ----------------------------------------------------------------------------


@needs_quick
@pytest.mark.parametrize("n", [6, 40_000], ids=["that holds the GIL", "that lets go of it"])
def test_many_threads_call_one_quick_function(n):
    def f(p):
        return {"y": np.sin(p["x"]) * p["s"], "n": np.sum(p["x"])}

    inputs = [{"x": np.linspace(0.0, 1.0 + k, n), "s": float(k)} for k in range(8)]
    g = quick(f, inputs[0])
    alone = [g(p) for p in inputs]
    start = threading.Barrier(8)

    def turn(k):
        start.wait()
        return [g(inputs[k]) for _ in range(60)]

    with ThreadPoolExecutor(8) as pool:
        for k, found in enumerate(pool.map(turn, range(8))):
            for out in found:
                same_tree(out, alone[k])


@needs_quick
def test_threads_that_change_the_arguments_container_meanwhile_do_no_harm():
    g = quick(lambda p: np.sum(np.exp(p[0])) + p[1][0], [BIG, X])
    p = [np.full(BIG.size, 0.0), X]
    stop = threading.Event()

    def change():
        while not stop.is_set():
            p[0] = np.full(BIG.size, 0.0)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(300):
            assert g(p) == BIG.size + X[0]
    finally:
        stop.set()
        thread.join()


@needs_quick
def test_a_callback_calls_its_own_quick_function():
    depth = []

    def inner(y):
        depth.append(1)
        if len(depth) % 4:
            return g(y * 2.0)
        return y

    g = pb.jit(lambda x: pb.pure_callback(inner, x, x) + 1.0)
    for _ in range(4):
        np.testing.assert_array_equal(g(X), X * 8.0 + 4.0)
    assert is_quick(g)
    assert len(depth) == 16


class Mine(Exception):
    pass


@needs_quick
def test_what_a_callback_raises_reaches_the_caller_and_leaves_nothing():
    refuse = []

    def sometimes(x):
        if refuse:
            raise Mine(*refuse)
        return x

    g = quick(lambda x: (pb.pure_callback(sometimes, x, x) * 2.0, x), X)
    y = X.copy()
    before = sys.getrefcount(y)
    refuse.append("no")
    for _ in range(50):
        with pytest.raises(Mine, match="no"):
            g(y)
    refuse.clear()
    assert sys.getrefcount(y) == before
    same_tree(g(y), (y * 2.0, y))
    refuse.append("again")
    with pytest.raises(Mine, match="again"):
        g(y)


@needs_quick
def test_an_index_out_of_range_is_an_error_of_the_quick_call():
    g = quick(lambda x, i: x[i], X, 2)
    for _ in range(3):
        with pytest.raises(IndexError, match="index 9 is out of bounds"):
            g(X, 9)
        assert g(X, 1) == X[1]
        assert g(X, -1) == X[-1]
        with pytest.raises(OverflowError):
            g(X, 2**80)


@pytest.mark.slow
@needs_quick
def test_functions_signatures_and_forms_come_and_go_in_many_threads():
    def made(k):
        def f(p, s, n=2):
            return {"y": p["x"] * s + k, "z": (np.sum(p["l"][0]), [p["x"] * n]), "none": None}

        return pb.jit(f, static_argnames="n")

    functions = [made(k) for k in range(3)]

    def turn(seed):
        chance = random.Random(seed)
        for _ in range(80):
            k, n = chance.randrange(3), chance.choice([3, 5, 1000, 30_000])
            x = np.linspace(0.0, 1.0, n)
            last = [x.copy() if chance.random() < 0.5 else np.repeat(x, 2)[::2]]
            p = {"x": x, "l": last} if chance.random() < 0.8 else {"l": last, "x": x}
            s = chance.choice([1.5, 2, np.float32(2), np.array(2.0), True])
            out = functions[k](p, s) if chance.random() < 0.6 else functions[k](p, s=s, n=chance.choice([1, 2]))
            np.testing.assert_allclose(out["y"], x * s + k)
            np.testing.assert_allclose(out["z"][0], np.sum(x))
            if chance.random() < 0.01:
                functions[k] = made(k)
            if chance.random() < 0.02:
                gc.collect()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(turn, range(4)))


# Lifetimes ----------------------------------------------------------------------------------------


@needs_quick
def test_a_quick_function_that_nobody_holds_is_freed_at_once():
    gc.collect()
    gc.disable()
    try:
        g = quick(lambda x: x * 3.0, X)
        gone = weakref.ref(g)
        call = g.__call__
        del g
        assert gone() is None
        np.testing.assert_array_equal(call(X), X * 3.0)  # it works on alone
        np.testing.assert_array_equal(call(X[:2]), X[:2] * 3.0)
    finally:
        gc.enable()


@needs_quick
def test_results_outlive_the_function():
    g = quick(lambda x: {"y": x * 2.0, "n": np.sum(x)}, X)
    out = g(X)
    del g
    gc.collect()
    np.testing.assert_array_equal(out["y"], X * 2.0)
    assert out["n"] == np.sum(X)


def resident():
    """Return the bytes of memory that the process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


needs_proc = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")


def flat_over(calls, call, watched):
    """Hold that memory, objects, and the references of what is watched are the same after so many calls."""
    for _ in range(2000):
        call()
    gc.collect()
    gc.disable()
    try:
        references = [sys.getrefcount(x) for x in watched]
        objects, blocks, before = len(gc.get_objects()), sys.getallocatedblocks(), resident()
        for _ in range(calls):
            call()
        assert [sys.getrefcount(x) for x in watched] == references
        assert len(gc.get_objects()) - objects < 100
        assert sys.getallocatedblocks() - blocks < 500
        assert resident() - before < 2_000_000
    finally:
        gc.enable()


@needs_quick
@needs_proc
def test_nothing_leaks_in_a_hundred_thousand_quick_calls():
    def f(p, n, s):
        return {"y": p["x"] * s, "t": (p["l"][0] + n, [np.sum(p["x"])], None), "o": "text", "m": Pair(s * 2.0, p["b"])}

    p = {"x": X.copy(), "l": [np.arange(3), 2.5], "b": True}
    g = quick(f, p, 10**9, np.float32(2.0))
    number, scalar = 10**9, np.float32(2.0)
    watched = p, p["x"], p["l"], p["l"][0], number, scalar, X.dtype, np.dtype(np.int64), None, "text", Pair, g
    flat_over(100_000, lambda: g(p, number, scalar), watched)
    assert is_quick(g)


@needs_quick
@needs_proc
def test_nothing_leaks_in_calls_that_fail_or_do_not_fit():
    g = quick(lambda x, i: (x[i], x * 2.0), X, 2)
    strided = np.repeat(X, 2)[::2]

    def call():
        for args in ((X, 99), (strided, 1), (X, 2**80)):
            try:
                g(*args)
            except (IndexError, OverflowError):
                continue

    statuses = sys.getrefcount(1)  # what native code says where an index is out of range
    flat_over(5_000, call, (X, strided, X.dtype, g))
    assert sys.getrefcount(1) - statuses < 1000


# Processes ----------------------------------------------------------------------------------------


@needs_quick
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_makes_quick_calls():
    for _ in range(2):
        m.jitted(X)
    assert is_quick(m.jitted)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        for y in pool.map(m.jitted, [X, X + 1.0, X[:2]]):
            assert y.dtype == np.float64
        np.testing.assert_array_equal(pool.apply(m.jitted, (X,)), m.jitted(X))


@needs_quick
def test_quick_functions_pickle_and_work_in_other_processes():
    for _ in range(2):
        m.jitted(X)
    again = pickle.loads(pickle.dumps(m.jitted))
    np.testing.assert_array_equal(again(X), m.jitted(X))
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        np.testing.assert_array_equal(pool.submit(m.jitted, X).result(), m.jitted(X))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_quick_functions_work_in_joblib():
    joblib = pytest.importorskip("joblib")
    for backend in ("threading", "loky"):
        found = joblib.Parallel(2, backend=backend)(joblib.delayed(m.jitted)(X + k) for k in range(4))
        for k, y in enumerate(found):
            np.testing.assert_array_equal(y, m.jitted(X + k))


@pytest.mark.slow
def test_a_process_ends_while_threads_are_in_native_code():
    code = """
import threading, time, numpy as np, pullback as pb
@pb.jit
def work(x):
    return pb.fori_loop(0, 2000, lambda i, c: np.sin(c) + 0.1, x)
@pb.jit
def small(x):
    return x + 1.0
x = np.ones(1000)
for _ in range(2): work(x); small(x)
def on():
    while True:
        work(x)
        small(x)
for _ in range(4):
    threading.Thread(target=on, daemon=True).start()
time.sleep(0.2)
print("over")
"""
    run = run_script(code)
    assert (run.returncode, run.stdout, run.stderr) == (0, "over\n", "")


@pytest.mark.slow
def test_quick_calls_go_on_while_another_thread_computes():
    f = pb.jit(lambda x: pb.fori_loop(0, 20_000, lambda i, c: np.sin(c) + 0.1, x))
    for _ in range(2):
        f(BIG[:100])
    thread = threading.Thread(target=lambda: f(BIG[:100]))
    thread.start()
    turns, begin = 0, time.perf_counter()
    while thread.is_alive():
        turns += 1
    assert turns > 100 or time.perf_counter() - begin < 0.01
