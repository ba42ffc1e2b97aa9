"""Arrays are mutable: snapshots on the way in, owned results on the way out."""

import numpy as np
import pytest

import pullback as pb


def test_vjp_does_not_follow_later_changes_of_its_arguments():
    x, w = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    _, pullback = pb.vjp(lambda x, w: x * w, x, w)
    x[:], w[:] = 99.0, 99.0
    gx, gw = pullback(np.ones(2))
    np.testing.assert_array_equal(gx, [3.0, 4.0])
    np.testing.assert_array_equal(gw, [1.0, 2.0])


def test_linearize_does_not_follow_later_changes_of_its_arguments():
    x = np.array([1.0, 2.0])
    _, f_jvp = pb.linearize(lambda x: x**3, x)
    x[:] = 99.0
    np.testing.assert_array_equal(f_jvp(np.ones(2)), [3.0, 12.0])


def test_vjp_does_not_follow_later_changes_of_what_it_closes_over():
    x, w = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    _, pullback = pb.vjp(lambda x: x * w, x)
    w[:] = 99.0
    np.testing.assert_array_equal(pullback(np.ones(2))[0], [3.0, 4.0])


def test_a_buffer_rewritten_in_the_users_loop_counts_as_it_was():
    def f(x):
        buffer, total = np.empty(2), 0.0
        for k in range(3):
            buffer[:] = k + 1.0
            total = total + np.sum(x * buffer)
        return total

    np.testing.assert_array_equal(pb.grad(f)(np.ones(2)), [6.0, 6.0])
    np.testing.assert_array_equal(pb.jvp(f, (np.ones(2),), (np.array([1.0, 0.0]),))[1], 6.0)
    np.testing.assert_array_equal(pb.jit(pb.grad(f))(np.ones(2)), [6.0, 6.0])
    np.testing.assert_array_equal(pb.vmap(pb.grad(f))(np.ones((3, 2))), np.full((3, 2), 6.0))


def test_a_buffer_rewritten_in_a_traced_body_counts_as_it_was():
    def f(x):
        buffer = np.ones(2)
        y = x * buffer
        buffer[:] = 5.0
        return y + x * buffer

    np.testing.assert_array_equal(pb.trace(f)(np.ones(2))(np.ones(2)), [6.0, 6.0])


def test_a_program_does_not_follow_later_changes_of_its_constants():
    w = np.array([3.0, 4.0])
    program = pb.trace(lambda x: x * w)(np.ones(2))
    w[:] = 99.0
    np.testing.assert_array_equal(program(np.ones(2)), [3.0, 4.0])


RESULTS = [
    pytest.param(lambda x: x, id="identity"),
    pytest.param(lambda x: (x, x), id="twice"),
    pytest.param(lambda x: np.reshape(x, (3, 1)), id="view"),
    pytest.param(lambda x: x[1:], id="slice"),
    pytest.param(lambda x: np.broadcast_to(x, (2, 3)), id="broadcast"),
    pytest.param(lambda x: np.ones(3), id="constant"),
    pytest.param(lambda x: x * 2.0, id="computed"),
]


def _calls(f):
    return {
        "vjp": lambda x: pb.vjp(f, x)[0],
        "jvp": lambda x: pb.jvp(f, (x,), (np.ones(3),)),
        "linearize": lambda x: pb.linearize(f, x)[0],
        "vmap": lambda x: pb.vmap(f)(np.stack([x, x])),
        "jit": pb.jit(f),
        "checkpoint": lambda x: pb.checkpoint(f)(x),
    }


@pytest.mark.parametrize("name", ["vjp", "jvp", "linearize", "vmap", "jit"])
@pytest.mark.parametrize("f", RESULTS)
def test_results_are_owned_writeable_and_alias_nothing(name, f):
    call = _calls(f)[name]
    x = np.array([1.0, 2.0, 3.0])
    before = [np.array(y) for y in _flat(call(x))]
    first, second = _flat(call(x)), _flat(call(x))
    for y in [*first, *second]:
        if isinstance(y, np.ndarray):
            assert y.flags.writeable
            y += 100.0
    np.testing.assert_array_equal(x, [1.0, 2.0, 3.0])
    for y, want in zip(first, before, strict=True):
        if isinstance(y, np.ndarray):
            np.testing.assert_array_equal(y, want + 100.0)
    for y, want in zip(_flat(call(x)), before, strict=True):
        np.testing.assert_array_equal(y, want)


def _flat(out):
    return [y for part in out for y in _flat(part)] if isinstance(out, tuple) else [out]


def test_cotangents_that_the_caller_writes_to_do_not_disturb_later_calls():
    x = np.array([1.0, 2.0])
    value, pullback = pb.vjp(lambda x: (x, np.exp(x)), x)
    want = [np.array(g) for g in pullback((np.ones(2), np.ones(2)))]
    for y in value:
        y[:] = 77.0
    u = np.ones(2)
    for _ in range(2):
        (g,) = pullback((u, u))
        np.testing.assert_array_equal(g, want[0])
        g[:] = 55.0
    np.testing.assert_array_equal(u, 1.0)


def test_the_cotangent_itself_is_not_what_comes_back():
    u = np.ones(3)
    for f in (lambda x: x, lambda x: np.reshape(x, (3,)), lambda x: x + np.ones(3)):
        (g,) = pb.vjp(f, np.zeros(3))[1](u)
        assert not np.shares_memory(g, u)
        assert g.flags.writeable


def test_gradients_of_several_arguments_do_not_share_memory():
    gx, gy = pb.grad(lambda x, y: np.sum(x + y), argnums=(0, 1))(np.ones(3), np.ones(3))
    assert not np.shares_memory(gx, gy)
    gx += 1.0
    np.testing.assert_array_equal(gy, 1.0)


def test_jacobians_are_owned():
    x = np.ones(3)
    for make in (pb.jacfwd, pb.jacrev, pb.jacobian):
        jac = make(lambda x: (x, x))(x)
        assert not np.shares_memory(jac[0], jac[1])
        for block in jac:
            assert block.flags.writeable


def test_what_a_function_returns_as_aux_is_owned():
    w = np.ones(2)
    _, aux = pb.grad(lambda x: (np.sum(x), x), has_aux=True)(w)
    aux += 1.0
    np.testing.assert_array_equal(w, 1.0)


def test_gradients_of_scalars_are_numpy_scalars_ready_for_scipy():
    g = pb.grad(lambda x: x**2)(3.0)
    assert isinstance(g, np.float64)
    value, g = pb.value_and_grad(lambda x: np.sum(x**2))(np.ones(2))
    assert isinstance(value, np.float64 | np.ndarray)
    assert type(g) is np.ndarray


def test_a_subclass_of_ndarray_gives_a_plain_gradient():
    class Labelled(np.ndarray):
        pass

    g = pb.grad(lambda x: np.sum(x**2))(np.ones(3).view(Labelled))
    assert type(g) is np.ndarray


def test_big_endian_input_gives_a_native_gradient():
    g = pb.grad(lambda x: np.sum(x**2))(np.ones(3, ">f8"))
    assert g.dtype == np.dtype("f8")
    assert g.dtype.isnative
