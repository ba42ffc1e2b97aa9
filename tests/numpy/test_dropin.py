"""The drop-in module: arrays of Tracers under NumPy's names; with plain arguments, NumPy itself."""

import inspect

import numpy
import pytest

import pullback as pb
import pullback.numpy as np
import pullback.numpy.linalg as linalg
from pullback.core import errors
from pullback.numpy.objects import OBJECTS
from pullback.numpy.registry import FACE
from tests.numpy.checks import assert_same

V = numpy.array([3.0, -1.0, 2.0])

BUILT = {
    "array": lambda x: np.array([x, 2 * x]),
    "array nested": lambda x: np.array([[x[0], 1.0], [2, x[1] * x[2]]]),
    "array mixed": lambda x: np.array([[1.0, 2.0, 3.0], x, (x[0], 0, 1)]),
    "array dtype": lambda x: np.array([x[0], 1], dtype=numpy.float64),
    "array ndmin": lambda x: np.array(x, ndmin=3),
    "array of an array": lambda x: np.array(x),
    "asarray": lambda x: np.asarray([x[0], x[1]]),
    "full": lambda x: np.full((2, 3), x),
    "full scalar": lambda x: np.full(4, x[0]),
    "full_like": lambda x: np.full_like(numpy.zeros((2, 3)), x[0]),
    "sum of a list": lambda x: np.sum([x[0], x[1] ** 2, 3.0]),
    "mean of a list": lambda x: np.mean([x, 2 * x], axis=0),
    "max of a list": lambda x: np.max([x[0], 1.0]),
    "dot of lists": lambda x: np.dot([x[0], x[1]], [1.0, 2.0]),
    "where of a list": lambda x: np.where([True, False], [x[0], x[1]], 0.0),
    "norm of a list": lambda x: np.linalg.norm([x[0], x[1]]),
    "linalg": lambda x: linalg.norm([x[0], x[1]], 1),
    "take at": lambda x: np.take(x, [0, 2]),
    "stack": lambda x: np.stack([x, x]),
    "at": lambda x: np.at(numpy.zeros(3))[1].set(x[0]),
    "constants": lambda x: x * np.pi + np.e * np.float64(2) + np.newaxis if np.newaxis else x * np.pi,
}


@pytest.mark.parametrize("f", BUILT.values(), ids=BUILT.keys())
def test_arrays_of_tracers_are_built_as_numpy_builds_them(f):
    expected = f(V)
    value, pull = pb.vjp(f, V)
    assert_same(value, expected, exact=False)
    assert pull(numpy.ones_like(expected))[0].shape == V.shape
    assert_same(pb.jit(f)(V), expected, exact=False)


def test_a_built_array_has_its_derivative():
    def f(x):
        return (np.array([[x[0], 1.0], [2, x[1] * x[2]]]) ** 2).sum()

    numpy.testing.assert_array_equal(pb.grad(f)(V), [6.0, 2 * -1 * 2 * 2, 2 * -2 * -1])


def test_with_plain_arguments_it_is_numpy():
    assert np.sin is numpy.sin
    assert np.float32 is numpy.float32
    assert np.random is numpy.random
    assert np.linalg.LinAlgError is numpy.linalg.LinAlgError
    for name in numpy.__all__:
        assert hasattr(np, name), name
    for name in numpy.linalg.__all__:
        assert hasattr(np.linalg, name), name
    for name in numpy.fft.__all__:
        assert hasattr(np.fft, name), name
    for f in ("zeros", "ones", "empty", "arange"):
        made = getattr(np, f)(3)
        assert type(made) is numpy.ndarray
        assert made.dtype == getattr(numpy, f)(3).dtype
    numpy.testing.assert_array_equal(np.array([[1, 2], [3, 4]], dtype=float), numpy.array([[1.0, 2], [3, 4]]))
    assert np.sum([1, 2, 3]) == 6
    assert np.linalg.svd(numpy.eye(2)).S.tolist() == [1.0, 1.0]
    assert "einsum" in dir(np)
    with pytest.raises(AttributeError, match="no_such_name"):
        np.no_such_name  # noqa: B018


def test_every_function_of_the_face_is_offered_under_numpys_name():
    for function in FACE:
        if function.__module__.startswith("numpy.lib."):
            continue  # it has its name there
        home = next((getattr(np, part) for part in ("linalg", "fft") if part in function.__module__), np)
        assert hasattr(home, function.__name__), function


def test_no_file_of_the_face_hides_a_name_of_numpys():
    for name in numpy.__all__:
        if name not in ("linalg", *OBJECTS):
            assert type(getattr(np, name)) is type(getattr(numpy, name)) or callable(getattr(np, name)), name


def test_ragged_lists_are_refused_as_by_numpy():
    with pytest.raises(ValueError, match="inhomogeneous shape"):
        pb.grad(lambda x: np.array([x, x[0]]).sum())(V)


def test_plain_numpys_array_of_tracers_says_what_to_import():
    with pytest.raises(errors.DerivativeLost, match=r"import pullback\.numpy as np"):
        pb.grad(lambda x, array=numpy.array: array([x[0], x[1]]).sum())(V)


def test_the_array_namespace_is_the_drop_in():
    def f(x):
        xp = x.__array_namespace__()
        assert xp is np
        assert x.device == "cpu"
        return xp.sum(xp.permute_dims(x, (0,)))

    numpy.testing.assert_array_equal(pb.grad(f)(V), numpy.ones(3))


@pytest.mark.skipif(numpy.lib.NumpyVersion(numpy.__version__) < "2.1.0", reason="reshape's argument had another name")
def test_every_handler_takes_numpys_arguments():
    for function, handler in FACE.items():
        theirs, ours = inspect.signature(function).parameters, inspect.signature(handler).parameters
        if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in ours.values()):
            continue
        for name, p in theirs.items():
            known = p.kind == p.POSITIONAL_ONLY or name in ours
            assert known, f"{function.__name__} lacks {name}="
        positional = [name for name, p in theirs.items() if p.kind == p.POSITIONAL_OR_KEYWORD]
        both = [name for name in ours if name in positional]
        assert both == positional, f"{function.__name__} takes its arguments in another order"
