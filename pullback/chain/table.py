"""Tables as text: drawn with rich where it is installed, in plain columns where it is not."""

from __future__ import annotations

import importlib
import importlib.util
import io
from collections.abc import Sequence

__all__ = ["render", "thousands"]


def render(
    title: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numbers: Sequence[int] = (),
    plain: bool | None = None,
) -> str:
    """Return a table as text.

    Parameters
    ----------
    title : str
    heads : sequence of str
        Of the columns.
    rows : sequence of sequences of str
    numbers : sequence of int
        Columns that are set flush right.
    plain : bool, optional
        Without rich; by default, only where rich is not installed.

    Examples
    --------
    >>> print(render("Prices", ["order", "price"], [["best", "12"]], numbers=(1,), plain=True))
    Prices
    order  price
    ------------
    best      12
    """
    if plain is None:
        plain = importlib.util.find_spec("rich") is None
    return _plain(title, heads, rows, numbers) if plain else _rich(title, heads, rows, numbers)


def _plain(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int]) -> str:
    widths = [max(len(row[i]) for row in (heads, *rows)) for i in range(len(heads))]
    lines = [
        "  ".join(
            text.rjust(width) if i in numbers else text.ljust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (heads, *rows)
    ]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    return "\n".join([title, lines[0], rule, *lines[1:]])


def _rich(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int]) -> str:
    console = importlib.import_module("rich.console").Console
    table = importlib.import_module("rich.table").Table
    text = importlib.import_module("rich.text").Text
    simple = importlib.import_module("rich.box").SIMPLE_HEAD
    drawn = table(title=title, title_justify="left", box=simple, title_style="", pad_edge=False)
    for i, head in enumerate(heads):
        # Only the last column may run on to a second line.
        drawn.add_column(head, justify="right" if i in numbers else "left", no_wrap=i < len(heads) - 1)
    for row in rows:
        drawn.add_row(*map(text, row))
    page = io.StringIO()
    console(file=page, width=118, color_system=None, highlight=False).print(drawn)
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines()).strip()


def thousands(n: int) -> str:
    """Return a whole number with its thousands apart.

    Examples
    --------
    >>> thousands(1234567)
    '1 234 567'
    """
    return f"{int(n):,}".replace(",", " ")
