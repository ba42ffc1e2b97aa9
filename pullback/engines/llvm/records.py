"""records: the words of what the interpreter of calls reads, and the lines of IR that read them.

A descriptor says all of one signature of one compiled function; it points to its nodes (what the
arguments must be), its results and the steps that put them together (`pullback/engines/forms.py`).
Every word is of 8 bytes: a number, or an address.
"""

from __future__ import annotations

__all__ = ["DESCRIPTOR", "NODE", "RESULT", "STEP", "at", "load"]


def _numbered(*names: str) -> dict[str, int]:
    return {name: i for i, name in enumerate(names)}


DESCRIPTOR = _numbered(
    "code", "frame", "busy", "releases", "n_args", "n_names", "names", "n_roots", "n_nodes", "nodes",
    "objects", "context", "n_results", "results", "made", "n_steps", "steps", "stack", "fail",
)  # fmt: skip
NODE = _numbered("kind", "expected", "place", "count", "more")  # more: an array's shape, or a dict's keys
RESULT = _numbered("scalar", "place", "dtype", "axes", "shape", "maker", "value")
STEP = _numbered("make", "number", "value", "keys")


def load(fields: dict[str, int], base: str, prefix: str = "", **wanted: str) -> str:
    """Return the lines that load the words of a record by name, each as a type."""
    return "\n".join(
        f"  %{prefix}{name}.word = getelementptr i64, ptr {base}, i64 {fields[name]}\n"
        f"  %{prefix}{name} = load {t}, ptr %{prefix}{name}.word"
        for name, t in wanted.items()
    )


def at(name: str, base: str, offset: int, t: str = "ptr") -> str:
    """Return the lines that load what is at an offset, in bytes, of an object; `.at` is its address."""
    return f"  %{name}.at = getelementptr i8, ptr {base}, i64 {offset}\n  %{name} = load {t}, ptr %{name}.at"
