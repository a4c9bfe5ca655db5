"""A listing sorted by creation or by update as a line of whole numbers, and back. No I/O.

The place of a model is that date in milliseconds, which is the service's grain, counted so that
places grow along the listing: upwards where the oldest model comes first, and below zero where the
newest does.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from scenario_async._query.query import wire_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scenario_async._decoding.envelope import PageAnswer
    from scenario_async._query.query import ListingQuery

__all__ = ["MILLISECOND", "Timeline", "moment_at", "position_of", "step_of_positions"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
"""The grain of places."""

_ENOUGH = 32
_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)


class Timeline:
    """Cuts one listing into windows of places.

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
    def begin(self) -> int:
        """No place of a model is before this one: a window from here on has no bound in front."""
        return position_of(_FIRST) if self._ascending else -position_of(_LAST)

    @property
    def end(self) -> int:
        """No place of the listing is behind this one, by its own bounds or by the calendar."""
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
        """The listing of one window."""
        after: int | None = start - 1
        before = stop
        if not self._ascending:
            after, before = None if stop is None else -stop, -start + 1
        given_after, given_before = self._bounds
        first, last = _time(after) or given_after, _time(before) or given_before
        if self._by_update:
            return msgspec.structs.replace(self._query, updated_after=first, updated_before=last)
        return msgspec.structs.replace(self._query, created_after=first, created_before=last)

    def backwards(self, start: int, stop: int | None) -> ListingQuery:
        """The listing of one window from its end on."""
        return msgspec.structs.replace(
            self.window(start, stop), sort_direction="desc" if self._ascending else "asc"
        )

    def position(self, answer: PageAnswer, row: int) -> int | None:
        """The place of one row, if it can be told."""
        moment = answer.moment(row, by_update=self._by_update)
        if moment is None:
            return None
        return position_of(moment) if self._ascending else -position_of(moment)

    def positions(self, answer: PageAnswer) -> list[int]:
        """The place of each row, but for those where it cannot be told."""
        return list(self._places(answer, range(len(answer.rows))))

    def some_places(self, answer: PageAnswer) -> list[int]:
        """The places of the first row and the last one that have any, and of some between them.

        Reading the dates of all rows would cost a fifth of what typing them costs.
        """
        rows = len(answer.rows)
        if rows <= _ENOUGH:
            return self.positions(answer)
        first = next(self._places(answer, range(rows)), None)
        last = next(self._places(answer, range(rows - 1, -1, -1)), None)
        if first is None or last is None:
            return []
        step = step_of_positions(rows)
        return [first, *self._places(answer, range(step, rows - 1, step)), last]

    def _places(self, answer: PageAnswer, rows: Iterable[int]) -> Iterator[int]:
        positions = (self.position(answer, row) for row in rows)
        return (position for position in positions if position is not None)


def step_of_positions(rows: int) -> int:
    """How many rows it is from one that is looked at to the next, in a page of so many."""
    return max(1, rows // _ENOUGH)


def moment_at(position: int) -> datetime | None:
    """The date at a place of a line that grows upwards; ``None`` beyond the calendar."""
    try:
        return _EPOCH + position * MILLISECOND
    except OverflowError:
        return None


def position_of(moment: datetime) -> int:
    """The place of a date on a line that grows upwards."""
    return (moment - _EPOCH) // MILLISECOND


def _moment(bound: str | None) -> datetime | None:
    return None if bound is None else datetime.fromisoformat(bound)


def _time(milliseconds: int | None) -> str | None:
    """A bound as the API takes it; none where there is none, or it would be beyond the calendar."""
    moment = None if milliseconds is None else moment_at(milliseconds)
    return None if moment is None else wire_time(moment)
