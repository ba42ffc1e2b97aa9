"""autograd.numpy.numpy_boxes: what code asks with ``isinstance(x, ArrayBox)``."""

from pullback.core.tracer import Tracer as ArrayBox

__all__ = ["ArrayBox"]
