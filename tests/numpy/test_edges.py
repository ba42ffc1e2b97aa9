"""Arrays of no element, of one, and without axes: where NumPy gives a value it is ours, where it raises we do."""

import numpy as np
import pytest

import pullback as pb
from tests.numpy.checks import assert_same

FUNCTIONS = {
    **{name: getattr(np, name) for name in (
        "cov", "cumsum", "cumulative_sum", "diff", "ediff1d", "i0", "median", "nanmax", "nanmedian", "nansum", "poly",
        "prod", "ptp", "ravel", "sort", "sort_complex", "sum", "unwrap", "vander", "var") if hasattr(np, name)},
    "append": lambda x: np.append(x, 1.0),
    "apply_along_axis": lambda x: np.apply_along_axis(np.sum, 0, x),
    "c_": lambda x: np.c_[x, x],
    "digitize": lambda x: np.digitize(x, [0.0, 1.0]),
    "geomspace": lambda x: np.geomspace(x + 1.0, 8.0, 4),
    "gradient": np.gradient,
    "histogram": lambda x: np.histogram(x, 3),
    "interp": lambda x: np.interp(x, [0.0, 1.0], [1.0, 2.0]),
    "isin": lambda x: np.isin(x, [2.5]),
    "lexsort": lambda x: np.lexsort((x, x)),
    "linspace": lambda x: np.linspace(x, 1.0, 3),
    "logaddexp.reduce": np.logaddexp.reduce,
    "nanargmax": np.nanargmax,
    "outer": lambda x: np.outer(x, x),
    "pad": lambda x: np.pad(x, 1, "edge"),
    "partition": lambda x: np.partition(x, 0),
    "polyder": np.polyder,
    "polyval": lambda x: np.polyval([1.0, 2.0], x),
    "quantile": lambda x: np.quantile(x, 0.3),
    "r_": lambda x: np.r_[x, 1.0],
    "repeat": lambda x: np.repeat(x, 2),
    "tile": lambda x: np.tile(x, 2),
    "trapezoid": np.trapezoid,
    "vectorize": lambda x: np.vectorize(lambda a: 2 * a)(x),
    "x[True]": lambda x: x[True],
}  # fmt: skip
EDGES = {"none": np.zeros(0), "none of three": np.zeros((0, 3)), "no axis": np.array(2.5), "one": np.array([1.5])}


@pytest.mark.parametrize("x", EDGES.values(), ids=EDGES)
@pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's own: the mean of an empty slice
def test_the_edge_is_numpys(f, x):
    try:
        expected = f(x)
    except (TypeError, ValueError, IndexError):
        with pytest.raises((TypeError, ValueError, IndexError)):
            pb.trace(f)(x)
        return
    assert_same(pb.trace(f)(x)(x), expected, exact=False)


def test_a_covariance_without_freedom_is_infinite_as_numpys():
    x = np.array([[1.0, 2.0, 4.0], [2.0, 1.0, 0.0]])
    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning):
        expected = np.cov(x, ddof=5)
    with np.errstate(all="ignore"):
        assert_same(pb.vjp(lambda x: np.cov(x, ddof=5), x)[0], expected)
