"""SciPy under SCIPY_ARRAY_API=1, of Tracers: run by test_array_api_libraries.py, in a process of its own.

SciPy reads the variable when it is imported. Printed is, as JSON, what went wrong by expression.
"""

import json
import os
import sys
from importlib import import_module

import numpy as np

import pullback as pb
import pullback.numpy as xp
from pullback.core.errors import DerivativeLost

MODULES = ("special", "stats", "signal", "fft", "cluster.vq", "integrate", "spatial.transform", "differentiate",
           "optimize.elementwise", "ndimage")  # fmt: skip

# Differentiable as they are, and under jit as well.
EVERYWHERE = """
special.logsumexp(x, axis=0)
special.logsumexp(x, axis=1, b=w**2, keepdims=True)
special.logsumexp(x, b=x)
special.softmax(x, axis=1)
special.log_softmax(x, axis=0)
special.gammaln(x)
special.expit(x)
special.logit(x)
special.ndtr(x)
special.log_ndtr(x)
special.ndtri(x)
special.erf(x)
special.erfc(x)
special.i0(x)
special.i0e(x)
special.i1(x)
special.i1e(x)
special.entr(x)
special.digamma(x)
special.psi(x)
special.exp1(x)
special.k0(x)
special.xlogy(x, w**2)
special.xlogy(2.0, x)
special.rel_entr(x, x + 0.3)
special.gammainc(2.0, x)
special.gammaincc(w**2, x)
special.betaln(x, 2.0)
special.betainc(2.0, 3.0, x)
special.chdtr(3.0, x)
special.stdtr(3.0, x)
special.multigammaln(x + 3, 2)
stats.skew(x)
stats.kurtosis(x, axis=1, bias=False)
stats.zscore(x, ddof=1)
stats.zmap(x, w)
stats.gzscore(x)
stats.moment(x, 3)
stats.moment(x, 2, center=0.1)
stats.gmean(x, axis=1)
stats.gmean(x, weights=w**2)
stats.variation(x)
stats.sem(x)
stats.kstat(x, 3)
stats.kstatvar(x, 2)
stats.tmean(x)
stats.tmean(x, (0.3, 0.7))
stats.tvar(x)
stats.tstd(x)
stats.tsem(x)
stats.gstd(x)
stats.entropy(x)
stats.entropy(x, w**2)
stats.circmean(x)
stats.circvar(x)
stats.circstd(x)
stats.trim_mean(x, 0.2)
stats.lmoment(x)
stats.directional_stats(x).mean_direction
stats.differential_entropy(x)
stats.ttest_1samp(x, 0.3).statistic
stats.ttest_1samp(x, 0.3).pvalue
stats.ttest_ind(x, w).pvalue
stats.pearsonr(x, w, axis=0).statistic
stats.skewtest(x).statistic
stats.kurtosistest(x).pvalue
stats.jarque_bera(x).statistic
stats.power_divergence(x, lambda_=0.5).statistic
stats.combine_pvalues(x[0]).statistic
stats.boxcox_llf(0.5, x)
stats.bartlett(x[0], x[1]).statistic
signal.hilbert(x)
signal.envelope(x)
signal.fftconvolve(x, w)
signal.oaconvolve(x, x)
signal.resample(x, 8)
signal.freqz(x[0])[1]
signal.zpk2tf(x[0], x[1], 2.0)[0]
cluster.vq.whiten(x)
fft.fft(x)
fft.irfft(x, axis=0)
fft.rfftn(x)
fft.ifft2(x)
fft.fht(x, 0.1, 0.2)
integrate.trapezoid(x, axis=0)
integrate.cumulative_trapezoid(x)
integrate.cumulative_simpson(x)
spatial.transform.Rotation.from_rotvec(x[:, :3]).as_matrix()
spatial.transform.Rotation.from_quat(x[:, :4]).apply(w[:, :3])
special.gammaln(filled(x))
stats.skew(filled(x))
fft.fft(filled(x))
"""

# Python asks for values in them: eager only.
WITH_VALUES = """
stats.hmean(x)
stats.pmean(x, 3)
stats.median_abs_deviation(x)
stats.quantile(x, 0.3)
stats.iqr(x)
signal.convolve(x, w, method="fft")
integrate.tanhsinh(lambda t, a: xp.exp(-a * t * t), 0 * x[0], x[0], args=(x[1],)).integral
integrate.cubature(lambda t: xp.sum(t * x[0, 0], axis=-1), 0 * x[0, :1], x[0, :1]).estimate
optimize.elementwise.find_root(lambda t, a: t * t - a, (0 * x, x + 1), args=(x,)).x
differentiate.derivative(lambda t: t * t, x).df
"""

# Computed in C, of plain numbers: an error says so, and no derivative is lost in silence.
REFUSED = """
ndimage.gaussian_filter(x, 1.0)
signal.lfilter([1.0, 0.5], [1.0, 0.2], x)
cluster.vq.vq(x, x[:2])[1]
fft.dct(x)
"""


def lines(text):
    return [line for line in text.strip().splitlines() if line]


def filled(x):
    """Return x, written into a buffer row by row."""
    y = np.zeros(x.shape)
    for i, row in enumerate(x):
        y[i] = row
    return y


def total(f, x):
    y = f(x)
    y = y[0] if isinstance(y, tuple) else y
    y = xp.real(y) + 2 * xp.imag(y) if y.dtype.kind == "c" else y
    return xp.sum(y * xp.reshape(xp.cos(xp.arange(1.0, y.size + 1)), y.shape))


def difference(f, x, v):
    h = 3e-6  # small: no order of elements may change
    a, b = ((total(f, x + s * v) - total(f, x - s * v)) / (2 * s) for s in (h, 2 * h))
    return (4 * a - b) / 3  # the error of order h² is taken out


def wrong(f, x, v, transform):
    """Return what is wrong with the gradient, or an empty string."""
    try:
        found = np.sum(pb.grad(transform(lambda x: total(f, x)))(x) * v)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    expected = difference(f, x, v)
    return "" if abs(found - expected) < 1e-6 * (1 + abs(expected)) else f"{found} where differences say {expected}"


def refusal(f, x):
    try:
        pb.grad(lambda x: total(f, x))(x)
    except DerivativeLost:
        return ""
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "it ran"


def main():
    assert os.environ["SCIPY_ARRAY_API"] == "1"
    rng = np.random.default_rng(5)
    x, w, v = rng.uniform(0.2, 0.8, (9, 12)), rng.uniform(0.2, 0.8, (9, 12)), rng.normal(size=(9, 12))
    names = {"xp": xp, "w": w, "filled": filled}
    for name in MODULES:
        import_module(f"scipy.{name}")
    names.update((name.partition(".")[0], getattr(sys.modules["scipy"], name.partition(".")[0])) for name in MODULES)
    report = {}
    everywhere = lines(EVERYWHERE)
    for expression in everywhere + lines(WITH_VALUES):
        f = eval(f"lambda x: {expression}", names)
        report[expression] = wrong(f, x, v, lambda f: f)
        if expression in everywhere:
            report[f"jit: {expression}"] = wrong(f, x, v, pb.jit)
    for expression in lines(REFUSED):
        report[expression] = refusal(eval(f"lambda x: {expression}", names), x)
    print(json.dumps(report))  # noqa: T201


if __name__ == "__main__":
    main()
