"""Draws of NumPy's generators: constants of an eager derivative, refused where a trace would bake them in."""

from dataclasses import dataclass

import numpy as np
import pytest

import pullback as pb
from pullback import random
from pullback.core.errors import BakedDraw

RNG = np.random.default_rng(0)
ADVICE = r"pullback\.random"


def test_an_eager_derivative_takes_a_draw_as_a_constant():
    rng, again = np.random.default_rng(5), np.random.default_rng(5)
    gradient = pb.grad(lambda x: np.sum(x * rng.normal(size=3)))(np.ones(3))
    np.testing.assert_array_equal(gradient, again.normal(size=3))


def test_a_draw_from_a_closure_is_refused_under_jit():
    rng = np.random.default_rng(0)
    with pytest.raises(BakedDraw, match=ADVICE) as raised:
        pb.jit(lambda x: x + rng.normal())(1.0)
    assert "drawn from rng while jit" in str(raised.value)


def test_a_draw_from_a_global_is_refused_under_jit_of_a_gradient():
    with pytest.raises(BakedDraw, match="RNG"):
        pb.jit(pb.grad(lambda x: x * RNG.normal()))(1.0)


def test_a_draw_from_numpys_own_generator_is_refused():
    with pytest.raises(BakedDraw, match=r"numpy\.random"):
        pb.jit(lambda x: x + np.random.normal())(1.0)  # noqa: NPY002 (this is what people write)


def test_a_draw_from_an_argument_or_an_attribute_is_refused():
    with pytest.raises(BakedDraw, match="argument"):
        pb.jit(lambda x, rng: x + rng.normal())(1.0, np.random.default_rng(0))

    @dataclass
    class Noisy:
        rng: np.random.Generator

        def __call__(self, x):
            return x + self.rng.normal()

    with pytest.raises(BakedDraw, match="rng"):
        pb.jit(Noisy(np.random.default_rng(0)).__call__)(1.0)


def test_a_draw_in_the_body_of_a_loop_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(BakedDraw, match="fori_loop"):
        pb.fori_loop(0, 3, lambda i, x: x + rng.normal(), 0.0)


def test_a_generator_that_does_not_draw_is_no_mistake():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=3)
    f = pb.jit(lambda x: x + noise if rng is not None else x)
    np.testing.assert_array_equal(f(np.zeros(3)), noise)


def test_after_a_refusal_the_function_works_with_a_key():
    key = random.key(0)
    assert pb.jit(lambda x: x + random.normal(key))(1.0) == 1.0 + random.normal(key)
