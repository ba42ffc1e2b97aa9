"""Libraries that decide by an array's class what it is: each is told about Tracers once it has been imported.

Nothing here imports another library. `meet` is called with every outermost call of a transformed function, where
Tracers begin to live; it looks only when modules have been imported since. Those known:

- `einops` picks a backend by class, and finds it among the subclasses of its abstract one: it gets NumPy's, for
  Tracers.
- `array_api_compat` (alone, or as SciPy and others carry it with them) asks arrays for their namespace, but says of
  its own what that of an ndarray is, and refuses two namespaces in one call. Inside a transformed function an ndarray
  is a constant beside Tracers, and its namespace is theirs: `pullback.numpy`, which is NumPy's superset. SciPy
  looks at classes before it asks; a buffer that a Tracer has been written into (`buffers.Held`) must not pass as
  an ndarray there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from pullback.core.tracer import Tracer
from pullback.core.views import running

from .array_api import namespace
from .buffers import Held

__all__ = ["meet"]

_met: set[str] = set()  # modules that know of us
_seen = 0  # how many modules there were when we looked


def meet() -> None:
    """Tell the libraries that have been imported since the last call about Tracers."""
    global _seen
    if len(sys.modules) == _seen:
        return
    _seen = len(sys.modules)
    for name in list(sys.modules):
        tell = _tell.get(name) or (_tell_compat if name.endswith(_COMPAT) else None)
        if tell is not None and name not in _met and tell(sys.modules[name]):
            _met.add(name)


def _tell_einops(backends: Any) -> bool:
    numpys = getattr(backends, "NumpyBackend", None)
    if numpys is None:  # another version, or another thread is importing it
        return False

    class PullbackBackend(numpys):
        """NumPy's backend: NumPy's functions take Tracers."""

        framework_name = "pullback"

        def is_appropriate_type(self, tensor: Any) -> bool:
            return type(tensor) is Tracer

    _kept.append(PullbackBackend)
    return True


_kept: list[type] = []  # a class remembers its subclasses weakly


def _tell_compat(helpers: Any) -> bool:
    original = getattr(helpers, "_cls_to_namespace", None)
    if original is None:  # another version: of an ndarray beside a Tracer it raises its TypeError
        return False

    def class_to_namespace(cls: type, api_version: Any, use_compat: Any) -> Any:
        if running.get() is not None and not use_compat and issubclass(cls, np.ndarray | np.generic):
            return namespace[0], None
        return original(cls, api_version, use_compat)

    helpers._cls_to_namespace = class_to_namespace
    return True


def _tell_scipy(override: Any) -> bool:
    original, kinds = (getattr(override, name, None) for name in ("_validate_array_cls", "_ArrayClsInfo"))
    if original is None or kinds is None:
        return False

    def validate_array_class(cls: type) -> Any:
        return kinds.unknown if cls is Held else original(cls)  # it will ask for its namespace

    override._validate_array_cls = validate_array_class
    return True


_tell: dict[str, Callable[[Any], bool]] = {
    "einops._backends": _tell_einops,
    "scipy._lib._array_api_override": _tell_scipy,
}
_COMPAT = "array_api_compat.common._helpers"
