"""Several parts at once of a listing sorted by creation, each gone through by key. No I/O."""

from __future__ import annotations

from dataclasses import replace
from math import ceil, inf
from typing import TYPE_CHECKING

from scenario_async._errors import PaginationError
from scenario_async._planners.outlook import Outlook
from scenario_async._planners.planner import PageRequest, ReleasedPage, is_refusal
from scenario_async._planners.survey import Surveyor
from scenario_async._planners.window import Window, unusable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenario_async._decode import PageAnswer
    from scenario_async._errors import APIError
    from scenario_async._planners.survey import Survey
    from scenario_async._planners.timeline import Timeline
    from scenario_async._query import ListingQuery

__all__ = ["TimeWindows"]

# Found by simulation, over even, growing and bursty listings of 700 to 100,000 models: windows of
# this many expected pages, and no cut through what is expected to be hardly more than one piece.
_PAGES_PER_WINDOW = 2.8
_WORTH_A_CUT = 1.25
# With a survey: what windows of one page are meant to have of it, so that a few models more do not
# make it two, and what may be left as one window.
_FULL = 0.94
_NEARLY_FULL = 0.99
# In any order: how many pages by walker may be windows of their own. The little that each of them
# wastes would take more than is allowed where there are many.
_IN_PIECES = 8
# In listing order: pages asked for or waiting for their turn, by walker, at the beginning and later
# on: what a walk does not know of the listing yet costs time, and what waits for long costs memory.
# And the share of requests that cuts may cost beyond the two by walker, because a bounded buffer
# needs cuts for ever.
_AHEAD_AT_FIRST = 3
_AHEAD = 2
_MORE_IN_ORDER = 0.25


class TimeWindows:
    """Cuts a listing behind a page with rows at ``places``, and asks for several windows at once.

    A window is asked for by its bounds. A page with more behind it leaves a smaller window, which
    begins at the last millisecond seen: its models come once more and are dropped as repeated, but
    no deletion shifts a model past the reader, and no cursor expires. Only where one millisecond
    fills a page does the service's cursor lead through it.

    ``most`` requests are under way at a time. In all they are at most two for each of those more
    than one walk by key would need; with ``ordered``, where only so many pages may wait for those
    before them, a quarter more. With ``most=1`` it is that one walk.

    With a ``survey`` of an earlier walk the cuts are made where it says that nearly a page ends,
    and nobody asks for the end. Where it does not hold any more, windows have more pages or fewer
    models than they were meant to.

    Attributes:
        unusable: Why the listing cannot be cut by creation, as soon as that shows. The planner must
            not be asked any more then.
    """

    def __init__(
        self,
        timeline: Timeline,
        places: Sequence[int],
        *,
        most: int,
        ordered: bool,
        released: int,
        survey: Survey | None = None,
    ) -> None:
        self.unusable: str | None = None
        self._timeline = timeline
        self._origin = places[-1] - released
        # Rows in a page where the service caps what was asked for.
        self._rows_per_page = len(places)
        self._most = most
        self._ordered = ordered
        self._line = [Window(places[-1], None)]
        self._surveyor = Surveyor()
        self._surveyor.saw(places[0], places, len(places), again=True)
        # One walker has nothing to cut.
        survey = survey if most > 1 else None
        self._surveyed = survey is not None
        self._outlook = Outlook(survey)
        if survey is None:
            self._outlook.saw(places[0], places[-1], len(places))
        # The place of the last model: only several walkers need it.
        self._asks_end = most > 1 and survey is None
        self._may_ask_end_later = survey is not None
        self._end_request: PageRequest | None = None
        self._asked = 0
        self._released = released
        # Both in pages: what came, and what the cuts through it cost, with the request for the end.
        self._received = 1.0
        self._spent = 0.0
        self._broken: PaginationError | None = None

    @classmethod
    def over(
        cls,
        timeline: Timeline,
        windows: Sequence[tuple[int, int | None]],
        *,
        rows_per_page: int,
        most: int,
    ) -> TimeWindows:
        """Goes through these windows and no others, such as those an earlier walk has left.

        They are in the order of the line and do not overlap. Pages come as they arrive.
        """
        planner = cls(timeline, [windows[0][0]], most=most, ordered=False, released=0)
        planner._line = [Window(start, stop) for start, stop in windows]
        planner._surveyor, planner._outlook = Surveyor(), Outlook(None)
        planner._rows_per_page = rows_per_page
        planner._received = planner._spent = 0.0
        return planner

    def requests(self, room: int, waiting: int) -> Sequence[PageRequest]:
        """The windows to ask for now, and at the beginning the last model of the listing."""
        free = min(room, self._room(waiting))
        if free < 1 or self._broken is not None:
            return ()
        requests: list[PageRequest] = []
        # Where nothing came yet, the first page may be all there is.
        if self._asks_end and self._received and self._line[-1].stop is None:
            self._asks_end = False
            self._spent += 1
            self._end_request = self._request(self._timeline.last(self._line[-1].start))
            requests.append(self._end_request)
        chosen = self._in_order if self._ordered or self._in_pieces() else self._largest
        for window in chosen(free - len(requests)):
            query = window.cursor or self._timeline.window(window.start, window.stop)
            window.request = self._request(query)
            requests.append(window.request)
        return requests

    def receive(self, request: PageRequest, answer: PageAnswer) -> Sequence[ReleasedPage]:
        """Release the page, in listing order once all before it came."""
        places = self._timeline.some_places(answer)
        if request == self._end_request:
            self._end_request = None
            self._outlook.end = places[-1] if places else self._outlook.end
            return ()
        window = self._window(request)
        self.unusable = unusable(window, places)
        if self.unusable is not None:
            return ()
        window.request = None
        window.answer = answer
        self._shrink(window, request, answer, places)
        if not self._ordered:
            self._line.remove(window)
            return (self._release(window),)
        released: list[ReleasedPage] = []
        while self._line and self._line[0].answer is not None:
            released.append(self._release(self._line.pop(0)))
        return released

    def failed(self, request: PageRequest, error: APIError) -> Sequence[ReleasedPage]:
        """Only a cursor that was refused can be done without: its millisecond is begun again."""
        if request == self._end_request:
            self._end_request = None
            return ()
        window = self._window(request)
        if window.cursor is None or window.refused or not is_refusal(error):
            raise error
        window.request = window.cursor = None
        window.tokens = frozenset()
        window.refused = True
        return ()

    def finished(self) -> bool:
        """Whether every window was released."""
        if self._broken is not None and not any(window.request for window in self._line):
            raise self._broken
        return not self._line

    @property
    def survey(self) -> Survey | None:
        """Where the models lie, once every window was released."""
        return None if self._line or self._broken else self._surveyor.survey()

    # Which windows come next

    def _room(self, waiting: int) -> int:
        under_way = sum(window.request is not None for window in self._line)
        under_way += self._end_request is not None
        free = self._most - under_way
        if not self._ordered or self._most == 1:
            return free if waiting <= max(1, self._most - 1) else 0
        ahead = under_way + waiting + sum(window.answer is not None for window in self._line)
        at_first = self._received < _AHEAD_AT_FIRST * self._most
        at_most = self._most * (_AHEAD_AT_FIRST if at_first else _AHEAD)
        if ahead >= at_most:
            # What all the others wait for must come in any case.
            return int(free > 0 and waiting <= self._most and self._line[0].open)
        return min(free, at_most - ahead)

    def _in_pieces(self) -> bool:
        rest = sum(self._pages_in(window) for window in self._line if window.open)
        return self._surveyed and rest <= _IN_PIECES * self._most

    def _in_order(self, free: int) -> Sequence[Window]:
        """The first windows, cut so that all walkers have work but do not run far ahead."""
        rest = sum(self._pages_in(window) for window in self._line if window.open)
        chosen: list[Window] = []
        while len(chosen) < free:
            window = next((one for one in self._line if one.open and one not in chosen), None)
            if window is None:
                break
            # The last walker takes all that is left: an end that is not known must be reached.
            last = rest == inf and len(chosen) == free - 1
            pages = self._pages_in(window)
            if not last and (size := self._size(window, pages, rest)) < pages:
                self._cut(window, size)
            chosen.append(window)
        return chosen

    def _size(self, window: Window, pages: float, rest: float) -> float:
        """How many pages the next window is to have, of one with so many: all, if few are left."""
        if not self._outlook.surveyed(window.start):
            size = min(_PAGES_PER_WINDOW, max(1.0, rest / self._most))
            return size if pages > size * _WORTH_A_CUT else pages
        if pages <= _NEARLY_FULL:
            return pages
        return pages / ceil(pages / _FULL)

    def _largest(self, free: int) -> Sequence[Window]:
        """The largest windows, the largest of all halved until each walker has one."""
        while sum(window.open for window in self._line) < free:
            still_open = [window for window in self._line if window.open]
            largest = max(still_open, key=self._pages_in, default=None)
            if largest is None or (rest := self._pages_in(largest)) <= _WORTH_A_CUT:
                break
            if not self._cut(largest, _PAGES_PER_WINDOW if rest == inf else rest / 2):
                break
        still_open = [window for window in self._line if window.open]
        return sorted(still_open, key=self._pages_in, reverse=True)[:free]

    def _pages_in(self, window: Window) -> float:
        """How many pages a window is expected to have."""
        if window.cursor is not None:
            return 1.0
        stop = self._outlook.end if window.stop is None else window.stop
        if stop is None:
            return inf
        return self._outlook.between(window.start, stop) / self._rows_per_page

    def _cut(self, window: Window, pages: float) -> bool:
        """Cut a window behind so many expected pages, if that can be told and is allowed."""
        if window.cursor is not None or not self._may_spend():
            return False
        middle = self._outlook.behind(window.start, pages * self._rows_per_page)
        # Without a stop, the bounds of the listing itself are the end: a window across them would
        # be asked for by looser ones, and find models that nobody asked for.
        end = self._timeline.end if window.stop is None else window.stop
        if middle is None or not window.start < middle < end:
            return False
        self._line.insert(self._line.index(window) + 1, Window(middle, window.stop))
        window.stop = middle
        return True

    def _may_spend(self) -> bool:
        """Whether one more cut keeps the bound on requests: each may cost up to a page."""
        at_risk = sum(window.answer is None for window in self._line)
        bound = 2.0 * self._most + (_MORE_IN_ORDER * self._received if self._ordered else 0)
        return self._spent + at_risk + 1 <= bound

    # What an answer says

    def _request(self, query: ListingQuery) -> PageRequest:
        self._asked += 1
        return PageRequest(query, self._asked)

    def _window(self, request: PageRequest) -> Window:
        return next(window for window in self._line if window.request == request)

    def _shrink(
        self, window: Window, request: PageRequest, answer: PageAnswer, places: Sequence[int]
    ) -> None:
        """Make the window what the page covers, and leave the rest of it open."""
        pages = len(answer.rows) / self._rows_per_page
        self._received += pages
        last = places[-1] if places else window.start
        # Before the first row of a listing lies no time in which there could be models.
        begun = places[0] if places and self._received == pages else window.start
        window.covers = (window.start, window.stop)
        if answer.token is None:
            self._spent += max(0.0, 1 - pages)
            last = last if window.stop is None else window.stop
        else:
            rest = Window(last, window.stop)
            window.covers = (window.start, last)
            # All of one millisecond, also where that is not the first one of the window.
            if last == (places[0] if places else begun):
                self._go_through(window, rest, request.query.after(answer.token))
            self._line.insert(self._line.index(window) + 1, rest)
            self._look_for_end(begun, rest)
        window.stop = last
        # What a page by key has of its last place comes once more.
        again = answer.token is not None and self._line[self._line.index(window) + 1].cursor is None
        models = self._surveyor.saw(begun, places, len(answer.rows), again=again)
        self._outlook.saw(begun, last, models)

    def _look_for_end(self, begun: int, rest: Window) -> None:
        """Ask for the end, if all of a page and more came behind the end of the survey."""
        behind = rest.stop is None and not self._outlook.surveyed(begun)
        if behind and self._may_ask_end_later and self._may_spend():
            self._may_ask_end_later = False
            self._asks_end = True

    def _go_through(self, window: Window, rest: Window, cursor: ListingQuery) -> None:
        """Follow the service's cursor through a millisecond that fills a page."""
        assert cursor.pagination_token is not None  # noqa: S101 - for the type checker
        if cursor.pagination_token in window.tokens:
            self._broken = PaginationError(
                "the service handed out the same token with two pages of one millisecond: "
                "following it would never end"
            )
        rest.cursor = cursor
        rest.tokens = window.tokens | {cursor.pagination_token}
        rest.refused = window.refused

    def _release(self, window: Window) -> ReleasedPage:
        assert window.answer is not None  # noqa: S101 - for the type checker: only answered ones are
        assert window.stop is not None  # noqa: S101 - as above
        depth = self._released
        self._released += 1
        behind = self._line[0].start if self._ordered and self._line else window.stop
        following = PageRequest(self._timeline.window(behind, None), depth + 1)
        return ReleasedPage(
            PageRequest(self._timeline.window(window.start, window.stop), depth),
            # A token of a window ends with the window, and not with the listing.
            replace(window.answer, token=None),
            following if self._line else None,
            place=window.start - self._origin,
            covers=window.covers,
        )
