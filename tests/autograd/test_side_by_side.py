"""Programs in the manner of autograd's own examples, run with autograd and, by changing the import, with the shim."""

import importlib
from types import SimpleNamespace

import numpy as np
import pytest

from tests import oracles

X = np.array([0.3, -1.2, 0.7])
PROGRAMS = {}


def program(function):
    PROGRAMS[function.__name__] = function
    return function


def run(name, package):
    """Run a program with the modules of one of the two packages."""

    def module(inner):
        return importlib.import_module(package + inner)

    given = {
        "ag": module(""),
        "np": module(".numpy"),
        "npr": module(".numpy.random"),
        "linalg": module(".numpy.linalg"),
        "flatten": module(".misc.flatten").flatten,
        "optimizers": module(".misc.optimizers"),
        "operators": module(".differential_operators"),
        "extend": module(".extend"),
        "norm": module(".scipy.stats.norm"),
        "special": module(".scipy.special"),
    }
    return PROGRAMS[name](SimpleNamespace(**given))


def tanh(m):
    return lambda x: (1.0 - m.np.exp(-x)) / (1.0 + m.np.exp(-x))


def rosenbrock(x):
    return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2


@program
def gradients(m):
    f = tanh(m)
    return m.ag.grad(f)(1.0), m.ag.grad(m.ag.grad(f))(1.0), m.ag.elementwise_grad(m.ag.elementwise_grad(f))(X)


@program
def taylor_sine(m):
    def sine(x):
        ans = current = x
        i = 0
        while m.np.abs(current) > 0.0001:
            current = -current * x**2 / ((2 * i + 3) * (2 * i + 2))
            ans = ans + current
            i += 1
        return ans

    return m.ag.grad(sine)(1.3)


@program
def second_order(m):
    ones = np.ones(3)
    return (
        m.ag.value_and_grad(rosenbrock)(X),
        m.ag.hessian(rosenbrock)(X),
        m.ag.hessian_vector_product(rosenbrock)(X, ones),
        m.ag.make_hvp(rosenbrock)(X)[0](ones),
    )


@program
def jacobians(m):
    return (
        m.ag.jacobian(lambda x: m.np.outer(x, m.np.sin(x)))(X),
        m.ag.jacobian(rosenbrock)(X),
        m.ag.tensor_jacobian_product(lambda x: m.np.sin(x) * x[0])(X, np.ones(3)),
    )


@program
def products(m):
    f, ones = tanh(m), np.ones(3)
    vjp, value = m.ag.make_vjp(f)(X)
    g = lambda x: m.np.outer(x, x)[0] + m.np.sin(x)  # noqa: E731
    return (
        vjp(ones),
        value,
        m.ag.make_jvp(f)(X)(ones),
        m.operators.make_jvp_reversemode(f)(X)(ones),
        m.ag.make_ggnvp(g)(X)(ones),
        m.ag.deriv(f)(0.4),
    )


@program
def arguments(m):
    f = lambda x, y: m.np.sin(x) * y[0] + m.np.sum(y) ** 2  # noqa: E731
    return (
        m.ag.grad(f, 0)(0.4, X),
        m.ag.grad(f, 1)(0.4, X),
        m.ag.grad(f, [0, 1])(0.4, X),
        m.ag.grad_named(f, "y")(0.4, X),
        m.ag.grad_and_aux(lambda x: (m.np.sum(x**3), 2.0))(X),
        m.ag.grad(lambda d: m.np.sum(d["a"] * d["b"][0]))({"a": X, "b": [2.0, 3.0]}),
    )


@program
def outputs_of_one_element(m):
    f = lambda x: m.np.sum(x**2, keepdims=True)  # noqa: E731
    return m.ag.grad(f)(X), m.ag.value_and_grad(f)(X)


@program
def arrays(m):
    np_ = m.np
    return (
        m.ag.grad(lambda t: np_.sum(np_.array([[np_.cos(t), t], [0.0, t**2]])))(0.7),
        m.ag.grad(lambda x: m.linalg.norm(m.linalg.solve(np_.eye(3) + np_.outer(x, x), x)))(X),
        m.ag.grad(lambda x: np_.sum(x[np_.array([0, 0, 2])] ** 2) + x[1])(X),
        m.ag.grad(lambda x: np_.sum(m.ag.checkpoint(tanh(m))(x)))(X),
    )


@program
def logistic_regression(m):
    inputs = np.array([[0.52, 1.12, 0.77], [0.88, -1.08, 0.15], [0.52, 0.06, -1.30], [0.74, -2.49, 1.39]])
    targets = np.array([True, True, False, True])

    def loss(weights):
        preds = 0.5 * (m.np.tanh(m.np.dot(inputs, weights)) + 1)
        return -m.np.sum(m.np.log(preds * targets + (1 - preds) * (1 - targets)))

    weights = np.zeros(3)
    for _ in range(20):
        weights = weights - 0.1 * m.ag.grad(loss)(weights)
    return weights


@program
def network(m):
    rs = m.npr.RandomState(0)
    params = [(0.1 * rs.randn(a, b), 0.1 * rs.randn(b)) for a, b in ((3, 4), (4, 2))]
    inputs, targets = rs.randn(5, 3), np.eye(2)[[0, 1, 1, 0, 1]]

    def loss(params, i=0):
        h = outputs = inputs
        for w, b in params:
            outputs = m.np.dot(h, w) + b
            h = m.np.tanh(outputs)
        return -m.np.sum((outputs - m.special.logsumexp(outputs, axis=1, keepdims=True)) * targets)

    gradient = m.ag.grad(loss)
    trained = m.optimizers.adam(gradient, params, num_iters=5, step_size=0.1)
    return gradient(params), m.flatten(trained)[0], m.optimizers.sgd(gradient, params, num_iters=3)


@program
def primitive_of_ones_own(m):
    @m.ag.primitive
    def logsumexp(x):
        top = np.max(x)
        return top + np.log(np.sum(np.exp(x - top)))

    full = m.np.full
    m.extend.defvjp(logsumexp, lambda ans, x: lambda g: full(x.shape, g) * m.np.exp(x - full(x.shape, ans)))
    f = lambda y: logsumexp(y**2) * y[0]  # noqa: E731
    return m.ag.grad(f)(X), m.ag.hessian(f)(X)


@program
def primitive_of_two_arguments(m):
    @m.ag.primitive
    def scaled(x, w, power=1):
        return x * w**power

    by_x = lambda ans, x, w, power=1: lambda g: g * w**power  # noqa: E731
    by_w = lambda ans, x, w, power=1: lambda g: m.np.sum(g * x) * power * w ** (power - 1)  # noqa: E731
    m.extend.defvjp(scaled, by_x, by_w)
    m.extend.defjvp(scaled, "same", lambda g, ans, x, w, power=1: g * x * power * w ** (power - 1))
    f = lambda x, w: m.np.sum(scaled(x, w, power=2) ** 2)  # noqa: E731
    return m.ag.grad(f, 0)(X, 2.0), m.ag.grad(f, 1)(X, 2.0), m.ag.make_jvp(f, 1)(X, 2.0)(1.0)


@program
def complex_numbers(m):
    z = np.array([1.0 + 2.0j, -0.5 + 0.3j])
    return (
        m.ag.grad(lambda z: m.np.sum(m.np.abs(z) ** 2 + m.np.real(z**2)))(z),
        m.ag.holomorphic_grad(lambda z: m.np.sum(z**2 * m.np.exp(z)))(z),
    )


@program
def scipy(m):
    normal = (m.norm.pdf, m.norm.logpdf, m.norm.cdf, m.norm.logcdf, m.norm.sf)
    special = (m.special.expit, m.special.logit, m.special.erf)
    return (
        [m.ag.elementwise_grad(f)(X, 0.2, 1.3) for f in normal],
        [m.ag.elementwise_grad(f)(np.abs(X) / 2) for f in special],
    )


@pytest.mark.filterwarnings("ignore")  # autograd's own
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_program_gives_what_it_gives_with_autograd(name):
    pytest.importorskip("autograd")
    theirs, ours = run(name, "autograd"), run(name, "pullback.autograd")
    assert_same(ours, theirs)


def assert_same(a, b):
    if isinstance(b, dict):
        assert set(a) == set(b)
        a, b = [a[k] for k in sorted(a)], [b[k] for k in sorted(b)]
    if isinstance(b, tuple | list):
        assert len(a) == len(b)
        for p, q in zip(a, b, strict=True):
            assert_same(p, q)
        return
    assert np.shape(a) == np.shape(b)
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)  # atol: sums of numbers of size 1


def test_gradients_agree_with_differences():
    f = lambda x: float(np.sum(np.tanh(x) * x))  # noqa: E731
    x = np.array([0.3, -1.2, 0.7])
    ag = importlib.import_module("pullback.autograd")
    anp = importlib.import_module("pullback.autograd.numpy")
    got = ag.grad(lambda x: anp.sum(anp.tanh(x) * x))(x)
    np.testing.assert_allclose(got, oracles.jacobian_by_differences(f, x), rtol=1e-9)
    got = ag.hessian(lambda x: anp.sum(anp.tanh(x) * x))(x)
    np.testing.assert_allclose(got, oracles.hessian_by_differences(f, x), rtol=1e-7, atol=1e-8)
