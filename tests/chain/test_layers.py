"""The ready layers and losses: against mpmath and plain loops, far out, and at their kinks."""

import math

import mpmath
import numpy as np
import pytest

import pullback as pb
from pullback.chain import (
    add,
    binary_cross_entropy,
    conv2d,
    dot,
    dropout,
    flatten,
    gelu,
    log_softmax,
    max_pool,
    relu,
    sigmoid,
    softmax,
    softmax_cross_entropy,
    softplus,
    squared_loss,
    tanh,
)
from pullback.core.errors import ArgumentError, ShapeError
from tests import oracles

FAR = np.array([-1e4, -700.0, -50.0, -12.0, -3.0, -0.5, -1e-8, 1e-8, 0.3, 1.0, 9.0, 40.0, 700.0, 1e4])


def _mp(function, x):
    """Return a function of one mpmath number at each point, in double precision."""
    with mpmath.workdps(60):
        return np.array([float(function(mpmath.mpf(float(p)))) for p in np.ravel(x)]).reshape(np.shape(x))


ACTIVATIONS = {
    sigmoid: (lambda x: 1 / (1 + mpmath.exp(-x)), lambda x: 1 / (2 + mpmath.exp(-x) + mpmath.exp(x))),
    tanh: (mpmath.tanh, lambda x: mpmath.sech(x) ** 2),
    softplus: (lambda x: mpmath.log1p(mpmath.exp(x)), lambda x: 1 / (1 + mpmath.exp(-x))),
    gelu: (lambda x: x * mpmath.ncdf(x), lambda x: mpmath.ncdf(x) + x * mpmath.npdf(x)),
    relu: (lambda x: max(x, 0), lambda x: 1 if x > 0 else 0),
}


@pytest.mark.parametrize("f", ACTIVATIONS, ids=repr)
def test_activations_are_finite_and_right_far_out(f):
    value, slope = ACTIVATIONS[f]
    # 1e-12 of itself: x is known to 1e-16, and exp(-x) is so much the more sensitive, |x| times, up to x = 700.
    # Below the smallest normal number nothing is known relative to itself.
    tiny = np.finfo(float).tiny
    np.testing.assert_allclose(f(FAR, None), _mp(value, FAR), rtol=1e-12, atol=tiny)
    np.testing.assert_allclose(f.vjp_x(FAR)(np.ones_like(FAR)), _mp(slope, FAR), rtol=1e-12, atol=tiny)


def test_relu_at_its_kink_has_derivative_0_and_hands_on_nan():
    assert relu.vjp_x(np.zeros(2))(np.ones(2)).tolist() == [0.0, 0.0]
    assert np.isnan(relu(np.array([np.nan]))).all()


LOGITS = np.array(
    [
        [0.0, -50.0, -1e4],
        [1e4, -1e4, 1e4],
        [5.0, 5.0, 5.0],
        [1e4, 0.0, -1e4],
        [-1e4, -1e4 + 1, -1e4 - 3],
        [0.1, 0.2, 30],
    ]
)


def _mp_log_softmax(row):
    total = mpmath.log(mpmath.fsum(mpmath.exp(mpmath.mpf(float(x))) for x in row))
    return [mpmath.mpf(float(x)) - total for x in row]


def test_softmax_and_its_logarithm_are_right_far_out():
    with mpmath.workdps(9000):  # 1 - exp(-2e4) has so many nines
        expected = [_mp_log_softmax(row) for row in LOGITS]
        logs = np.array([[float(x) for x in row] for row in expected])
        probabilities = np.array([[float(mpmath.exp(x)) for x in row] for row in expected])
    np.testing.assert_allclose(log_softmax(LOGITS), logs, rtol=1e-14)
    np.testing.assert_allclose(softmax(LOGITS), probabilities, rtol=1e-14)


def test_the_derivative_of_log_softmax_is_right_far_out_relative_to_itself():
    with mpmath.workdps(9000):
        for i, row in enumerate(LOGITS):
            p = [mpmath.exp(x) for x in _mp_log_softmax(row)]
            for k in range(3):
                expected = [float((1 if j == k else 0) - p[j]) for j in range(3)]
                u = np.zeros((1, 3))
                u[0, k] = 1
                found = log_softmax.vjp_x(LOGITS[i : i + 1])(u)
                np.testing.assert_allclose(found[0], expected, rtol=1e-14, atol=5e-324)


def test_the_derivative_of_softmax_is_right_far_out():
    with mpmath.workdps(9000):
        for i, row in enumerate(LOGITS):
            p = [mpmath.exp(x) for x in _mp_log_softmax(row)]
            for k in range(3):
                expected = [float(p[k] * ((1 if j == k else 0) - p[j])) for j in range(3)]
                u = np.zeros((1, 3))
                u[0, k] = 1
                found = softmax.vjp_x(LOGITS[i : i + 1])(u)
                np.testing.assert_allclose(found[0], expected, rtol=1e-14, atol=5e-324)


@pytest.mark.parametrize("f", [softmax, log_softmax])
def test_softmax_has_second_derivatives(rng, f):
    x, u, v = rng.normal(size=(2, 4)), rng.normal(size=(2, 4)), rng.normal(size=(2, 4))
    found = pb.jvp(lambda x: f.vjp_x(x)(u), (x,), (v,))[1]
    expected = oracles.directional(lambda x: f.vjp_x(x)(u), x, v)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11)


# Losses -------------------------------------------------------------------------------------------

CLASSES = np.array([0, 1, 2, 0, 2, 1])


@pytest.mark.parametrize("one_hot", [False, True])
def test_softmax_cross_entropy_is_right_far_out(one_hot):
    targets = np.eye(3)[CLASSES] if one_hot else CLASSES
    with mpmath.workdps(9000):
        rows = [_mp_log_softmax(row) for row in LOGITS]
        expected = float(-mpmath.fsum(row[k] for row, k in zip(rows, CLASSES, strict=True)) / 6)
        slope = [
            [float((mpmath.exp(row[j]) - (1 if j == k else 0)) / 6) for j in range(3)]
            for row, k in zip(rows, CLASSES, strict=True)
        ]
    value, gradient = pb.value_and_grad(softmax_cross_entropy.f)(LOGITS, targets)
    assert math.isclose(value, expected, rel_tol=1e-14)
    np.testing.assert_allclose(gradient, slope, rtol=1e-14, atol=5e-324)


def test_the_gradient_by_one_hot_targets_is_what_it_is():
    x, t = np.array([[1.0, 2.0, 3.0]]), np.array([[0.0, 1.0, 0.0]])
    _, ut = softmax_cross_entropy.make_vjp(x, t)(1.0)
    np.testing.assert_allclose(ut, -log_softmax(x), rtol=1e-15)


@pytest.mark.parametrize("target", [0.0, 1.0, 0.25])
def test_binary_cross_entropy_is_right_far_out(target):
    def value(x):
        return target * mpmath.log1p(mpmath.exp(-x)) + (1 - target) * mpmath.log1p(mpmath.exp(x))

    def slope(x):
        return (1 - target) / (1 + mpmath.exp(-x)) - target / (1 + mpmath.exp(x))

    found = [pb.value_and_grad(binary_cross_entropy.f)(FAR[i : i + 1], np.array([target])) for i in range(len(FAR))]
    tiny = np.finfo(float).tiny
    np.testing.assert_allclose([v for v, _ in found], _mp(value, FAR), rtol=1e-12, atol=tiny)
    np.testing.assert_allclose([g[0] for _, g in found], _mp(slope, FAR), rtol=1e-12, atol=tiny)


def test_binary_cross_entropy_takes_integer_targets(rng):
    x, t = rng.normal(size=5), np.array([0, 1, 1, 0, 1])
    assert binary_cross_entropy(x, t) == binary_cross_entropy(x, t.astype(float))
    assert binary_cross_entropy.make_vjp(x, t)(1.0)[1] is None


def test_squared_loss_is_the_mean_of_the_squares(rng):
    x, y = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    assert math.isclose(squared_loss(x, y), np.mean((x - y) ** 2), rel_tol=1e-15)
    ux, uy = squared_loss.make_vjp(x, y)(1.0)
    np.testing.assert_allclose(ux, (x - y) / 6, rtol=1e-14)
    assert np.array_equal(uy, -ux)


@pytest.mark.parametrize(
    ("loss", "x", "w"),
    [
        (squared_loss, (4, 1), np.zeros(4)),
        (binary_cross_entropy, (4, 1), np.zeros(4)),
        (softmax_cross_entropy, (4, 3), np.zeros(4)),
        (softmax_cross_entropy, (4, 3), np.zeros(3, int)),
    ],
)
def test_targets_of_another_shape_are_refused(loss, x, w):
    with pytest.raises(ShapeError, match="targets"):
        loss(np.zeros(x), w)


@pytest.mark.parametrize("classes", [[0, 3], [-1, 0]])
def test_a_class_that_there_is_not_is_refused(classes):
    with pytest.raises(ArgumentError, match="3 classes"):
        softmax_cross_entropy(np.zeros((2, 3)), np.array(classes))


# Images -------------------------------------------------------------------------------------------


def _conv2d_by_loops(x, w, stride, padding):
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    height, width = ((n - k) // stride + 1 for n, k in zip(x.shape[2:], w.shape[2:], strict=True))
    y = np.zeros((len(x), len(w), height, width), np.result_type(x, w))
    for i in range(height):
        for j in range(width):
            window = x[:, :, i * stride : i * stride + w.shape[2], j * stride : j * stride + w.shape[3]]
            y[:, :, i, j] = np.einsum("nchw,kchw->nk", window, w)
    return y


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 0), (2, 1), (3, 2)])
def test_conv2d_is_the_cross_correlation(rng, stride, padding):
    x, w = rng.normal(size=(2, 3, 7, 6)), rng.normal(size=(4, 3, 3, 2))
    f = conv2d.partial(stride=stride, padding=padding)
    np.testing.assert_allclose(f(x, w), _conv2d_by_loops(x, w, stride, padding), rtol=1e-12, atol=1e-13)
    vx, vw = rng.normal(size=x.shape), rng.normal(size=w.shape)
    expected = oracles.complex_step(lambda x, w: _conv2d_by_loops(x, w, stride, padding), (x, w), (vx, vw))
    np.testing.assert_allclose(f.jvp(x, w)(vx, vw), expected, rtol=1e-12, atol=1e-12)
    u = rng.normal(size=f(x, w).shape)
    oracles.assert_transposes(f.jvp(x, w), f.make_vjp(x, w), (vx, vw), u)


def test_max_pool_takes_the_greatest_of_each_window(rng):
    x = rng.permutation(2 * 3 * 5 * 4).reshape(2, 3, 5, 4).astype(float)
    y = max_pool(x)
    assert y.shape == (2, 3, 2, 2)
    assert np.array_equal(y, x[:, :, :4].reshape(2, 3, 2, 2, 2, 2).max(axis=(3, 5)))
    ux = max_pool.vjp_x(x)(np.ones_like(y))
    assert np.array_equal(ux[:, :, :4], np.repeat(np.repeat(y, 2, 2), 2, 3) == x[:, :, :4])
    assert not ux[:, :, 4].any()


def test_equal_values_of_a_window_share_its_derivative():
    ux = max_pool.vjp_x(np.ones((1, 1, 2, 2)))(np.ones((1, 1, 1, 1)))
    assert np.array_equal(ux, np.full((1, 1, 2, 2), 0.25))


def test_overlapping_windows_add_up():
    x = np.arange(9.0).reshape(1, 1, 3, 3)
    pool = max_pool.partial(size=2, stride=1)
    assert np.array_equal(pool(x)[0, 0], [[4, 5], [7, 8]])


@pytest.mark.parametrize(
    ("f", "x", "w", "message"),
    [
        (conv2d, (2, 3, 5, 5), (4, 2, 3, 3), "conv2d of an input"),
        (conv2d, (2, 5, 5), (4, 2, 3, 3), "conv2d of an input"),
        (conv2d, (2, 3, 2, 2), (4, 3, 3, 3), "larger than the image"),
        (max_pool, (2, 5, 5), (), "max_pool of an input"),
    ],
)
def test_images_of_the_wrong_shape_are_refused(f, x, w, message):
    with pytest.raises(ShapeError, match=message):
        f(np.zeros(x), np.zeros(w))


def test_flatten_keeps_the_samples_apart(rng):
    x = rng.normal(size=(2, 3, 4))
    assert np.array_equal(flatten(x), x.reshape(2, 12))
    assert flatten.vjp_x(x)(np.ones((2, 12))).shape == (2, 3, 4)


def test_dropout_is_a_function_of_its_random_array(rng):
    x, r = rng.normal(size=(5, 4)), rng.uniform(size=(5, 4))
    f = dropout.partial(rate=0.25)
    y = f(x, r)
    assert np.array_equal(y, np.where(r >= 0.25, x / 0.75, 0))
    assert np.array_equal(f(x, r), y)
    assert np.array_equal(f.vjp_x(x, r)(np.ones_like(x)), np.where(r >= 0.25, 1 / 0.75, 0))
    assert f(x, None) is x
    with pytest.raises(ArgumentError, match="rate=1"):
        dropout(x, r, rate=1)


@pytest.mark.parametrize("f", [dot, add, relu, sigmoid, tanh, softplus, gelu, softmax, log_softmax], ids=repr)
def test_layers_keep_single_precision(f):
    x = np.ones((3, 3), np.float32)
    w = {dot: x, add: x[0]}.get(f)
    assert f(x, w).dtype == np.float32
    assert f.vjp_x(x, w)(x).dtype == np.float32
