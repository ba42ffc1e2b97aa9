"""Arithmetic: the conformance suite, and what strong products do at 0, infinity and NaN."""

import numpy as np
import pytest

from pullback.core.conventions import conventions
from pullback.primitives.arithmetic import add, div, mask, mul, neg, sdiv, smul, sub
from pullback.primitives.exponential import log, sqrt
from tests.conformance import check_rules
from tests.primitives.derivatives import forward, reverse, slope

ALL = ("float32", "0-d", "empty", "non-contiguous")
BINARY = [add, sub, mul, div, smul, sdiv]


@pytest.mark.parametrize("primitive", BINARY, ids=str)
def test_two_arrays_keep_every_rule(primitive, rng):
    a, b = rng.normal(size=(2, 3)), rng.uniform(0.5, 2, size=(2, 3))
    check_rules(primitive, a, b, rng=rng, variants=ALL)


@pytest.mark.parametrize("primitive", BINARY, ids=str)
@pytest.mark.parametrize("shapes", [((2, 3), (3,)), ((1,), (2, 3)), ((), (4,)), ((3, 1), (1, 2)), ((2, 1, 3), (4, 1))])
def test_broadcasting_keeps_every_rule(primitive, shapes, rng):
    a, b = (rng.uniform(0.5, 2, size=s) for s in shapes)
    check_rules(primitive, a, b, rng=rng)


@pytest.mark.parametrize("primitive", BINARY, ids=str)
def test_complex_and_real_together_keep_every_rule(primitive, rng):
    z = rng.uniform(0.5, 2, size=(2, 3)) + 1j * rng.normal(size=(2, 3))
    check_rules(primitive, z, rng.uniform(0.5, 2, size=3), rng=rng, variants=("float32", "0-d"))
    check_rules(primitive, rng.uniform(0.5, 2, size=3), z, rng=rng)


@pytest.mark.parametrize("primitive", BINARY, ids=str)
@pytest.mark.parametrize("other", [2, 2.5, np.float32(2.5), np.arange(1, 4)], ids=repr)
def test_what_does_not_move_may_be_of_any_dtype(primitive, other, rng):
    x = rng.uniform(0.5, 2, size=3)
    check_rules(primitive, x, other, rng=rng, moving=(0,))
    check_rules(primitive, other, x, rng=rng, moving=(1,))


@pytest.mark.parametrize("primitive", [add, sub, mul], ids=str)
def test_integers_keep_their_types(primitive, rng):
    check_rules(primitive, np.arange(3), np.arange(3) + 2, rng=rng)
    check_rules(primitive, np.arange(3, dtype=np.int8), 2, rng=rng)
    assert primitive(np.ones(2, np.float32), 2.0).dtype == np.float32


def test_booleans_add_and_multiply_as_in_numpy(rng):
    a, b = np.array([True, True, False]), np.array([True, False, False])
    check_rules(add, a, b, rng=rng)
    check_rules(mul, a, b, rng=rng)


def test_negation_keeps_every_rule(rng):
    check_rules(neg, rng.normal(size=(2, 3)), rng=rng, variants=ALL)
    check_rules(neg, rng.normal(size=3) + 1j, rng=rng)


def test_a_mask_keeps_every_rule(rng):
    check_rules(mask, np.array([True, False, True]), rng.normal(size=(2, 3)), rng=rng, variants=ALL)
    check_rules(mask, np.array([[True], [False]]), rng.normal(size=3) + 1j, rng=rng)
    check_rules(mask, np.bool_(True), rng.normal(size=3), rng=rng)


def test_one_operand_may_be_used_twice():
    x = np.array([3.0, -2.0])
    np.testing.assert_array_equal(reverse(lambda t: mul(t, t))(x), 2 * x)
    np.testing.assert_array_equal(reverse(lambda t: div(t, t))(x), np.zeros(2))
    np.testing.assert_array_equal(reverse(reverse(lambda t: mul(t, mul(t, t))))(x), 6 * x)


def test_strong_products_are_0_where_the_masked_factor_is_against_everything():
    zeros = np.array([0.0, -0.0, 0.0])
    np.testing.assert_array_equal(smul(zeros, np.array([np.inf, np.nan, 1.0])), np.zeros(3))
    np.testing.assert_array_equal(sdiv(zeros, np.array([0.0, np.nan, 1.0])), np.zeros(3))


def test_strong_products_hide_nothing_else():
    np.testing.assert_array_equal(
        smul(np.array([np.nan, 1.0, np.inf]), np.array([0.0, np.nan, 0.0])), np.full(3, np.nan)
    )
    np.testing.assert_array_equal(sdiv(np.array([np.nan, 1.0]), np.array([1.0, 0.0])), [np.nan, np.inf])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("f", [sqrt, log], ids=str)
def test_strong_zeros_may_be_switched_off(f):
    cut = lambda x: mask(np.array([False, True]), f(x))  # noqa: E731
    x = np.array([0.0, 4.0])
    np.testing.assert_array_equal(reverse(cut)(x)[:1], [0.0])
    with conventions(strong_zeros=False):
        np.testing.assert_array_equal(reverse(cut)(x)[:1], [np.nan])
    np.testing.assert_array_equal(forward(cut)(x)[:1], [0.0])


def test_a_quotient_has_an_accurate_derivative_where_squares_overflow():
    a, b = np.array([1e200, 1e-200]), np.array([1e200, 1e-200])
    np.testing.assert_allclose(slope(div, a, b, by=1), -1 / b, rtol=1e-15)
