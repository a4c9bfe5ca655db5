"""How many models a search finds, counted once as long as the store stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenario_async.sync._store import database_of, facets, settled_run

if TYPE_CHECKING:
    from scenario_async.sync import CatalogStore
    from scenario_async.sync._store import Facets, Search

__all__ = ["Counts"]

_KEPT = 100


class Counts:
    """The counts of the searches that came last.

    Counting goes through the whole store. Only runs write into it, so what was counted after the
    last run holds until the next one begins; while one is under way nothing is kept.

    Args:
        store: An open store.
    """

    def __init__(self, store: CatalogStore) -> None:
        self._store = store
        self._run: int | None = None
        self._kept: dict[Search, Facets] = {}

    async def of(self, search: Search) -> Facets:
        """How many models a search finds, and would find with each value of a facet.

        Raises:
            StoreError: The database failed.
        """
        run = await settled_run(database_of(self._store))
        if run != self._run:
            self._run = run
            self._kept.clear()
        found = self._kept.pop(search, None)
        if found is None:
            found = await facets(self._store, search)
            if run is None or await settled_run(database_of(self._store)) != run:
                return found
        if run == self._run:
            self._kept[search] = found
            if len(self._kept) > _KEPT:
                del self._kept[next(iter(self._kept))]
        return found
