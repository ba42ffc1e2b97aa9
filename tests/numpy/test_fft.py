"""Fourier transforms by NumPy's names: values, dtypes, derivatives, lanes, and what is refused."""

import inspect

import numpy as np
import pytest

import pullback as pb
import pullback.numpy as pnp
from pullback.core.errors import ArgumentError, DTypeError, ShapeError
from pullback.numpy.registry import FACE
from tests import oracles
from tests.numpy.checks import assert_same, check, check_value

RNG = np.random.default_rng(5)
X = RNG.normal(size=(3, 5))
Z = X + 1j * RNG.normal(size=(3, 5))
OF_REAL = ["rfft", "ihfft"]
ONE = ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"]
MANY = ["fftn", "ifftn", "rfftn", "irfftn", "fft2", "ifft2", "rfft2", "irfft2"]
CONSTANTS = {"fftfreq", "rfftfreq"}


def of(name):
    return X if name in OF_REAL or name.startswith("rfft") else Z


def test_every_function_is_covered_or_makes_a_constant():
    functions = {name for name in np.fft.__all__ if inspect.isfunction(inspect.unwrap(getattr(np.fft, name)))}
    missing = {name for name in functions if getattr(np.fft, name) not in FACE}
    assert missing == CONSTANTS


@pytest.mark.parametrize("norm", [None, "backward", "ortho", "forward"])
@pytest.mark.parametrize("name", ONE)
def test_a_transform_along_one_axis_is_numpys(name, norm, rng):
    f = getattr(np.fft, name)
    check(lambda x: f(x, norm=norm), of(name), rng=rng, exact=False)
    check(lambda x: f(x, None, 0, norm), of(name), rng=rng, exact=False)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6, 9, 12])
@pytest.mark.parametrize("name", ONE)
def test_it_is_cut_or_padded(name, n, rng):
    f = getattr(np.fft, name)
    check(lambda x: f(x, n, axis=1, norm="ortho"), of(name), rng=rng, exact=False)


@pytest.mark.parametrize("name", ["fft", "ifft", "irfft", "hfft", "fftn", "irfft2"])
def test_real_numbers_are_transformed_as_complex_ones(name, rng):
    check(getattr(np.fft, name), X, rng=rng, exact=False)


@pytest.mark.parametrize("norm", ["backward", "ortho", "forward"])
@pytest.mark.parametrize("name", MANY)
def test_a_transform_along_several_axes_is_numpys(name, norm, rng):
    f, x = getattr(np.fft, name), of(name)
    cube = np.stack([x, 2 * x[::-1]])
    check(lambda x: f(x, norm=norm), x, rng=rng, exact=False, lanes=name.endswith("2"))
    check(lambda x: f(x, axes=(0, 1), norm=norm), x, rng=rng, exact=False)
    check(lambda x: f(x, axes=(-1, 0), norm=norm), cube, rng=rng, exact=False)
    check(lambda x: f(x, (4, 3), (2, 0), norm=norm), cube, rng=rng, exact=False)
    check_value(lambda x: f(x, (7, -1), (0, 1), norm), cube, exact=False)


@pytest.mark.parametrize("name", ["fftn", "ifftn", "rfftn", "irfftn"])
def test_one_axis_and_repeated_axes(name, rng):
    f = getattr(np.fft, name)
    check(lambda x: f(x, axes=(1,)), of(name), rng=rng, exact=False)
    check(lambda x: f(x, (6,), (0,)), of(name), rng=rng, exact=False)
    if name in ("fftn", "ifftn"):
        check(lambda x: f(x, axes=(1, 1)), Z, rng=rng, exact=False)
        check_value(lambda x: f(x, axes=()), Z)


@pytest.mark.parametrize("name", [*ONE, *MANY])
@pytest.mark.parametrize("dtype", ["float32", "float16", "int64", "int8", "bool", "complex64"])
def test_dtypes_are_numpys(name, dtype):
    f = getattr(np.fft, name)
    with np.errstate(all="ignore"):
        x = (9 * X).astype(dtype)
    if dtype == "complex64" and (name in OF_REAL or name.startswith("rfft")):
        with pytest.raises(DTypeError, match="real numbers"):
            pb.trace(f)(x)
        return
    check_value(f, x, exact=False)


@pytest.mark.parametrize("axes", [None, 0, -1, (0, 1), (1,), ()])
def test_bins_are_put_in_another_order(axes, rng):
    for f in (np.fft.fftshift, np.fft.ifftshift):
        check(lambda x, f=f: f(x, axes), X, rng=rng, lanes=axes is not None and axes != ())
        check_value(lambda x, f=f: f(x, axes), np.arange(12).reshape(3, 4))


def test_frequencies_are_constants():
    def f(x):
        k = np.fft.rfftfreq(x.size, 0.1)
        return np.sum(k * np.abs(np.fft.rfft(x)) ** 2)

    np.testing.assert_allclose(pb.jvp(f, (X[0],), (X[1],))[1], oracles.directional(f, X[0], X[1]), rtol=1e-9)
    assert_same(pnp.fft.fftfreq(5, 0.1), np.fft.fftfreq(5, 0.1))
    np.testing.assert_allclose(pb.grad(lambda d: np.sum(np.fft.rfftfreq(4, d)))(0.5), -3.0, rtol=1e-15)


def test_parseval_gives_the_gradient_by_hand():
    """Σ |X_k|² = n Σ x²."""
    np.testing.assert_allclose(pb.grad(lambda x: np.sum(np.abs(np.fft.fft(x)) ** 2))(X[0]), 10 * X[0], rtol=1e-14)


def test_there_and_back_is_the_identity():
    for f in (
        lambda x: np.fft.irfft(np.fft.rfft(x), 5),
        lambda x: np.fft.ifft(np.fft.fft(x)).real,
        lambda x: np.fft.hfft(np.fft.ihfft(x), 5),
        lambda x: np.fft.ifftshift(np.fft.fftshift(x)),
    ):
        np.testing.assert_allclose(pb.jacobian(f)(X[0]), np.eye(5), atol=1e-15)


def test_second_derivatives(rng):
    def f(x):
        return np.sum(np.abs(np.fft.rfft(np.tanh(x), 8, norm="ortho")) ** 4)

    np.testing.assert_allclose(pb.hessian(f)(X[0]), oracles.hessian_by_differences(f, X[0]), rtol=1e-6, atol=1e-6)


def test_compiled_code_transforms_too():
    def f(x):
        return np.sum(np.abs(np.fft.fft2(x) * np.exp(1j * x)) + np.fft.irfft(np.fft.rfft(x), 5))

    np.testing.assert_allclose(pb.jit(f)(X), f(X), rtol=1e-13)
    np.testing.assert_allclose(pb.jit(pb.grad(f))(X), pb.grad(f)(X), rtol=1e-12, atol=1e-12)


def test_the_result_is_written_where_it_is_wanted():
    def f(x):
        out = np.zeros((3, 5), complex)
        found = np.fft.fft(x, out=out)
        assert found is out
        return np.sum(np.abs(out) ** 2)

    np.testing.assert_allclose(pb.grad(f)(X), 10 * X, rtol=1e-13)


def test_lists_of_tracers_are_transformed_by_the_drop_in():
    f = lambda fft: lambda x: np.sum(np.abs(fft([x, 2 * x, 1.0])) ** 2)  # noqa: E731
    np.testing.assert_allclose(pb.grad(f(pnp.fft.fft))(0.5), 15.0, rtol=1e-14)
    with pb.plain_numpy():
        np.testing.assert_allclose(pb.grad(lambda x: f(np.fft.fft)(x))(0.5), 15.0, rtol=1e-14)


@pytest.mark.parametrize(
    ("f", "error", "said"),
    [
        (lambda x: np.fft.fft(x, norm="orto"), ArgumentError, r'Invalid norm value orto; should be "backward"'),
        (lambda x: np.fft.fft(x, 0), ShapeError, "Invalid number of FFT data points"),
        (lambda x: np.fft.irfft(x, -2), ShapeError, "Invalid number of FFT data points"),
        (lambda x: np.fft.hfft(x[:, :1]), ShapeError, "Invalid number of FFT data points"),
        (lambda x: np.fft.fft(x, 2.5), TypeError, "float"),
        (lambda x: np.fft.fft(x, axis=2), np.exceptions.AxisError, "out of bounds"),
        (lambda x: np.fft.fftn(x, (3,), (0, 1)), ValueError, "different lengths"),
        (lambda x: np.fft.rfft(x * 1j), DTypeError, "np.real"),
        (lambda x: np.fft.fftn(x, (3, 3)), DeprecationWarning, "axes"),
        (lambda x: np.fft.fftn(x, (3, None), (0, 1)), DeprecationWarning, "None"),
    ],
)
def test_what_numpy_refuses_is_refused(f, error, said):
    with pytest.raises((ValueError, TypeError, IndexError, DeprecationWarning)):
        f(X)
    with pytest.raises(error, match=said):
        pb.trace(f)(X)
