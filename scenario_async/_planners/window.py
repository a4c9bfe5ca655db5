"""One part of a listing that is cut by creation, and what its answer must keep to. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenario_async._decode import PageAnswer
    from scenario_async._planners.planner import PageRequest
    from scenario_async._query import ListingQuery

__all__ = ["Window", "unusable"]


@dataclass(slots=True, eq=False)
class Window:
    """A part ``[start, stop)`` of the line: open, asked for, or answered and waiting its turn."""

    start: int
    stop: int | None
    covers: tuple[int, int | None] | None = None
    cursor: ListingQuery | None = None
    tokens: frozenset[str] = frozenset()
    refused: bool = False
    request: PageRequest | None = None
    answer: PageAnswer | None = None

    @property
    def open(self) -> bool:
        """Whether it is still to be asked for."""
        return self.request is None and self.answer is None


def unusable(window: Window, places: Sequence[int]) -> str | None:
    """Why a listing whose window has an answer like this cannot be cut by creation."""
    if any(one > next_ for one, next_ in pairwise(places)):
        return "the service does not sort by createdAt"
    if places and (
        places[0] < window.start or (window.stop is not None and places[-1] >= window.stop)
    ):
        return "the service does not heed createdAfter and createdBefore"
    return None
