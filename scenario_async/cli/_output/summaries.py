"""What a sync did and what a store has, in lines for people. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from scenario_async._formats import printable

from .messages import stamp

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from scenario_async.sync import Counts, RunRecord, StoreCounts, StoreStatistics, SyncReport

__all__ = [
    "columns_of",
    "json_line",
    "run_line",
    "run_lines",
    "statistics_lines",
    "statistics_svg",
    "store_lines",
    "summary_lines",
]

_COUNTED = ("new", "changed", "unchanged", "deleted", "rejected", "details")
_EFFORT = ("pages", "requests", "retries")
# What goes first where a terminal has no room for all columns; a report in JSON has all of it.
_LEAST_WORTH = (
    *("Retries", "Pages", "Unchanged", "Seconds", "Requests", "Run", "Deleted", "Changed"),
    *("Scopes", "Started (UTC)", "Rejected", "New", "Number"),
)
_ENOUGH_TEXT = 16


def summary_lines(report: SyncReport, *, width: int | None) -> list[str]:
    """A line for each scope, and one for all of them where there are several."""
    counted = _counted(report)
    titles = ["Scope", "Run", *map(str.capitalize, counted), *map(str.capitalize, _EFFORT)]
    rows = [
        [one.scope, one.mode if one.complete else "broke off", *_cells(one, counted)]
        for one in report.scopes
    ]
    if len(rows) > 1:
        rows.append(["in all", "", *_cells(report, counted)])
    return columns_of([*titles, "Seconds"], rows, texts=2, width=width)


def run_line(report: SyncReport, moment: datetime) -> str:
    """One line for a log, with the time at which the run ended."""
    counts = (f"{getattr(report, name):,} {name}" for name in (*_counted(report), "requests"))
    scopes = (f"{one.scope} {one.mode if one.complete else 'broke off'}" for one in report.scopes)
    return printable(
        f"{stamp(moment)} run {report.run}: {', '.join(counts)}, {report.seconds:.1f} s "
        f"({', '.join(scopes)})"
    )


def json_line(report: SyncReport, moment: datetime) -> bytes:
    """All of a report on one line of JSON, with the time at which the run ended."""
    line = {"finished_at": stamp(moment), **msgspec.structs.asdict(report)}
    return msgspec.json.encode(line) + b"\n"


def store_lines(counts: StoreCounts, *, width: int | None) -> list[str]:
    """How much a store has, in all and of each scope."""
    rows = [
        ["models", f"{counts.models:,}"],
        *([f"  {scope}", f"{number:,}"] for scope, number in counts.scopes.items()),
        ["deleted", f"{counts.deleted:,}"],
        ["rejected", f"{counts.rejected:,}"],
    ]
    return columns_of(["Store", "Number"], rows, texts=1, width=width)


def run_lines(runs: Sequence[RunRecord], *, width: int | None) -> list[str]:
    """A line for each run, the latest first, and one for what ended it."""
    titles = ["Run", "Started (UTC)", "Status", "Scopes"]
    counted = ("new", "changed", "deleted", "rejected", "requests")
    rows = [
        [str(run.id), _minute(run.started_at), run.status, " ".join(run.scopes)]
        + [f"{getattr(run.report, name):,}" if run.report else "" for name in counted]
        + [f"{run.report.seconds:.1f}" if run.report else ""]
        for run in runs
    ]
    lines = columns_of(
        [*titles, *map(str.capitalize, counted), "Seconds"], rows, texts=4, width=width
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


def columns_of(
    titles: Sequence[str], rows: Sequence[Sequence[str]], *, texts: int, width: int | None
) -> list[str]:
    """Lines of columns: so many of texts, then numbers, which end at the same place."""
    # It imports rich, which is slow, and few commands have a table.
    from scenario_async._formats.table import Column, lines_of  # noqa: PLC0415 - see above

    columns = [
        Column(
            title, _ENOUGH_TEXT if place < texts else None, place >= texts, list(map(_cell, cells))
        )
        for place, (title, *cells) in enumerate(zip(titles, *rows, strict=True))
    ]
    out = [titles.index(one) for one in _LEAST_WORTH if one in titles[1:]]
    return lines_of(columns, width, first_out=out)


def _cell(text: str) -> str:
    """The text without characters that would steer a terminal, its indent kept."""
    return " " * (len(text) - len(text.lstrip(" "))) + printable(text)


def statistics_lines(found: StoreStatistics, *, width: int | None, top: int) -> list[str]:
    """What the models of a store are like, as :func:`bars.lines` says."""
    from .bars import lines  # noqa: PLC0415 - it is slow to import

    return lines(found, width=width, top=top)


def statistics_svg(found: StoreStatistics, *, top: int) -> str:
    """The same as a picture, which needs nothing from elsewhere."""
    from .bars import svg  # noqa: PLC0415 - it is slow to import

    return svg(found, top=top)
