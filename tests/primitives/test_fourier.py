"""Fourier transforms: the conformance suite, and each against its matrix."""

import numpy as np
import pytest

from pullback.core.errors import DTypeError, ShapeError
from pullback.core.primitive import infer_types
from pullback.core.types import type_of
from pullback.primitives.fourier import fft, irfft, rfft
from tests.conformance import check_rules

NORMS = ["backward", "ortho", "forward"]
SIZES = [1, 2, 5, 6]
VARIANTS = ("float32", "non-contiguous")


def normal(rng, *shape):
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("axes", [(-1,), (-2,), (-3, -1), (-1, -3), ()])
def test_a_transform_keeps_every_rule(axes, inverse, norm, rng):
    check_rules(fft, normal(rng, 2, 3, 4), rng=rng, axes=axes, inverse=inverse, norm=norm, variants=VARIANTS)


@pytest.mark.parametrize("axes", [(-1,), (-2, -1)])
def test_a_transform_of_real_numbers_keeps_every_rule(axes, rng):
    check_rules(fft, rng.normal(size=(3, 4)), rng=rng, axes=axes, jvp_oracle="differences", variants=VARIANTS)
    check_rules(fft, rng.integers(0, 9, size=(3, 4)), rng=rng, axes=axes)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("axis", [-1, -2])
def test_half_a_spectrum_keeps_every_rule(n, axis, norm, rng):
    x = np.moveaxis(rng.normal(size=(3, n)), -1, axis)
    check_rules(rfft, x, rng=rng, axis=axis, norm=norm, jvp_oracle="differences", variants=VARIANTS)
    y = np.moveaxis(normal(rng, 3, n // 2 + 1), -1, axis)
    check_rules(irfft, y, rng=rng, n=n, axis=axis, norm=norm, variants=VARIANTS)
    check_rules(irfft, y.real.copy(), rng=rng, n=n, axis=axis, norm=norm, jvp_oracle="differences")


@pytest.mark.parametrize("n", SIZES)
def test_the_matrices_are_those_of_the_definition(n):
    j = np.arange(n)
    w = np.exp(-2j * np.pi * np.outer(j, j) / n)
    unit = np.eye(n)
    np.testing.assert_allclose(fft(unit, axes=(-1,)), w, atol=1e-14)
    np.testing.assert_allclose(fft(unit, axes=(-1,), inverse=True, norm="forward"), w.conj(), atol=1e-14)
    np.testing.assert_allclose(rfft(unit, axis=-1), w[:, : n // 2 + 1], atol=1e-14)
    np.testing.assert_allclose(irfft(w[:, : n // 2 + 1], n=n, axis=-1), unit, atol=1e-14)


@pytest.mark.parametrize(
    ("primitive", "x", "params", "error", "said"),
    [
        (fft, np.zeros((2, 0)), {"axes": (-1,)}, ShapeError, "Invalid number of FFT data points"),
        (rfft, np.zeros((0,)), {"axis": -1}, ShapeError, "Invalid number of FFT data points"),
        (irfft, np.zeros((1,)), {"axis": -1, "n": 0}, ShapeError, "Invalid number of FFT data points"),
        (irfft, np.zeros((3,)), {"axis": -1, "n": 6}, ShapeError, "has 4 bins"),
        (rfft, np.zeros((3,), complex), {"axis": -1}, DTypeError, "real numbers"),
    ],
)
def test_what_has_no_transform_is_an_error(primitive, x, params, error, said):
    with pytest.raises(error, match=said):
        infer_types(primitive, (type_of(x),), params)


def test_it_costs_n_log_n():
    small, large = (fft.cost((t,), (t,), axes=(-1,)).flops for t in (type_of(np.zeros(n)) for n in (2**6, 2**12)))
    assert small == 5 * 64 * 6
    assert large == 5 * 4096 * 12
