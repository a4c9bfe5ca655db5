"""Which windows of a line are asked for next, from which end, and where they are cut. No I/O."""

from __future__ import annotations

from math import ceil, inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scenario_async._planners.outlook import Outlook
    from scenario_async._planners.window import Window

__all__ = ["Walkers"]

# Found by simulation, over even, growing and bursty listings of 700 to 100,000 models: how much of
# a page is expected to be of use, as two that meet have rows in common; how many expected pages a
# window in listing order has, as long as the end is not known and then; and how many must be left
# besides those asked for, for a window to be cut, to be asked for from its other end, and to be
# asked for so by a walker with nothing else to do, in case there is more than expected.
_USE = 0.9
_PAGES_AT_FIRST = 2.0
_PAGES_PER_WINDOW = 2.8
_WORTH_A_CUT = 0.3
_WORTH_A_REQUEST = 0.1
_IN_CASE = -0.65
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


class Walkers:
    """Shares the work on a line of windows out among ``most`` walkers.

    In all they ask at most twice each for what one walk by key would not; with ``ordered``, where
    only so many pages may wait for those before them, a quarter more. One walker alone is that one
    walk.

    Attributes:
        turn_back: Whether windows are asked for from their ends too.
        seek_end: Whether the end of the listing is to be asked for next, once anything came.
    """

    def __init__(
        self,
        line: list[Window],
        outlook: Outlook,
        *,
        rows_per_page: int,
        most: int,
        ordered: bool,
        seek_end: bool,
    ) -> None:
        self.turn_back = most > 1
        self.seek_end = seek_end and most > 1
        self._line = line
        self._outlook = outlook
        self._most = most
        self._ordered = ordered
        self._rows_per_page = rows_per_page
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

    def may_waste(self) -> bool:
        """Whether one request more keeps the bound: each one under way may come to nothing."""
        at_risk = sum(max(1, window.sides) for window in self._unanswered())
        bound = 2.0 * self._most + (_MORE_IN_ORDER * self._received if self._ordered else 0)
        return self._wasted + at_risk + 1 <= bound

    def next(self, room: int, under_way: int, waiting: int) -> tuple[Window, bool] | None:
        """What to ask for next, if ``room`` more requests may go out.

        ``under_way`` is how many there are, ``waiting`` how many pages the caller has not taken.

        Returns:
            A window, as large as is to be asked for, and whether from its end.
        """
        if not self._line:
            return None
        free = min(room, self._room(under_way, waiting))
        if free < 1:
            return self._head(min(room, self._most - under_way), waiting)
        last = self._line[-1]
        if self.seek_end and self._received and last.stop is None:
            self.seek_end = False
            if self._turns(last):
                return last, True
        if self._most == 1:
            return next(((window, False) for window in self._line if window.open), None)
        rest = sum(map(self._pages_in, self._unanswered()))
        in_pieces = self._outlook.has_survey and rest <= _IN_PIECES * self._most
        far = self._ordered and rest + self._held(waiting) > self._most_ahead()
        if far or in_pieces or rest == inf:
            return self._first(free, rest)
        return self._largest()

    def _room(self, under_way: int, waiting: int) -> int:
        free = self._most - under_way
        if not self._ordered or self._most == 1:
            return free if waiting <= max(1, self._most - 1) else 0
        return min(free, self._most_ahead() - self._held(waiting) - under_way)

    def _head(self, free: int, waiting: int) -> tuple[Window, bool] | None:
        """What all the others wait for, which must come in any case."""
        head = self._line[0]
        wanted = self._ordered and head.open and (not head.sides or self.may_waste())
        return (head, False) if wanted and free > 0 and waiting <= self._most else None

    def _held(self, waiting: int) -> int:
        """How many pages wait for those before them, or for the caller."""
        return waiting + sum(window.answer is not None for window in self._line)

    def _most_ahead(self) -> int:
        at_first = self._received < _AHEAD_AT_FIRST * self._most
        return self._most * (_AHEAD_AT_FIRST if at_first else _AHEAD)

    def _unanswered(self) -> list[Window]:
        return [window for window in self._line if window.answer is None]

    def _first(self, free: int, rest: float) -> tuple[Window, bool] | None:
        """The first window that wants a walker, cut so that none runs far ahead."""
        for worth in (_WORTH_A_REQUEST, _IN_CASE):
            for window in self._unanswered():
                backwards = self._free_end(window, worth)
                if backwards is None:
                    continue
                pages = self._pages_in(window)
                # The last walker takes all that is left: an end that is not known must be reached.
                last = pages == inf and free == 1
                if not backwards and not last and (size := self._size(window, pages, rest)) < pages:
                    self._cut(window, size)
                return window, backwards
        return None

    def _size(self, window: Window, pages: float, rest: float) -> float:
        """How many pages the next window is to have, of one with so many: all, if few are left."""
        if not self._outlook.surveyed(window.start):
            most = _PAGES_AT_FIRST if rest == inf else _PAGES_PER_WINDOW
            size = min(most, max(1.0, rest / self._most))
            return size if pages > size + _WORTH_A_CUT else pages
        if pages <= _NEARLY_FULL:
            return pages
        return pages / ceil(pages / _FULL)

    def _largest(self) -> tuple[Window, bool] | None:
        """The window of which most is not asked for yet, cut in two where both its ends are."""
        windows = sorted(self._unanswered(), key=self._urgency, reverse=True)
        for window in windows:
            backwards = self._free_end(window, _IN_CASE)
            if backwards is not None:
                return window, backwards
            if self._left(window) > _WORTH_A_CUT and self._cut(window, self._pages_in(window) / 2):
                return self._largest()
        return None

    def _urgency(self, window: Window) -> tuple[bool, float]:
        return not window.sides, self._left(window)

    def _left(self, window: Window) -> float:
        """How many pages of a window nobody is expected to bring."""
        return self._pages_in(window) - _USE * window.sides

    def _free_end(self, window: Window, worth: float) -> bool | None:
        """Whether the end to be asked for next is the last one; ``None`` if none is."""
        if not window.sides:
            return False
        if self._outlook.surveyed(window.start):
            worth = max(worth, _WORTH_A_REQUEST)
        if self._left(window) <= worth or not self.may_waste():
            return None
        if window.open:
            return False
        return True if self._turns(window) else None

    def _turns(self, window: Window) -> bool:
        """Whether a window can be asked for from its end."""
        free = window.answer is None and window.from_end is None and window.cursor is None
        return free and window.has_end and self.turn_back

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
        if window.cursor is not None or not self.may_waste():
            return False
        middle = self._outlook.behind(window.start, pages * self._rows_per_page)
        # The bounds of the listing itself are the end as well: a window across them would be asked
        # for by looser ones, and find models that nobody asked for.
        end = self._outlook.bound if window.stop is None else window.stop
        if middle is None or not window.start < middle < end:
            return False
        self._line.insert(self._line.index(window) + 1, window.cut(middle))
        return True
