"""Random bits in native code: NumPy's own Philox, word for word, whatever the shape."""

import numpy as np
import pytest

import pullback as pb
from pullback import random
from pullback.engines import threads
from pullback.primitives.philox import philox
from tests.engines.native import Compiled, held

WORD = np.iinfo(np.int64)


@pytest.fixture(autouse=True)
def native(monkeypatch):
    monkeypatch.delenv("PULLBACK_ENGINE", raising=False)


def words(rng, *shape):
    return rng.integers(WORD.min, WORD.max, size=shape, endpoint=True)


def of_numpy(key, stream, n, purpose):
    """Return what NumPy's generator draws, which counts before it draws."""
    counter = np.array([0, stream, 0, purpose], np.int64).view(np.uint64)
    return np.random.Philox(counter=counter, key=key.view(np.uint64)).random_raw(n).view(np.int64)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 8, 255, 1001])
@pytest.mark.parametrize("purpose", [0, 2])
def test_words_are_those_of_numpys_generator(n, purpose):
    rng = np.random.default_rng(n)
    for key, stream in [(words(rng, 2), words(rng)) for _ in range(3)] + [(np.full(2, -1), -1), (np.zeros(2, int), 0)]:
        run = Compiled(pb.trace(lambda k, s: philox(k, s, n=n, purpose=purpose))(key, np.asarray(stream)))
        assert not run.called_back
        np.testing.assert_array_equal(run.guarded(key, np.asarray(stream))[0], of_numpy(key, stream, n, purpose))


@pytest.mark.parametrize("lanes", [(3,), (2, 5), (1, 4, 1), (70, 3)])
@pytest.mark.parametrize("n", [1, 4, 7])
def test_lanes_have_streams_of_their_own(lanes, n):
    rng = np.random.default_rng(n)
    key, stream = words(rng, *lanes, 2), words(rng, *lanes)
    (found,) = held(pb.trace(lambda k, s: philox(k, s, n=n, purpose=0))(key, stream), [key, stream])
    for i in np.ndindex(*lanes):
        np.testing.assert_array_equal(found[i], of_numpy(key[i], stream[i], n, 0))


def test_no_words_are_none():
    key = np.array([1, 2])
    assert Compiled(pb.trace(lambda k: philox(k, np.array(0), n=0, purpose=0))(key))(key)[0].shape == (0,)


def test_keys_may_be_calculated_where_they_are_read():
    key, stream = np.array([1, 2]), np.array(5)
    held(pb.trace(lambda k, s: philox(k * 3 + 1, s - 7, n=6, purpose=1))(key, stream), [key, stream])


def test_draws_in_a_loop_call_nothing_back():
    def walk(key):
        def step(x, i):
            x = x + random.normal(random.fold_in(key, i), 3)
            return x, x

        return pb.scan(step, np.zeros(3), np.arange(50))[1]

    key = random.key(3)
    run = pb.jit(walk)
    assert not run.lower(key).callbacks
    steps = [random.normal(random.fold_in(key, i), 3) for i in range(50)]
    np.testing.assert_allclose(run(key), np.cumsum(steps, axis=0), rtol=1e-12, atol=1e-12)


def test_draws_of_lanes_are_those_of_each():
    keys = random.split(random.key(5), 40)
    found = pb.jit(pb.vmap(lambda k: random.uniform(k, 9)))(keys)
    np.testing.assert_array_equal(found, [random.uniform(k, 9) for k in keys])


@pytest.mark.parametrize("lanes", [(), (3,), (100,)])
def test_many_words_are_drawn_in_pieces(lanes):
    rng = np.random.default_rng(1)
    key, stream, n = words(rng, *lanes, 2), words(rng, *lanes), 400_003 // int(np.prod(lanes, initial=1))
    run = Compiled(pb.trace(lambda k, s: philox(k, s, n=n, purpose=0))(key, stream))
    assert ".task(" in run.text
    before = threads.number()
    try:
        for number in (1, 3):
            threads.set_number(number)
            (found,) = run.guarded(key, np.asarray(stream))
            for i in np.ndindex(*lanes):
                np.testing.assert_array_equal(found[i], of_numpy(key[i], stream[i], n, 0))
    finally:
        threads.set_number(before)
