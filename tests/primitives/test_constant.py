"""constant: an array in a Program itself."""

import pickle

import numpy as np

from pullback.core.arrays import Data
from pullback.core.body import ProgramRecorder
from pullback.core.check import check
from pullback.core.types import Tape, array_type, tape_type
from pullback.primitives.arithmetic import add
from pullback.primitives.constant import constant
from pullback.primitives.tapes import batch_tape, empty_tape, mask_tape, unbatch_tape


def test_a_constant_is_its_array():
    data = Data(np.arange(3.0))
    np.testing.assert_array_equal(constant(data=data), [0.0, 1.0, 2.0])
    assert constant.infer(data=data) is array_type((3,), np.float64)


def test_data_is_told_apart_by_what_is_in_it():
    assert Data(np.ones(2)) == Data(np.ones(2))
    assert hash(Data(np.ones(2))) == hash(Data(np.ones(2)))
    for other in (np.zeros(2), np.ones(2, np.float32), np.ones((2, 1))):
        assert Data(np.ones(2)) != Data(other)
    assert Data(np.ones(2)) != 1.0
    assert pickle.loads(pickle.dumps(Data(np.ones(2)))) == Data(np.ones(2))


def test_a_closed_recorder_writes_arrays_down_once():
    w = np.ones(3)
    with ProgramRecorder(closed=True) as recorder:
        x = recorder.input(array_type((3,), np.float64))
        program = recorder.finish([add(add(x, w), w), add(w, w)])
    assert program.constants == ()
    assert [eq.primitive.name for eq in check(program).equations] == ["constant", "add", "add", "add"]


INNER = tape_type(array_type((2,), np.float64))


def nested(*lengths):
    turns = np.empty(len(lengths), object)
    for i, n in enumerate(lengths):
        turns[i] = Tape(np.full((n, 2), i + 1.0), INNER)
    return Tape(turns, tape_type(INNER))


def test_tapes_of_tapes_add_turn_by_turn_with_zeros_for_what_is_not_there():
    total = nested(2, 1) + nested(1, 3, 2)
    assert [len(t) for t in total.array] == [2, 3, 2]
    np.testing.assert_array_equal(total[0].array, [[2, 2], [1, 1]])
    np.testing.assert_array_equal(total[1].array, [[4, 4], [2, 2], [2, 2]])
    assert total.nbytes == 7 * 16


def test_tapes_are_batched_masked_and_summed_at_any_depth():
    wide = batch_tape(nested(2, 1), size=3)
    assert wide[0].array.shape == (2, 3, 2)
    assert wide.type.element.element is array_type((3, 2), np.float64)
    kept = mask_tape(np.array([True, False, True]), wide)
    np.testing.assert_array_equal(kept[1].array[:, :, 0], [[2.0, 0.0, 2.0]])
    np.testing.assert_array_equal(unbatch_tape(kept)[1].array, [[4.0, 4.0]])
    inner = batch_tape(batch_tape(nested(2), size=3), size=4, at=1)
    assert inner[0].array.shape == (2, 3, 4, 2)
    assert unbatch_tape(inner, at=1)[0].array.shape == (2, 3, 2)


def test_an_empty_tape_of_tapes_is_their_zero():
    assert len(empty_tape(element=INNER)) == 0
    assert (empty_tape(element=INNER) + nested(2)).nbytes == 32
