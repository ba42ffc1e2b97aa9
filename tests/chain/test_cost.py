"""The price of an order: the formula of the course, brute force over all orders, bytes by hand, the printed form."""

import itertools
import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pullback.chain import Chain, add, dot, softmax_cross_entropy
from pullback.chain.cost import ChainCost, LayerCost, best_order


def _cost(sizes):
    """Return the cost of a chain R^sizes[0] -> … -> R^sizes[-1]."""
    return ChainCost([LayerCost(f"f{k}", (b, a), None) for k, (a, b) in enumerate(itertools.pairwise(sizes))], 8)


@pytest.mark.parametrize(("n", "m", "d"), [(5, 3, 4), (1, 1, 1), (784, 128, 10), (7, 1, 9)])
def test_h_of_g2_of_g1_costs_what_the_formula_says(n, m, d):
    chain = Chain([lambda x, w: w @ x, lambda x, w: np.sin(w @ x), lambda x, w: np.sum(x)])
    cost = chain.cost(np.ones(n), [np.ones((m, n)), np.ones((d, m)), None])
    assert cost.from_loss == m * d + n * m
    assert cost.from_input == n * m * d + n * d
    assert cost.best == min(cost.from_loss, cost.from_input)
    assert [f.jacobian_x for f in cost.layers] == [(m, n), (d, m), (1, d)]
    assert [f.jacobian_w for f in cost.layers] == [(m, m * n), (d, d * m), None]
    assert all(type(int(p)) is int for p in (cost.from_loss, cost.from_input, cost.best))


def _every_order(i, j):
    if i == j:
        yield i
        return
    for k in range(i, j):
        for earlier in _every_order(i, k):
            for later in _every_order(k + 1, j):
                yield later, earlier


def _multiplications(order, shapes):
    """Return (multiplications, shape) of an order, by recursion."""
    if not isinstance(order, tuple):
        return 0, shapes[order]
    (a, (rows, inner)), (b, (_, columns)) = (_multiplications(part, shapes) for part in order)
    return a + b + rows * inner * columns, (rows, columns)


@given(st.lists(st.integers(1, 9), min_size=2, max_size=7))
@settings(max_examples=40)
def test_the_best_order_is_the_cheapest_of_all(sizes):
    cost = _cost(sizes)
    shapes = [f.jacobian_x for f in cost.layers]
    prices = [_multiplications(order, shapes)[0] for order in _every_order(0, len(shapes) - 1)]
    assert cost.best == min(prices)
    assert cost.best == _multiplications(cost.best.order, shapes)[0]
    assert cost.from_loss == _multiplications(cost.from_loss.order, shapes)[0]
    assert cost.from_input == _multiplications(cost.from_input.order, shapes)[0]


@given(st.lists(st.integers(2, 9), min_size=2, max_size=9))
@settings(max_examples=40)
def test_after_a_scalar_loss_the_best_order_is_from_the_loss_back(sizes):
    cost = _cost([*sizes, 1])
    assert cost.best == cost.from_loss == sum(math.prod(f.jacobian_x) for f in cost.layers[:-1])
    assert cost.best.order == cost.from_loss.order


def test_bytes_kept_are_those_of_the_worst_moment():
    n, m, d = 5, 3, 4
    cost = _cost([n, m, d, 1])
    # From the loss back: all three Jacobians, then (1, d)(d, m) beside them.
    assert cost.from_loss.bytes_kept == 8 * (m * n + d * m + d + m)
    # From the input on: (d, m)(m, n) beside its factors; the last Jacobian comes when they are gone.
    assert cost.from_input.bytes_kept == 8 * (m * n + d * m + d * n)


def test_forward_mode_keeps_little_in_a_deep_chain_and_reverse_mode_all():
    cost = _cost([10] * 100 + [1])
    assert cost.from_input.bytes_kept == 8 * 3 * 100
    assert cost.from_loss.bytes_kept == 8 * (99 * 100 + 10 + 10)


def test_a_single_number_in_the_middle_makes_the_best_order_neither_even_after_a_loss():
    cost = _cost([2, 100, 1, 50, 1])
    assert (cost.from_loss, cost.from_input, cost.best) == (350, 400, 252)
    assert cost.best.written == "(J4 J3) (J2 J1)"


def test_a_bottleneck_in_the_middle_makes_the_best_order_neither():
    cost = _cost([60, 4, 80, 6, 50])
    assert cost.best < min(cost.from_loss, cost.from_input)
    assert cost.best.written == "(J4 (J3 J2)) J1"


def test_a_deep_chain_needs_no_recursion():
    n = 150
    assert _cost([2] * n + [1]).from_loss == 2 * 2 * (n - 1)
    assert best_order([(1, 1)]) == 0


def test_a_chain_of_one_layer_costs_nothing():
    cost = _cost([3, 1])
    assert cost.from_loss == cost.from_input == cost.best == 0
    assert cost.from_loss.bytes_kept == 24
    assert cost.best.written == "J1"


def test_batches_and_dtypes_count(rng):
    chain = Chain([dot, add, softmax_cross_entropy])
    x, params = rng.normal(size=(7, 4)), [rng.normal(size=(4, 3)), np.zeros(3), np.zeros(7, int)]
    cost = chain.cost(x, params)
    assert [f.jacobian_x for f in cost.layers] == [(21, 28), (21, 21), (1, 21)]
    assert cost.layers[2].jacobian_w is None  # integer targets have no Jacobian
    single = chain.cost(x.astype(np.float32), [w.astype(np.float32) for w in params[:2]] + [params[2]])
    assert 2 * single.from_loss.bytes_kept == cost.from_loss.bytes_kept


@pytest.mark.parametrize("plain", [False, True])
def test_the_table_shows_shapes_prices_and_products(plain):
    text = _cost([60, 4, 80, 6, 50]).table(plain=plain)
    for shown in ("4 × 60", "52 000", "66 000", "15 120", "(J4 (J3 J2)) J1", "from the loss back", "from the input on"):
        assert shown in text
    assert str(_cost([60, 4, 80, 6, 50])) in (text, _cost([60, 4, 80, 6, 50]).table(plain=not plain))


def test_a_cost_is_short_in_the_interpreter_and_pickles():
    cost = _cost([5, 3, 4, 1])
    assert repr(cost) == "ChainCost(from_loss=27, from_input=80, best=27 as (J3 J2) J1)"
    again = pickle.loads(pickle.dumps(cost))
    assert again.from_loss == 27
    assert again.from_loss.bytes_kept == cost.from_loss.bytes_kept
