"""Function: forward and backward by hand, PyTorch's names, under every transformation."""

import numpy as np
import pytest

import pullback as pb
from pullback.core.errors import CustomRuleError
from tests import oracles


class Exp(pb.Function):
    @staticmethod
    def forward(ctx, x):
        y = np.exp(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, u):
        (y,) = ctx.saved_tensors
        return u * y


class Affine(pb.Function):
    """Several inputs; what is not needed is not computed."""

    computed = ()

    @staticmethod
    def forward(ctx, x, w, b):
        ctx.save_for_backward(x, w)
        return x @ w + b

    @staticmethod
    def backward(ctx, u):
        x, w = ctx.saved_tensors
        Affine.computed = ctx.needs_input_grad
        of_x = u @ w.T if ctx.needs_input_grad[0] else None
        of_w = x.T @ u if ctx.needs_input_grad[1] else None
        of_b = np.sum(u, axis=0) if ctx.needs_input_grad[2] else None
        return of_x, of_w, of_b


class SinCos(pb.Function):
    """Several outputs."""

    @staticmethod
    def forward(ctx, x):
        s, c = np.sin(x), np.cos(x)
        ctx.save_for_backward(s, c)
        return s, c

    @staticmethod
    def backward(ctx, us, uc):
        s, c = ctx.saved_tensors
        return us * c - uc * s


class Power(pb.Function):
    """State on ctx that is no array."""

    @staticmethod
    def forward(ctx, x, n):
        ctx.n = n
        ctx.name = "power"
        ctx.save_for_backward(x)
        return x**n

    @staticmethod
    def backward(ctx, u):
        (x,) = ctx.saved_tensors
        assert ctx.name == "power"
        return u * ctx.n * x ** (ctx.n - 1), None


def test_apply_of_plain_arrays_is_forward(rng):
    x = rng.normal(size=3)
    assert np.array_equal(Exp.apply(x), np.exp(x))


def test_derivatives_of_every_order_use_backward():
    f = Exp.apply
    for _ in range(4):
        np.testing.assert_allclose(f(0.3), np.exp(0.3), rtol=1e-15)
        f = pb.grad(f)


@pytest.mark.parametrize("wrap", [lambda f: f, pb.jit, lambda f: pb.jit(pb.jit(f))])
def test_functions_go_through_jit_and_vmap(wrap, rng):
    x = rng.normal(size=4)
    np.testing.assert_allclose(pb.vmap(wrap(pb.grad(Exp.apply)))(x), np.exp(x), rtol=1e-15)
    np.testing.assert_allclose(wrap(pb.vmap(pb.grad(pb.grad(Exp.apply))))(x), np.exp(x), rtol=1e-15)
    np.testing.assert_allclose(pb.grad(lambda x: np.sum(pb.vmap(wrap(Exp.apply))(x)))(x), np.exp(x), rtol=1e-15)


def test_forward_mode_follows_from_backward(rng):
    x, v = rng.normal(size=3), rng.normal(size=3)
    np.testing.assert_allclose(pb.jvp(Exp.apply, (x,), (v,))[1], oracles.complex_step(np.exp, x, v), rtol=1e-14)
    np.testing.assert_allclose(pb.hessian(lambda x: np.sum(Exp.apply(x)))(x), np.diag(np.exp(x)), rtol=1e-14)


def test_several_inputs_and_which_of_them_need_a_gradient(rng):
    x, w, b = rng.normal(size=(4, 3)), rng.normal(size=(3, 2)), rng.normal(size=2)
    u = rng.normal(size=(4, 2))
    _, pullback = pb.vjp(Affine.apply, x, w, b)
    ux, uw, ub = pullback(u)
    assert Affine.computed == (True, True, True)
    np.testing.assert_allclose(ux, u @ w.T, rtol=1e-15)
    np.testing.assert_allclose(uw, x.T @ u, rtol=1e-15)
    np.testing.assert_allclose(ub, u.sum(axis=0), rtol=1e-15)
    pb.grad(lambda w: np.sum(Affine.apply(x, w, b)))(w)
    assert Affine.computed == (False, True, False)


def test_several_outputs(rng):
    x, a, b = rng.normal(size=3), rng.normal(size=3), rng.normal(size=3)

    def f(x):
        s, c = SinCos.apply(x)
        return np.sum(a * s + b * c)

    np.testing.assert_allclose(pb.grad(f)(x), a * np.cos(x) - b * np.sin(x), rtol=1e-14)
    np.testing.assert_allclose(pb.grad(lambda x: np.sum(pb.grad(f)(x)))(x), -a * np.sin(x) - b * np.cos(x), rtol=1e-14)


def test_an_output_that_is_not_used_gives_a_zero(rng):
    x = rng.normal(size=3)
    np.testing.assert_allclose(pb.grad(lambda x: np.sum(SinCos.apply(x)[1]))(x), -np.sin(x), rtol=1e-15)


def test_state_that_is_no_array_stays_on_ctx():
    assert float(pb.grad(lambda x: Power.apply(x, 3))(2.0)) == 12.0
    assert float(pb.grad(pb.grad(lambda x: Power.apply(x, 3)))(2.0)) == 12.0
    assert float(pb.jit(pb.grad(lambda x: Power.apply(x, 3)))(2.0)) == 12.0


def test_reading_saved_tensors_that_were_not_saved_says_what_to_call():
    class Forgetful(pb.Function):
        @staticmethod
        def forward(ctx, x):
            return np.exp(x)

        @staticmethod
        def backward(ctx, u):
            (y,) = ctx.saved_tensors
            return u * y

    with pytest.raises(CustomRuleError, match=r"call ctx\.save_for_backward\(\.\.\.\) in Forgetful\.forward"):
        pb.grad(Forgetful.apply)(1.0)


@pytest.mark.parametrize("gives", [lambda u: (u, u), lambda u: np.ones(7), lambda u: ()])
def test_the_wrong_number_or_shape_of_cotangents_is_named_with_its_line(gives):
    class Wrong(pb.Function):
        @staticmethod
        def forward(ctx, x):
            return np.exp(x)

        @staticmethod
        def backward(ctx, u):
            return gives(u)

    with pytest.raises(CustomRuleError) as raised:
        pb.grad(lambda x: np.sum(Wrong.apply(x)))(np.ones(3))
    assert "test_function.py" in str(raised.value)
