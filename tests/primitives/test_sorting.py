"""Sorting: the conformance suite, and what happens at ties."""

import numpy as np
import pytest

from pullback.core.errors import ShapeError
from pullback.core.primitive import infer_types
from pullback.core.types import type_of
from pullback.primitives.arithmetic import mul
from pullback.primitives.reductions import sum_
from pullback.primitives.sorting import argsort, searchsorted, sort
from tests.conformance import check_rules
from tests.primitives.gradients import gradient

SHAPES = [((4,), 0), ((3, 4), 0), ((3, 4), 1), ((2, 3, 2), 1), ((0,), 0), ((2, 1), 1)]


@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_sorting_keeps_every_rule(shape, axis, rng):
    x = rng.normal(size=shape)
    check_rules(sort, x, rng=rng, axis=axis, jvp_oracle="differences", variants=("float32", "non-contiguous"))
    check_rules(argsort, x, rng=rng, axis=axis)


def test_integers_sort_too(rng):
    check_rules(sort, rng.integers(0, 9, size=(3, 4)), rng=rng, axis=1)


def test_equal_elements_keep_their_order():
    x, w = np.array([2.0, 1.0, 2.0, 1.0]), np.array([1.0, 2.0, 3.0, 4.0])
    np.testing.assert_array_equal(argsort(x, axis=0), [1, 3, 0, 2])
    np.testing.assert_array_equal(gradient(lambda x: sum_(mul(sort(x, axis=0), w), axes=(0,)))(x), [3, 1, 4, 2])


@pytest.mark.parametrize("side", ["left", "right"])
def test_searchsorted_keeps_every_rule(side, rng):
    a, v = np.sort(rng.integers(0, 5, size=6)), rng.integers(-1, 6, size=(2, 3))
    check_rules(searchsorted, a, v, rng=rng, side=side, lanes=lambda i, x, k: x + k * i)
    np.testing.assert_array_equal(searchsorted(a, v, side=side), np.searchsorted(a, v, side))


def test_searchsorted_in_more_than_one_axis_is_an_error():
    with pytest.raises(ShapeError, match="1-D"):
        infer_types(searchsorted, (type_of(np.zeros((2, 2))), type_of(1.0)), {})
