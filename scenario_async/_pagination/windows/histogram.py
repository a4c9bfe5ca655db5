"""Where the models of a listing lay when it was last gone through. No I/O.

It says where a later walk had best cut, and nothing about what is there: what a walk gives comes
from its own pages alone, and a survey that holds no more costs requests.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .timeline import step_of_places

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

__all__ = ["Survey", "Surveyor", "Surveys"]

_SEGMENTS = 4_096
_LISTINGS = 32
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Survey:
    """How many models lay before each of some places of a line.

    Attributes:
        places: From the first model to one step behind the last; a place with many models may stand
            there several times.
        counts: How many models come before, of each place; 0 of the first one.
    """

    places: tuple[int, ...]
    counts: tuple[int, ...]

    @property
    def first(self) -> int:
        """Where the first model was."""
        return self.places[0]

    @property
    def end(self) -> int:
        """No model was here or behind it."""
        return self.places[-1]

    def before(self, place: int) -> float:
        """How many models came before a place."""
        known = bisect_left(self.places, place)
        if known == 0:
            return 0.0
        if known == len(self.places):
            return float(self.counts[-1])
        start, stop = self.places[known - 1], self.places[known]
        few, many = self.counts[known - 1], self.counts[known]
        return few + (many - few) * (place - start) / (stop - start)

    def place(self, models: float, *, after: int) -> int:
        """A place behind another one that no more than so many models came before.

        The last that was looked at, if there is one: only of those it is known how many models came
        before, and between two of them there may be a burst or a gap.
        """
        known = min(bisect_right(self.counts, models + _ROUNDING), len(self.counts) - 1)
        near = self.places[known - 1]
        # Of several models at one place, all but the first come behind what is cut there.
        near = self.places[known] if models >= self.counts[known] else near
        if near > after:
            return near
        few, many = self.counts[known - 1], self.counts[known]
        share = 1.0 if models >= many else (models - few) / (many - few)
        return near + int((self.places[known] - near) * share)


class Surveyor:
    """Puts a survey together from the pages of a walk, in whatever order they come."""

    def __init__(self) -> None:
        # Of each page: where its part begins, some of its places with the number of models on the
        # page before them, and how many models it has in all.
        self._pages: list[tuple[int, list[tuple[int, int]], int]] = []

    def saw(self, start: int, places: Sequence[int], models: int, *, again: bool) -> int:
        """Note a page that begins at ``start``, with the places of all its models or of some.

        Returns:
            How many of its models count. Those of its last place do not if they come ``again``.
        """
        step = step_of_places(models)
        if len(places) == models:
            places = [*places[:-1:step], *places[-1:]]
        points = [(place, min(row * step, models - 1)) for row, place in enumerate(places)]
        if again and points:
            last = places.index(places[-1])
            models = points[last][1]
            del points[last:]
        self._pages.append((start, points, models))
        return models

    def survey(self) -> Survey | None:
        """What all pages show together, if they show anything."""
        self._pages.sort(key=_start)
        seen: list[tuple[int, int]] = []
        total = 0
        for _, points, models in self._pages:
            seen += [(place, total + before) for place, before in points]
            total += models
        if not seen:
            return None
        end = (seen[-1][0] + 1, total)
        # Of an enormous listing not all: how much is remembered must not grow with it.
        seen = [*seen[:: -(-len(seen) // _SEGMENTS)], end]
        return Survey(tuple(place for place, _ in seen), tuple(before for _, before in seen))


class Surveys:
    """Surveys, or numbers of models, of the listings gone through last: the others go."""

    def __init__(self) -> None:
        self._surveys: dict[Hashable, Survey | int] = {}

    def __len__(self) -> int:
        return len(self._surveys)

    def of(self, listing: Hashable) -> Survey | int | None:
        """The survey of a listing, if there is one."""
        survey = self._surveys.pop(listing, None)
        if survey is not None:
            self._surveys[listing] = survey
        return survey

    def keep(self, listing: Hashable, survey: Survey | int) -> None:
        """Keep a survey in place of the one before, and of the one that was of no use longest."""
        self._surveys.pop(listing, None)
        self._surveys[listing] = survey
        if len(self._surveys) > _LISTINGS:
            del self._surveys[next(iter(self._surveys))]


def _start(page: tuple[int, object, object]) -> int:
    return page[0]
