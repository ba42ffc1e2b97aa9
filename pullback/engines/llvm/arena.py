"""The arena: one block of memory a call, of which buffers take pieces and give them back."""

from __future__ import annotations

__all__ = ["Arena"]

_ALIGN = 64


class Arena:
    """Offsets into a block; pieces given back are taken again, first fit."""

    def __init__(self) -> None:
        self.size = 0
        self._free: list[tuple[int, int]] = []  # (offset, bytes), sorted

    def take(self, nbytes: int) -> int:
        """Return the offset of a new piece."""
        nbytes = max(-(-nbytes // _ALIGN) * _ALIGN, _ALIGN)
        for i, (offset, have) in enumerate(self._free):
            if have >= nbytes:
                self._free[i] = (offset + nbytes, have - nbytes)
                if have == nbytes:
                    del self._free[i]
                return offset
        offset = self.size
        self.size += nbytes
        return offset

    def give_back(self, offset: int, nbytes: int) -> None:
        """Free a piece, and join it with its neighbours."""
        nbytes = max(-(-nbytes // _ALIGN) * _ALIGN, _ALIGN)
        self._free.append((offset, nbytes))
        self._free.sort()
        joined: list[tuple[int, int]] = []
        for at, size in self._free:
            if joined and sum(joined[-1]) == at:
                joined[-1] = (joined[-1][0], joined[-1][1] + size)
            else:
                joined.append((at, size))
        self._free = joined
