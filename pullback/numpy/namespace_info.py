"""``__array_namespace_info__`` of the Python array API standard: what the namespace has, and what it can do.

Source: https://data-apis.org/array-api/2024.12/API_specification/inspection.html
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.core.tracer import floor
from pullback.transforms.vmap import mapping

from .arguments import check_device

__all__ = ["NamespaceInfo"]

_KINDS = {
    "bool": ("bool",),
    "signed integer": ("int8", "int16", "int32", "int64"),
    "unsigned integer": ("uint8", "uint16", "uint32", "uint64"),
    "real floating": ("float32", "float64"),
    "complex floating": ("complex64", "complex128"),
}
_KINDS["integral"] = _KINDS["signed integer"] + _KINDS["unsigned integer"]
_KINDS["numeric"] = _KINDS["integral"] + _KINDS["real floating"] + _KINDS["complex floating"]


class NamespaceInfo:
    """What `pullback.numpy` has and can do; the standard's inspection API, as NumPy's.

    Examples
    --------
    >>> import pullback as pb, pullback.numpy as np
    >>> info = np.__array_namespace_info__()
    >>> info.capabilities()["boolean indexing"]
    True
    >>> info.dtypes(kind="real floating")
    {'float32': dtype('float32'), 'float64': dtype('float64')}
    """

    def capabilities(self) -> dict[str, Any]:
        """Return what works: under `jit`, `vmap` and in bodies no shape can depend on values."""
        known = floor.get() is None and not mapping.get()
        return {"boolean indexing": known, "data-dependent shapes": known, "max dimensions": 64}

    def default_device(self) -> str:
        """Return the one device that there is."""
        return "cpu"

    def devices(self) -> list[str]:
        """Return all devices: one."""
        return ["cpu"]

    def default_dtypes(self, *, device: Any = None) -> dict[str, np.dtype]:
        """Return the dtypes that Python's numbers, and indices, become."""
        check_device(device)
        return {
            "real floating": np.dtype(float),
            "complex floating": np.dtype(complex),
            "integral": np.dtype(int),
            "indexing": np.dtype(np.intp),
        }

    def dtypes(self, *, device: Any = None, kind: str | tuple[str, ...] | None = None) -> dict[str, np.dtype]:
        """Return the standard's dtypes by name: all, or those of one kind or of several.

        Raises
        ------
        ValueError
            For what is no kind of the standard's, and for a device that is not the CPU.
        """
        check_device(device)
        kinds = ("bool", "numeric") if kind is None else kind if isinstance(kind, tuple) else (kind,)
        unknown = [k for k in kinds if k not in _KINDS]
        if unknown:
            raise ValueError(f"unsupported kind: {unknown[0]!r}; there are {', '.join(_KINDS)}")
        return {name: np.dtype(name) for k in kinds for name in _KINDS[k]}
