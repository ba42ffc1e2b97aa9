"""The benchmarks' problems, tiny: what is timed is right, by oracles that are none of the contenders.

Derivatives are held to the complex step of the same function in plain NumPy; formulas that
a module states cleverly (one product for all components, predictions outside the loop) to
the plain double loop.
"""

import contextlib
import functools
import importlib
import math
import os
import shutil

import numpy as np
import pytest

import pullback as pb
from benchmarks import timing
from benchmarks.c import NoCompiler
from benchmarks.engine import ba, gmm, growth, heat, logistic, lorenz, lstm, mlp, recurrence, report
from benchmarks.engine.__main__ import PROBLEMS
from benchmarks.engine.case import OURS, loop, not_native
from tests.oracles import complex_step

PEERS = ("jax", "torch", "C")
# What other libraries warn of when they are imported is not ours to fail on.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def cases():
    for name in PROBLEMS:
        yield from importlib.import_module(f"benchmarks.engine.{name}").cases("tiny")


@functools.cache
def ours(work):
    """Our call of a case, compiled once for all tests."""
    (case,) = (case for case in ALL if case.work == work)
    return case.contenders[OURS]()


ALL = list(cases())
CASES = [pytest.param(case, id=case.work) for case in ALL]
TWINS = [
    pytest.param(case, peer, id=f"{case.work}: {peer}")
    for case in ALL
    for peer in PEERS
    if any(name.startswith(peer) for name in case.contenders)
]


def scan(f, carry, xs):
    """`pb.scan` in plain Python."""
    ys = []
    for x in xs:
        carry, y = f(carry, x)
        ys.append(y)
    return carry, np.stack(ys)


def assert_gradient(f, args, gradient, rng, rtol=1e-11):
    """The gradient by the first arguments, against the complex step along three random directions."""
    moving = args[: len(gradient)]
    for _ in range(3):
        v = tuple(rng.normal(size=np.shape(a)) for a in moving)
        expected = complex_step(lambda *z: f(*z, *args[len(gradient) :]), moving, v)
        found = sum(np.sum(g * w) for g, w in zip(gradient, v, strict=True))
        scale = sum(np.linalg.norm(g) * np.linalg.norm(w) for g, w in zip(gradient, v, strict=True))
        assert abs(found - expected) <= rtol * scale


@pytest.mark.parametrize("case", CASES)
def test_numpy_and_we_agree_and_are_timed(case):
    builders = {n: b for n, b in case.contenders.items() if not n.startswith((*PEERS, OURS))}
    calls, times = timing.start({OURS: lambda: ours(case.work), **builders})
    assert OURS in calls
    timing.agree(calls, case.rtol)
    timing.measure(calls, times, rounds=2, least=0)
    assert all(t.first > 0 and len(t.rounds) == 2 for t in times.values())


@pytest.mark.parametrize(("case", "peer"), TWINS)
def test_the_twin_of_a_peer_computes_what_we_do(case, peer):
    if peer == "C" and shutil.which("gcc") is None:
        pytest.skip("there is no gcc")
    if peer != "C":
        pytest.importorskip(peer)
    calls = {OURS: ours(case.work)}
    for name, build in case.contenders.items():
        if name.startswith(peer):
            # Plain C can be built wherever gcc is; glibc has vector functions only on some machines.
            with contextlib.nullcontext() if name != "C, libmvec" else contextlib.suppress(NoCompiler):
                calls[name] = build()
    timing.agree(calls, case.rtol)
    timing.agree(calls, case.rtol)  # again: a call must not find what the one before has left


def test_the_perceptron_steps_down_its_gradient(rng):
    params, x, y = mlp.data(*mlp.LAYERS["tiny"], dtype=np.float64)
    new = pb.jit(mlp.step(pb.grad(mlp.loss(np))))(params, x, y)
    gradient = [(old - w) / mlp.RATE for old, w in zip(params, new, strict=True)]
    assert_gradient(lambda *p: mlp.loss(np)(p, x, y), tuple(params), gradient, rng)


def test_the_perceptrons_loss_is_the_mean_of_the_cross_entropies():
    params, x, y = mlp.data(*mlp.LAYERS["tiny"], dtype=np.float64)
    w1, b1, w2, b2 = params
    z = np.tanh(x @ w1 + b1) @ w2 + b2
    p = np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True)
    np.testing.assert_allclose(mlp.loss(np)(params, x, y), -np.mean(np.log(p[y == 1])), rtol=1e-14)


def test_the_logistic_gradient_is_that_of_the_plain_formula(rng):
    w, x, y = logistic.data(*logistic.SHAPES["tiny"])

    def plain(w):
        p = 1 / (1 + np.exp(-(x @ w)))
        return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))

    value, gradient = pb.jit(pb.value_and_grad(logistic.loss(np)))(w, x, y)
    np.testing.assert_allclose(value, plain(w), rtol=1e-14)
    assert_gradient(plain, (w,), [gradient], rng)


def test_the_recurrence_has_the_derivatives_of_a_python_loop(rng):
    args = tuple(map(np.float64, recurrence.POINT))
    value, gradient = pb.jit(pb.value_and_grad(recurrence.last(np, pb.fori_loop, 10), argnums=(0, 1)))(*args)
    plain = recurrence.last(np, loop, 10)
    np.testing.assert_allclose(value, plain(*args), rtol=1e-15)
    assert_gradient(plain, args, gradient, rng)


def test_lorenz_has_the_gradient_of_a_python_loop(rng):
    n, steps = lorenz.SIZES["tiny"]
    x0 = lorenz.data(n)
    value, gradient = pb.jit(pb.value_and_grad(lorenz.energy(np, lorenz.slope, pb.fori_loop, steps)))(x0)
    plain = lorenz.energy(np, lorenz.slope, loop, steps)
    np.testing.assert_allclose(value, plain(x0), rtol=1e-14)
    assert_gradient(plain, (x0,), [gradient], rng)


def test_lorenz_moves_by_its_differential_equation():
    x = lorenz.data(6)
    expected = [(x[(i + 1) % 6] - x[i - 2]) * x[i - 1] - x[i] + lorenz.FORCE for i in range(6)]
    np.testing.assert_allclose(lorenz.slope(x), expected, rtol=1e-14)


def plain_mixture(alphas, means, icf, x):
    """ADBench's objective, point by point and component by component."""
    (k, d), (n, _) = means.shape, x.shape
    total, prior = 0.0, 0.0
    for c in range(k):
        q = np.zeros((d, d), dtype=icf.dtype)
        at = d
        for j in range(d):
            q[j, j] = np.exp(icf[c, j])
            for i in range(j + 1, d):
                q[i, j] = icf[c, at]
                at += 1
        prior += 0.5 * gmm.GAMMA**2 * np.sum(q * q) - gmm.M * np.sum(icf[c, :d])
        density = np.array([np.sum((q @ (p - means[c])) ** 2) for p in x])
        total = total + np.exp(alphas[c] + np.sum(icf[c, :d]) - 0.5 * density)
    freedom = d + gmm.M + 1
    gamma = 0.25 * d * (d - 1) * math.log(math.pi) + sum(math.lgamma(0.5 * (freedom - j)) for j in range(d))
    prior = prior - k * (freedom * d * (math.log(gmm.GAMMA) - 0.5 * math.log(2)) - gamma)
    likelihood = np.sum(np.log(total)) - n * np.log(np.sum(np.exp(alphas)))
    return likelihood - 0.5 * n * d * math.log(2 * math.pi) + prior


def test_the_mixture_has_the_gradient_of_the_double_loop(rng):
    ((d, k, n),) = gmm.SIZES["tiny"]
    args = gmm.data(d, k, n)
    f = gmm.log_likelihood(np, d, k, gmm.gathered(np, gmm.triangle(d)))
    value, gradient = pb.jit(pb.value_and_grad(f, argnums=(0, 1, 2)))(*args)
    np.testing.assert_allclose(value, plain_mixture(*args), rtol=1e-13)
    assert_gradient(plain_mixture, args, gradient, rng)


def plain_lstm(main, extra, state, sequence):
    """ADBench's objective, turn by turn, the prediction inside the loop."""
    states = [[s[0], s[1]] for s in state]
    total = 0.0
    for t in range(len(sequence) - 1):
        x = sequence[t] * extra[0]
        for (w, b), s in zip(main, states, strict=True):
            forget, ingate = (1 / (1 + np.exp(-(z * w[i] + b[i]))) for i, z in ((0, x), (1, s[0])))
            outgate = 1 / (1 + np.exp(-(x * w[2] + b[2])))
            s[1] = s[1] * forget + ingate * np.tanh(s[0] * w[3] + b[3])
            x = s[0] = outgate * np.tanh(s[1])
        y = x * extra[1] + extra[2]
        total = total + np.sum(sequence[t + 1] * (y - np.log(2 + np.sum(np.exp(y)))))
    return -total / ((len(sequence) - 1) * sequence.shape[1])


def test_the_lstm_has_the_gradient_of_the_plain_loop(rng):
    args = lstm.data(*lstm.SIZES["tiny"])
    value, gradient = pb.jit(pb.value_and_grad(lstm.loss(np, pb.scan, 2), argnums=(0, 1)))(*args)
    np.testing.assert_allclose(value, plain_lstm(*args), rtol=1e-13)
    np.testing.assert_allclose(lstm.loss(np, scan, 2)(*args), plain_lstm(*args), rtol=1e-13)
    assert_gradient(plain_lstm, args, gradient, rng)


def test_the_jacobians_of_the_reprojection_error_are_its_complex_steps():
    z, features = ba.data(3)
    jacobians = pb.jit(pb.vmap(pb.jacfwd(ba.residual(np))))(z, features)
    f = ba.residual(np)
    for row, feature, jacobian in zip(z, features, jacobians, strict=True):
        columns = [complex_step(f, (row, feature), (v, 0 * feature)) for v in np.eye(15)]
        np.testing.assert_allclose(jacobian, np.transpose(columns), rtol=1e-11, atol=1e-11 * np.max(np.abs(jacobian)))


def test_a_turned_vector_keeps_its_length_and_its_part_along_the_axis(rng):
    axis, y = rng.normal(size=3), rng.normal(size=3)
    z = ba.rotated(np, axis, y)
    np.testing.assert_allclose([np.linalg.norm(z), axis @ z], [np.linalg.norm(y), axis @ y], rtol=1e-13)


def test_heat_has_the_gradient_of_a_python_loop(rng):
    side, steps = heat.SIZES["tiny"]
    u, target = heat.data(side)
    value, gradient = pb.jit(pb.value_and_grad(heat.misfit(np, pb.fori_loop, steps)))(u, target)
    plain = heat.misfit(np, loop, steps)
    np.testing.assert_allclose(value, plain(u, target), rtol=1e-14)
    assert_gradient(plain, (u, target), [gradient], rng)


def test_the_exponent_of_a_power_is_found():
    n = [10, 100, 1000, 10_000]
    assert growth.exponent(n, [3 * k**1.5 for k in n]) == pytest.approx(1.5)


def test_growth_measures_time_and_memory():
    found = growth.curve("heat", "tiny", rounds=2)
    assert all(t > 0 for t in found["seconds"])
    assert found["bytes"][1] > 64 * 8  # the larger one returns a gradient of 64 cells


def test_results_that_differ_are_refused():
    with pytest.raises(AssertionError, match="C differs from pullback"):
        timing.agree({OURS: lambda: np.ones(2), "C": lambda: np.array([1.0, 1.1])}, rtol=1e-3)
    with pytest.raises(AssertionError, match="differs"):  # NaN agrees with nothing
        timing.agree({OURS: lambda: np.ones(2), "C": lambda: np.array([1.0, np.nan])}, rtol=1e-3)


def results():
    contenders = {
        OURS: {"first": 0.1, "rounds": [1e-3, 1e-3, 3e-3]},
        "C": {"first": 0.1, "rounds": [2e-3]},
        "jax.jit": {"first": 0.1, "rounds": [1.5e-3]},
    }
    row = {
        "work": "work | 1",
        "rtol": 1e-9,
        "at_least": {"C": 1.5, "jax.jit": 2},
        "contenders": contenders,
        "not_native": [],
    }
    grown = {"work": "heat", "n": "cells", "sizes": [1, 10], "seconds": [1, 10], "bytes": [1, 10]}
    grown |= {"time_exponent": 1.0, "memory_exponent": 1.0}
    about = {"machine": "m", "versions": {"numpy": "2"}, "gcc": "gcc"}
    return {**about, "rows": [row], "growth": [grown]}


def test_the_table_says_what_is_reached_and_what_is_missed():
    lines = list(report.lines(results()))
    assert lines[1][2:] == ("2.00", "", "2×", "1.5× reached")
    assert lines[2][2:] == ("1.50", "100", "1.5×", "2× missed")


def test_the_table_says_where_we_are_not_native():
    found = results()
    found["rows"][0]["not_native"] = ["eigh"]
    assert next(report.lines(found))[1] == f"{OURS} (not all native)"


@pytest.mark.parametrize("case", CASES)
def test_all_that_is_timed_is_native_code(case):
    if os.environ.get("PULLBACK_ENGINE") == "numpy":
        pytest.skip("the environment asks for the evaluator")
    pytest.importorskip("llvmlite")
    assert not_native(ours(case.work)) == []


def test_the_page_gets_the_table_between_its_marks(tmp_path):
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.insert(results(), page)
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "1.5× reached" in text
    assert "old" not in text


def test_the_chart_is_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    report.chart(results(), tmp_path / "chart.svg")
    assert (tmp_path / "chart.svg").stat().st_size > 1000
