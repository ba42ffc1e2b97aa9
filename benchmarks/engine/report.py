"""Tables and pictures of results: in the terminal, in Markdown, and for docs/performance.md."""

from __future__ import annotations

import importlib
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .case import OURS

BEGIN, END = "<!-- benchmarks.engine: begin -->", "<!-- benchmarks.engine: end -->"


def median(row: dict, name: str) -> float:
    """Return the median of a contender's rounds, in seconds."""
    return statistics.median(row["contenders"][name]["rounds"])


def ratio(row: dict, name: str) -> float:
    """Return how many times as fast as a contender we are: a ratio of medians of one run."""
    return median(row, name) / median(row, OURS)


def milliseconds(seconds: float) -> str:
    """Return three significant figures of a time in ms."""
    ms = 1e3 * seconds
    return f"{ms:.0f}" if ms >= 100 else f"{ms:#.3g}"


def lines(results: dict) -> Iterator[tuple[str, str, str, str, str, str]]:
    """Yield work, contender, milliseconds, first call, how many times as fast we are, and the aim."""
    for row in results["rows"]:
        for i, (name, found) in enumerate(row["contenders"].items()):
            aim = row["at_least"].get(name)
            ours = name.startswith(OURS)
            yield (
                row["work"] if i == 0 else "",
                name + (" (not all native)" if row["not_native"] and name == OURS else ""),
                milliseconds(median(row, name)),
                milliseconds(found["first"]) if ours or name.startswith("jax") else "",
                "" if name == OURS else f"{ratio(row, name):.3g}×",
                "" if aim is None else f"{aim:g}× " + ("reached" if ratio(row, name) >= aim else "missed"),
            )


HEADER = ("work", "contender", "ms", "first call, ms", "pullback is", "at least")


def markdown(results: dict) -> str:
    """Return the tables as Markdown."""
    text = [_about(results), "", _markdown_row(HEADER), "| --- | --- | ---: | ---: | ---: | --- |"]
    text += [_markdown_row(line) for line in lines(results)]
    if results["growth"]:
        header = ("work", "n", "from", "to", "time grows as", "memory grows as")
        text += ["", _markdown_row(header), "| --- | --- | ---: | ---: | ---: | ---: |"]
    for g in results["growth"]:
        sizes = (f"{g['sizes'][0]:,}", f"{g['sizes'][-1]:,}")
        powers = [f"n^{g[k]:.2f}" for k in ("time_exponent", "memory_exponent")]
        text.append(_markdown_row((g["work"], g["n"], *sizes, *powers)))
    return "\n".join(text) + "\n"


def _about(results: dict) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    return f"{results['machine']}; one thread, medians of rounds in turn; {versions}; C: `{results['gcc']}`."


def _markdown_row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"


def show(results: dict) -> None:
    """Print the table, drawn where rich is there."""
    if results["rows"]:
        _show_table(results)
    for g in results["growth"]:
        print(
            f"{g['work']}: time grows as n^{g['time_exponent']:.2f}, memory as n^{g['memory_exponent']:.2f} ({g['n']})"
        )


def _show_table(results: dict) -> None:
    try:
        table = importlib.import_module("rich.table").Table(title=_about(results))
    except ImportError:
        for line in (HEADER, *lines(results)):
            print(f"{line[0]:62.62} {line[1]:18} {line[2]:>9} {line[3]:>14} {line[4]:>11}  {line[5]}")
    else:
        for i, name in enumerate(HEADER):
            table.add_column(name, justify="right" if i in (2, 3, 4) else "left")
        for line in lines(results):
            table.add_row(*line, style="bold" if line[1].startswith(OURS) else None)
        rich = importlib.import_module("rich.console")
        rich.Console(width=max(rich.Console().width, 140)).print(table)


def chart(results: dict, path: Path) -> None:
    """Draw how many times as fast we are, by work and by peer; and the growth of time and memory, if measured."""
    plt = importlib.import_module("matplotlib.pyplot")
    bars = sum(len(row["contenders"]) - 1 for row in results["rows"])
    panels = []
    if results["rows"]:
        height = max(2.5, 0.2 * bars + 0.35 * len(results["rows"]))
        panels.append((height, lambda axis: _draw_ratios(axis, results)))
    if results["growth"]:
        panels.append((3.6, lambda axis: _draw_growth(axis, results["growth"])))
    heights = [height for height, _ in panels]
    figure, axes = plt.subplots(
        len(panels), 1, figsize=(9, sum(heights)), height_ratios=heights, layout="constrained", squeeze=False
    )
    for (_, draw), axis in zip(panels, axes[:, 0], strict=True):
        draw(axis)
    figure.savefig(path)
    plt.close(figure)


def _draw_ratios(axis: Any, results: dict) -> None:
    names = sorted({n for row in results["rows"] for n in row["contenders"]} - {OURS})
    colours = {name: f"C{i}" for i, name in enumerate(names)}
    y, ticks = 0.0, []
    for row in results["rows"]:
        peers = [name for name in row["contenders"] if name != OURS]
        ticks.append((y - 0.5 * (len(peers) - 1), row["work"]))
        for name in peers:
            axis.barh(y, ratio(row, name) - 1, left=1, color=colours[name], height=0.9)
            aim = row["at_least"].get(name)
            if aim is not None:
                axis.plot([aim, aim], [y - 0.45, y + 0.45], color="black")
            y -= 1
        y -= 0.7
    for name in names:
        axis.barh(0, 0, left=1, color=colours[name], label=name)
    axis.axvline(1, color="grey", linewidth=0.8)
    axis.set(xscale="log", xlabel="how many times as fast pullback is (black: what we aim at)", ylim=(y, 1))
    axis.set_yticks([p for p, _ in ticks], [work for _, work in ticks], fontsize="small")
    axis.legend(fontsize="small", loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=4)


def _draw_growth(axis: Any, growth: list[dict]) -> None:
    twin = axis.twinx()
    for i, g in enumerate(growth):
        label = f"{g['work']}: time n^{g['time_exponent']:.2f}, memory n^{g['memory_exponent']:.2f}"
        axis.loglog(g["sizes"], g["seconds"], "o-", color=f"C{i}", label=label)
        twin.loglog(g["sizes"], g["bytes"], "x:", color=f"C{i}")
    axis.set(xlabel="n", ylabel="seconds (line)")
    twin.set_ylabel("bytes (dotted)")
    axis.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.15))


def insert(results: dict, page: Path) -> None:
    """Put the tables into a page of the documentation, between the two marks."""
    text = page.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise ValueError(f"{page} has no place for the table: write {BEGIN} and {END} on lines of their own")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n\n{markdown(results)}\n{END}{after}", encoding="utf-8")
