"""Native code keeps to IEEE arithmetic and to NumPy's integers; and never touches memory outside."""

import numpy as np
import pytest

import pullback as pb
from pullback.primitives.indexing import dynamic_slice, dynamic_update_slice, index_add, index_set
from tests.engines.native import Compiled, evaluated, held, same

LONG = np.linspace(-3.0, 3.0, 1003)
SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 5e-324, -5e-324, 1e308, -1e308, 2.5])


def both(f, *args, compare=None):
    """Hold the Program of f to the evaluator, and return the first result."""
    return held(pb.trace(f)(*args), list(args), compare)[0]


def test_nothing_is_contracted():
    x = LONG * np.pi
    assert np.all(both(lambda x, y: np.sqrt(x * x - y * y), x, x.copy()) == 0.0)
    a, b = np.float64(1.0 + 2.0**-30), np.float64(1.0 - 2.0**-30)
    assert both(lambda a, b: a * b - 1.0, a, b) == 0.0  # fused: -2**-60
    assert both(lambda x: pb.fori_loop(0, 3, lambda i, c: x * x - c, x * x), a) == 0.0


def test_nothing_elementwise_is_reassociated():
    x = LONG
    both(lambda x: (x + 1e16) - 1e16, x)
    both(lambda x: (x * 1e-200) * 1e-200 * 1e300, x)
    both(lambda x: ((x / 3.0) * 3.0, x / 7.0 / 7.0, x * 0.1 * 10.0), x)
    both(lambda x: (x - x, 0.0 * x, x + 0.0, x - 0.0, np.negative(-x), 0.0 - x, x * 1.0, x / 1.0, x + x - x), SPECIAL)


def any_zero(actual, expected):
    """Of zeros of both signs NumPy's loops take the one or the other."""
    same(actual, expected, signs=False)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_signs_of_zeros_and_nans_survive(dtype):
    with np.errstate(over="ignore"):
        x = SPECIAL.astype(dtype)
    both(lambda x: (-x, np.abs(x), x * -1.0, x * 0.0, 0.0 / x, 1.0 / x, np.sqrt(x), np.sign(x), np.copysign(1.0, x)), x)
    both(lambda x: (np.where(x == x, x, 1.0), np.where(x > 0, x, -0.0), x != x, ~(x > 1), np.isnan(x)), x)
    both(lambda x: (np.floor(x), np.ceil(x), np.trunc(x), np.rint(x)), x)
    both(lambda x: (np.max(x), np.min(x), np.max(x[:6]), np.min(x[:6]), np.sum(x), np.prod(x)), x)
    both(lambda x: (np.any(x), np.all(x), np.any(np.isnan(x)), np.sum(x[7:9]), np.max(x[:2] + 1)), x)
    both(lambda x: (np.maximum(x[:, None], x[None, :]), np.minimum(x[:, None], x[None, :])), x, compare=any_zero)


def test_a_reduction_is_within_the_bound_of_any_order():
    rng = np.random.default_rng(0)
    for dtype in (np.float64, np.float32):
        x = (rng.normal(size=(100, 1000)) * 10.0 ** rng.integers(-3, 4, (100, 1000))).astype(dtype)
        found = Compiled(pb.trace(lambda x: (np.sum(x), np.sum(x, axis=0), np.sum(x, axis=1)))(x))(x)
        wide = x.astype(np.longdouble)
        for got, axis in zip(found, (None, 0, 1), strict=True):
            n = x.size if axis is None else x.shape[axis]
            bound = n * np.finfo(dtype).eps * np.abs(wide).sum(axis)
            assert np.all(np.abs(got - wide.sum(axis)) <= bound)


def test_a_sum_of_infinities_of_both_signs_is_nan():
    x = np.ones(1000)
    x[3], x[700] = np.inf, -np.inf
    assert np.isnan(both(lambda x: np.sum(x), x))
    assert both(lambda x: np.max(x), x) == np.inf
    x[500] = np.nan
    assert np.isnan(both(lambda x: (np.max(x), np.min(x)), x))


@pytest.mark.parametrize("dtype", ["int64", "int32"])
def test_integers_wrap_and_divide_as_in_numpy(dtype):
    info = np.iinfo(dtype)
    a = np.array([info.max, info.min, -7, 7, -7, 7, 0, 1, info.min, info.min], dtype)
    b = np.array([1, -1, 2, -2, -2, 2, 0, 0, -1, 1], dtype)
    both(lambda a, b: (a + b, a - b, a * b, -a, abs(a), a * a), a, b)
    both(lambda a, b: (a // b, a % b, np.fmod(a, b), a / b, np.gcd(a, b)), a, b)
    both(lambda a, b: (a & b, a | b, a ^ b, ~a, a << (b & 7), a >> (b & 7)), a, b)
    both(lambda a, b: (np.left_shift(a, b), np.right_shift(a, b)), a, np.abs(b) * 40)
    both(lambda a, b: (a == b, a < b, a <= b, np.maximum(a, b), np.sum(a), np.prod(b + 3), np.cumsum(a)), a, b)
    both(lambda a, b: (a + b.astype("int64"), a + b.astype("float32"), a * 2, a * 2.5, a**2, a**3), a, b)


@pytest.mark.parametrize("source", ["float64", "float32"])
@pytest.mark.parametrize("target", ["int64", "int32", "bool", "float32", "float64"])
def test_conversions_are_those_of_astype(source, target):
    with np.errstate(over="ignore"):
        x = np.array(
            [0.0, -0.0, 0.9, -0.9, 1e10, -1e10, 1e19, -1e19, np.nan, np.inf, -np.inf, 2.0**31, 2.0**63]
        ).astype(source)
    both(lambda x: x.astype(target), x)


def test_python_numbers_bend():
    x32, i32 = np.float32(0.1) * np.arange(5, dtype=np.float32), np.arange(5, dtype=np.int32)
    both(lambda x: (x * 0.1, x + 1, x < 0.1, x == 0.3, x**2, 2**x, np.where(x > 0.2, x, 0.1), np.maximum(x, 0.2)), x32,
         compare=lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6))  # fmt: skip
    both(lambda x: (x * 0.1, x + 1, x < 0.5, x > 2, x == True, np.where(x > 2, x, 7)), i32)  # noqa: E712
    both(lambda x: (x < 3_000_000_000, x > -3_000_000_000, x == 2**40, x >= 2.5), i32)
    both(lambda x: (x + True, x * 2, x & True), np.array([True, False]))


def test_a_python_integer_that_does_not_fit_is_numpys_error():
    i32, i64 = np.arange(3, dtype=np.int32), np.arange(3)
    for f, x in (
        (lambda x: x + 3_000_000_000, i32),
        (lambda x: np.maximum(x, -(2**40)), i32),
        (lambda x: x * 2**70, i64),
    ):
        with pytest.raises(OverflowError):
            pb.jit(f)(x)


# Indices out of range -------------------------------------------------------------------------

X = np.arange(12.0).reshape(3, 4)
BAD = [3, -4, 10**9, -(10**9), 2**40, -(2**63), 2**63 - 1]
ROW = (("array", 0), ("all",))
READERS = {
    "an element": lambda x, i: x[i, 0],
    "a row": lambda x, i: x[i] * 2.0,
    "a column": lambda x, i: x[:, i + 1],
    "rows": lambda x, i: x[np.stack([i, i - i])],
    "an element of a value": lambda x, i: np.sin(x)[i],
    "written": lambda x, i: index_set(x, 0.5, i, spec=ROW),
    "added to": lambda x, i: index_add(x, x[0], i, spec=ROW),
    "added to in a loop": lambda x, i: pb.fori_loop(0, 2, lambda t, c: index_add(c, 1.0, i + t, spec=ROW), x),
    "in a loop": lambda x, i: pb.fori_loop(0, 3, lambda t, c: c + x[i, t], 0.0),
    "by the turn": lambda x, i: pb.fori_loop(i - 1, i + 2, lambda t, c: c + x[t, 0], 0.0),
    "in a branch": lambda x, i: pb.cond(i != 1, lambda x: x[i], lambda x: x[0], x),
    "in vmap": lambda x, i: pb.vmap(lambda j: x[j])(np.stack([i, i])),
    "in vmap, by lanes": lambda x, i: pb.vmap(lambda r, j: r[j], in_axes=(0, None))(x, i + 1),
    "in grad": lambda x, i: pb.grad(lambda x: np.sum(np.sin(x[i])))(x),
    "in grad of a loop": lambda x, i: pb.grad(lambda x: pb.fori_loop(0, 3, lambda t, c: c * x[i, t], 1.0))(x),
    "in a scan": lambda x, i: pb.scan(lambda c, r: (c + r[i + 1], r), 0.0, x)[0],
    "in a while loop": lambda x, i: pb.while_loop(lambda c: c < 1.0, lambda c: c + 1.0 + x[i, 0], 0.0),
}


@pytest.mark.parametrize("how", READERS)
def test_an_index_out_of_range_raises(how):
    f = READERS[how]
    run = Compiled(pb.trace(f)(X, 1))
    same(np.asarray(run(X, 1)[0]), evaluated(pb.trace(f)(X, 1), [X, 1])[0])
    for i in BAD:
        with np.errstate(all="ignore"):
            try:
                expected = evaluated(pb.trace(f)(X, 1), [X, i])[0]
            except (IndexError, OverflowError):
                with pytest.raises((IndexError, OverflowError)):
                    run(X, i)
            else:
                same(np.asarray(run(X, i)[0]), expected)
    same(np.asarray(run(X, 1)[0]), evaluated(pb.trace(f)(X, 1), [X, 1])[0])


def test_a_known_index_out_of_range_raises():
    for f in (lambda x: x[np.int64(7)], lambda x: x[np.array([0, 7])], lambda x: pb.vmap(lambda r: r[np.int64(9)])(x)):
        with pytest.raises(IndexError):
            pb.jit(f)(X)
    for f in (lambda x, i: x[i], lambda x, i: x[i - 2]):
        with pytest.raises(IndexError):
            pb.jit(f)(np.zeros((0, 3000)), 0)


def test_a_place_that_is_moved_into_range_is_the_evaluators():
    x = np.arange(10.0)
    for n in (1, 4, 10):
        f = lambda x, i: dynamic_slice(x, i, sizes=(n,))  # noqa: B023, E731
        g = lambda x, i: dynamic_update_slice(x, x[:n] * 0.0, i)  # noqa: B023, E731
        for h in (f, g):
            program = pb.trace(h)(x, 1)
            run = Compiled(program)
            for i in (-99, -11, -10, -1, 0, 5, 6, 7, 9, 10, 99):
                same(np.asarray(run(x, i)[0]), evaluated(program, [x, i])[0])
