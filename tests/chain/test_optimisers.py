"""Optimisers, schedules and initialisers: against their papers' formulas in plain loops, and on trees."""

import math

import numpy as np
import pytest

import pullback as pb
from pullback.chain import (
    adam,
    adamw,
    constant,
    cosine,
    exponential,
    glorot,
    he,
    momentum,
    normal,
    sgd,
    warmup,
    zeros,
)
from pullback.core.errors import ArgumentError, ShapeError, TreeError


def _run(optimiser, w, gradients):
    state = optimiser.init(w)
    for g in gradients:
        w, state = optimiser.update(g, state, w)
    return w


def test_sgd_follows_the_gradient(rng):
    gs = rng.normal(size=(5, 3))
    np.testing.assert_allclose(_run(sgd(0.1), np.ones(3), gs), 1 - 0.1 * gs.sum(axis=0), rtol=1e-13)


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_is_polyaks(rng, nesterov):
    gs, w, m = rng.normal(size=(5, 3)), np.ones(3), np.zeros(3)
    for g in gs:
        m = 0.9 * m + g
        w = w - 0.1 * (0.9 * m + g if nesterov else m)
    np.testing.assert_allclose(_run(momentum(0.1, nesterov=nesterov), np.ones(3), gs), w, rtol=1e-13)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_adam_and_adamw_are_those_of_the_papers(rng, decay):
    gs, w, m, s = rng.normal(size=(7, 3)), np.ones(3), np.zeros(3), np.zeros(3)
    for t, g in enumerate(gs, 1):
        m = 0.9 * m + 0.1 * g
        s = 0.999 * s + 0.001 * g**2
        step = (m / (1 - 0.9**t)) / (np.sqrt(s / (1 - 0.999**t)) + 1e-8)
        w = w - 0.01 * (step + decay * w)
    optimiser = adamw(0.01, weight_decay=decay) if decay else adam(0.01)
    np.testing.assert_allclose(_run(optimiser, np.ones(3), gs), w, rtol=1e-12)


@pytest.mark.parametrize("optimiser", [sgd(0.1), momentum(0.1), adam(0.1), adamw(0.1)])
def test_trees_go_through_and_none_leaves_a_parameter_as_it_is(optimiser):
    params = [{"w": np.ones((2, 2)), "b": np.zeros(2)}, None, np.ones(3), np.array([1, 2]), {"frozen": np.ones(2)}]
    grads = [{"w": np.ones((2, 2)), "b": np.ones(2)}, None, np.ones(3), None, None]
    new, state = optimiser.update(grads, optimiser.init(params), params)
    assert (new[0]["w"] < 1).all()
    assert (new[0]["b"] < 0).all()
    assert new[1] is None
    assert (new[2] < 1).all()
    assert new[3] is params[3]
    assert new[4]["frozen"] is params[4]["frozen"]
    assert state.step == 1
    assert np.array_equal(params[2], np.ones(3))  # nothing is changed in place


@pytest.mark.parametrize("optimiser", [sgd(0.1), momentum(0.1), adam(0.1), adamw(cosine(0.1, 10))])
def test_updates_run_under_jit_and_keep_single_precision(optimiser, rng):
    w = rng.normal(size=4).astype(np.float32)
    step = pb.jit(lambda w, state: optimiser.update(2 * w, state, w))
    plain, state, plain_state = w, optimiser.init(w), optimiser.init(w)
    for _ in range(4):
        w, state = step(w, state)
        plain, plain_state = optimiser.update(2 * plain, plain_state, plain)
    assert w.dtype == plain.dtype == np.float32
    np.testing.assert_allclose(w, plain, rtol=1e-6)


def test_training_can_be_differentiated_by_the_learning_rate():
    def after(rate):
        optimiser, w = sgd(rate), np.ones(2)
        state = optimiser.init(w)
        for _ in range(3):
            w, state = optimiser.update(2 * w, state, w)
        return np.sum(w)

    assert math.isclose(pb.grad(after)(0.1), 2 * 3 * 0.8**2 * -2, rel_tol=1e-12)


def test_gradients_of_another_structure_or_shape_are_refused():
    optimiser = sgd(0.1)
    params = {"w": np.ones(3)}
    state = optimiser.init(params)
    with pytest.raises(TreeError, match="gradients of structure"):
        optimiser.update([np.ones(3)], state, params)
    with pytest.raises(ShapeError, match="gradient float64"):
        optimiser.update({"w": np.ones((2, 3))}, state, params)


# Schedules ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (constant(0.5), lambda t: 0.5),
        (exponential(0.5, 0.9), lambda t: 0.5 * 0.9**t),
        (exponential(0.5, 0.9, every=10), lambda t: 0.5 * 0.9 ** (t / 10)),
        (cosine(0.5, 8, final=0.1), lambda t: 0.1 + 0.2 * (1 + math.cos(math.pi * min(t, 8) / 8))),
        (warmup(0.5, 4), lambda t: 0.5 * min((t + 1) / 4, 1)),
        (
            warmup(exponential(0.5, 0.9), 4),
            lambda t: 0.5 * 0.9 ** max(t - 4, 0) * min((t + 1) / 4, 1),
        ),
    ],
)
def test_schedules_are_functions_of_the_step(schedule, expected):
    for t in range(12):
        assert math.isclose(schedule(t), expected(t), rel_tol=1e-12, abs_tol=1e-15)
    traced = pb.jit(lambda t: schedule(t) + 0.0 * t)(3)
    assert math.isclose(traced, expected(3), rel_tol=1e-12)


@pytest.mark.parametrize(
    "make", [lambda: cosine(1.0, 0), lambda: warmup(1.0, 0), lambda: exponential(1.0, 0.5, every=0)]
)
def test_a_schedule_of_no_steps_is_refused(make):
    with pytest.raises(ArgumentError, match="at least 1"):
        make()


# Initialisers -------------------------------------------------------------------------------------


def test_initialisers_have_the_spread_of_their_papers():
    rng = np.random.default_rng(0)
    n = 200 * 100
    # The variance of a sample of n has a relative error of about sqrt(2 / n) = 1 %.
    assert math.isclose(glorot(rng, (200, 100)).var(), 2 / 300, rel_tol=0.05)
    assert np.abs(glorot(rng, (200, 100))).max() <= math.sqrt(6 / 300)
    assert math.isclose(he(rng, (200, 100)).var(), 2 / 200, rel_tol=0.05)
    assert math.isclose(he(rng, (50, 20, 3, 3)).var(), 2 / 180, rel_tol=0.1)
    assert math.isclose(normal(rng, (n,), scale=0.3).std(), 0.3, rel_tol=0.05)
    assert not zeros(None, (3,)).any()


def test_initialisers_draw_from_the_generator_alone():
    a, b = (he(np.random.default_rng(3), (4, 4), np.float32) for _ in range(2))
    assert np.array_equal(a, b)
    assert a.dtype == np.float32


def test_the_fan_of_a_vector_is_not_defined():
    with pytest.raises(ArgumentError, match=r"glorot of weights of shape \(3,\)"):
        glorot(np.random.default_rng(0), (3,))
