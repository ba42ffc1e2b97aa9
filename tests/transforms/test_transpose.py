"""transpose: ⟨u, f(v)⟩ = ⟨fᵀ(u), v⟩ for linear Programs of all kinds; what is not linear is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback.core.check import check
from pullback.core.errors import LinearityError
from pullback.core.replay import replay
from pullback.transforms.transpose import transpose
from tests import oracles
from tests.transforms.programs import random_inputs, random_linear


def cotangents(f, inputs, seed):
    rng = np.random.default_rng(seed + 99)
    return tuple(np.asarray(rng.uniform(-1.0, 1.0, np.shape(y))) for y in f(*inputs))


@given(seed=st.integers(0, 10_000))
def test_the_transpose_of_a_random_linear_program_is_its_transpose(seed):
    f, inputs = random_linear(seed), random_inputs(seed)
    us = cotangents(f, inputs, seed)
    program = check(pb.trace(f)(*inputs))
    found = transpose(program)
    check(found.program)

    def transposed(us):
        got = iter(replay(found.program, us))
        return tuple(next(got) if there else None for there in found.nonzero)

    oracles.assert_transposes(f, transposed, tuple(inputs), us)


@given(seed=st.integers(0, 10_000))
def test_linear_transpose_of_a_random_linear_function_is_its_transpose(seed):
    f, inputs = random_linear(seed), random_inputs(seed)
    us = cotangents(f, inputs, seed)
    transposed = pb.linear_transpose(f, *inputs)
    oracles.assert_transposes(f, transposed, tuple(inputs), us)


@given(seed=st.integers(0, 10_000))
def test_the_transpose_of_the_transpose_is_the_function(seed):
    f, inputs = random_linear(seed), random_inputs(seed)
    us = cotangents(f, inputs, seed)
    transposed = pb.linear_transpose(f, *inputs)
    again = pb.linear_transpose(transposed, us)(tuple(inputs))
    for a, b in zip(again[0], f(*inputs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_an_input_used_twice_gets_the_sum():
    (g,) = pb.linear_transpose(lambda x: x + 2.0 * x, np.zeros(2))(np.ones(2))
    np.testing.assert_array_equal(g, [3.0, 3.0])


def test_an_unused_input_is_structurally_zero():
    program = pb.trace(lambda x, y: 2.0 * x)(np.ones(2), np.ones(3))
    assert transpose(program).nonzero == (True, False)
    _, gy = pb.linear_transpose(lambda x, y: 2.0 * x, np.ones(2), np.ones(3))(np.ones(2))
    np.testing.assert_array_equal(gy, np.zeros(3))


def test_absent_cotangents_cost_nothing():
    program = pb.trace(lambda x: (2.0 * x, np.sum(x)))(np.ones(2))
    found = transpose(program, present=(False, True))
    assert "mul" not in [eq.primitive.name for eq in found.program.equations]


def test_a_transpose_is_derived_once():
    program = pb.trace(lambda x: 2.0 * x)(np.ones(2))
    assert transpose(program) is transpose(program)


def test_residuals_lead_and_may_be_anything():
    program = pb.trace(lambda r, v: np.sin(r) * v)(np.ones(2), np.ones(2))
    found = transpose(program, 1)
    (g,) = replay(found.program, (np.array([1.0, 2.0]), np.ones(2)))
    np.testing.assert_array_equal(g, np.sin([1.0, 2.0]))


@pytest.mark.parametrize(
    ("f", "culprit"),
    [
        pytest.param(lambda x: np.sin(x), "sin", id="nonlinear"),
        pytest.param(lambda x: x * x, "mul", id="squared"),
        pytest.param(lambda x: 1.0 / x, None, id="reciprocal"),
        pytest.param(lambda x: np.where(x > 0, x, 0.0), "select", id="a condition that moves"),
        pytest.param(lambda x: x + 1.0, "add of zeros is not zero", id="affine"),
        pytest.param(lambda x: (x, 2.0), "output 1 does not depend", id="a constant output"),
        pytest.param(lambda x: np.concatenate([x, np.ones(2)]), None, id="affine by concatenation"),
        pytest.param(lambda x: pb.fori_loop(0, 3, lambda i, y: y + 1.0, x), None, id="affine in a loop"),
        pytest.param(lambda x: pb.fori_loop(0, 3, lambda i, y: y * x, x), None, id="a product in a loop"),
        pytest.param(lambda x: pb.cond(True, lambda y: y + 1.0, lambda y: y, x), None, id="affine in a branch"),
        pytest.param(lambda x: np.where(np.array([True, False]), x, 1.0), None, id="affine by where"),
    ],
)
def test_what_is_not_linear_is_refused(f, culprit):
    with pytest.raises(LinearityError, match=culprit):
        pb.linear_transpose(f, np.ones(2))(np.ones(2))


def test_a_bilinear_function_is_not_linear_in_both_at_once():
    with pytest.raises(LinearityError, match="0, 1 together"):
        pb.linear_transpose(lambda x, y: x * y, np.ones(2), np.ones(2))


def test_a_zero_offset_is_linear():
    (g,) = pb.linear_transpose(lambda x: x + 0.0, np.ones(2))(np.ones(2))
    np.testing.assert_array_equal(g, np.ones(2))


def test_a_linear_transpose_is_differentiable_and_nests():
    def f(u):
        return np.sum(pb.linear_transpose(lambda x: 3.0 * x, np.zeros(2))(u)[0] ** 2)

    np.testing.assert_array_equal(pb.grad(f)(np.ones(2)), [18.0, 18.0])
    np.testing.assert_array_equal(pb.vmap(pb.grad(f))(np.ones((3, 2))), np.full((3, 2), 18.0))
    np.testing.assert_array_equal(pb.jit(pb.grad(f))(np.ones(2)), [18.0, 18.0])


def test_complex_transposes_do_not_conjugate():
    c = 2.0 + 3.0j
    (g,) = pb.linear_transpose(lambda z: c * z, np.zeros(2, complex))(np.ones(2, complex))
    np.testing.assert_array_equal(g, [c, c])
