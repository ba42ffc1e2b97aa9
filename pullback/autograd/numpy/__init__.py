"""``import pullback.autograd.numpy as np``: the drop-in `pullback.numpy`, under the name that autograd gives it."""

from __future__ import annotations

from typing import Any

import pullback.numpy as _face

from . import fft as fft
from . import linalg as linalg
from . import numpy_boxes as numpy_boxes
from . import random as random


def __getattr__(name: str) -> Any:
    return getattr(_face, name)


def __dir__() -> list[str]:
    return dir(_face)
