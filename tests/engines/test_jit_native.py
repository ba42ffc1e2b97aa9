"""Native code as the user meets it: results that are owned, errors with their line, threads, fork, pickle, checks."""

import gc
import multiprocessing
import pickle
import sys
import threading
import weakref

import numpy as np
import pytest

import pullback as pb
from pullback.core.errors import CheckError, NaNError, OutOfRange
from pullback.engines import Evaluated, compile_native


@pytest.fixture(autouse=True)
def native(monkeypatch):
    """Run what is tested here natively, whatever the environment of the suite says."""
    monkeypatch.delenv("PULLBACK_ENGINE", raising=False)


compiled = pytest.importorskip("pullback.engines.llvm.compiled")
calling = pytest.importorskip("pullback.engines.llvm.calling")

X = np.arange(5.0)


def picks(x, i):
    y = x * 2.0
    return y[i] + 1.0


def adds(x, i):
    return x.at[i].add(1.0)


def turns(x, n):
    return pb.fori_loop(0, n, lambda k, c: c + x[k], 0.0)


def chooses(x, i):
    return pb.cond(i > 0, lambda x: x[i], lambda x: x[0], x)


@pytest.mark.parametrize("engine", ["llvm", "numpy"])
@pytest.mark.parametrize(
    ("f", "i", "said", "line"),
    [
        (picks, 7, "index 7 is out of bounds for axis 0 with size 5", "return y[i] + 1.0"),
        (picks, -6, "index -6 is out of bounds for axis 0 with size 5", "return y[i] + 1.0"),
        (picks, np.array([1, 9]), "index 9 is out of bounds for axis 0 with size 5", "return y[i] + 1.0"),
        (adds, np.array([0, 8]), "index 8 is out of bounds for axis 0 with size 5", "return x.at[i].add(1.0)"),
        (turns, 6, "index 5 is out of bounds for axis 0 with size 5", "c + x[k]"),
        (chooses, 5, "index 5 is out of bounds for axis 0 with size 5", "lambda x: x[i]"),
    ],
)
def test_an_index_out_of_range_is_an_index_error_with_the_users_line(f, i, said, line, engine, monkeypatch):
    monkeypatch.setenv("PULLBACK_ENGINE", engine)
    offset = len(engine)  # another Program for each engine
    run = pb.jit(lambda x, i: f(x, i) + float(offset))
    with pytest.raises(IndexError) as info:
        run(X, i)
    assert isinstance(info.value, OutOfRange)
    assert said in str(info.value)
    assert line in info.value.where
    assert np.all(np.isfinite(run(X, 3)))


def test_scalars_arrays_and_weak_numbers_come_back_as_numpy_gives_them():
    f = pb.jit(lambda x: (x, x + 1, 2.0, x.sum(), x > 1, np.float32(1.5) * x[0].astype(np.float32)))
    out = f(X)
    want = (X, X + 1, np.float64(2.0), X.sum(), X > 1, np.float32(0.0))
    assert [type(a) for a in out] == [type(b) for b in want]
    for a, b in zip(out, want, strict=True):
        np.testing.assert_array_equal(a, b)
    assert all(not np.shares_memory(a, X) for a in out)
    assert not np.shares_memory(out[0], out[1])


@pytest.mark.parametrize(
    "x",
    [
        pytest.param(X[::2], id="strided"),
        pytest.param(X[::-1], id="reversed"),
        pytest.param(np.asfortranarray(np.arange(12.0).reshape(3, 4)), id="Fortran order"),
        pytest.param(np.frombuffer(b"\0" * 41, np.uint8)[1:].view(np.float64), id="unaligned, read-only"),
        pytest.param(X.astype(">f8"), id="byte-swapped"),
        pytest.param(np.empty((0, 3)), id="empty"),
        pytest.param(np.array(2.0), id="0-d"),
    ],
)
def test_arrays_of_any_layout_are_read_right(x):
    out = pb.jit(lambda a: a * 2.0 + 1.0)(x)
    np.testing.assert_array_equal(out, x * 2.0 + 1.0)
    assert type(out) is type(x * 2.0 + 1.0)


def test_integers_that_do_not_fit_overflow():
    with pytest.raises(OverflowError, match="too large"):
        pb.jit(lambda n: n + 1)(2**70)


def test_the_layout_of_an_array_object_is_tested_and_there_is_a_way_without(monkeypatch):
    assert calling.reads_objects() == (sys.implementation.name == "cpython")
    monkeypatch.setattr(calling, "reads_objects", lambda: False)
    run = compiled.Compiled(pb.trace(lambda x, y: np.sin(x) * y)(X, 2.0))
    np.testing.assert_allclose(run(X, 3.0)[0], np.sin(X) * 3.0, rtol=1e-14)


def test_many_threads_may_call_one_function():
    f = pb.jit(lambda a: np.sum(np.sin(a) * a) + pb.pure_callback(lambda b: b[0] * 1.0, np.float64(0), a))
    want = [f(X + k) for k in range(4)]
    wrong = []

    def work(k):
        wrong.extend(k for _ in range(100) if f(X + k) != want[k])

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(multiprocessing, "get_context") or sys.platform != "linux", reason="fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_native_code_and_the_compiler_work_in_a_forked_child():
    f = pb.jit(lambda a: np.sum(a) * 3.0)
    f(X)
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()

    def child():
        theirs.send((float(f(X)), float(pb.jit(lambda a: np.sum(a * a))(X))))

    process = context.Process(target=child)
    process.start()
    assert ours.poll(30)
    assert ours.recv() == (30.0, 30.0)
    process.join()


def test_native_code_pickles_as_its_program():
    program = pb.trace(lambda x: np.sin(x) + 3.0)(X)
    again = pickle.loads(pickle.dumps(compiled.Compiled(program)))
    np.testing.assert_allclose(again(X)[0], np.sin(X) + 3.0, rtol=1e-14)
    evaluated = pickle.loads(pickle.dumps(Evaluated(program, "it was asked for")))
    np.testing.assert_array_equal(evaluated(X)[0], np.sin(X) + 3.0)


def test_native_code_is_freed_without_the_collector():
    gc.collect()
    gc.disable()
    try:
        run = compiled.Compiled(pb.trace(lambda x: x + 3.5)(X))
        run(X)
        ref = weakref.ref(run)
        del run
        assert ref() is None
    finally:
        gc.enable()


def broken(*_):
    raise RuntimeError("LLVM IR parsing error")


def test_an_error_of_llvm_never_reaches_the_user(monkeypatch):
    monkeypatch.delenv("PULLBACK_CHECK", raising=False)
    monkeypatch.setattr(compiled, "build", broken)
    f = pb.jit(lambda x: np.cos(x) * 19.0)
    np.testing.assert_array_equal(f(X), np.cos(X) * 19.0)
    assert "LLVM IR parsing error" in f.lower(X).why


def test_under_check_an_error_of_the_compiler_is_raised(monkeypatch):
    monkeypatch.setenv("PULLBACK_CHECK", "1")
    monkeypatch.setattr(compiled, "build", broken)
    with pytest.raises(CheckError, match=r"did not compile: RuntimeError: LLVM IR parsing error"):
        pb.jit(lambda x: np.cos(x) * 23.0)(X)


def test_under_check_a_nan_is_compared_with_the_evaluators(monkeypatch):
    monkeypatch.setenv("PULLBACK_CHECK", "1")
    f = pb.jit(lambda x: np.sqrt(x - 2.5))
    np.testing.assert_array_equal(np.isnan(f(X)), [True, True, True, False, False])
    run = compile_native(f.program(X))
    monkeypatch.setattr(run, "run", lambda *_: [np.full(5, np.nan)])
    assert np.isnan(run(X)[0]).all()  # NumPy has a NaN in this result too
    with pytest.raises(CheckError, match="a NaN in result 0 where NumPy makes none"):
        run(X + 10.0)


def test_under_check_writing_to_an_argument_is_found(monkeypatch):
    monkeypatch.setenv("PULLBACK_CHECK", "1")
    run = compile_native(pb.jit(lambda x: x - 29.0).program(X))

    def writes(x):
        x[0] = 7.0
        return [x + 1.0]

    monkeypatch.setattr(run, "run", writes)
    with pytest.raises(CheckError, match="written to argument 0"):
        run(X)


def test_under_check_writing_beyond_a_result_or_the_arena_is_found(monkeypatch):
    y = calling._guarded((3,), np.dtype(np.float64))
    calling._check(y.base, y.base)
    np.ndarray((4,), np.float64, y.base)[3] = 1.0
    with pytest.raises(CheckError, match="beyond the end of result 0"):
        calling._check(np.full(64, 0xA5, np.uint8), y.base)
    with pytest.raises(CheckError, match="beyond the end of the arena"):
        calling._check(y.base)


def test_check_nan_names_the_line_of_the_first_nan(monkeypatch):
    monkeypatch.setenv("PULLBACK_CHECK", "nan")

    def f(x):
        y = np.sqrt(x - 1.5)
        return y + 1.0

    with pytest.raises(NaNError, match=r"sqrt made a NaN out of numbers") as info:
        pb.jit(f)(X)
    assert "y = np.sqrt(x - 1.5)" in info.value.where
    assert np.isnan(pb.jit(f)(X * np.nan)).all()  # it was there before


def test_a_module_that_llvm_breaks_is_compiled_without_the_pass_that_broke_it():
    """Here LLVM 22 puts a use before its definition, at which its code generator would end the process."""
    x = np.array([[0.5, -1.25, 2.0, 0.75], [3.0, 0.3, -0.7, 1.5], [0.1, 2.5, 1.1, -2.0]])

    def f(x):
        return np.sum(np.sin(np.minimum.accumulate(x))) + 0.0 * np.sum(x)

    np.testing.assert_allclose(pb.jit(pb.grad(f))(x), pb.grad(f)(x), rtol=1e-13)


@pytest.mark.parametrize(
    ("f", "at", "said"),
    [
        (lambda x, i, j: x[i, j], (1, 7), "index 7 is out of bounds for axis 1 with size 4"),
        (lambda x, i, j: x[i, j], (-9, 1), "index -9 is out of bounds for axis 0 with size 4"),
        (lambda x, i, j: x[:, j, i], (4, 1), "index 4 is out of bounds for axis 2 with size 4"),
        (lambda x, i, j: x[i, None, :, j], (0, 5), "index 5 is out of bounds for axis 2 with size 4"),
        (lambda x, i, j: x.at[i, j].set(2.0), (3, -5), "index -5 is out of bounds for axis 1 with size 4"),
        (lambda x, i, j: x.at[:, i, j].add(2.0), (8, 0), "index 8 is out of bounds for axis 1 with size 4"),
        (
            lambda x, i, j: pb.vjp(lambda x: x[np.array([0, 1]) + i, np.array([0, 1]) + j], x)[1](np.ones((2, 4))),
            (1, 3),
            "index 4 is out of bounds for axis 1 with size 4",
        ),
    ],
)
def test_an_index_out_of_range_names_its_axis_among_axes_of_one_size(f, at, said):
    run = pb.jit(f)
    with pytest.raises(OutOfRange) as info:
        run(np.ones((4, 4, 4)), *at)
    assert said in str(info.value)


BROKEN = {
    "no IR": lambda text: text + "\nthis is no IR\n",
    "a type": lambda text: text.replace("double", "dubble"),
    "a missing function": lambda text: text.replace("define i32 @call(", "define i32 @another("),
    "an unknown symbol": lambda text: (
        text.replace("define i32 @call(ptr %frame) {", "define i32 @call(ptr %frame) {\n  call void @nobody()")
        + "\ndeclare void @nobody()\n"
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_ir_that_is_broken_leaves_the_function_to_the_evaluator(name, monkeypatch):
    monkeypatch.delenv("PULLBACK_CHECK", raising=False)
    plain = compiled.build
    monkeypatch.setattr(compiled, "build", lambda text, *rest: plain(BROKEN[name](text), *rest))
    f = pb.jit(lambda x: np.cos(x) * (53.0 + len(name)))
    np.testing.assert_array_equal(f(X), np.cos(X) * (53.0 + len(name)))
    assert f.lower(X).why.startswith("the compiler failed: ")
    monkeypatch.undo()
    np.testing.assert_allclose(pb.jit(lambda x: np.cos(x) * (153.0 + len(name)))(X), np.cos(X) * (153.0 + len(name)))
