"""``pullback.autograd.numpy.linalg``: the drop-in's own."""

from __future__ import annotations

from typing import Any

import pullback.numpy.linalg as _face


def __getattr__(name: str) -> Any:
    return getattr(_face, name)


def __dir__() -> list[str]:
    return dir(_face)
