"""Tracers as arrays of the Python array API standard, 2024.12: their namespace, operators, memory, sorting."""

import operator

import numpy as np
import pytest

import pullback as pb
import pullback.numpy as xp
from pullback.core.errors import ArgumentError, DerivativeLost, NoValue
from tests.numpy import array_api_2024_12 as standard
from tests.numpy.array_api_cases import H, I, X, Z
from tests.numpy.checks import assert_same, check_derivative

if np.lib.NumpyVersion(np.__version__) < "2.1.0":
    pytest.skip("NumPy 2.0 has not all of the standard's functions", allow_module_level=True)

# The namespace and its information --------------------------------------------------------------


def test_a_tracer_says_which_namespace_is_its_own():
    def f(x):
        assert x.__array_namespace__() is xp
        for version in ("2021.12", "2022.12", "2023.12", "2024.12", None):
            assert x.__array_namespace__(api_version=version) is xp
        with pytest.raises(ArgumentError, match=r"2031\.12"):
            x.__array_namespace__(api_version="2031.12")
        return xp.sum(x)

    for transformed in (pb.grad(f), pb.jit(f), pb.vmap(f)):
        transformed(X)
    assert xp.__array_api_version__ == "2024.12"


def test_the_namespace_says_what_it_can():
    info = xp.__array_namespace_info__()
    assert info.default_device() == "cpu"
    assert info.devices() == ["cpu"]
    assert info.capabilities() == {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}
    names = {"real floating": "float64", "complex floating": "complex128", "integral": "int64", "indexing": "int64"}
    assert info.default_dtypes() == {kind: np.dtype(name) for kind, name in names.items()}
    for kind, dtypes in standard.KINDS.items():
        assert info.dtypes(kind=kind) == {name: np.dtype(name) for name in dtypes}
    assert set(info.dtypes()) == set(standard.DTYPES)


def test_where_values_are_not_known_no_shape_can_depend_on_them():
    seen = []

    def f(x):
        seen.append(xp.__array_namespace_info__().capabilities()["boolean indexing"])
        return x

    pb.vjp(f, X)
    pb.jit(f)(X)
    pb.vmap(f)(X)
    pb.fori_loop(0, 2, lambda i, x: f(x), X)
    f(X)
    first, *between, last = seen
    assert first is last is True
    assert len(between) >= 3
    assert not any(between)


def test_isdtype_knows_every_kind():
    for kind, dtypes in standard.KINDS.items():
        for name in standard.DTYPES:
            assert xp.isdtype(getattr(xp, name), kind) == (name in dtypes)


# Arrays -----------------------------------------------------------------------------------------


def test_tracers_have_what_arrays_must_have():
    def f(x):
        for name in (*standard.ATTRIBUTES, *standard.METHODS):
            assert hasattr(x, name), name
        for name in standard.UNARY_OPERATORS:
            assert hasattr(x, f"__{name}__")
        for name in standard.COMPARISONS:
            assert hasattr(x, f"__{name}__")
        for name in standard.OPERATORS:
            for prefix in ("", "r", "i"):
                assert hasattr(x, f"__{prefix}{name}__"), f"{prefix}{name}"
        assert (x.device, x.ndim, x.shape, x.size, x.dtype) == ("cpu", 2, (3, 4), 12, xp.float64)
        assert x.to_device("cpu", stream=None) is x
        return x.mT @ x + x.T @ x

    np.testing.assert_allclose(pb.vjp(f, X)[0], 2 * X.T @ X)
    np.testing.assert_allclose(pb.jit(f)(X), 2 * X.T @ X)


SMALL = {"shift": (I, np.array([1, 2, 3])), "whole": (I, np.array([2, 3, 5])), "real": (X, np.abs(X[0]) + 1)}


@pytest.mark.parametrize("name", standard.OPERATORS)
def test_operators_reflected_and_in_place_give_numpys_values(name):
    kind = "shift" if name.endswith("shift") else "whole" if name in ("and", "or", "xor") else "real"
    a, b = {"matmul": (H, X[:, :3]), "pow": (np.abs(X) + 1, X[0])}.get(name, SMALL[kind])
    apply, change = getattr(operator, f"__{name}__"), getattr(operator, f"__i{name}__")

    def in_place(x, y):
        x = +x
        return change(x, y)

    for f in (apply, in_place):
        assert_same(pb.trace(f)(a, b)(a, b), f(a, b), exact=False)
    assert_same(pb.trace(lambda y: apply(a, y))(b)(b), apply(a, b), exact=False)  # a plain array on the left
    assert_same(pb.trace(lambda x: apply(x, b))(a)(a), apply(a, b), exact=False)
    if name != "matmul":
        for scalar in (2,) if kind != "real" else (2, 2.5):
            assert_same(pb.trace(lambda x, s=scalar: apply(s, x))(b)(b), apply(scalar, b), exact=False)
            assert_same(pb.trace(lambda x, s=scalar: apply(x, s))(a)(a), apply(a, scalar), exact=False)


@pytest.mark.parametrize("condition", [True, False, np.bool_(True), np.array(False)])
def test_a_boolean_without_axes_is_an_index_as_the_standard_says(condition):
    def read(x):
        return x[condition]

    def written(x):
        x = +x
        x[condition] = 2 * x[0]
        return x

    for f in (read, written):
        for g in (lambda x, f=f: pb.vjp(f, x)[0], pb.jit(f)):
            np.testing.assert_array_equal(g(X), f(X))
        check_derivative(f, X, rng=np.random.default_rng(1))
    with pytest.raises(ValueError, match="broadcast"):
        pb.vjp(lambda x: x.__setitem__(condition, np.ones(7)) or x, X)


def test_a_boolean_that_is_traced_chooses_all_or_nothing():
    def f(x, condition):
        x = +x
        x[condition] = x[0] ** 2
        return x

    for condition in (True, False):
        np.testing.assert_array_equal(pb.jit(f)(X, np.array(condition)), f(X, condition))
    both = pb.vmap(f)(np.stack([X, X]), np.array([True, False]))
    np.testing.assert_array_equal(both, [f(X, True), f(X, False)])


# Memory -----------------------------------------------------------------------------------------


def test_dlpack_refuses_to_lose_a_derivative():
    with pytest.raises(DerivativeLost, match="DLPack"):
        pb.grad(lambda x: np.sum(np.from_dlpack(x)))(X)
    with pytest.raises(NoValue):
        pb.jit(lambda x: np.from_dlpack(x))(X)
    assert pb.vjp(lambda x: x * np.from_dlpack(x.astype(int)).sum(), X)[0].shape == X.shape  # integers do not move


def test_from_dlpack_of_the_namespace_keeps_a_tracer():
    def f(x):
        assert x.__dlpack_device__() == (1, 0)
        return xp.sum(xp.from_dlpack(x) ** 2) + xp.sum(xp.from_dlpack(x, copy=True)) + xp.from_dlpack(Z).real.sum()

    np.testing.assert_allclose(pb.grad(f)(X), 2 * X + 1)
    with pytest.raises(ValueError, match="Device not understood"):
        pb.grad(lambda x: xp.from_dlpack(x, device="gpu"))(1.0)


MAKERS = {
    "asarray": lambda x, device: xp.asarray(x, device=device),
    "astype": lambda x, device: xp.astype(x, xp.float32, device=device),
    "full": lambda x, device: xp.full((2,), x[0, 0], device=device),
    "full_like": lambda x, device: xp.full_like(x, 1.0, device=device),
    "linspace": lambda x, device: xp.linspace(x[0, 0], 1.0, 3, device=device),
    "ones_like": lambda x, device: xp.ones_like(x, device=device),
    "zeros": lambda x, device: xp.zeros(3, device=device),
    "fftfreq": lambda x, device: xp.fft.fftfreq(3, device=device),
    "to_device": lambda x, device: x.to_device(device),
}


@pytest.mark.parametrize("name", MAKERS)
def test_there_is_one_device(name):
    make = MAKERS[name]
    assert pb.vjp(lambda x: make(x, "cpu"), X)
    with pytest.raises(ValueError, match="evice"):
        pb.vjp(lambda x: make(x, "gpu"), X)


def test_a_copy_that_must_not_be_made_is_an_error():
    assert pb.vjp(lambda x: xp.asarray(x, copy=False) * 1, X)
    with pytest.raises(ValueError, match="copy"):
        pb.vjp(lambda x: xp.asarray(x, dtype=xp.float32, copy=False), X)


def test_a_reshape_that_needs_a_copy_says_so():
    for f in (lambda x: xp.reshape(x, (-1,), copy=False), lambda x: xp.reshape(x[:, None], (4, 3), copy=False)):
        np.testing.assert_array_equal(pb.vjp(f, X)[0], f(X))
    for f in (lambda x: xp.reshape(x.T, (-1,), copy=False), lambda x: xp.reshape(x[:, :3], (9,), copy=False)):
        for g in (f, lambda x, f=f: pb.vjp(f, x), pb.jit(f)):
            with pytest.raises(ValueError, match="copy"):
                g(X)
    copied = pb.vjp(lambda x: xp.reshape(x, (12,), copy=True).__setitem__(0, 5.0) or x, X)[0]
    np.testing.assert_array_equal(copied, X)


# Sorting ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, -1, None])
@pytest.mark.parametrize("descending", [False, True])
def test_equal_elements_keep_their_order(axis, descending):
    x = np.array([[2.0, 1.0, 2.0, 1.0], [1.0, 1.0, 3.0, 2.0]])
    flat = x.ravel() if axis is None else x
    order = xp.argsort(x, axis=axis, descending=descending)
    keys = np.argsort(-flat if descending else flat, axis=-1 if axis is None else axis, stable=True)
    np.testing.assert_array_equal(order, keys)
    np.testing.assert_array_equal(pb.jit(lambda x: xp.argsort(x, axis=axis, descending=descending))(x), keys)
    values = xp.sort(x, axis=axis, descending=descending)
    np.testing.assert_array_equal(values, np.take_along_axis(flat, keys, axis=-1 if axis is None else axis))

    def weighted(x):
        y = xp.sort(x, axis=axis, descending=descending)
        return xp.sum(y * xp.reshape(xp.arange(8.0), y.shape))

    expected = np.zeros(flat.shape)  # each element has the weight of the place that it goes to
    np.put_along_axis(expected, keys, np.arange(8.0).reshape(flat.shape), axis=-1 if axis is None else axis)
    np.testing.assert_allclose(pb.grad(weighted)(x), expected.reshape(x.shape))


def test_lists_of_tracers_are_sorted():
    assert pb.grad(lambda x: xp.sort([x, 3 * x, 2 * x], descending=True)[0])(1.0) == 3.0
    assert pb.jit(lambda x: xp.argsort([x, 3 * x, 2 * x]))(1.0).tolist() == [0, 2, 1]
