"""The windows of a listing side by side, and the part of it that a page has for itself. No I/O."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from .timeline import SECOND
from .window import Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .window import Asked, Reading

__all__ = ["IntervalList"]


class IntervalList:
    """The windows that were not emitted yet, in listing order. They do not overlap.

    Args:
        parts: What they begin with, in listing order; parts of a second count as all of it.
    """

    def __init__(self, parts: Sequence[tuple[int, int | None]]) -> None:
        self._windows: list[Window] = []
        for start, stop in reversed(parts):
            first = start - start % SECOND
            last = None if stop is None else stop + -stop % SECOND
            if self._windows and _end(last) > self._windows[0].start:
                last = self._windows[0].start
            if first < _end(last):
                self._windows.insert(0, Window(first, last))

    def __len__(self) -> int:
        return len(self._windows)

    def __iter__(self) -> Iterator[Window]:
        return iter(self._windows)

    @property
    def first(self) -> Window:
        """The window that comes next in listing order."""
        return self._windows[0]

    @property
    def unanswered(self) -> list[Window]:
        """The windows that are still to be asked for, or are under way."""
        return [window for window in self._windows if window.answer is None]

    def cut(self, window: Window, position: int) -> Window:
        """Cut a window in two, and return the part behind."""
        behind = window.cut(position)
        self._windows.insert(self._windows.index(window) + 1, behind)
        return behind

    def take(self, window: Window, asked: Asked, reading: Reading) -> tuple[Reading, int] | None:
        """Make room for what an answer shows and no page before it has.

        Returns:
            That part of the answer, and how many requests are in vain now; ``None`` if nothing of
            the answer is left.
        """
        part = self._share(window, asked, reading)
        return None if part is None else (reading.within(*part), self._leave(*part))

    def put(self, page: Window) -> None:
        """Put a page in its position, behind those of one second that end where it begins."""
        behind = (
            number
            for number, window in enumerate(self._windows)
            if window.start >= page.start and (window.answer is None or window.stop != page.start)
        )
        self._windows.insert(next(behind, len(self._windows)), page)

    def pop(self, *, ordered: bool) -> Window | None:
        """Take a page out that may be emitted, if there is one: in listing order, the first."""
        windows = self._windows[:1] if ordered else self._windows
        page = next((window for window in windows if window.answer is not None), None)
        if page is not None:
            self._windows.remove(page)
        return page

    def _share(
        self, window: Window, asked: Asked, reading: Reading
    ) -> tuple[int, int | None] | None:
        """From where to where an answer shows what no other page has.

        That may be more than is left of its window: others were cut off it while it was under way.
        """
        at = self._windows.index(window)
        if asked.backwards:
            for before in reversed(self._windows[:at]):
                # What a cursor leads through comes from the beginning, and once only.
                full = before.answer is not None or window.dense is not None
                if full or before.stop != window.start or reading.start >= window.start:
                    break
                window = before
            start = max(reading.start, window.start + SECOND * (window.dense is not None))
            stop = self._windows[at].stop
            return (start, stop) if start < _end(stop) else None
        last = window.stop
        for behind in self._windows[at + 1 :]:
            full = behind.answer is not None
            if full or behind.start != last or _end(reading.stop) <= _end(last):
                break
            last = behind.stop
        stop = reading.stop if _end(reading.stop) < _end(last) else last
        # A page of one second alone ends where it begins.
        if window.start > asked.start and _end(stop) <= window.start:
            return None
        return window.start, stop

    def _leave(self, start: int, stop: int | None) -> int:
        """Leave a part to a page; returns how many requests are in vain now."""
        in_vain = 0
        for window in self.unanswered:
            if window.start >= _end(stop) or _end(window.stop) <= start:
                continue
            if window.start < start:
                window.stop = start
            elif stop is not None and _end(window.stop) > stop:
                window.begin_at(stop)
            else:
                in_vain += window.close()
                self._windows.remove(window)
        return in_vain


def _end(stop: int | None) -> float:
    return inf if stop is None else stop
