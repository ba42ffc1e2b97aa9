"""Libraries that compiled functions have in common."""

import numpy as np
import pytest

import pullback as pb

pytest.importorskip("llvmlite")
from pullback.engines.llvm import native
from pullback.engines.llvm.math import declares

from .native import Compiled

FAR = np.array([1e30, 3.0, -1e22, np.inf, 0.0, -0.0, np.nan, 5.0, 1e6, 1e17, 2.0, 3.3] * 3)


def compiled(f, *xs):
    return Compiled(pb.trace(f)(*xs))


def test_a_function_only_declares_what_rescues_it():
    for dtype, short in ((np.float64, "f64"), (np.float32, "f32")):
        made = compiled(lambda x: np.sin(x) * x**x, FAR.astype(dtype))
        assert declares(made.text) == {("trigonometric", short), ("pow", short)}
        assert "two_over_pi" not in made.text


def test_a_library_is_compiled_once(monkeypatch, tmp_path):
    monkeypatch.setenv("PULLBACK_CACHE_DIR", str(tmp_path))
    compiled(np.sin, FAR)
    optimised, made = native._optimised, []
    monkeypatch.setattr(native, "_optimised", lambda text, *rest: made.append(text) or optimised(text, *rest))
    compiled(lambda x: np.tan(x) + np.cos(x) + 0.125, FAR)
    assert len(made) == 1


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("f", [np.sin, np.cos, np.tan])
def test_arguments_that_are_far_out_come_out_right_in_loops_and_alone(f, dtype):
    x = FAR.astype(dtype)
    with np.errstate(all="ignore"):
        exact = f(x.astype(np.float64)).astype(dtype)
    (found,) = compiled(f, x)(x)
    alone = compiled(f, x[0])
    for y in (found, [alone(v)[0] for v in x]):
        np.testing.assert_allclose(y, exact, rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_powers_of_all_signs_come_out_right_in_loops_and_alone(dtype):
    x = np.array([-2.0, 0.0, -0.0, 3.0, np.inf, -np.inf, np.nan, 1.0, 1e-310, 0.5, -1.5], dtype).repeat(5)
    y = np.tile(np.array([3.0, -3.0, 2.0, 0.5, -2.5], dtype), 11)
    with np.errstate(all="ignore"):
        expected = x**y
    (found,) = compiled(np.power, x, y)(x, y)
    alone = compiled(np.power, x[0], y[0])
    for z in (found, [alone(a, b)[0] for a, b in zip(x, y, strict=True)]):
        np.testing.assert_allclose(z, expected, rtol=4 * np.finfo(dtype).eps)
