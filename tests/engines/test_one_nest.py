"""What is to become one nest, or serial code without calls: the shapes that speed depends on."""

import numpy as np

import pullback as pb
from tests.engines.native import Compiled
from tests.oracles import complex_step


def _projected(z):
    """Two numbers of eleven: a small function of small vectors."""
    axis, point = z[0:3], z[3:6] - z[6:9]
    angle = np.sqrt(np.sum(axis * axis))
    turned = point * np.cos(angle) + np.cross(axis, point) * np.sin(angle) + axis * np.sum(axis * point)
    image = turned[:2] / turned[2]
    return z[9] * image * (1 + z[10] * np.sum(image * image))


def test_jacobians_of_a_small_function_over_many_lanes_are_one_nest(rng):
    z = rng.uniform(0.5, 1.5, (37, 11))
    z[:, 5] += 5
    jacobians = Compiled(pb.trace(pb.vmap(pb.jacobian(_projected)))(z))
    loops = jacobians.loops
    assert sum(line.startswith("  nest") for line in loops.splitlines()) == 1, loops
    found = jacobians(z)[0]
    for j in range(11):
        direction = np.zeros(11)
        direction[j] = 1
        expected = np.stack([complex_step(_projected, lane, direction) for lane in z])
        np.testing.assert_allclose(found[:, :, j], expected, rtol=1e-10, atol=1e-12)


def test_a_sum_to_a_smaller_rank_keeps_the_batch_axis_in_front(rng):
    def pull(u):
        return pb.vjp(lambda b: np.ones((2, 3, 4)) * b, np.ones(4))[1](u)[0]

    u = rng.normal(size=(5, 2, 3, 4))
    np.testing.assert_allclose(pb.vmap(pull)(u), u.sum((1, 2)), rtol=1e-13)
    assert all(eq.primitive.name != "transpose" for eq in pb.trace(pb.vmap(pull))(u).equations)


def test_serial_code_branches_where_vector_code_calls(rng):
    def f(x):
        return pb.fori_loop(0, 50, lambda i, x: x + 0.1 * np.sin(3 * x), x)

    serial = Compiled(pb.trace(f)(0.3))
    assert "@pb.sin.alone.f64(" in serial.text
    x = 0.3
    for _ in range(50):
        x = x + 0.1 * np.sin(3 * x)
    np.testing.assert_allclose(serial(0.3)[0], x, rtol=1e-12)
    huge = Compiled(pb.trace(lambda x: pb.fori_loop(0, 3, lambda i, x: 1e30 * np.sin(x), x))(1e30))
    x = 1e30
    for _ in range(3):
        x = 1e30 * np.sin(x)
    np.testing.assert_allclose(huge(1e30)[0], x, rtol=1e-12)
    many = Compiled(pb.trace(lambda x: np.sin(x))(rng.normal(size=40)))
    assert "@pb.sin.f64(" in many.text
