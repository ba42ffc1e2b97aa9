"""Compiled functions in threads, in each other, in other processes; and what they leave in memory."""

import ctypes
import gc
import multiprocessing
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import pullback as pb
from pullback.core.primitive import Primitive, primitives
from pullback.engines.llvm.native import blas_threads
from tests.engines.native import Compiled, evaluated, same

X = np.random.default_rng(0).normal(size=(60, 50))


def work(x):
    """A product, a sort (by NumPy), a loop with a tape, a reduction: all that has buffers."""
    y = np.sort(np.sin(x) @ x.T, axis=1)
    z = pb.while_loop(lambda c: c[0, 0] < 50.0, lambda c: c * c + 1.0, np.abs(y[:3, :3]) * 0.1)
    return np.sum(np.tanh(y), axis=0), y[:2], np.sum(z)


def results_of(run, x):
    return [np.asarray(y) for y in run(x)]


def test_many_threads_call_one_function():
    run = Compiled(pb.trace(work)(X))
    inputs = [X * (1.0 + 0.01 * k) for k in range(16)]
    alone = [results_of(run, x) for x in inputs]
    start = threading.Barrier(16)

    def turn(k):
        start.wait()
        return [results_of(run, inputs[k]) for _ in range(40)]

    with ThreadPoolExecutor(16) as pool:
        for k, found in enumerate(pool.map(turn, range(16))):
            for again in found:
                for a, b in zip(again, alone[k], strict=True):
                    same(a, b)


def test_many_threads_compile_and_call_functions_of_their_own():
    start = threading.Barrier(4)

    def turn(k):
        start.wait()
        found = []
        for j in range(2):
            run = pb.jit(pb.grad(lambda x, c=1.0 + 0.1 * j: np.sum(np.sin(c * x) @ x.T) + x[0, 0]))
            found += [run(X[: 2 + k]) for _ in range(3)]
        return found

    with ThreadPoolExecutor(4) as pool:
        all_found = list(pool.map(turn, range(4)))
    for k, found in enumerate(all_found):
        for j in range(2):
            want = pb.grad(lambda x, c=1.0 + 0.1 * j: np.sum(np.sin(c * x) @ x.T) + x[0, 0])(X[: 2 + k])
            for y in found[3 * j : 3 * j + 3]:
                np.testing.assert_allclose(y, want, rtol=1e-11, atol=1e-11)


def test_many_threads_compile_the_same_program():
    start = threading.Barrier(8)
    run = pb.jit(lambda x: np.cumsum(np.sin(x) * 0.3, axis=1))

    def turn(_):
        start.wait()
        return run(X)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(turn, range(8)))
    for y in found:
        same(y, found[0])


def test_the_number_of_threads_of_blas_is_what_it_was():
    addresses = blas_threads()
    if not addresses:
        pytest.skip("this BLAS does not tell")
    count = ctypes.CFUNCTYPE(ctypes.c_int)(addresses["blas_threads"])
    change = ctypes.CFUNCTYPE(None, ctypes.c_int)(addresses["set_blas_threads"])
    had = count()
    run = Compiled(pb.trace(lambda x: np.tanh(x @ x.T) @ x)(X))
    change(2)
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: [run(X) for _ in range(300)], range(8)))
        assert count() == 2
    finally:
        change(had)


# Callbacks ------------------------------------------------------------------------------------


@pytest.fixture
def calling_back():
    """Return a primitive whose evaluation calls a function that can be set."""

    class CallingBack(Primitive):
        name, smooth, effect = "calling back in a test", False, "callback"

        def infer(self, x):
            return x.strong

        def evaluate(self, x):
            return self.f(x)

        def batch(self, size, operands, batched):
            raise NotImplementedError

    yield CallingBack()
    del primitives["calling back in a test"]


def test_a_callback_calls_its_own_function(calling_back):
    def f(x):
        y = np.sin(x) @ x.T
        z = calling_back(y) + y
        return np.sort(z, axis=0) @ y, y

    run = Compiled(pb.trace(f)(X))
    depth = [0]

    def inner(y):
        depth[0] += 1
        if depth[0] < 4:
            got = run(X * depth[0])
            return y * 2.0 + 0.0 * np.sum(got[1])
        return y * 2.0

    calling_back.f = inner
    found = run(X)
    y = np.sin(X) @ X.T
    np.testing.assert_allclose(found[1], y, rtol=1e-12)
    np.testing.assert_allclose(found[0], np.sort(y * 2.0 + y, axis=0) @ y, rtol=1e-11, atol=1e-9)


def test_an_exception_of_a_callback_comes_through_and_leaves_nothing_behind(calling_back):
    class Mine(Exception):
        pass

    def refuse(x):
        raise Mine("no")

    f = lambda x: pb.fori_loop(0, 3, lambda i, c: calling_back(c) + 1.0, x)  # noqa: E731
    run = Compiled(pb.trace(f)(X))
    calling_back.f = refuse
    for _ in range(3):
        with pytest.raises(Mine, match="no"):
            run(X)
    calling_back.f = lambda x: x * 2.0
    same(np.asarray(run(X)[0]), ((X * 2 + 1) * 2 + 1) * 2 + 1)
    seen = []

    def sometimes(x):
        seen.append(1)
        if len(seen) % 2:
            raise KeyboardInterrupt
        return x

    calling_back.f = sometimes
    with pytest.raises(KeyboardInterrupt):
        run(X)


def test_exceptions_of_one_thread_are_not_anothers(calling_back):
    run = Compiled(pb.trace(lambda x: calling_back(x) + 1.0)(X))

    def maybe(x):
        if x[0, 0] < 0:
            raise ValueError(str(x[0, 0]))
        return x

    calling_back.f = maybe
    start = threading.Barrier(8)

    def turn(k):
        x = np.full((60, 50), float(k if k % 2 else -k - 1))
        start.wait()
        for _ in range(50):
            if k % 2:
                same(np.asarray(run(x)[0]), x + 1.0)
            else:
                with pytest.raises(ValueError, match=str(-k - 1.0)):
                    run(x)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(turn, range(8)))


def test_a_result_of_a_callback_of_the_wrong_shape_is_an_error(calling_back):
    run = Compiled(pb.trace(lambda x: calling_back(x) + 1.0)(X))
    calling_back.f = lambda x: x[:3]
    with pytest.raises(Exception, match=r"shape|broadcast"):
        run(X)


def test_a_callback_that_keeps_its_operand_keeps_its_value(calling_back):
    kept = []
    run = Compiled(pb.trace(lambda x: pb.fori_loop(0, 3, lambda i, c: calling_back(c * 2.0), x))(X))
    calling_back.f = lambda x: kept.append(x) or x
    run(X)
    for k, x in enumerate(kept):
        np.testing.assert_array_equal(x, X * 2.0 ** (k + 1))


# Processes ------------------------------------------------------------------------------------


@pb.jit
def jitted(x):
    return np.sin(x) @ x.T, np.sort(x, axis=0)


def total(k):
    return float(np.sum(jitted(X * k)[0]))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_calls_and_compiles():
    want = [total(k) for k in (1, 2, 3)]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(total, [1, 2, 3]) == want
        assert pool.map(compiled_anew, [3, 4]) == [compiled_anew(3), compiled_anew(4)]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_process_forked_while_another_thread_compiles_does_not_wait_for_ever():
    stop = threading.Event()

    def compile_on():
        k = 5
        while not stop.is_set():
            compiled_anew(k)
            k += 1

    thread = threading.Thread(target=compile_on)
    thread.start()
    try:
        for k in (2, 3, 4):
            with multiprocessing.get_context("fork").Pool(1) as pool:
                assert pool.apply_async(compiled_anew, (k,)).get(timeout=30) == compiled_anew(k)
    finally:
        stop.set()
        thread.join()


def compiled_anew(n):
    return float(pb.jit(lambda x: np.sum(np.cos(x) * n))(X[:n]))


def test_jitted_functions_pickle_after_they_have_run():
    same(np.asarray(jitted(X)[0]), np.asarray(pickle.loads(pickle.dumps(jitted))(X)[0]))
    program = pb.trace(work)(X)
    run = Compiled(program)
    run(X)
    again = pickle.loads(pickle.dumps(program))
    np.testing.assert_allclose(evaluated(again, [X])[0], run(X)[0], rtol=1e-10)


# Memory ---------------------------------------------------------------------------------------


def resident():
    """Return the bytes of memory that the process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


needs_proc = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")


@needs_proc
def test_memory_is_flat_over_ten_thousand_calls():
    run = Compiled(pb.trace(lambda x: (np.sort(np.sin(x), axis=0) * 2.0, np.sum(x)))(X[:9]))
    gc.collect()
    gc.disable()
    try:
        for _ in range(5_000):  # until the allocator has settled, which in a large process takes a while
            run(X[:9])
        objects, before = len(gc.get_objects()), resident()
        for _ in range(10_000):
            run(X[:9])
        assert len(gc.get_objects()) - objects < 100
        assert resident() - before < 2_000_000
    finally:
        gc.enable()


@needs_proc
def test_memory_is_flat_over_calls_that_fail():
    f = pb.grad(lambda x, i: pb.while_loop(lambda s: s[0] < 9.0, lambda s: (s[0] + 1.0, s[1] * x[i]), (0.0, x[0]))[1])
    run = Compiled(pb.trace(f)(np.ones(20000), 1))
    x = np.ones(20000)
    before = None
    for k in range(300):
        with pytest.raises(IndexError):
            run(x, 20000)
        if k == 50:
            before = resident()
    assert resident() - before < 8_000_000


@needs_proc
def test_memory_is_flat_over_callbacks_that_raise_between_tapes(calling_back):
    turns = []

    def every_second(x):
        turns.append(1)
        if len(turns) % 2 == 0:
            raise ValueError
        return x

    def taped(c):
        return pb.while_loop(lambda s: s[0] < 9.0, lambda s: (s[0] + 1.0, np.sin(s[1])), (0.0, c))[1]

    def turn(i, c):
        y = calling_back(c[:3])
        return pb.grad(lambda c: np.sum(taped(c)))(c) + y[0]

    calling_back.f = every_second
    run = Compiled(pb.trace(lambda x: pb.fori_loop(0, 3, turn, x))(np.ones(20000)))
    before = None
    for k in range(120):
        with pytest.raises(ValueError):  # noqa: PT011
            run(np.ones(20000))
        if k == 20:
            before = resident()
    assert resident() - before < 8_000_000


PROBE = """
import gc, numpy as np, pullback as pb
from pathlib import Path
from pullback.engines.llvm.compiled import Compiled
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
def once(k):
    run = Compiled(pb.trace(lambda x: np.sum(np.sin(x) * (1.0 + k)) + x[0])(np.ones(10)))
    run(np.ones(10))
for k in range(20):
    once(k)
gc.collect()
before = resident()
for k in range(20, 70):
    once(k)
gc.collect()
print(resident() - before)
"""


@pytest.mark.slow
@needs_proc
def test_memory_is_nearly_flat_over_fifty_compilations():
    out = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    assert int(out.stdout) < 50 * 60_000, out.stdout
