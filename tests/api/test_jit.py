"""jit: traces once a signature, also inside loops of derivatives; statics, errors, closures."""

import functools

import numpy as np
import pytest

import pullback as pb
from pullback.core.errors import ArgumentError, NoValue
from pullback.core.program import Program

# Compiled code has sines of its own: within 4 ulp of NumPy's.
close = functools.partial(np.testing.assert_allclose, rtol=4 * np.finfo(float).eps)


def counting(f):
    def counted(*args, **kwargs):
        counted.traces += 1
        return f(*args, **kwargs)

    counted.traces = 0
    return counted


X = np.linspace(0.1, 0.9, 4)


def test_a_signature_is_traced_once():
    f = counting(lambda x, y: np.sin(x) * y)
    g = pb.jit(f)
    for k in range(3):
        close(g(X, float(k)), np.sin(X) * k)
    assert f.traces == 1
    g(X[:2], 1.0)
    g(X.astype(np.float32), 1.0)
    g(X, 1)
    g(X, np.ones(4))
    assert f.traces == 5
    g(X[:2], 2.0)
    assert f.traces == 5


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda g: pb.grad(lambda x: np.sum(g(x))), id="grad"),
        pytest.param(lambda g: lambda x: pb.jvp(g, (x,), (x,)), id="jvp"),
        pytest.param(lambda g: pb.jacrev(g), id="jacrev"),
        pytest.param(lambda g: pb.hessian(lambda x: np.sum(g(x))), id="hessian"),
        pytest.param(lambda g: pb.vmap(g), id="vmap"),
        pytest.param(lambda g: pb.vmap(pb.grad(lambda x: np.sum(g(x)))), id="vmap of grad"),
        pytest.param(lambda g: pb.jit(pb.grad(lambda x: np.sum(g(x)))), id="jit of grad"),
    ],
)
def test_a_python_loop_of_derivatives_never_traces_or_derives_again(make, monkeypatch):
    f = counting(lambda x: np.sin(x) * np.exp(x))
    g = pb.jit(f)
    run = make(g)
    x = np.stack([X, X])
    run(x)
    traces = f.traces
    made = counting(Program.__init__)
    monkeypatch.setattr(Program, "__init__", lambda *a, **k: made(*a, **k))
    for _ in range(3):
        run(x)
    assert f.traces == traces
    assert made.traces == 0


def test_a_jitted_function_in_a_checkpoint_is_traced_once():
    f = counting(np.sin)
    g = pb.jit(f)
    for _ in range(3):
        pb.grad(lambda x: np.sum(pb.checkpoint(g)(x)))(X)
    assert f.traces == 1


def test_the_same_function_jitted_under_grad_and_alone_shares_its_trace():
    f = counting(lambda x: np.sum(np.sin(x)))
    g = pb.jit(f)
    g(X)
    pb.grad(g)(X)
    pb.jvp(g, (X,), (X,))
    pb.vmap(g)(np.stack([X, X]))
    assert f.traces == 1


def test_static_arguments_are_values():
    f = counting(lambda x, n, *, mode="up": x**n if mode == "up" else x / n)
    g = pb.jit(f, static_argnums=1, static_argnames="mode")
    assert g(3.0, 2) == 9.0
    assert g(3.0, 3) == 27.0
    assert g(3.0, 3, mode="down") == 1.0
    assert g(4.0, 3) == 64.0
    assert f.traces == 3
    assert pb.grad(g)(3.0, 2) == 6.0
    assert pb.jit(lambda x, n: x * n, static_argnums=(-1,))(3.0, 2) == 6.0
    with pytest.raises(ArgumentError, match="not hashable"):
        g(3.0, [1, 2])


def test_leaves_that_are_no_arrays_are_static():
    f = counting(lambda x, how: x * 2.0 if how == "double" else x)
    g = pb.jit(f)
    assert g(3.0, "double") == 6.0
    assert g(3.0, "not") == 3.0
    assert g(4.0, "double") == 8.0
    assert f.traces == 2


def test_trees_in_and_out():
    g = pb.jit(lambda p: {"s": p["a"] + p["b"][0], "none": None, "name": "x"})
    out = g({"a": X, "b": (1.0,)})
    close(out["s"], X + 1.0)
    assert out["none"] is None
    assert out["name"] == "x"


def test_values_that_jit_does_not_know_are_told():
    with pytest.raises(NoValue, match=r"np.where"):
        pb.jit(lambda x: x if x > 0 else -x)(1.0)
    with pytest.raises(NoValue, match="fori_loop"):
        pb.jit(lambda x, n: [x for _ in range(n)])(1.0, 3)
    with pytest.raises(NoValue):
        pb.jit(lambda x: float(x))(1.0)


def test_closures_over_arrays_are_constants_and_over_tracers_are_differentiated():
    w = np.array([1.0, 2.0, 3.0, 4.0])
    g = pb.jit(lambda x: x * w)
    close(g(X), X * w)
    f = lambda w: np.sum(pb.jit(lambda x: np.sin(x * w))(X))  # noqa: E731
    np.testing.assert_allclose(pb.grad(f)(2.0), np.sum(X * np.cos(2.0 * X)), rtol=1e-14)
    np.testing.assert_allclose(pb.jit(pb.grad(f))(2.0), np.sum(X * np.cos(2.0 * X)), rtol=1e-14)
    np.testing.assert_allclose(pb.vmap(f)(np.array([2.0, 3.0])), [np.sum(np.sin(X * 2)), np.sum(np.sin(X * 3))])


def test_a_trace_that_captured_a_tracer_is_not_kept():
    inner = None

    def f(w):
        nonlocal inner
        if inner is None:
            inner = pb.jit(lambda x: x * cell[0])
        cell[0] = w
        return inner(2.0)

    cell = [None]
    assert pb.grad(f)(3.0) == 2.0
    assert pb.grad(lambda w: f(w * w))(5.0) == 20.0


def test_jit_of_jit_is_one_more_call():
    f = counting(lambda x: np.sin(x) + 1.0)
    g = pb.jit(pb.jit(f))
    close(g(X), np.sin(X) + 1.0)
    close(pb.grad(lambda x: np.sum(g(x)))(X), np.cos(X))
    assert f.traces == 1


def test_the_program_of_a_signature_can_be_read():
    text = str(pb.jit(lambda x: np.sin(x) + np.sin(x)).program(X))
    assert text.count("sin(") == 1
    assert "float64[4]" in text


def test_recursion_of_jitted_functions_with_static_depth():
    def tower(x, n):
        return x if n == 0 else np.sin(jitted(x, n - 1))

    jitted = pb.jit(tower, static_argnums=1)
    close(jitted(0.5, 3), np.sin(np.sin(np.sin(0.5))))
    np.testing.assert_allclose(pb.grad(jitted)(0.5, 2), np.cos(np.sin(0.5)) * np.cos(0.5), rtol=1e-14)


def test_results_are_numpy_arrays_and_scalars():
    assert isinstance(pb.jit(lambda x: x * 2.0)(3.0), np.float64)
    assert type(pb.jit(lambda x: x * 2.0)(X)) is np.ndarray
    assert pb.jit(lambda x: x * 2.0)(np.float32(1)).dtype == np.float32


def test_a_jitted_method_is_bound():
    class Model:
        w = 3.0

        @pb.jit
        def __call__(self, x):
            return x * 2.0

        @pb.jit
        def scaled(self, x):
            return self.w * x

    assert Model().scaled(2.0) == 6.0
    assert pb.grad(Model().scaled)(2.0) == 3.0


def test_conventions_are_part_of_the_key():
    g = pb.jit(pb.grad(np.abs))
    assert g(0.0) == 0.0
    with pb.conventions(abs="one"):
        assert g(0.0) == 1.0
    assert g(0.0) == 0.0
