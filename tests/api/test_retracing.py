"""What PULLBACK_LOG=retrace tells: why there is a new trace."""

import logging

import numpy as np
import pytest

import pullback as pb
from tests.api.calling import run_script

X = np.ones(3)


@pytest.fixture
def told(caplog):
    caplog.set_level(logging.INFO, logger="pullback")

    def latest():
        text = "\n".join(record.getMessage() for record in caplog.records)
        caplog.clear()
        return text

    return latest


def loss(p, x, how="sum", n=2):
    return np.sum(p["w"] * x) + n if how == "sum" else np.max(p["w"] * x) + n


@pytest.mark.parametrize(
    ("args", "kwargs", "why"),
    [
        (({"w": np.ones(1)}, 1.0), {}, "argument 0['w'] was float64[3], is float64[1]"),
        (({"w": X.astype(np.float32)}, 1.0), {}, "argument 0['w'] was float64[3], is float32[3]"),
        (({"w": X}, X), {}, "argument 1 was a Python float, is float64[3]"),
        (({"w": X}, 1), {}, "argument 1 was a Python float, is a Python int"),
        (({"w": X}, np.float64(1)), {}, "argument 1 was a Python float, is float64[]"),
        (({"w": X, "b": X}, 1.0), {}, "argument 0['b'], float64[3], is new"),
        (({"w": X}, 1.0), {"how": "max"}, "argument 'how', 'max', is new"),
        (({"w": X}, 1.0), {"n": 3}, "static argument 'n' was not given, is 3"),
        (({"w": X},), {"x": 1.0}, "argument 1, a Python float, is gone; argument 'x', a Python float, is new"),
    ],
)
def test_the_difference_is_told(args, kwargs, why, told):
    f = pb.jit(loss, static_argnames="n")
    f({"w": X}, 1.0)
    assert told().startswith("trace 1 of loss, called at test_retracing.py:")
    f({"w": X}, 2.0)
    assert told() == ""
    f(*args, **kwargs)
    text = told()
    assert text.startswith("trace 2 of loss")
    assert text.endswith(f": {why}")
    f(*args, **kwargs)
    assert told() == ""


def test_the_first_call_is_told_and_where(told):
    pb.jit(loss)({"w": X}, 1.0)
    assert told().endswith(": the first call")


def test_the_nearest_signature_is_the_one_that_is_compared_with(told):
    f = pb.jit(lambda x, n, y: x * n + y, static_argnums=1)
    f(X, 2, X)
    f(1.0, 3, 1.0)
    told()
    f(X, 3, X)
    assert told().endswith(": static argument 1 was 2, is 3")
    f(1.0, 3, X)
    assert told().endswith(": argument 0 was float64[3], is a Python float")


def test_conventions_are_told(told):
    f = pb.jit(np.sin)
    f(X)
    told()
    with pb.conventions(abs="one"):
        f(X)
    assert told().endswith(": the convention 'abs' was 'zero', is 'one'")


def test_containers_are_told(told):
    f = pb.jit(lambda p: p[0] + p[1])
    f((X, X))
    told()
    f([X, X])
    assert "the structure of the arguments was" in told()


def test_nothing_is_made_ready_where_nobody_listens(monkeypatch):
    monkeypatch.setattr("pullback.api.retracing._Seen", None)
    np.testing.assert_array_equal(pb.jit(lambda x: x + 5.0)(X), X + 5.0)


def test_a_bound_on_signatures_forgets_the_least_recently_used(monkeypatch, told):
    monkeypatch.setattr("pullback.api.jitted._MOST_SIGNATURES", 3)
    monkeypatch.setenv("PULLBACK_ENGINE", "numpy")
    f = pb.jit(lambda x, n: x * n, static_argnums=1)
    for n in (1, 2, 3, 1, 4, 1, 3):
        f(X, n)
    assert len(told().splitlines()) == 4
    f(X, 2)
    assert told().startswith("trace 5 of <lambda>")
    assert len(f._traces) == 3
    f(X, 1)
    assert told() == ""


def test_the_environment_turns_it_on():
    code = """
import numpy as np, pullback as pb
f = pb.jit(lambda x: x * 2.0)
f(1.0); f(2.0); f(np.ones(2))
"""
    quiet = run_script(code)
    assert (quiet.returncode, quiet.stderr) == (0, "")
    run = run_script(code, PULLBACK_LOG="retrace")
    assert run.stderr.splitlines() == [
        "pullback: trace 1 of <lambda>, called at <string>:4: the first call",
        "pullback: trace 2 of <lambda>, called at <string>:4: argument 0 was a Python float, is float64[2]",
    ]
