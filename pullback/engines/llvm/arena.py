"""The arena: one block of memory a call, of which buffers take pieces and give them back."""

from __future__ import annotations

__all__ = ["Arena", "Slots"]

_ALIGN = 64


class Arena:
    """Offsets into a block; pieces given back are taken again, first fit."""

    ON_STACK = 64  # elements: of as many, a value is no piece of the block, but a slot of the stack

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


class Slots(Arena):
    """An arena whose layout is for later: an offset stands for the number of a piece, whose size may be a formula.

    A piece given back is taken again for the same size only: which of two sizes is greater is not known.

    Attributes
    ----------
    sizes : list of int
        Bytes of each piece.
    """

    ON_STACK = 16  # so that few lengths are too short for the code of the others
    FIRST, MOST = 10**12, 10**12  # what is written for the piece 0, so that it is no other number of a text

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []
        self._returned: list[int] = []

    def take(self, nbytes: int) -> int:
        """Return what stands for the offset of a new piece."""
        for i in self._returned:
            if self.sizes[i] == nbytes:
                self._returned.remove(i)
                return self.FIRST + i
        self.sizes.append(nbytes)
        return self.FIRST + len(self.sizes) - 1

    def give_back(self, offset: int, nbytes: int) -> None:
        """Free a piece."""
        self._returned.append(offset - self.FIRST)

    @staticmethod
    def laid_out(sizes: list[int]) -> tuple[list[int], int]:
        """Return the offset of each piece, and the bytes of all."""
        offsets, total = [], 0
        for n in sizes:
            offsets.append(total)
            total += max(-(-n // _ALIGN) * _ALIGN, _ALIGN)
        return offsets, total
