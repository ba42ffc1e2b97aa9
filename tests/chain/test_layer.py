"""Layer: the automatic derivative, the one by hand, the check of one against the other, one gradient a sample."""

import pickle

import numpy as np
import pytest

import pullback as pb
from pullback.chain import add, conv2d, dot, dropout, layer, relu, softmax_cross_entropy, squared_loss, tanh
from pullback.core.errors import ArgumentError, CustomRuleError, DerivativeError, TreeError
from tests import oracles


@layer
def affine(x, w):
    """A layer whose parameters are a tree."""
    return np.tanh(x @ w["w"] + w["b"])


@layer
def scaled(x, w, *, by=1.0):
    return x * w * by


def _affine(rng):
    return rng.normal(size=(5, 3)), {"w": rng.normal(size=(3, 2)), "b": rng.normal(size=2)}


def test_a_layer_that_is_called_is_its_function(rng):
    x, w = _affine(rng)
    assert np.array_equal(affine(x, w), np.tanh(x @ w["w"] + w["b"]))
    assert affine.__name__ == "affine"
    assert affine.__doc__ == "A layer whose parameters are a tree."


def test_the_vjp_is_the_transpose_of_the_jvp(rng):
    x, w = _affine(rng)
    vx, vw = rng.normal(size=x.shape), {k: rng.normal(size=v.shape) for k, v in w.items()}
    u = rng.normal(size=(5, 2))
    oracles.assert_transposes(
        lambda a, b, c: affine.jvp(x, w)(a, {"w": b, "b": c}),
        lambda u: (lambda ux, uw: (ux, uw["w"], uw["b"]))(*affine.make_vjp(x, w)(u)),
        (vx, vw["w"], vw["b"]),
        u,
    )


def test_the_jvp_agrees_with_the_complex_step(rng):
    x, w = _affine(rng)
    vx, vw = rng.normal(size=x.shape), {k: rng.normal(size=v.shape) for k, v in w.items()}
    expected = oracles.complex_step(
        lambda x, a, b: affine(x, {"w": a, "b": b}), (x, w["w"], w["b"]), (vx, vw["w"], vw["b"])
    )
    np.testing.assert_allclose(affine.jvp(x, w)(vx, vw), expected, rtol=1e-13, atol=1e-14)


def test_vjp_x_and_vjp_w_are_the_parts_of_the_vjp(rng):
    x, w = _affine(rng)
    u = rng.normal(size=(5, 2))
    ux, uw = affine.make_vjp(x, w)(u)
    assert np.array_equal(affine.vjp_x(x, w)(u), ux)
    found = affine.vjp_w(x, w)(u)
    assert all(np.array_equal(found[k], uw[k]) for k in w)


def test_none_stands_for_a_zero_tangent(rng):
    x, w = _affine(rng)
    vx = rng.normal(size=x.shape)
    zeros = {k: np.zeros_like(v) for k, v in w.items()}
    assert np.array_equal(affine.jvp(x, w)(vx), affine.jvp(x, w)(vx, zeros))
    assert np.array_equal(affine.jvp(x, w)(None, zeros), np.zeros((5, 2)))


def test_a_tangent_of_another_structure_is_refused(rng):
    x, w = _affine(rng)
    with pytest.raises(TreeError, match="tangents of structure"):
        affine.jvp(x, w)(x, [w["w"], w["b"]])


def test_a_layer_without_parameters_gives_none_for_them(rng):
    x = rng.normal(size=(2, 3))
    ux, uw = relu.make_vjp(x, None)(np.ones((2, 3)))
    assert uw is None
    assert np.array_equal(ux, (x > 0).astype(float))


def test_integer_parameters_have_no_gradient(rng):
    ux, uw = softmax_cross_entropy.make_vjp(rng.normal(size=(4, 3)), np.array([0, 1, 2, 0]))(1.0)
    assert ux.shape == (4, 3)
    assert uw is None


def test_integer_inputs_have_no_cotangent():
    embedding = layer(lambda i, w: w[i])
    ux, uw = embedding.make_vjp(np.array([1, 1, 0]), np.ones((3, 2)))(np.ones((3, 2)))
    assert ux is None
    assert np.array_equal(uw, [[1, 1], [2, 2], [0, 0]])


def test_a_layer_differentiates_under_grad_vmap_and_jit(rng):
    x, w = rng.normal(size=(4, 3)), rng.normal(size=(3, 2))
    gradient = dot.make_vjp(x, w)(np.ones((4, 2)))[1]
    assert np.array_equal(pb.grad(lambda w: np.sum(dot(x, w)))(w), gradient)
    np.testing.assert_allclose(pb.jit(lambda w: dot.make_vjp(x, w)(np.ones((4, 2)))[1])(w), gradient, rtol=1e-15)
    lanes = pb.vmap(lambda x: dot.make_vjp(x, w)(np.ones((1, 2)))[1])(x[:, None])
    np.testing.assert_allclose(np.sum(lanes, axis=0), gradient, rtol=1e-13)


def test_the_gradient_of_a_gradient_goes_through_a_vjp(rng):
    x, w, u = rng.normal(size=(2, 3)), rng.normal(size=(3, 2)), rng.normal(size=(2, 2))
    f = layer(lambda x, w: np.tanh(x @ w))
    hessian_row = pb.grad(lambda x: np.sum(f.vjp_x(x, w)(u)))(x)

    def slope(x):  # d/dt of the sum over x of u·tanh, by the complex step
        y = np.tanh(x @ w)
        return np.sum((u * (1 - y * y)) @ w.T)

    v = rng.normal(size=x.shape)
    np.testing.assert_allclose(np.sum(hessian_row * v), oracles.complex_step(slope, x, v), rtol=1e-12)


# By hand -----------------------------------------------------------------------------------------


def right(x, w):
    return lambda u: (u @ w.T, x.T @ u)


def test_a_rule_by_hand_is_used_and_passes_its_check(rng):
    x, w, u = rng.normal(size=(4, 3)), rng.normal(size=(3, 2)), rng.normal(size=(4, 2))
    calls = []

    def rule(x, w):
        calls.append("rule")
        return right(x, w)

    f = layer(lambda x, w: x @ w, make_vjp=rule)
    ux, uw = f.make_vjp(x, w)(u)
    assert calls == ["rule"]
    assert np.array_equal(ux, u @ w.T)
    assert np.array_equal(uw, x.T @ u)
    assert np.array_equal(f.vjp_x(x, w)(u), ux)
    assert np.array_equal(f.vjp_w(x, w)(u), uw)
    assert f.check(x, w) < 1e-14


def test_a_rule_may_be_assigned_and_taken_away(rng):
    x, w = rng.normal(size=(4, 3)), rng.normal(size=(3, 2))
    f = layer(lambda x, w: x @ w)
    f.make_vjp = lambda x, w: lambda u: ("by", "hand")
    with pytest.raises(CustomRuleError):
        f.make_vjp(x, w)(np.ones((4, 2)))
    f.make_vjp = None
    assert f.make_vjp(x, w)(np.ones((4, 2)))[0].shape == (4, 3)


def test_the_decorator_takes_the_rule_as_an_option(rng):
    @layer(make_vjp=right)
    def f(x, w):
        return x @ w

    assert f.check(rng.normal(size=(4, 3)), rng.normal(size=(3, 2))) < 1e-14


@pytest.mark.parametrize(
    ("rule", "part"),
    [
        (lambda x, w: lambda u: (u @ w.T, 2 * x.T @ u), "gradient of w"),
        (lambda x, w: lambda u: (-(u @ w.T), x.T @ u), "cotangent of x"),
        (lambda x, w: lambda u: (u @ w.T, None), "gradient of w"),
        (lambda x, w: lambda u: (u @ w.T * np.nan, x.T @ u), "cotangent of x"),
    ],
)
def test_the_check_says_which_part_is_off_and_by_how_much(rng, rule, part):
    f = layer(lambda x, w: x @ w, make_vjp=rule)
    with pytest.raises(DerivativeError, match=f"off in .*{part}.*: by .* of its norm"):
        f.check(rng.normal(size=(4, 3)), rng.normal(size=(3, 2)))


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (lambda x, w: lambda u: u @ w.T, "returned a ndarray"),
        (lambda x, w: lambda u: (u, u, u), "a tuple of 3"),
        (lambda x, w: lambda u: (u @ w.T, u), r"for w an array of shape \(4, 2\)"),
        (lambda x, w: lambda u: (u, x.T @ u), r"for x an array of shape \(4, 2\)"),
        (lambda x, w: (1, 2), "returned a tuple"),
    ],
)
def test_a_rule_that_gives_the_wrong_number_or_shapes_is_named_with_its_line(rng, rule, message):
    f = layer(lambda x, w: x @ w, make_vjp=rule)
    with pytest.raises(CustomRuleError, match=message) as raised:
        f.make_vjp(rng.normal(size=(4, 3)), rng.normal(size=(3, 2)))(np.ones((4, 2)))
    assert "test_layer.py:" in raised.value.where


def test_the_rule_of_a_layer_with_options_gets_them(rng):
    f = layer(lambda x, w, *, by=1.0: x * w * by, make_vjp=lambda x, w, *, by=1.0: lambda u: (u * w * by, u * x * by))
    assert f.partial(by=3.0).check(rng.normal(size=4), rng.normal(size=4)) < 1e-14


def test_a_layer_of_what_is_no_function_is_refused():
    with pytest.raises(ArgumentError, match="layer of int"):
        layer(3)


# One gradient a sample ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "x_shape", "w_shape"),
    [
        (dot, (6, 3), (3, 2)),
        (add, (6, 3), (3,)),
        (conv2d.partial(stride=2, padding=1), (6, 2, 5, 5), (4, 2, 3, 3)),
        (add, (6, 4, 5, 5), (4, 1, 1)),
    ],
)
def test_per_sample_gives_the_gradient_of_each_sample_alone(rng, f, x_shape, w_shape):
    x, w = rng.normal(size=x_shape), rng.normal(size=w_shape)
    u = rng.normal(size=f(x, w).shape)
    ux, uw = f.make_vjp(x, w, per_sample=True)(u)
    alone = [f.make_vjp(x[i : i + 1], w)(u[i : i + 1])[1] for i in range(6)]
    np.testing.assert_allclose(uw, np.stack(alone), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(ux, f.make_vjp(x, w)(u)[0], rtol=1e-12, atol=1e-13)
    assert np.array_equal(f.vjp_w(x, w, per_sample=True)(u), uw)


def test_per_sample_goes_through_a_tree_and_through_a_rule_by_hand(rng):
    x, w = _affine(rng)
    u = rng.normal(size=(5, 2))
    found = affine.vjp_w(x, w, per_sample=True)(u)
    assert {k: v.shape for k, v in found.items()} == {"w": (5, 3, 2), "b": (5, 2)}
    f = layer(lambda x, w: x @ w, make_vjp=right)
    np.testing.assert_allclose(
        f.vjp_w(x, w["w"], per_sample=True)(u), dot.vjp_w(x, w["w"], per_sample=True)(u), rtol=1e-13
    )


def test_data_in_place_of_parameters_has_one_row_a_sample_already(rng):
    x, y = rng.normal(size=(4, 2)), rng.normal(size=(4, 2))
    assert squared_loss.make_vjp(x, y, per_sample=True)(1.0)[1].shape == (4, 2)
    r = rng.uniform(size=(4, 2))
    assert dropout.make_vjp(x, r, per_sample=True)(np.ones((4, 2)))[1].shape == (4, 2)


# Pickle -------------------------------------------------------------------------------------------


def test_layers_pickle(rng):
    x, w = _affine(rng)
    assert pickle.loads(pickle.dumps(affine)) is affine
    again = pickle.loads(pickle.dumps([dot, conv2d.partial(stride=2), scaled.partial(by=2.0), layer(np.matmul)]))
    assert again[0] is dot
    assert again[1].options == {"stride": 2}
    assert again[2](3.0, 1.0) == 6.0
    assert np.array_equal(again[3](x, w["w"]), x @ w["w"])


def test_options_of_a_layer_are_shown_and_may_be_given_at_the_call():
    assert repr(scaled.partial(by=2.0)) == "scaled(by=2.0)"
    assert repr(tanh) == "tanh"
    assert scaled(3.0, 1.0, by=4.0) == 12.0
