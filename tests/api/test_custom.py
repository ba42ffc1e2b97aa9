"""custom_jvp and custom_vjp: the user's rule is what counts, under every transformation."""

import numpy as np
import pytest

import pullback as pb
from pullback.core.errors import CustomRuleError

# Each rule is marked: it gives a multiple of the true derivative, so that one sees which was used.


def make_jvp(factor=10.0):
    @pb.custom_jvp
    def f(x):
        return np.sin(x)

    @f.defjvp
    def _(primals, tangents):
        (x,), (v,) = primals, tangents
        return f(x), factor * np.cos(x) * v

    return f


def make_vjp(factor=100.0):
    @pb.custom_vjp
    def f(x):
        return np.sin(x)

    f.defvjp(lambda x: (f(x), x), lambda x, u: (factor * np.cos(x) * u,))
    return f


def make_both():
    f = make_vjp(100.0)
    f.defjvp(lambda primals, tangents: (f(*primals), 10.0 * np.cos(primals[0]) * tangents[0]))
    return f


FORWARD = {
    "jvp": lambda f: lambda x: pb.jvp(f, (x,), (1.0,))[1],
    "jacfwd in a scan": lambda f: (
        lambda x: pb.jvp(lambda x: pb.scan(lambda c, _: (f(c), None), x, length=1)[0], (x,), (1.0,))[1]
    ),
    "jit of jvp": lambda f: pb.jit(lambda x: pb.jvp(f, (x,), (1.0,))[1]),
    "jvp of jit": lambda f: lambda x: pb.jvp(pb.jit(f), (x,), (1.0,))[1],
    "vmap of jvp": lambda f: lambda x: pb.vmap(lambda a: pb.jvp(f, (a,), (1.0,))[1])(np.array([x, x]))[1],
    "jvp of vmap": lambda f: lambda x: pb.jvp(pb.vmap(f), (np.array([x, x]),), (np.ones(2),))[1][0],
}
REVERSE = {
    "grad": lambda f: pb.grad(f),
    "jacrev": lambda f: pb.jacrev(f),
    "jit of grad": lambda f: pb.jit(pb.grad(f)),
    "grad of jit": lambda f: pb.grad(pb.jit(f)),
    "vmap of grad": lambda f: lambda x: pb.vmap(pb.grad(f))(np.array([x, x]))[1],
    "grad of vmap": lambda f: pb.grad(lambda x: np.sum(pb.vmap(f)(x * np.ones(1)))),
    "in a scan": lambda f: pb.grad(lambda x: pb.scan(lambda c, _: (f(c), None), x, length=1)[0]),
    "in a while loop": lambda f: pb.grad(
        lambda x: pb.while_loop(lambda s: s[0] < 1, lambda s: (s[0] + 1, f(s[1])), (0, x))[1]
    ),
    "in a cond": lambda f: pb.grad(lambda x: pb.cond(x > 0, f, lambda x: x, x)),
    "in a checkpoint": lambda f: pb.grad(pb.checkpoint(f)),
    "jit of vmap of grad": lambda f: lambda x: pb.jit(pb.vmap(pb.grad(f)))(np.array([x, x]))[1],
    "in a vmapped scan": lambda f: (
        lambda x: pb.vmap(pb.grad(lambda x: pb.scan(lambda c, _: (f(c), None), x, length=1)[0]))(np.array([x, x]))[1]
    ),
}
X = 0.7


@pytest.mark.parametrize("mode", FORWARD | REVERSE)
def test_a_jvp_rule_counts_in_both_modes(mode):
    np.testing.assert_allclose((FORWARD | REVERSE)[mode](make_jvp())(X), 10 * np.cos(X), rtol=1e-14)


@pytest.mark.parametrize("mode", FORWARD | REVERSE)
def test_a_vjp_rule_counts_in_both_modes(mode):
    np.testing.assert_allclose((FORWARD | REVERSE)[mode](make_vjp())(X), 100 * np.cos(X), rtol=1e-14)


@pytest.mark.parametrize("mode", FORWARD | REVERSE)
def test_with_both_rules_each_mode_uses_its_own(mode):
    factor = 10 if mode in FORWARD else 100
    np.testing.assert_allclose((FORWARD | REVERSE)[mode](make_both())(X), factor * np.cos(X), rtol=1e-14)


@pytest.mark.parametrize("wrap", [lambda f: f, pb.jit], ids=["eager", "jit"])
def test_derivatives_of_derivatives_use_the_rule_again(wrap):
    """The rule's own derivative: of 10 cos(x), and within it f is the custom function no more."""
    np.testing.assert_allclose(wrap(pb.grad(pb.grad(make_jvp())))(X), -10 * np.sin(X), rtol=1e-14)
    np.testing.assert_allclose(wrap(pb.grad(pb.grad(make_vjp())))(X), -100 * np.sin(X), rtol=1e-14)
    np.testing.assert_allclose(wrap(pb.hessian(make_jvp()))(X), -10 * np.sin(X), rtol=1e-14)
    np.testing.assert_allclose(wrap(pb.hessian(make_vjp()))(X), -100 * np.sin(X), rtol=1e-14)
    np.testing.assert_allclose(wrap(pb.vmap(pb.grad(pb.grad(make_vjp()))))(np.array([X, X])), [-100 * np.sin(X)] * 2)
    np.testing.assert_allclose(wrap(pb.grad(pb.grad(pb.grad(make_vjp()))))(X), -100 * np.cos(X), rtol=1e-14)


def test_a_rule_that_calls_the_function_is_the_custom_function_one_level_out():
    """f' = f by rule, so every derivative is f."""

    @pb.custom_jvp
    def f(x):
        return np.exp(x)

    f.defjvp(lambda p, t: (f(*p), 2.0 * f(*p) * t[0]))
    assert pb.grad(f)(0.0) == 2.0
    assert pb.grad(pb.grad(f))(0.0) == 4.0
    assert pb.grad(pb.grad(pb.grad(f)))(0.0) == 8.0
    assert pb.jit(pb.grad(pb.grad(f)))(0.0) == 4.0

    @pb.custom_vjp
    def g(x):
        return np.exp(x)

    g.defvjp(lambda x: (g(x), x), lambda x, u: (2.0 * g(x) * u,))
    assert pb.grad(pb.grad(pb.grad(g)))(0.0) == 8.0
    assert pb.jit(pb.grad(pb.grad(g)))(0.0) == 4.0


def test_residuals_are_kept_as_the_rule_gives_them():
    f = make_vjp()
    _, pullback = pb.vjp(f, np.ones(5))
    assert [r.shape for r in pullback.residuals] == [(5,)]


def test_several_arguments_trees_and_none():
    @pb.custom_vjp
    def f(p, x):
        return {"y": p["w"] * x, "z": np.sum(x)}

    def bwd(res, u):
        _, x = res
        return {"w": 3.0 * np.sum(u["y"] * x), "name": None}, None

    f.defvjp(lambda p, x: (f(p, x), (p, x)), bwd)
    p = {"w": 2.0, "name": "p"}
    x = np.arange(3.0)
    gp, gx = pb.grad(lambda p, x: np.sum(f(p, x)["y"]), argnums=(0, 1))(p, x)
    assert gp == {"w": 9.0, "name": None}
    np.testing.assert_array_equal(gx, np.zeros(3))


def test_nondiff_argnums_come_first_and_may_be_anything():
    @pb.custom_vjp
    def unused(x):
        return x

    f = pb.custom_vjp(lambda fun, x, n: fun(x) ** n, nondiff_argnums=(0, 2))
    f.defvjp(lambda fun, x, n: (fun(x) ** n, x), lambda fun, n, x, u: (u * n * 7.0,))
    assert f(np.sin, 0.5, 2) == np.sin(0.5) ** 2
    assert pb.grad(lambda x: f(np.sin, x, 2))(0.5) == 14.0
    assert pb.jit(pb.grad(lambda x: f(np.sin, x, 3)))(0.5) == 21.0
    g = pb.custom_jvp(lambda n, x: x**n, nondiff_argnums=(0,))
    g.defjvp(lambda n, primals, tangents: (primals[0] ** n, n * 5.0 * tangents[0]))
    assert pb.grad(lambda x: g(3, x))(2.0) == 15.0
    assert unused is not None


def test_keywords_are_bound_to_positions():
    f = pb.custom_vjp(lambda x, scale=2.0: x * scale)
    f.defvjp(lambda x, scale: (x * scale, scale), lambda scale, u: (u * scale * 10.0, None))
    assert f(3.0) == 6.0
    assert pb.grad(lambda x: f(x))(3.0) == 20.0
    assert pb.grad(lambda x: f(x, scale=4.0))(3.0) == 40.0


def test_gradient_clipping():
    clipped = pb.custom_vjp(lambda x: x)
    clipped.defvjp(lambda x: (x, None), lambda _, u: (np.clip(u, -1.0, 1.0),))
    g = pb.grad(lambda x: np.sum(clipped(x) * np.array([0.5, 5.0, -5.0])))
    np.testing.assert_array_equal(g(np.ones(3)), [0.5, 1.0, -1.0])
    np.testing.assert_array_equal(pb.jit(g)(np.ones(3)), [0.5, 1.0, -1.0])


W = np.array([1.0, 2.0, 3.0])


@pytest.mark.parametrize("wrap", [lambda f: f, pb.jit], ids=["eager", "jit"])
def test_rules_may_close_over_plain_arrays(wrap):
    f = pb.custom_vjp(lambda x: x * W)
    f.defvjp(lambda x: (x * W, None), lambda _, u: (u * W * 2.0,))
    np.testing.assert_array_equal(wrap(pb.grad(lambda x: np.sum(f(x))))(np.ones(3)), 2 * W)
    g = pb.custom_jvp(lambda x: x * W)
    g.defjvp(lambda p, t: (p[0] * W, t[0] * W * 2.0))
    np.testing.assert_array_equal(wrap(pb.grad(lambda x: np.sum(g(x))))(np.ones(3)), 2 * W)
    np.testing.assert_array_equal(wrap(pb.jacfwd(f))(np.ones(3)), np.diag(2 * W))
    loop = lambda x: np.sum(pb.fori_loop(0, 2, lambda i, y: f(y), x))  # noqa: E731
    np.testing.assert_array_equal(wrap(pb.grad(loop))(np.ones(3)), 4 * W * W)


@pytest.mark.parametrize("wrap", [lambda f: f, pb.jit], ids=["eager", "jit"])
def test_a_rule_that_closes_over_what_is_differentiated_is_never_silently_wrong(wrap):
    def outer(w):
        f = pb.custom_vjp(lambda x: x * w)
        f.defvjp(lambda x: (x * w, None), lambda _, u: (u * w,))
        return f(2.0 * w)  # 2 w²

    with pytest.raises(CustomRuleError, match="pass the value as an argument"):
        wrap(pb.grad(outer))(3.0)


@pytest.mark.parametrize(
    ("fwd", "bwd", "match"),
    [
        (lambda x: (x, x), lambda r, u: (u, u), "returned .*2.* takes 1 argument"),
        (lambda x: (x, x), lambda r, u: u, "takes 1 argument"),
        (lambda x: (x, x), lambda r, u: (np.ones(7),), r"shape \(7,\) for an input of shape \(3,\)"),
        (lambda x: x, lambda r, u: (u,), "forward rule of f returned"),
        (lambda x: ((x, x), x), lambda r, u: (u,), "same structure"),
    ],
)
def test_a_wrong_rule_is_told_with_its_own_line(fwd, bwd, match):
    @pb.custom_vjp
    def f(x):
        return x * 2.0

    f.defvjp(fwd, bwd)
    with pytest.raises(CustomRuleError, match=match) as caught:
        pb.jit(pb.grad(lambda x: np.sum(f(x) * 1.0)))(np.ones(3))
    assert "test_custom.py:" in str(caught.value)


def test_a_function_without_a_rule_is_told():
    f = pb.custom_vjp(lambda x: x)
    with pytest.raises(CustomRuleError, match="no rule was given"):
        f(1.0)


def test_rules_are_traced_once_under_jit():
    calls = []
    f = pb.custom_vjp(np.sin)

    def fwd(x):
        calls.append("fwd")
        return np.sin(x), x

    def bwd(x, u):
        calls.append("bwd")
        return (u * np.cos(x),)

    f.defvjp(fwd, bwd)
    g = pb.jit(pb.grad(lambda x: f(x) * 2.0))
    for _ in range(4):
        np.testing.assert_allclose(g(0.5), 2 * np.cos(0.5), rtol=1e-15)
    assert len(calls) <= 4
    calls.clear()
    h = pb.jit(f)
    for _ in range(4):
        pb.grad(h)(0.5)
    first = len(calls)
    pb.grad(h)(0.6)
    assert len(calls) == first


def test_integer_arguments_stay_values():
    f = pb.custom_vjp(lambda x, n: x**n)
    f.defvjp(lambda x, n: (x**n, (x, n)), lambda r, u: (u * r[1] * r[0] ** (r[1] - 1) * 3.0, None))
    assert pb.grad(f)(2.0, 3) == 36.0
    assert pb.jit(pb.grad(f), static_argnums=1)(2.0, 3) == 36.0


# Function ---------------------------------------------------------------------------------------


class Counted(pb.Function):
    contexts: list = []  # noqa: RUF012

    @staticmethod
    def forward(ctx, x, n):
        assert not hasattr(ctx, "n"), "a fresh ctx each time"
        Counted.contexts.append(ctx)
        ctx.n = n
        ctx.save_for_backward(x)
        return x**n

    @staticmethod
    def backward(ctx, u):
        (x,) = ctx.saved_tensors
        return 3.0 * u * ctx.n * x ** (ctx.n - 1), None


@pytest.mark.parametrize("mode", FORWARD | REVERSE)
def test_a_function_counts_in_both_modes_with_a_fresh_context(mode):
    got = (FORWARD | REVERSE)[mode](lambda x: Counted.apply(x, 3))(X)
    np.testing.assert_allclose(got, 9.0 * X**2, rtol=1e-14)
    assert len(set(map(id, Counted.contexts))) == len(Counted.contexts)


@pytest.mark.parametrize("wrap", [lambda f: f, pb.jit, lambda f: lambda x: pb.vmap(f)(np.array([x, x]))[0]])
def test_a_function_under_grad_of_grad(wrap):
    np.testing.assert_allclose(wrap(pb.grad(pb.grad(lambda x: Counted.apply(x, 3))))(X), 18.0 * X, rtol=1e-13)
    third = wrap(pb.grad(pb.grad(pb.grad(lambda x: Counted.apply(x, 3)))))(X)
    np.testing.assert_allclose(third, 18.0, rtol=1e-13)
