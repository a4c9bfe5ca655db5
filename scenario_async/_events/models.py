"""What becomes of models: of the pages of a listing, in a store, in a live catalogue, a fleet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["FleetEvent", "LiveEvent", "PageEvent", "ScopeEvent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageEvent:
    """A page of a listing was given to the caller.

    Attributes:
        models: How many were given.
        repeated: How many were dropped because the run had given their id before.
        invalid: How many did not fit the type.
        last: Whether the listing ends here.
        filtered: How many were dropped because they show that they were not asked for, as where the
            service has no index of a tag.
        listing: The id of the listing's operation, where all of it is gone through.
    """

    models: int
    repeated: int
    invalid: int
    last: bool
    filtered: int = 0
    listing: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeEvent:
    """What a sync did to the models of one scope; told at the end of the run, however it ended.

    Attributes:
        scope: Which one.
        new: Models that the store did not have, or had as deleted.
        changed: Models whose record differs from the one stored.
        unchanged: Models that were seen and needed no write.
        deleted: Models that are marked as deleted now.
        rejected: Rows that do not fit.
        complete: Whether it came to its end.
        sync: The id of the operation of the run.
    """

    scope: str
    new: int
    changed: int
    unchanged: int
    deleted: int
    rejected: int
    complete: bool
    sync: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveEvent:
    """What a live catalogue has, after it was refreshed or has looked at its store.

    Attributes:
        catalog: A number of this catalogue alone, in this process.
        scopes: Which scopes it is of, separated by blanks.
        as_of: When the refresh began that it is the outcome of; ``None`` until it has one.
        models: How many there are.
        failures: How many refreshes have failed since one did not.
        closed: Whether it was left. No other event of it follows.
    """

    catalog: int
    scopes: str
    as_of: datetime | None
    models: int
    failures: int
    closed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetEvent:
    """How a whole fleet is; told by each of its workers.

    Attributes:
        fleet: The number of a run of this worker, in this process.
        waiting: How many accounts wait until they are due.
        running: How many are being synced.
        refused: Of how many the credentials were refused.
        set_aside: How many failed too often.
        failing: How many failed in their last run and are tried again.
        overdue: How many are overdue.
        lag_median: For how many seconds they are overdue: of half of them it is less. It is 0 for
            one that is not overdue, and those that are set aside do not count.
        lag_p95: Of 95 in 100 it is less.
        lag_worst: Of the one that was due first.
        rows_per_second: How many rows were read, on the average of the last five minutes.
        workers: How many workers there are.
        slots: How many accounts they sync at once.
        closed: Whether this worker has ended. No other event of it follows.
    """

    fleet: int
    waiting: int
    running: int
    refused: int
    set_aside: int
    failing: int
    overdue: int
    lag_median: float
    lag_p95: float
    lag_worst: float
    rows_per_second: float
    workers: int
    slots: int
    closed: bool
