"""One part of a listing that is cut by creation, and what an answer says of it. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from scenario_async._decoding import PageAnswer
from scenario_async._pagination.planner import NotByDateError

from .timeline import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from scenario_async._pagination.planner import PageRequest
    from scenario_async._query import ListingQuery

    from .timeline import Timeline

__all__ = ["Asked", "DenseSecond", "Reading", "Window", "read"]


@dataclass(frozen=True, slots=True)
class DenseSecond:
    """How to go on within a second that fills a page.

    Attributes:
        query: What is asked next: from a millisecond on, or by the service's cursor.
        cursor: By the service's cursor, for where bounds turn out to be compared by the second.
        stop: Where both lead to.
        tokens: The service's cursors that have led here.
        millisecond: The one from which on ``query`` asks; ``None`` where it is the cursor.
    """

    query: ListingQuery
    cursor: ListingQuery
    stop: int | None
    tokens: frozenset[str] = frozenset()
    millisecond: datetime | None = None


@dataclass(slots=True, eq=False)
class Window:
    """A part ``[start, stop)`` of the timeline, to be asked for, or answered and to be emitted.

    It is asked for from its beginning, and also from its end: two pages of it come at a time, and
    nobody has to guess where its middle lies. A page leaves what is between the two ends.
    """

    start: int
    stop: int | None
    # Where pages before it had some models of its first second.
    dense: DenseSecond | None = None
    # Whether the service refused a cursor of it.
    refused: bool = False
    from_start: Asked | None = None
    from_end: Asked | None = None
    # Whether a page from the end showed something.
    has_end: bool = True
    # Whether a page showed that there is something in it.
    sure: bool = False
    # How many models at its beginning and at its end are repeated.
    repeated: tuple[int, int] = (0, 0)
    answer: PageAnswer | None = None

    @property
    def open(self) -> bool:
        """Whether it is still to be asked for from its beginning."""
        return self.from_start is None and self.answer is None

    @property
    def sides(self) -> int:
        """How many requests for it are under way."""
        return (self.from_start is not None) + (self.from_end is not None)

    def ask(self, request: PageRequest, *, backwards: bool) -> Asked:
        """Note that it is asked for as it is now, from its beginning or from its end."""
        stop = self.stop if self.dense is None or backwards else self.dense.stop
        asked = Asked(self, request, self.start, stop, backwards=backwards)
        if backwards:
            self.from_end = asked
        else:
            self.from_start = asked
        return asked

    def answered(self, asked: Asked) -> None:
        """Note that a request for it is not under way any more."""
        if asked.backwards:
            self.from_end = None
        else:
            self.from_start = None

    def cut(self, position: int) -> Window:
        """Cut it, and return the part behind: what was asked for from the end is of that part."""
        at_start, at_end = self.repeated
        behind = Window(
            position,
            self.stop,
            from_end=self.from_end,
            has_end=self.has_end,
            repeated=(0, at_end),
        )
        self.repeated = at_start, 0
        if behind.from_end is not None:
            behind.from_end.window = behind
        self.from_end = None
        self.stop = position
        return behind

    def begin_at(self, position: int) -> None:
        """Leave all before a position to a page."""
        self.start = position
        self.repeated = 0, self.repeated[1]
        self.dense = None
        self.refused = False

    def close(self) -> int:
        """Leave all of it to a page; returns how many requests for it are in vain now."""
        in_vain = self.sides
        for asked in (self.from_start, self.from_end):
            if asked is not None:
                asked.window = None
        self.from_start = self.from_end = None
        return in_vain


@dataclass(slots=True, eq=False)
class Asked:
    """A request for a window that is under way, with the bounds that it has.

    The window may have become smaller meanwhile, by a cut or by pages that came; ``None`` is left
    of it where they had all of it.
    """

    window: Window | None
    request: PageRequest
    start: int
    stop: int | None
    backwards: bool = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer shows: all that is in ``[start, stop)``, to the end where that is ``None``.

    Attributes:
        answer: The rows in listing order.
        row_positions: Of each of them, ``None`` where it cannot be told.
        start: Nothing is missing from here on.
        stop: And nothing before this.
    """

    answer: PageAnswer
    row_positions: Sequence[int | None]
    start: int
    stop: int | None

    @property
    def positions(self) -> list[int]:
        """The positions of the rows that have one."""
        return [position for position in self.row_positions if position is not None]

    def within(self, start: int, stop: int | None) -> Reading:
        """What of it is in a smaller part.

        A full page keeps its last second, although that may be repeated.
        """
        reading = self
        if start != self.start:
            reading = self._where(lambda position: position >= start)
        if stop is not None and stop != self.stop:
            reading = reading.before(stop)
        return replace(reading, start=start, stop=stop)

    def rows_at_end(self) -> int:
        """How many rows are of the last second."""
        positions = self.positions
        return positions.count(positions[-1]) if positions else 0

    def before(self, stop: int) -> Reading:
        """The same without the rows at a position or behind it."""
        return self._where(lambda position: position < stop)

    def _where(self, fits: Callable[[int], bool]) -> Reading:
        """Only the rows at such positions, and those without one."""
        kept = [
            number
            for number, position in enumerate(self.row_positions)
            if position is None or fits(position)
        ]
        rows = [self.answer.rows[number] for number in kept]
        return replace(
            self,
            answer=replace(self.answer, rows=rows),
            row_positions=[self.row_positions[number] for number in kept],
        )


def read(asked: Asked, answer: PageAnswer, timeline: Timeline) -> Reading | None:
    """What an answer shows of the window that was asked for.

    Returns:
        The reading; ``None`` where a page from the end shows nothing, not even that it is one.

    Raises:
        NotByDateError: The answer shows that the listing cannot be cut by its dates.
    """
    row_positions = timeline.row_positions(answer)
    full = answer.token is not None
    if asked.backwards:
        turned = [position for position in reversed(row_positions) if position is not None]
        if full and not _from_end(turned):
            return None
        if _rising(turned):
            answer, row_positions = PageAnswer(answer.rows[::-1], answer.token), row_positions[::-1]
    positions = [position for position in row_positions if position is not None]
    if not _rising(positions):
        raise NotByDateError(f"the service does not sort by {timeline.date}")
    if positions and (
        positions[0] < asked.start or (asked.stop is not None and positions[-1] >= asked.stop)
    ):
        raise NotByDateError(f"the service does not respect {timeline.bounds}")
    if not full:
        return Reading(answer, row_positions, asked.start, asked.stop)
    if asked.backwards:
        # The first second is left to the page before it.
        reading = Reading(answer, row_positions, asked.start, asked.stop)
        return reading.within(positions[0] + SECOND, asked.stop)
    # The last second is repeated, with what is behind it.
    return Reading(answer, row_positions, asked.start, positions[-1] if positions else asked.start)


def _rising(positions: Sequence[int]) -> bool:
    return list(positions) == sorted(positions)


def _from_end(positions: Sequence[int]) -> bool:
    """Whether a page is one from the end: a service may send one from the beginning all the same.

    As long as all its models are of one second, it shows nothing.
    """
    return bool(positions) and positions[0] < positions[-1] and _rising(positions)
