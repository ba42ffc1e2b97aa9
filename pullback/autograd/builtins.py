"""The built-ins that autograd had to wrap. Containers are pytrees in pullback, so Python's own serve."""

from builtins import dict, isinstance, list, tuple, type  # noqa: UP029 (code imports them from here)

__all__ = ["dict", "isinstance", "list", "tuple", "type"]
