"""Draws how long a handler takes to answer from a live catalogue, and in other ways, as an SVG."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from plot import INK, OTHERS, OURS, PALE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

# Of the figures of `live_catalog.py`, in microseconds, from the top.
SHOWN = {
    "us of live.get": "live.get(id)",
    "us of find, 24 newest of a type": "live.now.find(...), the 24 newest of a type",
    "us of a comprehension that is sorted": "the same from a dict of one's own",
    "us of a listing in its place": "the same by a listing, of a service on this machine",
}


def write_plot(taken: Mapping[str, Sequence[float]], path: Path) -> None:
    """Draw the medians; readable on light and on dark pages."""
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "benchmarks"}):
        figure = Figure(figsize=(10.5, 2.4), facecolor="white", layout="constrained")
        _draw(figure.subplots(), {name: statistics.median(taken[name]) for name in SHOWN})
        figure.suptitle(
            "Time in a handler, 10,000 models, medians, logarithmic scale: further left is better",
            color=INK,
            fontsize=12,
            x=0.01,
            horizontalalignment="left",
        )
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def _draw(axes: Axes, medians: Mapping[str, float]) -> None:
    axes.set_yticks(range(len(SHOWN)), list(SHOWN.values()), color=INK, fontsize=10)
    axes.set_ylim(len(SHOWN) - 0.5, -0.5)
    axes.set_xscale("log")
    axes.tick_params(length=0)
    axes.xaxis.set_major_locator(NullLocator())
    axes.xaxis.set_minor_locator(NullLocator())
    for spine in axes.spines.values():
        spine.set_visible(False)
    low, high = min(medians.values()), max(medians.values())
    axes.set_xlim(low / 1.6, high * 12)
    for row, (name, value) in enumerate(medians.items()):
        ours = "live" in SHOWN[name]
        color = OURS if ours else OTHERS
        axes.plot([low / 1.6, value], [row, row], color=PALE, linewidth=1, zorder=1)
        axes.scatter([value], [row], s=46, color=color, zorder=2)
        axes.annotate(
            _shown(value),
            (value, row),
            xytext=(8, 0),
            textcoords="offset points",
            verticalalignment="center",
            color=color if ours else INK,
            fontsize=10,
            fontweight="bold" if ours else "normal",
        )


def _shown(microseconds: float) -> str:
    value, unit = (microseconds / 1000, "ms") if microseconds >= 1000 else (microseconds, "µs")  # noqa: PLR2004 - a millisecond
    return f"{float(f'{value:.2g}'):g} {unit}"
