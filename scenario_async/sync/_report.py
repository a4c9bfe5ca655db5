"""What a run did, as values that can be written as JSON. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Counts", "ScopeReport", "SyncReport", "total"]


class Counts(msgspec.Struct, kw_only=True):
    """What became of models, and what it took.

    Attributes:
        new: Models that the store did not have, or had as deleted.
        changed: Models whose record differs from the one stored.
        unchanged: Models that were seen and needed no write.
        deleted: Models that are marked as deleted now.
        rejected: Rows that do not fit; the table ``rejected`` has them.
        details: Full records that were fetched.
        pages: Pages and batches of records that were written.
        requests: Requests that were sent, those that were tried again included.
        retries: Requests that were tried again.
        seconds: How long it took.
    """

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    rejected: int = 0
    details: int = 0
    pages: int = 0
    requests: int = 0
    retries: int = 0
    seconds: float = 0.0


class ScopeReport(Counts, kw_only=True):
    """What a run did for one scope.

    Attributes:
        scope: Which one.
        mode: ``"full"``, ``"resumed"`` for a full walk that an earlier run began, or
            ``"incremental"``.
        complete: Whether it came to its end.
        error: What ended it, where something did.
    """

    scope: str
    mode: str = "full"
    complete: bool = False
    error: str | None = None


class SyncReport(Counts, kw_only=True):
    """What a run did in all.

    ``seconds`` is the time of the run, and not the sum of its scopes, which run at once.

    Attributes:
        run: Its number in the table ``runs``.
        scopes: The same for each scope.
    """

    run: int
    scopes: list[ScopeReport] = []


_SUMMED = tuple(name for name in Counts.__struct_fields__ if name != "seconds")


def total(run: int, scopes: Iterable[ScopeReport], seconds: float) -> SyncReport:
    """The report of a run out of those of its scopes."""
    reports = list(scopes)
    sums = {name: sum(getattr(report, name) for report in reports) for name in _SUMMED}
    return SyncReport(run=run, scopes=reports, seconds=seconds, **sums)
