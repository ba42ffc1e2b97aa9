"""shared: what compiled functions call by name, compiled once a process and never freed.

The rescues of sin, cos, tan and pow (`math/rescues.py`) take longer to compile than most
functions that call them. The first function that needs a library compiles it, or finds it in the object cache.
"""

from __future__ import annotations

from functools import cache

from .math import declares, library
from .native import Library, build_once, has_fma

__all__ = ["symbols"]


def symbols(text: str) -> dict[str, int]:
    """Return the addresses of what a module declares and a library of ours defines."""
    found: dict[str, int] = {}
    for name, dtype in sorted(declares(text)):
        found |= _compiled(name, dtype).addresses
    return found


@cache
def _compiled(name: str, dtype: str) -> Library:
    text, exported = library(name, dtype, schedule="estrin", fma=has_fma())
    return build_once(text, {}, *exported)
