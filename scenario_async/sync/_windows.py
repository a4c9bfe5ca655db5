"""Which parts of a timeline are still to be listed: arithmetic on windows. No I/O.

A window is ``(start, stop)`` in positions of a ``Timeline``. The stop is not a part of it; ``None``
is the end of the timeline.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Window", "cut", "without"]

Window: TypeAlias = tuple[int, int | None]


def cut(begin: int, positions: Iterable[int]) -> list[Window]:
    """The whole timeline, cut at these positions."""
    starts = sorted({begin, *(position for position in positions if position > begin)})
    return [*pairwise(starts), (starts[-1], None)]


def without(windows: Sequence[Window], done: Window) -> list[Window]:
    """What is left of the windows after one window was listed."""
    left: list[Window] = []
    start, stop = done
    for begin, end in windows:
        before = (begin, start if end is None else min(end, start))
        if before[0] < before[1]:
            left.append(before)
        if stop is not None and (end is None or stop < end):
            left.append((max(begin, stop), end))
    return left
