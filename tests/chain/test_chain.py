"""Chain: evaluation and backprop, against differences, against grad, and its errors."""

import pickle

import numpy as np
import pytest

import pullback as pb
from pullback.chain import (
    Chain,
    Layer,
    add,
    add_bias,
    conv2d,
    dot,
    dropout,
    flatten,
    layer,
    max_pool,
    relu,
    softmax_cross_entropy,
    squared_loss,
    tanh,
)
from pullback.core.errors import ArgumentError, NonScalarOutput
from tests import oracles

MLP = Chain([dot, add, tanh, dot, add, softmax_cross_entropy])


def _mlp(rng, n=5):
    sizes = [(4, 6), (6,), None, (6, 3), (3,)]
    params = [s and rng.normal(size=s) for s in sizes]
    return rng.normal(size=(n, 4)), [*params, rng.integers(0, 3, n)]


def test_evaluate_composes_the_layers(rng):
    x, params = _mlp(rng)
    values = MLP.evaluate(x, params, return_all=True)
    assert len(values) == 7
    assert values[0] is x
    assert np.array_equal(values[3], np.tanh(x @ params[0] + params[1]))
    assert values[-1] == MLP.evaluate(x, params)


def test_backward_agrees_with_differences(rng):
    x, params = _mlp(rng)
    value, ux, grads = MLP.backward(x, params)
    assert value == MLP.evaluate(x, params)
    assert [None if g is None else g.shape for g in grads] == [(4, 6), (6,), None, (6, 3), (3,), None]
    places = [0, 1, 3, 4]
    vs = [rng.normal(size=params[i].shape) for i in places]
    vx = rng.normal(size=x.shape)

    def moved(x, *ws):
        full = list(params)
        for i, w in zip(places, ws, strict=True):
            full[i] = w
        return MLP.evaluate(x, full)

    expected = oracles.directional(moved, (x, *(params[i] for i in places)), (vx, *vs))
    found = np.sum(ux * vx) + sum(np.sum(grads[i] * v) for i, v in zip(places, vs, strict=True))
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_backward_agrees_with_grad_of_evaluate(rng):
    x, params = _mlp(rng)
    _, ux, grads = MLP.backward(x, params)
    gx, gw = pb.grad(lambda x, w: MLP.evaluate(x, [*w, params[-1]]), argnums=(0, 1))(x, params[:-1])
    for a, b in zip([ux, *grads[:2], *grads[3:5]], [gx, *gw[:2], *gw[3:]], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15)


def test_backward_runs_under_grad_jit_and_vmap(rng):
    x, params = _mlp(rng)
    _, ux, _ = MLP.backward(x, params)
    np.testing.assert_allclose(pb.jit(lambda x: MLP.backward(x, params)[1])(x), ux, rtol=1e-13, atol=1e-16)
    v = rng.normal(size=x.shape)
    found = pb.grad(lambda x: np.sum(MLP.backward(x, params)[1] * v))(x)
    expected = pb.hvp(lambda x: MLP.evaluate(x, params), (x,), (v,))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
    lanes = pb.vmap(lambda x: MLP.backward(x[None], [*params[:-1], np.array([1])])[1][0])(x)
    _, expected, _ = MLP.backward(x, [*params[:-1], np.ones(5, int)])
    np.testing.assert_allclose(lanes, 5 * expected, rtol=1e-12)


def test_per_sample_gradients_add_up_to_the_usual_ones(rng):
    x, params = _mlp(rng)
    value, ux, grads = MLP.backward(x, params)
    again, ux_again, each = MLP.backward(x, params, per_sample=True)
    assert again == value
    np.testing.assert_allclose(ux_again, ux, rtol=1e-13)
    for a, b in zip(each, grads, strict=True):
        if b is None:
            assert a is None
        else:
            assert a.shape == (5, *b.shape)
            np.testing.assert_allclose(a.sum(axis=0), b, rtol=1e-12, atol=1e-15)


def test_per_sample_leaves_the_entries_of_data_as_they_are(rng):
    chain = Chain([dot, dropout, squared_loss])
    x, r, y = rng.normal(size=(5, 2)), rng.uniform(size=(5, 3)), rng.normal(size=(5, 3))
    _, _, grads = chain.backward(x, [rng.normal(size=(2, 3)), r, y], per_sample=True)
    assert [g.shape for g in grads] == [(5, 2, 3), (5, 3), (5, 3)]


def test_a_convolutional_chain_trains_all_its_parameters(rng):
    chain = Chain([conv2d, add, relu, max_pool, flatten, dot, softmax_cross_entropy])
    x, y = rng.normal(size=(3, 1, 6, 6)), np.array([0, 1, 1])
    params = [rng.normal(size=(2, 1, 3, 3)), rng.normal(size=(2, 1, 1)), None, None, None, rng.normal(size=(8, 2)), y]
    _, _, grads = chain.backward(x, params)
    v = rng.normal(size=(2, 1, 3, 3))
    expected = oracles.directional(lambda w: chain.evaluate(x, [w, *params[1:]]), params[0], v)
    np.testing.assert_allclose(np.sum(grads[0] * v), expected, rtol=1e-8)


def test_a_layer_by_hand_is_used_on_the_way_back(rng):
    used = []
    by_hand = layer(lambda x, w: x @ w, make_vjp=lambda x, w: lambda u: (used.append(1) or u @ w.T, x.T @ u))
    chain = Chain([by_hand, squared_loss])
    x, w, y = rng.normal(size=(4, 3)), rng.normal(size=(3, 2)), rng.normal(size=(4, 2))
    _, ux, grads = chain.backward(x, [w, y])
    assert used == [1]
    _, expected, others = Chain([dot, squared_loss]).backward(x, [w, y])
    np.testing.assert_allclose(ux, expected, rtol=1e-14)
    np.testing.assert_allclose(grads[0], others[0], rtol=1e-14)


def test_what_is_kept_is_explicit(rng):
    x, params = _mlp(rng)
    _, kept = MLP.forward(x, params)
    assert [sum(r.nbytes for r in vjp.residuals) > 0 for vjp in kept] == [True, False, True, True, False, True]


def test_plain_functions_become_layers_and_a_slice_is_a_chain(rng):
    chain = Chain([lambda x, w: x * w, dot, squared_loss])
    assert all(isinstance(f, Layer) for f in chain)
    assert repr(chain[1:]) == "Chain([dot, squared_loss])"
    assert chain[1] is dot
    assert len(chain[:-1]) == 2


def test_a_chain_of_ready_layers_pickles(rng):
    x, params = _mlp(rng)
    again = pickle.loads(pickle.dumps(MLP))
    assert again.layers == MLP.layers
    assert again.evaluate(x, params) == MLP.evaluate(x, params)


def test_add_bias_is_add():
    assert add_bias is add


def test_single_precision_stays_single(rng):
    x, params = _mlp(rng)
    single = [None if w is None else w.astype(np.float32) if w.dtype.kind == "f" else w for w in params]
    value, ux, grads = MLP.backward(x.astype(np.float32), single)
    assert value.dtype == ux.dtype == grads[0].dtype == np.float32


# Errors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["evaluate", "backward", "cost"])
def test_one_entry_a_layer_is_asked_for(rng, method):
    x, params = _mlp(rng)
    with pytest.raises(ArgumentError, match="6 layers with 5 entries") as raised:
        getattr(MLP, method)(x, params[:-1])
    assert "w_dot, w_add, w_tanh" in raised.value.fix


def test_parameters_that_are_no_list_are_refused(rng):
    with pytest.raises(ArgumentError, match="given as a dict"):
        MLP.evaluate(np.zeros((1, 4)), {})


def test_backward_needs_a_scalar_at_the_end(rng):
    x, params = _mlp(rng)
    with pytest.raises(NonScalarOutput, match=r"float64\[5,3\]"):
        MLP[:-1].backward(x, params[:-1])


def test_an_error_inside_names_the_layer_that_it_arose_in(rng):
    x, params = _mlp(rng)
    params[3] = np.ones((5, 3))
    for method in (MLP.evaluate, MLP.backward):
        with pytest.raises(ValueError, match=r"6.*5") as raised:
            method(x, params)
        assert "in layer 3 of the chain, dot, with x: float64[5,6], w: float64[5,3]" in raised.value.__notes__[0]


def test_a_chain_of_no_layers_is_refused():
    with pytest.raises(ArgumentError, match="no layers"):
        Chain([])
