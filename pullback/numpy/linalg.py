"""The drop-in for ``numpy.linalg``: what has a handler, and NumPy's own for the rest."""

from __future__ import annotations

from typing import Any

import numpy as _np

from .dropin import linalg_attributes

globals().update(linalg_attributes)


def __getattr__(name: str) -> Any:
    return getattr(_np.linalg, name)


def __dir__() -> list[str]:
    return dir(_np.linalg)
