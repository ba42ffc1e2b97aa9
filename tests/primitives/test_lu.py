"""The LU factors: the conformance suite, where rows change places too."""

import numpy as np
import pytest

from pullback.primitives.lu import lu
from tests.conformance import check_rules

A = np.array([[0.3, 1.0, -0.4], [2.0, 0.7, 0.2], [-1.1, 0.4, 1.7]])


@pytest.mark.parametrize("a", [A, A + 3 * np.eye(3), np.stack([A, A.T]), A.astype(np.float32)], ids=str)
def test_lu_keeps_every_rule(a, rng):
    check_rules(lu, a, rng=rng, jvp_oracle="differences", lanes="scale", rtol=1e-11)


def test_the_factors_give_the_matrix():
    p, l, u = lu(A)
    np.testing.assert_allclose(p @ l @ u, A, rtol=1e-15)
    assert [f.shape for f in lu(np.zeros((0, 3, 3)))] == [(0, 3, 3)] * 3
