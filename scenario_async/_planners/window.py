"""One part of a listing that is cut by creation, and what an answer says of it. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from scenario_async._decode import PageAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from scenario_async._planners.planner import PageRequest
    from scenario_async._planners.timeline import Timeline
    from scenario_async._query import ListingQuery

__all__ = ["Asked", "Reading", "Window", "read"]


@dataclass(slots=True, eq=False)
class Window:
    """A part ``[start, stop)`` of the line: open, asked for, or answered and waiting its turn.

    It is asked for from its beginning, and also from its end: two pages of it come at a time, and
    nobody has to guess where its middle lies. A page leaves what is between the two ends.
    """

    start: int
    stop: int | None
    covers: tuple[int, int | None] | None = None
    cursor: ListingQuery | None = None
    # The stop of the window when the service handed out the cursor, which leads up to there.
    cursor_stop: int | None = None
    tokens: frozenset[str] = frozenset()
    refused: bool = False
    from_start: Asked | None = None
    from_end: Asked | None = None
    # Whether a page from the end showed something.
    has_end: bool = True
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
        by_cursor = self.cursor is not None and not backwards
        stop = self.cursor_stop if by_cursor else self.stop
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

    def cut(self, place: int) -> Window:
        """Cut it, and give the part behind: what was asked for from the end is of that part."""
        behind = Window(place, self.stop, from_end=self.from_end, has_end=self.has_end)
        if behind.from_end is not None:
            behind.from_end.window = behind
        self.from_end = None
        self.stop = place
        return behind


@dataclass(slots=True, eq=False)
class Asked:
    """A request for a window that is under way, with the bounds that it has."""

    window: Window
    request: PageRequest
    start: int
    stop: int | None
    backwards: bool = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer says of its window.

    Attributes:
        answer: The rows within the window that do not come with another page, in listing order.
        places: Of some of them, the first one and the last one always.
        start: From here on nothing is missing now.
        stop: Up to here; ``None`` up to the end of the listing.
        full: Whether the service has more rows, which this page has no place for.
    """

    answer: PageAnswer
    places: Sequence[int]
    start: int
    stop: int | None
    full: bool


def read(asked: Asked, answer: PageAnswer, timeline: Timeline) -> Reading | str | None:
    """What an answer says of the window that it was asked for.

    The window may have become smaller meanwhile, from the other end or by a cut: the rows beyond
    are those of other pages.

    Returns:
        The reading; a sentence, where the answer shows that the listing cannot be cut by creation;
        ``None``, where a page from the end shows nothing, not even that it is one.
    """
    places = timeline.some_places(answer)
    if asked.backwards:
        turned = [*reversed(places)]
        if _rising(turned):
            answer, places = PageAnswer(answer.rows[::-1], answer.token), turned
        if answer.token is not None and not _from_end(turned):
            return None
    if not _rising(places):
        return "the service does not sort by createdAt"
    if places and (
        places[0] < asked.start or (asked.stop is not None and places[-1] >= asked.stop)
    ):
        return "the service does not heed createdAfter and createdBefore"
    return (
        _from_its_end(asked, answer, places, timeline)
        if asked.backwards
        else _from_its_start(asked, answer, places, timeline)
    )


def _from_its_start(
    asked: Asked, answer: PageAnswer, places: Sequence[int], timeline: Timeline
) -> Reading:
    """The last millisecond of a full page comes once more, with the rows behind it."""
    window = asked.window
    full = answer.token is not None
    reached = (places[-1] if places else asked.start) if full else window.stop
    if window.stop is not None and (reached is None or reached >= window.stop):
        full, reached = False, window.stop
    stop = window.stop
    if not full and stop is not None and stop != asked.stop:
        numbers = range(len(answer.rows) - 1, -1, -1)
        answer, places = _without(answer, numbers, lambda place: place >= stop, timeline)
    return Reading(answer, places, window.start, reached, full)


def _from_its_end(
    asked: Asked, answer: PageAnswer, places: Sequence[int], timeline: Timeline
) -> Reading:
    """Of a full page the first millisecond is left to the page before it."""
    window = asked.window
    # What a cursor leads through comes once only, and from the beginning.
    begin = window.start + (window.cursor is not None)
    reached = max(begin, places[0] + 1) if answer.token is not None else begin
    if reached != asked.start:
        numbers = range(len(answer.rows))
        answer, places = _without(answer, numbers, lambda place: place < reached, timeline)
    return Reading(answer, places, reached, window.stop, reached > window.start)


def _without(
    answer: PageAnswer, numbers: Iterable[int], beyond: Callable[[int], bool], timeline: Timeline
) -> tuple[PageAnswer, Sequence[int]]:
    """A page without the rows at one end of it that are beyond its window, and the places left.

    Dates are read no further than that; a row that has none stays.
    """
    gone: set[int] = set()
    for number in numbers:
        place = timeline.place(answer, number)
        if place is not None and not beyond(place):
            break
        if place is not None:
            gone.add(number)
    rows = [row for number, row in enumerate(answer.rows) if number not in gone]
    within = PageAnswer(rows, answer.token)
    return within, timeline.some_places(within)


def _rising(places: Sequence[int]) -> bool:
    return all(one <= next_ for one, next_ in pairwise(places))


def _from_end(places: Sequence[int]) -> bool:
    """Whether a page is one from the end: a service may give one from the beginning all the same.

    As long as all its models are of one millisecond, it shows nothing.
    """
    return len(places) > 1 and places[0] < places[-1] and _rising(places)
