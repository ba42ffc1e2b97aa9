"""Types are interned, print as users read them, and pickle to themselves."""

import pickle

import numpy as np
import pytest

from pullback.core.types import Tape, array_type, is_inexact, tape_type, type_of


def test_equal_types_are_one_object():
    assert array_type((2, 3), np.float32) is array_type((2, 3), "float32")
    assert array_type((2,), np.float64) is not array_type((2,), np.float64, weak=True)
    assert tape_type(array_type((2,), np.float64)) is tape_type(array_type((2,), np.float64))


def test_a_type_of_another_byte_order_is_the_native_one():
    assert array_type((2,), ">f8") is array_type((2,), "<f8")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.ones((3, 2)), "float64[3,2]"),
        (np.float32(1), "float32[]"),
        (2.0, "float64[]~"),
        (2, "int64[]~"),
        (True, "bool[]~"),
        (1j, "complex128[]~"),
        (np.zeros(0, np.int8), "int8[0]"),
    ],
)
def test_a_type_prints_as_its_dtype_and_shape(value, text):
    assert repr(type_of(value)) == text


def test_python_scalars_are_weak_and_numpy_scalars_are_not():
    assert type_of(1.0).weak
    assert not type_of(np.float64(1.0)).weak
    assert type_of(1.0).strong is type_of(np.float64(1.0))


def test_only_floating_and_complex_values_are_inexact():
    assert is_inexact(1.0)
    assert is_inexact(1j)
    assert not is_inexact(1)
    assert not is_inexact(np.zeros(2, bool))


def test_types_pickle_to_themselves():
    for t in (array_type((2, 3), np.float32), type_of(2.0), tape_type(array_type((4,), np.float64))):
        assert pickle.loads(pickle.dumps(t)) is t


def test_sizes_and_bytes_are_those_of_the_array():
    x = np.ones((3, 0, 2), np.float32)
    assert (type_of(x).size, type_of(x).nbytes) == (x.size, x.nbytes)
    y = np.ones((3, 2), np.complex64)
    assert (type_of(y).size, type_of(y).nbytes) == (y.size, y.nbytes)


def test_a_batched_type_has_the_lanes_in_front_and_is_strong():
    assert type_of(2.0).batched(5) is array_type((5,), np.float64)
    assert tape_type(array_type((2,), np.float64)).batched(5) is tape_type(array_type((5, 2), np.float64))


def test_an_empty_tape_is_the_zero_of_any_length():
    t = tape_type(array_type((2,), np.float64))
    empty, two = Tape(np.zeros((0, 2)), t), Tape(np.ones((2, 2)), t)
    assert (empty + two) is two
    assert (two + empty) is two
    np.testing.assert_array_equal((two + two).array, 2 * np.ones((2, 2)))
