"""Comparisons, rounding, remainders: the conformance suite, and derivatives where there are any."""

import numpy as np
import pytest

from pullback.core.conventions import conventions
from pullback.core.primitive import primitives
from pullback.primitives.comparison import (
    Discrete,
    bitwise_and,
    bitwise_count,
    bitwise_or,
    bitwise_xor,
    equal,
    greater,
    greater_equal,
    invert,
    isfinite,
    isinf,
    isnan,
    left_shift,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    not_equal,
    right_shift,
    signbit,
)
from pullback.primitives.discrete import (
    ceil,
    copysign,
    exponent,
    floor,
    floor_divide,
    fmod,
    gcd,
    heaviside,
    lcm,
    ldexp,
    remainder,
    rint,
    spacing,
    trunc,
)
from pullback.primitives.exponential import sqrt
from tests.conformance import check_rules
from tests.primitives.derivatives import reverse, slope

ALL = ("float32", "0-d", "empty", "non-contiguous")
PAIRS = [equal, not_equal, less, less_equal, greater, greater_equal, logical_and, logical_or, logical_xor]
SINGLE = [logical_not, isnan, isinf, isfinite, signbit, floor, ceil, trunc, rint, spacing, exponent]
INTEGER_PAIRS = [bitwise_and, bitwise_or, bitwise_xor, left_shift, right_shift, gcd, lcm, floor_divide, remainder, fmod]


@pytest.mark.parametrize("primitive", [*PAIRS, floor_divide], ids=str)
def test_pairs_of_floats_keep_every_rule(primitive, rng):
    a, b = rng.integers(1, 4, size=(2, 3)) / 2, rng.integers(1, 4, size=3) / 2
    check_rules(primitive, a, b, rng=rng, variants=ALL)


@pytest.mark.parametrize("primitive", [*PAIRS, *INTEGER_PAIRS], ids=str)
def test_pairs_of_integers_keep_every_rule(primitive, rng):
    a, b = rng.integers(0, 20, size=(2, 3)), rng.integers(1, 5, size=3)
    check_rules(primitive, a, b, rng=rng, variants=("0-d", "empty", "non-contiguous"))
    check_rules(primitive, a.astype(np.int8), 3, rng=rng)


@pytest.mark.parametrize("primitive", [*SINGLE], ids=str)
def test_functions_of_one_float_keep_every_rule(primitive, rng):
    check_rules(primitive, rng.normal(size=(2, 3)) * 3, rng=rng, variants=ALL)
    check_rules(primitive, np.array([0.0, np.inf, -1.0, 2.5]), rng=rng)


@pytest.mark.parametrize("primitive", [invert, bitwise_count], ids=str)
def test_functions_of_one_integer_keep_every_rule(primitive, rng):
    check_rules(primitive, rng.integers(0, 20, size=(2, 3)), rng=rng)


def test_what_is_discrete_never_moves():
    for primitive in (p for p in primitives.values() if isinstance(p, Discrete)):
        assert not primitive.smooth
    np.testing.assert_array_equal(reverse(floor)(np.array([0.5, 1.0])), np.zeros(2))


@pytest.mark.parametrize("primitive", [remainder, fmod], ids=str)
@pytest.mark.parametrize("signs", [(1, 1), (-1, 1), (1, -1), (-1, -1)])
def test_remainders_keep_every_rule(primitive, signs, rng):
    a, b = signs[0] * np.array([[5.3, 0.4, 7.7], [2.2, 9.1, 3.3]]), signs[1] * np.array([2.0, 1.5, 3.0])
    check_rules(primitive, a, b, rng=rng, jvp_oracle="differences", variants=ALL if signs == (1, 1) else ())


def test_remainders_are_not_off_by_one_turn_where_the_quotient_rounds_up():
    # 5 / 0.1 rounds to 50, and fmod(5, 0.1) is just below 0.1: the whole quotient is 49.
    a, b = np.float64(5.0), np.float64(0.1)
    assert slope(fmod, a, b, by=1) == -49
    assert slope(remainder, a, b, by=1) == -49
    assert slope(fmod, a, b, by=0) == slope(remainder, a, b, by=0) == 1


def test_a_copied_sign_keeps_every_rule(rng):
    a, b = rng.uniform(0.5, 2, size=(2, 3)) * [1, -1, 1], np.array([-1.0, -2.0, 3.0])
    check_rules(copysign, a, b, rng=rng, jvp_oracle="differences", variants=ALL)


def test_a_copied_sign_at_0_goes_by_the_convention_of_the_modulus():
    assert slope(copysign, np.float64(0.0), -1.0) == 0
    with conventions(abs="one"):
        assert slope(copysign, np.float64(0.0), -1.0) == -1


def test_a_step_keeps_every_rule(rng):
    x = np.array([[-1.0, 1.0, 2.0], [0.5, -0.5, 3.0]])
    check_rules(heaviside, x, rng.normal(size=3), rng=rng, jvp_oracle="differences", variants=ALL)
    check_rules(heaviside, np.zeros(3), rng.normal(size=3), rng=rng, jvp_oracle="differences", moving=(1,))


def test_what_a_step_does_not_take_gets_a_strong_zero():
    f = lambda h: heaviside(np.array([-1.0, 0.0]), sqrt(h))  # noqa: E731
    np.testing.assert_array_equal(reverse(f)(np.array([0.0, 4.0])), [0.0, 0.25])


def test_scaling_by_powers_of_two_keeps_every_rule(rng):
    check_rules(ldexp, rng.normal(size=(2, 3)), np.array([1, -2, 3]), rng=rng, jvp_oracle="differences", variants=ALL)


def test_the_exponent_is_that_of_frexp():
    x = np.array([0.0, 1.0, 0.3, -5.0, 1e300])
    np.testing.assert_array_equal(exponent(x), np.frexp(x)[1])
