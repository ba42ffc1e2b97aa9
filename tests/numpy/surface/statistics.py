"""Reductions, sums so far, order, sets and counting."""

import numpy as np

from tests.numpy.surface import GRID, X, Z, table

NANS = np.where(np.arange(12).reshape(3, 4) % 5 == 1, np.nan, X)
METHODS = ("linear", "interpolated_inverted_cdf", "hazen", "weibull", "median_unbiased", "normal_unbiased",
           "averaged_inverted_cdf", "midpoint", "lower", "higher", "nearest", "inverted_cdf",
           "closest_observation")  # fmt: skip
OTHERS = np.array([0.53, 9.0, 1.54])
WEIGHTS = np.array([0.3, 0.1, 0.4, 0.2])


def quantiles(f, many):
    """A function of quantiles by every method, and with weights."""
    found = [lambda x, m=m: f(x, 0.37 * many, axis=1, method=m) for m in METHODS]
    found.append(lambda x: f(x, np.array([0.0, 0.4, 1.0]) * many, keepdims=True))
    found.append(lambda x: f(x, 0.6 * many, axis=1, weights=np.ones((3, 4)) * WEIGHTS, method="inverted_cdf"))
    return found


CASES = [
    *table({
        "sum": [lambda x: np.sum(x, axis=1, keepdims=True), lambda x: np.sum(x, where=X > 0, initial=2.0)],
        "prod": [lambda x: np.prod(x, axis=0), lambda x: np.prod(x, where=X > 0, initial=2.0)],
        "max": lambda x: np.max(x, axis=1), "amax": lambda x: np.amax(x, initial=0.0, where=X < 1),
        "min": lambda x: np.min(x, axis=(0, 1)), "amin": lambda x: np.amin(x, axis=0), "ptp": lambda x: np.ptp(x, 1),
        "mean": [lambda x: np.mean(x, axis=0), lambda x: np.mean(x, where=X > 0)],
        "var": [lambda x: np.var(x, axis=1, ddof=1), lambda x: np.var(x, where=X > 0)],
        "std": lambda x: np.std(x, axis=1, correction=1),
        "average": [lambda x: np.average(x, axis=1, weights=WEIGHTS, returned=True),
                    lambda x: np.average(x, weights=x**2)],
        "median": [lambda x: np.median(x, axis=1), lambda x: np.median(x[:, :3], keepdims=True)],
        "quantile": [*quantiles(np.quantile, 1), lambda x: np.quantile(X, np.abs(x[:, 0]) / 4)],
        "percentile": quantiles(np.percentile, 100), "cov": [
            np.cov, lambda x: np.cov(x[0], x[1], ddof=0),
            lambda x: np.cov(x, fweights=[1, 2, 1, 3], aweights=WEIGHTS), lambda x: np.cov(x, rowvar=False, bias=True)],
        "corrcoef": [np.corrcoef, lambda x: np.corrcoef(x[0], x[1] ** 2)],
        "cumsum": [np.cumsum, lambda x: np.cumsum(x, axis=1)], "cumprod": lambda x: np.cumprod(x, axis=1),
        "cumulative_sum": lambda x: np.cumulative_sum(x, axis=1, include_initial=True),
        "cumulative_prod": lambda x: np.cumulative_prod(x, axis=0),
        "diff": [lambda x: np.diff(x, 2), lambda x: np.diff(x, prepend=0.0, append=x[:, :2])],
        "ediff1d": lambda x: np.ediff1d(x, to_begin=1.0, to_end=x[0, :2]),
        "gradient": [lambda x: np.gradient(x, 0.5), lambda x: np.gradient(x, np.cumsum(x[0] ** 2), axis=1),
                     lambda x: np.gradient(x, [0.0, 1, 3, 4.5], axis=1, edge_order=2)],
        "trapezoid": [lambda x: np.trapezoid(x, dx=0.5), lambda x: np.trapezoid(x, np.cumsum(x, 0), axis=0)],
        "sort": [np.sort, lambda x: np.sort(x, axis=None)], "partition": lambda x: np.partition(x, (0, 1, 2, 3)),
        "interp": [lambda x: np.interp(x, GRID, GRID**2), lambda x: np.interp([-3.0, 0.3, 5.0], GRID, x[0], left=7.0),
                   lambda x: np.interp([-0.9, 0.3, 0.9], np.cumsum(x[1] ** 2) - 2, x[0]),
                   lambda x: np.interp(x, GRID, x[0], period=2.9)],
        "nansum": np.nansum, "nanprod": lambda x: np.nanprod(x, axis=0), "nanmean": lambda x: np.nanmean(x, 1),
        "nanvar": lambda x: np.nanvar(x, 1, ddof=1), "nanstd": np.nanstd, "nanmax": np.nanmax,
        "nanmin": lambda x: np.nanmin(x, axis=1, keepdims=True), "nanmedian": lambda x: np.nanmedian(x, 1),
        "nancumsum": lambda x: np.nancumsum(x, 1), "nancumprod": lambda x: np.nancumprod(x, 0),
        "nanquantile": quantiles(np.nanquantile, 1), "nanpercentile": quantiles(np.nanpercentile, 100)[:3],
        "apply_along_axis": lambda x: np.apply_along_axis(lambda v: v * v.sum(), 0, x),
        "apply_over_axes": lambda x: np.apply_over_axes(np.sum, x, [0, 1]),
        "histogram": [lambda w: np.histogram(X, 4, weights=w, density=True), lambda x: np.histogram(x, 5, density=True),
                      lambda w: np.histogram(X, [-1.0, 0, 1.3], weights=w)],
        "histogram2d": lambda w: np.histogram2d(X.ravel(), X.ravel() ** 2, (3, [0, 1.0, 9]), weights=w.ravel()),
        "histogramdd": [lambda w: np.histogramdd(X.T, 2, weights=w[0], density=True)[0],
                        lambda x: np.histogramdd((x[0], x[1], X[2]), 2, density=True)[0]],
        "histogram_bin_edges": lambda x: np.histogram_bin_edges(x, 3),
        "bincount": lambda w: np.bincount([0, 2, 1, 0], w[0], minlength=5),
        "ndarray.sum": lambda x: x.sum(1), "ndarray.prod": lambda x: x.prod(0), "ndarray.max": lambda x: x.max(),
        "ndarray.min": lambda x: x.min(0), "ndarray.mean": lambda x: x.mean(0), "ndarray.var": lambda x: x.var(1),
        "ndarray.std": lambda x: x.std(), "ndarray.cumsum": lambda x: x.cumsum(0),
        "ndarray.trace": lambda x: x.trace(1),
        "ndarray.cumprod": lambda x: x.cumprod(), "ndarray.dot": lambda x: x.dot(x.T),
    }, X),
    *table({f"nan{name}": lambda x, name=f"nan{name}": getattr(np, name)(x, axis=1) for name in (
        "sum", "prod", "mean", "var", "std", "max", "min", "median", "cumsum", "cumprod")}, NANS, moves=False),
    *table({"nanquantile": [lambda x, m=m: np.nanquantile(x, [0.2, 0.5], axis=1, method=m) for m in METHODS],
            "nanargmax": lambda x: np.nanargmax(x, 1), "nanargmin": lambda x: np.nanargmin(x, 1, keepdims=True)},
           NANS, moves=False, lanes=False),
    *table({"sort_complex": np.sort_complex, "sum": lambda z: np.sum(z, 1), "cumprod": lambda z: np.cumprod(z, 1)}, Z),
    *table({
        "unique": [lambda x: np.unique(x, True, True, True), lambda x: np.unique(x, axis=0)],
        "unique_all": lambda x: tuple(np.unique_all(x)), "unique_counts": lambda x: tuple(np.unique_counts(x)),
        "unique_inverse": lambda x: tuple(np.unique_inverse(x)), "unique_values": np.unique_values,
        "union1d": lambda x: np.union1d(x, [7.0, 8.0]), "setdiff1d": lambda x: np.setdiff1d(x, x[0]),
        "setxor1d": lambda x: np.setxor1d(x[:2], x[1:]),
        "intersect1d": lambda x: np.intersect1d(x[:2], x[1:], True, True),
        "histogram": lambda x: np.histogram(x, "sturges", density=True),
    }, X, known=True),
    # Without derivative:
    *table({
        "argmax": lambda x: np.argmax(x, 1), "argmin": np.argmin, "argsort": np.argsort,
        "any": lambda x: np.any(x > 2, 0),
        "all": lambda x: np.all(x > -2.0, axis=1, keepdims=True), "count_nonzero": lambda x: np.count_nonzero(x > 1, 0),
        "argpartition": lambda x: np.argpartition(x, (0, 1, 2, 3)), "lexsort": lambda x: np.lexsort((x[0], x[1] > 0.4)),
        "searchsorted": lambda x: np.searchsorted(GRID, x), "isin": lambda x: np.isin(x, OTHERS),
        "digitize": [lambda x: np.digitize(x, GRID), lambda x: np.digitize(x, GRID[::-1], right=True)],
        "ndarray.all": lambda x: (x > 0).all(), "ndarray.any": lambda x: (x > 2).any(1),
        "ndarray.argmax": lambda x: x.argmax(1), "ndarray.argmin": lambda x: x.argmin(),
        "ndarray.argsort": lambda x: x.argsort(0), "ndarray.argpartition": lambda x: x.argpartition((0, 1, 2, 3)),
        "ndarray.searchsorted": lambda x: np.sort(x[0]).searchsorted(x[1]),
    }, X, moves=False),
]  # fmt: skip
