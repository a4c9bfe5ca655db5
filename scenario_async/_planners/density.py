"""How many models lie where on a line, by the pages seen so far. No I/O."""

from __future__ import annotations

from bisect import bisect_right, insort

__all__ = ["Density"]


class Density:
    """Estimates from the pages seen nearest to a place, as many before it as behind.

    Models are born in bursts with long gaps between them, so an average over the whole listing says
    little about any part of it, and one page alone not much more.
    """

    NEIGHBOURS = 8

    def __init__(self) -> None:
        # Of each page: where it begins, how far it reaches, how many models it has.
        self._pages: list[tuple[int, int, int]] = []

    def __len__(self) -> int:
        return len(self._pages)

    def saw(self, start: int, stop: int, models: int) -> None:
        """Note a page: all the models from one place to another."""
        insort(self._pages, (start, max(1, stop - start), models))

    def at(self, place: int) -> float:
        """Models for each step of one, at a place; 0 where none were seen."""
        near = self._near(place)
        extent = sum(extent for _, extent, _ in near)
        return sum(models for _, _, models in near) / extent if extent else 0.0

    def steadiness(self, place: int) -> float:
        """How evenly models lie around a place: 1 if all pages are as dense, near 0 if none are.

        It is what the thinnest of the pages has of the densest one. A single page does not tell.
        """
        near = self._near(place)
        if len(near) < 2:  # noqa: PLR2004 - one alone is as dense as itself
            return 0.0
        # Where a page ends between two models is chance.
        thinnest = min((models + 1) / extent for _, extent, models in near)
        densest = max((models - 1) / extent for _, extent, models in near)
        return min(1.0, thinnest / densest) if densest > 0 else 0.0

    def _near(self, place: int) -> list[tuple[int, int, int]]:
        known = bisect_right(self._pages, place, key=_start)
        return self._pages[max(0, known - self.NEIGHBOURS) : known + self.NEIGHBOURS]


def _start(page: tuple[int, int, int]) -> int:
    return page[0]
