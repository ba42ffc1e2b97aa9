"""C by hand: each file holds a function and its gradient, written out by hand.

They are compiled for comparison only, by ``gcc -O3 -march=native -fno-math-errno``: strict IEEE
arithmetic but for multiplications and additions that gcc contracts, which is its default
for GNU C. `VECTOR` declares glibc's vector versions of ``exp``, ``tanh``, ``sin`` and
``cos`` in addition (libmvec, up to 4 ulp), so that loops over them vectorise, as a C
programmer who knows of it would do.
"""

from __future__ import annotations

import ctypes
import functools
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.timing import Call

HERE = Path(__file__).parent
FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-std=gnu11")
VECTOR = ("-DVECTOR_MATH",)


class NoCompiler(ImportError):
    """There is no gcc, or it cannot build this: the contender is left out."""


@functools.cache
def load(name: str, extra: tuple[str, ...] = ()) -> Any:
    """Return the library built from ``name.c``, built for this machine into a temporary folder, once a run."""
    compiler = shutil.which("gcc")
    if compiler is None:
        raise NoCompiler("there is no gcc")
    libraries = ("-lmvec", "-lm") if extra == VECTOR else ("-lm",)
    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder) / f"{name}.so"
        command = [compiler, *FLAGS, *extra, "-shared", "-fPIC", str(HERE / f"{name}.c"), "-o", str(built), *libraries]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NoCompiler(f"gcc cannot build {name}.c: {done.stderr.strip()[:300]}")
        try:
            return ctypes.CDLL(str(built))  # stays mapped when the file goes
        except OSError as error:
            raise NoCompiler(f"{name}.c was built, and cannot be loaded: {error}") from error


def pointer(a: np.ndarray) -> ctypes.c_void_p:
    """Return the address of a contiguous array; the caller keeps the array alive."""
    assert a.flags.c_contiguous, "C is given contiguous arrays"
    return ctypes.c_void_p(a.ctypes.data)


def contenders(build: Callable[[tuple[str, ...]], Call]) -> dict[str, Callable[[], Call]]:
    """Return two builders of a call: of plain C, and of C with glibc's vector functions."""
    return {"C": lambda: build(()), "C, libmvec": lambda: build(VECTOR)}
