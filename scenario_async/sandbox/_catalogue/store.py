"""Where a catalogue keeps its rows: found, sorted and encoded at most once per change."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from .letters import cut
from .rows import encode_row
from .seeding import NEWEST
from .selection import Filters, Ordering, Window, select

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .rows import Row

_KEPT_ORDERINGS: Final = 32
_CHANGE: Final = 1000


class Store:
    """The rows of a catalogue, deleted ones included. Safe from any thread.

    Args:
        kept_rows: How many encoded rows are kept in memory: the first ones asked for. A larger
            listing read again and again would push every row out of a memory of the last ones.

    Attributes:
        lock: Held during a change of several steps.
    """

    def __init__(self, *, kept_rows: int) -> None:
        self.lock: threading.RLock = threading.RLock()
        self._now = NEWEST
        self._version = 0
        self._rows: dict[str, Row] = {}
        self._orderings: dict[Filters, Ordering] = {}
        self._kept_rows = kept_rows
        self._encoded: dict[str, bytes] = {}
        self._cuts: dict[int, Row] = {}

    @property
    def now(self) -> int:
        """The time in milliseconds since 1970."""
        return self._now

    @property
    def version(self) -> int:
        """A number that grows with every change."""
        return self._version

    def tick(self, milliseconds: int = _CHANGE) -> int:
        """Count a change; give its time. A change takes a second unless told otherwise."""
        with self.lock:
            self._now += milliseconds
            self._version += 1
            self._forget()
            return self._now

    def find(self, model_id: str) -> Row | None:
        """A row, deleted or not; ``None`` if there is none."""
        return self._rows.get(model_id)

    def rows(self) -> list[Row]:
        """Give all rows, deleted or not."""
        with self.lock:
            return list(self._rows.values())

    def put(self, rows: Iterable[Row]) -> None:
        """Add rows or put them in the place of those with the same id."""
        with self.lock:
            for row in rows:
                self._rows[row.id] = row
                self._encoded.pop(row.id, None)
            self._forget()

    def drop(self, model_id: str) -> None:
        """Take a row out, as if there had never been one."""
        with self.lock:
            del self._rows[model_id]
            self._encoded.pop(model_id, None)
            self._version += 1
            self._forget()

    def window(
        self,
        filters: Filters,
        low: int | None = None,
        high: int | None = None,
        *,
        descending: bool = True,
    ) -> Window:
        """Give the rows of a listing, dates bounded by ``low`` and ``high`` (both included).

        What is given stays as it is, whatever changes later.
        """
        with self.lock:
            ordering = self._orderings.get(filters)
            if ordering is None:
                if len(self._orderings) >= _KEPT_ORDERINGS:
                    self._orderings.clear()
                selected = select(self._rows.values(), filters, now=self._now)
                ordering = self._orderings[filters] = Ordering(selected, filters)
        return ordering.window(low, high, descending=descending)

    def cuts(self) -> dict[int, Row]:
        """Return the existing rows by where the pool of letters is cut for their asset ids.

        Of two at the same place it is a public one: whoever may read one of them may read that.
        """
        with self.lock:
            if not self._cuts:
                existing = [row for row in self._rows.values() if row.deleted is None]
                existing.sort(key=lambda row: row.privacy == "public")
                self._cuts = {cut(row.content): row for row in existing}
            return self._cuts

    def encoded(self, row: Row) -> bytes:
        """Give the record of ``row`` as JSON, from memory where it was kept."""
        with self.lock:
            if self._rows.get(row.id) is not row:
                return encode_row(row)
            kept = self._encoded.get(row.id)
            if kept is None:
                kept = encode_row(row)
                if len(self._encoded) < self._kept_rows:
                    self._encoded[row.id] = kept
            return kept

    def _forget(self) -> None:
        self._orderings.clear()
        self._cuts = {}
