"""Large loops in pieces: what threads compute is what one thread computes, whatever happens around them."""

import ctypes
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.core.errors import ArgumentError
from pullback.engines import threads
from tests.engines.native import Compiled, evaluated

pool = pytest.importorskip("pullback.engines.llvm.pool")
splitting = pytest.importorskip("pullback.engines.llvm.splitting")
build = pytest.importorskip("pullback.engines.llvm.native").build


def normal(*shape: int, dtype: Any = float, seed: int = 0) -> Any:
    x = np.random.default_rng(seed).normal(size=shape)
    return (x + 1j * x[::-1]).astype(dtype) if np.dtype(dtype).kind == "c" else x.astype(dtype)


@pytest.fixture(autouse=True)
def one_again(monkeypatch):
    monkeypatch.delenv("PULLBACK_ENGINE", raising=False)
    before = threads.number()
    yield
    threads.set_number(before)


@pytest.fixture
def fine(monkeypatch):
    """Small loops count as large, so that the tests need not be."""
    monkeypatch.setattr(splitting, "LEAST", 50)
    monkeypatch.setattr(splitting, "PIECE", 10)
    monkeypatch.setattr(splitting, "_ROW", 64)


def held(f, *args, rtol=1e-11):
    """Hold native code in pieces to NumPy, and with 2, 3 and 5 threads to itself on one, bit for bit."""
    program = pb.trace(f)(*args)
    run = Compiled(program)
    assert ".task(ptr %table, i64 %piece)" in run.text, "nothing is in pieces"
    threads.set_number(1)
    one = [np.asarray(y) for y in run.guarded(*args)]
    for a, b in zip(one, evaluated(program, args), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)
    for n in (2, 3, 5):
        threads.set_number(n)
        for a, b in zip(run.guarded(*args), one, strict=True):
            np.testing.assert_array_equal(a, b)
    return run


CASES = {
    "stored": (lambda x: np.tanh(x) * 2.0, normal(70, 50)),
    "of one axis": (lambda x: np.sin(x) + x * x, normal(3001)),
    "summed": (lambda x: np.sum(np.sin(x) * x), normal(70, 50)),
    "summed over rows": (lambda x: np.sum(x * x, axis=0), normal(70, 50)),
    "summed over columns": (lambda x: np.sum(x * x, axis=1), normal(70, 50)),
    "kept in registers": (lambda x: np.sum(x * x, axis=0), normal(999, 4)),
    "product": (lambda x: np.prod(1.0 + 1e-3 * x), normal(900)),
    "extremes": (lambda x: (np.max(np.sin(x)), np.min(x, axis=0), np.max(x, axis=1)), normal(70, 50)),
    "all and any": (lambda x: (np.all(x < 3.0, axis=0), np.any(x > 2.5)), normal(70, 50)),
    "stored and summed": (lambda x: (np.exp(x), np.sum(np.exp(x)), np.sum(np.exp(x), axis=1)), normal(70, 50)),
    "complex": (lambda z: (z * z, np.sum(z * np.conj(z))), normal(70, 50, dtype=complex)),
    "float32": (lambda x: (np.tanh(x), np.max(x)), normal(70, 50, dtype=np.float32)),
    "integers": (lambda k: (k * k + 1, np.sum(k, axis=0)), np.arange(3500).reshape(70, 50)),
    "rolled": (lambda x: np.roll(x, 3, 0) + np.roll(x, -1, 0) * np.roll(x, 2, 1), normal(70, 50)),
    "one row apart": (lambda x: np.concatenate([x[:1] * 2.0, np.sin(x[1:-1]), x[-1:]]), normal(70, 50)),
    "padded": (lambda x: np.pad(x * 2.0, ((5, 6), (0, 0))), normal(70, 50)),
    "few rows": (lambda x: np.sum(np.sin(x), axis=0) + np.sin(x[0]), normal(2, 4000)),
    "of three axes": (lambda x: (np.sum(x * x, axis=1), np.sum(np.sin(x))), normal(3, 40, 50)),
    "vectors": (pb.vmap(lambda v: np.sum(np.sin(v)) * v), normal(1000, 3)),
    "running sums": (lambda x: np.cumsum(np.sin(x), axis=1), normal(70, 50)),
    "running sums down": (lambda x: np.cumsum(np.sin(x), axis=1), normal(40, 30, 20)),
    "places of extremes": (lambda x: np.argmax(np.sin(x), axis=1), normal(70, 50)),
    "running sums of few": (lambda x: np.cumsum(np.sin(x), axis=2), normal(3, 40, 50)),
    "contraction": (lambda x: np.einsum("ijk,ikl->ijl", x, x), normal(200, 5, 5)),
    "in a loop": (lambda x: pb.fori_loop(0, 5, lambda i, y: np.sin(y) + x, x), normal(70, 50)),
}


@pytest.mark.parametrize("name", CASES)
def test_pieces_compute_what_the_whole_does(fine, name):
    f, x = CASES[name]
    held(f, x, rtol=1e-5 if x.dtype == np.float32 else 1e-11)


def test_derivatives_are_in_pieces_too(fine):
    w, x = normal(50, 3), normal(700, 50, seed=1)

    def loss(w, x):
        return np.sum(np.tanh(x @ w) ** 2)

    held(pb.grad(loss, argnums=(0, 1)), w, x)


def test_gathers_are_in_pieces(fine):
    held(lambda x, i: x[i] * 2.0, normal(100), np.random.default_rng(1).integers(-100, 100, 3000))


@pytest.mark.parametrize("n", [1, 2, 4])
def test_an_index_out_of_range_is_reported_with_its_line(fine, n):
    indices = np.random.default_rng(1).integers(0, 100, 3000)
    indices[1234], indices[2500] = 107, -300
    run = pb.jit(lambda x, i: x[i] * 2.0, threads=n)
    with pytest.raises(IndexError, match="index 107 is out of bounds for axis 0 with size 100") as error:
        run(normal(100), indices)
    assert "test_parallel.py" in str(error.value)
    indices[1234] = indices[2500] = 0
    np.testing.assert_array_equal(run(normal(100), indices), normal(100)[indices] * 2.0)


def test_equal_loops_are_written_once(fine):
    def f(x, y):
        a = pb.checkpoint(lambda x: np.cumsum(np.sin(x), axis=1))(x)
        return a, np.cumsum(np.sin(y), axis=1)

    assert held(f, normal(70, 50), normal(70, 50, seed=1)).text.count(".task(ptr %table, i64 %piece)") == 1


def test_small_loops_stay_whole():
    assert "@parallel" not in Compiled(pb.trace(lambda x: np.sum(np.tanh(x)))(normal(1000))).text
    assert "@parallel" in Compiled(pb.trace(lambda x: np.sum(np.tanh(x)))(normal(100_000))).text


PRODUCTS = {
    "square": ("ij,jk->ik", (200, 210), (210, 220)),
    "tall": ("ij,jk->ik", (3000, 50), (50, 30)),
    "wide": ("ij,jk->ik", (30, 50), (50, 3000)),
    "of transposes": ("ji,kj->ik", (210, 200), (220, 210)),
    "transposed": ("ij,jk->ki", (200, 210), (210, 220)),
    "with a vector": ("ij,j->i", (1000, 1100), (1100,)),
    "with a vector, transposed": ("ji,j->i", (1000, 1100), (1000,)),
    "many": ("aij,ajk->aik", (100, 40, 41), (100, 41, 42)),
    "many of many": ("abij,abjk->abik", (5, 20, 40, 41), (5, 20, 41, 42)),
}


@pytest.mark.parametrize("name", PRODUCTS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128])
def test_products_are_shared(name, dtype, monkeypatch):
    monkeypatch.setattr("pullback.engines.llvm.large_products.LEAST", 1000)
    monkeypatch.setattr("pullback.engines.llvm.large_products.PIECE", 500)
    subscripts, *shapes = PRODUCTS[name]
    a, b = (normal(*shape, dtype=dtype) for shape in shapes)
    run = Compiled(pb.trace(lambda a, b: np.einsum(subscripts, a, b))(a, b))
    assert "define internal void @product" in run.text
    want = np.einsum(subscripts, a, b, optimize=True)
    tolerance = 1e-4 if dtype == np.float32 else 1e-11
    for n in (1, 2, 3, 5):
        threads.set_number(n)
        np.testing.assert_allclose(run.guarded(a, b)[0], want, rtol=tolerance, atol=100 * tolerance)


def test_the_option_counts_more_than_the_number_of_all(fine):
    threads.set_number(1)
    before = pool.count()
    run = pb.jit(lambda x: np.sum(np.sin(x)), threads=before + 3)
    run(normal(70, 50))
    assert pool.count() == before + 2
    threads.set_number(before + 9)
    pb.jit(lambda x: np.sum(np.sin(x)), threads=1)(normal(70, 51))
    assert pool.count() == before + 2


def test_set_threads_returns_the_number_before():
    assert pb.set_threads(3) == 1
    assert pb.set_threads(1000) == 3
    assert pb.set_threads(1) == 64


@pytest.mark.parametrize("n", [0, -1, 2.0, True, "2"])
def test_a_number_of_threads_that_is_none_is_refused(n):
    with pytest.raises(ArgumentError, match="integer, 1 or more"):
        pb.set_threads(n)
    with pytest.raises(ArgumentError, match="integer, 1 or more"):
        pb.jit(np.sin, threads=n)


def test_many_python_threads_share_the_pool(fine):
    """One loop at a time has the pool; all are right."""
    threads.set_number(3)
    run = pb.jit(lambda x: (np.cumsum(np.sin(x), axis=1), np.sum(np.tanh(x), axis=0)))
    inputs = [normal(70, 50, seed=k) for k in range(8)]
    alone = [run(x) for x in inputs]
    start = threading.Barrier(8)

    def turn(k):
        start.wait()
        return [run(inputs[k]) for _ in range(200)]

    with ThreadPoolExecutor(8) as executor:
        for k, found in enumerate(executor.map(turn, range(8))):
            for again in found:
                for a, b in zip(again, alone[k], strict=True):
                    np.testing.assert_array_equal(a, b)


def test_a_callback_may_call_what_is_in_pieces(fine):
    threads.set_number(2)
    inner = pb.jit(lambda x: np.sum(np.sin(x), axis=0))

    def f(x):
        y = np.tanh(x)
        return y * pb.pure_callback(lambda y: inner(y), np.zeros(50), y)

    x = normal(70, 50)
    for _ in range(20):
        np.testing.assert_allclose(pb.jit(f)(x), np.tanh(x) * np.sum(np.sin(np.tanh(x)), axis=0), rtol=1e-12)


def in_a_process(text, **environment):
    given = {k: v for k, v in os.environ.items() if k != "PULLBACK_ENGINE"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", text],
        capture_output=True, text=True, timeout=60, env={**given, **environment}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout.split()


LARGE = """
import os, sys, threading, time
import numpy as np, pullback as pb
from pullback.engines.llvm import pool
f = pb.jit(lambda x: np.sum(np.sin(x), axis=0))
x = np.linspace(0.0, 1.0, 400_000).reshape(4000, 100)
"""


def test_the_environment_says_how_many_threads():
    assert in_a_process(LARGE + "f(x); print(pool.count())", PULLBACK_THREADS="3") == ["2"]
    assert in_a_process(LARGE + "f(x); print(pool.count())", PULLBACK_THREADS="many") == ["0"]


def test_checked_code_is_in_pieces():
    text = LARGE + "y = f(x); print(pool.count(), bool(np.allclose(y, np.sum(np.sin(x), axis=0), rtol=1e-12)))"
    assert in_a_process(text, PULLBACK_THREADS="2", PULLBACK_CHECK="1") == ["1", "True"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_has_threads_of_its_own():
    text = """
y = f(x)
child = os.fork()
if child == 0:
    before = pool.count()
    same = bool(np.array_equal(f(x), y))
    os._exit(10 * before + pool.count() + 5 * (not same))
status = os.waitpid(child, 0)[1]
print(os.waitstatus_to_exitcode(status), bool(np.array_equal(f(x), y)))
"""
    assert in_a_process(LARGE + text, PULLBACK_THREADS="3") == ["2", "True"]


def test_the_process_ends_while_loops_run():
    text = """
def forever():
    while True:
        f(x)
for _ in range(2):
    threading.Thread(target=forever, daemon=True).start()
time.sleep(0.3)
print("ends")
"""
    assert in_a_process(LARGE + text, PULLBACK_THREADS="3") == ["ends"]


def test_idle_threads_take_no_time():
    text = """
for _ in range(10):
    f(x)
time.sleep(0.1)
before = time.process_time()
time.sleep(0.5)
print(time.process_time() - before < 0.05)
"""
    assert in_a_process(LARGE + text, PULLBACK_THREADS="4") == ["True"]


def test_each_piece_is_run_once():
    """Many short loops, of several threads, with and without pauses in which workers fall asleep."""
    text = """
define void @task(ptr %t, i64 %i) {
  %p = getelementptr i64, ptr %t, i64 %i
  %v = atomicrmw add ptr %p, i64 1 monotonic
  ret void
}
define void @go(ptr %t) {
start:
  br label %turn
turn:
  %k = phi i64 [ 0, %start ], [ %n, %turn ]
  call void @parallel(ptr @task, ptr %t, i64 7, i64 3)
  %n = add i64 %k, 1
  %more = icmp slt i64 %n, 1000
  br i1 %more, label %turn, label %done
done:
  ret void
}
"""
    library = build(pool.PARALLEL + text, pool.SYMBOL, "go")
    go = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(library.address)

    def turn(k):
        counts = np.zeros(7, np.int64)
        for _ in range(100):
            go(counts.ctypes.data)
            time.sleep(0.001 * (k % 2))
        return counts.tolist()

    with ThreadPoolExecutor(4) as executor:
        assert list(executor.map(turn, range(4))) == [[100_000] * 7] * 4
