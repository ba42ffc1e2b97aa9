"""Tapes as primitives: sums, lanes, and the empty tape that is the zero of any length."""

import numpy as np
import pytest

from pullback.core.body import LinearRecorder, ProgramRecorder
from pullback.core.check import check
from pullback.core.primitive import Same
from pullback.core.replay import replay
from pullback.core.types import Tape, array_type, tape_type, type_of
from pullback.primitives.tapes import (
    add_tapes,
    add_values,
    batch_tape,
    count_turns,
    empty_tape,
    unbatch_tape,
    zero_equation,
    zero_value,
)
from pullback.transforms.transpose import transpose
from tests import oracles

ELEMENT = array_type((2,), np.float64)
LANES = array_type((3, 2), np.float64)


def _tape(rng, turns, element=ELEMENT):
    return Tape(rng.normal(size=(turns, *element.shape)), tape_type(element))


def test_an_empty_tape_is_the_zero_of_any_length(rng):
    empty, full = empty_tape(element=ELEMENT), _tape(rng, 4)
    assert type_of(empty) is tape_type(ELEMENT)
    for total in (add_tapes(empty, full), add_tapes(full, empty)):
        np.testing.assert_array_equal(total.array, full.array)
    assert len(add_tapes(empty, empty)) == 0


def test_turns_are_counted_and_lanes_share_them(rng):
    for n in (0, 4):
        assert count_turns(_tape(rng, n)) == n
        shared = count_turns.batch(3, (_tape(rng, n, LANES),), (True,))
        assert isinstance(shared, Same)
        assert shared.value == n


def test_sums_go_turn_by_turn(rng):
    a, b = _tape(rng, 4), _tape(rng, 4)
    np.testing.assert_array_equal(add_tapes(a, b).array, a.array + b.array)
    np.testing.assert_array_equal(add_values(a, b).array, a.array + b.array)
    assert add_values(1.0, 2.0) == 3.0
    assert add_tapes.jvp((a, b), None, (a, None)) is a
    assert add_tapes.jvp((a, b), None, (None, b)) is b


def test_lanes_and_their_sum_are_transposes(rng):
    one, many = _tape(rng, 4), _tape(rng, 4, LANES)
    assert type_of(batch_tape(one, size=3)) is tape_type(LANES)
    assert type_of(unbatch_tape(many)) is tape_type(ELEMENT)

    def spread(array):
        return batch_tape(Tape(array, tape_type(ELEMENT)), size=3).array

    def gathered(array):
        return unbatch_tape(Tape(array, tape_type(LANES))).array

    oracles.assert_transposes(spread, gathered, one.array, many.array)


@pytest.mark.parametrize("which", ["spread", "gathered", "added"])
def test_linear_programs_of_tapes_transpose(which, rng):
    element = LANES if which == "gathered" else ELEMENT
    with LinearRecorder() as recorder:
        v = recorder.linear_input(tape_type(element))
        out = {
            "spread": lambda: batch_tape(v, size=3),
            "gathered": lambda: unbatch_tape(v),
            "added": lambda: add_tapes(v, add_tapes(v, v)),
        }[which]()
        program = check(recorder.finish([out]))
    pulled = check(transpose(program).program)
    tangent = _tape(rng, 4, element)
    (pushed,) = replay(program, [tangent])
    u = Tape(rng.normal(size=pushed.array.shape), pushed.type)
    (back,) = replay(pulled, [u])
    assert back.type is tangent.type
    np.testing.assert_allclose(np.vdot(u.array, pushed.array), np.vdot(back.array, tangent.array), rtol=1e-13)


def test_batched_sums_spread_the_tape_that_is_the_same_in_every_lane(rng):
    one, many = _tape(rng, 4), _tape(rng, 4, LANES)
    total = add_tapes.batch(3, (one, many), (False, True))
    np.testing.assert_array_equal(total.array, one.array[:, None] + many.array)
    assert type_of(empty_tape.batch(3, (), (), element=ELEMENT)) is tape_type(LANES)


@pytest.mark.parametrize("type", [tape_type(ELEMENT), LANES, array_type((), np.complex64)], ids=str)
def test_every_type_has_a_zero_in_and_out_of_a_body(type):
    assert zero_equation(type).results[0].type is type
    assert type_of(zero_value(type)) is type
    with ProgramRecorder() as recorder:
        zero = zero_value(type)
        program = check(recorder.finish([zero]))
    assert type_of(replay(program, [])[0]) is type
