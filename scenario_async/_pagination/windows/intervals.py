"""The windows of a listing side by side, and the part of it that a page has for itself. No I/O."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from .timeline import SECOND

if TYPE_CHECKING:
    from .window import Asked, Reading, Window

__all__ = ["leave", "put", "share"]


def share(
    line: list[Window], window: Window, asked: Asked, reading: Reading
) -> tuple[int, int | None] | None:
    """How much of what a page shows is not another page's.

    It may be more than is left of its window: others were cut off it while it was under way.

    Returns:
        From where to where; ``None`` where nothing is left.
    """
    at = line.index(window)
    if asked.backwards:
        for before in reversed(line[:at]):
            # What a cursor leads through comes from the beginning, and once only.
            full = before.answer is not None or window.cursor is not None
            if full or before.stop != window.start or reading.start >= window.start:
                break
            window = before
        start = max(reading.start, window.start + SECOND * (window.cursor is not None))
        stop = line[at].stop
        return (start, stop) if start < _end(stop) else None
    last = window.stop
    for behind in line[at + 1 :]:
        if behind.answer is not None or behind.start != last or _end(reading.stop) <= _end(last):
            break
        last = behind.stop
    stop = reading.stop if _end(reading.stop) < _end(last) else last
    # A page of one second alone ends where it begins.
    if window.start > asked.start and _end(stop) <= window.start:
        return None
    return window.start, stop


def leave(line: list[Window], start: int, stop: int | None) -> int:
    """Make the windows that are not answered smaller by what a page has.

    Returns:
        How many requests are in vain now.
    """
    in_vain = 0
    for window in [window for window in line if window.answer is None]:
        if window.start >= _end(stop) or _end(window.stop) <= start:
            continue
        if window.start < start:
            window.stop = start
        elif _end(window.stop) > _end(stop):
            assert stop is not None  # noqa: S101 - for the type checker: nothing is behind the end
            window.begin_at(stop)
        else:
            in_vain += window.close()
            line.remove(window)
    return in_vain


def put(line: list[Window], page: Window) -> None:
    """Put a page in its place, behind those of one second that end where it begins."""
    behind = (
        number
        for number, window in enumerate(line)
        if window.start >= page.start and (window.answer is None or window.stop != page.start)
    )
    line.insert(next(behind, len(line)), page)


def _end(stop: int | None) -> float:
    return inf if stop is None else stop
