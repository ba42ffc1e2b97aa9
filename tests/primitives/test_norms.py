"""The root under norms: every rule away from 0, and at 0 what the conventions say."""

import numpy as np

from pullback.core.conventions import conventions
from pullback.primitives.arithmetic import mul
from pullback.primitives.norms import root
from pullback.primitives.reductions import sum_
from tests.conformance import check_rules
from tests.primitives.derivatives import forward, reverse


def test_the_root_keeps_every_rule(rng):
    check_rules(
        root, rng.uniform(0.2, 2.0, size=(2, 3)), rng=rng, variants=("float32", "0-d", "empty", "non-contiguous")
    )


def test_the_root_of_a_square_at_zero_has_derivative_zero_at_every_order():
    def modulus(x):
        return root(mul(x, x))

    x = np.array([0.0, -2.0, 3.0])
    for way in (forward, reverse):
        np.testing.assert_array_equal(way(modulus)(x), [0, -1, 1])
        for other in (forward, reverse):
            np.testing.assert_allclose(way(other(modulus))(x), [0, 0, 0], atol=1e-15)
            np.testing.assert_allclose(way(other(way(modulus)))(x), [0, 0, 0], atol=1e-15)


def test_the_convention_nan_is_the_formula():
    with conventions(norm="nan"):
        assert np.isnan(reverse(lambda x: root(sum_(mul(x, x), axes=())))(np.zeros(2))).all()
