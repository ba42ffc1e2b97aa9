"""What the tests of elementwise primitives share: derivatives by the rule itself, and by whole passes."""

import numpy as np

from pullback.primitives.shaping import broadcast
from pullback.transforms.jvp import JvpRecorder
from pullback.transforms.linearize import LinearizeRecorder


def slope(primitive, *operands, by=0, **params):
    """Return the derivative by operand `by`, elementwise, as the jvp rule gives it on plain values."""
    with np.errstate(all="ignore"):
        result = primitive(*operands, **params)
        tangents = tuple(np.ones_like(x) if i == by else None for i, x in enumerate(operands))
        found = primitive.jvp(operands, result, tangents, **params)
    return np.zeros_like(result) if found is None else found


def reverse(f):
    """Return the derivative of an elementwise `f`, in reverse mode; it nests."""

    def derivative(x):
        recorder = LinearizeRecorder()
        with np.errstate(all="ignore"):
            y = f(recorder.input(x))
        node = recorder.node(y)
        recorder.close()
        ones = broadcast(1.0, shape=np.shape(x))
        (u,) = recorder.tape.pull([node], [ones], 1) if node is not None else (None,)
        return broadcast(0.0, shape=np.shape(x)) if u is None else u

    return derivative


def forward(f):
    """Return the derivative of an elementwise `f`, in forward mode; it nests."""

    def derivative(x):
        recorder = JvpRecorder()
        with np.errstate(all="ignore"):
            y = f(recorder.input(x, broadcast(1.0, shape=np.shape(x))))
        v = recorder.tangent(y)
        recorder.close()
        return broadcast(0.0, shape=np.shape(x)) if v is None else v

    return derivative
