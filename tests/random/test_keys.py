"""Keys: splits and folds give other keys, draws are what the key says, and mistakes are named."""

import numpy as np
import pytest

import pullback as pb
from pullback import random
from pullback.core.errors import ArgumentError, DTypeError, ShapeError

KEY = random.key(11)


def test_a_key_draws_the_same_again_and_another_key_does_not():
    np.testing.assert_array_equal(random.bits(KEY, 8), random.bits(KEY, 8))
    assert not np.any(random.bits(KEY, 8) == random.bits(random.key(12), 8))


def test_keys_from_splits_and_folds_are_all_different():
    keys = [
        KEY,
        *random.split(KEY, 5),
        *(random.fold_in(KEY, i) for i in range(5)),
        *random.split(random.split(KEY)[0]),
    ]
    assert len({k.tobytes() for k in keys}) == len(keys)
    draws = np.array([random.bits(k, 4) for k in keys])
    assert len(np.unique(draws)) == draws.size


def test_a_longer_draw_begins_as_a_shorter_one():
    np.testing.assert_array_equal(random.bits(KEY, 1000)[:3], random.bits(KEY, 3))


def test_a_seed_may_have_all_64_bits():
    assert random.key(2**64 - 1).view(np.uint64)[0] == 2**64 - 1
    np.testing.assert_array_equal(random.key(-1), random.key(2**64 - 1))


@pytest.mark.parametrize("seed", [1.5, True, 2**64, None])
def test_other_seeds_are_refused(seed):
    with pytest.raises(ArgumentError, match="integer of up to 64 bits"):
        random.key(seed)


@pytest.mark.parametrize("wrong", [0, np.zeros(2), np.zeros((3, 2), np.int64), None])
def test_what_is_no_key_is_an_error_that_says_how_to_make_one(wrong):
    with pytest.raises(DTypeError, match=r"random\.key\(seed\)"):
        random.normal(wrong, 3)


def test_a_fraction_is_not_folded_in():
    with pytest.raises(DTypeError, match="one integer"):
        random.fold_in(KEY, 0.5)


def test_parameters_that_do_not_fit_the_shape_are_an_error():
    with pytest.raises(ShapeError, match="broadcast to the shape"):
        random.normal(KEY, 4, loc=np.zeros(3))


def test_under_jit_vmap_and_scan_the_draws_are_the_same():
    keys = random.split(KEY, 3)
    each = np.stack([random.normal(k, 4) for k in keys])
    np.testing.assert_allclose(pb.vmap(lambda k: random.normal(k, 4))(keys), each, rtol=1e-12)
    np.testing.assert_allclose(pb.jit(pb.vmap(lambda k: random.normal(k, 4)))(keys), each, rtol=1e-12)
    np.testing.assert_allclose(pb.scan(lambda c, k: (c, random.normal(k, 4)), 0.0, keys)[1], each, rtol=1e-12)
    folded = pb.jit(lambda n: pb.fori_loop(0, n, lambda i, s: s + random.uniform(random.fold_in(KEY, i)), 0.0))
    assert np.isclose(folded(4), sum(random.uniform(random.fold_in(KEY, i)) for i in range(4)))


def test_keys_split_under_jit_are_those_split_outside():
    np.testing.assert_array_equal(pb.jit(lambda k: random.split(k, 3))(KEY), random.split(KEY, 3))
    np.testing.assert_array_equal(pb.vmap(random.split)(random.split(KEY, 3))[1], random.split(random.split(KEY, 3)[1]))
