"""Random bits: NumPy's own Philox, word by word; the conformance suite; and that uses are kept apart."""

import numpy as np
import pytest

from pullback.core.errors import DTypeError, ShapeError
from pullback.core.primitive import infer_types
from pullback.core.types import type_of
from pullback.primitives.philox import philox
from tests.conformance import check_rules

KEY = np.array([-3, 2**62 + 5], np.int64)


def by_numpy(key, stream, n, purpose):
    counter = np.array([0, int(stream) % 2**64, 0, purpose], np.uint64)
    return np.random.Philox(counter=counter, key=key.view(np.uint64)).random_raw(n).view(np.int64)


@pytest.mark.parametrize("n", [1, 4, 7, 256, 257, 1001])
@pytest.mark.parametrize("stream", [0, 1, -1, 2**40 + 3])
def test_the_words_are_those_of_numpys_generator(n, stream):
    np.testing.assert_array_equal(philox(KEY, np.int64(stream), n=n, purpose=2), by_numpy(KEY, stream, n, 2))


@pytest.mark.parametrize("n", [0, 3, 300])
def test_philox_keeps_every_rule(n, rng):
    check_rules(philox, KEY, np.int64(7), rng=rng, n=n, purpose=0, lanes=lambda i, x, k: x + k * (i + 1))


def test_lanes_of_keys_and_streams_are_drawn_side_by_side(rng):
    keys, streams = rng.integers(-(2**62), 2**62, size=(2, 3, 2)), rng.integers(0, 99, size=(2, 3))
    drawn = philox(keys, streams, n=5, purpose=1)
    for lane in np.ndindex(2, 3):
        np.testing.assert_array_equal(drawn[lane], by_numpy(keys[lane], streams[lane], 5, 1))


def test_what_is_no_key_is_refused():
    with pytest.raises(DTypeError, match="two int64 words"):
        infer_types(philox, (type_of(np.zeros(2)), type_of(0)), {"n": 1, "purpose": 0})
    with pytest.raises(ShapeError, match=r"shape \(2,\)"):
        infer_types(philox, (type_of(np.zeros(3, np.int64)), type_of(0)), {"n": 1, "purpose": 0})
