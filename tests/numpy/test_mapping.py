"""Functions that call functions, or count: each against NumPy."""

import numpy as np
import pytest

import pullback as pb
from pullback.core import errors
from tests.numpy.checks import check

X = np.array([[0.5, -1.25, 2.0, 0.75], [3.0, 0.3, -0.7, 1.5], [0.1, 2.5, 1.1, -2.0]])

CASES = {
    "apply_along_axis": lambda x: np.apply_along_axis(lambda row: (row**2).sum(), 0, x),
    "apply_along_axis rows": lambda x: np.apply_along_axis(lambda row: np.outer(row, row), 1, x),
    "apply_along_axis middle": lambda x: np.apply_along_axis(np.cumsum, 1, x.reshape(2, 3, 2)),
    "piecewise": lambda x: np.piecewise(x, [x < 0, x > 1], [lambda y: -(y**2), np.sin, 0.5]),
    "piecewise rest": lambda x: np.piecewise(x, [x < 0], [np.exp]),
    "bincount": lambda x: np.bincount(np.array([0, 2, 2, 5]), x[0], minlength=7),
    "cov": lambda x: np.cov(x),
    "cov columns": lambda x: np.cov(x[:, :2], x[:, 2:], rowvar=False, bias=True),
    "cov of a vector": lambda x: np.cov(x[0]),
    "corrcoef": lambda x: np.corrcoef(x[:, :3]),
    "correlate": lambda x: [np.correlate(x[0], x[1, :2], mode) for mode in ("valid", "same", "full")],
    "correlate short": lambda x: np.correlate(x[1, :2], x[0], "full"),
    "triu_indices_from": lambda x: x[:3, :3][np.triu_indices_from(x[:3, :3])],
    "diag_indices_from": lambda x: x[:3, :3][np.diag_indices_from(x[:3, :3])],
}


@pytest.mark.parametrize("f", CASES.values(), ids=CASES.keys())
def test_it_is_numpys_and_has_its_derivative(f, rng):
    kinked = f is CASES["corrcoef"]  # its diagonal is clipped at 1, where rounding decides
    check(f, X, rng=rng, exact=False, smooth=not kinked)


def test_counting_needs_values():

    with pytest.raises(errors.NoValue, match="depends on values"):
        pb.jit(np.bincount)(np.array([0, 2, 2]))


def test_printing_shows_the_value():
    seen = []
    pb.grad(lambda x: seen.append(np.array2string(x, precision=1)) or x.sum())(np.ones(2))
    assert seen == ["[1. 1.]"]
    assert "no value" in pb.trace(lambda x: seen.append(np.array_str(x)) or x)(np.ones(2)).__str__() + seen[1]
