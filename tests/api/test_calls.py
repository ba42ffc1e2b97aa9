"""Calls of jitted functions: quick ones, those that Python answers, and that nobody can tell them apart."""

import functools
import gc
import itertools
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback.core.errors import NaNError, PullbackError
from pullback.engines.llvm import objects
from tests.api.calling import Pair, X, by_python, is_quick, natively, needs_quick, quick, run_script, same_tree

__all__ = ["natively"]  # a fixture for each test here


# What quick calls take ---------------------------------------------------------------------------


@needs_quick
@pytest.mark.parametrize(
    "args",
    [
        pytest.param((X,), id="an array"),
        pytest.param((2.0, 3), id="Python numbers"),
        pytest.param((True, X), id="a truth value"),
        pytest.param((np.float64(2.0), np.float32(3.0), np.int64(4), np.int32(5), np.bool_(True)), id="NumPy scalars"),
        pytest.param((1 + 2j, np.complex128(3 - 1j), np.complex64(2j)), id="complex numbers"),
        pytest.param((np.float16(2), np.int8(3), np.uint8(4), np.uint64(5), np.int16(-3)), id="other NumPy scalars"),
        pytest.param((np.array(2.0), np.array(3, np.int32), np.array(True), np.array(1.5, np.float32)), id="no axes"),
        pytest.param((np.zeros((0, 3)), np.ones((2, 1, 3), np.float32)), id="empty, and three axes"),
        pytest.param(({"b": X, "a": [2.0, (X, {"c": np.arange(3)})]}, None), id="trees"),
        pytest.param((Pair(X, [Pair(1.0, 2)]), (), []), id="namedtuples, and empty containers"),
        pytest.param(({1: X, 2: X[:2]},), id="a dict of numbers"),
    ],
)
def test_quick_calls_give_what_python_gives(args):
    def f(*args):
        leaves = flat(args)
        return [x * 2 + 1 if getattr(x, "dtype", None) != np.bool_ else ~x for x in leaves]

    g = quick(f, *args)
    same_tree(g(*args), by_python(g)(*args))


def flat(tree):
    if isinstance(tree, dict):
        return [x for k in sorted(tree) for x in flat(tree[k])]
    if isinstance(tree, tuple | list):
        return [x for part in tree for x in flat(part)]
    return [] if tree is None else [tree]


@needs_quick
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda x, y: x, id="one"),
        pytest.param(lambda x, y: (x, y), id="a tuple"),
        pytest.param(lambda x, y: [], id="nothing in a list"),
        pytest.param(lambda x, y: None, id="None"),
        pytest.param(lambda x, y: {"z": x, "a": [y, None, "text"], "m": (x, {})}, id="a dict in its order"),
        pytest.param(lambda x, y: Pair([x], Pair(y, x)), id="namedtuples"),
        pytest.param(lambda x, y: OrderedDict(b=x, a=y), id="what only Python makes"),
        pytest.param(lambda x, y: (np.sum(x), y[0], x), id="numbers"),
        pytest.param(lambda x, y: (x, x, y, x), id="one result several times"),
    ],
)
def test_results_of_quick_calls_are_of_the_same_structure(make):
    def f(x, y):
        return make(x * 2.0, y + 1)

    args = X, np.arange(4)
    g = quick(f, *args)
    same_tree(g(*args), by_python(g)(*args))
    same_tree(g(*args), f(*args))


@needs_quick
def test_results_are_fresh_and_belong_to_the_caller():
    w = np.arange(6.0)
    g = quick(lambda x: (x, x, w, x * 1.0), X)
    outs = g(X)
    arrays = [X, w, *outs, *g(X)]
    for a, b in itertools.combinations(arrays, 2):
        assert not np.may_share_memory(a, b)
    for y in outs:
        assert y.flags.owndata
        assert y.flags.writeable
        assert y.flags.c_contiguous
        y[:] = 0.0
    same_tree(g(X), (X, X, w, X))


@needs_quick
def test_keyword_arguments_are_quick_too():
    g = pb.jit(lambda x, scale=1.0, *, shift: x * scale + shift)
    for _ in range(3):
        np.testing.assert_array_equal(g(X, shift=2.0), X + 2.0)
        np.testing.assert_array_equal(g(X, scale=3.0, shift=2.0), X * 3.0 + 2.0)
        np.testing.assert_array_equal(g(X, shift=2.0, scale=3.0), X * 3.0 + 2.0)
        np.testing.assert_array_equal(g(shift=1.0, x=X), X + 1.0)
    assert is_quick(g)
    assert len(g._descriptors) == 4
    with pytest.raises(TypeError, match="shift"):
        g(X)
    with pytest.raises(TypeError, match="other"):
        g(X, shift=1.0, other=2.0)


@needs_quick
def test_static_arguments_are_quick_while_they_are_the_same_object():
    g = pb.jit(lambda x, n, mode: x**n if mode == "up" else x / n, static_argnums=1, static_argnames="mode")
    for _ in range(3):
        assert g(3.0, 2, mode="up") == 9.0
        assert g(3.0, 3, mode="up") == 27.0
        assert g(3.0, 2, mode="down") == 1.5
        assert g(3.0, 2, mode="".join(["u", "p"])) == 9.0  # equal, and another object
        assert g(3.0, 10**20, mode="down") == 3.0 / 10**20
    assert is_quick(g)
    with pytest.raises(PullbackError, match="not hashable"):
        g(3.0, [1], mode="up")


@needs_quick
def test_signatures_in_alternation_stay_quick():
    g = pb.jit(lambda x: x * 2.0)
    points = [np.ones(n) for n in range(12)]
    for _ in range(2):
        for x in points:
            g(x)
    missed = []
    g._answer = lambda args, kwargs: missed.append(args)
    for x in points:
        np.testing.assert_array_equal(g(x), x * 2.0)
    assert missed == []
    g(np.ones(20))
    assert len(missed) == 1


@needs_quick
def test_more_signatures_than_are_quick_are_right():
    g = pb.jit(lambda x: x + 1.0)
    for _ in range(4):
        for n in range(20):
            np.testing.assert_array_equal(g(np.zeros(n)), np.ones(n))
    assert len(g._descriptors) <= 16


@needs_quick
def test_the_first_call_of_a_signature_makes_nothing_quick():
    g = pb.jit(lambda x: x + 1.0)
    g(X)
    assert not is_quick(g)
    g(X)
    assert is_quick(g)


def test_without_quick_calls_all_is_as_it_was(monkeypatch):
    monkeypatch.setenv("PULLBACK_CALLS", "ctypes")
    g = pb.jit(lambda p: {"s": p["x"] * 2.0, "n": np.sum(p["x"])})
    for _ in range(4):
        out = g({"x": X})
    assert not is_quick(g)
    same_tree(out, {"s": X * 2.0, "n": out["n"]})
    np.testing.assert_allclose(out["n"], np.sum(X))


def test_where_objects_lie_elsewhere_python_answers(monkeypatch):
    monkeypatch.setattr("pullback.engines.llvm.compiled.fits", lambda: False)
    g = pb.jit(lambda x: x - 1.0)
    for _ in range(3):
        np.testing.assert_array_equal(g(X), X - 1.0)
    assert not is_quick(g)


def test_where_the_interpreter_of_calls_does_not_compile_python_answers(monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("no code today")

    monkeypatch.setattr("pullback.engines.llvm.entry.bound", broken)
    g = pb.jit(lambda x: x - 2.0)
    for _ in range(3):
        np.testing.assert_array_equal(g(X), X - 2.0)
    assert not is_quick(g)
    if objects.fits():
        assert "no code today" in caplog.text


# The context --------------------------------------------------------------------------------------


@needs_quick
def test_conventions_are_looked_at_in_each_call():
    g = pb.jit(pb.grad(np.abs))
    for _ in range(3):
        assert g(0.0) == 0.0
        with pb.conventions(abs="one"):
            assert g(0.0) == 1.0
    assert is_quick(g)
    with ThreadPoolExecutor(1) as pool:
        with pb.conventions(abs="one"):
            assert pool.submit(g, 0.0).result() == 0.0
        assert g(0.0) == 0.0


@needs_quick
def test_debug_nans_is_looked_at_in_each_call():
    g = quick(pb.grad(lambda x: np.sqrt(x) ** 2), 1.0)
    with np.errstate(all="ignore"):
        assert np.isnan(g(0.0))
        with pytest.raises(NaNError), pb.debug_nans():
            g(0.0)
        assert np.isnan(g(0.0))


@needs_quick
def test_a_quick_function_is_traced_by_others():
    calls = []

    def f(x):
        calls.append(type(x).__name__)
        return np.sum(x * x)

    g = quick(f, X)
    assert calls == ["Tracer"]
    np.testing.assert_array_equal(pb.grad(g)(X), 2 * X)
    np.testing.assert_array_equal(pb.jit(lambda x: pb.grad(g)(x) + g(X))(X), 2 * X + g(X))
    np.testing.assert_array_equal(pb.vmap(g)(np.stack([X, X])), [g(X), g(X)])
    closed = pb.jit(lambda y: y + g(X))  # with plain arguments, while a body is traced
    assert closed(1.0) == 1.0 + g(X)


# What refuses them --------------------------------------------------------------------------------


class Sub(np.ndarray):
    pass


def unaligned(x):
    return np.frombuffer(b"\0" + x.tobytes(), x.dtype, x.size, 1).reshape(x.shape)


ODD = [
    lambda x: x,
    lambda x: x.astype(np.float32),
    lambda x: x.astype(np.float16),
    lambda x: x.astype(np.longdouble),
    lambda x: x.astype(np.complex128),
    lambda x: x.astype(np.int64),
    lambda x: x.astype(np.uint8),
    lambda x: x.astype(bool),
    lambda x: x.astype(">f8"),
    lambda x: x.astype(object),
    lambda x: x.astype("U8"),
    lambda x: x.view("i8").view("M8[s]"),
    lambda x: x.view([("a", "f8")]),
    lambda x: x[::-1],
    lambda x: np.repeat(x, 2)[::2],
    lambda x: np.asfortranarray(x),
    lambda x: np.asfortranarray(np.stack([x, x])).T[: x.shape[0]],
    lambda x: np.stack([x, x]),
    lambda x: x[:-1],
    lambda x: x[:0],
    lambda x: x[0],
    lambda x: np.array(x[0]),
    lambda x: float(x[0]),
    lambda x: 3,
    lambda x: 2**70,
    lambda x: -(2**63),
    lambda x: True,
    lambda x: 1j,
    lambda x: np.float32(1),
    lambda x: np.int8(1),
    lambda x: np.bool_(True),
    lambda x: np.broadcast_to(x[:1], x.shape),
    lambda x: x.view(Sub),
    lambda x: np.ma.masked_array(x, x > 0.5),
    lambda x: np.matrix(x),
    unaligned,
    lambda x: memoryview(x),
    lambda x: x.tobytes(),
    lambda x: list(x),
    lambda x: tuple(x),
    lambda x: x.tolist(),
    lambda x: None,
    lambda x: "text",
    lambda x: {},
    lambda x: {"a": x},
    lambda x: Pair(x, x),
    lambda x: (x,),
    lambda x: [x],
    lambda x: object(),
    lambda x: lambda: x,
    lambda x: np.float64,
    lambda x: float("nan"),
    lambda x: np.lib.stride_tricks.as_strided(x, x.shape, (0,) * x.ndim),
    lambda x: read_only(x),
]


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


def outcome(f, *args, **kwargs):
    try:
        with np.errstate(all="ignore"):
            return f(*args, **kwargs)
    except Exception as error:
        return error


def same_outcome(a, b):
    if isinstance(b, Exception):
        assert type(a) is type(b)
        assert str(a).split("where:")[0] == str(b).split("where:")[0]
    else:
        same_tree(a, b)


def mixed(x, p, n):
    return {"r": x * 2.0, "q": [p["w"] + p["b"][0], p["b"][1]], "n": n + 1}


POINT = X, {"w": X - 1.0, "b": [2.0, X[::-1].copy()]}, 7


@functools.cache
def fuzzed():
    return quick(mixed, *POINT)


def changed(k, x):
    """Return an odd relative of an array or a number; where it has none, the array itself."""
    x = np.atleast_1d(x)
    try:
        return ODD[k](x)
    except (TypeError, ValueError):
        return x


@needs_quick
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")
@given(st.lists(st.sampled_from(range(len(ODD))), min_size=4, max_size=4), st.integers(1, 31))
def test_what_does_not_fit_is_answered_by_python(which, mask):
    f = fuzzed()
    x, p, n = POINT
    plain = x, p["w"], *p["b"]
    odd = [changed(k, v) if mask >> i & 1 else v for i, (k, v) in enumerate(zip(which, plain, strict=True))]
    args = odd[0], {"w": odd[1], "b": odd[2:4]}, changed(which[0], X) if mask >> 4 else n
    same_outcome(outcome(f, *args), outcome(by_python(f), *args))
    assert f(*POINT)["n"] == 8
    np.testing.assert_array_equal(f(*POINT)["q"][0], X + 1.0)


def product(x, y):
    return x * 2, y


@functools.cache
def multiplied():
    return quick(product, X, X)


@needs_quick
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")
@pytest.mark.parametrize("k", range(len(ODD)))
def test_each_odd_argument_is_answered_as_python_answers_it(k):
    f, x = multiplied(), ODD[k](X)
    for args in ((x, X), (x, x), (x,), (X, X, x)):
        same_outcome(outcome(f, *args), outcome(by_python(f), *args))
    same_tree(f(X, X), (X * 2, X))


@needs_quick
def test_trees_that_do_not_fit_are_answered_by_python():
    def f(p):
        return [x * 2.0 for x in flat(p)]

    g = quick(f, {"a": X, "b": [X, (X, 1.0)]})
    odd = [
        {"a": X, "b": [X, (X, 1)]}, {"b": [X, (X, 1.0)], "a": X}, {"a": X, "c": [X, (X, 1.0)]}, {"a": X},
        {"a": X, "b": (X, (X, 1.0))}, {"a": X, "b": [X, [X, 1.0]]}, {"a": X, "b": [X, (X,)]}, {"a": X, "b": []},
        {"a": X, "b": [X, (X, 1.0)], "c": X}, {"a": X, "b": [X, (X, None)]}, OrderedDict(a=X, b=[X, (X, 1.0)]),
        {"a": X, "b": [X, Pair(X, 1.0)]}, [X], X, None, {"a": None, "b": [X, (X, 1.0)]}, {"".join(["a"]): X, "b": X},
        {0: X, 1: X}, {(0, 1): X, (1, 0): X}, {"a": X, 1: X},
    ]  # fmt: skip
    for _ in range(3):
        for p in odd:
            same_outcome(outcome(g, p), outcome(by_python(g), p))


@needs_quick
def test_a_key_that_is_equal_and_another_object_fits():
    names = [f"w{i}" for i in range(3)]
    g = quick(lambda p: {k: v * 2.0 for k, v in p.items()}, dict.fromkeys(names, X))
    missed = []
    g._answer = lambda args, kwargs: missed.append(args)
    out = g({f"w{i}": X for i in range(3)})
    assert missed == []
    assert list(out) == names


@needs_quick
def test_a_list_that_changes_while_it_is_read_in_a_callback_is_no_danger():
    p = [np.full(4, 7.0), np.full(4, 8.0)]

    def empty(x):
        p.clear()
        gc.collect()
        np.full(4, -1.0)
        return x

    def f(p):
        y = pb.pure_callback(empty, p[0], p[0])
        return y + p[0] + p[1]

    g = pb.jit(f)
    for _ in range(4):
        p[:] = [np.full(4, 7.0), np.full(4, 8.0)]
        np.testing.assert_array_equal(g(p), np.full(4, 22.0))
    assert is_quick(g)


@pytest.mark.slow
@needs_quick
def test_the_fuzzed_guards_never_end_a_process():
    code = (
        "import faulthandler, sys, pytest; faulthandler.enable(); "
        f"sys.exit(pytest.main(['-q', '-n0', '-p', 'no:cacheprovider', {__file__!r}, '-k', 'odd or fit']))"
    )
    run = run_script(code)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
