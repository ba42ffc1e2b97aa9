"""Reductions: the conformance suite, empty axes, ties by every convention, products with zeros in them."""

import numpy as np
import pytest

from pullback.core.conventions import conventions
from pullback.core.errors import ShapeError
from pullback.core.primitive import infer_types
from pullback.core.types import type_of
from pullback.primitives.arithmetic import mul
from pullback.primitives.exponential import sqrt
from pullback.primitives.reductions import all_, any_, argmax, argmin, max_, min_, prod, sum_
from tests import oracles
from tests.conformance import check_rules
from tests.primitives.gradients import gradient, tangent

CASES = [
    pytest.param((3,), (0,), id="vector to scalar"),
    pytest.param((2, 3, 4), (0, 2), id="outer axes"),
    pytest.param((2, 3, 4), (1,), id="inner axis"),
    pytest.param((2, 3), (), id="no axes"),
    pytest.param((2, 3), (0, 1), id="all axes"),
    pytest.param((1, 3), (0,), id="axis of one"),
    pytest.param((), (), id="0-d"),
]
EMPTY = [pytest.param((2, 0, 3), (1,), id="empty axis"), pytest.param((0, 2), (1,), id="empty result")]


@pytest.mark.parametrize(("shape", "axes"), CASES + EMPTY)
@pytest.mark.parametrize("primitive", [sum_, prod], ids=str)
def test_sums_and_products_keep_every_rule(primitive, shape, axes, rng):
    check_rules(primitive, rng.normal(size=shape), rng=rng, axes=axes, variants=("float32", "non-contiguous"))


@pytest.mark.parametrize("primitive", [sum_, prod], ids=str)
def test_they_keep_every_rule_for_complex_numbers(primitive, rng):
    z = rng.normal(size=(2, 3)) + 1j * rng.normal(size=(2, 3))
    check_rules(primitive, z, rng=rng, axes=(1,))


@pytest.mark.parametrize(("shape", "axes"), CASES)
@pytest.mark.parametrize("primitive", [max_, min_], ids=str)
@pytest.mark.parametrize("ties", ["share", "first"])
def test_extrema_keep_every_rule(primitive, shape, axes, ties, rng):
    with conventions(ties=ties):
        check_rules(primitive, rng.normal(size=shape), rng=rng, axes=axes, jvp_oracle="differences")


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int32, np.uint8, np.int64, np.float16, np.float32])
def test_they_widen_as_numpy_does(dtype):
    x = np.array([[1, 0], [1, 1]], dtype)
    for primitive, function in [(sum_, np.sum), (prod, np.prod), (max_, np.max), (min_, np.min)]:
        expected = function(x, axis=1)
        assert primitive(x, axes=(1,)).dtype == expected.dtype
        assert infer_types(primitive, (type_of(x),), {"axes": (1,)}) == (type_of(expected),)
        np.testing.assert_array_equal(primitive(x, axes=(1,)), expected)


@pytest.mark.parametrize("primitive", [argmax, argmin, any_, all_], ids=str)
def test_places_and_truths_keep_every_rule(primitive, rng):
    x = rng.integers(0, 3, size=(3, 4))
    check_rules(primitive, x, rng=rng, **({"axis": 1} if primitive in (argmax, argmin) else {"axes": (1,)}))


def test_the_extremum_of_nothing_is_an_error():
    for primitive, params in [(max_, {"axes": (0,)}), (argmax, {"axis": 0}), (argmin, {"axis": 0})]:
        with pytest.raises(ValueError, match=r"empty|zero-size"):
            primitive(np.zeros((0, 2)), **params)
        with pytest.raises(ShapeError, match=r"empty|zero-size"):
            infer_types(primitive, (type_of(np.zeros((0, 2))),), params)
    assert max_(np.zeros((0, 2)), axes=(1,)).shape == (0,)


@pytest.mark.parametrize("primitive", [max_, min_], ids=str)
def test_ties_share_equally_or_go_to_the_first(primitive):
    x = np.array([[1.0, 1.0], [2.0, 1.0]]) * (1 if primitive is min_ else -1)
    f = lambda x: primitive(x, axes=(0, 1))  # noqa: E731
    np.testing.assert_allclose(gradient(f)(x), [[1 / 3, 1 / 3], [0, 1 / 3]], rtol=1e-15)
    assert tangent(f, x, np.array([[1.0, 2.0], [8.0, 3.0]])) == 2
    with conventions(ties="first"):
        np.testing.assert_array_equal(gradient(f)(x), [[1, 0], [0, 0]])


def test_elements_below_the_maximum_get_strong_zeros():
    f = lambda x: max_(sqrt(x), axes=(0,))  # noqa: E731
    np.testing.assert_array_equal(gradient(f)(np.array([0.0, 4.0])), [0, 0.25])
    second = gradient(lambda x: sum_(gradient(f)(x), axes=(0,)))(np.array([0.0, 4.0]))
    np.testing.assert_allclose(second, [0, -1 / 32], rtol=1e-15)


def test_the_derivative_by_a_nan_is_no_silent_zero():
    assert not np.isfinite(gradient(lambda x: max_(x, axes=(0,)))(np.array([1.0, np.nan]))).any()


@pytest.mark.parametrize("zeros", [[], [1], [0, 3], [0, 1, 2]])
def test_a_product_with_zeros_is_right_to_third_order(zeros, rng):
    x = rng.normal(size=4)
    x[zeros] = 0
    f = lambda x: prod(x, axes=(0,))  # noqa: E731
    without = lambda *out: np.prod(np.delete(x, out)) if len({*out}) == len(out) else 0.0  # noqa: E731
    np.testing.assert_allclose(gradient(f)(x), [without(i) for i in range(4)], rtol=1e-14)
    for i in range(4):
        at = lambda g, i=i: lambda x: sum_(mul(g(x), np.eye(4)[i]), axes=(0,))  # noqa: E731
        second = gradient(at(gradient(f)))
        np.testing.assert_allclose(second(x), [without(i, j) for j in range(4)], rtol=1e-14, atol=0)
        third = gradient(lambda x, second=second: sum_(mul(second(x), np.eye(4)[2]), axes=(0,)))
        expected = [without(i, 2, j) for j in range(4)]
        np.testing.assert_allclose(third(x), expected, rtol=1e-13)


def test_the_hessian_of_a_maximum_of_products_agrees_with_differences(rng):
    x = rng.normal(size=(2, 3))
    f = lambda x: max_(prod(x, axes=(1,)), axes=(0,))  # noqa: E731
    expected = oracles.hessian_by_differences(lambda x: np.max(np.prod(x, 1)), x)
    for i in np.ndindex(2, 3):
        one = np.zeros((2, 3))
        one[i] = 1
        row = gradient(lambda x, one=one: sum_(mul(gradient(f)(x), one), axes=(0, 1)))(x)
        np.testing.assert_allclose(row, expected[i], atol=1e-8)
