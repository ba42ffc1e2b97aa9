"""What the tests of calls share: functions with quick calls, and comparisons."""

import os
import subprocess
import sys
from collections import namedtuple
from pathlib import Path
from types import BuiltinFunctionType

import numpy as np
import pytest

import pullback as pb

pytest.importorskip("llvmlite")
from pullback.engines.llvm import objects

__all__ = ["Pair", "X", "by_python", "is_quick", "natively", "needs_quick", "quick", "run_script", "same_tree"]

X = np.linspace(0.1, 0.9, 6)
Pair = namedtuple("Pair", "first second")
needs_quick = pytest.mark.skipif(not objects.fits(), reason="objects lie elsewhere in memory")


SETTINGS = "PULLBACK_ENGINE", "PULLBACK_CHECK", "PULLBACK_CALLS", "PULLBACK_LOG"


@pytest.fixture(autouse=True)
def natively(monkeypatch):
    """Have the test run native code, whatever the suite runs on."""
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)


def is_quick(f):
    return isinstance(f.__call__, BuiltinFunctionType)


def quick(f, *args, **options):
    """Return f jitted, with quick calls for such arguments."""
    g = pb.jit(f, **options)
    for _ in range(2):
        g(*args)
    assert is_quick(g)
    return g


def by_python(g):
    """Return the function that answers what quick calls do not."""
    return g._fallback


def same_tree(a, b):
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert list(a) == list(b)
        for k in a:
            same_tree(a[k], b[k])
    elif isinstance(a, tuple | list):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same_tree(x, y)
    elif isinstance(a, np.ndarray | np.generic):
        assert a.dtype is b.dtype or a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    else:
        assert a == b


def run_script(code, **environment):
    """Run a program in a process of its own."""
    clean = {k: v for k, v in os.environ.items() if k not in SETTINGS}
    root = Path(__file__).parents[2]
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=root,
        env={**clean, **environment},
        timeout=120,
    )
