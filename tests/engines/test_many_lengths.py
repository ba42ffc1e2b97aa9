"""One code for many lengths: where it is one, and what is found where it is not."""

import numpy as np
import pytest

import pullback as pb

pytest.importorskip("llvmlite")
from pullback.engines.llvm.arena import Slots
from pullback.engines.llvm.dynamic import Differs, ManyLengths

POINTS = (67, 130, 259, 512, 1021)


def program(f, *args):
    return pb.jit(f).program(*args)


def many(f, *make):
    return ManyLengths([((n,), program(f, *(m(n) for m in make))) for n in POINTS])


def values(n):
    return np.linspace(0.1, 1.0, n)


def test_numbers_that_depend_on_the_length_are_read_from_a_table():
    code = many(lambda x: np.sum(np.sin(x)), values)
    assert "%sizes" in code.text
    assert not any(str(n) in code.template.text for n in (259, 1021))


def test_code_without_such_numbers_takes_no_table_into_its_loops():
    text = many(lambda x, y: np.sin(y), values, lambda n: np.ones(30)).template.text
    assert "ptr %sizes)" not in text


@pytest.mark.parametrize("n", [20, 68, 100, 1021, 5000])
def test_an_instance_gives_what_numpy_gives(n):
    def f(x, w):
        return np.tanh(x @ w), np.concatenate([x[:3], x]), np.cumsum(x, axis=0)[-1], x[1:] - x[:-1]

    x, w = np.random.default_rng(0).standard_normal((n, 30)), np.full((30, 4), 0.1)
    for found, wanted in zip(many(f, lambda n: np.ones((n, 30)), lambda n: w).at((n,)).run(x, w), f(x, w), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


def test_it_covers_lengths_of_the_same_code_and_no_others():
    def f(x):
        return np.sum(x * 2.0)

    code = many(f, values)
    assert code.covers((30,), program(f, values(30)))
    assert code.covers((5000,), program(f, values(5000)))
    assert not code.covers((3,), program(f, values(3)))  # unrolled
    assert not code.covers((100,), program(lambda x: np.sum(x * 3.0), values(100)))


@pytest.mark.parametrize(
    ("f", "why"),
    [
        (lambda x: x[: x.shape[0] // 2], "unknown way"),
        (lambda x: x * (2.0 if len(x) % 2 else 3.0), "a number of the code is 2.0, 3.0"),
        (lambda x: np.sort(x) * x, "sort calls back to NumPy"),
        (lambda x: x * np.random.default_rng(len(x)).random(), "a number of the code is"),
    ],
)
def test_code_that_is_another_at_some_lengths_is_refused(f, why):
    with pytest.raises(Differs, match=why):
        many(f, values)


def test_an_index_out_of_range_names_the_size_of_this_length():
    code = many(lambda x, i: x[i], values, lambda n: 3)
    with pytest.raises(IndexError, match="index 77 is out of bounds for axis 0 with size 77"):
        code.at((77,)).run(values(77), 77)


def test_pieces_of_one_size_are_taken_again_and_of_others_not():
    slots = Slots()
    a, b = slots.take(80), slots.take(160)
    slots.give_back(b, 160)
    assert slots.take(80) not in (a, b)
    assert slots.take(160) == b
    offsets, total = Slots.laid_out([80, 0, 64])
    assert offsets == [0, 128, 192]
    assert total == 256


def test_what_an_instance_works_in_grows_with_the_length():
    def f(a, x):
        return np.sum(np.tanh(a @ x) @ x)

    code = many(f, lambda n: np.ones((n, n)), values)
    sizes = [code.at((n,)).arena_size for n in (100, 1000)]
    assert 1600 <= sizes[0] < 2000  # two vectors
    assert 16_000 <= sizes[1] < 17_000


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.concatenate([x[:3], x, x[::-1]]) * np.pad(x, (x.shape[0], 3))[: 2 * x.shape[0] + 3],
        lambda x: np.cumsum(np.roll(np.outer(x, x), 1, axis=0), axis=1) @ np.tanh(x),
        lambda x: pb.scan(lambda c, a: (np.sin(c) + a, c * x), 0.0, x)[1],
        lambda x: [np.exp(-((x[:, None] - x[None]) ** 2)) @ x, np.linalg.norm(x)][0],
    ],
)
def test_nothing_is_written_beyond_the_memory_of_this_length(f):
    code = many(f, values)
    for n in (70, 71, 300, 1021, 80):
        found = code.at((n,)).guarded(values(n))
        np.testing.assert_allclose(found[0], f(values(n)), rtol=1e-9, atol=1e-9)
