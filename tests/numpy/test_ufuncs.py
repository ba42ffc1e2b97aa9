"""ufuncs: every one of NumPy's is answered or refused with a reason; values, dtypes and options as NumPy's."""

import numpy as np
import pytest

import pullback as pb
from pullback.core import errors
from pullback.core.tracer import _ufuncs
from tests.numpy.checks import check, check_value

X = np.array([[0.3, -0.7, 0.55], [0.9, 0.05, -0.2]])
POSITIVE = np.abs(X) + 0.1
Y = np.array([1.5, 0.4, 2.25])

# Without a rule on purpose: no derivative that means anything (nextafter), or dates (isnat).
REFUSED = {np.nextafter, np.isnat}
ALL = sorted({f for f in vars(np).values() if isinstance(f, np.ufunc)}, key=lambda f: f.__name__)
INTEGER = {
    "gcd",
    "lcm",
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
    "invert",
    "left_shift",
    "right_shift",
    "bitwise_count",
}
LARGER_THAN_ONE = {"arccosh"}
ALL_POSITIVE = {"log", "log2", "log10", "log1p", "sqrt", "power", "float_power", "reciprocal", "cbrt"}
MATRIX = {"matmul", "vecdot", "matvec", "vecmat"}


def arguments(ufunc):
    name = ufunc.__name__
    if name in INTEGER:
        return (np.array([6, 4, 1]), np.array([4, 3, 2]))[: ufunc.nin]
    if name == "ldexp":
        return X, np.array([1, 2, -3])
    if name in ("vecdot", "matmul", "matvec"):
        return X, Y
    if name == "vecmat":
        return X[0], X.T
    first = X + 2 if name in LARGER_THAN_ONE else POSITIVE if name in ALL_POSITIVE else X
    return (first, Y)[: ufunc.nin]


@pytest.mark.parametrize("ufunc", ALL, ids=lambda f: f.__name__)
def test_every_ufunc_is_answered_or_refused(ufunc, rng):
    if ufunc in REFUSED:
        with pytest.raises(errors.NotTraceable, match=r"no derivative|no numbers"):
            pb.trace(ufunc)(*arguments(ufunc))
        return
    xs = arguments(ufunc)
    result = ufunc(*xs)
    dtypes = [np.asarray(y).dtype.kind for y in (result if isinstance(result, tuple) else (result,))]
    moves = xs[0].dtype.kind == "f" and "f" in dtypes and ufunc is not np.ldexp and ufunc is not np.spacing
    check(
        ufunc,
        *xs,
        rng=rng,
        smooth=moves,
        exact=ufunc.__name__ not in MATRIX | {"float_power"},
        lanes=ufunc.__name__ not in MATRIX,
    )


@pytest.mark.parametrize(
    "ufunc",
    [
        np.exp,
        np.log,
        np.sqrt,
        np.sin,
        np.cos,
        np.tan,
        np.tanh,
        np.arcsin,
        np.arctan,
        np.square,
        np.reciprocal,
        np.conjugate,
        np.absolute,
    ],
    ids=lambda f: f.__name__,
)
def test_complex_ufuncs_have_their_derivatives(ufunc, rng):
    check(ufunc, X + 1j * np.array([0.2, 0.4, -0.3]), rng=rng, exact=False)


@pytest.mark.parametrize(
    "ufunc", [np.add, np.multiply, np.true_divide, np.power, np.maximum, np.arctan2, np.less, np.floor_divide]
)
@pytest.mark.parametrize(
    "other", [2, 2.0, np.float32(2), np.float64(2), True, np.arange(1, 4, dtype=np.int16)], ids=repr
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
def test_promotion_is_numpys(ufunc, other, dtype):
    x = np.array([1, 2, 3], dtype)
    check_value(lambda x: ufunc(x, other), x)
    check_value(lambda x: ufunc(other, x), x)


def test_lists_and_subclasses_meet_tracers():
    np.testing.assert_array_equal(pb.grad(lambda x: np.sum(np.multiply(x, [1.0, 2.0])))(np.zeros(2)), [1, 2])
    np.testing.assert_array_equal(pb.grad(lambda x: np.add(x, [x[0], 2.0]).sum())(np.zeros(2)), [2, 1])
    with pytest.raises(errors.NotTraceable, match="MaskedArray"):
        pb.grad(lambda x: np.sum(np.multiply(x, np.ma.masked_array([1.0, 2.0]))))(np.zeros(2))
    with pytest.raises(errors.DTypeError, match="str"):
        pb.grad(lambda x: np.sum(np.multiply(x, "a")))(np.zeros(2))


def test_dtype_and_casting_work_as_in_numpy():
    check_value(lambda x: np.add(x, 1, dtype=np.float64), np.ones(2, np.float32))
    check_value(lambda x: np.sin(x, dtype=np.float64), np.ones(2, np.float32))
    check_value(lambda x: np.multiply(x, 2, order="C", subok=False), np.ones(2))
    with pytest.raises(TypeError, match="cast"):
        pb.trace(lambda x: np.add(x, 1, dtype=np.int32))(np.ones(2))
    with pytest.raises(TypeError, match="cast"):
        pb.trace(lambda x: np.add(x, np.float64(1), dtype=np.float32, casting="safe"))(np.ones(2))


def test_out_of_a_plain_array_and_where_alone_are_refused():
    buffer = np.zeros(2)
    for f in (
        lambda x: np.add(x, 1.0, out=buffer),
        lambda x: np.add(x, 1.0, buffer),
    ):
        with pytest.raises(errors.MutationError, match="in place of out="):
            pb.grad(f)(np.ones(2))
    with pytest.raises(errors.NotWritten, match=r"np.where\(condition, np.add\(x\), default\)"):
        pb.grad(lambda x: np.add(x, 1.0, where=np.array([True, False])).sum())(np.ones(2))


def test_the_table_has_no_ufunc_twice_and_misses_none():
    assert set(ALL) - set(_ufuncs) == REFUSED
