"""Which parts of a line are still to be gone through: arithmetic on windows. No I/O.

A window is ``(start, stop)``, with its stop left out, as on a ``Timeline``; a stop of ``None`` is
the end of the line.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from scenario_async._planners.timeline import moment_at
from scenario_async._query import wire_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Window", "cut", "end_of", "without"]

Window: TypeAlias = tuple[int, int | None]

_NEVER = "~"


def cut(begin: int, places: Iterable[int]) -> list[Window]:
    """A whole line, cut at these places."""
    starts = sorted({begin, *(place for place in places if place > begin)})
    return [*pairwise(starts), (starts[-1], None)]


def end_of(window: Window) -> str:
    """The first date behind a window, from which on all rows come again with the next one.

    As text, which sorts as the dates of the API do; a window without end has one behind all dates.
    """
    start, stop = window
    moment = None if stop is None or start == stop else moment_at(stop)
    return _NEVER if moment is None else wire_time(moment)


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
