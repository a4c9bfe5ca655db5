"""Which planner goes through a listing: told by the listing and its first page. No I/O."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Literal, TypeAlias

from scenario_async._errors import APIError
from scenario_async._pagination.windows.planner import TimeWindows
from scenario_async._pagination.windows.timeline import Timeline

from .cursor import CursorWalk
from .planner import PageRequest, is_refusal
from .predicted import PredictedCursors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scenario_async._decoding.envelope import PageAnswer
    from scenario_async._pagination.windows.histogram import Survey
    from scenario_async._query.query import ListingQuery

    from .cursor_tracker import PageChain
    from .planner import PagePlanner, ReleasedPage

__all__ = ["ChosenPlanner", "Strategy", "sorted_by_creation"]

Strategy: TypeAlias = Literal["auto", "cursor", "predicted", "windows"]


def sorted_by_creation(query: ListingQuery) -> bool:
    """Whether a listing is documented to come by creation, in which it can be cut into windows."""
    if query.route == "public":
        return False
    return query.sort_by == "createdAt" or (query.sort_by is None and query.privacy != "public")


class ChosenPlanner:
    """Goes through a listing by the planner that fits, and by another one where that fails.

    The first page shows what fits; a listing of one page costs one request. A cursor that the
    service refuses in mid-walk is done without: the walk goes on from the last creation date, or
    begins again where there is none, and repeated ids are dropped by whoever reads the pages.

    Attributes:
        warning: What the service does that it should not, where the walk had to go round it.
    """

    def __init__(
        self,
        first: PageRequest,
        chain: PageChain,
        *,
        strategy: Strategy,
        most: int,
        ordered: bool,
        survey: Survey | int | None = None,
        thrifty: Callable[[], bool] = lambda: False,
    ) -> None:
        self.warning: str | None = None
        self._first = first
        self._chain = chain
        self._strategy: Strategy = strategy
        self._most = most
        self._ordered = ordered
        self._survey = None if isinstance(survey, int) else survey
        begins = first.query.pagination_token is None and not first.query.offset
        self._whole = begins and first.depth == 0
        self._rows = survey if isinstance(survey, int) and self._whole else None
        self._thrifty = thrifty
        self._timeline = Timeline(first.query)
        self._planner: PagePlanner = self._by_cursor(first, chain)
        self._windows: TimeWindows | None = None
        self._asked: dict[PageRequest, PagePlanner] = {}
        self._second: PageRequest | None = None
        self._last: ReleasedPage | None = None
        # Whether all rows looked at have a date and come by it, and the place of the first one.
        self._by_creation = sorted_by_creation(first.query)
        self._begins: int | None = None
        # The page that was looked at last, and its places: of the first one they are wanted twice.
        self._looked_at: tuple[PageAnswer, Sequence[int]] | None = None
        # Pages released in all; since the walk last began anew; and between the two times before.
        self._released = first.depth
        self._since = self._since_before = 0

    def requests(self, room: int, waiting: int) -> Sequence[PageRequest]:
        """What the present planner asks for."""
        wanted = self._planner.requests(room, waiting)
        # What a planner before it asked for, and is still under way, will do for it as well.
        requests = [request for request in wanted if request not in self._asked]
        self._asked.update(dict.fromkeys(wanted, self._planner))
        return requests

    def receive(self, request: PageRequest, answer: PageAnswer) -> Sequence[ReleasedPage]:
        """What the present planner releases; answers to those before it are not needed."""
        if self._asked.pop(request, None) is not self._planner:
            return ()
        released = self._planner.receive(request, answer)
        for page in released:
            self._note(page)
        # Behind all of them, as their depths are taken.
        if released and isinstance(released[-1].following, PageRequest) and self._windows_wanted():
            self._cut_behind(released[-1], self._most)
        if self._windows is not None and self._windows.unusable is not None:
            self._do_without_windows(self._windows.unusable)
        self._looked_at = None
        return released

    def failed(self, request: PageRequest, error: APIError) -> Sequence[ReleasedPage]:
        """Raises the error unless there is another way."""
        if self._asked.pop(request, None) is not self._planner:
            return ()
        try:
            released = self._planner.failed(request, error)
        except APIError:
            by_cursor = self._windows is None and request.query.pagination_token is not None
            if not by_cursor or not is_refusal(error) or self._since <= self._since_before:
                raise
            self._do_without_cursor()
            return ()
        if self._windows is not None and self._windows.unusable is not None:
            self._do_without_windows(self._windows.unusable)
        return released

    def finished(self) -> bool:
        """Whether the present planner is finished."""
        return self._planner.finished()

    @property
    def query(self) -> ListingQuery:
        """What the first page is asked by."""
        return self._first.query

    @property
    def survey(self) -> Survey | int | None:
        """What a walk through the whole listing showed, once it is over.

        Where the models lie, if it went by windows; how many there are, if it predicted cursors.
        """
        if not self._whole or self._since_before:
            return None
        if self._windows is not None:
            return self._windows.survey
        planner = self._planner
        if isinstance(planner, PredictedCursors) and not self._by_creation:
            return planner.rows
        return None

    def _by_cursor(self, first: PageRequest, chain: PageChain) -> PagePlanner:
        if self._strategy == "cursor" or self._most == 1:
            return CursorWalk(first, chain)
        rows = self._rows if first is self._first else None
        return PredictedCursors(first, chain, self._most, rows=rows, thrifty=self._thrifty)

    def _note(self, page: ReleasedPage) -> None:
        self._released += 1
        self._since += 1
        if page.answer.rows:
            self._last = page
            if self._begins is None:
                self._places(page.answer)
        if self._second is None and isinstance(page.following, PageRequest):
            self._second = page.following

    def _places(self, answer: PageAnswer) -> Sequence[int]:
        """Where the models of a page stand; none where the listing does not come by creation.

        A model without a date would be in no window.
        """
        if not self._by_creation:
            return ()
        if self._looked_at is not None and self._looked_at[0] is answer:
            return self._looked_at[1]
        places = self._timeline.places(answer)
        self._looked_at = answer, places
        if len(places) < len(answer.rows) or any(one > next_ for one, next_ in pairwise(places)):
            self._by_creation = False
            return ()
        if self._begins is None and places:
            self._begins = places[0]
        return places

    def _windows_wanted(self) -> bool:
        wanted = self._strategy == "windows" or (self._strategy == "auto" and self._most > 1)
        return wanted and self._windows is None and self.warning is None

    def _cut_behind(self, page: ReleasedPage | None, most: int) -> bool:
        """Go on by windows behind a page, if the pages show that the listing comes by creation.

        As long as all models are of one millisecond, they do not: where the listing comes in the
        other direction, there would be nothing behind the page, and the rest would be lost.
        """
        places = self._places(page.answer) if page else ()
        if not places or self._begins is None or places[-1] <= self._begins:
            return False
        windows = TimeWindows.behind(
            self._timeline,
            places,
            most=most,
            ordered=self._ordered,
            released=self._released,
            survey=self._survey,
            thrifty=self._thrifty,
        )
        self._planner = self._windows = windows
        return True

    def _do_without_windows(self, reason: str) -> None:
        """Begin again behind the first page, by cursor."""
        assert self._second is not None  # noqa: S101 - for the type checker: windows come behind it
        self.warning = f"{reason}: the listing is gone through page after page"
        self._windows = None
        self._planner = self._by_cursor(
            PageRequest(self._second.query, self._released),
            # Without the tokens that came behind it: they come once more.
            self._chain.back_to(self._first.depth),
        )

    def _do_without_cursor(self) -> None:
        """Go on by the last creation date, or begin again."""
        self._since_before, self._since = self._since, 0
        if self.warning is None and self._cut_behind(self._last, 1):
            return
        first = PageRequest(self._first.query, self._released)
        chain = self._chain.anew(first.query, self._released)
        self._planner = self._by_cursor(first, chain)
