"""grad, value_and_grad, vjp, jvp, linearize, hvp: arguments, outputs, dtypes, structure."""

import functools

import numpy as np
import pytest

import pullback as pb
from pullback.core.check import check
from pullback.core.errors import ArgumentError, DTypeError, IntegerInput, LeakedTracer, NonScalarOutput, TreeError
from pullback.core.replay import replay
from tests import oracles


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


X = np.array([0.3, -0.8, 1.2, 0.5])


def test_grad_is_the_derivative_in_every_direction(rng):
    g = pb.grad(rosenbrock)(X)
    for _ in range(3):
        v = rng.normal(size=4)
        np.testing.assert_allclose(g @ v, oracles.complex_step(rosenbrock, X, v), rtol=1e-13)


def test_value_and_grad_returns_both():
    value, g = pb.value_and_grad(rosenbrock)(X)
    assert value == rosenbrock(X)
    np.testing.assert_array_equal(g, pb.grad(rosenbrock)(X))


def test_argnums_selects_and_orders():
    f = lambda a, b, c: a * b**2 * c**3  # noqa: E731
    assert pb.grad(f)(2.0, 3.0, 5.0) == 9 * 125
    assert pb.grad(f, argnums=1)(2.0, 3.0, 5.0) == 2 * 6 * 125
    assert pb.grad(f, argnums=-1)(2.0, 3.0, 5.0) == 2 * 9 * 75
    assert pb.grad(f, argnums=(2, 0))(2.0, 3.0, 5.0) == (2 * 9 * 75, 9 * 125)
    assert pb.grad(f, argnums=[0])(2.0, 3.0, 5.0) == (9 * 125,)
    assert pb.value_and_grad(f, (0, 1))(2.0, 3.0, 5.0) == (2 * 9 * 125, (9 * 125, 2 * 6 * 125))


def test_argnames_selects_keywords():
    f = lambda a, *, b, c=1.0: a * b**2 * c  # noqa: E731
    assert pb.grad(f, argnames="b")(2.0, b=3.0, c=5.0) in (60.0, (60.0,))
    assert pb.grad(f, argnums=0, argnames=("b", "c"))(2.0, b=3.0, c=5.0) == (45.0, 60.0, 18.0)


@pytest.mark.parametrize("transform", [pb.grad, pb.value_and_grad, pb.jacfwd, pb.jacrev, pb.jacobian, pb.hessian])
@pytest.mark.parametrize("argnums", [2, -3, (0, 5), 1.5, True, (0, 0), (1, -1)])
def test_wrong_argnums_are_told(transform, argnums):
    with pytest.raises(ArgumentError, match="argnums"):
        transform(lambda a, b: a * b, argnums=argnums)(1.0, 2.0)
    with pytest.raises(ArgumentError, match="argnames='z'"):
        transform(lambda a, b: a * b, argnames="z")(1.0, b=2.0)


def test_keywords_and_defaults_pass_through():
    f = lambda x, n=2, *, scale=1.0: scale * x**n  # noqa: E731
    assert pb.grad(f)(3.0) == 6.0
    assert pb.grad(f)(3.0, 3) == 27.0
    assert pb.grad(f)(3.0, scale=2.0, n=1) == 2.0


def test_has_aux_carries_anything():
    f = lambda x: (x**2, {"twice": 2.0 * x, "text": "hello", "n": 3})  # noqa: E731
    g, aux = pb.grad(f, has_aux=True)(3.0)
    assert (g, aux) == (6.0, {"twice": 6.0, "text": "hello", "n": 3})
    (value, aux), g = pb.value_and_grad(f, has_aux=True)(3.0)
    assert (value, g, aux["twice"]) == (9.0, 6.0, 6.0)
    value, v, aux = pb.jvp(f, (3.0,), (1.0,), has_aux=True)
    assert (value, v, aux["twice"]) == (9.0, 6.0, 6.0)
    value, pullback, aux = pb.vjp(f, 3.0, has_aux=True)
    assert (value, pullback(1.0), aux["twice"]) == (9.0, (6.0,), 6.0)
    value, f_jvp, aux = pb.linearize(f, 3.0, has_aux=True)
    assert (value, f_jvp(1.0), aux["twice"]) == (9.0, 6.0, 6.0)
    j, aux = pb.jacrev(f, has_aux=True)(3.0)
    assert (j, aux["text"]) == (6.0, "hello")
    h, aux = pb.hessian(f, has_aux=True)(3.0)
    assert (h, aux["twice"]) == (2.0, 6.0)
    with pytest.raises(TreeError, match="has_aux"):
        pb.grad(lambda x: x, has_aux=True)(1.0)


def test_what_is_not_a_real_scalar_is_refused():
    for f in (lambda x: x, lambda x: (np.sum(x), 1.0), lambda x: {"a": np.sum(x)}, lambda x: None, lambda x: "text"):
        with pytest.raises(NonScalarOutput):
            pb.grad(f)(X)
    with pytest.raises(NonScalarOutput, match="integer"):
        pb.grad(lambda x: np.argmax(x))(X)
    with pytest.raises(NonScalarOutput, match="holomorphic"):
        pb.grad(lambda x: x * 1j)(1.0)
    with pytest.raises(IntegerInput, match="float"):
        pb.grad(lambda x: x * 1.0)(3)
    with pytest.raises(ArgumentError, match=r"grad\(f\)\(x\), not grad\(f\(x\)\)"):
        pb.grad(3.0)


def test_an_output_that_does_not_move_has_gradient_zero():
    np.testing.assert_array_equal(pb.grad(lambda x: 3.0)(X), np.zeros(4))
    np.testing.assert_array_equal(pb.grad(lambda x: np.sum(np.floor(x)))(X), np.zeros(4))
    assert pb.grad(lambda x, y: x * 2.0, argnums=(0, 1))(1.0, 2.0) == (2.0, 0.0)
    value, v = pb.jvp(lambda x: (x, 3.0, 4), (1.0,), (1.0,))
    assert value == (1.0, 3.0, 4)
    assert v[:2] == (1.0, 0.0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradients_have_the_dtype_of_their_argument(dtype):
    x = X.astype(dtype)
    value, g = pb.value_and_grad(lambda x: np.sum(np.sin(x) * 2.0 + x**2))(x)
    assert np.asarray(value).dtype == dtype
    assert g.dtype == dtype
    np.testing.assert_allclose(g, 2 * np.cos(X) + 2 * X, rtol=20 * np.finfo(dtype).eps)
    _, v = pb.jvp(np.sin, (x,), (np.ones(4, dtype),))
    assert v.dtype == dtype
    assert pb.jacrev(np.sin)(x).dtype == dtype
    assert pb.jit(pb.grad(lambda x: np.sum(x * 2.0)))(x).dtype == dtype


def test_mixed_precision_gives_each_argument_its_own_dtype():
    a, b = np.float32(2.0), np.float64(3.0)
    ga, gb = pb.grad(lambda a, b: a * b, argnums=(0, 1))(a, b)
    assert (ga.dtype, gb.dtype) == (np.float32, np.float64)


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_the_gradient_of_a_real_function_of_complex_numbers(dtype):
    z = np.array([1.0 + 2.0j, -0.5 + 0.3j], dtype)
    f = lambda z: np.sum(np.abs(z) ** 2 + np.real(z**2))  # noqa: E731
    g = pb.grad(f)(z)
    assert g.dtype == dtype
    eps = np.finfo(dtype).eps
    for k in range(2):
        e = np.zeros(2, complex)
        e[k] = 1.0
        dx = oracles.directional(lambda z: f(z), z.astype(complex), e)
        dy = oracles.directional(lambda z: f(z), z.astype(complex), 1j * e)
        np.testing.assert_allclose(g[k], dx - 1j * dy, rtol=max(1e-9, 50 * eps))
    with pb.conventions(complex="pytorch"):
        np.testing.assert_allclose(pb.grad(f)(z), np.conj(g), rtol=10 * eps)


def test_holomorphic_derivatives():
    z = 0.4 + 0.9j
    np.testing.assert_allclose(pb.grad(np.sin, holomorphic=True)(z), np.cos(z), rtol=1e-14)
    np.testing.assert_allclose(pb.grad(pb.grad(np.sin, holomorphic=True), holomorphic=True)(z), -np.sin(z), rtol=1e-14)
    zs = np.array([z, 2 * z])
    np.testing.assert_allclose(pb.jacrev(np.exp, holomorphic=True)(zs), np.diag(np.exp(zs)), rtol=1e-14)
    np.testing.assert_allclose(pb.jacfwd(np.exp, holomorphic=True)(zs), np.diag(np.exp(zs)), rtol=1e-14)
    with pytest.raises(DTypeError, match="holomorphic"):
        pb.grad(np.sin, holomorphic=True)(1.0)
    with pytest.raises(DTypeError, match="holomorphic"):
        pb.jacrev(lambda x: x * 1j)(1.0)


def test_complex_jvp_and_vjp_are_transposes_without_conjugation(rng):
    z = rng.normal(size=3) + 1j * rng.normal(size=3)
    v, u = rng.normal(size=3) + 1j * rng.normal(size=3), rng.normal(size=3) + 1j * rng.normal(size=3)
    f = lambda z: np.exp(z) * z[::-1]  # noqa: E731
    oracles.assert_transposes(lambda v: pb.jvp(f, (z,), (v,))[1], lambda u: pb.vjp(f, z)[1](u), (v,), u)


# vjp ------------------------------------------------------------------------------------------


def two(x, w):
    return {"y": x @ w, "z": (np.sin(x), np.sum(w))}


W = np.arange(8.0).reshape(4, 2) / 7.0


def test_pullback_takes_a_cotangent_of_the_values_structure_and_returns_a_tuple():
    value, pullback = pb.vjp(two, X, W)
    u = {"y": np.ones(2), "z": (np.ones(4), 2.0)}
    pulled = pullback(u)
    assert isinstance(pulled, tuple)
    assert [p.shape for p in pulled] == [(4,), (4, 2)]
    np.testing.assert_allclose(pulled[0], W.sum(axis=1) + np.cos(X))
    np.testing.assert_allclose(pulled[1], np.broadcast_to(X[:, None] + 2.0, (4, 2)))
    np.testing.assert_array_equal(value["y"], X @ W)
    again = pullback(u)
    np.testing.assert_array_equal(again[0], pulled[0])


def test_pullback_refuses_cotangents_of_another_kind():
    _, pullback = pb.vjp(two, X, W)
    with pytest.raises(TreeError, match="structure"):
        pullback(np.ones(2))
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        pullback({"y": np.ones(3), "z": (np.ones(4), 2.0)})
    with pytest.raises(DTypeError, match="complex128"):
        pullback({"y": np.ones(2) * 1j, "z": (np.ones(4), 2.0)})


def test_residuals_say_what_is_kept():
    def f(x, w):
        return np.tanh(x @ w)

    _, pullback = pb.vjp(f, X, W)
    found = sorted((r.shape, r.nbytes, r.where) for r in pullback.residuals)
    line = f"test_gradients.py:{f.__code__.co_firstlineno + 1}"
    assert {r.where for r in pullback.residuals} == {line}
    assert ((4,), 32, line) in found
    assert ((4, 2), 64, line) in found
    assert all(isinstance(r.name, str) for r in pullback.residuals)
    assert f"keeps {sum(r.nbytes for r in pullback.residuals)} bytes" in repr(pullback)


def test_the_transposed_program_can_be_printed_and_run():
    _, pullback = pb.vjp(lambda x: np.sum(np.sin(x) * x), X)
    program = check(pullback.program)
    assert program.out_types[0].shape == (4,)
    (g,) = replay(program, (np.float64(1.0),))
    np.testing.assert_allclose(g, np.sin(X) + X * np.cos(X), rtol=1e-14)


def test_vjp_of_several_outputs_with_one_unused():
    _, pullback = pb.vjp(lambda x: (x * 2.0, x * 3.0), X)
    np.testing.assert_array_equal(pullback((np.ones(4), np.zeros(4)))[0], np.full(4, 2.0))


# jvp, linearize, hvp --------------------------------------------------------------------------


def test_jvp_takes_trees_and_several_arguments():
    value, v = pb.jvp(lambda p, x: p["a"] * x + p["b"], ({"a": 2.0, "b": 1.0}, 3.0), ({"a": 1.0, "b": 10.0}, 100.0))
    assert (value, v) == (7.0, 213.0)
    with pytest.raises(TreeError, match="primals of jvp"):
        pb.jvp(np.sin, 1.0, 1.0)
    with pytest.raises(TreeError, match="tangent"):
        pb.jvp(np.sin, (1.0,), (1.0, 2.0))
    with pytest.raises(ValueError, match="shape"):
        pb.jvp(np.sin, (X,), (1.0,))
    with pytest.raises(IntegerInput):
        pb.jvp(np.sin, (1,), (1.0,))


def test_linearize_runs_the_function_once():
    calls = []

    def f(x):
        calls.append(1)
        return np.sin(x) * x

    value, f_jvp = pb.linearize(f, X)
    for _ in range(3):
        np.testing.assert_allclose(f_jvp(np.ones(4)), np.sin(X) + X * np.cos(X), rtol=1e-14)
    assert len(calls) == 1
    np.testing.assert_array_equal(value, np.sin(X) * X)


def test_a_linearised_function_can_be_batched_jitted_and_transposed():
    _, f_jvp = pb.linearize(lambda x: np.sin(x) * x[::-1], X)
    j = oracles.jacobian_by_differences(lambda x: np.sin(x) * x[::-1], X)
    np.testing.assert_allclose(pb.vmap(f_jvp)(np.eye(4)).T, j, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(pb.jit(f_jvp)(np.ones(4)), j @ np.ones(4), rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(pb.linear_transpose(f_jvp, X)(np.ones(4))[0], np.ones(4) @ j, rtol=1e-9, atol=1e-10)


def test_hvp_is_the_product_with_the_hessian():
    h = oracles.jacobian_by_differences(
        lambda x: np.array([oracles.complex_step(rosenbrock, x, e) for e in np.eye(4)]), X
    )
    v = np.array([1.0, -2.0, 0.5, 3.0])
    np.testing.assert_allclose(pb.hvp(rosenbrock, (X,), (v,)), h @ v, rtol=1e-8)
    a, b = pb.hvp(lambda x, y: np.sum(x**2) * y, (X, 2.0), (v, 1.0))
    np.testing.assert_allclose(a, 4 * v + 2 * X, rtol=1e-14)
    np.testing.assert_allclose(b, 2 * X @ v, rtol=1e-14)


# Hard cases -----------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [np.float64(0.7), np.array(0.7), np.array([0.7]), np.full((1, 1), 0.7), np.zeros((0, 3))])
def test_zero_dimensional_size_one_and_empty_arrays(x):
    f = lambda x: np.sum(np.sin(x) * x)  # noqa: E731
    want = np.cos(x) * x + np.sin(x)
    for g in (pb.grad(f), pb.jit(pb.grad(f)), pb.grad(pb.jit(f))):
        got = g(x)
        assert np.shape(got) == np.shape(x)
        np.testing.assert_allclose(got, want, rtol=1e-14)
    assert pb.jacfwd(lambda x: np.sin(x))(x).shape == np.shape(x) * 2
    assert pb.jacrev(lambda x: np.sin(x))(x).shape == np.shape(x) * 2
    assert pb.hessian(f)(x).shape == np.shape(x) * 2


def test_non_contiguous_arguments(rng):
    base = rng.normal(size=(6, 8))
    for x in (base[::2, ::3], base.T, base[:, ::-1], np.asfortranarray(base), np.broadcast_to(base[0], (3, 8))):
        f = lambda x: np.sum(np.sin(x) @ np.cos(x).T)  # noqa: E731
        v = rng.normal(size=x.shape)
        np.testing.assert_allclose(np.sum(pb.grad(f)(x) * v), oracles.complex_step(f, x, v), rtol=1e-11)


def test_one_operand_used_twice():
    assert pb.grad(lambda x: x * x)(3.0) == 6.0
    assert pb.grad(lambda x: x + x)(3.0) == 2.0
    assert pb.grad(lambda x: x / x)(3.0) == 0.0
    assert pb.grad(lambda x: x**x)(2.0) == pytest.approx(4 * (np.log(2) + 1))
    assert pb.grad(lambda x, y: x * y, argnums=(0, 1))(*(np.float64(2.0),) * 2) == (2.0, 2.0)
    a = np.array([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_allclose(pb.grad(lambda a: np.sum(a @ a))(a), np.ones((2, 2)) @ a.T + a.T @ np.ones((2, 2)))


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_higher_derivatives_of_sine(order):
    f = np.sin
    for _ in range(order):
        f = pb.grad(f)
    want = [np.sin, np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x)][order % 4](0.6)
    np.testing.assert_allclose(f(0.6), want, rtol=1e-14)


def test_a_function_that_returns_its_argument():
    np.testing.assert_array_equal(pb.jacrev(lambda x: x)(X), np.eye(4))
    assert pb.grad(lambda x: x)(2.0) == 1.0


def test_no_argument_at_all_is_told():
    with pytest.raises(ArgumentError, match="no positional"):
        pb.grad(lambda: 1.0)()


def test_methods_and_partials_and_callables_are_functions():
    class Model:
        w = 3.0

        def loss(self, x):
            return self.w * x**2

        def __call__(self, x):
            return self.w * x

    assert pb.grad(Model().loss)(2.0) == 12.0
    assert pb.grad(Model())(2.0) == 3.0
    assert pb.grad(functools.partial(lambda a, x: a * x**2, 2.0))(3.0) == 12.0


def test_a_transformed_function_carries_the_name_and_docstring():
    def f(x):
        """Square."""
        return x * x

    g = pb.grad(f)
    assert (g.__name__, g.__doc__) == ("f", "Square.")
    assert repr(g) == "grad(f)"


def test_outputs_that_are_no_floats_take_any_cotangent():
    f = lambda x: (x * 2.0, np.argmax(x), "text")  # noqa: E731
    _, pullback = pb.vjp(f, X)
    for rest in ((0, "text"), (None, None)):
        np.testing.assert_array_equal(pullback((np.ones(4), *rest))[0], np.full(4, 2.0))
    with pytest.raises(TreeError, match="structure"):
        pullback((None, 0, "text"))
    with pytest.raises(TreeError, match="structure"):
        pb.vjp(np.sin, X)[1](None)


def test_the_transposed_program_of_a_loop_holds_its_tape():
    f = lambda x: pb.while_loop(lambda y: y < 9.0, lambda y: y * y, x)  # noqa: E731
    _, pullback = pb.vjp(f, 2.0)
    (g,) = replay(check(pullback.program), (np.float64(1.0),))
    assert g == pb.grad(f)(2.0) == 4 * 2.0**3


def test_a_pullback_kept_beyond_the_trace_of_its_residuals_has_leaked():
    kept = []

    def f(y):
        value, pullback = pb.vjp(lambda z: z * y, 3.0)
        kept.append(pullback)
        return value

    pb.grad(f)(2.0)
    with pytest.raises(LeakedTracer):
        kept[0](1.0)
