"""collecting: Python's collector of cycles waits while a Program is made or compiled.

What is made then lives on and holds no cycles, so that the collector would go through all of
it again and again, and find nothing: a third of the time of a long trace.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["collector_waits"]

_lock = threading.Lock()
_waiting = 0


@contextmanager
def collector_waits() -> Iterator[None]:
    """Let the collector wait, if it is on; it goes on when the last thread that asked for it is done."""
    global _waiting
    with _lock:
        begun = _waiting > 0 or gc.isenabled()
        if begun:
            _waiting += 1
            gc.disable()
    try:
        yield
    finally:
        if begun:
            with _lock:
                _waiting -= 1
                if not _waiting:
                    gc.enable()
