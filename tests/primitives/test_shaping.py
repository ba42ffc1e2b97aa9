"""Shapes: the conformance suite, and what the helpers promise."""

import numpy as np
import pytest

from pullback.core.errors import ShapeError
from pullback.core.primitive import infer_types
from pullback.core.types import type_of
from pullback.primitives.shaping import (
    align,
    broadcast,
    convert,
    fit_cotangent,
    fit_tangent,
    permuted,
    real_dtype,
    reshape,
    sum_to,
    transpose,
    zeros_like,
)
from tests.conformance import check_rules


@pytest.mark.parametrize(("shape", "to"), [((2, 3), (6,)), ((1,), ()), ((), (1, 1)), ((0, 2), (3, 0)), ((4,), (2, 2))])
def test_reshape_keeps_every_rule(shape, to, rng):
    check_rules(reshape, rng.normal(size=shape), rng=rng, shape=to, variants=("non-contiguous",))


@pytest.mark.parametrize(
    ("shape", "to"), [((3, 1), (2, 3, 4)), ((), (2,)), ((2,), (2,)), ((1, 2), (0, 2)), ((1,), (100, 50))]
)
def test_broadcast_keeps_every_rule(shape, to, rng):
    check_rules(broadcast, rng.normal(size=shape)[()], rng=rng, shape=to)


def test_a_python_scalar_can_be_reshaped_and_broadcast(rng):
    check_rules(reshape, 2.0, rng=rng, shape=(1, 1))
    check_rules(broadcast, 2.0, rng=rng, shape=(3,))


@pytest.mark.parametrize(("shape", "to"), [((2, 3, 4), (3, 1)), ((2, 3), ()), ((2, 3, 4), (1, 1, 4)), ((3,), (3,))])
def test_sum_to_keeps_every_rule(shape, to, rng):
    check_rules(sum_to, rng.normal(size=shape), rng=rng, shape=to)


@pytest.mark.parametrize("axes", [(2, 0, 1), (0, 1, 2), (1, 0, 2)])
def test_transpose_keeps_every_rule(axes, rng):
    x = rng.normal(size=(2, 3, 4))
    check_rules(transpose, x, rng=rng, axes=axes)
    np.testing.assert_array_equal(permuted(x, axes), np.transpose(x, axes))


def test_permuted_leaves_alone_what_does_not_move(rng):
    x = rng.normal(size=(2, 3))
    assert permuted(x, (0, 1)) is x


@pytest.mark.parametrize("to", [np.complex128, np.float64])
def test_convert_keeps_every_rule(to, rng):
    check_rules(convert, rng.normal(size=3), rng=rng, dtype=np.dtype(to), jvp_oracle="differences")
    z = rng.normal(size=3) + 1j
    check_rules(convert, z, rng=rng, dtype=np.dtype(to), jvp_oracle="differences")


def test_convert_to_fewer_digits_is_linear_up_to_rounding(rng):
    x = rng.normal(size=3).astype(np.float32)
    check_rules(convert, x, rng=rng, dtype=np.dtype(np.float64), jvp_oracle="differences")
    check_rules(convert, x, rng=rng, dtype=np.dtype(np.complex64), jvp_oracle="differences")


def test_convert_to_a_real_dtype_takes_the_real_part_without_a_warning():
    assert convert(np.complex128(1 + 2j), dtype=np.dtype(np.float32)) == np.float32(1)
    assert convert(np.array([1.5]), dtype=np.dtype(int)).tolist() == [1]


def test_an_integer_has_no_tangent():
    assert convert.jvp((1.0,), 1, (1.0,), dtype=np.dtype(int)) is None


def test_zeros_like_keeps_every_rule(rng):
    check_rules(zeros_like, rng.normal(size=(2, 3)), rng=rng)
    check_rules(zeros_like, 2.0, rng=rng)


def test_shapes_that_do_not_fit_are_an_error():
    x = type_of(np.zeros((2, 3)))
    with pytest.raises(ShapeError, match="6 elements do not fill 4"):
        infer_types(reshape, (x,), {"shape": (4,)})
    with pytest.raises(ShapeError, match="does not broadcast"):
        infer_types(broadcast, (x,), {"shape": (3,)})


def test_align_puts_lanes_behind_one_batch_axis(rng):
    a, b = rng.normal(size=(5, 3)), rng.normal(size=(2, 3))
    x, y = align((a, b), (True, False))
    assert (x.shape, y.shape) == ((5, 1, 3), (2, 3))


def test_fitting_restores_shape_and_dtype(rng):
    t = type_of(np.zeros((2, 3), np.float32))
    v = fit_tangent(np.ones(3), t)
    assert type_of(v) is t
    u = fit_cotangent(np.ones((4, 2, 3)) + 0j, t)
    assert type_of(u) is t
    np.testing.assert_array_equal(u, 4)


def test_the_real_part_of_a_dtype():
    dtypes = [np.complex64, np.complex128, np.float32, np.int8]
    assert [real_dtype(np.dtype(d)) for d in dtypes] == [np.empty(0, d).real.dtype for d in dtypes]
