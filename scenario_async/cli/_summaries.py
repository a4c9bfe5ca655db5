"""What a sync did and what a store has, in lines for people. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

from ._messages import printable
from ._table import heading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from scenario_async.sync import Counts, RunRecord, StoreCounts, SyncReport

__all__ = ["run_lines", "store_lines", "summary_lines"]

_COUNTED = ("new", "changed", "unchanged", "deleted", "rejected", "details")
_EFFORT = ("pages", "requests", "retries")
_GAP = "  "


def summary_lines(report: SyncReport, *, terminal: bool) -> list[str]:
    """A line for each scope, and one for all of them where there are several."""
    counted = _counted(report)
    titles = ["Scope", "Run", *map(str.capitalize, counted), *map(str.capitalize, _EFFORT)]
    rows = [
        [one.scope, one.mode if one.complete else "broke off", *_cells(one, counted)]
        for one in report.scopes
    ]
    if len(rows) > 1:
        rows.append(["in all", "", *_cells(report, counted)])
    return _columns([*titles, "Seconds"], rows, texts=2, terminal=terminal)


def store_lines(counts: StoreCounts, *, terminal: bool) -> list[str]:
    """How much a store has, in all and of each scope."""
    rows = [
        ["models", f"{counts.models:,}"],
        *([f"  {scope}", f"{number:,}"] for scope, number in counts.scopes.items()),
        ["deleted", f"{counts.deleted:,}"],
        ["rejected", f"{counts.rejected:,}"],
    ]
    return _columns(["Store", "Number"], rows, texts=1, terminal=terminal)


def run_lines(runs: Sequence[RunRecord], *, terminal: bool) -> list[str]:
    """A line for each run, the latest first, and one for what ended it."""
    titles = ["Run", "Started (UTC)", "Status", "Scopes"]
    counted = ("new", "changed", "deleted", "rejected", "requests")
    rows = [
        [str(run.id), _minute(run.started_at), run.status, " ".join(run.scopes)]
        + [f"{getattr(run.report, name):,}" if run.report else "" for name in counted]
        + [f"{run.report.seconds:.1f}" if run.report else ""]
        for run in runs
    ]
    lines = _columns(
        [*titles, *map(str.capitalize, counted), "Seconds"], rows, texts=4, terminal=terminal
    )
    lines += [f"Run {run.id}: {printable(run.error)}" for run in runs if run.error]
    return lines


def _counted(report: SyncReport) -> list[str]:
    """What is worth a column: details only where some were fetched."""
    return [name for name in _COUNTED if name != "details" or report.details]


def _cells(counts: Counts, counted: Sequence[str]) -> list[str]:
    numbers = [f"{getattr(counts, name):,}" for name in (*counted, *_EFFORT)]
    return [*numbers, f"{counts.seconds:.1f}"]


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def _columns(
    titles: Sequence[str], rows: Sequence[Sequence[str]], *, texts: int, terminal: bool
) -> list[str]:
    """Lines of columns: so many of texts, then numbers, which end at the same place."""
    cells = [[printable_cell(cell) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(titles, *cells, strict=True)]

    def line(row: Sequence[str]) -> str:
        fitted = [
            set_cell_size(cell, width) if place < texts else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return _GAP.join(fitted).rstrip()

    return [heading(line(titles), terminal=terminal), *map(line, cells)]


def printable_cell(text: str) -> str:
    """The text without characters that would steer a terminal, its indent kept."""
    return " " * (len(text) - len(text.lstrip(" "))) + printable(text)
