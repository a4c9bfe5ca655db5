"""Several parts at once of a listing sorted by creation, each gone through by key. No I/O."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING

from scenario_async._errors import PaginationError
from scenario_async._pagination.planner import EmittedPage, NotByDateError, PageRequest, is_refusal
from scenario_async._query import LARGEST_PAGE

from .estimator import Estimator
from .intervals import IntervalList
from .scheduler import Scheduler
from .window import Asked, DenseSecond, Reading, Window, read

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scenario_async._decoding import PageAnswer
    from scenario_async._errors import APIError
    from scenario_async._query import ListingQuery

    from .histogram import Histogram
    from .timeline import Timeline

__all__ = ["WindowPlanner"]

_REFUSED_BOUNDS = (400, 422)


class WindowPlanner:
    """Cuts a listing, and asks for several windows at once, each from both its ends.

    A window is asked for by its bounds. A page with more behind it leaves a smaller window, which
    begins at the last second seen. No deletion shifts a model past the reader, and no cursor
    expires. A page from the end of a window leaves what is before it, with the first second of the
    page. So pages have what they cover and no more, but for two cases: in listing order, a page has
    the beginning of its last second at once, and all of that second is in the next one too; and a
    second is begun again whose cursor is refused.

    A second that fills a page is gone through by its milliseconds, or by the service's cursor
    where that does not sort by them.

    ``limit`` requests are under way at a time. How many more than one run by key they may be in all
    is said by :func:`~scenario_async._pagination.budget.slack`. With ``limit=1`` it is that run.

    With a ``histogram`` of an earlier run the cuts are made where it says that nearly a page ends.
    Where it does not hold any more, windows have more pages or fewer models than they were meant
    to.

    :meth:`receive` and :meth:`failed` raise :exc:`NotByDateError` where the listing turns out not
    to be one that can be cut. The planner must not be asked any more then.
    """

    def __init__(
        self,
        timeline: Timeline,
        windows: Sequence[tuple[int, int | None]],
        *,
        rows_per_page: int,
        limit: int,
        ordered: bool = False,
        emitted: int = 0,
        histogram: Histogram | None = None,
        scarce: Callable[[], bool] = lambda: False,
    ) -> None:
        """Goes through these windows and no others, such as those an earlier run has left.

        They are in listing order and do not overlap.
        """
        self._timeline = timeline
        self._intervals = IntervalList(windows)
        self._origin = self._intervals.first.start - emitted
        self._emitted = emitted
        self._ordered = ordered
        # One request at a time has nothing to cut.
        self._estimator = Estimator(histogram if limit > 1 else None, timeline.end)
        self._scheduler = Scheduler(
            self._intervals,
            self._estimator,
            rows_per_page=rows_per_page,
            limit=limit,
            ordered=ordered,
            scarce=scarce,
        )
        self._under_way: dict[PageRequest, Asked] = {}
        self._asked = 0
        self._by_millisecond = True
        self._broken: PaginationError | None = None

    def begin_behind(self, page: EmittedPage, positions: Sequence[int]) -> None:
        """Begin behind a page with rows at ``positions``, the last one of which is repeated."""
        again = positions.count(positions[-1])
        window = self._intervals.first
        window.sure = True
        if again == len(positions):
            self._go_on_within(window, page.request.query, None, page.answer)
            again = 0
        window.repeated = again, 0
        self._scheduler.shared(again)
        self._scheduler.received(len(positions), last=False)
        seen = Reading(page.answer, positions, positions[0], positions[-1])
        self._estimator.saw_page(seen, again=again > 0)

    def requests(self, free_slots: int, buffered: int) -> Sequence[PageRequest]:
        """The windows to ask for now, from the one end or the other."""
        requests: list[PageRequest] = []
        while self._broken is None and (
            end := self._scheduler.next(free_slots - len(requests), len(self._under_way), buffered)
        ):
            requests.append(self._ask(*end))
        return requests

    def receive(self, request: PageRequest, answer: PageAnswer) -> Sequence[EmittedPage]:
        """Emit the page, in listing order once all before it came."""
        asked = self._under_way.pop(request)
        window = asked.window
        if window is None:
            return ()
        window.answered(asked)
        reading = None
        if asked.backwards or self._is_as_fine_as_asked(window, answer):
            reading = read(asked, answer, self._timeline)
            if reading is None:
                self._scheduler.dense()
        if reading is None or not self._take(window, asked, reading, len(answer.rows)):
            self._scheduler.wasted(1)
            return ()
        emitted: list[EmittedPage] = []
        while page := self._intervals.pop(ordered=self._ordered):
            emitted.append(self._emit(page))
        return emitted

    def failed(self, request: PageRequest, error: APIError) -> Sequence[EmittedPage]:
        """An end can be done without, and a cursor too: its second is begun again."""
        asked = self._under_way.pop(request)
        window = asked.window
        if window is None:
            return ()
        window.answered(asked)
        if asked.backwards:
            window.has_end = False
            self._scheduler.wasted(1)
            self._scheduler.backwards = self._scheduler.backwards and not is_refusal(error)
            return ()
        by_cursor = request.query.pagination_token is not None
        unbounded = self._timeline.window(self._timeline.begin, None)
        if not by_cursor and request.query != unbounded and error.status_code in _REFUSED_BOUNDS:
            raise NotByDateError(f"the service refused {self._timeline.bounds}") from error
        if not by_cursor or window.refused or not is_refusal(error):
            raise error
        if window.start == asked.start:
            window.begin_at(asked.start)
            window.refused = True
        return ()

    def finished(self) -> bool:
        """Whether every window was emitted."""
        if self._broken is not None and not any(window.sides for window in self._intervals):
            raise self._broken
        return not self._intervals

    @property
    def histogram(self) -> Histogram | None:
        """Where the models lie, once every window was emitted."""
        return None if self._intervals or self._broken else self._estimator.seen

    def _ask(self, window: Window, backwards: bool) -> PageRequest:
        start, stop = window.start, window.stop
        if backwards:
            query = self._timeline.backwards(start, stop)
        elif window.dense is not None:
            query = window.dense.query
        else:
            query = self._timeline.window(start, stop)
        # What is repeated on top, so that a page has as many new models as it may. A page from the
        # end leaves its first second to the page before it.
        repeated = sum(window.repeated) + backwards
        rows = query.rows_per_page
        if repeated and rows is not None and query.pagination_token is None:
            query = query.with_rows_per_page(min(LARGEST_PAGE, rows + repeated))
        self._asked += 1
        request = PageRequest(query, serial=self._asked)
        self._under_way[request] = window.ask(request, backwards=backwards)
        return request

    def _take(self, window: Window, asked: Asked, reading: Reading, rows: int) -> bool:
        """Make a page of what no other page has, if there is anything."""
        before = copy(window)
        taken = self._intervals.take(window, asked, reading)
        if taken is None:
            return False
        own, in_vain = taken
        self._scheduler.wasted(in_vain)
        models = len(own.answer.rows)
        full = own.answer.token is not None and models == len(reading.answer.rows)
        known = before.repeated[0] if own.start == before.start else 0
        self._scheduler.received(max(0, models - known), last=not full)
        whole = (before.start, before.stop) == (asked.start, asked.stop)
        self._note_rest(own, reading, rows, backwards=asked.backwards, sure=whole)
        # The second of which the page may have a part: what is left begins with all of it.
        goes_on = not asked.backwards and own.stop == reading.stop and own.answer.token is not None
        last = own.stop if goes_on else None
        # All of one second, also where that is not the first one of the window.
        of_one = last == (own.positions[0] if own.positions else own.start)
        if last is not None and of_one and window in self._intervals and window.start == last:
            tokens = before.dense.tokens if before.dense else frozenset[str]()
            self._go_on_within(window, asked.request.query, asked.stop, own.answer, tokens)
            window.refused = before.refused
            last = None
        self._estimator.saw_page(own, again=last is not None)
        if last is not None and not self._ordered:
            own = own.before(last)
        self._intervals.put(Window(own.start, own.stop, answer=own.answer))
        return True

    def _note_rest(
        self, page: Reading, reading: Reading, rows: int, *, backwards: bool, sure: bool
    ) -> None:
        """Note what a full page shows of what is left of its window."""
        if page.answer.token is None:
            return
        for rest in self._intervals.unanswered:
            if backwards and rest.stop == page.start == reading.start:
                rest.sure, rest.repeated = sure, (rest.repeated[0], rows - len(reading.answer.rows))
            elif not backwards and rest.start == page.stop == reading.stop:
                rest.sure = sure
                rest.repeated = page.rows_at_end(), rest.repeated[1]
            self._scheduler.shared(max(rest.repeated))

    def _go_on_within(
        self,
        window: Window,
        query: ListingQuery,
        stop: int | None,
        page: PageAnswer,
        tokens: frozenset[str] = frozenset(),
    ) -> None:
        """Go on within a second that fills a page: by its milliseconds where they are sorted.

        Otherwise the service's cursor leads through it.
        """
        assert page.token is not None  # noqa: S101 - for the type checker: only a full page has one
        by_cursor = query.after(page.token)
        moment = self._timeline.last_millisecond(page) if self._by_millisecond else None
        if moment is not None:
            by_date = self._timeline.from_millisecond(moment, stop)
            window.dense = DenseSecond(by_date, by_cursor, stop, tokens, moment)
            return
        self._scheduler.dense()
        if page.token in tokens:
            self._broken = PaginationError(
                "the service handed out the same token with two pages of one second: "
                "following it would never end"
            )
        window.dense = DenseSecond(by_cursor, by_cursor, stop, tokens | {page.token})

    def _is_as_fine_as_asked(self, window: Window, answer: PageAnswer) -> bool:
        """Whether an answer has the millisecond from which on it was asked for, if it was.

        Otherwise bounds may be compared by the second, and the service's cursor leads on.
        """
        dense = window.dense
        since = None if dense is None else dense.millisecond
        if dense is None or since is None or self._timeline.has(answer, since):
            return True
        self._by_millisecond = False
        window.dense = replace(dense, query=dense.cursor, millisecond=None)
        return False

    def _emit(self, page: Window) -> EmittedPage:
        assert page.answer is not None  # noqa: S101 - for the type checker: only answered ones are
        depth = self._emitted
        self._emitted += 1
        start, stop = page.start, page.stop
        behind = self._intervals.first.start if self._ordered and self._intervals else stop
        following = None
        if self._intervals:
            # In any order, that there is something to come is all that this can say.
            onward = self._timeline.window(start if behind is None else behind, None)
            following = PageRequest(onward, depth + 1)
        return EmittedPage(
            PageRequest(self._timeline.window(start, stop), depth),
            # A token of a window ends with the window, and not with the listing.
            replace(page.answer, token=None),
            following,
            sort_key=start - self._origin,
            covers=(start, stop),
        )
