"""How many models lie where on a timeline, by the pages seen so far. No I/O."""

from __future__ import annotations

from bisect import bisect_right, insort
from itertools import pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Density"]

_CHANCE = 1.07
_start = attrgetter("start")


class _Page(NamedTuple):
    """Where a page begins, how far it reaches, how many models it has.

    And between how dense the page and its quarters are, in models for a millisecond.
    """

    start: int
    extent: int
    models: int
    thinnest: float
    densest: float


class Density:
    """Estimates from the pages seen nearest to a position, as many before it as behind.

    Models are born in bursts with long gaps between them, so an average over the whole listing says
    little about any part of it, and one page alone not much more.
    """

    NEIGHBOURS = 8

    def __init__(self) -> None:
        self._pages: list[_Page] = []

    def __len__(self) -> int:
        return len(self._pages)

    def saw(self, start: int, stop: int, models: int, positions: Sequence[int] = ()) -> None:
        """Note a page: all the models from one position to another, and where some of them lie."""
        extent, quarter = max(1, stop - start), len(positions) // 4
        parts = [(extent, models)]
        if quarter and models:
            parts += [
                (max(1, behind - position), models // 4)
                for position, behind in pairwise(positions[::quarter])
            ]
        # Where a page ends between two models is chance, and so are a few of them.
        thinnest = min((_CHANCE * models + 1) / extent for extent, models in parts)
        densest = max((models / _CHANCE - 1) / extent for extent, models in parts)
        insort(self._pages, _Page(start, extent, models, thinnest, densest))

    def at(self, position: int) -> float:
        """Return how many models lie in a millisecond at a position; 0 where none were seen."""
        near = self._near(position)
        extent = sum(page.extent for page in near)
        return sum(page.models for page in near) / extent if extent else 0.0

    def steadiness(self, position: int) -> float:
        """How evenly models lie around a position: 1 if all pages are as dense as each other.

        0 if one of them, or one of their quarters, is half as dense as another, and where there are
        not two pages to compare.
        """
        near = self._near(position)
        if len(near) < 2:  # noqa: PLR2004 - one alone is as dense as itself
            return 0.0
        thinnest = min(page.thinnest for page in near)
        densest = max(page.densest for page in near)
        return max(0.0, min(1.0, 2 * thinnest / densest - 1)) if densest > 0 else 0.0

    def _near(self, position: int) -> list[_Page]:
        known = bisect_right(self._pages, position, key=_start)
        return self._pages[max(0, known - self.NEIGHBOURS) : known + self.NEIGHBOURS]
