"""Several parts at once of a listing sorted by creation, each gone through by key. No I/O."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from scenario_async._errors import PaginationError
from scenario_async._pagination.planner import (
    EmittedPage,
    NotByDateError,
    PageRequest,
    is_refusal,
)
from scenario_async._query import LARGEST_PAGE

from .estimator import Estimator
from .histogram import HistogramBuilder
from .intervals import leave, put, share
from .scheduler import Scheduler
from .timeline import SECOND
from .window import Asked, Window, read

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scenario_async._decoding import PageAnswer
    from scenario_async._errors import APIError
    from scenario_async._query import ListingQuery

    from .histogram import Histogram
    from .timeline import Timeline
    from .window import Reading

__all__ = ["WindowPlanner"]

_REFUSED_BOUNDS = (400, 422)


class WindowPlanner:
    """Cuts a listing, and asks for several windows at once, each from both its ends.

    A window is asked for by its bounds. A page with more behind it leaves a smaller window, which
    begins at the last second seen: its models come once more and are dropped as repeated, but no
    deletion shifts a model past the reader, and no cursor expires. A page from the end of a window
    leaves what is before it, with the first second of the page. A second that fills a page is gone
    through by its milliseconds, or by the service's cursor where that does not sort by them.

    ``most`` requests are under way at a time. How many more than one walk by key they may be in all
    is said by :func:`~scenario_async._pagination.budget.slack`. With ``most=1`` it is that one
    walk.

    With a ``histogram`` of an earlier walk the cuts are made where it says that nearly a page ends.
    Where it does not hold any more, windows have more pages or fewer
    models than they were meant to.

    :meth:`receive` and :meth:`failed` raise :exc:`NotByDateError` where the listing turns out not
    to be one that can be cut. The planner must not be asked any more then.
    """

    def __init__(
        self,
        timeline: Timeline,
        windows: Sequence[tuple[int, int | None]],
        *,
        rows_per_page: int,
        most: int,
        ordered: bool = False,
        emitted: int = 0,
        histogram: Histogram | None = None,
        thrifty: Callable[[], bool] = lambda: False,
    ) -> None:
        """Goes through these windows and no others, such as those an earlier walk has left.

        They are in the order of the line and do not overlap.
        """
        self._timeline = timeline
        self._line = [Window(start, stop) for start, stop in _whole_seconds(windows)]
        self._origin = self._line[0].start - emitted
        self._emitted = emitted
        self._ordered = ordered
        # One worker has nothing to cut.
        histogram = histogram if most > 1 else None
        self._builder = HistogramBuilder()
        self._estimator = Estimator(histogram, timeline.end)
        self._scheduler = Scheduler(
            self._line,
            self._estimator,
            rows_per_page=rows_per_page,
            most=most,
            ordered=ordered,
            thrifty=thrifty,
        )
        self._under_way: dict[PageRequest, Asked] = {}
        self._asked = 0
        self._by_millisecond = True
        self._begun = False
        self._broken: PaginationError | None = None

    @classmethod
    def behind(
        cls,
        timeline: Timeline,
        page: EmittedPage,
        positions: Sequence[int],
        *,
        most: int,
        ordered: bool,
        emitted: int,
        histogram: Histogram | None = None,
        thrifty: Callable[[], bool] = lambda: False,
    ) -> WindowPlanner:
        """Goes through all that is behind a page with rows at ``positions``."""
        planner = cls(
            timeline,
            [(positions[-1], None)],
            # Fewer than were asked for, where the service has a cap.
            rows_per_page=len(positions),
            most=most,
            ordered=ordered,
            emitted=emitted,
            histogram=histogram,
            thrifty=thrifty,
        )
        again = positions.count(positions[-1])
        (window,) = planner._line
        window.sure = True
        if again == len(positions) and isinstance(page.following, PageRequest):
            planner._go_through(window, page.following.query, None, page.answer)
            again = 0
        window.repeated = again, 0
        planner._begun = True
        planner._scheduler.shared(again)
        planner._scheduler.received(len(positions), last=False)
        planner._builder.saw(positions[0], positions, len(positions), again=again > 0)
        planner._estimator.saw(positions[0], positions[-1], len(positions) - again, positions)
        return planner

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
        if not asked.backwards and self._is_too_coarse(window, answer):
            self._scheduler.wasted(1)
            return ()
        reading = read(asked, answer, self._timeline)
        if reading is None:
            window.has_end = False
            self._scheduler.dense()
        page = None if reading is None else self._take(window, asked, reading, len(answer.rows))
        if page is None:
            self._scheduler.wasted(1)
            return ()
        if not self._ordered:
            self._line.remove(page)
            return (self._emit(page),)
        emitted: list[EmittedPage] = []
        while self._line and self._line[0].answer is not None:
            emitted.append(self._emit(self._line.pop(0)))
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
        by_cursor = asked.request.query.pagination_token is not None
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
        if self._broken is not None and not any(window.sides for window in self._line):
            raise self._broken
        return not self._line

    @property
    def histogram(self) -> Histogram | None:
        """Where the models lie, once every window was emitted."""
        return None if self._line or self._broken else self._builder.histogram()

    def _ask(self, window: Window, backwards: bool) -> PageRequest:
        start, stop = window.start, window.stop
        if backwards:
            query = self._timeline.backwards(start, stop)
        else:
            query = window.cursor or self._timeline.window(start, stop)
        query = self._with_repeated(query, window, backwards=backwards)
        self._asked += 1
        request = PageRequest(query, self._asked)
        self._under_way[request] = window.ask(request, backwards=backwards)
        return request

    def _with_repeated(
        self, query: ListingQuery, window: Window, *, backwards: bool
    ) -> ListingQuery:
        """Ask for what comes once more on top, so that a page has as many new models as it may."""
        rows = query.rows_per_page
        # A page from the end leaves its first second to the page before it.
        repeated = sum(window.repeated) + backwards
        if query.pagination_token is not None or rows is None or repeated == 0:
            return query
        return query.with_rows_per_page(min(LARGEST_PAGE, rows + repeated))

    def _take(self, window: Window, asked: Asked, reading: Reading, rows: int) -> Window | None:
        """Give a page its part of the line, which gets smaller by that; ``None`` if it has none."""
        part = share(self._line, window, asked, reading)
        if part is None:
            return None
        own = reading.within(*part)
        tokens, refused = window.tokens, window.refused
        whole = (window.start, window.stop) == (asked.start, asked.stop)
        known = window.repeated[0] if part[0] == window.start else 0
        self._scheduler.wasted(leave(self._line, *part))
        full = own.answer.token is not None and len(own.answer.rows) == len(reading.answer.rows)
        self._scheduler.received(max(0, len(own.answer.rows) - known), last=not full)
        again = not asked.backwards and own.stop == reading.stop and own.answer.token is not None
        self._note_rest(own, reading, rows, backwards=asked.backwards, sure=whole)
        begun, last = self._edges(own)
        # All of one second, also where that is not the first one of the window.
        of_one = last == (own.positions[0] if own.positions else begun)
        if again and of_one and window in self._line and window.start == last:
            following = asked.request.query.after(own.answer.token)
            self._go_through(window, following, asked.stop, own.answer, tokens)
            window.refused = refused
        elif again and of_one:
            # It comes once more, with a window that was cut off and begins there by key.
            own = own.before(last)
        page = Window(*part, answer=own.answer)
        put(self._line, page)
        # What a page by key has of its last place comes once more.
        again = again and window.cursor is None
        models = self._builder.saw(begun, own.positions, len(own.answer.rows), again=again)
        self._estimator.saw(begun, last, models, own.positions)
        return page

    def _edges(self, page: Reading) -> tuple[int, int]:
        """Between which places a page shows how dense models lie."""
        positions = page.positions
        # Before the first row of a listing lies no time in which there could be models.
        begun = positions[0] if positions and not self._begun else page.start
        self._begun = True
        if page.stop is not None:
            return begun, page.stop
        self._estimator.end = positions[-1] if positions else begun
        return begun, self._estimator.end

    def _note_rest(
        self, page: Reading, reading: Reading, rows: int, *, backwards: bool, sure: bool
    ) -> None:
        """Note what a full page shows of what is left of its window."""
        if page.answer.token is None:
            return
        for rest in self._line:
            if rest.answer is not None:
                continue
            before = rest.repeated
            if backwards and rest.stop == page.start == reading.start:
                rest.sure, rest.repeated = sure, (rest.repeated[0], rows - len(reading.answer.rows))
            elif not backwards and rest.start == page.stop == reading.stop:
                rest.sure = sure
                rest.repeated = page.rows_at_end(), rest.repeated[1]
            if rest.repeated != before:
                self._scheduler.shared(max(rest.repeated))

    def _go_through(
        self,
        window: Window,
        following: ListingQuery,
        stop: int | None,
        page: PageAnswer,
        tokens: frozenset[str] = frozenset(),
    ) -> None:
        """Go on within a second that fills a page: by its milliseconds where they are sorted.

        Otherwise the service's cursor leads through it.
        """
        window.cursor, window.cursor_stop = following, stop
        if self._by_millisecond:
            window.millisecond = self._timeline.last_millisecond(page)
        if window.millisecond is not None:
            window.otherwise = following
            window.cursor = self._timeline.from_millisecond(window.millisecond, stop)
            return
        self._scheduler.dense()
        assert page.token is not None  # noqa: S101 - for the type checker: only a full page has one
        if page.token in tokens:
            self._broken = PaginationError(
                "the service handed out the same token with two pages of one second: "
                "following it would never end"
            )
        window.tokens = tokens | {page.token}

    def _is_too_coarse(self, window: Window, answer: PageAnswer) -> bool:
        """Whether an answer lacks the millisecond from which on it was asked for.

        Then bounds may be compared by the second, and the service's cursor leads on.
        """
        since, window.millisecond = window.millisecond, None
        if since is None or self._timeline.has(answer, since):
            return False
        self._by_millisecond = False
        window.cursor = window.otherwise
        return True

    def _emit(self, window: Window) -> EmittedPage:
        assert window.answer is not None  # noqa: S101 - for the type checker: only answered ones are
        depth = self._emitted
        self._emitted += 1
        start, stop = window.start, window.stop
        behind = self._line[0].start if self._ordered and self._line else stop
        following = None
        if self._line:
            # In any order, that there is something to come is all that this can say.
            onward = self._timeline.window(start if behind is None else behind, None)
            following = PageRequest(onward, depth + 1)
        return EmittedPage(
            PageRequest(self._timeline.window(start, stop), depth),
            # A token of a window ends with the window, and not with the listing.
            replace(window.answer, token=None),
            following,
            position=start - self._origin,
            covers=(start, stop),
        )


def _whole_seconds(windows: Sequence[tuple[int, int | None]]) -> list[tuple[int, int | None]]:
    """Windows that begin and end with a second, and do not overlap."""
    whole: list[tuple[int, int | None]] = []
    for start, stop in reversed(windows):
        first = start - start % SECOND
        last = None if stop is None else stop + -stop % SECOND
        if whole and (last is None or last > whole[-1][0]):
            last = whole[-1][0]
        if last is None or first < last:
            whole.append((first, last))
    return whole[::-1]
