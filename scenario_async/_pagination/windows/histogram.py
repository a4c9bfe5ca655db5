"""Where the models of a listing lay when it was last gone through. No I/O.

It says where a later run had best cut, and nothing about what is there: a run emits what is on its
own pages alone, and a histogram that no longer holds costs requests.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

from .timeline import SECOND

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

__all__ = ["Histogram", "HistogramBuilder", "Histograms"]

_SEGMENTS = 4_096
_POINTS_OF_PAGE = 32
_LISTINGS = 32
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many models lay before each of some positions of a timeline.

    Attributes:
        positions: From the first model to a second behind the last; a position with many models
            may stand there several times.
        counts: How many models come before, of each position; 0 of the first one.
    """

    positions: tuple[int, ...]
    counts: tuple[int, ...]

    @property
    def first(self) -> int:
        """Where the first model was."""
        return self.positions[0]

    @property
    def end(self) -> int:
        """No model was here or behind it."""
        return self.positions[-1]

    def before(self, position: int) -> float:
        """How many models came before a position."""
        known = bisect_left(self.positions, position)
        if known == 0:
            return 0.0
        if known == len(self.positions):
            return float(self.counts[-1])
        start, stop = self.positions[known - 1], self.positions[known]
        few, many = self.counts[known - 1], self.counts[known]
        return few + (many - few) * (position - start) / (stop - start)

    def position(self, models: float, *, after: int) -> int:
        """A position behind another one that no more than so many models came before.

        The last that was looked at, if there is one: only of those it is known how many models came
        before, and between two of them there may be a burst or a gap.
        """
        known = min(bisect_right(self.counts, models + _ROUNDING), len(self.counts) - 1)
        few, many = self.counts[known - 1], self.counts[known]
        if models >= many:
            return self.positions[known]
        # Of several models at one position, all but the first come behind what is cut there.
        near = self.positions[known - 1]
        if near > after:
            return near
        return near + int((self.positions[known] - near) * ((models - few) / (many - few)))


class HistogramBuilder:
    """Puts a histogram together from the pages of a run, in whatever order they come."""

    def __init__(self) -> None:
        # Of each page: where its part begins, some of its positions with how many models of the
        # page come before them, and how many models it has in all.
        self._pages: list[tuple[int, list[tuple[int, int]], int]] = []

    def saw(self, start: int, positions: Sequence[int], models: int, *, again: bool) -> int:
        """Note a page that begins at ``start``, with the positions of its models.

        Returns:
            How many of its models count. Those of its last position do not if they are repeated
            ``again``.
        """
        step = max(1, len(positions) // _POINTS_OF_PAGE)
        numbers = sorted({*range(0, len(positions), step), *range(len(positions))[-1:]})
        if again and positions:
            models = bisect_left(positions, positions[-1])
            numbers = [number for number in numbers if number < models]
        self._pages.append((start, [(positions[number], number) for number in numbers], models))
        return models

    def histogram(self) -> Histogram | None:
        """What all pages show together, if they show anything."""
        self._pages.sort(key=itemgetter(0))
        seen: list[tuple[int, int]] = []
        total = 0
        for _, points, models in self._pages:
            seen += [(position, total + before) for position, before in points]
            total += models
        if not seen:
            return None
        end = (seen[-1][0] + SECOND, total)
        # Of an enormous listing not all: how much is remembered must not grow with it.
        seen = [*seen[:: -(-len(seen) // _SEGMENTS)], end]
        return Histogram(
            tuple(position for position, _ in seen), tuple(before for _, before in seen)
        )


class Histograms:
    """Histograms, or numbers of models, of the listings gone through last: the others go."""

    def __init__(self) -> None:
        self._histograms: dict[Hashable, Histogram | int] = {}

    def __len__(self) -> int:
        return len(self._histograms)

    def of(self, listing: Hashable) -> Histogram | int | None:
        """The histogram of a listing, if there is one."""
        histogram = self._histograms.pop(listing, None)
        if histogram is not None:
            self._histograms[listing] = histogram
        return histogram

    def keep(self, listing: Hashable, histogram: Histogram | int) -> None:
        """Keep a histogram in place of the one before, and drop the one unused for longest."""
        self._histograms.pop(listing, None)
        self._histograms[listing] = histogram
        if len(self._histograms) > _LISTINGS:
            del self._histograms[next(iter(self._histograms))]
