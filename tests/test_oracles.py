"""The oracles against closed forms, and against mistakes that they must refuse."""

import ast
from pathlib import Path

import mpmath
import numpy as np
import pytest

from tests import oracles


def test_the_oracles_import_nothing_of_pullback():
    tree = ast.parse(Path(oracles.__file__).read_text(encoding="utf-8"))
    modules = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
    modules |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert modules == {"math", "mpmath", "numpy"}


class TestComplexStep:
    def test_it_gives_cos_for_sin_to_the_last_digit(self, rng):
        x, v = rng.normal(size=(2, 3, 4))
        # 2 ulp for numpy's complex sin and the product with v, each.
        np.testing.assert_allclose(oracles.complex_step(np.sin, x, v), np.cos(x) * v, rtol=1e-15)

    def test_it_takes_functions_of_several_arrays_with_several_results(self, rng):
        x, y, v, w = rng.normal(size=(4, 5))
        product, total = oracles.complex_step(lambda a, b: (a * b, a + 2 * b), (x, y), (v, w))
        np.testing.assert_allclose(product, v * y + x * w, rtol=1e-14)
        np.testing.assert_allclose(total, v + 2 * w, rtol=1e-15)

    def test_it_keeps_tiny_derivatives(self):
        x = np.array([20.0])
        step = oracles.complex_step(lambda z: 1 / np.cosh(z), x, np.ones(1))
        np.testing.assert_allclose(step, -np.sinh(x) / np.cosh(x) ** 2, rtol=1e-14)

    def test_it_refuses_complex_points(self):
        with pytest.raises(AssertionError, match="real x and v"):
            oracles.complex_step(np.sin, np.ones(2, complex), np.ones(2))


class TestDifferences:
    @pytest.mark.parametrize(
        ("oracle", "rtol"),
        [(oracles.central_difference, 1e-9), (oracles.richardson, 1e-11), (oracles.directional, 1e-11)],
    )
    @pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8], ids="v times {}".format)
    def test_they_give_the_derivative_of_sin_whatever_the_length_of_v(self, oracle, rtol, scale, rng):
        x = rng.uniform(-1, 1, size=6)
        v = scale * rng.uniform(0.5, 1, size=6)
        np.testing.assert_allclose(oracle(np.sin, x, v), np.cos(x) * v, rtol=rtol)

    def test_they_give_float32_for_float32_with_a_step_to_match(self, rng):
        x = rng.uniform(-1, 1, size=6).astype(np.float32)
        derivative = oracles.directional(np.sin, x, np.ones_like(x))
        assert derivative.dtype == np.float32
        # eps^(4/5) = 3e-6 for single precision, and a constant below 10.
        np.testing.assert_allclose(derivative, np.cos(x), rtol=3e-5)

    def test_they_move_complex_points_along_complex_directions(self, rng):
        z, v = rng.normal(size=(2, 4)) + 1j * rng.normal(size=(2, 4))
        np.testing.assert_allclose(oracles.directional(lambda z: z**3, z, v), 3 * z**2 * v, rtol=1e-10)
        modulus = oracles.directional(lambda z: np.abs(z) ** 2, z, v)
        np.testing.assert_allclose(modulus, 2 * (np.conj(z) * v).real, rtol=1e-10, atol=1e-11)

    def test_they_take_tuples_and_0d_and_integers(self):
        assert oracles.directional(lambda a, b: a * b, (3, 4.0), (1, 0.5)) == pytest.approx(4 + 1.5, rel=1e-11)
        (only,) = oracles.central_difference(lambda a: (a * a,), np.array(3.0), 1.0)
        assert only == pytest.approx(6.0, rel=1e-9)

    def test_they_take_empty_arrays(self):
        assert oracles.directional(np.sin, np.zeros((0, 3)), np.zeros((0, 3))).shape == (0, 3)


class TestJacobianAndHessian:
    def test_the_jacobian_of_a_product_with_a_matrix_is_the_matrix(self, rng):
        A, x = rng.normal(size=(3, 4)), rng.normal(size=4)
        np.testing.assert_allclose(oracles.jacobian_by_differences(lambda x: A @ x, x), A, rtol=1e-10, atol=1e-11)

    def test_the_axes_of_the_result_come_before_those_of_the_argument(self, rng):
        x = rng.normal(size=(2, 3))
        jacobian = oracles.jacobian_by_differences(lambda x: x.T, x)
        np.testing.assert_allclose(jacobian, np.eye(6).reshape(2, 3, 2, 3).swapaxes(0, 1), atol=1e-11)

    def test_the_hessian_of_a_cubic_form(self, rng):
        x = rng.uniform(0.5, 1, size=3)
        expected = np.array([[0, 0, 2 * x[2]], [0, 6 * x[1], 0], [2 * x[2], 0, 2 * x[0]]])
        hessian = oracles.hessian_by_differences(lambda x: x[0] * x[2] ** 2 + x[1] ** 3, x)
        np.testing.assert_allclose(hessian, expected, rtol=1e-8, atol=1e-9)

    def test_the_hessian_of_an_array_has_the_axes_of_the_result_first(self):
        hessian = oracles.hessian_by_differences(lambda x: x**2, np.array([1.0, 2.0]))
        expected = np.zeros((2, 2, 2))
        expected[0, 0, 0] = expected[1, 1, 1] = 2
        np.testing.assert_allclose(hessian, expected, atol=1e-9)

    def test_those_of_empty_and_0d_arguments(self):
        assert oracles.jacobian_by_differences(np.sin, np.zeros((0, 2))).shape == (0, 2, 0, 2)
        assert oracles.hessian_by_differences(np.sum, np.zeros(0)).shape == (0, 0)
        assert oracles.jacobian_by_differences(np.sin, np.array(0.0)) == pytest.approx(1.0, rel=1e-11)
        assert oracles.hessian_by_differences(np.exp, np.array(0.0)) == pytest.approx(1.0, rel=1e-8)


class TestMpmath:
    def test_the_derivative_of_sin_is_cos_in_every_digit(self):
        x = np.array([[-2.0, 0.0], [0.5, 3e5]])
        derivative = oracles.mp_derivative(mpmath.sin, x)
        assert derivative.shape == x.shape
        with mpmath.workdps(40):
            for d, point in zip(derivative.flat, x.flat, strict=True):
                assert abs(d - mpmath.cos(mpmath.mpf(float(point)))) < mpmath.mpf(10) ** -35

    @pytest.mark.parametrize("x", [20.0, 300.0])
    def test_a_derivative_far_below_the_function_is_found_without_naming_the_digits(self, x):
        (derivative,) = oracles.mp_derivative(mpmath.tanh, np.array([x]))
        with mpmath.workdps(40):
            expected = mpmath.sech(mpmath.mpf(x)) ** 2
            assert abs(derivative - expected) < mpmath.mpf(10) ** -25 * expected

    def test_a_derivative_that_is_zero_is_exactly_zero(self):
        derivative = oracles.mp_derivative(lambda x: x**3, np.array([0.0, 1.0]))
        assert derivative[0] == 0
        assert derivative[1] == 3
        assert oracles.mp_derivative(mpmath.cos, np.array(0.0))[()] == 0

    def test_second_derivatives(self):
        (second,) = oracles.mp_derivative(mpmath.exp, [1.0], n=2)
        oracles.assert_ulp(np.array([np.e]), [second], 1)


class TestUlps:
    def test_correctly_rounded_is_within_half_an_ulp(self):
        with mpmath.workdps(50):
            expected = [mpmath.exp(k) for k in (-700, -1, 0, 1, 700)]
        oracles.assert_ulp(np.array([float(e) for e in expected]), expected, 0.5)
        oracles.assert_ulp(np.array([float(e) for e in expected[1:4]], np.float32), expected[1:4], 0.5)

    def test_the_textbook_derivative_of_tanh_is_refused_and_sech_squared_is_not(self):
        x = np.array([-20.0, -1.0, 0.0, 1e-300, 0.5, 3.0, 20.0])
        expected = oracles.mp_derivative(mpmath.tanh, x)
        oracles.assert_ulp(np.cosh(x) ** -2.0, expected, 4)
        with pytest.raises(AssertionError, match=r"ulp off, where 4 are allowed, at index \(0,\)"):
            oracles.assert_ulp((1 - np.tanh(x) ** 2)[:1], expected[:1], 4)

    def test_one_ulp_counts_as_one(self):
        one_off = np.array([np.nextafter(1.5, 2)])
        oracles.assert_ulp(one_off, [1.5], 1)
        with pytest.raises(AssertionError, match="1 ulp off"):
            oracles.assert_ulp(one_off, [1.5], 0.9)

    def test_a_subnormal_is_measured_in_its_own_spacing(self):
        oracles.assert_ulp(np.array([1e-310]), [mpmath.mpf("1e-310")], 0.5)
        oracles.assert_ulp(np.array([0.0]), [mpmath.mpf("1e-330")], 0.5)
        with pytest.raises(AssertionError, match="ulp off"):
            oracles.assert_ulp(np.array([0.0]), [mpmath.mpf("1e-310")], 1e6)

    def test_nan_and_infinity_equal_only_themselves_and_what_overflows(self):
        oracles.assert_ulp(
            np.array([np.nan, np.inf, -np.inf, np.inf]), [np.nan, np.inf, -np.inf, mpmath.mpf("1e400")], 0
        )
        for actual, expected in [(np.nan, 1.0), (1.0, np.nan), (np.inf, 1e308), (1e308, np.inf), (np.inf, -np.inf)]:
            with pytest.raises(AssertionError, match="inf ulp off"):
                oracles.assert_ulp(np.array([actual]), [expected], 1e300)

    def test_complex_numbers_are_measured_at_their_modulus(self):
        oracles.assert_ulp(np.array([1 + 1e-20j]), [mpmath.mpc(1, 0)], 1)
        with pytest.raises(AssertionError, match="ulp off"):
            oracles.assert_ulp(np.array([1 + 1e-10j]), [mpmath.mpc(1, 0)], 1)

    def test_shapes_must_agree_and_integers_are_refused(self):
        with pytest.raises(AssertionError, match="shape"):
            oracles.assert_ulp(np.ones(2), [1.0], 1)
        with pytest.raises(AssertionError, match="for floats"):
            oracles.assert_ulp(np.ones(1, int), [1.0], 1)


class TestTransposes:
    def test_a_matrix_and_its_transpose_pass(self, rng):
        A = rng.normal(size=(3, 4))
        oracles.assert_transposes(lambda v: A @ v, lambda u: A.T @ u, rng.normal(size=4), rng.normal(size=3))

    def test_a_matrix_that_is_not_the_transpose_fails(self, rng):
        A = rng.normal(size=(4, 4))
        with pytest.raises(AssertionError, match="they differ by"):
            oracles.assert_transposes(lambda v: A @ v, lambda u: A @ u, rng.normal(size=4), rng.normal(size=4))

    def test_one_wrong_entry_in_a_million_fails(self, rng):
        v, u = rng.normal(size=(2, 1_000_000))
        wrong = np.ones(1_000_000)
        wrong[123] += 1e-6
        with pytest.raises(AssertionError, match="they differ by"):
            oracles.assert_transposes(lambda v: v, lambda u: wrong * u, v, u)

    def test_several_operands_and_results(self, rng):
        v, u = tuple(rng.normal(size=(2, 3))), tuple(rng.normal(size=(2, 3)))
        oracles.assert_transposes(lambda a, b: (a + 2 * b, b), lambda u: (u[0], 2 * u[0] + u[1]), v, u)

    def test_none_is_a_zero(self, rng):
        v = tuple(rng.normal(size=(2, 3)))
        oracles.assert_transposes(lambda a, b: 2 * b, lambda u: (None, 2 * u), v, rng.normal(size=3))
        with pytest.raises(AssertionError, match="they differ by"):
            oracles.assert_transposes(lambda a, b: 2 * b, lambda u: (None, None), v, rng.normal(size=3))

    @pytest.mark.parametrize("conjugate", [False, True], ids=["transpose", "adjoint"])
    def test_a_complex_factor_is_conjugated_in_the_adjoint_only(self, conjugate, rng):
        c = 1 + 2j
        v, u = rng.normal(size=(2, 3)) + 1j * rng.normal(size=(2, 3))
        right, wrong = (np.conj(c), c) if conjugate else (c, np.conj(c))
        oracles.assert_transposes(lambda v: c * v, lambda u: right * u, v, u, conjugate=conjugate)
        with pytest.raises(AssertionError, match="they differ by"):
            oracles.assert_transposes(lambda v: c * v, lambda u: wrong * u, v, u, conjugate=conjugate)

    def test_maps_that_are_linear_over_the_reals_only(self, rng):
        v, u = rng.normal(size=(2, 3)) + 1j * rng.normal(size=(2, 3))
        oracles.assert_transposes(np.conj, np.conj, v, u)
        oracles.assert_transposes(np.real, lambda u: u + 0j, v, u.real)
        oracles.assert_transposes(np.imag, lambda u: -1j * u, v, u.real)

    def test_a_wrong_shape_or_number_is_named(self, rng):
        v, u = rng.normal(size=(2, 3))
        with pytest.raises(AssertionError, match=r"cotangent 0: \(3, 1\) for an operand \(3,\)"):
            oracles.assert_transposes(lambda v: v, lambda u: u[:, None], v, u)
        with pytest.raises(AssertionError, match="2 cotangents for 1 operands"):
            oracles.assert_transposes(lambda v: v, lambda u: (u, u), v, u)
        with pytest.raises(AssertionError, match="result 0"):
            oracles.assert_transposes(lambda v: v, lambda u: u, v, u[:2])

    def test_nan_is_never_a_transpose(self):
        with pytest.raises(AssertionError, match="nan"):
            oracles.assert_transposes(lambda v: v, lambda u: u * np.nan, np.ones(2), np.ones(2))
