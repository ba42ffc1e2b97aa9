"""Distributions against SciPy's: by Kolmogorov and Smirnov's test, and derivatives against quantile functions."""

import mpmath
import numpy as np
import pytest
from scipy import special, stats

import pullback as pb
from pullback import random
from pullback.core.errors import ArgumentError
from pullback.random.slopes import slope

KEY, N = random.key(3), 4000

CONTINUOUS = [
    pytest.param(lambda k: random.uniform(k, N, minval=-1.0, maxval=3.0), stats.uniform(-1, 4), id="uniform"),
    pytest.param(lambda k: random.normal(k, N, loc=1.0, scale=2.0), stats.norm(1, 2), id="normal"),
    pytest.param(
        lambda k: random.lognormal(k, N, mean=0.3, sigma=0.5), stats.lognorm(0.5, scale=np.exp(0.3)), id="log"
    ),
    pytest.param(lambda k: random.exponential(k, N, scale=2.0), stats.expon(scale=2), id="exponential"),
    pytest.param(lambda k: random.laplace(k, N, loc=1.0, scale=2.0), stats.laplace(1, 2), id="laplace"),
    pytest.param(lambda k: random.logistic(k, N, loc=1.0), stats.logistic(1), id="logistic"),
    pytest.param(lambda k: random.gumbel(k, N, scale=3.0), stats.gumbel_r(0, 3), id="gumbel"),
    pytest.param(lambda k: random.cauchy(k, N), stats.cauchy, id="cauchy"),
    pytest.param(lambda k: random.pareto(k, 2.5, N), stats.pareto(2.5), id="pareto"),
    pytest.param(lambda k: random.rayleigh(k, N, scale=2.0), stats.rayleigh(0, 2), id="rayleigh"),
    pytest.param(lambda k: random.weibull(k, 1.7, N, scale=2.0), stats.weibull_min(1.7, scale=2), id="weibull"),
    pytest.param(lambda k: random.gamma(k, 0.3, N), stats.gamma(0.3), id="gamma below 1"),
    pytest.param(lambda k: random.gamma(k, 2.5, N, scale=3.0), stats.gamma(2.5, scale=3), id="gamma"),
    pytest.param(lambda k: random.gamma(k, 300.0, N), stats.gamma(300), id="gamma far above 1"),
    pytest.param(lambda k: random.chisquare(k, 3.0, N), stats.chi2(3), id="chi square"),
    pytest.param(lambda k: random.student_t(k, 3.0, N), stats.t(3), id="student"),
    pytest.param(lambda k: random.beta(k, 0.5, 2.0, N), stats.beta(0.5, 2), id="beta"),
    pytest.param(lambda k: random.dirichlet(k, np.array([0.5, 1.0, 2.0]), N)[:, 0], stats.beta(0.5, 3), id="dirichlet"),
]


@pytest.mark.parametrize(("draw", "distribution"), CONTINUOUS)
def test_draws_have_their_distribution(draw, distribution):
    x = draw(KEY)
    assert x.shape == (N,)
    assert x.dtype == np.float64
    assert stats.kstest(x, distribution.cdf).pvalue > 1e-3


@pytest.mark.parametrize("draw", [p.values[0] for p in CONTINUOUS[:3] + CONTINUOUS[11:12]])
def test_draws_are_the_same_in_native_code(draw):
    np.testing.assert_allclose(pb.jit(draw)(KEY), draw(KEY), rtol=1e-11)


def test_float32_draws_are_float32():
    assert random.normal(KEY, 3, np.float32).dtype == np.float32
    assert random.gamma(KEY, np.float32(2.0), 3, np.float32).dtype == np.float32


def test_normal_vectors_have_their_covariance():
    cov = np.array([[2.0, 0.5], [0.5, 1.0]])
    x = random.multivariate_normal(KEY, np.array([1.0, -1.0]), cov, N)
    np.testing.assert_allclose(np.cov(x.T), cov, atol=0.15)
    np.testing.assert_allclose(x.mean(0), [1.0, -1.0], atol=0.1)


def test_discrete_draws_have_their_frequencies():
    p = np.array([0.2, 0.0, 0.5, 0.3])
    assert abs(random.bernoulli(KEY, 0.3, N).mean() - 0.3) < 0.03
    with np.errstate(divide="ignore"):
        logits = np.log(p)
    np.testing.assert_allclose(np.bincount(random.categorical(KEY, logits, shape=N), minlength=4) / N, p, atol=0.03)
    np.testing.assert_allclose(np.bincount(random.choice(KEY, 4, N, p=p), minlength=4) / N, p, atol=0.03)
    counts = np.bincount(random.randint(KEY, N, 2, 7))
    assert counts[:2].sum() == 0
    assert stats.chisquare(counts[2:]).pvalue > 1e-3


def test_a_permutation_is_one_and_its_derivative_follows_the_elements(rng):
    x, w = rng.normal(size=6), rng.normal(size=6)
    order = random.permutation(KEY, 6)
    np.testing.assert_array_equal(np.sort(order), np.arange(6))
    np.testing.assert_array_equal(random.permutation(KEY, x), x[order])
    gradient = pb.grad(lambda x: np.sum(random.permutation(KEY, x) * w))(x)
    np.testing.assert_allclose(gradient[order], w)


def test_a_choice_without_replacement_takes_each_once():
    x = random.choice(KEY, np.arange(10.0), (2, 5), replace=False)
    np.testing.assert_array_equal(np.sort(x.ravel()), np.arange(10.0))
    favoured = [random.choice(k, 3, 2, replace=False, p=np.array([0.5, 0.5, 0.0])) for k in random.split(KEY, 20)]
    assert not np.any(np.array(favoured) == 2)
    with pytest.raises(ArgumentError, match="without replacement"):
        random.choice(KEY, 3, 4, replace=False)


def test_draws_move_with_location_and_scale():
    z = random.normal(KEY, 5)
    loc, scale = np.zeros(5), np.ones(5)
    np.testing.assert_allclose(pb.jacobian(lambda s: random.normal(KEY, loc=loc, scale=s))(scale), np.diag(z))
    u = random.uniform(KEY, 5)
    np.testing.assert_allclose(pb.jvp(lambda b: random.uniform(KEY, 5, maxval=b), (1.0,), (1.0,))[1], u)


@pytest.mark.parametrize("a", [0.05, 0.7, 1.0, 4.0, 29.0, 31.0, 2000.0])
def test_a_gamma_number_moves_as_its_quantile(a):
    z = random.gamma(KEY, a, 50)
    level, h = special.gammainc(a, z), 1e-5 * a
    moved = (special.gammaincinv(a + h, level) - special.gammaincinv(a - h, level)) / (2 * h)
    gradient = pb.jvp(lambda a: random.gamma(KEY, a, 50), (a,), (1.0,))[1]
    inside = (level > 1e-3) & (level < 1 - 1e-3) & (z > 1e-200)
    np.testing.assert_allclose(gradient[inside], moved[inside], rtol=2e-5)


def exact_slope(log_z, a):
    """d log z / da at 40 digits: −(∂F/∂a) / (z f), the lower or the upper tail, whichever is small."""
    with mpmath.workdps(60):
        z, a, h = mpmath.exp(log_z), mpmath.mpf(a), mpmath.mpf(10) ** -20
        is_low = z < a
        tail = (
            (lambda a: mpmath.gammainc(a, 0, z, True))
            if is_low
            else (lambda a: -mpmath.gammainc(a, z, mpmath.inf, True))
        )
        moved = (tail(a + h) - tail(a - h)) / (2 * h)
        return float(-moved / mpmath.exp(a * log_z - z - mpmath.loggamma(a)))


@pytest.mark.parametrize("a", [0.01, 0.5, 1.3, 7.0, 29.9, 30.1, 1e4])
@pytest.mark.parametrize("deviations", [-3.0, -0.5, 0.1, 1.0, 4.0])
def test_slopes_are_right_to_twelve_digits(a, deviations):
    log_z = float(np.log(a) + deviations / np.sqrt(a) * (1.0 if deviations < 0 else min(1.0, np.sqrt(a))))
    assert abs(slope(np.float64(log_z), np.float64(a)) / exact_slope(log_z, a) - 1.0) < 1e-12


def test_the_second_derivative_of_a_gamma_draw_follows_its_quantile_too():
    a, h = 2.5, 1e-5
    log_z = random.loggamma(KEY, a, 5)
    step = h * slope(log_z, a)  # along the quantile; the draw at a + h lies elsewhere, since it is drawn anew
    differences = (slope(log_z + step, a + h) - slope(log_z - step, a - h)) / (2 * h)
    second = pb.grad(pb.grad(lambda a: np.sum(random.loggamma(KEY, a, 5))))(a)
    np.testing.assert_allclose(second, np.sum(differences), rtol=1e-8)


def test_beta_and_dirichlet_draws_move_with_their_parameters():
    gradient = pb.grad(lambda a: np.mean(random.beta(KEY, a, 2.0, N)))(3.0)  # the mean is a / (a + 2)
    assert abs(gradient - 2.0 / 25.0) < 5e-3
    alpha = np.array([1.0, 2.0, 3.0])
    J = pb.jacobian(lambda alpha: np.mean(random.dirichlet(KEY, alpha, N), axis=0))(alpha)
    np.testing.assert_allclose(J, np.eye(3) / 6 - np.outer(alpha, np.ones(3)) / 36, atol=5e-3)
    np.testing.assert_allclose(J.sum(axis=0), 0.0, atol=1e-12)  # parts of a whole


def test_a_tiny_shape_parameter_does_not_underflow_in_logarithms():
    log_z = random.loggamma(KEY, 1e-3, 100)
    assert np.all(np.isfinite(log_z))
    assert np.exp(log_z).min() == 0.0
    assert np.all(np.isfinite(pb.jvp(lambda a: random.loggamma(KEY, a, 100), (1e-3,), (1.0,))[1]))
