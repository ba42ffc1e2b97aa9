"""``pullback.autograd.scipy``: `special`, and of the rest `stats.norm`; what is not there says so."""

from __future__ import annotations

from typing import Any

from .missing import not_there


def __getattr__(name: str) -> Any:
    raise not_there("scipy", name)
