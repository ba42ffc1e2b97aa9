"""pure_callback and debug_print: eagerly, under jit, in loops and branches, under vmap and derivatives."""

import pickle

import numpy as np
import pytest

import pullback as pb
from pullback.core.errors import ArgumentError, CustomRuleError, NotTraceable

X = np.array([3.0, 1.0, 2.0])
ROWS = np.stack([X, -X])


def by_python(x):
    return np.array(sorted(x.tolist()))


def doubled(x):
    return 2.0 * pb.pure_callback(by_python, x, x)


@pytest.mark.parametrize("run", [doubled, pb.jit(doubled)], ids=["eager", "jit"])
def test_a_callback_gets_arrays_and_gives_arrays(run):
    np.testing.assert_array_equal(run(X), [2.0, 4.0, 6.0])


@pytest.mark.parametrize("how", [pb.vmap(doubled), pb.jit(pb.vmap(doubled)), pb.vmap(pb.jit(doubled))])
def test_vmap_calls_back_lane_by_lane(how):
    np.testing.assert_array_equal(how(ROWS), 2.0 * np.sort(ROWS, axis=1))
    twice = pb.vmap(pb.vmap(doubled))(np.stack([ROWS, ROWS + 1.0]))
    np.testing.assert_array_equal(twice, 2.0 * np.sort(np.stack([ROWS, ROWS + 1.0]), axis=-1))


def test_a_vectorized_callback_is_called_once_with_the_batch_axis_in_front_of_every_operand():
    shapes = []

    def f(x, y):
        shapes.append((x.shape, y.shape))
        return x + y

    g = lambda x: pb.pure_callback(f, np.empty(3), x, X, vectorized=True)  # noqa: E731
    np.testing.assert_array_equal(pb.jit(pb.vmap(g))(ROWS), ROWS + X)
    assert shapes == [((2, 3), (2, 3))]


def test_trees_and_what_is_no_array_come_through():
    def f(tree, how, *, times):
        return {"out": tree["x"] * times, "how": np.int64(len(how))}

    shapes = {"out": np.empty(3), "how": np.int64(0)}
    out = pb.jit(lambda x: pb.pure_callback(f, shapes, {"x": x}, "three", times=3))(X)
    np.testing.assert_array_equal(out["out"], 3 * X)
    assert out["how"] == 5


def test_a_callback_runs_each_time_in_loops_and_branches():
    seen = []

    def note(i, c):
        seen.append(int(i))
        return c + i

    f = pb.jit(lambda x: pb.fori_loop(0, 4, lambda i, c: pb.pure_callback(note, np.float64(0), i, c), x))
    assert f(1.0) == 7.0
    assert seen == [0, 1, 2, 3]
    g = pb.jit(lambda x: pb.cond(x > 0, lambda x: pb.pure_callback(note, np.float64(0), 9, x), lambda x: -x, x))
    assert (g(1.0), g(-1.0)) == (10.0, 1.0)
    assert seen[4:] == [9]


def test_what_a_callback_keeps_is_its_own():
    kept = []
    f = pb.jit(lambda x: pb.pure_callback(lambda y: (kept.append(y), y)[1], X, x * 1.0))
    f(X)
    f(X + 10.0)
    np.testing.assert_array_equal(kept[0], X)


def test_what_a_callback_raises_reaches_the_caller_as_it_is():
    class Mine(Exception):
        pass

    error = Mine("as it is")

    def f(x):
        raise error

    with pytest.raises(Mine) as info:
        pb.jit(lambda x: pb.pure_callback(f, x, x) + 1.0)(X)
    assert info.value is error

    def index(x):
        return x[7]

    with pytest.raises(IndexError) as found:
        pb.jit(lambda x: pb.pure_callback(index, np.float64(0), x) + 1.0)(X)
    assert type(found.value) is IndexError


def test_a_callback_may_call_the_function_that_it_is_called_by():
    def inner(y):
        return f(y) if y < 50 else y

    f = pb.jit(lambda y: pb.pure_callback(inner, np.float64(0), y * 2.0) + 1.0)
    assert f(1.0) == 70.0


def test_a_callback_has_no_derivative_and_says_what_to_write():
    for f in (doubled, pb.jit(doubled)):
        for run in (lambda f=f: pb.grad(lambda x: np.sum(f(x)))(X), lambda f=f: pb.jvp(f, (X,), (X,))):
            with pytest.raises(NotTraceable, match=r"(?s)derivative of pure_callback of by_python.*custom_vjp"):
                run()
    held = pb.jit(pb.grad(lambda x: np.sum(x * pb.pure_callback(by_python, x, pb.stop_gradient(x)))))
    np.testing.assert_array_equal(held(X), np.sort(X))


def test_a_custom_rule_gives_a_callback_its_derivative():
    @pb.custom_vjp
    def f(x):
        return pb.pure_callback(np.sin, x, x)

    f.defvjp(lambda x: (f(x), x), lambda x, u: (u * np.cos(x),))
    np.testing.assert_allclose(pb.grad(lambda x: np.sum(f(x)))(X), np.cos(X), rtol=1e-15)
    np.testing.assert_allclose(pb.jit(pb.grad(lambda x: np.sum(f(x))))(X), np.cos(X), rtol=1e-14)


def test_results_that_are_not_as_announced_are_refused():
    with pytest.raises(CustomRuleError, match=r"(?s)is float64\[1\].*announced float64\[3\]"):
        pb.jit(lambda x: pb.pure_callback(lambda y: y[:1], x, x))(X)
    with pytest.raises(CustomRuleError, match="returned"):
        pb.pure_callback(lambda y: (y, y), X, X)
    with pytest.raises(ArgumentError, match="among result_shapes"):
        pb.pure_callback(np.sin, "three", X)
    with pytest.raises(ArgumentError, match="takes a function"):
        pb.pure_callback(3.0, X, X)


def test_a_lane_that_is_not_taken_raises_nothing():
    def picky(x):
        if x < 0:
            raise ValueError("negative")
        return np.sqrt(x)

    f = lambda x: pb.cond(x > 0, lambda x: pb.pure_callback(picky, np.float64(0), x), lambda x: x, x)  # noqa: E731
    np.testing.assert_array_equal(pb.vmap(f)(np.array([4.0, -1.0])), [2.0, -1.0])


def prints(x):
    pb.debug_print("x is {} and {n}", x, n="no array")
    return x * x


@pytest.mark.parametrize(
    ("run", "said"),
    [
        pytest.param(lambda: prints(3.0), ["3.0"], id="eager"),
        pytest.param(lambda: pb.jit(prints)(3.0), ["3.0"], id="jit"),
        pytest.param(lambda: pb.grad(prints)(3.0), ["3.0"], id="grad"),
        pytest.param(lambda: pb.jit(pb.grad(prints))(3.0), ["3.0"], id="jit of grad"),
        pytest.param(lambda: pb.jvp(prints, (3.0,), (1.0,)), ["3.0"], id="jvp"),
        pytest.param(lambda: pb.vmap(prints)(X), ["3.0", "1.0", "2.0"], id="vmap"),
        pytest.param(lambda: pb.jit(pb.vmap(pb.grad(prints)))(X), ["3.0", "1.0", "2.0"], id="jit of vmap of grad"),
        pytest.param(lambda: pb.jit(lambda x: [pb.debug_print("x is {} and {}", x, "no array"), 1.0][1])(3.0), ["3.0"]),
    ],
)
def test_printing_shows_the_values_of_each_run(run, said, capsys):
    run()
    assert capsys.readouterr().out.splitlines() == [f"x is {value} and no array" for value in said]


def test_a_function_under_jit_prints_at_every_call_in_order(capsys):
    f = pb.jit(lambda x: pb.fori_loop(0, 3, lambda i, c: (pb.debug_print("{} {:.1f}", i, c), c * 2.0)[1], x))
    for run in (f, f, pb.jit(pb.grad(f))):
        run(1.0)
        assert capsys.readouterr().out.splitlines() == ["0 1.0", "1 2.0", "2 4.0"]


def test_a_format_that_is_none_is_refused():
    with pytest.raises(ArgumentError, match="debug_print of ndarray"):
        pb.debug_print(X)


def test_a_program_with_callbacks_pickles():
    program = pb.trace(doubled)(X)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(program))(X), [2.0, 4.0, 6.0])
    assert "pure_callback[by_python]" in str(program)
    assert "debug_print['x is {} and {n}']" in str(pb.trace(prints)(1.0))
