"""Draws how old copies are while something happens to a fleet, as an SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
from fleet_scenes import AT
from matplotlib.figure import Figure
from plot import INK, OTHERS, OURS, PALE
from simulated_fleet.scene import HOUR

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from matplotlib.axes import Axes
    from simulated_fleet import Outcome

__all__ = ["write_plot"]


def write_plot(outcomes: Mapping[str, Outcome], path: Path) -> None:
    """Draw the ages by the hour; readable on light and on dark pages."""
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "benchmarks"}):
        figure = Figure(figsize=(10.5, 5.2), facecolor="white", layout="constrained")
        axes = figure.subplots(2, 3, sharex=True, sharey=True)
        for one, (title, outcome) in zip(axes.flat, outcomes.items(), strict=True):
            _draw(one, title, outcome)
        axes[0][0].set_ylim(0)  # of all of them
        axes[0][0].annotate("95 %", (0.0, 1.05), color=OURS, fontsize=10, fontweight="bold")
        axes[0][0].annotate("half", (0.0, 0.56), color=OTHERS, fontsize=10)
        figure.suptitle(
            "Age of copies and time since something happened, in hours; each is run once an hour",
            color=INK,
            fontsize=12,
            x=0.01,
            horizontalalignment="left",
        )
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def _draw(axes: Axes, title: str, outcome: Outcome) -> None:
    axes.set_title(title, loc="left", fontsize=10.5, color=INK)
    hours = [(sample.at - AT) / HOUR for sample in outcome.samples]
    axes.plot(hours, [sample.age.median / HOUR for sample in outcome.samples], color=OTHERS)
    axes.plot(hours, [sample.age.most / HOUR for sample in outcome.samples], color=OURS)
    axes.axvline(0, color=PALE, linewidth=1, zorder=0)
    axes.set_xlim(-1, hours[-1])
    axes.tick_params(colors=INK, length=0)
    for name, spine in axes.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(PALE)
