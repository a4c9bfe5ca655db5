"""Which parts of a line are still to be gone through: arithmetic on windows. No I/O.

A window is ``(start, stop)``, with its stop left out, as on a ``Timeline``; a stop of ``None`` is
the end of the line.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Window", "cut", "without"]

Window: TypeAlias = tuple[int, int | None]


def cut(begin: int, positions: Iterable[int]) -> list[Window]:
    """A whole line, cut at these positions."""
    starts = sorted({begin, *(position for position in positions if position > begin)})
    return [*pairwise(starts), (starts[-1], None)]


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
