"""How far a sync has come: a bar for each scope, on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from scenario_async._formats import printable

from .messages import clock, counted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from rich.progress import Progress, TaskID

    from scenario_async.sync import ScopeReport

__all__ = ["SyncProgress", "progress_words"]


class SyncProgress:
    """Shows scopes while it is open, and leaves the last counts there.

    Args:
        stored: How many models of each scope the store has: a full run will see about as many.
        shown: Whether to show anything at all.
    """

    def __init__(self, stored: Mapping[str, int], *, shown: bool) -> None:
        self._stored = stored
        self._tasks: dict[str, TaskID] = {}
        self._progress: Progress | None = None
        if shown:
            from .live import scope_bars  # noqa: PLC0415 - it is slow to import

            self._progress = scope_bars()

    def __enter__(self) -> Self:
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def update(self, report: ScopeReport) -> None:
        """Show what a scope has come to."""
        if self._progress is None:
            return
        task = self._tasks.get(report.scope)
        if task is None:
            task = self._progress.add_task(printable(report.scope), total=None, report=report)
            self._tasks[report.scope] = task
        rows = _rows(report)
        total = max(rows, 1) if report.complete else self._expected(report)
        self._progress.update(task, completed=total if report.complete else rows, total=total)

    def _expected(self, report: ScopeReport) -> int | None:
        """How many models there will be, where that can be known."""
        expected = self._stored.get(report.scope, 0)
        return expected if report.mode == "full" and expected >= _rows(report) > 0 else None


def progress_words(report: ScopeReport, total: float | None, seconds: float) -> str:
    """What became of a scope until now.

    Args:
        report: The counts.
        total: How many models there will be, where that is known.
        seconds: How long it has taken.
    """
    rows = _rows(report)
    parts = [counted(rows, "model"), counted(report.pages, "page")]
    if rows and seconds:
        parts.append(f"{rows / seconds:,.0f}/s")
    if report.details:
        parts.append(f"{report.details:,} in full")
    if report.rejected:
        parts.append(f"{report.rejected:,} rejected")
    if report.retries:
        parts.append(counted(report.retries, "retry", "retries"))
    parts.append(clock(seconds))
    if report.error is not None:
        parts.append("broke off")
    elif total is not None and 0 < rows < total:
        parts.append(f"{clock(seconds * (total - rows) / rows)} left")
    return ", ".join(parts)


def _rows(report: ScopeReport) -> int:
    return report.new + report.changed + report.unchanged
