"""Which models a listing has, and in which order: pure functions of rows."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .rows import Privacy, Row

SortBy = Literal["createdAt", "updatedAt", "score"]

Key = tuple[int, str]
"""What rows are sorted by: the sorted value, then the id, so that no two rows are equal."""

LISTED_AFTER_DELETION = 30 * 86_400_000
"""Deleted models are listed for 30 days (milliseconds), says the API reference."""


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """What a listing selects by, apart from dates.

    Attributes:
        privacy: Which models: the two non-public kinds are those of the project.
        sort_by: What the order goes by; ties are broken by id.
        by_second: Whether dates are sorted and bounded without their milliseconds.
        status: Models with this status; ``deleted`` selects deleted models, not existing ones.
        with_deleted: Deleted models as well as existing ones.
        collections: Models in at least one of these collections.
        tags: Models that carry one of these tags, none if there is no tag here; ``None`` for no
            selection by tags.
        every_tag: Only those that carry all of the tags.
        types: Models of one of these types.
        loaded_only: Loaded models only.
    """

    privacy: Privacy = "private"
    sort_by: SortBy = "createdAt"
    by_second: bool = False
    status: str | None = None
    with_deleted: bool = False
    collections: tuple[str, ...] = ()
    tags: tuple[str, ...] | None = None
    every_tag: bool = False
    types: tuple[str, ...] = ()
    loaded_only: bool = False

    @property
    def looked_through(self) -> Filters:
        """The listing that a service without an index of tags, types and collections goes through.

        It selects what this one does and more, and sorts it in the same way.
        """
        return msgspec.structs.replace(self, collections=(), tags=None, every_tag=False, types=())


class Ordering:
    """Rows sorted in ascending order, once, for all pages and date bounds asked of them.

    Args:
        rows: The selected rows, in any order.
        filters: What they are sorted by.
    """

    def __init__(self, rows: Iterable[Row], filters: Filters) -> None:
        key_of = _key_function(filters)
        self._rows = sorted(rows, key=key_of)
        self._keys = [key_of(row) for row in self._rows]

    def window(self, low: int | None, high: int | None, *, descending: bool) -> Window:
        """Give the rows whose sorted value lies in ``low`` to ``high``, both included."""
        start = 0 if low is None else bisect_left(self._keys, (low, ""))
        stop = len(self._keys) if high is None else bisect_left(self._keys, (high + 1, ""))
        return Window(self._rows, self._keys, start, max(start, stop), descending=descending)


class Window:
    """A stretch of an ordering in listing order. Position 0 is the first row listed."""

    def __init__(
        self, rows: list[Row], keys: list[Key], start: int, stop: int, *, descending: bool
    ) -> None:
        self._rows = rows
        self._keys = keys
        self._start = start
        self._stop = stop
        self._descending = descending

    def __len__(self) -> int:
        return self._stop - self._start

    def rows(self, start: int, stop: int) -> list[Row]:
        """Give the rows at positions ``start`` to ``stop``, the latter left out."""
        start, stop = max(0, start), min(max(0, stop), len(self))
        if start >= stop:
            return []
        if self._descending:
            taken = self._rows[self._stop - stop : self._stop - start]
            taken.reverse()
            return taken
        return self._rows[self._start + start : self._start + stop]

    def key(self, position: int) -> Key:
        """Give the key of the row at ``position``."""
        return self._keys[self._index(position)]

    def position_behind(self, key: Key) -> int:
        """Give the position of the first row listed after ``key``, whether or not it exists."""
        if self._descending:
            behind = self._stop - bisect_left(self._keys, key)
        else:
            behind = bisect_right(self._keys, key) - self._start
        return min(max(0, behind), len(self))

    def _index(self, position: int) -> int:
        return self._stop - 1 - position if self._descending else self._start + position


def select(rows: Iterable[Row], filters: Filters, *, now: int) -> list[Row]:
    """Give the rows that ``filters`` selects, ``now`` being the time in milliseconds."""
    return [row for row in rows if _selected(row, filters, now)]


def _key_function(filters: Filters) -> Callable[[Row], Key]:
    key_of = _KEYS[filters.sort_by]
    if not filters.by_second or filters.sort_by == "score":
        return key_of

    def by_second(row: Row) -> Key:
        date, model_id = key_of(row)
        return date - date % 1000, model_id

    return by_second


_KEYS: dict[SortBy, Callable[[Row], Key]] = {
    "createdAt": lambda row: (row.created, row.id),
    "updatedAt": lambda row: (row.updated, row.id),
    "score": lambda row: (row.score, row.id),
}


def _selected(row: Row, filters: Filters, now: int) -> bool:
    if row.privacy != filters.privacy:
        return False
    if row.deleted is not None:
        listed = filters.status == "deleted" or filters.with_deleted
        return listed and row.deleted > now - LISTED_AFTER_DELETION and _filtered(row, filters)
    if filters.status is not None and row.status != filters.status:
        return False
    return _filtered(row, filters)


def _filtered(row: Row, filters: Filters) -> bool:
    return (
        (not filters.collections or not set(filters.collections).isdisjoint(row.collections))
        and (filters.tags is None or _tagged(row, filters.tags, every=filters.every_tag))
        and (not filters.types or row.type in filters.types)
        and (row.loaded or not filters.loaded_only)
    )


def _tagged(row: Row, tags: tuple[str, ...], *, every: bool) -> bool:
    if every:
        return bool(tags) and set(tags).issubset(row.tags)
    return not set(tags).isdisjoint(row.tags)
