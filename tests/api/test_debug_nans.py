"""debug_nans: the operation and the line where a derivative first makes a NaN."""

import inspect

import numpy as np
import pytest

import pullback as pb
from pullback.core.errors import NaNError

POINT = np.array([1.0, 0.0])


def f(x):
    y = 2.0 * x
    y = np.sqrt(y)
    return y**2


def total(x):
    return np.sum(f(x))


LINE = f"test_debug_nans.py:{inspect.getsourcelines(f)[1] + 2}, in `y = np.sqrt(y)`"


def looped(x):
    return pb.scan(lambda c, _: (f(c) / 2.0, None), x, None, length=3)[0]


def sqrt_while(x):
    return pb.while_loop(lambda c: c[1] < 2, lambda c: (f(c[0]) / 2.0, c[1] + 1), (x, 0))[0]


BACKWARD = [
    pytest.param(lambda: pb.grad(total)(POINT), id="grad"),
    pytest.param(lambda: pb.value_and_grad(f)(0.0), id="value_and_grad"),
    pytest.param(lambda: pb.vjp(f, POINT)[1](np.ones(2)), id="vjp"),
    pytest.param(lambda: pb.jacrev(f)(POINT), id="jacrev"),
    pytest.param(lambda: pb.hessian(total)(POINT), id="hessian"),
    pytest.param(lambda: pb.grad(pb.jit(total))(POINT), id="grad of jit"),
    pytest.param(lambda: pb.jit(pb.grad(total))(POINT), id="jit of grad"),
    pytest.param(lambda: pb.vmap(pb.grad(f))(POINT), id="vmap of grad"),
    pytest.param(lambda: pb.grad(lambda x: np.sum(pb.vmap(f)(x)))(POINT), id="grad of vmap"),
    pytest.param(lambda: pb.grad(looped)(0.0), id="grad of scan"),
    pytest.param(lambda: pb.grad(sqrt_while)(0.0), id="grad of while_loop"),
    pytest.param(lambda: pb.grad(lambda x: pb.cond(x < 1.0, f, lambda x: x, x))(0.0), id="grad of cond"),
    pytest.param(lambda: pb.grad(pb.checkpoint(f))(0.0), id="grad of checkpoint"),
    pytest.param(lambda: pb.vmap(pb.grad(looped))(POINT), id="vmap of grad of scan"),
]


@pytest.mark.parametrize("run", BACKWARD)
def test_a_nan_of_the_backward_pass_is_found(run):
    with pb.debug_nans(), pytest.raises(NaNError, match="the backward pass of sqrt made a NaN") as caught:
        run()
    assert caught.value.where == LINE
    assert "0 * inf" in caught.value.why
    assert "double where" in caught.value.fix


FORWARD = [
    pytest.param(lambda: pb.jvp(f, (POINT,), (np.array([1.0, 0.0]),)), id="jvp"),
    pytest.param(lambda: pb.linearize(f, POINT)[1](np.array([1.0, 0.0])), id="linearize"),
    pytest.param(lambda: pb.jacfwd(f)(POINT), id="jacfwd"),
    pytest.param(lambda: pb.jvp(looped, (0.0,), (0.0,)), id="jvp of scan"),
]


@pytest.mark.parametrize("run", FORWARD)
def test_a_nan_of_forward_mode_is_found(run):
    with pb.debug_nans(), pytest.raises(NaNError, match="the derivative of sqrt, in forward mode") as caught:
        run()
    assert caught.value.where == LINE
    assert "a tangent of 0 met an infinite derivative" in caught.value.why


def test_a_nan_of_the_function_itself_is_told_apart():
    caught = pytest.raises(NaNError, match="the function's own values is NaN already")
    with pb.debug_nans(), np.errstate(invalid="ignore"), caught:
        pb.grad(np.sqrt)(-1.0)


def test_a_nan_that_a_where_cuts_out_is_none():
    with pb.debug_nans(), np.errstate(invalid="ignore"):
        assert pb.grad(lambda x: np.where(x > 0, np.sqrt(x), 0.0))(-1.0) == 0.0
        assert pb.grad(lambda x: np.where(x > 0, np.sqrt(x), 0.0))(0.0) == 0.0


def test_a_wrong_custom_rule_is_named():
    @pb.custom_vjp
    def root(x):
        return np.sqrt(x)

    root.defvjp(lambda x: (np.sqrt(x), x), lambda x, u: (u * (x - x) / (x - x),))
    with pb.debug_nans(), np.errstate(invalid="ignore"), pytest.raises(NaNError, match="backward pass of root"):
        pb.grad(root)(2.0)


def test_it_ends_with_the_block_and_can_be_switched_off_inside():
    with pb.debug_nans(), pb.debug_nans(on=False):
        assert np.isnan(pb.grad(f)(0.0))
    assert np.isnan(pb.grad(f)(0.0))


def test_a_pullback_made_before_the_block_is_searched_in_it():
    _, pullback = pb.vjp(f, 0.0)
    with pb.debug_nans(), pytest.raises(NaNError, match="sqrt"):
        pullback(1.0)


def test_results_inside_the_block_are_the_same():
    g = pb.value_and_grad(lambda x: np.sum(pb.scan(lambda c, a: (np.sin(c * a), c + a), 1.0, x)[1]))
    x = np.array([0.3, -1.2, 0.7])
    expected = g(x)
    with pb.debug_nans():
        value, gradient = g(x)
    assert value == pytest.approx(expected[0], rel=1e-15)
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-14)


def test_infinite_cotangents_that_cancel_are_found_where_they_meet():
    def difference(x):
        return np.sum(np.sqrt(x - x))

    with pb.debug_nans(), pytest.raises(NaNError, match="where sub added") as error:
        pb.grad(difference)(np.ones(3))
    assert "made by sqrt" in error.value.why
