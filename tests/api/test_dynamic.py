"""jit(f, dynamic=...): one code for many lengths, and never a wrong answer where it is not one."""

import logging
import pickle
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback.core.errors import ArgumentError
from pullback.core.tree import flatten

pytest.importorskip("llvmlite")

LENGTHS = 70, 300, 20, 1500, 71, 3, 1, 0


@pytest.fixture(autouse=True)
def native(monkeypatch):
    """The code is native here, and not looked at by length."""
    monkeypatch.delenv("PULLBACK_ENGINE", raising=False)
    monkeypatch.delenv("PULLBACK_CHECK", raising=False)


def normal(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape)


def families(f):
    return [*f._lengths._families.values()]


def same(a, b, rtol=1e-10):
    (xs, tree), (ys, other) = flatten(a), flatten(b)
    assert tree == other
    for x, y in zip(xs, ys, strict=True):
        assert np.shape(x) == np.shape(y)
        assert np.asarray(x).dtype == np.asarray(y).dtype
        np.testing.assert_allclose(x, y, rtol=rtol, atol=rtol)


def held(f, make, lengths=LENGTHS, dynamic=(0,), rtol=1e-10):
    """Hold the dynamic function to the plain one, and return it."""
    fast = pb.jit(f, dynamic=dynamic)
    for n in lengths:
        args = make(n)
        same(fast(*args), f(*args), rtol)
    return fast


def vector(n):
    return (normal(n),)


def rows(n):
    return (normal(n, 3),)


def settled(x):
    for _ in range(60):
        x = np.sin(x) * 0.9 + x * 0.1
    return x


def gradient_of(f):
    return pb.grad(lambda *args: np.sum(f(*args)))


KEPT = {
    "sum": (lambda x: np.sum(np.sin(x) * x), vector),
    "mean": (lambda x: np.mean(x, axis=0), rows),
    "gradient of a mean": (gradient_of(lambda x: np.mean(np.sin(x))), vector),
    "gradient of a variance": (gradient_of(np.var), vector),
    "differences": (lambda x: x[1:] - x[:-1], rows),
    "slices by shape": (lambda x: x[: x.shape[0] - 2] * x[2:], rows),
    "flip": (lambda x: x[::-1] * x, rows),
    "pad": (lambda x: np.pad(x, (2, 1)) * 2, vector),
    "roll": (lambda x: np.roll(x, 1) * x, vector),
    "concatenate": (lambda x: np.concatenate([x, np.ones(5), x]), vector),
    "reshape": (lambda x: np.reshape(x, (x.shape[0] * 3,)) * 2, rows),
    "broadcast": (lambda x: np.broadcast_to(x, (4, x.shape[0])) + 1, vector),
    "outer": (lambda x: np.sum(np.outer(x, x) ** 2), vector),
    "gram": (lambda x: x.T @ x, lambda n: (normal(n, 30),)),
    "x x'": (lambda x: x @ x.T, rows),
    "cumsum": (lambda x: np.cumsum(x), vector),
    "gradient of all distances": (gradient_of(lambda x: np.exp(-((x[:, None] - x[None]) ** 2).sum(-1))), rows),
    "numbers of the length": (lambda x: x * np.arange(x.shape[0]) / (x.shape[0] + 1) ** 0.5, vector),
    "vmap": (pb.vmap(lambda x: x @ np.sin(x)), rows),
    "vmap of a gradient": (pb.vmap(pb.grad(lambda x: np.sum(np.sin(x) ** 2))), rows),
    "scan": (lambda x: pb.scan(lambda c, a: (np.sin(c) + a, c), 0.0, x), vector),
    "gradient of a scan": (pb.grad(lambda x: pb.scan(lambda c, a: (np.sin(c) + a, c), 0.0, x)[0]), vector),
    "fori_loop": (lambda x: pb.fori_loop(0, 5, lambda i, c: np.sin(c) * x, x), vector),
    "while_loop": (lambda x: pb.while_loop(lambda c: np.sum(c * c) > 1.0, lambda c: c * 0.5, x), vector),
    "unrolled steps": (gradient_of(settled), vector),
    "float32": (lambda x: np.mean(np.sin(x)), lambda n: (normal(n).astype(np.float32),)),
    "complex": (lambda x: np.sum(np.exp(1j * x)), vector),
    "integers": (lambda x: np.cumsum((x * 10).astype(int)), vector),
    "a gather": (lambda x: x[x.astype(int) % 2], vector),
}


@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value", "ignore:Degrees of freedom")
@pytest.mark.parametrize("name", KEPT)
def test_one_code_serves_many_lengths(name):
    f, make = KEPT[name]
    rtol = 1e-5 if name == "float32" else 1e-10
    fast = held(f, make, [n for n in LENGTHS if n > 3], rtol=rtol)
    assert [x.why for x in families(fast)] == [""]
    assert fast._n_traces <= 1  # the shortest may be another
    before = families(fast)[0].n_traces
    for n in (100, 123, 900):
        same(fast(*make(n)), f(*make(n)), rtol)
    assert families(fast)[0].n_traces == before
    assert fast._n_traces <= 1


@pytest.mark.parametrize("name", ["sum", "differences", "pad", "roll", "concatenate", "cumsum", "scan"])
@settings(max_examples=6, deadline=None)
@given(n=st.integers(1, 400))
def test_any_length_gives_what_numpy_gives(name, n):
    f, make = KEPT[name]
    fast = _dynamic_of(name, f)
    same(fast(*make(n)), f(*make(n)))


_made: dict = {}


def _dynamic_of(name, f):
    return _made.setdefault(name, pb.jit(f, dynamic=(0,)))


@pytest.mark.parametrize("name", ["sum", "slices by shape", "scan", "flip"])
def test_lengths_0_and_1_take_the_ordinary_path(name):
    f, make = KEPT[name]
    shortest = [1, 0] if name in ("sum", "flip") else [3, 2]
    held(f, make, [70, *shortest, 71])


# What asks for the length ---------------------------------------------------------------------------

ASKING = {
    "more than": lambda x: x * 2 if x.shape[0] > 80 else x * 3,
    "one length": lambda x: x * 2 if x.shape[0] == 100 else x * 3,
    "even": lambda x: x * 2 if x.shape[0] % 2 == 0 else x * 3,
    "a third": lambda x: x * 2 if x.shape[0] % 3 == 0 else x * 3,
    "hundreds": lambda x: x * 2 if x.shape[0] % 100 == 0 else x * 3,
    "thousands": lambda x: x * 2 if x.shape[0] // 1000 == 1 else x * 3,
    "parts": lambda x: np.array_split(x, 3)[1] * 2,
    "len, more than": lambda x: x * 2 if len(x) > 80 else x * 3,
    "len, one length": lambda x: x * 2 if len(x) == 100 else x * 3,
    "a table": lambda x: x * {100: 2.0}.get(x.shape[0], 3.0),
    "int": lambda x: x * 2 if int(x.shape[0]) == 100 else x * 3,
    "float": lambda x: x * 2 if float(x.shape[0]) == 100 else x * 3,
    "half": lambda x: x * 2 if x.shape[0] / 2 == 50 else x * 3,
    "product": lambda x: x * 2 if np.prod(x.shape) == 100 else x * 3,
    "np.shape": lambda x: x * 2 if np.shape(x)[0] == 100 else x * 3,
    "size": lambda x: x * 2 if x.size == 100 else x * 3,
    "np.size": lambda x: x * 2 if np.size(x) == 100 else x * 3,
    "nbytes": lambda x: x * 2 if x.nbytes == 800 else x * 3,
    "shapes": lambda x: x * 2 if x.shape == (100,) else x * 3,
    "of a result": lambda x: x * 2 if (x[1:] * 2).shape[0] == 99 else x * 3,
    "least": lambda x: x[: min(x.shape[0], 100)] * 1.5,
    "a slice": lambda x: x[:100] * 1.5,
    "mean of some": lambda x: np.mean(x[: min(len(x), 100)]),
    "as text": lambda x: x * 2 if f"{x.shape[0]}" == "100" else x * 3,
    "unrolled": lambda x: x * sum(1.0 for _ in range(x.shape[0] // 50)),
    "a list": lambda x: x * sum([1.0] * x.shape[0]),
}


@pytest.mark.parametrize("name", ASKING)
def test_a_function_that_asks_for_the_length_is_right_at_every_length(name):
    held(ASKING[name], vector, [300, 100, 70, 101, 99, 100, 50, 2000, 81, 80, 79, 1000, 30, 102])


def test_a_comparison_of_shapes_is_a_guard_and_nothing_is_traced_where_it_holds():
    f = held(ASKING["one length"], vector, [300, 101, 100])
    (family,) = families(f)
    before = family.n_traces
    assert f._n_traces == 1  # for 100
    held_again = [f(normal(n)) for n in (102, 103, 104)]
    assert [len(x) for x in held_again] == [102, 103, 104]
    assert (family.n_traces, f._n_traces) == (before, 1)


def test_what_takes_len_is_traced_at_each_length_and_not_compiled():
    f = held(ASKING["len, one length"], vector, [300, 101])
    (family,) = families(f)
    before, code = family.n_traces, family.code
    f(normal(102))
    assert family.n_traces == before + 1
    assert family.code is code
    assert f._n_traces == 0


def test_halves_have_a_code_for_each_parity():
    f = held(lambda x: x[::2] + x[: (x.shape[0] + 1) // 2], vector, [300, 301, 100, 99, 77, 78])
    assert sorted(bool(x.why) for x in families(f)) == [False, False, True]
    assert f._n_traces == 0


def test_what_is_possible_for_even_lengths_only_has_a_code_for_them():
    f = held(lambda x: np.sum(np.reshape(x, (-1, 2)) ** 2, axis=1), vector, [70, 300, 80])
    assert f._n_traces == 0


@pytest.mark.parametrize(
    ("f", "why"),
    [
        (lambda x: np.sort(x) * x, "sort calls back to NumPy"),
        (lambda x: sum(x[i] for i in range(x.shape[0])), "something else at some lengths"),
    ],
)
def test_what_cannot_be_kept_runs_by_length_and_says_why(f, why):
    fast = held(f, vector, [70, 90])
    assert fast._n_traces == 2
    assert why in fast.lower(normal(70)).why_static


# Which axes ----------------------------------------------------------------------------------------


def net(w, x):
    return np.mean(np.tanh(x @ w) ** 2)


@pytest.mark.parametrize("dynamic", [{1: 0}, {"x": 0}, {1: (0,)}, {"x": [-2]}, {1: 0, "absent": 0}])
def test_axes_of_arguments_are_named_by_number_or_name(dynamic):
    f = held(pb.value_and_grad(net), lambda n: (normal(30, 4), normal(n, 30)), [70, 100], dynamic)
    assert f._n_traces == 0
    keyword = pb.jit(net, dynamic=dynamic)
    for n in (70, 100):
        same(keyword(w=normal(30, 4), x=normal(n, 30)), net(normal(30, 4), normal(n, 30)))
    assert keyword._n_traces == 0


def test_without_names_the_axes_that_change_are_dynamic():
    f = held(net, lambda n: (normal(30, 4), normal(n, 30)), [70, 100, 333, 90], (0,))
    assert f._n_traces == 1  # before one has changed
    assert len(families(f)) == 1


def test_equal_lengths_are_one_and_different_ones_two():
    def f(x, y):
        return np.sum(x) * y if x.shape == y.shape else np.sum(x) - y

    fast = held(f, lambda n: (normal(n), normal(n)), [70, 80, 90], {0: 0, 1: 0})
    same(fast(normal(90), normal(300)), f(normal(90), normal(300)))
    same(fast(normal(300), normal(91)), f(normal(300), normal(91)))
    same(fast(normal(91), normal(91)), f(normal(91), normal(91)))
    assert len(families(fast)) == 2
    assert fast._n_traces == 0


def test_two_lengths_of_one_matrix():
    def f(a, x, y):
        return x @ np.tanh(a) @ y + np.sum(np.concatenate([x, y]))

    def make(n):
        return normal(n, n // 2 + 3), normal(n), normal(n // 2 + 3)

    assert held(f, make, [200, 300, 1000], {0: (0, 1), 1: 0, 2: 0})._n_traces == 0


def test_a_length_that_equals_a_static_one_is_no_less_right():
    held(lambda w, x: (x @ w) @ w.T + x, lambda n: (normal(30, 20), normal(n, 30)), [70, 30, 20, 100], {1: 0})


def test_leaves_of_trees_are_dynamic_together():
    f = held(
        lambda p: {"z": p["a"] * 2 + np.sum(p["b"])},
        lambda n: ({"a": normal(n), "b": [normal(n, 2), 3.0][0]},),
        [70, 100],
        {"p": 0},
    )
    assert f._n_traces == 0


def test_an_axis_that_is_not_the_first():
    assert held(lambda x: np.sum(np.tanh(x), axis=0), lambda n: (normal(4, n),), [70, 90], {0: 1})._n_traces == 0


@pytest.mark.parametrize(
    "dynamic", ["x", 1.5, (0.5,), {0: None}, {0: ()}, {-1: 0}, (-1,), {(0,): 0}, (True,), {0: "a"}]
)
def test_what_names_no_axes_is_refused(dynamic):
    with pytest.raises(ArgumentError, match="it names axes"):
        pb.jit(net, dynamic=dynamic)


def test_dynamic_axes_in_the_background_are_refused():
    with pytest.raises(ArgumentError, match="background"):
        pb.jit(net, dynamic=(0,), tier="background")


@pytest.mark.parametrize("dynamic", [None, False, (), {}])
def test_no_axis_is_nothing_special(dynamic):
    assert pb.jit(net, dynamic=dynamic)._lengths is None


# With what else there is -----------------------------------------------------------------------------


def test_static_arguments_have_codes_of_their_own():
    f = pb.jit(lambda x, k: x**k, static_argnums=1, dynamic={0: 0})
    for n in (70, 80):
        for k in (2, 3):
            same(f(normal(n), k), normal(n) ** k)
    assert f._n_traces == 0
    assert len(families(f)) == 2


def test_memory_that_is_given_away_is_taken():
    f = pb.jit(lambda x: x * 2.0 + 1.0, donate_argnums=0, dynamic=(0,))
    for n in (70, 300):
        x = normal(n)
        wanted = x * 2.0 + 1.0
        same(f(x), wanted)
    assert f._n_traces == 0


def test_contraction_is_kept():
    f = pb.jit(lambda x: x * x - x * x, fp="contract", dynamic=(0,))
    for n in (70, 300):
        assert np.all(np.abs(f(normal(n))) < 1e-14)
    assert "contract" in f.lower(normal(70)).llvm_ir


def test_derivatives_and_maps_of_it_are_what_they_are_without():
    f = pb.jit(net, dynamic={1: 0})
    w, x = normal(30, 4), normal(70, 30)
    same(pb.grad(f)(w, x), pb.grad(net)(w, x))
    same(pb.vmap(f, in_axes=(None, 0))(w, np.stack([x, x])), np.stack([net(w, x)] * 2))
    same(pb.jit(lambda w, x: f(w, x) * 2)(w, x), net(w, x) * 2)


def test_lower_shows_the_code_of_many_lengths():
    f = pb.jit(net, dynamic={1: 0})
    lowered = f.lower(normal(30, 4), normal(70, 30))
    assert lowered.why_static == ""
    assert "%sizes" in lowered.llvm_ir
    assert "nest" in lowered.loops
    assert lowered.cost.flops > 0
    assert f.program(normal(30, 4), normal(71, 30)).in_types[-1].shape == (71, 30)
    same(f(normal(30, 4), normal(71, 30)), net(normal(30, 4), normal(71, 30)))


@pytest.mark.parametrize(("variable", "value"), [("PULLBACK_ENGINE", "numpy"), ("PULLBACK_CHECK", "1")])
def test_other_engines_run_by_length(monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    f = held(KEPT["differences"][0], rows, [70, 90])
    assert f._n_traces == 2
    assert variable in families(f)[0].why


def test_calls_of_one_length_become_quick():
    f = pb.jit(KEPT["sum"][0], dynamic=(0,))
    for n in (70, 300):
        for _ in range(3):
            same(f(normal(n)), KEPT["sum"][0](normal(n)))
    assert len(f._descriptors) == 2


def test_arrays_that_are_not_contiguous_or_of_another_dtype():
    f = held(lambda x: np.sum(np.sin(x), axis=0), lambda n: (normal(n, 6)[::2, ::2],), [140, 300])
    same(f(np.arange(80)), np.sum(np.sin(np.arange(80))))


def test_an_index_out_of_range_is_an_error_of_its_length():
    f = pb.jit(lambda x, i: x[i], dynamic={0: 0})
    assert f(np.arange(70.0), 69) == 69.0
    with pytest.raises(IndexError, match="index 300 is out of bounds for axis 0 with size 300"):
        f(np.arange(300.0), 300)
    with pytest.raises(IndexError, match="index 3 is out of bounds"):
        pb.jit(lambda x: x[3], dynamic={0: 0})(np.arange(3.0))


def test_what_the_function_raises_is_raised():
    def f(x):
        if x.shape[0] % 2:
            raise ValueError("an odd length")
        return x * 2

    fast = held(f, vector, [70, 100])
    with pytest.raises(ValueError, match="an odd length"):
        fast(normal(71))
    assert [x.why for x in families(fast)][1] == ""  # the even ones


def test_it_is_pickled():
    f = pickle.loads(pickle.dumps(pb.jit(np.tanh, dynamic=(0,))))
    same(f(normal(70)), np.tanh(normal(70)))
    assert f._n_traces == 0


def test_threads_call_it_with_lengths_of_their_own():
    f, wrong = pb.jit(KEPT["gram"][0], dynamic=(0,)), []

    def work(seed):
        for n in range(70 + seed, 110 + seed, 4):
            x = normal(n, 30)
            if not np.allclose(f(x), x.T @ x):
                wrong.append(n)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_the_log_says_for_which_lengths_it_is_traced(caplog):
    caplog.set_level(logging.INFO, logger="pullback")
    f = pb.jit(net, dynamic={1: 0})
    for n in (70, 80):
        f(normal(30, 4), normal(n, 30))
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("net is traced at lengths ")
    assert "for all lengths, called at test_dynamic.py:" in line
    caplog.clear()
    pb.jit(np.sort, dynamic=(0,))(normal(70))
    assert "each length is traced for itself: sort calls back to NumPy" in caplog.records[0].getMessage()


def test_threads_go_with_it_and_change_nothing():
    f = pb.jit(KEPT["sum"][0], dynamic=(0,), threads=2, fp="contract")
    for n in (70, 300, 100_000):
        same(f(normal(n)), KEPT["sum"][0](normal(n)))
    assert f._n_traces == 0
