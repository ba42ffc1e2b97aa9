"""jit(f, tier="background"): answers at once, native code when it is ready."""

import gc
import multiprocessing
import threading
import weakref
from functools import partial

import numpy as np
import pytest

import pullback as pb
from pullback.api import background
from pullback.api import jitted as jit_module
from pullback.api.background import Job
from pullback.core.errors import ArgumentError
from pullback.engines import Evaluated
from tests.api.calling import is_quick, natively, needs_quick, run_script

__all__ = ["natively"]  # a fixture for each test here

X = np.linspace(0.1, 0.9, 5)


@pytest.fixture
def gate(monkeypatch):
    """Have compilations wait until the event is set; `gate.asked` tells that one has come."""

    class Gate(threading.Event):
        asked = threading.Event()

    gate, compile_native = Gate(), jit_module.compile_native

    def waiting(program, native=True):
        gate.asked.set()
        assert gate.wait(30)
        return compile_native(program, native)

    monkeypatch.setattr(jit_module, "compile_native", waiting)
    yield gate
    gate.set()


def runs(f):
    """Return what runs the signatures of a function."""
    return [type(t.run).__name__ for t in f._traces.values()]


def test_calls_are_answered_while_the_compiler_works(gate):
    f = pb.jit(lambda x: np.sin(x) * 2.0 + 1.0, tier="background")
    for _ in range(3):
        np.testing.assert_allclose(f(X), np.sin(X) * 2.0 + 1.0, rtol=1e-15)
    assert gate.asked.wait(30)
    assert runs(f) == ["Evaluated"]
    assert not f.wait(timeout=0)
    gate.set()
    assert f.wait()
    assert runs(f) == ["Compiled"]
    for _ in range(3):
        np.testing.assert_allclose(f(X), np.sin(X) * 2.0 + 1.0, rtol=1e-15)


@needs_quick
def test_quick_calls_begin_when_the_native_code_is_ready(gate):
    f = pb.jit(lambda x: x * 2.0, tier="background")
    for _ in range(3):
        f(X)
    assert not is_quick(f)
    gate.set()
    f.wait()
    np.testing.assert_array_equal(f(X), X * 2.0)
    assert is_quick(f)
    np.testing.assert_array_equal(f(X), X * 2.0)


def test_each_signature_is_compiled_and_the_function_is_traced_once_for_each():
    traces = []

    def f(x, n):
        traces.append(1)
        return x * n

    g = pb.jit(f, static_argnums=1, tier="background")
    for n in (1, 2, 3):
        for _ in range(3):
            np.testing.assert_array_equal(g(X, n), X * n)
    assert g.wait()
    for n in (1, 2, 3):
        np.testing.assert_array_equal(g(X, n), X * n)
    assert len(traces) == 3
    assert runs(g) == ["Compiled"] * 3


def test_it_compiles_in_the_conventions_of_the_call(gate):
    f = pb.jit(pb.grad(np.abs), tier="background")
    with pb.conventions(abs="one"):
        assert f(0.0) == 1.0
    assert f(0.0) == 0.0
    gate.set()
    f.wait()
    assert f(0.0) == 0.0
    with pb.conventions(abs="one"):
        assert f(0.0) == 1.0


def test_what_the_compiler_raises_is_logged_and_raised(monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("out of order")

    monkeypatch.setattr(jit_module, "compile_native", broken)
    f = pb.jit(lambda x: x + 1.0, tier="background")
    np.testing.assert_array_equal(f(X), X + 1.0)
    with pytest.raises(RuntimeError, match="out of order"):
        f.wait()
    for _ in range(2):
        with pytest.raises(RuntimeError, match="out of order"):
            f(X)
    assert "out of order" in caplog.text


def test_what_cannot_be_compiled_stays_with_the_evaluator(monkeypatch):
    monkeypatch.setenv("PULLBACK_ENGINE", "numpy")
    f = pb.jit(lambda x: x + 2.0, tier="background")
    for _ in range(3):
        np.testing.assert_array_equal(f(X), X + 2.0)
        assert f.wait()
    (traced,) = f._traces.values()
    assert isinstance(traced.run, Evaluated)
    assert traced.job is None
    assert "PULLBACK_ENGINE" in traced.run.why


def test_lower_and_grad_do_not_wait_for_the_thread(gate):
    f = pb.jit(lambda x: np.sum(x * x), tier="background")
    f(X)
    np.testing.assert_array_equal(pb.grad(f)(X), 2 * X)
    gate.set()
    assert f.lower(X).why == ""
    assert f.wait()


def test_many_threads_call_while_it_is_compiled():
    f = pb.jit(lambda x: np.cos(x) + x, tier="background")
    found, start = [], threading.Barrier(8)

    def turn():
        start.wait()
        found.extend(f(X) for _ in range(20))

    threads = [threading.Thread(target=turn) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert f.wait()
    assert len(found) == 160
    for y in (*found, f(X)):
        np.testing.assert_allclose(y, np.cos(X) + X, rtol=1e-15)


def test_a_tier_that_there_is_not_is_an_error():
    with pytest.raises(ArgumentError, match="background"):
        pb.jit(np.sin, tier="later")


def test_functions_of_the_other_tier_have_nothing_to_wait_for():
    f = pb.jit(lambda x: x + 3.0)
    assert f.wait()
    f(X)
    assert f.wait()


def test_a_finished_job_holds_nothing_of_its_work():
    class Thing:
        pass

    things = [Thing()]
    gone = weakref.ref(things[0])
    job = Job("a test", partial(len, things))
    del things
    assert job.wait(30)
    Job("another", int).wait(30)
    gc.collect()
    assert job.result == 1
    assert gone() is None


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_does_the_jobs_that_were_not_done():
    hold, inside = threading.Event(), threading.Event()

    def first():
        inside.set()
        return hold.wait(0.2) or 1  # in the child nobody sets it

    jobs = [Job("one", first), Job("two", lambda: 2)]
    try:
        assert inside.wait(30)
        with multiprocessing.get_context("fork").Pool(1, initializer=_remember, initargs=(jobs,)) as pool:
            assert pool.apply_async(_results).get(timeout=30) == [1, 2]
    finally:
        hold.set()
    assert [job.wait(30) and job.result for job in jobs] == [True, 2]


def _remember(jobs):
    _jobs[:] = jobs


def _results():
    return [job.wait(20) and job.result for job in _jobs]


_jobs = []


@pytest.mark.slow
def test_a_process_ends_while_its_functions_are_compiled():
    code = """
import numpy as np, pullback as pb
fs = [pb.jit(lambda x, k=k: sum(np.sin(x * k + j) for j in range(12)), tier="background") for k in range(20)]
for f in fs:
    f(np.ones(10))
print("over")
"""
    run = run_script(code, PULLBACK_CACHE="0")
    assert (run.returncode, run.stdout, run.stderr) == (0, "over\n", "")


def test_the_thread_is_a_daemon_and_there_is_one():
    for _ in range(3):
        Job("nothing", lambda: None).wait(30)
    named = [t for t in threading.enumerate() if t.name == "pullback compiler"]
    assert len(named) == 1
    assert named[0].daemon
    assert background._worker.thread is named[0]
