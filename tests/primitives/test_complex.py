"""Complex numbers: the conformance suite, and gradients by JAX's convention."""

import numpy as np
import pytest

from pullback.core.conventions import conventions
from pullback.primitives.arithmetic import mul
from pullback.primitives.complex import absolute, angle, complex_, conj, imag, real, sign
from pullback.primitives.exponential import sqrt
from tests.conformance import check_rules
from tests.primitives.derivatives import forward, reverse, slope

ALL = ("float32", "0-d", "empty", "non-contiguous")


@pytest.fixture
def z(rng):
    return rng.normal(size=(2, 3)) + 1j * rng.normal(size=(2, 3))


@pytest.mark.parametrize("primitive", [real, imag, conj, absolute, angle, sign], ids=str)
def test_parts_of_complex_numbers_keep_every_rule(primitive, z, rng):
    check_rules(primitive, z, rng=rng, variants=ALL)


@pytest.mark.parametrize("primitive", [real, imag, conj, absolute, angle, sign], ids=str)
def test_real_numbers_have_parts_too(primitive, rng):
    x = rng.uniform(0.5, 2, size=4) * [1, -1, 1, -1]
    check_rules(primitive, x, rng=rng, jvp_oracle="differences", variants=ALL)


@pytest.mark.parametrize("primitive", [real, imag, conj, absolute, angle, sign], ids=str)
def test_integers_have_parts_too(primitive, rng):
    check_rules(primitive, np.array([3, -2, 0]), rng=rng)


@pytest.mark.parametrize("shapes", [((2, 3), (2, 3)), ((2, 3), (3,)), ((), (3,)), ((), ())])
def test_a_complex_number_from_its_parts_keeps_every_rule(shapes, rng):
    re, im = (rng.normal(size=s) for s in shapes)
    check_rules(complex_, re, im, rng=rng, jvp_oracle="differences", variants=("float32", "non-contiguous"))
    check_rules(complex_, re, 2.0, rng=rng, jvp_oracle="differences", moving=(0,))
    check_rules(complex_, 2, im, rng=rng, jvp_oracle="differences", moving=(1,))


def test_infinite_parts_do_not_spoil_each_other():
    made = complex_(np.array([1.0, np.inf]), np.array([np.inf, -0.0]))
    np.testing.assert_array_equal(made.real, [1.0, np.inf])
    np.testing.assert_array_equal(made.imag, [np.inf, -0.0])


def test_gradients_of_real_functions_are_jaxs():
    z = np.complex128(1 + 2j)
    square_of_modulus = lambda z: real(mul(z, conj(z)))  # noqa: E731
    assert reverse(square_of_modulus)(z) == 2 - 4j
    np.testing.assert_allclose(reverse(absolute)(z), np.conj(z) / abs(z), rtol=1e-15)
    assert reverse(real)(z) == 1
    assert reverse(imag)(z) == -1j


def test_the_modulus_has_derivative_0_at_0_and_its_zero_is_strong():
    for zero in (np.float64(0.0), np.complex128(0.0)):
        assert slope(absolute, zero) == 0
        assert reverse(absolute)(zero) == 0
    assert reverse(lambda x: absolute(sqrt(x)))(np.float64(0.0)) == 0


@pytest.mark.parametrize("mode", [reverse, forward])
def test_the_modulus_may_have_derivative_1_at_0(mode):
    x = np.array([-2.0, 0.0, 3.0])
    np.testing.assert_array_equal(mode(absolute)(x), [-1, 0, 1])
    with conventions(abs="one"):
        np.testing.assert_array_equal(mode(absolute)(x), [-1, 1, 1])


def test_the_sign_of_a_complex_zero_does_not_move():
    assert slope(sign, np.complex128(0.0)) == 0


def test_the_argument_of_0_has_no_derivative():
    assert np.isnan(slope(angle, np.complex128(0.0)))


def test_single_precision_is_kept():
    z = np.ones(2, np.complex64)
    assert real(z).dtype == imag(z).dtype == absolute(z).dtype == angle(z).dtype == np.float32
    assert slope(absolute, z).dtype == np.float32
    assert complex_(np.ones(2, np.float32), 1.0).dtype == np.complex64
    assert complex_(np.ones(2, np.float32), np.ones(2)).dtype == np.complex128
