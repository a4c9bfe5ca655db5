"""A listing sorted by creation or by update as a timeline of whole numbers, and back. No I/O.

The position of a model is the second of that date, in milliseconds. Positions grow along the
listing: where the newest model comes first, they are below zero.

Dates have milliseconds, but whether the service sorts by them, and compares bounds to them, is not
documented. Whole seconds are right either way: no bound lies within a second, and models of one
second may come in any order.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from scenario_async._query import wire_time

if TYPE_CHECKING:
    from scenario_async._decoding import PageAnswer
    from scenario_async._query import ListingQuery

__all__ = ["MILLISECOND", "SECOND", "Timeline", "moment_at", "position_of"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
"""The unit of positions."""

SECOND = 1_000
"""Every position is a multiple of this."""

_DAY = 86_400  # seconds
# So many dates in the order of their milliseconds are no chance.
_NO_CHANCE = 8
_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)


class Timeline:
    """Cuts one listing into windows.

    A window is ``[start, stop)``; without ``stop`` it reaches to the end of the listing. The
    service takes both of its bounds as exclusive (API reference, ``createdAfter``).
    """

    def __init__(self, query: ListingQuery) -> None:
        self._ascending = query.sort_direction == "asc"
        self._by_update = query.sort_by == "updatedAt"
        self._query: ListingQuery = msgspec.structs.replace(
            query,
            pagination_token=None,
            sort_by="updatedAt" if self._by_update else "createdAt",
            sort_direction="asc" if self._ascending else "desc",
        )

    @property
    def date(self) -> str:
        """What the listing is sorted by, in the API's terms."""
        return "updatedAt" if self._by_update else "createdAt"

    @property
    def bounds(self) -> str:
        """The parameters that a window is asked for by."""
        kind = "updated" if self._by_update else "created"
        return f"{kind}After and {kind}Before"

    @property
    def begin(self) -> int:
        """No model is before this one: a window from here on has no bound in front."""
        return position_of(_FIRST) if self._ascending else -position_of(_LAST)

    @property
    def end(self) -> int:
        """No model of the listing is behind this position, by its own bounds or by the calendar."""
        after, before = self._bounds
        if self._ascending:
            return position_of(_moment(before) or _LAST)
        return -position_of(_moment(after) or _FIRST)

    @property
    def _bounds(self) -> tuple[str | None, str | None]:
        query = self._query
        if self._by_update:
            return query.updated_after, query.updated_before
        return query.created_after, query.created_before

    def window(self, start: int, stop: int | None) -> ListingQuery:
        """The listing of one window, within the bounds of the listing itself."""
        if self._ascending:
            return self._between(start - 1, stop)
        return self._between(None if stop is None else SECOND - 1 - stop, SECOND - start)

    def from_millisecond(self, moment: datetime, stop: int | None) -> ListingQuery:
        """The same from one millisecond on, for a second that has more models than a page."""
        at = (moment - _EPOCH) // MILLISECOND
        if self._ascending:
            return self._between(at - 1, stop)
        return self._between(None if stop is None else SECOND - 1 - stop, at + 1)

    def _between(self, after: int | None, before: int | None) -> ListingQuery:
        """Both bounds are exclusive, in milliseconds."""
        own_after, own_before = self._bounds
        first = max(filter(None, (_time(after), own_after)), default=None)
        last = min(filter(None, (_time(before), own_before)), default=None)
        if self._by_update:
            return msgspec.structs.replace(self._query, updated_after=first, updated_before=last)
        return msgspec.structs.replace(self._query, created_after=first, created_before=last)

    def backwards(self, start: int, stop: int | None) -> ListingQuery:
        """The listing of one window from its end on."""
        return msgspec.structs.replace(
            self.window(start, stop), sort_direction="desc" if self._ascending else "asc"
        )

    def positions(self, answer: PageAnswer) -> list[int]:
        """The position of each row, but for those where it cannot be told."""
        return [position for position in self.row_positions(answer) if position is not None]

    def row_positions(self, answer: PageAnswer) -> list[int | None]:
        """The position of each row, ``None`` where it cannot be told."""
        return [
            None if moment is None else position_of(moment) * (1 if self._ascending else -1)
            for moment in answer.moments(by_update=self._by_update)
        ]

    def last_millisecond(self, answer: PageAnswer) -> datetime | None:
        """The last date of a page of one second, if its rows show that milliseconds are sorted.

        A service that sorts by the second may have a few of them in order by chance.
        """
        moments = [one for one in answer.moments(by_update=self._by_update) if one is not None]
        in_order = moments == sorted(moments, reverse=not self._ascending)
        return moments[-1] if in_order and len(set(moments)) >= _NO_CHANCE else None

    def has(self, answer: PageAnswer, moment: datetime) -> bool:
        """Whether a row has this very date."""
        return moment in answer.moments(by_update=self._by_update)


def moment_at(position: int) -> datetime | None:
    """The date at a position where the oldest model comes first; ``None`` beyond the calendar."""
    try:
        return _EPOCH + position * MILLISECOND
    except OverflowError:
        return None


def position_of(moment: datetime) -> int:
    """The position of a date where the oldest model comes first."""
    # Before the epoch as well, a whole second is rounded down: only the days are below zero then.
    since = moment - _EPOCH
    return (since.days * _DAY + since.seconds) * SECOND


def _moment(bound: str | None) -> datetime | None:
    return None if bound is None else datetime.fromisoformat(bound)


def _time(milliseconds: int | None) -> str | None:
    """A bound as the API takes it; none where there is none, or it would be beyond the calendar."""
    moment = None if milliseconds is None else moment_at(milliseconds)
    return None if moment is None else wire_time(moment)
