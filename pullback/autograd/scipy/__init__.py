"""``pullback.autograd.scipy``: the few functions that are there (`special`, `stats.norm`); the rest says so."""

from __future__ import annotations

from typing import Any

from .missing import not_there


def __getattr__(name: str) -> Any:
    raise not_there("scipy", name)
