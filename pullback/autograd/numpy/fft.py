"""``pullback.autograd.numpy.fft``: the drop-in's own."""

from __future__ import annotations

from typing import Any

import pullback.numpy.fft as _face


def __getattr__(name: str) -> Any:
    return getattr(_face, name)


def __dir__() -> list[str]:
    return dir(_face)
