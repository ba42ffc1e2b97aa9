"""The interpreter of calls itself: descriptors made by hand, and the test of where objects lie."""

import gc
import sys
import weakref
from collections import namedtuple
from contextvars import ContextVar
from types import BuiltinFunctionType

import numpy as np
import pytest

import pullback as pb
from pullback.core.types import array_type
from pullback.engines.forms import Form, Kind, Make, Node, Step
from tests.engines.native import Compiled

from pullback.engines.llvm import entry as entry_module, objects  # isort: skip  (after the check that llvmlite is there)
from pullback.engines.llvm.descriptors import Descriptor, runs_long  # isort: skip
from pullback.engines.llvm.entry import bound  # isort: skip

pytestmark = pytest.mark.skipif(not objects.fits(), reason="objects lie elsewhere in memory")

X = np.linspace(0.0, 1.0, 5)
NO_CONTEXT = [ContextVar(f"{i}", default=None) for i in range(3)]
ARRAY = Node(Kind.ARRAY, array_type((5,), np.dtype(float)), 0)


def fallback(*args, **kwargs):
    return "python", args, kwargs


def program_of(f, *args):
    return pb.jit(f).program(*args)


def entry(f, steps, make=lambda t: None, context=(None, None, None)):
    """Return the function of one array of five numbers."""
    native = Compiled(program_of(f, X))
    layout, _, frame, fail = native._parts
    form = Form(1, (), (ARRAY,), tuple(steps))
    descriptor = Descriptor(
        native.library.address, layout, frame(), fail, form, (), context, runs_long(native.program), native, make
    )
    return bound(fallback, NO_CONTEXT, [descriptor], "f")


def test_it_is_a_builtin_function():
    f = entry(lambda x: x * 2.0, [Step(Make.RESULT, 0)])
    assert isinstance(f, BuiltinFunctionType)
    assert f.__name__ == "f"
    np.testing.assert_array_equal(f(X), X * 2.0)
    assert f(X, 1) == ("python", (X, 1), {})
    assert f(X, y=1)[2] == {"y": 1}
    assert f() == ("python", (), {})
    assert f(*range(300))[1] == tuple(range(300))


@pytest.mark.parametrize("i", range(3))
def test_the_context_decides(i):
    wanted = object()
    f = entry(lambda x: x * 2.0, [Step(Make.RESULT, 0)], context=[wanted if k == i else None for k in range(3)])
    assert f(X)[0] == "python"
    for value in (object(), wanted, 1):
        token = NO_CONTEXT[i].set(value)
        if value is wanted:
            np.testing.assert_array_equal(f(X), X * 2.0)
        else:
            assert f(X)[0] == "python"
        NO_CONTEXT[i].reset(token)
    assert f(X)[0] == "python"


def test_an_error_of_the_fallback_is_the_callers():
    def refuse(*_):
        raise KeyError("no")

    native = entry(lambda x: x, [Step(Make.RESULT, 0)])
    f = bound(refuse, NO_CONTEXT, native.__self__[5], "g")
    with pytest.raises(KeyError, match="no"):
        f(1)
    np.testing.assert_array_equal(f(X), X)


def test_results_may_come_from_another_allocator():
    made = []

    def make(t):
        def maker():
            made.append(t)
            return np.full(t.shape, -1.0)

        return maker if t.ndim else None

    f = entry(lambda x: (x * 2.0, np.sum(x)), [Step(Make.RESULT, 0), Step(Make.RESULT, 1), Step(Make.TUPLE, 2)], make)
    for _ in range(3):
        y, n = f(X)
        np.testing.assert_array_equal(y, X * 2.0)
        assert n == np.sum(X)
    assert len(made) == 3


def leaks(call, *watched):
    """Return how many blocks and references a thousand calls leave."""
    for _ in range(20):
        call()
    gc.collect()
    before = sys.getallocatedblocks(), [sys.getrefcount(x) for x in watched]
    for _ in range(1000):
        call()
    gc.collect()
    assert [sys.getrefcount(x) for x in watched] == before[1]
    return sys.getallocatedblocks() - before[0]


def test_an_allocator_that_raises_leaves_nothing():
    fails = []

    def make(t):
        def maker():
            if len(fails) % 2:
                raise MemoryError("none left")
            return np.empty(t.shape, t.dtype)  # without a dtype, NumPy 2.4 counts one reference too many

        return maker if t.shape == (4,) else None

    def f(x):
        return x * 2.0, np.sum(x), x[1:] * 3.0

    steps = [Step(Make.RESULT, i) for i in range(3)] + [Step(Make.TUPLE, 3)]
    g = entry(f, steps, make)

    def call():
        fails.append(1)
        try:
            g(X)
        except MemoryError:
            return
        assert not (len(fails) % 2)

    assert leaks(lambda: (call(), fails.clear() if len(fails) > 7 else None), X, X.dtype) < 100
    fails[:] = [1, 1]
    np.testing.assert_array_equal(g(X)[2], X[1:] * 3.0)


class Refusing(namedtuple("Refusing", "a b")):
    __slots__ = ()
    refuse = False

    def __new__(cls, a, b):
        if cls.refuse:
            raise ValueError("not today")
        return super().__new__(cls, a, b)


def test_a_container_that_raises_leaves_nothing():
    def f(x):
        return x * 2.0, x + 1.0, np.sum(x)

    steps = [Step(Make.RESULT, 0), Step(Make.CONSTANT, 0, "text"), Step(Make.RESULT, 1), Step(Make.RESULT, 2)]
    steps += [Step(Make.TUPLE, 2), Step(Make.CALL, 1, Refusing), Step(Make.LIST, 3)]
    g = entry(f, steps)
    y, text, pair = g(X)
    assert (text, type(pair)) == ("text", Refusing)
    np.testing.assert_array_equal(y, X * 2.0)
    np.testing.assert_array_equal(pair.a, X + 1.0)
    Refusing.refuse = True

    def call():
        with pytest.raises(ValueError, match="not today"):
            g(X)

    try:
        assert leaks(call, X, X.dtype, Refusing) < 100
    finally:
        Refusing.refuse = False
    assert g(X)[2].b == np.sum(X)


def test_a_key_that_cannot_be_one_leaves_nothing():
    steps = [Step(Make.RESULT, 0), Step(Make.RESULT, 1), Step(Make.DICT, 2, keys=("a", []))]
    g = entry(lambda x: (x, x * 2.0), steps)

    def call():
        with pytest.raises(TypeError, match="unhashable"):
            g(X)

    assert leaks(call, X, X.dtype) < 100


def test_the_function_keeps_what_it_needs_and_no_more():
    f = entry(lambda x: x + 1.0, [Step(Make.RESULT, 0)])
    descriptor = weakref.ref(f.__self__[5][0])
    gc.collect()
    np.testing.assert_array_equal(f(X), X + 1.0)
    del f
    assert descriptor() is None


def test_the_function_keeps_the_code_that_it_is(monkeypatch):
    monkeypatch.setattr(
        entry_module, "_library", entry_module._library.__wrapped__
    )  # another one each time it is asked
    f = entry(lambda x: x + 2.0, [Step(Make.RESULT, 0)])
    _, _, definition, library, *_ = f.__self__
    assert definition.function == library.address
    gc.collect()
    np.testing.assert_array_equal(f(X), X + 2.0)


@pytest.mark.parametrize(
    ("x", "dtype"),
    [
        (1.5, "f8"),
        (1.5, "f4"),
        (3, "i8"),
        (3, "i4"),
        (True, "?"),
        (1 + 2j, "c16"),
        (1 + 2j, "c8"),
        (2, "i2"),
        (2, "u8"),
    ],
)
def test_numbers_of_each_dtype_come_out_as_scalars(x, dtype):
    x = np.full(5, x, dtype)
    native = Compiled(program_of(lambda x: (x[2], x), x))
    layout, _, frame, fail = native._parts
    form = Form(
        1,
        (),
        (Node(Kind.ARRAY, array_type((5,), x.dtype), 0),),
        (Step(Make.RESULT, 0), Step(Make.RESULT, 1), Step(Make.TUPLE, 2)),
    )
    made = Descriptor(native.library.address, layout, frame(), fail, form, (), (None,) * 3, True, native)
    y, whole = bound(fallback, NO_CONTEXT, [made], "f")(x)
    assert type(y) is type(x[0])
    assert y == x[0]
    np.testing.assert_array_equal(whole, x)


def test_long_work_lets_others_run():
    assert not runs_long(program_of(lambda x: x * 2.0, X))
    assert not runs_long(program_of(np.exp, np.ones(3000)))
    assert runs_long(program_of(np.exp, np.ones(100_000)))
    assert runs_long(program_of(lambda x: x @ x.T, np.ones((200, 200))))
    assert runs_long(program_of(lambda x: pb.fori_loop(0, 5000, lambda i, c: np.sin(c) + 0.1, x), 1.0))
    assert runs_long(program_of(lambda x: pb.while_loop(lambda c: c < 9.0, lambda c: c + 1.0, x), 1.0))
    nested = lambda x: pb.fori_loop(0, 2, lambda i, c: pb.while_loop(lambda c: c < 9.0, lambda c: c + 1.0, c), x)  # noqa: E731
    assert runs_long(program_of(nested, 1.0))
    assert runs_long(program_of(lambda x: pb.pure_callback(np.sin, x, x), X))


@pytest.mark.parametrize("place", ["TYPE", "DATA", "AXES", "SHAPE", "DTYPE", "FLAGS", "SIZE", "ITEMS", "FIRST"])
def test_the_test_of_places_notices_each_that_is_elsewhere(place, monkeypatch):
    assert objects.fits.__wrapped__()
    monkeypatch.setattr(objects, place, getattr(objects, place) + 8)
    if place == "FLAGS":  # what follows is zero, as no flags are
        assert not objects.fits.__wrapped__()
    elif place == "ITEMS":
        monkeypatch.setattr(objects, "ITEMS", objects.ITEMS - 16)
        assert not objects.fits.__wrapped__()
    else:
        assert not objects.fits.__wrapped__()


@pytest.mark.parametrize("what", ["implementation", "lock", "table"])
def test_other_pythons_and_numpys_do_not_fit(what, monkeypatch):
    if what == "implementation":
        monkeypatch.setattr(objects.sys, "implementation", type("Other", (), {"name": "pypy"}))
    elif what == "lock":
        monkeypatch.setattr(objects.sys, "version", "3.13.2 experimental free-threading build (main)")
    else:
        monkeypatch.setattr(objects, "_TYPE_IN_TABLE", 3)
    assert not objects.fits.__wrapped__()


def test_what_scales_and_adds_products_has_quick_calls_too(monkeypatch):
    monkeypatch.delenv("PULLBACK_CHECK", raising=False)  # under suspicion there are none
    monkeypatch.delenv("PULLBACK_ENGINE", raising=False)
    w, x = np.ones((60, 60)) / 60, np.ones((200, 60))
    f = pb.jit(pb.grad(lambda w, x: np.sum(np.tanh(np.tanh(x @ w) @ w) ** 2)))
    for _ in range(3):
        f(w, x)
    assert isinstance(f.__call__, BuiltinFunctionType)
