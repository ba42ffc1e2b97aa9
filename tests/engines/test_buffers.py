"""Buffers: nothing is overwritten that is still needed, and what comes back belongs to the caller alone."""

import itertools

import numpy as np
import pytest

import pullback as pb
from pullback.engines.llvm import driver
from pullback.primitives.indexing import index_add, index_set
from tests.engines.native import Compiled, evaluated, held

pytestmark = pytest.mark.usefixtures("poisoned")
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 30)), RNG.normal(size=(30, 40))
V = RNG.normal(size=300)


@pytest.fixture
def poisoned(monkeypatch):
    """What the arena has back is filled with NaN, as is the arena at the start."""
    monkeypatch.setattr(driver, "POISON", True)


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-11, atol=1e-11)


def both(f, *args):
    return held(pb.trace(f)(*args), list(args), close)


def apart(arrays):
    return all(not np.shares_memory(a, b) for a, b in itertools.combinations(arrays, 2))


# Results ---------------------------------------------------------------------------------------


def test_results_share_no_memory_with_anything():
    w = np.ones(300)
    kept = np.zeros((2, 100))
    f = lambda x, y: (x, x, y.T, w, kept, x + 1, (x + 1)[::-1], x[:3], x.reshape(10, 30), np.sum(x) * 0 + w)  # noqa: E731
    program = pb.trace(f)(V, X)
    results = both(f, V, X)
    assert apart([*results, V, X, w, kept])
    again = Compiled(program)(V, X)
    assert apart([*results, *again])
    for r in again:
        r[...] = 7.0
    assert np.all(w == 1.0)
    assert np.all(kept == 0.0)
    close(Compiled(program)(V, X)[3], np.ones(300))


def test_jitted_results_belong_to_the_caller():
    run = pb.jit(lambda x, y: (x, x * 2.0, y, (x, np.sum(x))))
    x, y = V.copy(), np.float64(2.0)
    a, b, _, (d, _) = run(x, y)
    assert apart([a, b, d, x])
    a[...] = 0.0
    np.testing.assert_array_equal(x, V)
    np.testing.assert_array_equal(run(x, y)[0], V)


def test_inputs_may_be_the_same_array_or_overlap():
    f = lambda a, b, c: (a * b - c, a @ b, np.sum(a[::2] * 3.0) + c)  # noqa: E731
    both(f, V, V, V)
    both(f, V[:200], V[100:], V[50:250])
    both(f, V[::-1], V, V)
    both(lambda a, b: (index_set(a, b[:3], 0, spec=(("slice", 0, 3, 1),)) + b, b), V, V)


# Liveness --------------------------------------------------------------------------------------


def test_values_that_are_needed_late_outlive_the_others():
    def f(x, y):
        early = np.sin(x) @ y
        total = np.sum(early, axis=0)
        for k in range(6):
            z = np.sort(early * k, axis=1) @ np.cos(early)
            total = total + np.sum(np.tanh(z) @ early, axis=1)
        return total, early, np.max(early)

    both(f, X, Y)


@pytest.mark.parametrize("seed", range(12))
def test_random_graphs_of_products_sums_and_sorts(seed):
    """Large values of many lifetimes: each step takes any two that were made before."""
    rng = np.random.default_rng(seed)
    plan = [(int(rng.integers(7)), *map(int, rng.integers(k + 1, size=2))) for k in range(1, 15)]

    def f(x, y):
        pool = [x @ y, np.sin(x @ y)]
        for kind, i, j in plan:
            a, b = pool[i], pool[j]
            pool.append([
                lambda a, b: np.tanh(a @ b * 0.1),
                lambda a, b: np.sort(a, axis=0) * 0.5,
                lambda a, b: a.T + b,
                lambda a, b: np.cumsum(a, axis=1) * 0.1 - b,
                lambda a, b: a - np.mean(b, axis=0),
                lambda a, b: index_set(a, b[0], 3, spec=(("array", 0), ("all",))),
                lambda a, b: pb.fori_loop(0, 2, lambda t, c: np.cos(c) * b, a),
            ][kind](a, b))  # fmt: skip
        return pool[-1], pool[-3], pool[2]

    both(f, X, Y)


@pytest.mark.parametrize("write", [index_set, index_add])
def test_writing_in_place_spares_what_is_read_later(write):
    row = (("array", 0), ("all",))

    def put(x, v, i):
        return write(x, v, i, spec=row)

    both(lambda x, i: put(x, 1.5, i), X, 2)  # an input
    both(lambda x, i: (put(x, 1.5, i), x), X, 2)
    both(lambda x, i: (put(np.sin(x), 1.5, i), np.sum(x)), X, 2)
    both(lambda x, i: (lambda y: (put(y, 1.5, i), y))(np.sin(x)), X, 2)  # an output too
    both(lambda x, i: (lambda y: put(put(y, 1.5, i), y[0], i - 1) + y)(np.sort(x)), X, 2)
    both(lambda x, i: (lambda y: (put(y, y[3], i), put(y, y[4], i + 1)))(np.sort(x)), X, 2)  # twice from one
    both(lambda x, i: (lambda y: put(y, np.sum(y, axis=0), i))(np.sort(x)), X, 2)
    both(lambda x, i: (lambda y: put(y, y[i + 1], i) * y)(np.sort(x)), X, 2)
    both(lambda x, i: put(X * 1.0, x[0], i), X, 2)
    constant = np.array(X)
    both(lambda x, i: put(constant, x[0], i), X, 2)
    np.testing.assert_array_equal(constant, X)


@pytest.mark.parametrize("write", [index_set, index_add])
def test_writing_in_place_in_loops(write):
    at = (("array", 0),)

    def put(x, v, i):
        return write(x, v, i, spec=at)

    both(lambda x: pb.fori_loop(0, 50, lambda i, c: put(c, c[i] * 2.0, i + 1), x), V)
    both(lambda x: pb.fori_loop(0, 50, lambda i, c: put(c, np.sum(c) * 0.01, i), x), V)
    both(lambda x: (pb.fori_loop(0, 5, lambda i, c: put(c, 2.0, i), x), x), V)
    both(lambda x: pb.fori_loop(0, 5, lambda i, c: put(c, 2.0, i) + c, x), V)
    both(lambda x: pb.fori_loop(0, 5, lambda i, c: (put(c[0], c[1][i], i), put(c[1], c[0][i + 1], i)), (x, 2.0 * x)), V)
    both(lambda x: pb.fori_loop(0, 5, lambda i, c: (c[1], put(c[0], 3.0, i)), (x, 2.0 * x)), V)
    both(lambda x: pb.fori_loop(0, 5, lambda i, c: (put(c[0], 3.0, i), c[0]), (x, 2.0 * x)), V)
    both(lambda x: pb.scan(lambda c, a: (put(c, a, 1), c), x[:9], x[:6]), V)  # the old carry goes out
    both(lambda x: pb.scan(lambda c, a: (put(c, a, 1), put(c, a, 2)), x[:9], x[:6]), V)
    both(lambda x: pb.scan(lambda c, a: (lambda y: (y, y))(put(c, a, 1)), x, x[:6]), V)
    both(lambda x: pb.scan(lambda c, a: (c + put(a, c[0], 1), a), x[:30], x.reshape(10, 30)), V)  # an element of xs
    both(lambda x: pb.fori_loop(0, 4, lambda i, c: put(c, x[i], i) + put(x, c[i], i), x), V)  # a constant of the loop
    both(lambda x: pb.fori_loop(0, 4, lambda i, c: pb.fori_loop(0, 3, lambda j, d: put(d, c[j], i), c), x), V)
    both(lambda x: pb.fori_loop(0, 4, lambda i, c: pb.cond(i > 1, lambda c: put(c, 9.0, i), lambda c: c, c), x), V)
    both(lambda x: pb.while_loop(lambda c: c[5] < 9.0, lambda c: put(c, c[5] + 1.0, 5), x), V)
    both(pb.grad(lambda x: np.sum(pb.fori_loop(0, 5, lambda i, c: put(c, np.sin(c[i]), i + 1), x) ** 2)), V)
    both(pb.vmap(lambda x: pb.fori_loop(0, 5, lambda i, c: put(c, np.sin(c[i]), i + 1), x)), X)


def test_reshapes_that_are_the_memory_of_their_operand():
    row = (("array", 0), ("all",))

    def f(x, i):
        y = np.sort(x, axis=0)
        flat, wide = y.reshape(-1), y.reshape(20, 60)
        early = np.sum(flat)
        z = index_set(wide, 7.0, i, spec=row)
        w = np.sort(np.tanh(z) @ z.T, axis=1)
        return flat * early, z, np.sum(w), y + 1.0

    both(f, X, 2)
    both(lambda x, i: (lambda y: (y.reshape(20, 60), y))(np.sort(x)), X, 2)
    both(lambda x, i: (lambda y: index_set(y.reshape(20, 60), y[0, :30].sum(), i, spec=row))(np.sort(x)), X, 2)
    both(lambda x, i: (lambda y: (index_set(y.reshape(20, 60), 1.0, i, spec=row), np.sort(y)))(np.sort(x)), X, 2)
    both(
        lambda x, i: (lambda y: index_set(y, 1.0, i, spec=row) + np.sort(y.reshape(60, 20)).reshape(40, 30))(
            np.sort(x)
        ),
        X,
        2,
    )
    both(lambda x, i: index_set(x.reshape(20, 60), 1.0, i, spec=row), X, 2)
    both(lambda x, i: np.sort(np.sort(x.reshape(20, 60)).reshape(30, 40)).reshape(-1), X, 2)
    both(
        lambda x: pb.fori_loop(0, 3, lambda i, c: index_set(c.reshape(20, 60), 1.0, i, spec=row).reshape(40, 30), x), X
    )
    both(lambda x: pb.fori_loop(0, 3, lambda i, c: np.sort(c.reshape(20, 60)).reshape(40, 30) + c, x), X)
    both(lambda x: pb.scan(lambda c, a: (a.reshape(5, 6).T.reshape(-1), c.reshape(6, 5)), x[0], x), X)
    both(lambda x: pb.scan(lambda c, a: (np.sort(c).reshape(5, 6).reshape(-1), np.sort(a).reshape(6, 5)), x[0], x), X)
    for k in range(8):  # a chain of products with reshapes between them, of many lifetimes

        def g(x, y, k=k):
            pool = [x @ y]
            for j in range(6):
                pool.append(np.sort(pool[(j * k) % len(pool)].reshape(-1)).reshape(40, 40) @ pool[j // 2])
                pool[-1] = pool[-1] / np.max(np.abs(pool[-1]))
            return pool[-1], pool[-2].reshape(-1), pool[k % 5].reshape(1600)

        both(g, X, Y)


def test_reshapes_of_what_is_changed_afterwards():
    row = (("array", 0), ("all",))

    def put(x, v, i):
        return index_set(x, v, i, spec=row)

    def before(x, i):
        y = np.sort(x)
        z = y.reshape(20, 60)
        w = put(y, 1.0, i)
        return w, np.sort(z) * 2.0, np.sort(put(z, 2.0, i)), np.sort(z.reshape(1200))

    def in_branches(x, i):
        y = np.sort(x)
        z = y.reshape(20, 60)
        return pb.cond(i > 0, lambda a, b: (put(a, 1.0, i), b), lambda a, b: (a, b), y, z), np.sort(y), np.sort(z)

    def in_a_carry(x, i):
        y = np.sort(x)
        z = y.reshape(20, 60)
        r = pb.fori_loop(0, 3, lambda k, c: (put(c[0], 1.0, k), put(c[1], 2.0, k)), (y, z))
        return r, np.sort(y), np.sort(z)

    def in_turns(x, i):
        def turn(k, c):
            z = c.reshape(20, 60)
            w = put(c, 1.0, k)
            return np.sort(w, axis=0) + np.sort(z).reshape(40, 30)

        return pb.fori_loop(0, 3, turn, x)

    def out_of_turns(x, i):
        def turn(c, a):
            w = put(c, a[0], i)
            return w, (w.reshape(20, 60), np.sort(c.reshape(20, 60)), np.sort(w).reshape(-1))

        return pb.scan(turn, x, x)

    for f in (before, in_branches, in_a_carry, in_turns, out_of_turns):
        both(f, X, 2)


# Arguments that are given away -------------------------------------------------------------------

S, ROW = RNG.normal(size=(40, 40)), (("array", 0), ("all",))


def write(x, v, i):
    return index_set(x, v, i, spec=ROW)


GIVEN = {
    "backwards": lambda x, y: x[::-1] + y,
    "two turned": lambda x, y: (x.T + y, x - y.T),
    "a product": lambda x, y: x @ (x @ y),
    "changed after": lambda x, y: (lambda v: write(v, np.sum(np.sin(x) * v), 1))(np.sort(x)),
    "changed late": lambda x, y: (lambda v: write(v, np.sum(np.sort(v @ x) @ x), np.argmax(x[:, 0])))(np.sort(x)),
    "itself changed": lambda x, y: write(x, y[0], np.argmax(y[:, 0])),
    "itself changed, and read": lambda x, y: (write(x, y[0], np.argmax(y[:, 0])), np.sort(x)),
    "a loop": lambda x, y: pb.fori_loop(0, 4, lambda i, c: np.sin(c) @ y + x, x),
    "a loop that changes places": lambda x, y: pb.fori_loop(0, 3, lambda i, c: (c[1], c[0] * 2.0), (x, y)),
    "a loop that writes": lambda x, y: (pb.fori_loop(0, 4, lambda i, c: write(c, c[i + 1], i), x), x),
    "a scan": lambda x, y: pb.scan(lambda c, a: (c + a, c * x[0]), y[0], x, reverse=True),
    "a branch": lambda x, y: pb.cond(x[0, 0] > 0, lambda a, b: (b, a), lambda a, b: (a * 2.0, b), x, y),
    "a gradient": lambda x, y: x - 0.1 * pb.grad(lambda x: np.sum(np.tanh(x @ y) @ x))(x),
    "itself": lambda x, y: (x, x, y),
    "reshaped": lambda x, y: (np.sort(x).reshape(1600).reshape(40, 40) + x, y.reshape(1600)),
}


@pytest.mark.parametrize("name", GIVEN)
def test_what_is_given_away_is_used_only_when_it_is_read_no_more(name):
    f = GIVEN[name]
    expected = [np.array(v) for v in leaves(f(S, S.T.copy()))]
    for donated in (0, 1, (0, 1)):
        run = pb.jit(f, donate_argnums=donated)
        for same in (False, True):
            x = S.copy()
            y = x if same else S.T.copy()
            found = leaves(run(x, y))
            for a, b in zip(found, leaves(f(S, S)) if same else expected, strict=True):
                close(a, b)
            assert apart([a for a in found if isinstance(a, np.ndarray)])
        kept = S.T.copy()
        if donated == 0:
            run(S.copy(), kept)
            np.testing.assert_array_equal(kept, S.T)


def leaves(tree):
    return [x for t in tree for x in leaves(t)] if isinstance(tree, tuple) else [tree]


# Loops -----------------------------------------------------------------------------------------


LOOPS = {
    "carries that change places": lambda x: pb.fori_loop(0, 5, lambda i, c: (c[1], c[0]), (x, 2.0 * x)),
    "three in a ring": lambda x: pb.fori_loop(0, 4, lambda i, c: (c[1], c[2], c[0]), (x, 2.0 * x, 3.0 * x)),
    "one in two places": lambda x: pb.fori_loop(0, 4, lambda i, c: (c[1], c[1]), (x, 2.0 * x)),
    "one passed through": lambda x: pb.fori_loop(0, 4, lambda i, c: (c[0], c[0] + c[1]), (x, 2.0 * x)),
    "shifted": lambda x: pb.fori_loop(0, 4, lambda i, c: (np.sin(c[0]), c[0], c[1]), (x, x, x)),
    "never changed": lambda x: pb.fori_loop(0, 4, lambda i, c: c, x),
    "a constant as carry": lambda x: pb.fori_loop(0, 4, lambda i, c: (x, c[0] * 2.0), (2.0 * x, x)),
    "a literal as carry": lambda x: pb.fori_loop(0, 4, lambda i, c: (c[0] + c[1], 0.5), (x, 2.0)),
    "the turn as carry": lambda x: pb.fori_loop(0, 4, lambda i, c: (c[0] + c[1], i * 1.0), (x, 2.0)),
    "the input twice": lambda x: pb.fori_loop(0, 4, lambda i, c: (c[1] + 1.0, c[0] * 2.0), (x, x)),
    "the carry out": lambda x: pb.scan(lambda c, a: (c * a, c), x, x[:4]),
    "the new carry out": lambda x: pb.scan(lambda c, a: (c * a, c * a), x, x[:4]),
    "the carry out twice": lambda x: pb.scan(lambda c, a: (c * a, (c, c, c * a)), x, x[:4]),
    "elements out": lambda x: pb.scan(lambda c, a: (c + a, (a, a)), 0.0, x),
    "elements as carry": lambda x: pb.scan(lambda c, a: (a, c), x[0], x),
    "xs twice": lambda x: pb.scan(lambda c, a: (c + a[0] * a[1], a[0] - a[1]), 0.0, (x, x)),
    "xs as carry": lambda x: pb.scan(lambda c, a: (c * a, np.sum(c)), x, x),
    "xs as a constant": lambda x: pb.scan(lambda c, a: (c + x[0] * a, x * a), 0.0, x[:7]),
    "a literal out": lambda x: pb.scan(lambda c, a: (c + a, 2.0), 0.0, x),
    "a constant out": lambda x: pb.scan(lambda c, a: (c + a, x[:2]), 0.0, x[:3]),
    "booleans and integers": lambda x: pb.scan(lambda c, a: (~c, (c, np.where(c, 3, 4))), np.bool_(True), x[:5]),
    "in reverse": lambda x: pb.scan(lambda c, a: (c * 0.5 + a, c), 0.0, x, reverse=True),
    "no turn": lambda x: pb.scan(lambda c, a: (c * 2.0, c + a), x, x[:0]),
    "no turn, counted": lambda x: pb.fori_loop(5, np.argmin(x) * 0, lambda i, c: c * 2.0, x),
    "no turn of while": lambda x: pb.while_loop(lambda c: c[0] > 1e9, lambda c: c * 2.0, x),
    "one turn": lambda x: pb.scan(lambda c, a: (c * 2.0, c + a), x, x[:1]),
    "no xs": lambda x: pb.scan(lambda c, _: (np.cos(c), c), x, None, length=5),
    "empty carry": lambda x: pb.fori_loop(0, 3, lambda i, c: (c[0] * 2.0, c[1] + 1.0), (x[:0], x)),
    "in loops in loops": lambda x: pb.fori_loop(
        0, 3, lambda i, a: pb.fori_loop(0, i, lambda j, b: pb.fori_loop(j, 3, lambda k, c: np.sin(c) + i, b), a), x
    ),
    "one body twice": lambda x: (lambda f: pb.fori_loop(0, 3, f, x) - pb.fori_loop(0, 2, f, 2.0 * x))(
        lambda i, c: np.sin(c) @ np.ones((300, 300)) * 0.01
    ),
    "one body in itself": lambda x: (
        lambda f: pb.fori_loop(0, 2, lambda i, c: pb.fori_loop(0, 2, f, f(i, c)) + c, x)
    )(lambda i, c: np.cumsum(np.sin(c)) * 0.1),
    "one branch for both": lambda x: pb.cond(x[0] > 0, np.cos, np.cos, x) + pb.cond(x[1] > 0, np.cos, np.sin, 2.0 * x),
    "a branch that returns an operand": lambda x: pb.cond(x[0] > 0, lambda a, b: (b, a), lambda a, b: (a, a), x, 2 * x),
    "branches in loops": lambda x: pb.fori_loop(
        0, 6, lambda i, c: pb.switch(i % 3, [np.sin, lambda c: c[::-1] * 2.0, lambda c: c], c), x
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LOOPS)
@pytest.mark.parametrize("n", [pytest.param(9, marks=pytest.mark.slow), 300])
def test_loops(name, n):
    if name == "one body twice" and n == 9:
        pytest.skip("is of 300")
    both(LOOPS[name], V[:n])


DERIVED = {
    "grad": lambda f: pb.grad(lambda x: total(f(x))),
    "jvp": lambda f: lambda x: pb.jvp(f, (x,), (np.cos(x),)),
    "vmap": lambda f: lambda x: pb.vmap(f)(np.stack([x, -x])),
    "hessian": lambda f: lambda x: pb.hessian(lambda x: total(f(x)))(x),
}
DERIVED_LOOPS = [k for k in LOOPS if k not in ("one body twice", "booleans and integers")]


def total(tree):
    leaves = tree if isinstance(tree, tuple) else (tree,)
    return sum(total(x) if isinstance(x, tuple) else np.sum(np.sin(x)) for x in leaves)


@pytest.mark.parametrize("name", DERIVED_LOOPS)
@pytest.mark.parametrize("how", ["grad", *(pytest.param(h, marks=pytest.mark.slow) for h in DERIVED if h != "grad")])
def test_derivatives_of_loops(name, how):
    f = DERIVED[how](LOOPS[name])
    x = V[:7]
    program = pb.trace(f)(x)
    try:
        held(program, [x], close)
    except driver.Unsupported:
        found = pb.jit(f)(x)
        np.testing.assert_allclose(found, f(x), rtol=1e-11, atol=1e-11)


def test_a_million_turns():
    f = lambda x, n: pb.fori_loop(0, n, lambda i, c: c + 1e-6 * np.sin(c), x)  # noqa: E731
    run = Compiled(pb.trace(f)(0.5, 3))
    few = evaluated(pb.trace(f)(0.5, 3), [0.5, 1000])[0]
    np.testing.assert_allclose(run(0.5, 1000)[0], few, rtol=1e-13)
    # y' = sin y: tan(y/2) grows as e^t.
    assert abs(run(0.5, 10**6)[0] - 2 * np.arctan(np.tan(0.25) * np.e)) < 1e-6


def test_a_tape_that_grows_past_many_doublings():
    f = pb.value_and_grad(
        lambda x, n: pb.while_loop(lambda s: s[0] < n, lambda s: (s[0] + 1.0, np.sin(s[1]) + s[1]), (0.0, x))[1]
    )
    program = pb.trace(f)(0.5, 3.0)
    run = Compiled(program)
    for n in (0.0, 1.0, 15.0, 16.0, 17.0, 48.0, 49.0, 1000.0):
        for a, b in zip(run(0.5, n), evaluated(program, [0.5, n]), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-300)
    assert np.isfinite(run(0.5, 1e5)[0])
    wide = pb.grad(
        lambda x, n: np.sum(pb.while_loop(lambda s: s[0] < n, lambda s: (s[0] + 1.0, np.sin(s[1])), (0.0, x))[1])
    )
    program = pb.trace(wide)(V, 3.0)
    for a, b in zip(Compiled(program)(V, 100.0), evaluated(program, [V, 100.0]), strict=True):
        close(a, b)


def test_loops_three_deep_with_tapes():
    def f(x):
        def inner(c):
            return pb.while_loop(lambda s: s[0] < 2.0, lambda s: (s[0] + 1.0 + 0.0 * s[1], np.sin(s[1]) * x), (0.0, c))[
                1
            ]

        def middle(c):
            return pb.while_loop(lambda s: s[0] < 3.0, lambda s: (s[0] + 1.0, inner(s[1]) + 0.1), (0.0, c))[1]

        return pb.while_loop(lambda s: s[0] < 2.0, lambda s: (s[0] + 1.0, middle(s[1])), (0.0, x))[1]

    for g in (f, pb.grad(f), pb.grad(pb.grad(f)), pb.vmap(pb.grad(f))):
        x = np.array([0.3, 0.7]) if g is not f and "vmap" in repr(g) else 0.3
        np.testing.assert_allclose(pb.jit(g)(x), g(x), rtol=1e-11)
