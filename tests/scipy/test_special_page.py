"""docs/special.md has the table of special functions as it is in the code.

``python -m tests.scipy.test_special_page`` writes the table anew.
"""

import re
from pathlib import Path

from pullback.primitives.special import ALIASES, TABLE
from pullback.scipy.special_functions import FUNCTIONS

PAGE = Path(__file__).parent.parent.parent / "docs" / "special.md"
TABLES = re.compile(r"(?<=<!-- the table -->\n).*?(?=<!-- end of the table -->)", re.DOTALL)


def table():
    """Return the tables of the page, as Markdown."""
    known, refused = [], []
    for name, entry in sorted(TABLE.items()):
        if name.startswith("_"):
            continue
        arguments = [a for a in entry.arguments if (name, a) != ("lambertw", "tol")]
        by = [a for a, slope in zip(entry.arguments, entry.slopes, strict=True) if callable(slope)]
        steps = all(slope is None for slope in entry.slopes)
        if by or steps:
            shown = ", ".join(by) if by else "(0 everywhere)"
            known.append(f"| `{name}({', '.join(arguments)})` | {shown} | {entry.source} | {entry.note} |")
        else:
            refused.append(f"`{name}`")
    lines = ["| function | derivative by | source | note |", "| --- | --- | --- | --- |", *known]
    lines += ["", f"By name of functions that NumPy has too, or pullback itself: {_names(ALIASES)}."]
    lines += ["", f"Written with others, in `pullback.scipy.special` only: {_names(FUNCTIONS)}."]
    lines += ["", f"Without any derivative: {', '.join(refused)}."]
    return "\n".join(lines) + "\n"


def _names(names):
    return ", ".join(f"`{name}`" for name in sorted(names))


def test_the_page_has_the_table_as_it_is():
    page = PAGE.read_text(encoding="utf-8")
    found = TABLES.search(page)
    assert found, "no table"
    assert found[0] == table(), "write it anew: python -m tests.scipy.test_special_page"


if __name__ == "__main__":
    PAGE.write_text(TABLES.sub(lambda _: table(), PAGE.read_text(encoding="utf-8")), encoding="utf-8")
