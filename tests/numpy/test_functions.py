"""Elementwise functions, cumulative ones, sorting, creation, logic."""

import numpy as np
import pytest

import pullback as pb
from pullback.core import errors
from tests.numpy.checks import available, check, check_value

X = np.array([[0.5, -1.25, 2.0, 0.75], [3.0, 0.3, -0.7, 1.5], [0.1, 2.5, 1.1, -2.0]])
OUT = np.zeros((3, 4))  # from outside: it cannot hold Tracers
V = X.ravel()[:5]
Z = X + 1j * X[::-1]
GRID = np.array([-1.0, 0.0, 0.7, 2.2])

SMOOTH = {
    "clip": lambda x: np.clip(x, -1.0, 1.0),
    "clip low": lambda x: np.clip(x, 0.2, None),
    "clip high": lambda x: x.clip(max=1),
    "clip nothing": lambda x: np.clip(x, None, None),
    "clip arrays": lambda x: np.clip(x, x[0] - 1, X[1] + 0.1),
    "clip keywords": lambda x: np.clip(x, min=-1, max=1),
    "real": lambda x: np.real(x) + x.real,
    "imag": lambda x: np.imag(x) + x.imag + x,
    "conj": lambda x: x.conj() * x.conjugate(),
    "sinc": np.sinc,
    "nan_to_num": np.nan_to_num,
    "unwrap": lambda x: np.unwrap(3 * x),
    "cumsum": lambda x: np.cumsum(x),
    "cumsum axis": lambda x: x.cumsum(axis=1),
    "cumprod": lambda x: np.cumprod(x, axis=-1),
    "cumulative_sum": lambda x: np.cumulative_sum(x, axis=1, include_initial=True),
    "cumulative_prod": lambda x: np.cumulative_prod(x, axis=0),
    "diff": lambda x: np.diff(x),
    "diff twice": lambda x: np.diff(x, 2, axis=0),
    "diff edges": lambda x: np.diff(x, prepend=0.0, append=x[:, :2]),
    "ediff1d": lambda x: np.ediff1d(x, to_begin=1.0, to_end=[2.0, 3.0]),
    "trapezoid": lambda x: np.trapezoid(x, dx=0.5),
    "trapezoid points": lambda x: np.trapezoid(x, np.array([0.0, 1.0, 3.0]), axis=0),
    "gradient": lambda x: np.gradient(x, 0.5),
    "gradient axis": lambda x: np.gradient(x, axis=1),
    "polyval": lambda x: np.polyval([2.0, -1.0, 0.5], x),
    "polyval coefficients": lambda x: np.polyval(x[0], 0.3),
    "convolve": lambda x: [np.convolve(x[0], x[1, :3], mode) for mode in ("full", "same", "valid")],
    "interp": lambda x: np.interp(x, GRID, GRID**2),
    "interp values": lambda x: np.interp([-3.0, 0.1, 0.9, 5.0], GRID, x[0], left=7.0),
    "interp points": lambda x: np.interp([-0.9, 0.1, 0.9], np.cumsum(x[1] ** 2) - 2, x[0]),
    "sort": lambda x: np.sort(x),
    "sort axis": lambda x: np.sort(x, axis=0),
    "sort flat": lambda x: np.sort(x, axis=None),
    "logaddexp.reduce": lambda x: np.logaddexp.reduce(x, axis=1),
    "add.reduce": lambda x: np.add.reduce(x),
    "multiply.reduce": lambda x: np.multiply.reduce(x, axis=-1, keepdims=True),
    "maximum.reduce": lambda x: np.maximum.reduce(x, axis=None),
    "subtract.reduce": lambda x: np.subtract.reduce(x, axis=1),
    "hypot.reduce": lambda x: np.hypot.reduce(x, initial=1.0),
    "add.accumulate": lambda x: np.add.accumulate(x, axis=1),
    "maximum.accumulate": lambda x: np.maximum.accumulate(x, axis=1),
    "minimum.accumulate": lambda x: np.minimum.accumulate(x),
    "multiply.accumulate": lambda x: np.multiply.accumulate(x),
    "subtract.accumulate": lambda x: np.subtract.accumulate(x, axis=1),
    "multiply.outer": lambda x: np.multiply.outer(x, x[0]),
    "add.reduceat": lambda x: np.add.reduceat(x, [0, 2, 1], axis=0),
    "linspace": lambda x: np.linspace(x, 2 * x[0], 5),
    "linspace open": lambda x: np.linspace(0, x[0, 0], 4, endpoint=False, retstep=True),
    "linspace axis": lambda x: np.linspace(x, 1.0, 3, axis=-1),
    "linspace one": lambda x: np.linspace(x[0], x[1], 1),
    "logspace": lambda x: np.logspace(x[0, 0], 2.0, 4),
    "meshgrid": lambda x: np.meshgrid(x[0], x[:, 1], 2.0),
    "meshgrid ij": lambda x: np.meshgrid(x[0], x[:, 1], indexing="ij", sparse=True),
    "full_like": lambda x: np.full_like(x, x[0, 0]),
    "zeros_like": lambda x: np.zeros_like(x) + np.ones_like(x, shape=(2, 1, 1)) + x,
    "average": lambda x: np.average(x, axis=0, weights=[1, 2, 3]),
}

SMOOTH = available(SMOOTH)


@pytest.mark.parametrize("f", SMOOTH.values(), ids=SMOOTH.keys())
def test_a_smooth_function_is_numpys_and_has_its_derivative(f, rng):
    check(f, X, rng=rng, exact=False)


DISCRETE = {
    "round": lambda x: np.round(x, 1),
    "round tens": lambda x: np.round(100 * x, -1),
    "around": lambda x: np.around(x),
    "round method": lambda x: x.round(2),
    "fix": np.fix,
    "argsort": lambda x: np.argsort(x),
    "argsort method": lambda x: x.argsort(axis=0),
    "argmax": lambda x: np.argmax(x, axis=1),
    "argmin": lambda x: x.argmin(),
    "searchsorted": lambda x: np.searchsorted(np.sort(x[0]), x, side="right"),
    "searchsorted method": lambda x: np.sort(x[0]).searchsorted(0.1),
    "digitize": lambda x: np.digitize(x, GRID),
    "isclose": lambda x: np.isclose(x, x + 1e-9),
    "allclose": lambda x: np.allclose(x, X),
    "array_equal": lambda x: np.array_equal(x, X),
    "array_equiv": lambda x: np.array_equiv(x, X[:1]),
    "isreal": lambda x: np.isreal(x) & ~np.iscomplex(x),
    "isposinf": lambda x: np.isposinf(x) | np.isneginf(x),
    "any all": lambda x: [np.any(x > 2), np.all(x > -3, axis=0), (x > 0).any(axis=1)],
    "count_nonzero": lambda x: np.count_nonzero(x > 0),
}


@pytest.mark.parametrize("f", DISCRETE.values(), ids=DISCRETE.keys())
def test_a_discrete_function_is_numpys(f):
    check_value(f, X)


def test_complex_parts_have_their_derivatives(rng):
    for f in (
        np.real,
        np.imag,
        lambda z: z.real * z.imag,
        lambda z: z.conj() * z,
        np.angle,
        lambda z: np.angle(z, deg=True),
    ):
        check(f, Z, rng=rng, exact=False)
    check_value(lambda z: np.round(z, 1), Z)
    check_value(np.isreal, Z)
    check_value(lambda z: np.sort(z), Z)


def test_nans_and_infinities_are_mended():
    x = np.array([np.nan, np.inf, -np.inf, 1.0])
    check_value(np.nan_to_num, x)
    check_value(lambda x: np.nan_to_num(x, nan=1.0, posinf=2.0, neginf=3.0), x)
    np.testing.assert_array_equal(pb.grad(lambda x: np.nan_to_num(x).sum())(x), [0, 0, 0, 1])
    check_value(lambda x: np.isclose(x, x, equal_nan=True), x)
    with np.errstate(invalid="ignore"):
        check_value(np.modf, x)
        check_value(lambda x: np.array_equal(x, x, equal_nan=True), x)


def test_dtypes_and_kinds_are_answered_without_values():
    def f(x):
        assert np.result_type(x, np.float32) == np.float64
        assert np.result_type(x.astype(np.float32), 2.0) == np.float32
        assert np.can_cast(x, np.float32, "same_kind")
        assert not np.can_cast(x, np.float32)
        assert np.common_type(x) is np.float64
        assert np.isrealobj(x)
        assert not np.iscomplexobj(x)
        assert np.min_scalar_type(x) == np.float64
        assert np.shares_memory(x, x)
        return x

    pb.jit(f)(X)


def test_conversion_keeps_numpys_rules(rng):
    check_value(lambda x: x.astype(np.float32), X)
    check_value(lambda x: x.astype(int), X)
    check_value(lambda x: np.astype(x, np.complex64), X)
    with pytest.raises(TypeError, match="Cannot cast"):
        pb.trace(lambda x: x.astype(int, casting="safe"))(X)


def test_what_is_like_a_tracer_is_an_array_that_takes_tracers():
    def f(x):
        for y in (np.zeros_like(x), np.ones_like(x), np.empty_like(x), np.zeros((3,), like=x), np.eye(2, like=x)):
            assert isinstance(y, np.ndarray)
            y[0] = x.sum()
            assert y.sum() is not None
        return x

    pb.jit(f)(X)


def test_arange_takes_traced_integers_that_are_known():
    np.testing.assert_array_equal(pb.numpy.arange(3), np.arange(3))
    with pytest.raises(errors.NotWritten, match=r"start \+ step \* np.arange\(n\)"):
        pb.grad(lambda x: pb.numpy.arange(0.0, x).sum())(3.0)


@pytest.mark.parametrize(
    ("f", "kind", "match"),
    [
        (lambda x: np.sort(x, order="f"), errors.NotWritten, "order="),
        (lambda x: np.cumsum(x, out=OUT), errors.MutationError, "out="),
        (lambda x: np.clip(x, 0, 1, out=OUT), errors.MutationError, "out="),
        (lambda x: np.quantile(x, 2.0), ValueError, "range"),
        (lambda x: np.quantile(x, 0.5, method="no"), ValueError, "not a valid method"),
        (lambda x: np.interp(x, GRID, GRID, period=0), ValueError, "non-zero"),
        (lambda x: np.diff(x, -1), ValueError, "non-negative"),
        (lambda x: np.real_if_close(x + 0j), errors.NoValue, "np.real"),
        (lambda x: np.searchsorted(x, 1.0), ValueError, "1-D"),
        (lambda x: x.tobytes(), errors.NotWritten, "stop_gradient"),
    ],
)
def test_what_does_not_work_says_so(f, kind, match):
    with pytest.raises(kind, match=match):
        pb.trace(f)(X)
