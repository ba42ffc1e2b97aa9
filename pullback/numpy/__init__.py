"""NumPy, of Tracers: ``import pullback.numpy as np`` is a drop-in, and ``import numpy as np`` works too.

NumPy hands every function and operator that meets a Tracer to the handlers in this folder.
What it cannot hand over (``np.array`` of Tracers, ``np.full`` with one, functions of lists that
hold Tracers) is here under NumPy's names; with plain arguments all of it is NumPy itself.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as _np

from . import array_api as _array_api
from . import fft as fft
from . import instead as _instead  # noqa: F401 (fills the table of what to write instead)
from . import linalg as linalg
from .dropin import attributes
from .plain import plain_numpy as plain_numpy
from .updates import at as at

globals().update(attributes)
globals().update(_array_api.ATTRIBUTES)
_array_api.namespace[0] = sys.modules[__name__]


def __getattr__(name: str) -> Any:
    return _array_api.extensions[name] if name in _array_api.extensions else getattr(_np, name)


def __dir__() -> list[str]:
    return [*dir(_np), "at", "plain_numpy"]
