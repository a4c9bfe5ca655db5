"""Which parts of a line are still to be gone through: arithmetic on windows. No I/O.

A window is ``(start, stop)``, with its stop left out, as on a ``Timeline``; a stop of ``None`` is
the end of the line.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from scenario_async._pagination import moment_at
from scenario_async._query import wire_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Window", "cut", "inside", "without"]

Window: TypeAlias = tuple[int, int | None]

# Sorts behind all dates.
_NEVER = "~"
RowT = TypeVar("RowT")


def cut(begin: int, positions: Iterable[int]) -> list[Window]:
    """A whole line, cut at these places."""
    starts = sorted({begin, *(position for position in positions if position > begin)})
    return [*pairwise(starts), (starts[-1], None)]


def inside(window: Window, rows: Sequence[tuple[str, RowT]]) -> list[RowT]:
    """The rows of a page that do not come again with the next one, of all with their dates.

    Dates are as the API writes them. Those from the end of the window on come again, unless all of
    the page is of one millisecond: then the service's cursor leads on behind it.
    """
    start, stop = window
    moment = None if stop is None or start == stop else moment_at(stop)
    end = _NEVER if moment is None else wire_time(moment)
    before = [row for date, row in rows if date < end]
    return before or [row for _, row in rows]


def without(windows: Sequence[Window], done: Window) -> list[Window]:
    """What is left of the windows after one part of the line was gone through."""
    left: list[Window] = []
    start, stop = done
    for begin, end in windows:
        before = (begin, start if end is None else min(end, start))
        if before[0] < before[1]:
            left.append(before)
        if stop is not None and (end is None or stop < end):
            left.append((max(begin, stop), end))
    return left
