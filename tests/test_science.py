"""Programs as science writes them, in examples/science: plain NumPy that has never heard of pullback."""

from pathlib import Path

import numpy as np
import pytest

import pullback as pb
from benchmarks.science import program

ROOT = Path(__file__).parent.parent
PROGRAMS = sorted((ROOT / "examples" / "science").glob("*.py"))
PAGE = ROOT / "docs" / "your-numpy-code.md"


def along(f, x, args, direction):
    """Derivative of f along a direction by central differences, extrapolated once (Richardson)."""

    def slope(h):
        return (f(x + h * direction, *args) - f(x - h * direction, *args)) / (2 * h)

    return (4 * slope(5e-5) - slope(1e-4)) / 3


@pytest.mark.parametrize("path", PROGRAMS, ids=[path.stem for path in PROGRAMS])
@pytest.mark.parametrize("way", ["eager", "compiled"])
def test_the_gradient_of_the_program_is_that_of_differences(path, way, rng):
    _, f, (x, *args), _ = program(path.stem)
    given = [np.copy(a) for a in (x, *args)]
    gradient = pb.jit(pb.grad(f)) if way == "compiled" else pb.grad(f)
    found = np.asarray(gradient(x, *args))
    for _ in range(2):
        direction = np.asarray(rng.normal(size=np.shape(x)))
        expected = along(f, x, args, direction)
        np.testing.assert_allclose(np.sum(found * direction), expected, rtol=1e-6, atol=1e-8 * abs(f(x, *args)))
    for before, after in zip(given, (x, *args), strict=True):
        np.testing.assert_array_equal(before, after)  # whatever the program writes to, it is not the caller's


@pytest.mark.parametrize("path", PROGRAMS, ids=[path.stem for path in PROGRAMS])
def test_the_program_knows_nothing_of_pullback_and_the_page_shows_it(path):
    _, f, _, shown = program(path.stem)
    assert "pullback" not in path.read_text(encoding="utf-8")
    assert shown in PAGE.read_text(encoding="utf-8")
    assert f.__doc__
