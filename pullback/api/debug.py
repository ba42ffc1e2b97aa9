"""debug_nans: find the operation and the line where a derivative first makes a NaN."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pullback.transforms.nans import NaNChecker, searching

__all__ = ["debug_nans"]


@contextmanager
def debug_nans(on: bool = True) -> Iterator[None]:
    """Raise NaNError where a derivative first makes a NaN out of numbers, inside this block.

    The message names the operation and its line, in the backward pass (grad, vjp, jacrev, under
    vmap too) and in forward mode (jvp, linearize, jacfwd, hessian).

    Notes
    -----
    Slower, since every step is looked at. In the block a function under `jit` runs as it is
    written, and loops, branches and checkpointed functions that are being differentiated are
    taken apart, turn by turn, so that the operation inside is named. What stays whole is a custom
    rule, a branch or a loop whose course depends on the lane under `vmap`, and a loop whose
    body itself takes derivatives: there write the loop in Python while you search.

    A NaN that the function's own values hold is no error by itself (``np.where`` may cut it
    out); one that reaches a derivative is reported as such.

    Examples
    --------
    >>> import numpy as np, pullback as pb
    >>> with pb.debug_nans():
    ...     pb.grad(lambda x: np.sqrt(x) ** 2)(0.0)
    Traceback (most recent call last):
    pullback.core.errors.NaNError: the backward pass of sqrt made a NaN out of a cotangent of float64[]
      where: ...
      why:   a cotangent of 0 met an infinite derivative: 0 * inf is NaN
      fix:   keep the point out with a double where: np.where(ok, f(np.where(ok, x, 1.0)), 0.0)
    """
    token = searching.set(NaNChecker() if on else None)
    try:
        yield
    finally:
        searching.reset(token)
