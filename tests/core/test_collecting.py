"""The collector of cycles waits while Programs are made, and goes on afterwards."""

import gc
import threading

import pytest

import pullback as pb
from pullback.core.collecting import collector_waits


@pytest.fixture(autouse=True)
def enabled():
    was = gc.isenabled()
    gc.enable()
    yield
    (gc.enable if was else gc.disable)()


def test_it_waits_and_goes_on():
    with collector_waits():
        assert not gc.isenabled()
        with collector_waits():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_goes_on_after_an_error():
    with pytest.raises(ZeroDivisionError), collector_waits():
        raise ZeroDivisionError
    assert gc.isenabled()


def test_a_collector_that_is_off_stays_off():
    gc.disable()
    with collector_waits():
        pass
    assert not gc.isenabled()


def test_the_last_thread_lets_it_go_on():
    inside, leave = threading.Event(), threading.Event()

    def other():
        with collector_waits():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with collector_waits():
        thread.start()
        assert inside.wait(10)
    assert not gc.isenabled()
    leave.set()
    thread.join()
    assert gc.isenabled()


def test_a_function_is_traced_without_it():
    seen = []
    pb.jit(lambda x: seen.append(gc.isenabled()) or x + 1.0)(1.0)
    assert seen == [False]
    assert gc.isenabled()
