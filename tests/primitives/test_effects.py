"""Guards and stops: the conformance suite for what does not move, and a guard that is broken."""

import numpy as np
import pytest

from pullback.core.errors import GuardError
from pullback.primitives.arithmetic import mul
from pullback.primitives.effects import guard, stop_gradient
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
