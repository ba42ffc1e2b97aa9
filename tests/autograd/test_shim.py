"""What the shim has of its own: names, errors, and what it does not have yet."""

import mpmath
import numpy as np
import pytest

import pullback.autograd as ag
import pullback.autograd.numpy as anp
import pullback.autograd.numpy.random as npr
import pullback.autograd.scipy
import pullback.autograd.scipy.special as special
import pullback.autograd.scipy.stats
from pullback.autograd.builtins import isinstance as ag_isinstance
from pullback.autograd.extend import def_linear, defjvp, defjvp_argnum, defvjp, defvjp_argnum, primitive
from pullback.autograd.misc import flatten, flatten_func
from pullback.autograd.misc.optimizers import rmsprop
from pullback.autograd.numpy.numpy_boxes import ArrayBox
from pullback.autograd.test_util import check_grads
from pullback.autograd.tracer import getval, isbox
from pullback.core.errors import (
    ArgumentError,
    CustomRuleError,
    DerivativeError,
    IntegerInput,
    NonScalarOutput,
    NotTraceable,
    NotWritten,
)
from tests import oracles

X = np.array([0.3, -1.2, 0.7])


def test_the_namespace_is_numpys():
    assert anp.pi == np.pi
    assert anp.float32 is np.float32
    np.testing.assert_array_equal(anp.array([1, 2]), np.array([1, 2]))
    assert anp.linalg.norm(X) == np.linalg.norm(X)
    assert npr.RandomState(0).rand() == np.random.RandomState(0).rand()
    assert "sin" in dir(anp)
    assert "norm" in dir(anp.linalg)
    assert ag_isinstance is isinstance


def test_errors_are_the_kinds_that_autograd_raises():
    with pytest.raises(TypeError):
        ag.grad(lambda x: x * 2)(X)
    with pytest.raises(NonScalarOutput, match=r"float64\[3\]"):
        ag.grad(lambda x: x * 2)(X)
    with pytest.raises(IntegerInput, match="pass a float"):
        ag.grad(lambda x: x * 2)(3)
    with pytest.raises(ArgumentError, match="argnum=1"):
        ag.make_vjp(lambda x: x, 1)(2.0)
    with pytest.raises(ArgumentError, match="x, y"):
        ag.grad_named(lambda x, y: x, "z")
    with pytest.raises(NotTraceable, match=r"numpy\.nextafter"):
        ag.grad(lambda x: anp.sum(anp.nextafter(x, 1.0)))(X)
    np.testing.assert_allclose(ag.grad(lambda x: anp.sum(anp.abs(anp.fft.fft(x)) ** 2))(X), 2 * len(X) * X, rtol=1e-14)


def test_all_arguments_at_once():
    found = ag.multigrad_dict(lambda x, y=2.0, *, k=3.0: x * y * k)(1.0, k=4.0)
    assert dict(found) == {"x": 8.0, "y": 4.0, "k": 2.0}


def test_keywords_pass_through_every_operator():
    f = lambda x, power=1: anp.sum(x**power)  # noqa: E731
    expected = 3 * X**2
    np.testing.assert_allclose(ag.grad(f)(X, power=3), expected)
    np.testing.assert_allclose(ag.value_and_grad(f)(X, power=3)[1], expected)
    np.testing.assert_allclose(ag.make_vjp(f)(X, power=3)[0](1.0), expected)
    np.testing.assert_allclose(ag.make_jvp(f)(X, power=3)(X)[1], np.sum(expected * X))
    np.testing.assert_allclose(ag.hessian_vector_product(f)(X, np.ones(3), power=3), 6 * X)


def test_boxes_are_tracers():
    seen = []

    def f(x):
        seen.append((isinstance(x, ArrayBox), isbox(x), type(getval(x))))
        return anp.sum(x * getval(x))

    np.testing.assert_allclose(ag.grad(f)(X), X)
    assert seen == [(True, True, np.ndarray)]


def test_check_grads_has_autograds_signature():
    check_grads(lambda x: anp.tanh(x) * x, modes=["rev"], order=2)(X)
    with pytest.raises(DerivativeError):
        check_grads(lambda x: x * getval(x))(X)


def wave():
    @primitive
    def wave(x, k=1.0):
        return np.sin(k * x)

    return wave


def test_a_primitive_with_only_a_vjp_works_in_both_modes():
    f = wave()
    defvjp(f, lambda ans, x, k=1.0: lambda g: g * k * anp.cos(k * x))
    check_grads(lambda x: f(x, k=2.0))(X)


def test_a_primitive_with_only_a_jvp_works_in_both_modes():
    f = wave()
    defjvp(f, lambda g, ans, x, k=1.0: g * k * anp.cos(k * x))
    check_grads(lambda x: f(x, k=2.0))(X)


def test_rules_by_any_argument():
    @primitive
    def product(a, b):
        return a * b

    defvjp_argnum(product, lambda i, ans, args, kwargs: lambda g: g * args[1 - i])
    check_grads(lambda a, b: product(a, b), order=1)(X, X + 1.0)
    defjvp_argnum(product, lambda i, g, ans, args, kwargs: g * args[1 - i])
    check_grads(lambda a, b: product(a, b))(X, X + 1.0)


def test_linear_primitives_and_arguments_without_derivative():
    @primitive
    def double(x, n):
        return 2.0 * x

    def_linear(double)
    np.testing.assert_allclose(ag.grad(lambda x: anp.sum(double(x, 3)))(X), 2.0)

    @primitive
    def first(x, y):
        return x * 1.0

    defvjp(first, lambda ans, x, y: lambda g: g, None)
    np.testing.assert_allclose(ag.grad(lambda y: anp.sum(first(X, y)))(X), 0.0)


def test_a_primitive_without_rules_says_what_to_write():
    f = wave()
    with pytest.raises(CustomRuleError, match="vjp of wave by argument 0 is not defined") as caught:
        ag.grad(f)(1.0)
    assert "defvjp(wave" in caught.value.fix
    with pytest.raises(CustomRuleError, match="no primitive"):
        defvjp(np.sin, lambda ans, x: lambda g: g)
    defvjp(f, lambda ans, x: lambda g: g, argnums=[1])
    with pytest.raises(NotWritten, match="by argument 0"):
        ag.grad(f)(1.0)


def test_nests_are_flattened_and_back():
    nest = {"w": np.ones((2, 2)), "b": (1.0, [2.0])}
    vector, unflatten = flatten(nest)
    assert vector.shape == (6,)
    again = unflatten(vector)
    np.testing.assert_array_equal(again["w"], nest["w"])
    assert again["b"] == (1.0, [2.0])
    f, _, x0 = flatten_func(lambda d: {"w": d["w"] * 2.0}, {"w": X})
    np.testing.assert_array_equal(f(x0), 2.0 * X)
    np.testing.assert_allclose(ag.grad(lambda v: anp.sum(flatten({"v": v, "u": v})[0] ** 2))(X), 4 * X)


def test_rmsprop_goes_downhill():
    seen = []
    x = rmsprop(lambda x, i: 2 * x, X, callback=lambda x, i, g: seen.append(i), num_iters=50)
    assert np.sum(x**2) < np.sum(X**2)
    assert seen == list(range(50))


def test_special_functions_have_the_right_derivative():
    x = np.array([0.2, 0.7])
    for f in (special.erf, special.expit, special.logit):
        np.testing.assert_allclose(ag.elementwise_grad(f)(x), np.diag(oracles.jacobian_by_differences(f, x)), rtol=1e-8)
    np.testing.assert_allclose(special.logsumexp(np.array([[-np.inf, 0.0]]), axis=1), [0.0])
    np.testing.assert_allclose(special.xlogy(np.array([0.0, 2.0]), np.array([0.0, 3.0])), [0.0, 2 * np.log(3)])


def test_special_functions_are_all_there():
    np.testing.assert_allclose(ag.grad(special.gammaln)(2.5), special.digamma(2.5), rtol=1e-15)
    np.testing.assert_allclose(ag.grad(lambda x: special.polygamma(1, x))(2.5), special.polygamma(2, 2.5), rtol=1e-14)
    assert "gammaln" in dir(special)


def test_the_normal_distribution_has_tails():
    norm = pullback.autograd.scipy.stats.norm
    with mpmath.workdps(50):
        exact = float(mpmath.log(mpmath.erfc(60 / mpmath.sqrt(2)) / 2))
        slope = float(mpmath.npdf(60) / (mpmath.erfc(60 / mpmath.sqrt(2)) / 2))
    np.testing.assert_allclose(norm.logcdf(-60.0), exact, rtol=1e-14)
    np.testing.assert_allclose(ag.grad(norm.logcdf)(-60.0), slope, rtol=1e-13)
    np.testing.assert_allclose(norm.logsf(60.0, 0.0, 1.0), norm.logcdf(-60.0), rtol=1e-15)
    q = np.array([1e-20, 0.3, 0.9])
    np.testing.assert_allclose(norm.cdf(norm.ppf(q, 0.3, 1.2), 0.3, 1.2), q, rtol=1e-12)
    np.testing.assert_allclose(norm.sf(norm.isf(q, 0.3, 1.2), 0.3, 1.2), q, rtol=1e-12)
    slope = ag.elementwise_grad(norm.ppf)(q)
    np.testing.assert_allclose(slope, 1 / norm.pdf(norm.ppf(q)), rtol=1e-12)


def test_what_scipy_has_and_the_shim_has_not_says_so():
    with pytest.raises(NotWritten, match=r"scipy\.stats\.gamma"):
        pullback.autograd.scipy.stats.gamma  # noqa: B018
    with pytest.raises(NotWritten, match=r"scipy\.signal"):
        pullback.autograd.scipy.signal  # noqa: B018
    with pytest.raises(AttributeError):
        special.nothing_of_this_name  # noqa: B018
