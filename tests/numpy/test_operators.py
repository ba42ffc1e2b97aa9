"""Operators: Python's own, on Tracers and what stands beside them."""

import operator

import numpy as np
import pytest

import pullback as pb
from pullback.core import errors
from tests.numpy.checks import check, check_value

X = np.array([[0.3, -0.7, 0.55], [0.9, 0.25, -0.2]])
Y = np.array([1.5, 0.4, 2.25])
N = np.array([[5, 3, 8], [1, 7, 2]])

SMOOTH = [operator.add, operator.sub, operator.mul, operator.truediv, operator.mod, divmod]
COMPARISONS = [operator.lt, operator.le, operator.eq, operator.ne, operator.gt, operator.ge, operator.floordiv]
BITS = [
    operator.and_,
    operator.or_,
    operator.xor,
    operator.lshift,
    operator.rshift,
    operator.floordiv,
    operator.mod,
    operator.pow,
]


@pytest.mark.parametrize("op", SMOOTH, ids=lambda f: f.__name__)
@pytest.mark.parametrize("other", [2.0, 3, Y, np.float64(0.64)], ids=["float", "int", "array", "scalar"])
def test_arithmetic_on_either_side_is_numpys(op, other, rng):
    check(lambda x: op(x, other), X, rng=rng)
    if op not in (operator.truediv,):
        check_value(lambda x: op(other, x), X)


@pytest.mark.parametrize("op", SMOOTH, ids=lambda f: f.__name__)
def test_arithmetic_of_two_tracers_is_numpys(op, rng):
    check(op, X, Y, rng=rng, lanes=False)


@pytest.mark.parametrize("op", [operator.add, operator.sub, operator.mul, operator.pow], ids=lambda f: f.__name__)
def test_one_operand_used_twice(op, rng):
    check(lambda x: op(x, x) * x, np.abs(X) + 0.1, rng=rng, lanes=False)


@pytest.mark.parametrize("n", [0, 1, 2, 3, -1, -2, 0.5, 2.5, 100, np.int64(3), Y], ids=repr)
def test_powers_are_numpys(n, rng):
    check(lambda x: x**n, np.abs(X) + 0.5, rng=rng)
    if isinstance(n, int) and n >= 0:
        check(lambda x: x**n, X, rng=rng)
        check_value(lambda x: x**n, N)


def test_a_python_number_stays_one_as_in_numpy():
    single = np.ones(2, np.float32)
    for f in (
        lambda x: x**2,
        lambda x: x**0.5,
        lambda x: -x,
        lambda x: 2 * x / 3 - 1,
        lambda x: x % 2,
        lambda x: 2.0**x,
    ):
        check_value(lambda x, f=f: f(x) * single, 2.25)
    check_value(lambda x: np.sqrt(x) * single, 2.25)


def test_the_power_of_a_base_is_numpys(rng):
    check(lambda x: 2.0**x, X, rng=rng)
    check(lambda x, y: x**y, np.abs(X) + 0.1, Y, rng=rng, lanes=False)
    check(lambda x: (x + 0.5j) ** 3, X, rng=rng, exact=False)


@pytest.mark.parametrize("op", COMPARISONS, ids=lambda f: f.__name__)
def test_comparisons_are_numpys(op):
    for other in (0.3, Y):
        check_value(lambda x, other=other: op(x, other), X)
        check_value(lambda x, other=other: op(other, x), X)


@pytest.mark.parametrize("op", BITS, ids=lambda f: f.__name__)
def test_operators_of_integers_are_numpys(op):
    check_value(lambda x: op(x, 2), N)
    check_value(lambda x: op(2, x), N)
    check_value(op, N, N % 4 + 1)


def test_unary_operators_are_numpys(rng):
    check(operator.neg, X, rng=rng)
    check(operator.pos, X, rng=rng)
    check(abs, X, rng=rng)
    check_value(operator.invert, N)
    check_value(lambda x: ~(x > 0.1), X)
    check_value(lambda x: round(x, 1), np.float64(0.26))
    assert pb.jit(round)(np.float64(2.6)) == 3


def test_matrix_products_on_either_side_are_numpys(rng):
    check(lambda x: x @ x.T, X, rng=rng, exact=False)
    check(lambda x: x @ Y, X, rng=rng, exact=False)
    check(lambda x: Y @ x.T, X, rng=rng, exact=False)
    check_value(lambda x: [[1.0, 2.0]] @ x, X, exact=False)


def test_lists_stand_beside_tracers(rng):
    check(lambda x: x * [1.0, 2.0, 3.0] + [4, 5, 6], X, rng=rng)
    check_value(lambda x: [1, 2, 3] - x, X)


@pytest.mark.parametrize("other", [None, "text", object(), {}], ids=["None", "text", "object", "dict"])
def test_what_is_no_number_is_a_type_error(other):
    for op in (operator.add, operator.mul, operator.pow, operator.matmul, operator.lt):
        with pytest.raises(TypeError, match=r"unsupported operand|not supported|used as an index"):
            pb.grad(lambda x, op=op: op(x, other))(1.0)
    assert pb.trace(lambda x: x == None)(1.0) is not None  # noqa: E711 (what a user may write)


def test_another_class_may_answer():
    class Left:
        __array_ufunc__ = None

        def __radd__(self, other):
            return other * 10.0

    assert float(pb.grad(lambda x: x + Left())(1.0)) == 10.0


def test_a_scalar_is_rebound_as_in_python():
    def f(x):
        total = 0.0
        for i in range(3):
            total += x[i] * i
        total *= 2
        return total

    np.testing.assert_array_equal(pb.grad(f)(np.ones(3)), [0, 2, 4])
    np.testing.assert_array_equal(pb.jit(pb.grad(f))(np.ones(3)), [0, 2, 4])


def test_a_plain_array_is_not_changed_by_a_tracer():
    outside = np.zeros(3)

    def f(x):
        buffer = outside
        buffer += x
        return buffer.sum()

    with pytest.raises(errors.MutationError, match="a = a \\+ b"):
        pb.grad(f)(np.ones(3))


def test_items_are_not_deleted():
    with pytest.raises(ValueError, match="cannot delete array elements"):
        pb.grad(lambda x: x.__delitem__(0))(np.ones(3))


def test_membership_looks_at_values():
    assert pb.grad(lambda x: x.sum() * (2.0 in x))(np.array([1.0, 2.0])).tolist() == [1.0, 1.0]
