"""How far the copy of a scope is, and what the next run has to do for it. No I/O.

All of a state is kept as JSON beside the rows that it stands for, and written with them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

import msgspec

from ._windows import Window  # noqa: TC001 - msgspec reads it at run time

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "DELETED_ARE_LISTED",
    "MARGIN",
    "FullWalk",
    "Plan",
    "ScopeState",
    "deletions_are_listed",
    "later",
    "plan",
]

DELETED_ARE_LISTED = timedelta(days=30)
"""For how long the service lists deleted private models (API reference, ``status``)."""

MARGIN = timedelta(minutes=1)
"""How far behind its high-water mark an incremental run begins.

A record may become visible a little after the date it carries; there is no word of by how much.
"""


# The name of the field in a store.
_STORED_AS = {"high_water": "mark"}


class FullWalk(msgspec.Struct, frozen=True, kw_only=True, rename=_STORED_AS):
    """A full walk that is under way.

    Attributes:
        run: The run that began it.
        began_at: When that was, by the clock of the machine.
        left: The windows of creation dates that are still to be listed.
        high_water: That of the scope when it is complete.
        undated: Whether models without a creation date were seen.
    """

    run: int
    began_at: datetime
    left: tuple[Window, ...]
    high_water: datetime | None = None
    undated: bool = False


class ScopeState(msgspec.Struct, frozen=True, kw_only=True, rename=_STORED_AS):
    """How far the copy of a scope is.

    Attributes:
        high_water: The copy knows of what is up to this date: creation of private models, updates
            of public ones. It comes from records, never from the clock of the machine.
        full_at: When the last complete full walk began, by the clock of the machine.
        run_at: When the last complete run began, by the same clock.
        walk: The full walk under way, if there is one.
    """

    high_water: datetime | None = None
    full_at: datetime | None = None
    run_at: datetime | None = None
    walk: FullWalk | None = None


class Plan(Enum):
    """What a run does for a scope."""

    FULL = "full"
    RESUMED = "resumed"
    INCREMENTAL = "incremental"


def plan(
    state: ScopeState, *, now: datetime, full: bool | None, full_every: timedelta, public: bool
) -> Plan:
    """What a run has to do.

    Args:
        state: How far the copy is.
        now: By the clock of the machine.
        full: What the caller wants; ``None`` leaves it to the state.
        full_every: How old the last full walk may be.
        public: Whether the models of the scope are public.
    """
    if state.walk is not None:
        return Plan.RESUMED
    if full is True or state.full_at is None:
        return Plan.FULL
    if full is False:
        return Plan.INCREMENTAL
    if now - state.full_at >= full_every or now < state.full_at:
        return Plan.FULL
    if not public and not deletions_are_listed(state, now):
        return Plan.FULL
    return Plan.INCREMENTAL


def deletions_are_listed(state: ScopeState, now: datetime) -> bool:
    """Whether the service still lists all private models deleted since the last complete run."""
    last_run = state.run_at or state.full_at
    return last_run is not None and now - last_run < DELETED_ARE_LISTED


def later(known: datetime | None, dates: Iterable[str | None]) -> datetime | None:
    """What is known, or the last of these dates if later. They are as the API writes them."""
    last = max((date for date in dates if date is not None), default=None)
    if last is None:
        return known
    moment = datetime.fromisoformat(last)
    return moment if known is None else max(known, moment)
