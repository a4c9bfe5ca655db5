"""How many models lie where on a timeline, by the pages seen so far. No I/O."""

from __future__ import annotations

from bisect import bisect_right, insort
from itertools import pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Density"]

# Where it begins, how far it reaches, how many models it has, and the same of its quarters.
_Page: TypeAlias = "tuple[int, int, int, list[tuple[int, int]]]"
_CHANCE = 1.07


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
        quarter = len(positions) // 4
        parts = [
            (max(1, behind - position), models // 4)
            for position, behind in pairwise(positions[:: quarter or 1])
            if quarter and models
        ]
        insort(self._pages, (start, max(1, stop - start), models, parts))

    def at(self, position: int) -> float:
        """Return how many models lie in a millisecond at a position; 0 where none were seen."""
        near = self._near(position)
        extent = sum(extent for _, extent, _, _ in near)
        return sum(models for _, _, models, _ in near) / extent if extent else 0.0

    def steadiness(self, position: int) -> float:
        """How evenly models lie around a position: 1 if all pages are as dense as each other.

        0 if one of them, or one of their quarters, is half as dense as another, and where there are
        not two pages to compare.
        """
        near = self._near(position)
        if len(near) < 2:  # noqa: PLR2004 - one alone is as dense as itself
            return 0.0
        # Where a page ends between two models is chance, and so are a few of them.
        parts = [part for _, extent, models, parts in near for part in ((extent, models), *parts)]
        thinnest = min((_CHANCE * models + 1) / extent for extent, models in parts)
        densest = max((models / _CHANCE - 1) / extent for extent, models in parts)
        return max(0.0, min(1.0, 2 * thinnest / densest - 1)) if densest > 0 else 0.0

    def _near(self, position: int) -> list[_Page]:
        known = bisect_right(self._pages, position, key=itemgetter(0))
        return self._pages[max(0, known - self.NEIGHBOURS) : known + self.NEIGHBOURS]
