"""``pullback.autograd.scipy.stats``: norm."""

from __future__ import annotations

from typing import Any

from pullback.autograd.scipy.missing import not_there

from . import norm as norm


def __getattr__(name: str) -> Any:
    raise not_there("scipy.stats", name)
