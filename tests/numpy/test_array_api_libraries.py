"""Libraries that take arrays of any kind are differentiable through: SciPy, array-api-extra, einops, opt_einsum."""

import json
import os
import pathlib
import subprocess
import sys
import threading
import types

import numpy as np
import pytest

import pullback as pb
import pullback.numpy as xp
from pullback.core.errors import NoValue
from pullback.numpy import consumers
from tests.numpy.scipy_array_api import REFUSED, difference, lines, wrong

_rng = np.random.default_rng(11)
X, W, V = (_rng.uniform(0.2, 0.8, size=(4, 6)) for _ in range(3))

TRANSFORMS = {
    "eager": lambda f: f,
    "jit": pb.jit,
    "vmap": lambda f: lambda x: pb.vmap(f)(xp.stack([x, x + 0.01]))[0],
}


def check(f, how):
    """The gradient agrees with differences, and the value with the plain one."""
    assert wrong(f, X, V, TRANSFORMS[how]) == ""
    np.testing.assert_allclose(TRANSFORMS[how](f)(X), f(X), rtol=1e-12)


def test_none_of_them_is_imported_by_pullback():
    libraries = {"array_api_compat", "array_api_extra", "array_api_strict", "einops", "opt_einsum", "scipy"}
    code = f"import sys, pullback; print({libraries} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"


def test_another_version_of_a_library_is_left_alone():
    another = types.SimpleNamespace(name="without what is looked for")
    for tell in (consumers._tell_einops, consumers._tell_compat, consumers._tell_scipy):
        assert tell(another) is False
    assert vars(another) == {"name": "without what is looked for"}


def test_scipy_finds_the_special_functions_in_the_namespace():
    assert xp.special is pb.scipy.special


# array-api-compat ---------------------------------------------------------------------------------


def test_array_api_compat_takes_tracers_for_arrays():
    compat = pytest.importorskip("array_api_compat")

    def f(x):
        assert compat.is_array_api_obj(x)
        assert not compat.is_numpy_array(x)
        assert not compat.is_jax_array(x)
        assert compat.is_writeable_array(x)
        assert compat.array_namespace(x) is xp
        assert compat.array_namespace(x, x * 2, 1.0, None) is xp
        assert compat.device(x) == "cpu"
        assert compat.to_device(x, "cpu") is x
        assert compat.size(x) == 24
        return compat.array_namespace(x).sum(x**2)

    np.testing.assert_allclose(pb.grad(f)(X), 2 * X)
    np.testing.assert_allclose(pb.grad(pb.jit(f))(X), 2 * X)


def test_a_plain_array_beside_a_tracer_is_of_its_namespace():
    compat = pytest.importorskip("array_api_compat")

    def f(x):
        assert compat.array_namespace(x, W) is xp
        assert compat.array_namespace(W, x, np.float64(1.0)) is xp
        y = np.zeros(3)
        y[0] = x[0, 0]
        assert compat.array_namespace(y) is xp
        others = []
        thread = threading.Thread(target=lambda: others.append(compat.array_namespace(W).__name__))
        thread.start()
        thread.join()
        assert others == ["array_api_compat.numpy"]  # in another thread nothing is differentiated
        return x[0, 0]

    pb.grad(f)(X)
    assert compat.array_namespace(W).__name__ == "array_api_compat.numpy"


def test_what_has_no_value_is_said_to_be_lazy():
    compat = pytest.importorskip("array_api_compat")
    seen = []
    for transform in (pb.grad, pb.jit, pb.vmap):
        transform(lambda x: seen.append(compat.is_lazy_array(x)) or xp.sum(x))(X)
    assert seen == [False, True, True]


# array-api-extra ----------------------------------------------------------------------------------


EXTRA = {
    "atleast_nd": lambda xpx, x: xpx.atleast_nd(x, ndim=3),
    "apply_where": lambda xpx, x: xpx.apply_where(x > 0.5, (x, W), lambda x, w: x * w, lambda x, w: x**2 - w),
    "apply_where with a value": lambda xpx, x: xpx.apply_where(x > 0.5, (x,), xp.log, fill_value=0.0),
    "at add": lambda xpx, x: xpx.at(x * 1, 0).add(x[1] ** 2),
    "at multiply": lambda xpx, x: xpx.at(x * 1)[:, 1:3].multiply(x[:, :2]),
    "at set": lambda xpx, x: xpx.at(x * 1)[0].set(2.0) * x,
    "at set of a copy": lambda xpx, x: xpx.at(x, (slice(None), 1)).set(x[:, 0] ** 2, copy=True) * x,
    "at set where": lambda xpx, x: xpx.at(x * 1, x > 0.5).set(0.0),
    "at set in zeros": lambda xpx, x: xpx.at(xp.zeros(5), slice(1, 4)).set(x[0, :3] ** 2),
    "cov": lambda xpx, x: xpx.cov(x),
    "create_diagonal": lambda xpx, x: xpx.create_diagonal(x[0]) @ x[1],
    "expand_dims": lambda xpx, x: xpx.expand_dims(x, axis=(0, 2)),
    "isclose": lambda xpx, x: xpx.isclose(x, x + 1e-12) * x,
    "kron": lambda xpx, x: xpx.kron(x, W),
    "nunique": lambda xpx, x: xpx.nunique(x > 0.5) * x,
    "one_hot": lambda xpx, x: xpx.one_hot(xp.asarray([0, 2, 1]), 3) * x[0, 0],
    "pad": lambda xpx, x: xpx.pad(x, 1, constant_values=2.0),
    "sinc": lambda xpx, x: xpx.sinc(x),
}


@pytest.mark.filterwarnings("ignore:.xpx:DeprecationWarning")  # what came into the standard after 2024.12
@pytest.mark.parametrize("how", TRANSFORMS)
@pytest.mark.parametrize("name", EXTRA)
def test_array_api_extra_is_differentiable_through(name, how):
    xpx = pytest.importorskip("array_api_extra")
    if not hasattr(xpx, name.split()[0]):
        pytest.skip("another version")
    check(lambda x: EXTRA[name](xpx, x), how)


def test_sets_of_array_api_extra_keep_the_derivative_of_what_they_pick():
    xpx = pytest.importorskip("array_api_extra")
    check(lambda x: xpx.setdiff1d(x[0], x[1]), "eager")
    with pytest.raises(NoValue):
        pb.jit(lambda x: xpx.setdiff1d(x[0], x[1]))(X)


# einops -------------------------------------------------------------------------------------------


EINOPS = {
    "einsum": lambda einops, x: einops.einsum(x, W, x, "a b, c b, c d -> a d"),
    "pack": lambda einops, x: einops.pack([x, x[0] ** 2], "* b")[0],
    "parse_shape": lambda einops, x: x * einops.parse_shape(x, "a b")["b"],
    "rearrange": lambda einops, x: einops.rearrange(x, "(a b) c -> b (c a)", a=2),
    "rearrange a list": lambda einops, x: einops.rearrange([x, W, x**2], "l a b -> a l b"),
    "reduce by a function": lambda einops, x: einops.reduce(x, "a b -> b", lambda y, axes: xp.sum(y**2, axis=axes)),
    "reduce by max": lambda einops, x: einops.reduce(x, "a (b c) -> b", "max", c=2),
    "reduce by mean": lambda einops, x: einops.reduce(x, "(a b) c -> b 1", "mean", a=2),
    "reduce by prod": lambda einops, x: einops.reduce(x, "a b -> b", "prod"),
    "reduce by sum": lambda einops, x: einops.reduce(x, "a b -> ", "sum"),
    "repeat": lambda einops, x: einops.repeat(x, "a b -> a (b r)", r=3),
    "unpack": lambda einops, x: einops.unpack(x, [[2], [1, 2]], "* b")[1],
}


@pytest.mark.parametrize("how", TRANSFORMS)
@pytest.mark.parametrize("name", EINOPS)
def test_einops_is_differentiable_through(name, how):
    einops = pytest.importorskip("einops")
    check(lambda x: EINOPS[name](einops, x), how)


@pytest.mark.parametrize(
    "name", [name for name in EINOPS if name.split()[0] in ("pack", "rearrange", "repeat", "unpack")]
)
def test_einops_for_the_array_api_is_differentiable_through(name):
    einops = pytest.importorskip("einops.array_api")
    check(lambda x: EINOPS[name](einops, x), "eager")
    check(lambda x: EINOPS[name](einops, x), "jit")


def test_einops_takes_plain_arrays_as_before():
    einops = pytest.importorskip("einops")
    pb.grad(lambda x: einops.reduce(x, "a b -> ", "sum"))(X)
    assert type(einops.rearrange(X, "a b -> b a")) is np.ndarray
    assert repr(einops._backends.get_backend(X)) == "<einops backend for numpy>"


# opt_einsum ---------------------------------------------------------------------------------------


OPT_EINSUM = {
    "chain": lambda oe, x: oe.contract("ij,kj,kl->il", x, W, x),
    "constants": lambda oe, x: oe.contract_expression("ij,jk->ik", W, (6, 4), constants=[0])(x.T),
    "expression": lambda oe, x: oe.contract_expression("ij,jk,kl->il", (4, 6), (6, 4), (4, 6))(x, x.T, x),
    "greedy": lambda oe, x: oe.contract("ij,ij,j->i", W, x, x[0], optimize="greedy"),
    "interleaved": lambda oe, x: oe.contract(x, [0, 1], x, [2, 1], [0, 2]),
    "trace": lambda oe, x: oe.contract("ii->", x[:, :4]),
}


@pytest.mark.parametrize("how", TRANSFORMS)
@pytest.mark.parametrize("name", OPT_EINSUM)
def test_opt_einsum_is_differentiable_through(name, how):
    oe = pytest.importorskip("opt_einsum")
    check(lambda x: OPT_EINSUM[name](oe, x), how)


# SciPy --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_scipy_under_its_array_api_is_differentiable_through():
    script = pathlib.Path(__file__).with_name("scipy_array_api.py")
    root = script.parents[2]
    # What jit traces is in question here, and not how it is compiled.
    own = {"SCIPY_ARRAY_API": "1", "PULLBACK_ENGINE": "numpy", "PYTHONPATH": str(root)}
    environment = {**os.environ, **own}
    ran = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, env=environment, check=False, cwd=root
    )
    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stdout.splitlines()[-1])
    assert len(report) > 150
    assert not {name: what for name, what in report.items() if what}
    assert set(lines(REFUSED)) <= set(report)


def test_the_differences_of_these_tests_see_a_wrong_gradient():
    stuck = pb.custom_vjp(lambda x: x**2)
    stuck.defvjp(lambda x: (x**2, x), lambda x, u: (u * x,))  # 2 is missing
    assert "where differences say" in wrong(stuck, X, V, lambda f: f)
    assert (
        abs(difference(lambda x: x**3, X, V) - np.sum(3 * X**2 * V * np.cos(np.arange(1.0, 25.0)).reshape(4, 6))) < 1e-7
    )
