"""Interning: the least recently used is forgotten, and a thing is made once, whoever asks first."""

import gc
import subprocess
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import pullback as pb
from pullback.core.interning import Recent, made_once
from pullback.core.program import intern


def test_the_least_recently_used_is_forgotten():
    table = Recent(100)
    first = table.one("first", object())
    for k in range(300):
        table.one(k, k)
        assert table.one("first", object()) is first
        assert len(table) <= 100
    again = object()
    assert table.one(0, again) is again


def test_what_weighs_more_leaves_room_for_fewer():
    table = Recent(100)
    for k in range(30):
        table.one(k, k)
        table.weigh(k, 20)
        assert len(table) <= 5
    table.weigh("not there", 20)
    assert table.one(29, "another") == 29


def test_many_threads_find_one_object():
    table, start = Recent(50), threading.Barrier(8)

    def work(k):
        start.wait()
        return [table.one(i % 20, (k, i)) for i in range(2000)]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(work, range(8)))
    assert all(x is found[0][i] for each in found for i, x in enumerate(each))


def test_a_thing_is_made_once_by_the_first_of_many_threads():
    table, made, start = {}, [], threading.Barrier(8)
    owner = object()

    def make():
        made.append(threading.get_ident())
        return object()

    def work(_):
        start.wait()
        return [made_once(owner, table, k, make) for k in range(50)]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(work, range(8)))
    assert len(made) == 50
    assert all(each == found[0] for each in found)


def test_what_fails_is_tried_again_and_making_may_nest():
    table, owner = {}, object()

    def fails():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        made_once(owner, table, "a", fails)
    assert made_once(owner, table, "a", lambda: made_once(owner, table, "b", lambda: 2) + 1) == 3
    assert table == {"a": 3, "b": 2}


def test_a_program_that_nothing_uses_is_freed_with_its_code_without_the_collector():
    program = pb.trace(lambda x: np.sin(x) * 41.0)(np.ones(3)).bare()
    run = pb.engines.compile_native(program)
    run(np.ones(3))
    ref = weakref.ref(run)
    del run
    gc.disable()
    try:
        assert ref() is not None
        del program
        assert ref() is None
    finally:
        gc.enable()


def test_an_interned_program_is_found_again():
    a, b = (pb.trace(lambda x: np.sin(x) * 43.0)(np.ones(3)) for _ in range(2))
    assert intern(a) is intern(b)


CONCURRENT = """
import threading, numpy as np, pullback as pb
import pullback.engines.llvm.compiled as compiled
made, plain = [], compiled.Compiled.__init__
def counted(self, *args, **how):
    made.append(1)
    plain(self, *args, **how)
compiled.Compiled.__init__ = counted
f, start = pb.jit(lambda x: np.sum(np.sin(x) * 47.0)), threading.Barrier(8)
def work():
    start.wait()
    f(np.ones(5))
threads = [threading.Thread(target=work) for _ in range(8)]
[t.start() for t in threads]
[t.join() for t in threads]
print(len(made))
"""

COMPILES = """
import gc, numpy as np, pullback as pb
from pathlib import Path
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
def once(k):
    pb.jit(lambda x: np.sum(np.sin(x) * (1.0 + k)) + x[0])(np.ones(10))
for k in range(150):
    once(k)
gc.collect()
before = resident()
for k in range(150, 300):
    once(k)
gc.collect()
print(resident() - before)
"""


def output_of(text):
    out = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    return int(out.stdout)


def test_first_calls_of_many_threads_compile_once(monkeypatch):
    pytest.importorskip("llvmlite")
    monkeypatch.delenv("PULLBACK_ENGINE", raising=False)
    assert output_of(CONCURRENT) == 1


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_is_nearly_flat_once_as_many_are_compiled_as_are_remembered(monkeypatch):
    pytest.importorskip("llvmlite")
    monkeypatch.delenv("PULLBACK_ENGINE", raising=False)
    # 150 that stayed would be 45 MB; a quarter of what is remembered comes and goes.
    assert output_of(COMPILES) < 20_000_000
