"""Why a jitted function was traced again, for ``PULLBACK_LOG=retrace`` and the logger "pullback"."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from pullback.core.conventions import Conventions
from pullback.core.source import describe, here
from pullback.core.tree import leaf_paths, shown, unflatten

from .tracing import Signature

__all__ = ["note", "note_lengths"]

_log = logging.getLogger("pullback")
_MOST = 16  # earlier signatures that a new one is compared with, the latest first
_LONGEST = 60  # characters of a value that is shown


class _Seen:
    """What a signature was.

    Attributes
    ----------
    leaves : dict
        From the path of each leaf to its type, or to (value,) where it is no array.
    static : dict
        From the name of a static argument to its value.
    """

    __slots__ = ("conventions", "leaves", "static", "structure")

    def __init__(self, signature: Signature, conventions: Conventions) -> None:
        nums, names = signature.static or ((), ())
        self.static = {**{f"argument {i}": x for i, x in nums}, **{f"argument {k!r}": x for k, x in names}}
        self.conventions, self.structure = conventions, signature.in_structure
        numbers = unflatten(signature.in_structure, range(len(signature.leaves)))
        positions = _positions(len(numbers[0]), {i for i, _ in nums})
        types = dict(zip(signature.arrays, signature.types, strict=True))
        self.leaves = {
            _path(path, positions): types[i] if i in types else (signature.leaves[i],)
            for i, path in enumerate(leaf_paths(numbers))
        }


def note(name: str, count: int, new: tuple[Signature, Conventions], earlier: Iterable[tuple[Any, Any]]) -> None:
    """Log that a function is traced, and why: how its signature differs from the nearest that it has a trace for.

    `earlier` are those, with their conventions, the latest first.
    """
    _listen()
    if not _log.isEnabledFor(logging.INFO):
        return
    seen = _Seen(*new)
    differences = [_differences(_Seen(*old), seen) for old, _ in zip(earlier, range(_MOST), strict=False)]
    first = "the first call" if count == 1 else "its traces had been forgotten"
    why = min(differences, key=len, default=[first]) or ["its trace had been forgotten, since there were too many"]
    _log.info("trace %d of %s, called at %s: %s", count, name, describe(here()), "; ".join(why))


def note_lengths(name: str, why: str, points: Iterable[tuple[int, ...]]) -> None:
    """Log that a function is traced for many lengths at once, or why each length is traced for itself."""
    _listen()
    lengths = ", ".join(" by ".join(map(str, p)) for p in points)
    what = f"{name} is traced at lengths {lengths}, for all lengths" if points else name
    _log.info("%s, called at %s%s", what, describe(here()), f": each length is traced for itself: {why}" if why else "")


@lru_cache(maxsize=1)
def _listen() -> None:
    """Log to stderr, where the environment asks for it."""
    if "retrace" in os.environ.get("PULLBACK_LOG", "").replace(" ", "").split(","):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("pullback: %(message)s"))
        _log.addHandler(handler)
        _log.setLevel(logging.INFO)


def _positions(n_dynamic: int, static: set[int]) -> list[int]:
    """Return the positions that arguments were given at, where static ones are left out."""
    return [i for i in range(n_dynamic + len(static)) if i not in static]


def _path(path: str, positions: list[int]) -> str:
    """Return where a leaf of (args, kwargs) is, in the user's words."""
    keyword, (which, _, rest) = path.startswith("[1]"), path[4:].partition("]")
    return f"argument {which if keyword else positions[int(which)]}{rest}"


def _differences(old: _Seen, new: _Seen) -> list[str]:
    found = [
        f"the convention {field!r} was {a!r}, is {b!r}"
        for field, a, b in zip(Conventions._fields, old.conventions, new.conventions, strict=True)
        if a != b
    ]
    found += [
        f"static {name} was {_shown(old.static, name)}, is {_shown(new.static, name)}"
        for name in {**old.static, **new.static}
        if not _equal(old.static.get(name, _shown), new.static.get(name, _shown))
    ]
    if old.structure != new.structure:
        found += _only(old.leaves, new.leaves, "is gone") + _only(new.leaves, old.leaves, "is new")
        if old.leaves.keys() == new.leaves.keys():
            found.append(f"the structure of the arguments was {shown(old.structure)}, is {shown(new.structure)}")
    pairs = [(path, a, new.leaves[path]) for path, a in old.leaves.items() if path in new.leaves]
    return found + [f"{path} was {_said(a)}, is {_said(b)}" for path, a, b in pairs if not _equal(a, b)]


def _only(these: dict[str, Any], others: dict[str, Any], what: str) -> list[str]:
    return [f"{path}, {_said(x)}, {what}" for path, x in these.items() if path not in others]


def _equal(a: Any, b: Any) -> bool:
    return a is b or bool(a == b)


def _shown(values: dict[str, Any], name: str) -> str:
    return f"{values[name]!r:.{_LONGEST}}" if name in values else "not given"


def _said(x: Any) -> str:
    """Return a leaf's type in the user's words."""
    if isinstance(x, tuple):
        return f"{x[0]!r:.{_LONGEST}}"
    return f"a Python {x.dtype.name.rstrip('0123456789')}" if x.weak else repr(x)
