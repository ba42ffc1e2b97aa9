"""interning: one object for each key, the least recently used forgotten; and making a thing once, whoever asks first.

Neither takes a lock for longer than a dict operation does, but for `made_once`, whose locks
are one for each thing that is being made. What is made out of Programs is made out of smaller
ones, never in a ring, so that waiting for it cannot go around in a ring either; and a thread
never waits for itself.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable
from typing import Any

__all__ = ["Recent", "made_once"]

_making: dict[tuple[int, Any], threading.RLock] = {}

if hasattr(os, "register_at_fork"):  # in a child, the threads that were making something are gone
    os.register_at_fork(after_in_child=_making.clear)


def made_once(owner: Any, table: dict[Any, Any], key: Any, make: Callable[[], Any]) -> Any:
    """Return ``table[key]``, made first if it is not there; who asks for it meanwhile waits.

    Parameters
    ----------
    owner : object
        To whom the table belongs; it tells equal keys of two tables apart.
    """
    lock = _making.setdefault((id(owner), key), threading.RLock())
    with lock:
        try:
            if key not in table:
                table[key] = make()
            return table[key]
        finally:
            _making.pop((id(owner), key), None)  # who waits has the lock in hand; who comes later finds the entry


class Recent:
    """A table of objects of at most a total weight: beyond it, what was not asked for longest is forgotten.

    What is forgotten lives on where it is used.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._entries: dict[Any, _Entry] = {}
        self._clock = itertools.count()
        self._weight = 0  # about: two threads that add at once may count one

    def __len__(self) -> int:
        return len(self._entries)

    def one(self, key: Any, value: Any) -> Any:
        """Return the object of a key: this one, if there is none yet."""
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries.setdefault(key, _Entry(value))
            entry.used = next(self._clock)  # before room is made: it is not the oldest
            self._add(1)
        entry.used = next(self._clock)
        return entry.value

    def weigh(self, key: Any, weight: int) -> None:
        """Note that the object of a key weighs more than 1, if it is there."""
        entry = self._entries.get(key)
        if entry is not None:
            more, entry.weight = weight - entry.weight, weight
            entry.used = next(self._clock)
            self._add(more)

    def _add(self, weight: int) -> None:
        self._weight += weight
        if self._weight > self.most:
            self._forget()

    def _forget(self) -> None:
        """Forget the oldest quarter."""
        entries = sorted(list(self._entries.items()), key=lambda item: item[1].used)  # noqa: C414 (one step: no race)
        self._weight = sum(entry.weight for _, entry in entries)
        for key, entry in entries[:-1]:
            if self._weight <= self.most * 3 // 4:
                break
            if self._entries.pop(key, None) is not None:
                self._weight -= entry.weight


class _Entry:
    __slots__ = ("used", "value", "weight")

    def __init__(self, value: Any) -> None:
        self.value, self.weight, self.used = value, 1, 0
