"""Which windows of a line are asked for next, from which end, and where they are cut. No I/O."""

from __future__ import annotations

from math import ceil, inf
from typing import TYPE_CHECKING

from scenario_async._planners.budget import MANY_PAGES, slack

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenario_async._planners.outlook import Outlook
    from scenario_async._planners.window import Window

__all__ = ["Walkers"]

# What the last page of a window lacks on average, and which share of what is expected is relied on.
_LAST = 0.5
_RELIABLE = 0.8
# How much larger than meant a window may be before it is cut.
_LARGER = 1.3
# The share of its pages that a window is meant to have, and how much less than what is asked for
# may be expected, in case there is more.
_FULL = 0.98
_IN_CASE = 0.8
# In listing order: pages asked for or waiting for their turn, for each request under way.
_AHEAD = 3


class Walkers:
    """Shares a line of windows out among ``most`` requests at a time.

    Each window is asked for from both its ends, so half as many windows are enough. What may come
    to nothing is bounded by :func:`slack`: the last page of each window, and pages asked for where
    fewer models lie than expected. Never more is asked for than what came already and one.

    Attributes:
        turn_back: Whether windows are asked for from their ends too.
    """

    def __init__(
        self,
        line: list[Window],
        outlook: Outlook,
        *,
        rows_per_page: int,
        most: int,
        ordered: bool,
        thrifty: Callable[[], bool],
    ) -> None:
        self.turn_back = most > 1
        self._line = line
        self._outlook = outlook
        self._most = most
        self._ordered = ordered
        self._rows_per_page = rows_per_page
        self._thrifty = thrifty
        # Both in pages: what came, and what was asked for in vain.
        self._received = 0.0
        self._wasted = 0.0

    def received(self, rows: int, *, last: bool) -> None:
        """Note a page with so many rows of use, and whether it could have no more of them."""
        pages = rows / self._rows_per_page
        self._received += pages
        self._wasted += max(0.0, 1 - pages) if last else 0.0

    def wasted(self, requests: int) -> None:
        """Note requests whose answers are of no use."""
        self._wasted += requests

    def next(self, room: int, under_way: int, waiting: int) -> tuple[Window, bool] | None:
        """What to ask for next, if ``room`` more requests may go out.

        ``under_way`` is how many there are, ``waiting`` how many pages the caller has not taken.

        Returns:
            A window, as large as is to be asked for, and whether from its end.
        """
        if not self._line:
            return None
        if min(room, self._room(under_way, waiting)) < 1:
            return self._head(min(room, self._most - under_way), waiting)
        if self._most == 1:
            return next(((window, False) for window in self._line if window.open), None)
        windows = self._near(waiting)
        return self._unasked(windows) or self._other_end(windows) or self._half(windows)

    def _room(self, under_way: int, waiting: int) -> int:
        free = self._most - under_way
        if not self._ordered or self._most == 1:
            return free if waiting <= max(1, self._most - 1) else 0
        return min(free, _AHEAD * self._most - self._held(waiting) - under_way)

    def _head(self, free: int, waiting: int) -> tuple[Window, bool] | None:
        """What all the others wait for, which must come in any case."""
        head = self._line[0]
        wanted = self._ordered and head.open and not head.sides
        return (head, False) if wanted and free > 0 and waiting <= self._most else None

    def _held(self, waiting: int) -> int:
        """How many pages wait for those before them, or for the caller."""
        return waiting + sum(window.answer is not None for window in self._line)

    def _unanswered(self) -> list[Window]:
        return [window for window in self._line if window.answer is None]

    def _near(self, waiting: int) -> list[Window]:
        """The windows that may be asked for: in listing order, those near the first one."""
        windows = self._unanswered()
        if not self._ordered:
            return windows
        ahead = _AHEAD * self._most - self._held(waiting)
        near: list[Window] = []
        for window in windows:
            if ahead <= 0:
                break
            near.append(window)
            ahead -= self._pages_in(window)
        return near

    def _unasked(self, windows: list[Window]) -> tuple[Window, bool] | None:
        """The first window that nobody asks for, cut so that there is one for each two requests."""
        window = next((window for window in windows if not window.sides), None)
        if window is None:
            return None
        pages, size = self._pages_in(window), self._size(window)
        if pages > size:
            self._cut(window, size)
        return window, False

    def _size(self, window: Window) -> float:
        """How many pages a window is to have at most."""
        pages = self._pages_in(window)
        rest = sum(map(self._pages_in, self._unanswered()))
        if rest == inf:
            return inf
        surveyed = self._outlook.surveyed(window.start)
        if surveyed:
            return pages / ceil(pages) if 1 < pages < inf else pages
        at_once = self._most if surveyed else min(self._most, self._received + 1)
        size = max(2, ceil(rest / ceil(at_once / 2)))
        if self._ordered:
            size = min(size, 2 * _AHEAD)
        return _FULL * size if pages > (size if surveyed else _LARGER * size) else pages

    def _other_end(self, windows: list[Window]) -> tuple[Window, bool] | None:
        """The window of which most is left, from the end that nobody asks for."""
        windows = [window for window in windows if window.open or self._turns(window)]
        window = max(windows, key=self._left, default=None)
        if window is None or self._left(window) <= -_IN_CASE or not self._may_ask(window):
            return None
        return window, not window.open

    def _half(self, windows: list[Window]) -> tuple[Window, bool] | None:
        """Half of the window of which most is left."""
        window = max(windows, key=self._left, default=None)
        if window is None or not _LAST < self._left(window) < inf or not self._may_ask(window):
            return None
        if not self._cut(window, _FULL * ceil(self._pages_in(window) / 2)):
            return None
        return (window, True) if self._turns(window) else self._other_end(self._unanswered())

    def _left(self, window: Window) -> float:
        """How many pages of a window nobody is expected to bring."""
        return self._pages_in(window) - window.sides

    def _may_ask(self, window: Window | None = None) -> bool:
        """Whether one more request for a window, or one more window, may be wasted."""
        windows = self._unanswered()
        under_way = sum(one.sides for one in windows)
        if under_way > self._received + _LAST and not self._outlook.has_survey:
            return False
        known = self._received + sum(map(self._reliable, windows))
        risk = sum(
            max(_LAST, one.sides + (one is window) - self._reliable(one)) for one in windows
        ) + _LAST * (window is None)
        if self._scarce():
            return window is not None and self._reliable(window) >= window.sides + 2
        return self._wasted + risk - _LAST <= slack(known)

    def _scarce(self) -> bool:
        return self._received >= MANY_PAGES or self._thrifty()

    def _reliable(self, window: Window) -> float:
        """How many pages of a window can be relied on."""
        pages = self._pages_in(window)
        sure = float(window.sure)
        if pages == inf:
            return sure
        return max(sure, pages if self._outlook.surveyed(window.start) else _RELIABLE * pages)

    def _turns(self, window: Window) -> bool:
        """Whether a window can be asked for from its end."""
        free = window.answer is None and window.from_end is None and window.cursor is None
        return free and window.has_end and self.turn_back

    def _pages_in(self, window: Window) -> float:
        """How many pages a window is expected to have."""
        if window.cursor is not None:
            return 1.0
        stop = self._outlook.end if window.stop is None else window.stop
        if stop is None or (window.stop is None and stop <= window.start):
            return inf
        return self._outlook.between(window.start, stop) / self._rows_per_page

    def _cut(self, window: Window, pages: float) -> bool:
        """Cut a window behind so many expected pages, if that can be told and is allowed."""
        surveyed = self._outlook.surveyed(window.start)
        if window.cursor is not None or not (surveyed or self._may_ask()):
            return False
        middle = self._outlook.behind(window.start, pages * self._rows_per_page)
        # The bounds of the listing itself are the end as well: a window across them would be asked
        # for by looser ones, and find models that nobody asked for.
        end = self._outlook.bound if window.stop is None else window.stop
        if middle is None or not window.start < middle < end:
            return False
        self._line.insert(self._line.index(window) + 1, window.cut(middle))
        return True
