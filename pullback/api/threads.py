"""set_threads: how many threads large loops of compiled functions may take."""

from __future__ import annotations

from typing import Any

from pullback.core.errors import ArgumentError
from pullback.core.source import here
from pullback.engines import threads

__all__ = ["checked", "set_threads"]


def set_threads(n: int) -> int:
    """Let large loops of compiled functions take n threads, from the next call on, in all Python threads.

    What loops give does not depend on n: they are cut into pieces by their size, and what the pieces have summed is
    added up in their order, whoever has run them. Large products of matrices are cut by n; BLAS may then add up some
    elements in another order. What is not large runs as before, on the thread that has called.

    Parameters
    ----------
    n : int
        Threads, the one that calls among them; at the beginning what ``PULLBACK_THREADS`` says in the environment,
        or 1. More than 64 are 64. ``jit(f, threads=n)`` is for one function, whatever is said here.

    Returns
    -------
    int
        The number before.

    Raises
    ------
    ArgumentError
        If n is not an integer, or less than 1.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> f = pb.jit(lambda x: np.sum(np.sin(x)))
    >>> x = np.linspace(0.0, 1.0, 1_000_000)
    >>> one = f(x)
    >>> before = pb.set_threads(2)
    >>> bool(f(x) == one)
    True
    >>> pb.set_threads(before)
    2
    """
    before = threads.number()
    threads.set_number(checked(n, "set_threads(n)"))
    return before


def checked(n: Any, what: str) -> int:
    """Return a number of threads; raise ArgumentError where it is none."""
    if not isinstance(n, int) or isinstance(n, bool) or n < 1:
        raise ArgumentError(
            f"{what} with n = {n!r}",
            where=here(),
            why="a number of threads is an integer, 1 or more",
            fix="1 for the calling thread alone; os.cpu_count() for all processors",
        )
    return n
