"""Functions of matrices and Sylvester's equation: the conformance suite, in double size and in tails of scale."""

import numpy as np
import pytest
import scipy.linalg

import pullback as pb
from pullback.core.errors import DTypeError, ShapeError
from pullback.primitives.matrix_functions import frechet, matrix_function, sylvester
from tests import oracles
from tests.conformance import check_rules


def _matrix(rng, *lead):
    return rng.normal(size=(*lead, 3, 3)) * 0.3 + 2 * np.eye(3)


@pytest.mark.parametrize("name", ["expm", "sqrtm"])
def test_functions_of_matrices_keep_every_rule(name, rng):
    options = {"rng": rng, "jvp_oracle": "differences", "lanes": "scale", "rtol": 1e-11, "function": name}
    check_rules(matrix_function, _matrix(rng), **options)
    check_rules(frechet, _matrix(rng), rng.normal(size=(3, 3)), **options)


def test_the_exponential_keeps_every_rule_in_complex_numbers_and_stacks(rng):
    z = _matrix(rng, 2) + 1j * rng.normal(size=(2, 3, 3))
    check_rules(matrix_function, z, rng=rng, lanes="scale", rtol=1e-11, function="expm")
    check_rules(frechet, _matrix(rng, 2), rng.normal(size=(3, 3)), rng=rng, jvp_oracle="differences", function="expm")


def test_sylvester_keeps_every_rule(rng):
    a, b, q = _matrix(rng), _matrix(rng)[:2, :2], rng.normal(size=(3, 2))
    check_rules(sylvester, a, b, q, rng=rng, jvp_oracle="differences", lanes="scale", rtol=1e-11)
    check_rules(sylvester, _matrix(rng, 2), b, q, rng=rng, jvp_oracle="differences", lanes="scale", rtol=1e-11)


def test_derivatives_do_not_depend_on_the_size_of_the_direction(rng):
    a, e = _matrix(rng), rng.normal(size=(3, 3))
    expected = scipy.linalg.expm_frechet(a, e, compute_expm=False)
    for size in (1e-200, 1e-8, 1.0, 1e8, 1e200):
        np.testing.assert_allclose(frechet(a, e * size, function="expm") / size, expected, rtol=1e-12)
    np.testing.assert_allclose(frechet(np.zeros((3, 3)), e, function="expm"), e, rtol=1e-15)


def test_third_derivatives_are_those_of_differences(rng):
    a, e = _matrix(rng), rng.normal(size=(3, 3))
    f = lambda t: np.sum(matrix_function(a + t * e, function="expm") ** 2)  # noqa: E731
    second = pb.grad(pb.grad(f))
    assert pb.grad(second)(0.1) == pytest.approx(float(oracles.directional(second, np.array(0.1), 1.0)), rel=1e-8)


def test_second_derivatives_of_the_logarithm_are_those_of_differences(rng):
    a, e = _matrix(rng), rng.normal(size=(3, 3))
    f = lambda t: np.sum(matrix_function(a + t * e, function="logm") ** 2)  # noqa: E731
    expected = oracles.directional(pb.grad(f), np.array(0.1), 1.0)
    assert pb.grad(pb.grad(f))(0.1) == pytest.approx(float(expected), rel=1e-8)


def test_what_has_no_real_result_is_refused():
    with pytest.raises(DTypeError, match="logm of a real matrix that has no real logm"):
        matrix_function(np.diag([-1.0, 2.0]), function="logm")
    with pytest.raises(ShapeError, match="square"):
        matrix_function(np.zeros((2, 3)), function="expm")
    with pytest.raises(ShapeError, match="solve_sylvester"):
        sylvester(np.eye(2), np.eye(3), np.eye(2))
