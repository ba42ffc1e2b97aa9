"""What the tests of primitives on whole arrays share: gradients and tangents, through whole passes."""

import numpy as np

from pullback.primitives.shaping import broadcast
from pullback.transforms.jvp import JvpRecorder
from pullback.transforms.linearize import LinearizeRecorder


def gradient(f):
    """Return the gradient of an `f` with one result, in reverse mode; it nests."""

    def derivative(x):
        recorder = LinearizeRecorder()
        with np.errstate(all="ignore"):
            y = f(recorder.input(x))
        node = recorder.node(y)
        recorder.close()
        (u,) = recorder.tape.pull([node], [1.0], 1) if node is not None else (None,)
        return broadcast(0.0, shape=np.shape(x)) if u is None else u

    return derivative


def tangent(f, x, v):
    """Return the tangent of ``f(x)`` along v, in forward mode."""
    recorder = JvpRecorder()
    with np.errstate(all="ignore"):
        y = f(recorder.input(x, v))
    recorder.close()
    return recorder.tangent(y)
