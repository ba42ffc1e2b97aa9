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


def bind(function: Any, *values: Any, result: Any = ctypes.c_double) -> Callable[[], Any]:
    """Return a call of a C function, of ints as int, floats as double and arrays by their address.

    The call keeps the arrays alive: those that it reads, that it writes, and that it works in.
    """
    given = []
    for value in values:
        if isinstance(value, np.ndarray):
            assert value.flags.c_contiguous, "C is given contiguous arrays"
            assert value.dtype == np.float64, "C is given doubles"
            given.append(ctypes.c_void_p(value.ctypes.data))
        else:
            given.append(ctypes.c_int(value) if isinstance(value, int) else ctypes.c_double(value))
    function.restype = result

    def call(_keep: Any = values) -> Any:
        return function(*given)

    return call


def contenders(build: Callable[[tuple[str, ...]], Call]) -> dict[str, Callable[[], Call]]:
    """Return two builders of a call: of plain C, and of C with glibc's vector functions."""
    return {"C": lambda: build(()), "C, libmvec": lambda: build(VECTOR)}
