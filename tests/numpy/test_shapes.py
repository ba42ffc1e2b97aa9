"""Shapes: every form of axes and sizes that NumPy takes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback.core import errors
from tests.numpy.checks import check, check_value

X = np.arange(24.0).reshape(2, 3, 4)

sliding = np.lib.stride_tricks.sliding_window_view
CASES = {
    "reshape": lambda x: np.reshape(x, (4, 6)),
    "reshape unknown": lambda x: x.reshape(-1, 8),
    "reshape tuple": lambda x: x.reshape((3, -1)),
    "reshape int": lambda x: x.reshape(24),
    "reshape fortran": lambda x: x.reshape((4, 6), order="F"),
    "ravel": lambda x: x.ravel(),
    "ravel fortran": lambda x: np.ravel(x, order="F"),
    "flatten": lambda x: x.flatten(),
    "flat": lambda x: x.flat[5] * x.ravel()[3],
    "T": lambda x: x.T,
    "mT": lambda x: x.mT,
    "transpose": lambda x: np.transpose(x, (1, 0, 2)),
    "transpose negative": lambda x: x.transpose(-1, 0, 1),
    "transpose none": lambda x: x.transpose(),
    "transpose tuple": lambda x: x.transpose((2, 0, 1)),
    "permute_dims": lambda x: np.permute_dims(x, (2, 1, 0)),
    "matrix_transpose": lambda x: np.matrix_transpose(x),
    "swapaxes": lambda x: np.swapaxes(x, 0, -1),
    "moveaxis": lambda x: np.moveaxis(x, 0, -1),
    "moveaxis several": lambda x: np.moveaxis(x, [0, 1], [-1, 0]),
    "rollaxis": lambda x: np.rollaxis(x, 2),
    "rollaxis start": lambda x: np.rollaxis(x, 0, 2),
    "expand_dims": lambda x: np.expand_dims(x, 1),
    "expand_dims several": lambda x: np.expand_dims(x, (0, -1)),
    "squeeze": lambda x: np.squeeze(x[:, :1]),
    "squeeze axis": lambda x: x[:1, :1].squeeze(1),
    "broadcast_to": lambda x: np.broadcast_to(x[:, :1], (5, 2, 3, 4)),
    "broadcast_arrays": lambda x: np.broadcast_arrays(x, x[0], np.ones(4)),
    "atleast": lambda x: np.atleast_1d(x[0, 0, 0], x[0]),
    "atleast_2d": lambda x: np.atleast_2d(x[0, 0]),
    "atleast_3d": lambda x: [np.atleast_3d(y) for y in (x[0, 0, 0], x[0, 0], x[0], x)],
    "flip": lambda x: np.flip(x),
    "flip axis": lambda x: np.flip(x, (0, -1)),
    "flipud": lambda x: np.flipud(x),
    "fliplr": lambda x: np.fliplr(x),
    "rot90": lambda x: [np.rot90(x, k) for k in range(4)],
    "rot90 axes": lambda x: np.rot90(x, axes=(1, 2)),
    "sliding_window_view": lambda x: [sliding(x, 2, axis=1), sliding(x, (1, 2), axis=(2, 1)), sliding(x, x.shape)],
    "roll": lambda x: np.roll(x, 5),
    "roll axis": lambda x: np.roll(x, 2, axis=1),
    "roll axes": lambda x: np.roll(x, (1, -2), axis=(0, 2)),
    "copy": lambda x: x.copy(),
    "astype": lambda x: x.astype(np.float64),
}


@pytest.mark.parametrize("f", CASES.values(), ids=CASES.keys())
def test_a_change_of_shape_is_numpys(f, rng):
    check(f, X, rng=rng)


def test_attributes_are_numpys():
    def f(x):
        assert (x.shape, x.ndim, x.size, x.dtype, len(x)) == ((2, 3, 4), 3, 24, np.float64, 2)
        assert (x.itemsize, x.nbytes, x.strides) == (8, 192, X.strides)
        assert (np.shape(x), np.ndim(x), np.size(x), np.size(x, 1)) == ((2, 3, 4), 3, 24, 3)
        return x.sum()

    pb.grad(f)(X)
    pb.jit(f)(X)


@given(st.permutations(range(3)), st.data())
def test_any_permutation_and_its_reshapes(axes, data):
    sizes = data.draw(st.sampled_from([(24,), (4, -1), (-1, 2, 3), (1, 24, 1), (2, 2, 2, 3)]))
    check_value(lambda x: np.transpose(x, axes).reshape(sizes), X)
    check_value(lambda x: np.moveaxis(x, (0, 1, 2), axes), X)


@pytest.mark.parametrize(
    ("f", "kind", "match"),
    [
        (lambda x: x.reshape(5, 5), ValueError, "cannot reshape array of size 24"),
        (lambda x: x.reshape(-1, 5), ValueError, "cannot reshape"),
        (lambda x: x.reshape(-1, -1), ValueError, "one unknown dimension"),
        (lambda x: x.transpose(0, 1), ValueError, "axes don't match array"),
        (lambda x: x.transpose(0, 0, 1), ValueError, "repeated axis"),
        (lambda x: np.moveaxis(x, 3, 0), np.exceptions.AxisError, "axis 3 is out of bounds"),
        (lambda x: np.squeeze(x, 0), ValueError, "size not equal to one"),
        (lambda x: np.expand_dims(x, 5), np.exceptions.AxisError, "out of bounds"),
        (lambda x: np.broadcast_to(x, (2, 2)), errors.ShapeError, "broadcast_to of shape"),
        (lambda x: x.reshape(24, order="Q"), errors.NotWritten, "only C order"),
        (lambda x: x.view(np.int64), errors.NotWritten, "astype"),
        (lambda x: x.flags, AttributeError, "no memory of its own"),
    ],
)
def test_misuse_is_refused_as_by_numpy(f, kind, match):
    with pytest.raises(kind, match=match):
        pb.trace(f)(X)
