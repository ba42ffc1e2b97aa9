"""The drop-in for ``numpy.fft``: what has a handler, and NumPy's own for the rest."""

from __future__ import annotations

from typing import Any

import numpy as _np

from .array_api import fftfreq as fftfreq
from .array_api import rfftfreq as rfftfreq
from .dropin import fft_attributes

globals().update(fft_attributes)


def __getattr__(name: str) -> Any:
    return getattr(_np.fft, name)


def __dir__() -> list[str]:
    return dir(_np.fft)
