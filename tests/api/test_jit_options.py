"""What jit can say of itself (lower, profile), and its options fp and donate_argnums."""

import numpy as np
import pytest

import pullback as pb
from pullback.core.errors import ArgumentError

X = np.linspace(0.1, 0.9, 200)
W = np.ones((200, 30))


@pytest.fixture(autouse=True)
def native(monkeypatch):
    """The tests ask for the evaluator where they want it."""
    monkeypatch.delenv("PULLBACK_ENGINE", raising=False)


def layer(x, w):
    h = np.tanh(x @ w)
    s = np.sort(h)
    return np.sum(s * h)


def test_lower_shows_every_stage():
    lowered = pb.jit(pb.grad(layer)).lower(X, W)
    assert "tanh" in str(lowered.program)
    assert "product" in lowered.loops
    assert "nest" in lowered.loops
    assert "i32 @entry(ptr %args)" in lowered.llvm_ir
    assert ".text" in lowered.asm or ".section" in lowered.asm
    assert repr(lowered.loops) == str(lowered.loops)
    assert lowered.cost.flops > 0
    assert lowered.cost.bytes > 0
    assert "flops" in str(lowered.cost)
    assert lowered.why == ""
    assert "native" in repr(lowered)


def test_lower_names_the_lines_that_call_back():
    lowered = pb.jit(layer).lower(X, W)
    assert [eq.primitive.name for eq in lowered.callbacks] == ["sort"]
    assert "s = np.sort(h)" in repr(lowered.callbacks)
    assert "callback" in lowered.loops
    assert repr(pb.jit(np.sin).lower(X).callbacks) == "no callbacks: all of it is native code"


def test_the_loops_of_a_program_can_be_read():
    text = pb.jit(lambda x: pb.fori_loop(0, 9, lambda i, c: np.sin(c) * 2.0, x)).lower(X).loops
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    assert any(line.startswith("loop ") for line in lines)
    assert "nest 200" in lines
    assert any(line.startswith("store ") and "mul(" in line for line in lines)
    text = pb.jit(lambda x: pb.cond(x[0] > 0, np.sin, np.cos, x)).lower(X).loops
    assert "case 0" in text
    assert "case 1" in text


def test_where_the_evaluator_runs_it_lower_says_so(monkeypatch):
    monkeypatch.setenv("PULLBACK_ENGINE", "numpy")
    lowered = pb.jit(lambda x: np.sin(x) - 17.0).lower(X)
    assert "PULLBACK_ENGINE=numpy" in lowered.why
    for stage in (lowered.loops, lowered.llvm_ir, lowered.asm, repr(lowered)):
        assert "evaluator" in stage
    assert lowered.cost.arena == 0
    assert [eq.primitive.name for eq in lowered.callbacks] == ["sin", "sub"]


@pytest.mark.parametrize("engine", ["llvm", "numpy"])
def test_a_profile_is_time_by_source_line(engine, monkeypatch):
    monkeypatch.setenv("PULLBACK_ENGINE", engine)

    def f(x):
        y = np.sort(x + len(engine))
        return pb.fori_loop(0, 20, lambda i, c: np.sin(c) * y, x)

    found = pb.jit(f).profile(X)
    assert abs(sum(line.share for line in found.lines) - 1.0) < 1e-9
    assert found.seconds > 0
    text = repr(found)
    assert "y = np.sort(x + len(engine))" in text
    assert text.splitlines()[0].split() == ["line", "time", "share", "by", "source"]
    assert any("np.sin" in line.text for line in found.lines)


def test_strict_arithmetic_is_the_default_and_contraction_is_asked_for():
    f = lambda x, y: x * x - y * y  # noqa: E731
    assert pb.jit(f)(0.1, 0.1) == 0.0
    assert " contract " not in pb.jit(f).lower(0.1, 0.1).llvm_ir
    assert " contract " in pb.jit(f, fp="contract").lower(0.1, 0.1).llvm_ir
    np.testing.assert_allclose(pb.jit(f, fp="contract")(X, X), 0.0, atol=1e-16)
    assert " contract " in pb.jit(pb.grad(pb.jit(f, fp="contract")), fp="contract").lower(0.1, 0.1).llvm_ir


def test_the_choice_of_arithmetic_does_not_leak_from_one_function_to_another():
    f = lambda x, y: x * x - y * y * 1.0  # noqa: E731
    both = pb.jit(f, fp="contract"), pb.jit(f)
    assert both[1](0.1, 0.1) == 0.0
    assert " contract " not in both[1].lower(0.1, 0.1).llvm_ir


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"fp": "fast"}, "'contract'"),
        ({"fp": None}, "'strict'"),
        ({"donate_argnums": "x"}, "integers"),
        ({"donate_argnums": 1.5}, "integers"),
        ({"donate_argnums": True}, "integers"),
        ({"donate_argnums": (0, 1), "static_argnums": 1}, "both static and donated"),
    ],
)
def test_bad_options_are_refused(options, match):
    with pytest.raises(ArgumentError, match=match):
        pb.jit(np.sin, **options)


def test_donating_an_argument_that_was_not_given_is_refused():
    with pytest.raises(ArgumentError, match="donate_argnums=3"):
        pb.jit(np.sin, donate_argnums=3)(X)


def total_then_sorted(p, s):
    return np.sort(s * np.sum(p)) * 2.0


def test_the_memory_of_a_donated_argument_is_reused_where_it_is_dead():
    f = pb.jit(total_then_sorted, donate_argnums=0)
    want = total_then_sorted(X, X)
    p = X.copy()
    out = f(p, X)
    np.testing.assert_allclose(out, want, rtol=1e-14)
    if type(f.lower(p, X)._run).__name__ == "Compiled":  # not the evaluator, nor what is being checked
        assert np.shares_memory(out, p)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: (X.copy(),) * 2, id="shared by another argument"),
        pytest.param(lambda: (np.stack([X, X])[0], X), id="a view"),
        pytest.param(lambda: (np.frombuffer(X.tobytes()), X), id="not writeable"),
    ],
)
def test_memory_that_is_not_the_arguments_own_is_not_taken(make):
    p, s = make()
    before = p.copy()
    out = pb.jit(total_then_sorted, donate_argnums=0)(p, s)
    assert not np.shares_memory(out, p)
    np.testing.assert_array_equal(p, before)
    np.testing.assert_allclose(out, total_then_sorted(before, X), rtol=1e-14)


def test_a_donated_argument_that_is_still_needed_is_not_overwritten_too_early():
    f = pb.jit(lambda p, g: (p - 0.1 * g, p * g), donate_argnums=(0,))
    p = X.copy()
    a, b = f(p, X)
    np.testing.assert_allclose(a, X - 0.1 * X, rtol=1e-14)
    np.testing.assert_allclose(b, X * X, rtol=1e-14)
    assert not np.shares_memory(a, b)


def test_donation_is_for_calls_with_arrays_and_derivatives_go_on_without_it():
    f = pb.jit(lambda p, s: np.sum(total_then_sorted(p, s)), donate_argnums=0)
    p = X.copy()
    pb.grad(f)(p, X)
    np.testing.assert_array_equal(p, X)
