"""Where in the user's code an operation was written.

A source is a code object and an instruction offset: two words, taken once when the
operation is recorded (0.1 to 0.2 microseconds) and resolved to ``file:line`` only
when somebody asks. Equations that a transformation derives from another inherit its
source through `inherit`.
"""

from __future__ import annotations

import contextlib
import dis
import linecache
import os
import sys
from contextvars import ContextVar
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np
import optree

__all__ = [
    "NOWHERE",
    "Source",
    "describe",
    "here",
    "in_library",
    "inherit",
    "is_user",
    "line_text",
    "location",
    "made_at",
    "statement",
    "user_line",
]

Source = Any  # (code, offset), or None when the caller is nobody's code
NOWHERE: Source = ()  # inherited while cached rules are derived: their equations belong to no line

# Frames of these packages are not the user's: NumPy, SciPy and optree stand between the user and us.
_SCIPY = Path(np.__file__).parent.parent / "scipy" / "__init__.py"  # beside NumPy, as it is installed; not imported
_PACKAGES = (Path(__file__).parent.parent / "__init__.py", np.__file__, _SCIPY, optree.__file__)
_OURS = (*(str(Path(file).resolve().parent) + os.sep for file in _PACKAGES), contextlib.__file__)
# The demos are written as a user would write them: reports show their lines.
_DEMOS = str(Path(__file__).resolve().parent.parent / "show" / "demos") + os.sep
_ours: dict[CodeType, bool] = {}
_inherited: ContextVar[Source] = ContextVar("pullback source", default=None)


class inherit:  # noqa: N801 (a context manager, used as a verb)
    """Context in which new equations take `source` for their own."""

    __slots__ = ("source", "token")

    def __init__(self, source: Source) -> None:
        self.source = source

    def __enter__(self) -> None:
        self.token = _inherited.set(self.source)

    def __exit__(self, *_: object) -> None:
        _inherited.reset(self.token)


def here(ours_above: int = 1) -> Source:
    """Return the source of the innermost frame that is the user's own.

    `ours_above` callers are known to be ours, and are not looked at.
    """
    inherited = _inherited.get()
    if inherited is not None:
        return inherited or None
    frame: FrameType | None = sys._getframe(1 + ours_above)
    while frame is not None:
        code = frame.f_code
        ours = _ours.get(code)
        if ours is None:
            ours = _ours[code] = _is_ours(code)
        if not ours:
            return code, frame.f_lasti
        frame = frame.f_back
    return None


def user_line(error: BaseException) -> Source:
    """Return the source of the innermost frame of the user's own that an exception has passed."""
    found, trace = None, error.__traceback__
    while trace is not None:
        if not _is_ours(trace.tb_frame.f_code):
            found = trace.tb_frame.f_code, trace.tb_lasti
        trace = trace.tb_next
    return found


def in_library(error: BaseException) -> bool:
    """Return whether an exception was raised by Python code that is not the user's: NumPy's, SciPy's."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and _is_ours(trace.tb_frame.f_code)


def is_user(code: CodeType) -> bool:
    """Return whether code is the user's own: not ours, and not NumPy's or SciPy's."""
    ours = _ours.get(code)
    if ours is None:
        ours = _ours[code] = _is_ours(code)
    return not ours


def _is_ours(code: CodeType) -> bool:
    if len(_ours) > 100_000:  # code made by exec over and over must not be kept for ever
        _ours.clear()
    name = code.co_filename
    return name.startswith((*_OURS, "<pullback", "<frozen", "<__array_function__")) and not name.startswith(_DEMOS)


def made_at(x: Any) -> Source:
    """Return the source of the operation that made a Tracer; None for arrays, and where nobody knows.

    For an input of a traced function it is the line that called the transformed function.
    """
    while hasattr(x, "recorder"):
        found = x.recorder.source_of(x)
        if found is not None:
            return found
        x = x.value
    return None


def statement(source: Source) -> str:
    """Return what the user's code was doing there: "assign" (``a[i] = …``), "in place" (``a += …``) or neither, ""."""
    if source is None or len(source) != 2:
        return ""
    code, offset = source
    name = dis.opname[code.co_code[offset]]
    if name in ("STORE_SUBSCR", "STORE_SLICE"):
        return "assign"
    if name.startswith("INPLACE_") or (name == "BINARY_OP" and code.co_code[offset + 1] in _IN_PLACE):
        return "in place"
    return ""


_IN_PLACE = range(13, 26)  # the arguments of BINARY_OP for ``+=`` and its kin


def location(source: Source) -> tuple[str, int] | None:
    """Return (file, line) of a source, or None when there is none."""
    if source is None:
        return None
    if len(source) == 3:  # unpickled: already resolved
        return source[1], source[2]
    code, offset = source
    line = code.co_firstlineno
    for start, end, number in code.co_lines():
        if start <= offset < end and number is not None:
            line = number
    return code.co_filename, line


def describe(source: Source) -> str:
    """Return ``model.py:12`` for a source, or ``?`` when there is none.

    Examples
    --------
    >>> describe(None)
    '?'
    """
    found = location(source)
    return "?" if found is None else f"{os.path.basename(found[0])}:{found[1]}"


def line_text(source: Source) -> str:
    """Return the text of the user's line, stripped, or the empty string."""
    found = location(source)
    return "" if found is None else linecache.getline(*found).strip()


def portable(source: Source) -> Source:
    """Return a source that pickles: the file and line in place of the code object."""
    found = location(source)
    return None if found is None else ("", *found)
