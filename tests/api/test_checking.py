"""check_grads: right derivatives pass, wrong ones are caught, and the first wrong operation is named."""

import inspect

import numpy as np
import pytest

import pullback as pb
from pullback.core.errors import ArgumentError, DerivativeError

X = np.array([0.3, -1.2, 0.7])
A = np.array([[2.0, 0.3, -0.4], [0.1, 1.5, 0.2], [-0.3, 0.6, 2.5]])
Z = X + 1j * np.array([0.2, 0.5, -0.9])


RIGHT = [
    pytest.param(lambda x: np.sum(np.tanh(x) ** 2), (X,), id="scalar"),
    pytest.param(lambda x: x**3, (2.0,), id="Python float"),
    pytest.param(lambda a, b: a @ b, (A, X), id="product"),
    pytest.param(np.linalg.solve, (A, X), id="solve"),
    pytest.param(np.linalg.det, (A,), id="det"),
    pytest.param(lambda x: pb.fori_loop(0, 3, lambda i, y: np.sin(y) * x, x), (X,), id="fori_loop"),
    pytest.param(lambda x: pb.while_loop(lambda y: np.sum(y * y) < 50.0, lambda y: 1.7 * y + x, x), (X,), id="while"),
    pytest.param(lambda x: pb.scan(lambda c, a: (c * a, c + a), 1.0, x), (X,), id="scan"),
    pytest.param(lambda x: pb.cond(x[0] > 0, lambda x: x**3, np.sin, x), (X,), id="cond"),
    pytest.param(pb.jit(lambda x: np.exp(-x * x)), (X,), id="jit"),
    pytest.param(pb.vmap(lambda x: x**3), (X,), id="vmap"),
    pytest.param(pb.grad(lambda x: np.sum(np.sin(x) * x)), (X,), id="grad"),
    pytest.param(pb.checkpoint(lambda x: np.sin(np.sin(x))), (X,), id="checkpoint"),
    pytest.param(lambda d, n: {"out": d["a"] * d["b"][0] ** n}, ({"a": X, "b": (2.0, None)}, 3), id="trees"),
    pytest.param(lambda z: z * z * np.exp(z), (Z,), id="holomorphic"),
    pytest.param(lambda z: np.sum(np.abs(z) ** 2), (Z,), id="complex to real"),
    pytest.param(lambda z: np.conj(z) * z.real, (Z,), id="not holomorphic"),
    pytest.param(lambda x: np.tanh(x) * np.exp(x), (X.astype(np.float32),), id="float32"),
    pytest.param(np.linalg.solve, (A.astype(np.float32), X.astype(np.float32)), id="float32 solve"),
    pytest.param(np.sqrt, (np.array([1e-10, 1.0, 4.0]),), id="near the edge"),
    pytest.param(np.log, (np.array([1e-4, 1e8]),), id="far apart"),
    pytest.param(np.tanh, (np.array([20.0, 1e-8, 0.0]),), id="tiny derivative"),
    pytest.param(lambda x: 2 * x, (np.zeros(0),), id="empty"),
    pytest.param(lambda x: 3.0, (2.0,), id="constant"),
    pytest.param(lambda x: np.where(x > 0, np.sqrt(np.where(x > 0, x, 1.0)), 0.0), (X,), id="where"),
]


@pytest.mark.parametrize(("f", "args"), RIGHT)
def test_right_derivatives_pass(f, args):
    pb.check_grads(f, args)


def test_kinks_close_by_are_no_false_alarm(rng):
    x, y, w = rng.normal(size=(64, 20)), rng.normal(size=(64, 3)), rng.normal(size=(32, 3))

    def loss(v):
        return np.sum((np.maximum(x @ v, 0.0) @ w - y) ** 2)

    pb.check_grads(loss, (0.3 * rng.normal(size=(20, 32)),))


def test_third_derivatives_can_be_checked():
    pb.check_grads(lambda x: np.sin(x) * np.exp(x), (X,), order=3)


def test_under_the_pytorch_convention_complex_gradients_pass():
    with pb.conventions(complex="pytorch"):
        pb.check_grads(lambda z: np.sum(np.abs(z) ** 2), (Z,))


def test_ties_of_a_kink_share_as_central_differences_do():
    pb.check_grads(np.abs, (np.array([0.0, 1.0]),), order=1)


def double(x, u):  # twice too large
    return (2 * u * np.cos(x),)


def negated(x, u):
    return (-u * np.cos(x),)


def right(x, u):
    return (u * np.cos(x),)


def right_once(x, u):  # the second derivative is 0
    return (u * pb.stop_gradient(np.cos(x)),)


def sine(bwd):
    @pb.custom_vjp
    def custom_sine(x):
        return np.sin(x)

    custom_sine.defvjp(lambda x: (np.sin(x), x), bwd)
    return custom_sine


def line_of(function, text):
    """The line of a function's body that holds this text, as messages show it."""
    lines, first = inspect.getsourcelines(function)
    return f"test_checking.py:{first + next(i for i, line in enumerate(lines) if text in line)}"


def test_a_right_custom_rule_passes():
    pb.check_grads(sine(right), (X,))


@pytest.mark.parametrize("bwd", [double, negated])
def test_a_wrong_custom_rule_is_named_with_its_line_and_that_of_its_use(bwd):
    f = sine(bwd)

    def uses(x):
        y = np.exp(x)
        y = f(y)
        return np.sum(y * y)

    for g in (uses, pb.jit(uses)):
        with pytest.raises(DerivativeError, match="is off is custom_sine: derivative of order 1") as caught:
            pb.check_grads(g, (X,))
        assert caught.value.where == f"{line_of(uses, 'y = f(y)')}, in `y = f(y)`"
        assert line_of(bwd, "def ") in caught.value.fix


def test_a_wrong_rule_inside_a_loop_is_named():
    f = sine(double)

    def loop(x):
        return pb.fori_loop(0, 3, lambda i, y: f(y), x)

    with pytest.raises(DerivativeError, match="custom_sine") as caught:
        pb.check_grads(loop, (X,), modes="rev")
    assert "reverse mode" in str(caught.value)
    assert "f(y)" in caught.value.where


def test_a_rule_wrong_only_at_second_order_is_caught_at_order_2_and_passes_at_order_1():
    f = sine(right_once)
    pb.check_grads(f, (X,), order=1)
    with pytest.raises(DerivativeError, match="order 2"):
        pb.check_grads(f, (X,), order=2)


def test_a_transposed_rule_of_a_function_class_is_named():
    class Product(pb.Function):
        @staticmethod
        def forward(ctx, a, x):
            ctx.save_for_backward(a, x)
            return a @ x

        @staticmethod
        def backward(ctx, u):
            a, x = ctx.saved_tensors
            return np.outer(u, x), a @ u  # a.T @ u

    with pytest.raises(DerivativeError, match="is off is Product") as caught:
        pb.check_grads(lambda a, x: np.sum(Product.apply(a, x) ** 2), (A, X))
    assert "def backward(ctx, u):" in caught.value.fix


def test_a_wrong_jvp_rule_is_caught_in_both_modes():
    @pb.custom_jvp
    def exp(x):
        return np.exp(x)

    @exp.defjvp
    def _(primals, tangents):
        return exp(primals[0]), -np.exp(primals[0]) * tangents[0]

    for mode in ("fwd", "rev"):
        with pytest.raises(DerivativeError, match="is off is exp"):
            pb.check_grads(exp, (X,), modes=mode)


def test_float32_wrong_by_a_factor_is_caught():
    with pytest.raises(DerivativeError, match="custom_sine"):
        pb.check_grads(sine(double), (X.astype(np.float32),))


def test_a_gradient_that_is_stopped_is_found_and_no_operation_is_blamed():
    with pytest.raises(DerivativeError, match="no single operation of it is off"):
        pb.check_grads(lambda x: x * pb.stop_gradient(x), (X,))


def test_the_edge_of_a_domain_is_said_to_be_one():
    with pytest.raises(DerivativeError, match="no finite differences here"):
        pb.check_grads(np.sqrt, (np.array([0.0, 1.0]),))


@pytest.mark.parametrize("options", [{"modes": "back"}, {"modes": ()}, {"order": 0}])
def test_unknown_options_are_refused(options):
    with pytest.raises(ArgumentError, match="check_grads with"):
        pb.check_grads(np.sin, (1.0,), **options)


def test_integers_alone_are_refused():
    with pytest.raises(ArgumentError, match="none of whose arguments is a floating-point"):
        pb.check_grads(lambda x: x * 2, (3,))
