"""Choice: the conformance suite, ties by every convention, NaN, and strong zeros for what is not chosen."""

import itertools

import numpy as np
import pytest

from pullback.core.conventions import conventions
from pullback.primitives.arithmetic import mul
from pullback.primitives.choice import clip, fmax, fmin, maximum, minimum, select, share
from pullback.primitives.comparison import greater, less_equal
from pullback.primitives.exponential import sqrt
from tests.conformance import check_rules
from tests.primitives.derivatives import forward, reverse, slope

ALL = ("float32", "0-d", "empty", "non-contiguous")
EXTREMA = [maximum, minimum, fmax, fmin]


@pytest.mark.parametrize("primitive", EXTREMA, ids=str)
def test_extrema_keep_every_rule(primitive, rng):
    a, b = rng.permutation(6).reshape(2, 3) / 2, np.array([0.6, 1.1, 1.7])
    check_rules(primitive, a, b, rng=rng, jvp_oracle="differences", variants=ALL)
    check_rules(primitive, a + 0.1, 1, rng=rng, jvp_oracle="differences", moving=(0,))


@pytest.mark.parametrize("primitive", EXTREMA, ids=str)
@pytest.mark.parametrize("ties", ["share", "first"])
def test_they_keep_them_at_ties_too_but_for_differences(primitive, ties, rng):
    with conventions(ties=ties):
        check_rules(primitive, np.array([0.0, 1.0, 2.0]), np.array([0.0, 2.0, 1.0]), rng=rng, jvp_oracle=None)


@pytest.mark.parametrize("primitive", EXTREMA, ids=str)
def test_ties_share_or_go_to_the_first(primitive):
    a = np.array([-np.inf, -1.0, 0.0, np.inf])
    assert [slope(primitive, a, a, by=by).tolist() for by in (0, 1)] == [[0.5] * 4, [0.5] * 4]
    with conventions(ties="first"):
        assert [slope(primitive, a, a, by=by).tolist() for by in (0, 1)] == [[1] * 4, [0] * 4]
    for mode in (reverse, forward):
        np.testing.assert_array_equal(mode(lambda x: primitive(x, mul(x, 1.0)))(np.zeros(2)), [1, 1])


@pytest.mark.parametrize("primitive", EXTREMA, ids=str)
def test_the_operand_that_loses_gets_a_strong_zero(primitive):
    wins = 1.0 if primitive in (maximum, fmax) else -1.0
    f = lambda x: primitive(mul(sqrt(x), 1.0), wins)  # noqa: E731
    assert reverse(f)(np.float64(0.0)) == 0
    assert reverse(reverse(f))(np.float64(0.0)) == 0


def test_a_nan_passes_extrema_and_its_derivative_is_no_silent_zero():
    nan = np.float64(np.nan)
    for primitive in (maximum, minimum):
        assert [slope(primitive, nan, 1.0, by=0), slope(primitive, np.float64(1.0), nan, by=1)] == [0.5, 0.5]


def test_fmax_and_fmin_owe_all_to_what_is_a_number():
    nan, one = np.float64(np.nan), np.float64(1.0)
    for primitive in (fmax, fmin):
        assert [slope(primitive, nan, one, by=by) for by in (0, 1)] == [0, 1]
        assert [slope(primitive, one, nan, by=by) for by in (0, 1)] == [1, 0]


@pytest.mark.parametrize(
    ("greatest", "ties", "loses"), list(itertools.product([True, False], ["share", "first"], [True, False]))
)
def test_shares_keep_every_rule_and_add_up_to_1(greatest, ties, loses, rng):
    a, b = np.array([[1.0, 2.0, 3.0], [np.nan, -1.0, np.inf]]), np.array([2.0, 2.0, np.inf])
    params = {"greatest": greatest, "ties": ties, "loses": loses}
    check_rules(share, a, b, rng=rng, variants=ALL, **params)
    check_rules(share, a.astype(np.float32), 2.0, rng=rng, **params)
    if ties == "share":
        np.testing.assert_array_equal(share(a, b, **params) + share(b, a, **params), np.ones((2, 3)))


def test_complex_numbers_are_ordered_as_in_numpy(rng):
    a, b = np.array([1 + 2j, 3 - 1j]), np.array([1 + 1j, 4 + 0j])
    check_rules(maximum, a, b, rng=rng, jvp_oracle=None)
    np.testing.assert_array_equal(slope(maximum, a, b), [1, 0])


@pytest.mark.parametrize("choice", ["inside", "half"])
def test_clip_keeps_every_rule(choice, rng):
    x = np.array([[-1.0, 0.3, 2.0], [0.5, 0.7, -0.2]])
    with conventions(clip=choice):
        check_rules(clip, x, 0.0, np.array([0.9, 1.0, 1.1]), rng=rng, jvp_oracle="differences", variants=ALL)
        check_rules(clip, x, np.zeros(3), 1, rng=rng, jvp_oracle="differences")
        check_rules(clip, np.arange(4), 1, 2, rng=rng)


@pytest.mark.parametrize("mode", [reverse, forward])
def test_the_bounds_of_clip_are_inside_or_shared(mode):
    x = np.array([-1.0, 0.0, 0.5, 1.0, 2.0])
    np.testing.assert_array_equal(mode(lambda t: clip(t, 0.0, 1.0))(x), [0, 1, 1, 1, 0])
    with conventions(clip="half"):
        np.testing.assert_array_equal(mode(lambda t: clip(t, 0.0, 1.0))(x), [0, 0.5, 1, 0.5, 0])
        np.testing.assert_array_equal(mode(lambda t: clip(0.0, t, 1.0))(x), [0, 0.5, 1, 0.5, 0])
    np.testing.assert_array_equal(mode(lambda t: clip(0.5, 0.0, t))(x), [1, 1, 0, 0, 0])


def test_clip_of_nan_is_nan_and_moves():
    assert slope(clip, np.float64(np.nan), 0.0, 1.0) == 1


def test_clip_with_its_bounds_crossed_is_the_upper_one():
    x = np.array([-1.0, 0.5, 3.0])
    np.testing.assert_array_equal(clip(x, 2.0, 1.0), np.clip(x, 2.0, 1.0))
    np.testing.assert_array_equal(slope(clip, x, 2.0, 1.0), np.zeros(3))


def test_select_keeps_every_rule(rng):
    c = np.array([True, False, True])
    check_rules(select, c, rng.normal(size=(2, 3)), rng.normal(size=3), rng=rng, variants=ALL)
    check_rules(select, np.bool_(False), rng.normal(size=3), 0.0, rng=rng, moving=(1,))
    check_rules(select, c, rng.normal(size=3) + 1j, rng.normal(size=3), rng=rng)
    check_rules(select, np.array([[1], [0]]), 2, np.arange(3), rng=rng)


@pytest.mark.parametrize("mode", [reverse, forward])
@pytest.mark.parametrize("flip", [False, True])
def test_what_is_not_chosen_gets_a_strong_zero(mode, flip):
    def f(x):
        if flip:
            return select(less_equal(x, 0.0), 0.0, sqrt(x))
        return select(greater(x, 0.0), sqrt(x), 0.0)

    np.testing.assert_array_equal(mode(f)(np.array([0.0, 4.0])), [0, 0.25])


def test_single_precision_is_kept():
    x = np.ones(2, np.float32)
    assert select(np.array([True, False]), x, 1.0).dtype == np.float32
    assert clip(x, 0, 0.5).dtype == np.float32
    for primitive in EXTREMA:
        assert primitive(x, 0.0).dtype == np.float32
        assert slope(primitive, x, 0.0).dtype == np.float32
