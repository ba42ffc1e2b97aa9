"""Fits of numbers seen at example lengths: exact, or none."""

from fractions import Fraction

import numpy as np
import pytest

from pullback.core.fitting import Examples

ONE = Examples([(67,), (130,), (259,), (512,), (1021,)])
TWO = Examples([(67, 1021), (1021, 67), (71, 67), (1021, 1019), (259, 512), (512, 130), (130, 259), (300, 700)])


@pytest.mark.parametrize("examples", [ONE, TWO])
def test_the_examples_determine_a_polynomial_with_two_to_spare(examples):
    assert examples.enough


@pytest.mark.parametrize("p", [lambda n: 7, lambda n: 3 * n - 2, lambda n: n * n + 1, lambda n: n * (n - 1) // 2])
def test_polynomials_are_found_and_continue(p):
    found = ONE.whole([p(n) for (n,) in ONE.points])
    assert [found((n,)) for n in (0, 1, 2, 99, 10**6)] == [p(n) for n in (0, 1, 2, 99, 10**6)]


def test_polynomials_of_two_lengths_are_found():
    found = TWO.whole([3 * a * b + a - 2 * b + 5 for a, b in TWO.points])
    assert found((10, 7)) == 3 * 70 + 10 - 14 + 5


@pytest.mark.parametrize("p", [lambda n: n**3, lambda n: n // 2, lambda n: min(n, 300), lambda n: n % 4])
def test_what_is_no_polynomial_is_not_found(p):
    assert ONE.whole([p(n) for (n,) in ONE.points]) is None


def test_too_few_examples_find_constants_only():
    few = Examples([(3,), (4,)])
    assert not few.enough
    assert few.whole([5, 5])((9,)) == 5
    assert few.whole([5, 6]) is None


def test_a_polynomial_has_no_value_where_it_is_not_whole():
    odd = Examples([(n,) for n in (67, 131, 259, 513, 1021)])
    half = odd.whole([n // 2 for (n,) in odd.points])
    assert half((9,)) == 4
    assert half((10,)) is None


@pytest.mark.parametrize(
    "form",
    [float, lambda n: 1 / n, lambda n: -2.5 / (n - 1), lambda n: n**0.5, lambda n: 1 / (20 * n), lambda n: 0.1 * n],
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_forms_are_found_to_the_last_bit(form, dtype):
    examples = Examples(ONE.points)
    examples.whole([n - 1 for (n,) in examples.points])  # as another number of the code has it
    examples.whole([n for (n,) in examples.points])
    found = examples.real([float(dtype(form(n))) for (n,) in examples.points], dtype)
    assert found((333,)) == float(dtype(form(333)))


@pytest.mark.parametrize("form", [lambda n: np.sin(n), lambda n: np.inf if n > 100 else 1.0, lambda n: 1 / (n % 7 + 1)])
def test_unknown_forms_are_not_found(form):
    assert ONE.real([float(form(n)) for (n,) in ONE.points]) is None


@pytest.mark.parametrize(
    "array",
    [lambda n: np.full((n, 3), 1 / (3 * n)), np.arange, lambda n: np.arange(n) * 0.5, lambda n: np.ones(n, bool),
     lambda n: np.arange(n)[::-1] + 0.0],
)  # fmt: skip
def test_arrays_of_one_number_or_of_equal_steps_are_found(array):
    found = ONE.array([array(n) for (n,) in ONE.points])
    made = found((77,))
    assert made.dtype == array(77).dtype
    np.testing.assert_array_equal(made, array(77))


@pytest.mark.parametrize("array", [np.eye, lambda n: np.arange(n) ** 2, lambda n: np.zeros((n, n % 2))])
def test_other_arrays_are_not_found(array):
    assert ONE.array([array(n) for (n,) in ONE.points]) is None


def test_fits_are_exact_fractions():
    assert ONE.whole([n * (n + 1) // 2 for (n,) in ONE.points])((3,)) == Fraction(6)
