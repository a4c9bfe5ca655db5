"""Which planner goes through a listing: told by the listing and its first page. No I/O."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec.structs import replace

from scenario_async._errors import APIError
from scenario_async._pagination.windows.planner import WindowPlanner
from scenario_async._pagination.windows.timeline import Timeline
from scenario_async._query import LARGEST_PAGE

from .cursor import CursorPlanner
from .planner import NotByDateError, PageRequest, is_refusal
from .predicted import PredictedPlanner

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scenario_async._decoding import PageAnswer
    from scenario_async._pagination.windows.histogram import Histogram
    from scenario_async._query import ListingQuery

    from .cursor_tracker import CursorTracker
    from .planner import EmittedPage, PagePlanner

__all__ = ["AdaptivePlanner", "Strategy", "sorted_by_date"]

Strategy: TypeAlias = Literal["auto", "cursor", "predicted", "windows"]
"""How the pages of a listing are asked for; ``"auto"`` goes by what the first page shows."""


def sorted_by_date(query: ListingQuery) -> bool:
    """Whether a listing is documented to come by a date that it can be bounded by.

    Only such a one can be cut into windows.
    """
    if query.route == "public":
        return False
    by_itself = query.sort_by is None and query.privacy != "public"
    return by_itself or query.sort_by == "createdAt" or _newest_updates_first(query) is not None


def _newest_updates_first(query: ListingQuery) -> bool | None:
    """In which direction a listing by update comes; ``None`` where it is none."""
    if query.sort_by != "updatedAt" or query.privacy != "public":
        return None
    return query.sort_direction != "asc"


class AdaptivePlanner:
    """Goes through a listing by the planner that fits, and by another one where that fails.

    The first page shows what fits; a listing of one page costs one request. Where the service
    refuses a cursor on the way, the run goes on from the last date, or begins again where there is
    none. Whoever reads the pages tells repeated models by their ids.

    A model that is updated moves to the newest end of a listing by update. From the oldest on, it
    moves ahead of a run that goes page after page. From the newest on, it moves behind the first
    page: so what was updated since that page is listed last, from the oldest on, and comes as more
    pages in front of the others.
    """

    def __init__(
        self,
        first: PageRequest,
        tracker: CursorTracker,
        *,
        strategy: Strategy,
        limit: int,
        ordered: bool,
        histogram: Histogram | int | None = None,
        scarce: Callable[[], bool] = lambda: False,
    ) -> None:
        self._first = first
        self._tracker = tracker
        self._strategy: Strategy = strategy
        self._limit = limit
        self._ordered = ordered
        self._histogram = None if isinstance(histogram, int) else histogram
        begins = first.query.pagination_token is None and not first.query.offset
        self._whole = begins and first.depth == 0
        self._rows = histogram if isinstance(histogram, int) and self._whole else None
        self._scarce = scarce
        self._timeline = Timeline(first.query)
        newest_first = _newest_updates_first(first.query)
        self._at_once = 1 if newest_first is False else limit
        # Whether updates during the run are still to be listed, and whether they are now.
        by_date = strategy in {"auto", "windows"}
        self._updates_wanted = newest_first is True and by_date and self._whole
        self._lists_updates = False
        self._planner: PagePlanner = self._by_cursor(first, tracker)
        self._windows: WindowPlanner | None = None
        # Those of the listing as a whole, and not of its updates alone.
        self._whole_windows: WindowPlanner | None = None
        self._asked: dict[PageRequest, PagePlanner] = {}
        self._second: PageRequest | None = None
        self._last: EmittedPage | None = None
        # Why windows are of no use, until a page says so.
        self._not_by_date: NotByDateError | None = None
        # Whether all rows looked at have a date and come by it, and the position of the first.
        self._by_date = sorted_by_date(first.query)
        self._begins: int | None = None
        # Pages emitted in all; since the run last began again; and between the two times before.
        self._emitted = first.depth
        self._since = self._since_before = 0

    def requests(self, free_slots: int, buffered: int) -> Sequence[PageRequest]:
        """What the present planner asks for."""
        wanted = self._planner.requests(free_slots, buffered)
        # What a planner before it asked for, and is still under way, will do for it as well.
        requests = [request for request in wanted if request not in self._asked]
        self._asked.update(dict.fromkeys(wanted, self._planner))
        return requests

    def receive(self, request: PageRequest, answer: PageAnswer) -> Sequence[EmittedPage]:
        """Return what the present planner emits. Answers to earlier ones are not needed."""
        if self._asked.pop(request, None) is not self._planner:
            return ()
        try:
            emitted = self._planner.receive(request, answer)
        except NotByDateError as reason:
            self._do_without_windows(reason)
            return ()
        if self._not_by_date is not None and emitted:
            first, *others = emitted
            emitted = [dataclasses.replace(first, begins_again=self._not_by_date), *others]
            self._not_by_date = None
        if self._lists_updates:
            emitted = [self._in_front(page) for page in emitted]
        for page in emitted:
            self._note(page)
        # Behind all of them, as their depths are taken.
        if emitted and isinstance(emitted[-1].following, PageRequest) and self._windows_wanted():
            self._cut_behind(emitted[-1], self._at_once)
        elif emitted and emitted[-1].following is None and self._updates_wanted:
            emitted = [*emitted[:-1], self._with_updates(emitted[-1])]
        return emitted

    def failed(self, request: PageRequest, error: APIError) -> Sequence[EmittedPage]:
        """Raises the error unless there is another way."""
        if self._asked.pop(request, None) is not self._planner:
            return ()
        try:
            return self._planner.failed(request, error)
        except NotByDateError as reason:
            self._do_without_windows(reason)
        except APIError:
            by_cursor = self._windows is None and request.query.pagination_token is not None
            if not by_cursor or not is_refusal(error) or self._since <= self._since_before:
                raise
            self._do_without_cursor()
        return ()

    def finished(self) -> bool:
        """Whether the present planner is finished."""
        return self._planner.finished()

    @property
    def query(self) -> ListingQuery:
        """What the first page is asked by."""
        return self._first.query

    @property
    def histogram(self) -> Histogram | int | None:
        """What a run of the whole listing showed, once it is over.

        Where the models lie, if it went by windows; how many there are, if it predicted cursors.
        """
        if not self._whole or self._since_before:
            return None
        if self._whole_windows is not None:
            return self._whole_windows.histogram
        planner = self._planner
        if isinstance(planner, PredictedPlanner) and not self._by_date:
            return planner.rows
        return None

    def _by_cursor(self, first: PageRequest, tracker: CursorTracker) -> PagePlanner:
        if self._strategy == "cursor" or self._limit == 1:
            return CursorPlanner(first, tracker)
        rows = self._rows if first is self._first else None
        return PredictedPlanner(first, tracker, self._limit, rows=rows, scarce=self._scarce)

    def _note(self, page: EmittedPage) -> None:
        self._emitted += 1
        self._since += 1
        if page.answer.rows:
            self._last = page
            if self._begins is None:
                self._positions(page.answer)
        if self._second is None and isinstance(page.following, PageRequest):
            self._second = page.following

    def _positions(self, answer: PageAnswer) -> Sequence[int]:
        """Where the models of a page stand; none where the listing does not come by creation.

        A model without a date would be in no window.
        """
        if not self._by_date:
            return ()
        positions = self._timeline.positions(answer)
        if len(positions) < len(answer.rows) or any(
            one > next_ for one, next_ in pairwise(positions)
        ):
            self._by_date = False
            return ()
        if self._begins is None and positions:
            self._begins = positions[0]
        return positions

    def _windows_wanted(self) -> bool:
        wanted = self._strategy in {"windows", "auto"}
        return wanted and self._windows is None and self._by_date

    def _cut_behind(self, page: EmittedPage | None, limit: int) -> bool:
        """Go on by windows behind a page, if the pages show that the listing comes by creation.

        As long as all models are of one second, in which milliseconds tell no order, they do not:
        where the listing comes in the other direction, there would be nothing behind the page, and
        the rest would be lost.
        """
        positions = self._positions(page.answer) if page else ()
        if page is None or not positions or self._begins is None:
            return False
        if positions[-1] <= self._begins and self._timeline.last_millisecond(page.answer) is None:
            return False
        windows = WindowPlanner(
            self._timeline,
            [(positions[-1], None)],
            # Fewer than were asked for, where the service has a cap.
            rows_per_page=len(positions),
            limit=limit,
            ordered=self._ordered,
            emitted=self._emitted,
            histogram=self._histogram,
            scarce=self._scarce,
        )
        windows.begin_behind(page, positions)
        self._planner = self._windows = self._whole_windows = windows
        return True

    def _with_updates(self, last: EmittedPage) -> EmittedPage:
        """List what was updated since the first page, if there were others behind it."""
        self._updates_wanted = False
        if self._emitted == 1 or self._begins is None or not self._by_date:
            return last
        self._lists_updates = True
        oldest_first = Timeline(replace(self._first.query, sort_direction="asc"))
        # Of the newest first, positions are counted down.
        since = -self._begins
        self._planner = self._windows = WindowPlanner(
            oldest_first,
            [(since, None)],
            rows_per_page=self._first.query.rows_per_page or LARGEST_PAGE,
            limit=1,
            emitted=self._emitted,
        )
        following = PageRequest(oldest_first.window(since, None), self._emitted)
        return dataclasses.replace(last, following=following)

    @staticmethod
    def _in_front(page: EmittedPage) -> EmittedPage:
        """A page of later updates as one in front of those that are emitted."""
        answer = dataclasses.replace(page.answer, rows=page.answer.rows[::-1])
        return dataclasses.replace(page, answer=answer, sort_key=-page.request.depth, covers=None)

    def _do_without_windows(self, reason: NotByDateError) -> None:
        """Begin again behind the first page, by cursor."""
        assert self._second is not None  # noqa: S101 - for the type checker: windows come behind it
        self._not_by_date = reason
        self._by_date = self._whole = False
        self._windows = self._whole_windows = None
        self._updates_wanted = self._lists_updates = False
        self._planner = self._by_cursor(
            PageRequest(self._second.query, self._emitted),
            # Without the tokens that came behind it: they are repeated.
            self._tracker.back_to(self._first.depth),
        )

    def _do_without_cursor(self) -> None:
        """Go on by the last date, or begin again."""
        self._since_before, self._since = self._since, 0
        if self._cut_behind(self._last, 1):
            return
        first = PageRequest(self._first.query, self._emitted)
        tracker = self._tracker.anew(first.query, self._emitted)
        self._planner = self._by_cursor(first, tracker)
