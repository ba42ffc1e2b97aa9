"""Rolling: repeats are found by structure, and the Program with loops computes what the one without does."""

import numpy as np
import pytest

import pullback as pb
from pullback.core.replay import replay
from pullback.core.tree import flatten
from pullback.transforms import rolling
from pullback.transforms.repeats import Stretch, stretches
from pullback.transforms.simplify import simplify

N = 12


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(rolling, "LEAST_WORK", 8)


def rolled(f, *args):
    """Return the rolled Program of f, after holding what it computes to f's own results, bit for bit."""
    program = simplify(pb.trace(f)(*args))
    made, _ = rolling.rolled(program)
    leaves = flatten(args)[0]
    for x, y in zip(replay(made, leaves), replay(program, leaves), strict=True):
        np.testing.assert_array_equal(x, y)
    return made


def names(program):
    return [eq.primitive.name for eq in program.equations]


def loops(program):
    return [eq for eq in program.equations if eq.primitive.name == "loop"]


def normal(*shape):
    return np.random.default_rng(0).standard_normal(shape)


# Finding repeats ----------------------------------------------------------------------------------


def test_a_stretch_is_found_with_its_smallest_period():
    tokens = np.array([9, 8, *[1, 2, 3] * 10, 1, 7])
    assert stretches(tokens, 4) == [Stretch(2, 33, 3)]


def test_inner_stretches_come_before_the_outer_one():
    tokens = np.array([*[1, *[2, 3] * 8, 4] * 9])
    found = stretches(tokens, 6)
    assert [s.period for s in found] == [2] * 9 + [18]
    assert found[-1] == Stretch(0, len(tokens), 18)


def test_no_stretch_is_found_where_nothing_repeats():
    assert stretches(np.random.default_rng(0).permutation(500), 4) == []
    assert stretches(np.array([], np.int64), 4) == []


@pytest.mark.parametrize("seed", range(20))
def test_every_stretch_that_was_put_in_is_covered(seed):
    rng = np.random.default_rng(seed)
    p, turns = int(rng.integers(1, 40)), int(rng.integers(6, 30))
    pattern = rng.integers(0, 50, p)
    tokens = np.concatenate([rng.integers(50, 99, 30), np.tile(pattern, turns), rng.integers(50, 99, 30)])
    found = stretches(tokens, 6)
    assert any(s.start <= 30 and s.stop >= 30 + p * turns and p % s.period == 0 for s in found)
    for s in found:
        part = tokens[s.start : s.stop]
        assert (part[s.period :] == part[: -s.period]).all()


# Data flow ----------------------------------------------------------------------------------------


def test_a_carry_goes_around_and_only_its_end_comes_out():
    def f(x, a):
        for _ in range(N):
            x = np.sin(x) * a + 0.5
        return x

    made = rolled(f, normal(3), normal(3))
    (loop,) = made.equations
    assert (loop.params["length"], loop.params["n_consts"], loop.params["n_carry"]) == (N, 1, 1)
    assert len(loop.results) == 1


def test_what_is_read_of_two_turns_before_is_a_chain_of_carries():
    def f(x, y):
        for _ in range(N):
            x, y = y, np.sin(x) + y
        return x, y

    assert names(rolled(f, normal(3), normal(3))) == ["loop"]
    (loop,) = rolled(f, normal(3), normal(3)).equations
    assert loop.params["n_carry"] == 2


def test_literals_that_differ_become_an_array():
    def f(x):
        for i in range(N):
            x = x * (0.1 * i) + 1.0
        return x

    made = rolled(f, normal(3))
    assert sorted(names(made)) == ["constant", "loop"]
    np.testing.assert_array_equal(made.equations[0].params["data"].array, 0.1 * np.arange(N))


def test_separate_arrays_are_stacked_once():
    def f(ws, x):
        for w in ws:
            x = np.tanh(x @ w)
        for w in ws[::-1]:
            x = np.cos(x @ w + x)
        return x

    made = rolled(f, [normal(4, 4) for _ in range(N)], normal(4))
    assert names(made).count("stack") == 1
    assert [eq.params["reverse"] for eq in loops(made)] == [False, True]


def test_rows_in_order_are_read_from_their_array():
    def f(xs, c):
        for i in range(N):
            c = np.sin(c) * xs[i] + xs[-1 - i]
        return c

    made = rolled(f, normal(N, 3), normal(3))
    assert names(made) == ["index_get", "loop"]  # the second reads all rows backwards
    assert made.equations[0].params["spec"][0] == ("slice", 0, N, -1)


def test_rows_in_no_order_are_gathered():
    order = np.random.default_rng(0).permutation(N).tolist()

    def f(xs, c):
        for i in order:
            c = np.sin(c) * xs[i] + 1.0
        return c

    made = rolled(f, normal(N, 3), normal(3))
    assert names(made).count("loop") == 1
    assert names(made).count("index_get") <= 1


def test_results_of_turns_that_are_read_are_rows_of_one_array():
    def f(x):
        out = []
        for _ in range(N):
            x = np.sin(x) * 0.5
            out.append(x)
        return out[2], out[7], out[-1]

    made = rolled(f, normal(3))
    assert names(made) == ["loop", "index_get", "index_get"]  # the last turn's is what was carried


def test_a_value_of_the_last_turn_alone_is_carried_out():
    def f(x):
        y = x
        for _ in range(N):
            y = np.cos(x)
            x = np.sin(y) * 0.5
        return x, y

    made = rolled(f, normal(3))
    assert names(made) == ["loop"]
    assert len(made.equations[0].results) == 2


def test_the_reverse_sweep_reads_the_array_that_the_forward_one_has_written():
    def f(x, a):
        for _ in range(40):
            x = np.tanh(a @ x)
        return np.sum(x * x)

    made = rolled(pb.grad(f, argnums=(0, 1)), normal(4), normal(4, 4))
    forward, back = loops(made)
    assert (forward.params["reverse"], back.params["reverse"]) == (False, True)
    assert "stack" not in names(made)
    assert "concatenate" not in names(made)
    assert len(made.equations) < 30


def test_a_loop_in_a_loop_is_two_loops():
    def f(x, ws):
        for w in ws:
            for _ in range(8):
                x = np.sin(x) * 0.5
            x = x * w
        return x

    made = rolled(f, normal(3), [normal(3) for _ in range(N)])
    (outer,) = loops(made)
    assert "loop" in names(outer.params["body"])
    gradient = pb.grad(lambda x, ws: np.sum(f(x, ws)))
    made = rolled(gradient, normal(3), [normal(3) for _ in range(N)])
    assert any(eq.params["reverse"] and "loop" in names(eq.params["body"]) for eq in loops(made))
    assert len(made.equations) < 40  # and not 12 * 8 * 5


def test_equal_bodies_are_one_program():
    def f(x, y):
        for z in (0, 1):
            for _ in range(N):
                x = np.sin(x) * 0.5
            x = x @ y if z == 0 else x
        return x

    one, other = loops(rolled(f, normal(3), normal(3, 3)))
    assert one.params["body"] is other.params["body"]


def test_turns_at_the_ends_that_differ_stay_outside():
    def f(x, first):
        x = x * first
        for i in range(N):
            x = np.sin(x) * (first if i == N - 2 else x)
        return x

    made = rolled(f, normal(3), normal(3))
    assert loops(made)[0].params["length"] == N - 2


def test_python_integers_that_might_not_fit_stay_outside():
    def f(x):
        for i in range(N):
            x = x + i
        return x

    assert loops(rolled(f, np.arange(3, dtype=np.int32))) == []
    assert len(loops(rolled(f, np.arange(3)))) == 1


def test_effects_stay_in_their_order(capsys):
    def f(x):
        for i in range(N):
            x = x * 0.5
            pb.debug_print("{} {}", i, x)
        return x

    program = pb.trace(f)(np.float64(3.0))
    made, _ = rolling.rolled(program)
    assert names(made).count("loop") == 1
    capsys.readouterr()
    replay(program, [np.float64(3.0)])
    expected = capsys.readouterr().out
    replay(made, [np.float64(3.0)])
    assert capsys.readouterr().out == expected
    assert expected.count("\n") == N


def test_equations_keep_the_line_of_their_first_turn():
    def f(x):
        for _ in range(N):
            x = np.sin(x) * 0.5
        return x

    made = rolled(f, normal(3))
    assert "sin" in str(made.equations[0].params["body"])
    assert "test_rolling.py" in str(made.equations[0].params["body"])


def test_short_repeats_are_left_alone(monkeypatch):
    monkeypatch.undo()

    def f(x):
        for _ in range(20):
            x = x * 0.5 + 1.0
        return x

    assert loops(rolled(f, normal(3))) == []


def test_a_program_without_repeats_comes_back_as_it_is():
    program = pb.trace(lambda x: np.sin(x) + np.cos(x) * np.tanh(x) - np.exp(x) / (1 + x * x))(normal(3))
    assert rolling.rolled(program)[0] is program


def test_the_time_is_linear_in_the_number_of_equations():
    """Count what is done, and not seconds: each token is looked at some few times for each doubling of a word."""
    counts = []
    for n in (1000, 2000, 4000):
        program = pb.trace(lambda x, n=n: chain(x, n))(np.ones(3))
        found = rolling._Round(program)
        found.where = Counting(found.where)
        found.run()
        counts.append(found.where.reads)
    assert counts[2] < 2.2 * counts[1] < 2.2 * 2.2 * counts[0]


class Counting(dict):
    reads = 0

    def get(self, *key):
        self.reads += 1
        return dict.get(self, *key)


def chain(x, n):
    for _ in range(n):
        x = np.sin(x) * 0.5 + x
    return x
