"""Which windows are asked for next, from which end, and where they are cut. No I/O."""

from __future__ import annotations

from math import ceil, inf
from typing import TYPE_CHECKING

from scenario_async._pagination.budget import MANY_PAGES, slack
from scenario_async._query import LARGEST_PAGE

if TYPE_CHECKING:
    from collections.abc import Callable

    from .estimator import Estimator
    from .intervals import IntervalList
    from .window import Window

__all__ = ["Scheduler"]

# What is as good as nothing, in pages, and what is worth one.
_LEAST = 1e-6
_LAST = 0.5
# How much larger than meant a window may be before it is cut.
_LARGER = 1.3
# The share of its pages that a window is meant to have.
_FULL = 0.98
# In listing order: pages asked for or not emitted yet, for each request under way.
_AHEAD = 3


class Scheduler:
    """Shares the windows of a listing out among ``limit`` requests at a time.

    Each window is asked for from both its ends, so half as many windows are enough. What may come
    to nothing is bounded by :func:`slack`: the last page of each window, and pages asked for where
    no models may lie. Without a histogram never more is asked for than what came already and one.

    Attributes:
        backwards: Whether windows are asked for from their ends too.
    """

    def __init__(
        self,
        intervals: IntervalList,
        estimator: Estimator,
        *,
        rows_per_page: int,
        limit: int,
        ordered: bool,
        scarce: Callable[[], bool],
    ) -> None:
        self.backwards = limit > 1
        self._intervals = intervals
        self._estimator = estimator
        self._limit = limit
        self._ordered = ordered
        self._rows_per_page = rows_per_page
        self._scarce = scarce
        # Both in pages: what came, and what was asked for in vain.
        self._received = 0.0
        self._wasted = 0.0
        self._crowded = False
        # The most models of one second that two pages had to share.
        self._shared = 0

    def received(self, rows: int, *, last: bool) -> None:
        """Note a page with so many rows of use, and whether it could have no more of them."""
        pages = rows / self._rows_per_page
        self._received += pages
        self._wasted += max(0.0, 1 - pages) if last else 0.0

    def shared(self, rows: int) -> None:
        """Note how many models of a second the next page repeats."""
        self._shared = max(self._shared, rows)

    def wasted(self, requests: int) -> None:
        """Note requests whose answers are of no use."""
        self._wasted += requests

    def dense(self) -> None:
        """Note a second that fills a page.

        Only a cursor leads through it, and who cuts there loses more than can be told: from now on
        windows stay as they are, and are gone through from their beginnings.
        """
        self._crowded = True
        self.backwards = False

    def next(self, free_slots: int, under_way: int, buffered: int) -> tuple[Window, bool] | None:
        """What to ask for next, if ``free_slots`` more requests may go out.

        ``under_way`` is how many there are, ``buffered`` how many pages the caller has not taken.

        Returns:
            A window, as large as is to be asked for, and whether from its end.
        """
        if not self._intervals:
            return None
        if min(free_slots, self._room(under_way, buffered)) < 1:
            return self._head(min(free_slots, self._limit - under_way), buffered)
        if self._limit == 1:
            return next(((window, False) for window in self._intervals if window.open), None)
        windows = self._near(buffered)
        return self._unasked(windows) or self._other_end(windows) or self._half(windows)

    def _room(self, under_way: int, buffered: int) -> int:
        free = self._limit - under_way
        if not self._ordered or self._limit == 1:
            return free if buffered <= max(1, self._limit - 1) else 0
        return min(free, _AHEAD * self._limit - self._held(buffered) - under_way)

    def _head(self, free: int, buffered: int) -> tuple[Window, bool] | None:
        """What all the others wait for, which must come in any case."""
        head = self._intervals.first
        wanted = self._ordered and head.open and not head.sides
        return (head, False) if wanted and free > 0 and buffered <= self._limit else None

    def _held(self, buffered: int) -> int:
        """How many pages wait for those before them, or for the caller."""
        return buffered + sum(window.answer is not None for window in self._intervals)

    def _near(self, buffered: int) -> list[Window]:
        """The windows that may be asked for: in listing order, those near the first one."""
        windows = self._intervals.unanswered
        if not self._ordered:
            return windows
        ahead: float = _AHEAD * self._limit - self._held(buffered)
        near: list[Window] = []
        for window in windows:
            if ahead <= 0:
                break
            near.append(window)
            ahead -= self._pages_in(window)
        return near

    def _unasked(self, windows: list[Window]) -> tuple[Window, bool] | None:
        """The first window that nobody asks for, cut so that there is one for each two requests.

        With a histogram it is one for each request, or else for as few as the cuts allow that can
        be made where models were looked at.
        """
        window = next((window for window in windows if not window.sides), None)
        if window is None:
            return None
        pages = self._pages_in(window)
        if not self._estimator.histogram_known(window.start):
            sizes = [self._size(pages)]
        else:
            sizes = [pages / ceil(pages), *range(1, self._limit)] if 0 < pages < inf else []
        for size in sizes:
            if size < pages < inf and self._cut(window, size):
                break
        return window, False

    def _size(self, pages: float) -> float:
        """How many pages a window without a histogram is to have at most."""
        rest = sum(map(self._pages_in, self._intervals.unanswered))
        if rest == inf:
            return inf
        size = max(2, ceil(rest / ceil(min(self._limit, self._received + 1) / 2)))
        if self._ordered:
            size = min(size, 2 * _AHEAD)
        return _FULL * size if pages > _LARGER * size else inf

    def _other_end(self, windows: list[Window]) -> tuple[Window, bool] | None:
        """The window of which most is left, from the end that nobody asks for."""
        windows = [window for window in windows if window.open or self._turns(window)]
        window = max(windows, key=self._left, default=None)
        if window is None or self._left(window) <= 0:
            return None
        more = self._in_vain(window, window.sides + 1) - self._in_vain(window, window.sides)
        return (window, not window.open) if self._may(more) else None

    def _half(self, windows: list[Window]) -> tuple[Window, bool] | None:
        """Half of the window of which most is left."""
        window = max(windows, key=self._left, default=None)
        if window is None or not _LAST < self._left(window) < inf:
            return None
        turns = window.has_end and self.backwards
        before = self._in_vain(window, window.sides)
        after = max(0.0, 2 - max(1.0, self._reliable(window) / 2)) if turns else 0.0
        pages = _FULL * ceil(self._pages_in(window) / 2)
        behind = self._cut(window, pages, in_vain=after - before)
        if behind is None:
            return None
        return (window, True) if self._turns(window) else (behind, False)

    def _left(self, window: Window) -> float:
        """How many pages of a window nobody is expected to bring."""
        return self._pages_in(window) - window.sides

    def _may(self, in_vain: float) -> bool:
        """Whether so many more requests may come to nothing, if all that may does.

        Each window ends with a page that may have no more than a single model: the whole listing
        does so too, and so one of them costs nothing.
        """
        windows = self._intervals.unanswered
        histogram_known = self._estimator.has_histogram
        if in_vain <= 0 and histogram_known:
            return True
        if sum(one.sides for one in windows) > self._received + _LAST and not histogram_known:
            return False
        expected = self._received + sum(map(self._reliable, windows))
        # Never more is relied on than came already.
        known = expected if histogram_known else min(expected, 2 * self._received)
        known = max(known, self._received + _LEAST * any(one.sure for one in windows))
        lost = [self._lost(one.start, self._pages_in(one), asked=one.sides > 0) for one in windows]
        lost_in_all = self._wasted + in_vain + sum(lost)
        lost_in_all += sum(self._in_vain(one, one.sides) for one in windows)
        lost_in_all -= (
            ceil(expected - _LEAST) - expected if histogram_known else max(lost, default=0.0)
        )
        scarce = self._received >= MANY_PAGES or self._scarce()
        allowed = slack(ceil(known - _LEAST / 2), scarce=scarce, histogram_known=histogram_known)
        return lost_in_all <= allowed + 2 * _LEAST

    def _lost(self, start: int, pages: float, *, asked: bool) -> float:
        """How much of a page the end of a window may lack.

        One that is asked for as it is loses more, where two of its pages meet.
        """
        steady = self._estimator.steadiness(start)
        if not self._estimator.histogram_known(start) or pages == inf:
            return 1 - steady / 2
        if asked:
            pages += max(0, ceil(pages - _LEAST) - 1) * self._shared / self._rows_per_page
        return 1 - steady * (1 - max(1, ceil(pages - _LEAST)) + pages)

    def _in_vain(self, window: Window, sides: int) -> float:
        """How many of so many requests for a window may show nothing."""
        return max(0.0, sides - max(1.0, self._reliable(window)))

    def _reliable(self, window: Window) -> float:
        """How many pages of a window can be relied on, as evenly as models lay so far."""
        pages = self._pages_in(window)
        return 0.0 if pages == inf else self._estimator.steadiness(window.start) * pages

    def _turns(self, window: Window) -> bool:
        """Whether a window can be asked for from its end."""
        free = window.answer is None and window.from_end is None and window.dense is None
        return free and window.has_end and self.backwards

    def _pages_in(self, window: Window) -> float:
        """How many pages a window is expected to have, without what they repeat."""
        if window.dense is not None:
            return 1.0
        stop = self._estimator.end if window.stop is None else window.stop
        if stop is None or (window.stop is None and stop <= window.start):
            return inf
        models = self._estimator.between(window.start, stop) - self._repeated(window)
        return max(0.0, models) / self._rows_per_page

    def _repeated(self, window: Window) -> int:
        """How many of its models are repeated, on top of the page."""
        return min(window.repeated[0], LARGEST_PAGE - self._rows_per_page)

    def _cut(self, window: Window, pages: float, *, in_vain: float = 0.0) -> Window | None:
        """Cut a window behind so many expected pages, if that can be told and is allowed.

        Returns:
            The part behind.
        """
        if window.dense is not None or (
            self._crowded and not self._estimator.histogram_known(window.start)
        ):
            return None
        models = pages * self._rows_per_page + self._repeated(window)
        middle = self._estimator.behind(window.start, models)
        # The bounds of the listing itself are the end as well: a window across them would be asked
        # for by looser ones, and find models that nobody asked for.
        end = self._estimator.bound if window.stop is None else window.stop
        if middle is None or middle >= end:
            return None
        whole = self._pages_in(window)
        models = self._estimator.between(window.start, middle) - self._repeated(window)
        part = max(0.0, models) / self._rows_per_page
        lost = self._lost(window.start, part, asked=True)
        lost += self._lost(middle, max(0.0, whole - part), asked=False)
        if not self._may(in_vain + lost - self._lost(window.start, whole, asked=window.sides > 0)):
            return None
        return self._intervals.cut(window, middle)
