"""What parts of a run cost in requests, as far as the store can tell before. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenario_async._query import LARGEST_PAGE
from scenario_async._retrieval import MODELS

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "BULK",
    "WINDOW_ROWS",
    "models_for_walk",
    "requests_by_id",
    "requests_by_status",
    "requests_for_walk",
]

BULK = MODELS.most
"""How many records to ask for at once."""

WINDOW_ROWS = int(0.96 * LARGEST_PAGE)
"""How many models a window of a full walk is made for: nearly a page."""


def requests_for_walk(models: int) -> int:
    """A full walk over so many models."""
    return models // WINDOW_ROWS + 1


def models_for_walk(requests: int) -> int:
    """The fewest models over which a full walk takes so many requests."""
    return (requests - 1) * WINDOW_ROWS


def requests_by_status(counts: Iterable[int]) -> int:
    """Listings by status, with so many models in each."""
    return sum(max(1, _parts(count, LARGEST_PAGE)) for count in counts)


def requests_by_id(models: int, *, bulk_refused: bool) -> int:
    """So many models by their ids: many at once, where the service has not refused that."""
    return models if bulk_refused else _parts(models, BULK)


def _parts(count: int, size: int) -> int:
    return -(-count // size)
