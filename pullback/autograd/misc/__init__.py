"""autograd.misc: `flatten`, and the optimisers."""

from .flatten import flatten, flatten_func

__all__ = ["flatten", "flatten_func"]
