"""``pullback.autograd.scipy.special``: `pullback.scipy.special`, under the name that autograd gave it."""

from __future__ import annotations

from typing import Any

from pullback.scipy import special as _special

from .missing import not_there


def __getattr__(name: str) -> Any:
    try:
        return getattr(_special, name)
    except AttributeError:
        raise not_there("scipy.special", name) from None


def __dir__() -> list[str]:
    return dir(_special)
