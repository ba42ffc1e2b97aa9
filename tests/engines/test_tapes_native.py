"""Tapes in native code: of tapes, out of branches, across calls; and who owns their memory, whatever happens."""

import ctypes
import gc
import pickle
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import pullback as pb
from pullback.core.errors import OutOfMemory
from pullback.core.program import Equation, Program, Var
from pullback.core.types import Tape, array_type, tape_type
from pullback.engines import Evaluated
from pullback.engines.llvm import compiled, crossing
from pullback.primitives.loop import loop
from pullback.primitives.tapes import add_tapes, batch_tape, count_turns, mask_tape, unbatch_tape
from pullback.transforms.linearize import linearize_program
from pullback.transforms.transpose import transpose
from tests.engines.native import Compiled, alone, evaluated
from tests.engines.test_threads import needs_proc, resident

V = np.linspace(0.1, 0.9, 5)


@pytest.fixture(autouse=True)
def native(monkeypatch):
    """Run what is tested here natively, whatever the environment of the suite says."""
    monkeypatch.delenv("PULLBACK_ENGINE", raising=False)


def turns(f, n, x):
    return pb.while_loop(lambda s: s[0] < n, lambda s: (s[0] + 1.0, f(s[1])), (0.0, x))[1]


def one(x):
    return turns(lambda y: np.sin(y) * x, 3.0, x)


def two(x):
    return turns(lambda z: turns(lambda y: np.sin(y) * x + z, 3.0, z), 4.0, x)


def three(x):
    return turns(lambda w: turns(lambda z: turns(lambda y: np.sin(y) * x + z, 2.0, z), 3.0, w) + 0.1, 2.0, x)


def growing(x):
    """The inner loop is longer from turn to turn, and at first it is empty."""

    def turn(s):
        i, y = s
        return i + 1.0, turns(lambda z: np.sin(z) + x * 0.1, 10.0 * i, y)

    return pb.while_loop(lambda s: s[0] < 4.0, turn, (0.0, x))[1]


def branch(x):
    return pb.cond(np.sum(x) > 0, two, one, x)


def branches_in_turns(x):
    return turns(
        lambda c: pb.switch(np.where(np.sum(c) > 1.0, 2, 0), [one, np.cos, lambda c: np.tanh(two(c))], c), 4.0, x
    )


def counted(x):
    n = np.where(np.sum(x) > 0, 3, 1)
    return pb.fori_loop(0, n, lambda i, c: pb.cond(i > 0, one, two, c), x)


def scanned(x):
    c, ys = pb.scan(lambda c, a: (two(c) * a, one(c)), x, np.array([0.5, 1.5, 1.0]))
    return c + np.sum(ys, axis=0)


FUNCTIONS = [one, two, three, growing, branch, branches_in_turns, counted, scanned]


def total(f):
    return lambda x: np.sum(np.sin(f(x)))


HOW = {
    "grad": lambda f: pb.grad(total(f)),
    "jvp": lambda f: lambda x: pb.jvp(f, (x,), (np.cos(x),)),
    "vmap of grad": lambda f: lambda x: pb.vmap(pb.grad(total(f)))(np.stack([x, -x, 0.5 * x])),
    "grad of grad": lambda f: pb.grad(lambda x: np.sum(pb.grad(total(f))(x) ** 2)),
}


@pytest.mark.parametrize("how", ["grad", *(pytest.param(h, marks=pytest.mark.slow) for h in HOW if h != "grad")])
@pytest.mark.parametrize("f", FUNCTIONS)
@pytest.mark.parametrize("x", [np.asarray(0.3), V], ids=["a number", "an array"])
def test_nested_tapes_are_native_and_right(f, how, x):
    program = pb.trace(HOW[how](f))(x)
    run = Compiled(program)
    assert not run.called_back
    for y in (x, -x, 2.0 * x):
        for a, b in zip(run(y), evaluated(program, [y]), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


# What is done to whole tapes ----------------------------------------------------------------------

ELEMENT = array_type((2, 3), np.float64)


def a_tape(rng, turns, element=ELEMENT):
    """Return a tape of arrays, or of tapes: `turns` then says how long each is."""
    if isinstance(turns, int):
        return Tape(rng.normal(size=(turns, *element.shape)), tape_type(element))
    found = np.empty(len(turns), object)
    for i, n in enumerate(turns):
        found[i] = a_tape(rng, n, element)
    inner = a_tape(rng, turns[0] if turns else 0, element).type
    return Tape(found, tape_type(inner))


def arrays(x):
    """Return what a value holds, as nested lists of arrays."""
    if not isinstance(x, Tape):
        return np.asarray(x)
    return [arrays(turn) for turn in x.array] if x.array.dtype == object else x.array


def same(a, b):
    if isinstance(b, list):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same(x, y)
    else:
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        np.testing.assert_array_equal(a, b)


TAPES = [4, 0, [2, 0, 3], [0, 0], [[1, 2], [3]]]


@pytest.mark.parametrize("turns", TAPES, ids=str)
def test_operations_on_tapes_are_native(turns, rng):
    a, b = a_tape(rng, turns), a_tape(rng, turns)
    short = a_tape(rng, turns[:1] if isinstance(turns, list) else min(turns, 2))
    keep = np.array([True, False])
    cases = {
        add_tapes: [((a, b), {}), ((a, short), {}), ((short, a), {}), ((short, short), {})],
        batch_tape: [((a,), {"size": 4}), ((a,), {"size": 2, "at": 1}), ((a,), {"size": 1, "at": 2})],
        unbatch_tape: [((a,), {}), ((a,), {"at": 1})],
        mask_tape: [((keep, a), {}), ((keep[:, None] & np.array([True, False, True]), a), {})],
        count_turns: [((a,), {})],
    }
    for primitive, each in cases.items():
        program, operands = alone(primitive, each)
        found = Compiled(program)(*operands)
        for y, (xs, params) in zip(found, each, strict=True):
            same(arrays(y), arrays(primitive.evaluate(*xs, **params)))


def test_a_turn_that_is_not_there_is_a_zero(rng):
    tape, t = a_tape(rng, 2), array_type((), np.int64)
    x, y = Var(ELEMENT), Var(ELEMENT)
    body = Program((Var(t), x, y), (), (x, y))
    n, outs = Var(t), (Var(tape.type), Var(tape.type))
    xs = Var(tape.type), Var(tape.type)
    params = {"body": body, "predicate": None, "length": None, "n_consts": 0, "n_carry": 0}
    for reverse in (False, True):
        program = Program((n, *xs), (Equation(loop, (n, *xs), outs, {**params, "reverse": reverse}),), outs)
        for count in (0, 1, 5, -3):
            found = Compiled(program)(count, tape, a_tape(rng, 0))
            whole = np.concatenate([tape.array, np.zeros((3, 2, 3))])[: max(count, 0)]
            same(found[0].array, whole)
            same(found[1].array, whole * 0.0)


# Across calls -----------------------------------------------------------------------------------


@pytest.fixture
def all_native(monkeypatch):
    """Make it an error if the evaluator runs a Program in place of native code."""

    def refuse(self, program, why):
        raise AssertionError(why)

    monkeypatch.setattr(Evaluated, "__init__", refuse)


@pytest.mark.parametrize("f", FUNCTIONS)
def test_eager_gradients_of_jitted_loops_are_native_on_both_ways(f, all_native):
    for x in (V, -V):
        want = pb.grad(total(f))(x)
        np.testing.assert_allclose(pb.grad(pb.jit(total(f)))(x), want, rtol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("f", FUNCTIONS)
def test_eager_second_derivatives_of_jitted_loops(f):
    np.testing.assert_allclose(pb.hessian(pb.jit(total(f)))(V), pb.hessian(total(f))(V), rtol=1e-9, atol=1e-11)


def forward_and_backward(f, x):
    """Return the two Programs of an eager gradient."""
    lin = linearize_program(pb.jit(total(f)).program(x), (True,))
    backward = transpose(lin.linear, lin.n_residuals).program
    return lin.forward, backward


@pytest.mark.parametrize("f", [one, two, three, branch])
def test_each_engine_reads_the_tapes_of_the_other(f):
    forward, backward = forward_and_backward(f, V)
    ways = [Compiled, lambda program: lambda *xs: compile_evaluator(program)(*xs)]
    want = pb.grad(total(f))(V)
    for go in ways:
        residuals = go(forward)(V)[1:]
        assert any(isinstance(r, Tape) for r in residuals)
        for back in ways:
            for _ in range(2):
                np.testing.assert_allclose(back(backward)(*residuals, np.float64(1.0))[0], want, rtol=1e-10)
        kept = pickle.loads(pickle.dumps(residuals))
        np.testing.assert_allclose(ways[0](backward)(*kept, np.float64(1.0))[0], want, rtol=1e-10)


def compile_evaluator(program):
    return Evaluated(program, "for comparison")


def test_a_tape_that_goes_in_comes_out_as_a_copy(rng):
    for turns in TAPES:
        tape = a_tape(rng, turns)
        x = Var(tape.type)
        run = Compiled(Program((x,), (), (x, x)))
        a, b = run(tape)
        again = run(a)[1]
        for y in (a, b, again):
            same(arrays(y), arrays(tape))
        del tape, a, b
        gc.collect()
        assert np.all(np.isfinite(sum(np.sum(z) for z in flat(arrays(again)))))


def flat(x):
    return [z for y in x for z in flat(y)] if isinstance(x, list) else [x]


def test_a_pullback_of_native_code_runs_in_other_native_code(all_native):
    for f in (two, branch):
        want = pb.grad(total(f))(V)
        for g in (total(f), pb.jit(total(f))):
            _, pull = pb.vjp(g, V)
            np.testing.assert_allclose(pb.jit(pull)(2.0)[0], 2.0 * want, rtol=1e-10)


def test_under_check_tapes_cross(monkeypatch):
    monkeypatch.setenv("PULLBACK_CHECK", "1")
    f = lambda x: total(two)(x) + 0.0 * 31.0  # noqa: E731
    np.testing.assert_allclose(pb.grad(pb.jit(f))(V), pb.grad(f)(V), rtol=1e-10)
    bad = lambda x: total(two)(np.sqrt(x - 0.5)) + 0.0 * 37.0  # noqa: E731
    assert np.isnan(pb.grad(pb.jit(bad))(V)).any()


# Who owns the memory ------------------------------------------------------------------------------


class Heap:
    """What native code asks for and frees; it refuses the request of a number."""

    def __init__(self):
        libc = ctypes.CDLL(None)
        self._realloc, self._free = libc.realloc, libc.free
        self._realloc.restype, self._realloc.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_size_t]
        self._free.restype, self._free.argtypes = None, [ctypes.c_void_p]
        self.live, self.requests, self.refused = set(), 0, None
        self.realloc = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)(self.take)
        self.free = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self.give_back)

    def take(self, old, size):
        self.requests += 1
        if self.requests == self.refused:
            return None
        if old:
            self.live.remove(old)
        new = self._realloc(old, size)
        self.live.add(new)
        return new

    def give_back(self, old):
        if old:
            self.live.remove(old)
            self._free(old)


@pytest.fixture
def heap(monkeypatch):
    found = Heap()
    plain = compiled.Compiled._symbols

    def symbols(self):
        self.heap = found  # lives as long as the code
        address = {name: ctypes.cast(getattr(found, name), ctypes.c_void_p).value for name in ("realloc", "free")}
        return plain(self) | address

    monkeypatch.setattr(compiled.Compiled, "_symbols", symbols)
    monkeypatch.setattr(crossing._Owner.__del__, "__defaults__", (found.free,))
    yield found
    gc.collect()
    assert not found.live


@pytest.mark.parametrize("f", [one, three, branches_in_turns])
def test_all_memory_is_freed_once(f, heap):
    for how in ("grad", "grad of grad"):
        run = Compiled(pb.trace(HOW[how](f))(V))
        for _ in range(3):
            run(V)
            assert not heap.live
    assert heap.requests > 10


def test_memory_that_is_refused_is_an_error_with_the_line_and_nothing_is_lost(heap):
    program = pb.trace(pb.grad(total(three)))(V)
    run, want = Compiled(program), evaluated(program, [V])[0]
    run(V)
    needed = heap.requests
    assert needed > 10
    for k in range(1, needed + 1):
        heap.requests, heap.refused = 0, k
        with pytest.raises(MemoryError, match="no memory for what a loop writes down") as info:
            run(V)
        assert not heap.live
    assert isinstance(info.value, OutOfMemory)
    heap.refused = None
    np.testing.assert_allclose(run(V)[0], want, rtol=1e-10)


def test_memory_that_is_refused_names_the_line_of_the_loop(heap):
    run = Compiled(pb.trace(pb.grad(total(one)))(V))
    heap.refused = 1
    with pytest.raises(OutOfMemory) as info:
        run(V)
    assert "pb.while_loop" in info.value.where


def test_tapes_that_cross_are_refused_and_freed(heap):
    forward, backward = forward_and_backward(branches_in_turns, V)
    run, back = Compiled(forward), Compiled(backward)
    residuals = run(V)[1:]
    assert heap.live
    back(*residuals, np.float64(1.0))
    array = next(r for r in residuals if isinstance(r, Tape)).array
    needed, kept = heap.requests, np.array(array[0].array if array.dtype == object else array)
    del residuals
    gc.collect()
    assert heap.live  # an array in the memory keeps it
    np.testing.assert_array_equal(array[0].array if array.dtype == object else array, kept)
    del array
    gc.collect()
    assert not heap.live
    for k in range(1, needed + 1):
        heap.requests, heap.refused = 0, k
        try:
            back(*run(V)[1:], np.float64(1.0))
        except MemoryError:
            pass
        else:
            assert heap.requests < k
        gc.collect()
        assert not heap.live


def test_an_index_out_of_range_in_the_middle_frees_all(heap):
    f = lambda x, i: np.sum(turns(lambda z: turns(lambda y: np.sin(y) * x[i], 3.0, z), 4.0, x))  # noqa: E731
    forward, _ = linearize_program(pb.jit(f).program(V, 2), (True, False))[:2]
    for run in (Compiled(pb.trace(pb.grad(f))(V, 2)), Compiled(forward)):
        for _ in range(3):
            with pytest.raises(IndexError):
                run(V, 7)
            gc.collect()
            assert not heap.live


def test_a_callback_that_raises_in_the_middle_frees_all(heap):
    calls = []

    def sometimes(x):
        calls.append(1)
        if len(calls) % 7 == 0:
            raise ValueError("seven")
        return x

    def f(x):
        def turn(z):
            w = pb.pure_callback(sometimes, np.float64(0), z[0])
            return turns(lambda y: np.sin(y) * x, 3.0, z) + 0.0 * w

        return turns(turn, 5.0, x)

    run = Compiled(pb.trace(lambda x: pb.grad(lambda x: np.sum(turns(lambda y: np.sin(y) * x, 4.0, x)))(f(x)))(V))
    seen = 0
    for _ in range(10):
        try:
            run(V)
        except ValueError:
            seen += 1
        assert not heap.live
    assert seen > 2


@needs_proc
def test_memory_is_flat_over_ten_thousand_eager_gradients():
    forward, backward = forward_and_backward(lambda x: two(x)[:3], np.ones(200))
    run, back, x, one_ = Compiled(forward), Compiled(backward), np.ones(200), np.float64(1.0)
    before = None
    for k in range(10_000):
        back(*run(x)[1:], one_)  # 12 turns of 1.6 kB and more: 200 MB if they stayed
        if k == 2_000:
            before = resident()
    assert resident() - before < 4_000_000


def test_many_threads_hand_tapes_to_each_other():
    f = pb.jit(total(two))
    inputs = [V * (1.0 + 0.1 * k) for k in range(8)]
    want = [pb.grad(total(two))(x) for x in inputs]
    pulls = [pb.vjp(f, x)[1] for x in inputs]
    start = threading.Barrier(8)

    def work(k):
        start.wait()
        found = []
        for _ in range(20):
            found.append(pulls[(k + 1) % 8](1.0)[0])
            found.append(pb.grad(f)(inputs[(k + 1) % 8]))
        return found

    with ThreadPoolExecutor(8) as pool:
        for k, found in enumerate(pool.map(work, range(8))):
            for y in found:
                np.testing.assert_allclose(y, want[(k + 1) % 8], rtol=1e-10)


# Signals ------------------------------------------------------------------------------------------


class Stop(Exception):
    pass


@pytest.fixture
def alarm():
    """Return a function that has a handler run after some seconds."""
    before = signal.getsignal(signal.SIGALRM)

    def after(seconds, handler):
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, seconds)

    yield after
    signal.setitimer(signal.ITIMER_REAL, 0.0)
    signal.signal(signal.SIGALRM, before)


def stop(*_):
    raise Stop


def endless(x):
    return pb.while_loop(lambda y: y > -1.0, lambda y: np.abs(np.sin(y)) + 0.1, x)


LONG = {
    "while": endless,
    "counted": lambda x: pb.fori_loop(0, np.where(x > 0, 10**12, 1), lambda i, c: np.sin(c) + x, x),
    "static": lambda x: pb.fori_loop(0, 10**12, lambda i, c: np.sin(c) + x, x),
    "large turns": lambda x: pb.fori_loop(0, 10**9, lambda i, c: np.sin(c), x + np.zeros((300, 300)))[0, 0],
    "in a loop": lambda x: pb.fori_loop(0, 10**9, lambda i, c: pb.fori_loop(0, 50, lambda j, d: np.sin(d), c), x),
    "with a callback": lambda x: pb.fori_loop(
        0, 10**12, lambda i, c: pb.pure_callback(lambda c: c * 0.5, np.float64(0), c), x
    ),
}


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="signals of POSIX")
@pytest.mark.parametrize("name", LONG)
def test_what_a_signals_handler_raises_ends_a_loop(name, alarm):
    run = pb.jit(LONG[name])
    assert not run.lower(0.5).why
    for _ in range(2):
        alarm(0.1, stop)
        start = time.monotonic()
        with pytest.raises(Stop):
            run(0.5)
        assert time.monotonic() - start < 5.0


def end(number, frame):
    """Raise KeyboardInterrupt, but not in the heap of the test, which would lose what libc has just done."""
    if frame is not None and frame.f_code in (Heap.take.__code__, Heap.give_back.__code__):
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        return
    raise KeyboardInterrupt


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="signals of POSIX")
def test_ctrl_c_in_a_loop_that_grows_frees_all(alarm, heap):
    def f(x, n):
        return pb.while_loop(lambda s: s[0] < n, lambda s: (s[0] + 1.0, one(s[1])), (0.0, x))[1]

    run = Compiled(pb.trace(pb.grad(f))(0.5, 3.0))
    want = run(0.5, 3.0)[0]
    alarm(0.2, end)
    with pytest.raises(KeyboardInterrupt):
        run(0.5, 1e10)
    assert not heap.live
    assert run(0.5, 3.0)[0] == want


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="signals of POSIX")
def test_a_handler_that_returns_lets_the_loop_go_on(alarm):
    seen = []
    run = pb.jit(lambda x, n: pb.fori_loop(0, n, lambda i, c: c + x, 0.0))
    assert not run.lower(1.0, 1).why
    alarm(0.05, lambda *_: seen.append(time.monotonic()))
    start = time.monotonic()
    n = 3 * 10**8
    assert run(1.0, n) == n
    end = time.monotonic()
    assert seen
    assert start < seen[0] < end
