"""Writes the table of NumPy's surface into docs/numpy.md: ``python docs/numpy_surface.py``, from the root.

Each public function of the installed NumPy, its group (`pullback.numpy.surface`), and the test that shows it
(the cases of tests/numpy/test_surface.py). A test fails while the page is not what this writes.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "numpy.md"
BEGIN, END = "<!-- the surface: written by docs/numpy_surface.py -->", "<!-- the end of the surface -->"
VERSION = ".".join(np.__version__.split(".")[:2])

if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from pullback.numpy.surface import DERIVATIVE, LEFT_OUT, REFUSED_STATUS, Entry, surface  # noqa: E402
from tests.numpy import test_surface as tests  # noqa: E402
from tests.numpy.surface import refused, values  # noqa: E402

GROUPS = {"numpy": "", "numpy.linalg": "linalg.", "numpy.fft": "fft.", "Methods of ufuncs": "ufunc.",
          "Methods and attributes of arrays": "ndarray."}  # fmt: skip


def shown_by(entry: Entry) -> str:
    """Return the test that shows what a function does, with the name of its case."""
    name = entry.name
    if entry.status == REFUSED_STATUS:
        test = tests.test_what_is_refused_says_what_to_write
        return "it takes no array" if name in refused.NO_ARRAY else f"`{test.__name__}[{name}]`"
    if name in values.PLAIN:
        return f"`{tests.test_what_is_no_array_is_numpys.__name__}[{name}]`"
    moves = entry.status == DERIVATIVE
    test = tests.test_the_derivative_is_that_of_differences if moves else tests.test_the_value_is_numpys
    cases = [case for case, c in (tests.MOVING if moves else tests.NAMED).items() if c.name == name]
    return f"`{test.__name__}[{cases[0]}]`" + (f" and {len(cases) - 1} more" if len(cases) > 1 else "")


def table() -> str:
    """Return the tables, a group of names each."""
    entries = surface()
    lines = [f"Of NumPy {VERSION}:", ""]
    for title, prefix in GROUPS.items():
        own = [e for e in entries if (e.name.startswith(prefix) if prefix else "." not in e.name)]
        lines += [f"### {title}", "", "| function | | shown by |", "| --- | --- | --- |"]
        for entry in own:
            what = entry.status + (f": {entry.note}" if entry.note else "")
            lines.append(f"| `{entry.name.removeprefix(prefix)}` | {what} | {shown_by(entry)} |")
        lines.append("")
    lines += ["### Left out", "", "| | why |", "| --- | --- |"]
    lines += [f"| {', '.join(f'`{m}`' for m in names.split(', '))} | {why} |" for names, why in LEFT_OUT.items()]
    return "\n".join([*lines, ""])


def written(page: str) -> str:
    """Return the page with the tables between their marks as they are to be now."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n\n{table()}\n{END}{rest.split(END)[1]}"


def version_of(page: str) -> str:
    """Return the version of NumPy of which the page tells."""
    found = re.search(r"^Of NumPy (\S+):$", page, re.MULTILINE)
    return found.group(1) if found else ""


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
