"""cond and switch: derivatives through the branch taken; lanes not taken neither raise nor poison."""

import numpy as np
import pytest

import pullback as pb
import pullback.numpy as pnp
from pullback.core.errors import ArgumentError, DTypeError, ShapeError, TreeError
from tests import oracles


def f(x):
    return pb.cond(x > 0.0, lambda x: np.sin(x) * x, lambda x: x**3, x)


MODES = {
    "grad": lambda f: pb.grad(f),
    "jvp": lambda f: lambda x: pb.jvp(f, (x,), (1.0,))[1],
    "jit of grad": lambda f: pb.jit(pb.grad(f)),
    "grad of jit": lambda f: pb.grad(pb.jit(f)),
    "jacfwd": pb.jacfwd,
    "jacrev": pb.jacrev,
    "vmap of grad": lambda f: lambda x: pb.vmap(pb.grad(f))(np.array([x, -x]))[0],
    "jit of vmap of jvp": lambda f: (
        lambda x: pb.jit(pb.vmap(lambda a: pb.jvp(f, (a,), (1.0,))[1]))(np.array([x, -x]))[0]
    ),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("x", [0.7, -0.4])
def test_every_mode_takes_the_branch_that_the_value_takes(mode, x):
    want = oracles.complex_step((lambda x: np.sin(x) * x) if x > 0 else (lambda x: x**3), x, 1.0)
    np.testing.assert_allclose(MODES[mode](f)(x), want, rtol=1e-13)


@pytest.mark.parametrize("x", [0.7, -0.4])
def test_second_and_third_derivatives(x):
    second = 2 * np.cos(x) - x * np.sin(x) if x > 0 else 6 * x
    third = -3 * np.sin(x) - x * np.cos(x) if x > 0 else 6.0
    for d2 in (pb.grad(pb.grad(f)), pb.hessian(f), pb.jit(pb.hessian(f)), pb.jacrev(pb.jacfwd(f))):
        np.testing.assert_allclose(d2(x), second, rtol=1e-12)
    np.testing.assert_allclose(pb.grad(pb.grad(pb.grad(f)))(x), third, rtol=1e-12)
    np.testing.assert_allclose(pb.vmap(pb.grad(pb.grad(f)))(np.array([x, x]))[1], second, rtol=1e-12)


def test_cond_without_operands():
    assert pb.cond(True, lambda: 1.0, lambda: 2.0) == 1.0
    assert pb.jit(lambda c: pb.cond(c, lambda: 1.0, lambda: 2.0))(False) == 2.0
    g = pb.grad(lambda x: pb.cond(x > 0, lambda: x * x, lambda: x))
    assert g(3.0) == 6.0
    assert g(-3.0) == 1.0


def test_branches_close_over_what_is_differentiated():
    g = pb.jit(pb.grad(lambda x, y: pb.cond(y > 0, lambda a: a * x, lambda a: a + np.sin(x) * y, y), argnums=(0, 1)))
    np.testing.assert_allclose(g(2.0, 3.0), (3.0, 2.0))
    np.testing.assert_allclose(g(2.0, -3.0), (-3.0 * np.cos(2.0), 1.0 + np.sin(2.0)))


def test_switch_takes_the_nearest_branch_out_of_range():
    branches = [np.sin, np.cos, np.tan]
    for i, g in ((-5, np.sin), (0, np.sin), (1, np.cos), (2, np.tan), (9, np.tan)):
        assert pb.switch(i, branches, 0.3) == g(0.3)
        np.testing.assert_allclose(pb.jit(lambda i: pb.switch(i, branches, 0.3))(i), g(0.3), rtol=1e-15)
    got = pb.vmap(lambda i: pb.switch(i, branches, 0.3))(np.array([-5, 0, 1, 2, 9]))
    np.testing.assert_array_equal(got, [g(0.3) for g in (np.sin, np.sin, np.cos, np.tan, np.tan)])


def test_grad_through_switch_by_lanes():
    idx, x = np.array([0, 1, 2, 1]), np.array([0.1, 0.2, 0.3, 0.4])
    g = pb.vmap(pb.grad(lambda x, i: pb.switch(i, [np.sin, np.cos, lambda x: x**3], x)))(x, idx)
    np.testing.assert_allclose(g, [np.cos(0.1), -np.sin(0.2), 3 * 0.09, -np.sin(0.4)], rtol=1e-14)


def test_lanes_not_taken_do_not_poison_the_derivative():
    g = pb.grad(lambda x: np.sum(pb.vmap(lambda a: pb.cond(a > 0, np.sqrt, lambda a: a * 0.0, a))(x)))
    np.testing.assert_array_equal(g(np.array([4.0, 0.0, -1.0])), [0.25, 0.0, 0.0])
    second = pb.vmap(pb.grad(pb.grad(lambda a: pb.cond(a > 0, np.sqrt, lambda a: a * 0.0, a))))
    np.testing.assert_allclose(second(np.array([4.0, 0.0, -1.0])), [-1 / 32, 0.0, 0.0])


def test_lanes_not_taken_do_not_raise():
    data = np.array([1.0, 2.0, 3.0])

    def pick(i):
        return pb.cond(i < 3, lambda i: pnp.take(data, i), lambda i: -1.0, i)

    np.testing.assert_array_equal(pb.vmap(pick)(np.array([0, 2, 7])), [1.0, 3.0, -1.0])
    np.testing.assert_array_equal(pb.vmap(pick)(np.array([8, 9, 7])), [-1.0, -1.0, -1.0])
    with pytest.raises(IndexError):
        pb.vmap(lambda i: pb.cond(i < 9, lambda i: pnp.take(data, i), lambda i: -1.0, i))(np.array([0, 2, 7]))


def doubled(x):
    return pb.while_loop(lambda y: y < 50.0, lambda y: y * y, x)


def halved(x):
    return pb.while_loop(lambda y: np.abs(y) > 1.0, lambda y: y * 0.25, x)


def test_lanes_not_taken_do_not_turn_for_ever():
    """A lane below 1 would never reach 50 by squaring."""
    f = lambda x: pb.cond(x > 1.0, doubled, lambda x: x * 3.0, x)  # noqa: E731
    x = np.array([0.5, 2.0, 3.0, -1.0])
    np.testing.assert_array_equal(pb.vmap(f)(x), [1.5, 256.0, 81.0, -3.0])
    want = [3.0, 8 * 2.0**7, 4 * 3.0**3, 3.0]
    np.testing.assert_allclose(pb.vmap(pb.grad(f))(x), want, rtol=1e-14)
    np.testing.assert_allclose(pb.jit(pb.vmap(pb.grad(f)))(x), want, rtol=1e-14)


def test_lanes_choose_between_branches_that_both_loop():
    f = lambda x: pb.cond(x > 1.0, doubled, halved, x)  # noqa: E731
    x = np.array([2.0, -9.0, 3.0, -40.0, 7.5])
    one = [[float(d(f)(a)) for a in x] for d in (lambda f: f, pb.grad, lambda f: pb.grad(pb.grad(f)))]
    for make, want in zip((lambda f: f, pb.grad, lambda f: pb.grad(pb.grad(f))), one, strict=True):
        np.testing.assert_allclose(pb.vmap(make(f))(x), want, rtol=1e-13)
        np.testing.assert_allclose(pb.jit(pb.vmap(make(f)))(x), want, rtol=1e-13)
    np.testing.assert_allclose(pb.grad(lambda x: np.sum(pb.vmap(f)(x)))(x), one[1], rtol=1e-13)


def test_lanes_of_lanes():
    f = lambda x, y: pb.cond(x * y > 1.0, doubled, halved, x + y)  # noqa: E731
    x, y = np.array([1.5, -3.0, 4.0]), np.array([2.0, -1.0])
    table = pb.vmap(pb.vmap(pb.grad(f), in_axes=(None, 0)), in_axes=(0, None))(x, y)
    np.testing.assert_allclose(table, [[float(pb.grad(f)(a, b)) for b in y] for a in x], rtol=1e-13)


def test_no_lanes_at_all():
    f = lambda x: pb.cond(x > 1.0, doubled, lambda x: x * 3.0, x)  # noqa: E731
    assert pb.vmap(f)(np.zeros(0)).shape == (0,)
    assert pb.vmap(pb.grad(f))(np.zeros(0)).shape == (0,)


def test_a_branch_that_does_not_move_gives_zero():
    g = pb.grad(lambda x: pb.cond(x > 0, lambda x: x * 2.0, lambda x: 5.0, x))
    assert g(1.0) == 2.0
    assert g(-1.0) == 0.0
    assert pb.jvp(lambda x: pb.cond(x > 0, lambda x: x * 2.0, lambda x: 5.0, x), (-1.0,), (1.0,))[1] == 0.0


def test_operands_and_results_are_pytrees_of_any_dtype():
    def g(d):
        return pb.cond(
            d["n"] > 2, lambda d: {"y": d["x"] * 2.0, "n": d["n"]}, lambda d: {"y": d["x"], "n": d["n"] + 1}, d
        )

    out = g({"x": np.ones(2), "n": 3})
    np.testing.assert_array_equal(out["y"], [2.0, 2.0])
    assert out["n"] == 3
    assert np.asarray(out["n"]).dtype == np.int64


@pytest.mark.parametrize(
    ("run", "error", "match"),
    [
        (lambda: pb.cond(np.array([True, False]), np.sin, np.cos, 1.0), ShapeError, "one truth value"),
        (lambda: pb.cond(True, lambda x: (x, x), lambda x: x, 1.0), TreeError, "branches of cond"),
        (lambda: pb.cond(True, lambda x: x, lambda x: np.stack([x, x]), 1.0), ShapeError, "one shape"),
        (lambda: pb.switch(1.0, [np.sin, np.cos], 1.0), DTypeError, "one integer"),
        (lambda: pb.switch(0, [], 1.0), ArgumentError, "without branches"),
        (lambda: pb.cond(True, lambda s: s, lambda s: s, "text"), TreeError, "carry arrays"),
    ],
)
def test_misuse_is_told(run, error, match):
    with pytest.raises(error, match=match):
        run()
