"""Conventions: each choice, the same in forward, reverse, vmap and jit, and in every cache key."""

import numpy as np
import pytest

import pullback as pb
from pullback.core.errors import ArgumentError

MODES = {
    "reverse": lambda f: pb.grad(f),
    "forward": lambda f: (
        lambda x: (
            np.stack([pb.jvp(f, (x,), (e,))[1] for e in np.eye(len(x))]) if np.ndim(x) else pb.jvp(f, (x,), (1.0,))[1]
        )
    ),
    "jacfwd": lambda f: pb.jacfwd(f),
    "jit of grad": lambda f: pb.jit(pb.grad(f)),
    "grad of jit": lambda f: pb.grad(pb.jit(f)),
    "vmap of grad": lambda f: lambda x: pb.vmap(pb.grad(f))(np.stack([x, x]))[1],
    "jit of vmap of jacfwd": lambda f: lambda x: pb.jit(pb.vmap(pb.jacfwd(f)))(np.stack([x, x]))[1],
    "in a scan": lambda f: pb.grad(lambda x: pb.scan(lambda c, _: (c, f(x)), 0.0, length=1)[1][0]),
}
TIED = np.array([2.0, 3.0, 3.0, 1.0])
CASES = [
    pytest.param(np.abs, 0.0, {}, 0.0, id="abs: zero"),
    pytest.param(np.abs, 0.0, {"abs": "one"}, 1.0, id="abs: one"),
    pytest.param(np.max, TIED, {}, [0, 0.5, 0.5, 0], id="max: share"),
    pytest.param(np.max, TIED, {"ties": "first"}, [0, 1, 0, 0], id="max: first"),
    pytest.param(np.min, -TIED, {}, [0, 0.5, 0.5, 0], id="min: share"),
    pytest.param(lambda x: np.maximum(x, 0.0), 0.0, {}, 0.5, id="maximum: share"),
    pytest.param(lambda x: np.maximum(x, 0.0), 0.0, {"ties": "first"}, 1.0, id="maximum: first"),
    pytest.param(lambda x: np.maximum(x, x), 1.0, {}, 1.0, id="maximum of itself"),
    pytest.param(lambda x: np.clip(x, 0.0, 1.0), 1.0, {}, 1.0, id="clip: inside"),
    pytest.param(lambda x: np.clip(x, 0.0, 1.0), 1.0, {"clip": "half"}, 0.5, id="clip: half"),
    pytest.param(np.linalg.norm, np.zeros(2), {}, [0.0, 0.0], id="norm: zero"),
    pytest.param(np.linalg.norm, np.zeros(2), {"norm": "nan"}, [np.nan, np.nan], id="norm: nan"),
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("f", "x", "choice", "want"), CASES)
def test_every_choice_holds_in_every_mode(mode, f, x, choice, want):
    x = np.asarray(x)
    with pb.conventions(**choice):
        np.testing.assert_array_equal(MODES[mode](f)(x), want)
    if choice:  # and the default again, from the same caches
        default = next(c.values[3] for c in CASES if c.values[0] is f or c.id.split(":")[0] == _name(f, x, CASES))
        np.testing.assert_array_equal(MODES[mode](f)(x), default)


def _name(f, x, cases):
    return next(c.id.split(":")[0] for c in cases if c.values[0] is f)


def test_conventions_are_part_of_the_key_of_a_jitted_function():
    g = pb.jit(pb.grad(lambda x: np.max(x)))
    f = pb.jit(lambda x: np.max(x))
    for _ in range(2):
        np.testing.assert_array_equal(g(TIED), [0, 0.5, 0.5, 0])
        np.testing.assert_array_equal(pb.grad(f)(TIED), [0, 0.5, 0.5, 0])
        with pb.conventions(ties="first"):
            np.testing.assert_array_equal(g(TIED), [0, 1, 0, 0])
            np.testing.assert_array_equal(pb.grad(f)(TIED), [0, 1, 0, 0])


def test_conventions_nest_and_end_with_their_block():
    g = pb.grad(np.abs)
    with pb.conventions(abs="one"):
        with pb.conventions(ties="first"):
            assert g(0.0) == 1.0
            with pb.conventions(abs="zero"):
                assert g(0.0) == 0.0
        assert g(0.0) == 1.0
    assert g(0.0) == 0.0
    with pytest.raises(ZeroDivisionError), pb.conventions(abs="one"):
        raise ZeroDivisionError
    assert g(0.0) == 0.0


def test_a_pullback_keeps_the_conventions_of_its_making():
    with pb.conventions(ties="first"):
        _, pullback = pb.vjp(np.max, TIED)
    np.testing.assert_array_equal(pullback(1.0)[0], [0, 1, 0, 0])


def test_complex_gradients_in_both_conventions():
    f = lambda z: np.real(z * np.conj(z))  # noqa: E731
    for g in (pb.grad(f), pb.jit(pb.grad(f)), pb.grad(pb.jit(f)), lambda z: pb.vmap(pb.grad(f))(np.array([z]))[0]):
        assert g(1.0 + 2.0j) == 2.0 - 4.0j
        with pb.conventions(complex="pytorch"):
            assert g(1.0 + 2.0j) == 2.0 + 4.0j
        assert g(1.0 + 2.0j) == 2.0 - 4.0j
    second = pb.grad(lambda z: np.real(pb.grad(lambda z: np.real(z**3))(z)))
    jax = second(1.0 + 2.0j)
    with pb.conventions(complex="pytorch"):
        np.testing.assert_allclose(second(1.0 + 2.0j), np.conj(jax))


def test_unknown_choices_are_told_with_the_known_ones():
    with pytest.raises(ArgumentError, match="ties, abs, norm"), pb.conventions(tiles="share"):
        pass
    with pytest.raises(ArgumentError, match="'share', 'first'"), pb.conventions(ties="last"):
        pass


# Strong zeros ---------------------------------------------------------------------------------

safe = lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0))  # noqa: E731
AT = np.array([0.0, 4.0, -1.0])
WRAPS = {
    "eager": lambda d: d,
    "jit": pb.jit,
    "vmap": lambda d: lambda x: pb.vmap(d)(np.stack([x, x]))[1],
    "jit of vmap": lambda d: lambda x: pb.jit(pb.vmap(d))(np.stack([x, x]))[1],
}
IN = {
    "plain": lambda f: f,
    "scan": lambda f: lambda x: pb.scan(lambda c, a: (c + f(a[None]), None), 0.0, x)[0],
    "fori_loop": lambda f: lambda x: pb.fori_loop(0, 1, lambda i, c: c + f(x), 0.0),
    "while_loop": lambda f: lambda x: pb.while_loop(lambda s: s[0] < 1, lambda s: (s[0] + 1, s[1] + f(x)), (0, 0.0))[1],
    "checkpoint": lambda f: pb.checkpoint(f),
    "jit": lambda f: pb.jit(f),
    "cond": lambda f: lambda x: pb.cond(np.sum(x) > -5, f, lambda x: 0.0, x),
}


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("inside", IN)
@pytest.mark.parametrize("wrap", WRAPS)
def test_where_is_safe_at_every_order(wrap, inside):
    f, wrap = IN[inside](safe), WRAPS[wrap]
    first, second, third = [0, 0.25, 0], [0, -1 / 32, 0], [0, 3 / 256, 0]
    for d in (pb.grad, pb.jacfwd, pb.jacrev):
        np.testing.assert_allclose(wrap(d(f))(AT), first)
    ones = np.ones(3)
    np.testing.assert_allclose(wrap(pb.hessian(f))(AT), np.diag(second))
    np.testing.assert_allclose(wrap(pb.grad(lambda x: np.sum(pb.grad(f)(x))))(AT), second)
    np.testing.assert_allclose(
        wrap(lambda x: pb.jvp(lambda x: pb.jvp(f, (x,), (ones,))[1], (x,), (ones,))[1])(AT), -1 / 32
    )
    np.testing.assert_allclose(wrap(pb.grad(lambda x: np.sum(pb.grad(lambda x: np.sum(pb.grad(f)(x)))(x))))(AT), third)


@pytest.mark.parametrize("wrap", [lambda d: d, pb.jit], ids=["eager", "jit"])
@pytest.mark.parametrize("inside", IN)
def test_the_square_of_a_root_stays_nan_at_zero(wrap, inside):
    f = IN[inside](lambda x: np.sum(np.sqrt(x) ** 2))
    got = wrap(pb.grad(f))(np.array([0.0, 4.0]))
    assert np.isnan(got[0])
    np.testing.assert_allclose(got[1], 1.0)


def test_strong_zeros_can_be_switched_off():
    with np.errstate(invalid="ignore"), pb.conventions(strong_zeros=False):
        assert np.isnan(pb.grad(safe)(AT)[0])
    np.testing.assert_allclose(pb.grad(safe)(np.array([0.0, 4.0])), [0.0, 0.25])


def test_indexing_cuts_like_where():
    f = lambda x: np.sum(np.sqrt(x)[1:])  # noqa: E731
    for d in (pb.grad(f), pb.jit(pb.grad(f)), pb.jacfwd(f)):
        np.testing.assert_allclose(d(np.array([0.0, 4.0])), [0.0, 0.25])


def test_the_double_where_of_other_libraries_still_works():
    f = lambda x: np.where(x > 0, np.log(np.where(x > 0, x, 1.0)), 0.0)  # noqa: E731
    assert pb.grad(f)(0.0) == 0.0
    assert pb.grad(f)(2.0) == 0.5
