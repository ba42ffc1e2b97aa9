"""Stacking: the conformance suite, for numbers and arrays, and every axis."""

import numpy as np
import pytest

from pullback.core.errors import ShapeError
from pullback.core.primitive import infer_types
from pullback.core.types import type_of
from pullback.primitives.stacking import stack
from tests.conformance import check_rules


@pytest.mark.parametrize(("shape", "axis"), [((), 0), ((3,), 0), ((3,), 1), ((2, 3), 1), ((2, 0), 2)])
def test_a_stack_keeps_every_rule(shape, axis, rng):
    check_rules(stack, *(rng.normal(size=shape) for _ in range(3)), rng=rng, axis=axis)


def test_a_stack_of_mixed_numbers_keeps_every_rule(rng):
    check_rules(stack, np.float64(0.5), 2, 1.5, rng=rng, moving=(0, 2), axis=0)
    check_rules(stack, np.float32(0.5), 2.0 + 1j, rng=rng, axis=0, rtol=1e-5)


def test_shapes_that_differ_are_refused():
    with pytest.raises(ShapeError, match="all input arrays must have the same shape"):
        infer_types(stack, (type_of(np.zeros(2)), type_of(np.zeros(3))), {"axis": 0})
