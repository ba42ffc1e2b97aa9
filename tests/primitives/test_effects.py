"""Guards, stops, callbacks and prints: the conformance suite for what does not move, and a guard that is broken."""

import numpy as np
import pytest

from pullback.core.errors import CustomRuleError, GuardError, NotTraceable
from pullback.core.types import array_type
from pullback.primitives.arithmetic import mul
from pullback.primitives.effects import debug_print, guard, pure_callback, stop_gradient
from tests.conformance import check_rules
from tests.primitives.derivatives import forward, reverse


@pytest.mark.parametrize("x", [np.ones((2, 3)), np.float32(2.0), 2.0, np.arange(3), np.ones(2, complex)], ids=repr)
def test_stopping_a_gradient_keeps_every_rule(x, rng):
    check_rules(stop_gradient, x, rng=rng)


@pytest.mark.parametrize("mode", [reverse, forward])
def test_nothing_moves_behind_a_stop(mode):
    x = np.array([2.0, -3.0])
    np.testing.assert_array_equal(mode(stop_gradient)(x), np.zeros(2))
    np.testing.assert_array_equal(mode(lambda t: mul(t, stop_gradient(t)))(x), x)


def test_a_stop_gives_a_copy():
    x = np.ones(3)
    assert not np.shares_memory(stop_gradient(x), x)


def test_a_guard_passes_what_python_took_and_nothing_else():
    assert guard(np.bool_(True), kind=bool, expected=True) == ()
    assert guard(np.int64(3), kind=int, expected=3) == ()
    with pytest.raises(GuardError, match=r"(?s)int\(\) of a value was 3; here it is 4.*np\.where"):
        guard(np.int64(4), kind=int, expected=3)


def test_a_guard_under_vmap_says_what_to_write_instead():
    with pytest.raises(GuardError, match=r"(?s)under vmap.*np\.where"):
        guard.batch(3, (np.ones(3),), (True,), kind=bool, expected=True)


def test_a_guard_prints_what_was_taken():
    assert guard.written({"kind": bool, "expected": True}) == "bool: True"


TYPES = (array_type((), np.float64), array_type((2,), np.int64))


def total_and_first(x, y):
    return [np.sum(x) + np.sum(y), np.ravel(x)[:2].astype(np.int64)]


def called(x, y):
    return pure_callback(x, y, f=total_and_first, types=TYPES)


def test_a_callback_has_the_types_that_were_announced():
    assert pure_callback.infer(f=total_and_first, types=TYPES) == TYPES
    batched = pure_callback.infer(f=total_and_first, types=TYPES, lanes=((3, ()), (4, ())))
    assert [t.shape for t in batched] == [(3, 4), (3, 4, 2)]


@pytest.mark.parametrize("batched", [(True, False), (False, True), (True, True)], ids=str)
def test_a_callback_of_a_batch_is_a_loop_over_its_lanes(batched):
    x, y = np.arange(6.0).reshape(3, 2), np.arange(3.0, 9.0).reshape(3, 2)
    operands = tuple(z if b else z[0] for z, b in zip((x, y), batched, strict=True))
    outs = pure_callback.batch(3, operands, batched, f=total_and_first, types=TYPES)
    for i in range(3):
        lane = called(*(z[i] if b else z for z, b in zip(operands, batched, strict=True)))
        for all_lanes, one in zip(outs, lane, strict=True):
            np.testing.assert_array_equal(all_lanes[i], one)


def test_a_callback_of_no_lanes_gives_empty_arrays():
    outs = pure_callback.batch(0, (np.empty((0, 2)), np.ones(2)), (True, False), f=total_and_first, types=TYPES)
    assert [y.shape for y in outs] == [(0,), (0, 2)]


def test_a_quiet_callback_gives_zeros_where_it_raises():
    params = pure_callback.quiet_params({"f": lambda x: 1 / 0, "types": TYPES[:1]})
    assert pure_callback(1.0, **params) == (0.0,)
    with pytest.raises(ZeroDivisionError):
        pure_callback(1.0, f=lambda x: 1 / 0, types=TYPES[:1])


def test_a_callback_that_breaks_its_word_or_is_differentiated_is_refused():
    with pytest.raises(CustomRuleError, match="announced"):
        pure_callback(1.0, f=lambda x: [np.ones(3)], types=TYPES[:1])
    with pytest.raises(CustomRuleError, match="announced int64"):
        pure_callback(1.0, f=lambda x: [np.ones(2)], types=TYPES[1:])
    with pytest.raises(NotTraceable, match="stop_gradient"):
        reverse(lambda x: called(x, x)[0])(np.ones(2))
    with pytest.raises(NotTraceable, match="custom_vjp"):
        forward(lambda x: called(x, x)[0])(np.ones(2))


def test_a_print_of_a_batch_prints_its_lanes_in_order():
    said = []
    assert debug_print.batch(2, (np.arange(2), 7), (True, False), f=lambda *xs: said.append(xs)) == ()
    assert said == [(0, 7), (1, 7)]
    assert debug_print.infer(f=print) == ()
    assert debug_print.quiet_params({"f": print}) is None
