"""What there is in a catalogue, read by the server and by tests."""

from __future__ import annotations

from collections import ChainMap
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from .rows import PROJECT_ID
from .selection import Filters
from .store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .rows import Privacy, Row


class Collection(msgspec.Struct, frozen=True, kw_only=True):
    """A collection of the sandbox's project.

    Attributes:
        id: The collection id.
        name: Its name.
        created: Creation time in milliseconds since 1970.
        updated: Time of the last change in milliseconds since 1970.
    """

    id: str
    name: str
    created: int
    updated: int


class Contents:
    """The models and collections of a catalogue, safe to read while it is changed.

    Args:
        owner: The project that private and unlisted models belong to.
        kept_rows: How many encoded rows to keep in memory.

    Attributes:
        owner: The project that private and unlisted models belong to.
    """

    def __init__(self, *, owner: str = PROJECT_ID, kept_rows: int = 25_000) -> None:
        self.owner = owner
        self._store = Store(kept_rows=kept_rows)
        self._public: Store = self._store
        self._added = 0
        self._collections: dict[str, Collection] = {}
        self._foreign: set[str] = set()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self)} models, version {self.version}>"

    def __len__(self) -> int:
        """Count the models that exist, of every privacy."""
        return sum(1 for _ in self)

    def __contains__(self, model_id: object) -> bool:
        row = self._find(model_id) if isinstance(model_id, str) else None
        return row is not None and row.deleted is None

    def __iter__(self) -> Iterator[Row]:
        """Give the models that exist, in no particular order."""
        rows = (row for store in self.stores for row in store.rows())
        return (row for row in rows if row.deleted is None)

    def share_public(self, of: Contents) -> None:
        """Let the public models be those of another catalogue, for whoever changes them as well.

        Raises:
            ValueError: There are public models here already, or those of a third catalogue.
        """
        if self._public is of.store_of("public"):
            return
        if self._public is not self._store:
            raise ValueError("the catalogue shares the public models of another one already")
        if any(row.privacy == "public" for row in self._store.rows()):
            raise ValueError(
                "the catalogue has public models of its own: make it with public=0, as the public "
                "ones are the same for all accounts"
            )
        self._public = of.store_of("public")

    @property
    def store(self) -> Store:
        """Where the server reads; not for programs, which read the catalogue itself."""
        return self._store

    @property
    def stores(self) -> tuple[Store, ...]:
        """Where the models are: in one store, or the public ones in another; not for programs."""
        return (self._store,) if self._public is self._store else (self._store, self._public)

    def store_of(self, privacy: Privacy) -> Store:
        """Return where the server reads models of that privacy; not for programs."""
        return self._public if privacy == "public" else self._store

    def encoded(self, row: Row) -> bytes:
        """Return the record of ``row`` as JSON."""
        return self.store_of(row.privacy).encoded(row)

    def cuts(self) -> Mapping[int, Row]:
        """Return the existing rows by where the pool of letters is cut for their asset ids.

        Of two at the same place it is a public one: whoever may read one of them may read that.
        """
        return ChainMap(*(store.cuts() for store in reversed(self.stores)))

    @property
    def version(self) -> int:
        """A number that grows with every change."""
        return sum(store.version for store in self.stores)

    @property
    def now(self) -> datetime:
        """The time in this catalogue."""
        return datetime.fromtimestamp(self._store.now / 1000, UTC)

    @property
    def collections(self) -> tuple[Collection, ...]:
        """The collections, newest first."""
        with self._store.lock:
            collections = list(self._collections.values())
        return tuple(sorted(collections, key=lambda one: (-one.created, one.id)))

    @property
    def collection_ids(self) -> tuple[str, ...]:
        """The ids of the collections, newest first."""
        return tuple(collection.id for collection in self.collections)

    @property
    def foreign_ids(self) -> frozenset[str]:
        """The ids of models that belong to another project."""
        with self._store.lock:
            return frozenset(self._foreign)

    def get(self, model_id: str) -> Row:
        """Give the facts kept of one model, deleted or not.

        Raises:
            KeyError: There is no such model.
        """
        row = self._find(model_id)
        if row is None:
            raise KeyError(model_id)
        return row

    def ids(
        self,
        privacy: Privacy = "private",
        *,
        status: str | None = None,
        collection_id: str | None = None,
    ) -> list[str]:
        """Give ids as an unsorted, unbounded listing does: public by score, others newest first."""
        filters = Filters(
            privacy=privacy,
            sort_by="score" if privacy == "public" else "createdAt",
            status=status,
            collections=() if collection_id is None else (collection_id,),
        )
        window = self.store_of(privacy).window(filters)
        return [row.id for row in window.rows(0, len(window))]

    def model_count(self, collection_id: str) -> int:
        """Count the models that exist in a collection."""
        return sum(collection_id in row.collections for row in self)

    def _find(self, model_id: str) -> Row | None:
        found = (store.find(model_id) for store in self.stores)
        return next((row for row in found if row is not None), None)
