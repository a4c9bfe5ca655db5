"""Draws the four figures of a listing of 10,000 models as an SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import matplotlib as mpl
from bars import median
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator
from results import is_whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from matplotlib.axes import Axes
    from results import Results

OURS = "#0b6bcb"
OTHERS = "#5f6b76"
INK = "#1c2126"
PALE = "#d9dee3"
# From the top.
SHOWN = {
    "ours": "scenario-async",
    "ours-one-at-a-time": "the same, one page at a time",
    "bytes-only": "reading the bytes, no more",
    "hand-written": "hand-written aiohttp + msgspec",
    "official-500": "scenario-sdk, pages of 500",
    "official-100": "scenario-sdk as it comes",
}


class Panel(NamedTuple):
    """One of the four figures: where it comes from and how it is shown."""

    case: str
    measure: str
    title: str
    show: Callable[[float], str]


PANELS = (
    Panel("plain-300ms", "wall", "Time, 300 ms a page", lambda s: f"{s:.3g} s"),
    Panel("plain", "cpu", "Processor time, no latency", lambda s: f"{s:.2g} s"),
    Panel("plain", "memory", "Memory over idle", lambda size: f"{size / 1e6:.3g} MB"),
    Panel("plain", "hold", "Longest hold of the event loop", lambda s: f"{s * 1e3:.3g} ms"),
)


def write_plot(results: Results, path: Path) -> None:
    """Draw what is there of the four figures; readable on light and on dark pages."""
    # Text stays text, and the same figures give the same file.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "benchmarks"}):
        figure = Figure(figsize=(10.5, 5.6), facecolor="white", layout="constrained")
        axes = figure.subplots(2, 2, sharey=True)
        for one, panel in zip(axes.flat, PANELS, strict=True):
            _draw(one, results, panel)
        figure.suptitle(
            "Listing 10,000 models, medians, logarithmic scales: further left is better"
            + ("" if is_whole(results) else " (a trial: see the tables)"),
            color=INK,
            fontsize=12,
            x=0.01,
            horizontalalignment="left",
        )
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def _draw(axes: Axes, results: Results, panel: Panel) -> None:
    result = results.cases.get(panel.case)
    values: dict[int, float] = {}
    for row, contender in enumerate(SHOWN):
        value = None if result is None else median(result, contender, panel.measure)
        if value:
            values[row] = value
    axes.set_title(panel.title, loc="left", fontsize=11, color=INK)
    axes.set_yticks(range(len(SHOWN)), list(SHOWN.values()), color=INK, fontsize=10)
    axes.set_ylim(len(SHOWN) - 0.5, -0.5)
    axes.set_xscale("log")
    axes.tick_params(length=0)
    axes.xaxis.set_major_locator(NullLocator())
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    for spine in axes.spines.values():
        spine.set_visible(False)
    if not values:
        return
    low, high = min(values.values()), max(values.values())
    # Room for the labels, on the right of the dots.
    axes.set_xlim(low / 1.6, high * (high / low) ** 0.25 * 1.6)
    for row, value in values.items():
        color = OURS if row == 0 else OTHERS
        axes.plot([low / 1.6, value], [row, row], color=PALE, linewidth=1, zorder=1)
        axes.scatter([value], [row], s=46, color=color, zorder=2)
        axes.annotate(
            panel.show(value),
            (value, row),
            xytext=(8, 0),
            textcoords="offset points",
            verticalalignment="center",
            color=color if row == 0 else INK,
            fontsize=10,
            fontweight="bold" if row == 0 else "normal",
        )
