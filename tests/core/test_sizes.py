"""What is noted of the sizes that the user's code reads."""

import copy
import math
import pickle

import numpy as np
import pytest

from pullback.core.sizes import Real, Size, Watch, compare, plain


def noted(f, n=100):
    with Watch() as watch:
        f(Size(n))
    return watch


@pytest.mark.parametrize(
    ("f", "event"),
    [
        (lambda n: n > 80, (">", 100, 80, True)),
        (lambda n: n + 1 == 100, ("==", 101, 100, False)),
        (lambda n: n / 3 <= 40, ("<=", 100 / 3, 40, True)),
        (lambda n: bool(n - 100), ("!=", 0, 0, False)),
        (lambda n: max(n, 512), (">", 512, 100, True)),
        (lambda n: (n, 3) == (100, 3), ("==", 100, 100, True)),
        (lambda n: n.__ne__(3), ("!=", 100, 3, True)),
    ],
)
def test_a_comparison_is_noted_with_its_outcome(f, event):
    watch = noted(f)
    assert len(watch.events) == 1
    name, left, right, outcome = watch.events[0]
    assert compare(name, left, right) is outcome
    assert outcome is event[3] or {name, event[0]} == {"<", ">"}
    assert {left, right} == {event[1], event[2]}
    assert not watch.lost


def test_what_is_no_polynomial_is_noted_with_its_result():
    assert noted(lambda n: n % 7 == 1).events == [("mod", 100, 7, 2), ("==", 2, 1, False)]
    assert noted(lambda n: 250 // n).events == [("floordiv", 250, 100, 2)]
    assert noted(lambda n: divmod(n, 7)).lost


@pytest.mark.parametrize(
    "f",
    [int, float, hash, str, repr, lambda n: f"{n}", lambda n: {100: 1}.get(n), np.float64, lambda n: np.prod((n, 3)),
     lambda n: math.sqrt(n), lambda n: float(n / 2), lambda n: round(n / 2), lambda n: np.array([n, 2])],
)  # fmt: skip
def test_a_size_that_becomes_a_plain_number_is_noted_as_lost(f):
    assert noted(f).lost


@pytest.mark.parametrize("f", [lambda n: n + 1, lambda n: (n, 3), lambda n: 3 * n - 2, lambda n: math.prod((n, 3))])
def test_what_only_calculates_is_not_noted(f):
    watch = noted(f)
    assert not watch.events
    assert not watch.lost


def test_sizes_calculate_as_ints_and_floats_do():
    n = Size(7)
    assert [n + 1, 1 - n, n * 2, n // 2, n % 4, -n, abs(-n), n**2, divmod(n, 4)] == [8, -6, 14, 3, 3, -7, 7, 49, (1, 3)]
    assert [type(x) for x in (n + 1, n / 2, 2 / n, n * 0.5, n**0.5)] == [Size, Real, Real, Real, Real]
    assert [n << 1, n >> 1, n & 3, n | 8, n ^ 1, ~n] == [14, 3, 3, 15, 6, -8]
    assert type(plain(n)) is int
    assert type(plain(n / 2)) is float
    assert n.__add__("x") is NotImplemented
    assert n.__eq__("x") is NotImplemented
    assert bool(Real(0.5))
    assert list(range(3))[: Size(2)] == [0, 1]


def test_outside_of_a_watch_nothing_is_noted():
    with Watch() as watch:
        pass
    assert Size(3) > 2
    assert not watch.events


@pytest.mark.parametrize("x", [Size(3), Real(0.5)])
def test_copies_are_plain_numbers(x):
    assert type(pickle.loads(pickle.dumps(x))) in (int, float)
    assert type(copy.copy(x)) in (int, float)
