"""What to write in place of functions that have no handler yet: shown by the error that says so."""

from __future__ import annotations

from pullback.core import dispatch

__all__ = ["INSTEAD"]

_NO_DERIVATIVE = "it has no derivative: pullback.stop_gradient(x) gives the plain array"

INSTEAD: dict[str, str] = {
    "fft.*": "for a short one the matrix itself, np.exp(-2j * np.pi * np.outer(k, n) / len(x)) @ x",
    "linalg.lstsq": "the normal equations, np.linalg.solve(a.T @ a, a.T @ b)",
    "linalg.pinv": "np.linalg.solve(a.T @ a, a.T)",
    "linalg.qr": "R alone is np.linalg.cholesky(a.T @ a).T, up to signs",
    "linalg.svd": "np.linalg.norm, np.linalg.det, np.linalg.slogdet and np.linalg.cholesky have derivatives",
    "linalg.eigh": "np.linalg.norm, np.linalg.det, np.linalg.slogdet and np.linalg.cholesky have derivatives",
    "linalg.eig": "np.linalg.det, np.linalg.slogdet and np.trace have derivatives",
    "linalg.tensorsolve": "np.linalg.solve of np.reshape",
    "linalg.tensorinv": "np.linalg.inv of np.reshape",
    "linalg.cond": "np.linalg.norm(a) * np.linalg.norm(np.linalg.inv(a))",
    "linalg.matrix_rank": _NO_DERIVATIVE,
    "polyfit": "v = np.vander(x, degree + 1) and np.linalg.solve(v.T @ v, v.T @ y)",
    "polymul": "np.convolve(a, b)",
    "lexsort": "np.argsort",
    "sort_complex": "np.sort",
    "nanmedian": "np.median of x[~np.isnan(x)]",
    "nanpercentile": "np.percentile of x[~np.isnan(x)]",
    "nanquantile": "np.quantile of x[~np.isnan(x)]",
    "nancumsum": "np.cumsum(np.nan_to_num(x))",
    "nancumprod": "np.cumprod(np.where(np.isnan(x), 1.0, x))",
    "geomspace": "np.exp(np.linspace(np.log(a), np.log(b), n))",
    "apply_over_axes": "np.sum(x, axis=axes), or another reduction of several axes",
    "nextafter": _NO_DERIVATIVE,
    "histogram": _NO_DERIVATIVE,
    "histogram2d": _NO_DERIVATIVE,
    "histogramdd": _NO_DERIVATIVE,
    "unique": _NO_DERIVATIVE + "; np.sort(x) has one",
    "isin": _NO_DERIVATIVE,
    "intersect1d": _NO_DERIVATIVE,
    "union1d": _NO_DERIVATIVE,
    "setdiff1d": _NO_DERIVATIVE,
    "scipy.special.expit": "1 / (1 + np.exp(-x)), or 0.5 * (1 + np.tanh(x / 2)) for large x",
    "scipy.special.logit": "np.log(x) - np.log1p(-x)",
    "scipy.special.xlogy": "np.where(x == 0, 0.0, x * np.log(np.where(x == 0, 1.0, y)))",
    "scipy.special.*": "SciPy's functions are not there yet; NumPy's are",
}

dispatch.instead.update(INSTEAD)
