"""The models and collections of a sandbox, which tests change while the server runs."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

import msgspec

from . import seeding as _seeding
from .contents import Collection, Contents
from .rows import PROJECT_ID, SERVICE_ID, Privacy, Row, milliseconds_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping
    from datetime import datetime

    from .store import Store


class Catalogue(Contents):
    """Models and collections, safe to change from any thread while a sandbox serves them.

    Time in a catalogue is its own: it starts on 15 October 2026 and each change takes one second,
    so that the same program gives the same dates on every run. ``advance`` lets days pass.

    Args:
        owner: The project that private and unlisted models belong to; public ones are the
            service's own.
        kept_rows: How many encoded rows to keep in memory (about 4.3 KB each). The first ones
            asked for are kept, the others are encoded each time.
    """

    @classmethod
    def seeded(
        cls,
        *,
        public: int = 709,
        private: int = 300,
        unlisted: int = 0,
        collections: int = 3,
        foreign: int = 2,
        seed: int = 0,
        burst: int = 40,
        odd: bool = True,
        owner: str = PROJECT_ID,
        kept_rows: int = 25_000,
    ) -> Self:
        """Make a catalogue of invented models that look and weigh like real ones.

        The same arguments give the same catalogue, byte for byte, in every process. A row does not
        depend on how many there are: a larger catalogue begins with the rows of a smaller one.

        Args:
            public: Number of public models.
            private: Number of private models, about half of them in collections.
            unlisted: Number of unlisted models.
            collections: Number of collections.
            foreign: Number of models that belong to another project (403 instead of 404).
            seed: Any whole number; another seed gives other models.
            burst: How many neighbours were created together, half of them in one millisecond.
            odd: Whether every tenth row departs from the published schema, as real ones do, and
                two public ones have an ``accessRestrictions`` that it lacks.
            owner: As for ``Catalogue``.
            kept_rows: As for ``Catalogue``.

        Returns:
            The catalogue.

        Raises:
            ValueError: A number is negative.
        """
        numbers = (public, private, unlisted, collections, foreign)
        if any(number < 0 for number in numbers):
            raise ValueError(f"there cannot be fewer than no models or collections: {numbers}")
        catalogue = cls(owner=owner, kept_rows=kept_rows)
        collection_ids = _seeding.seeded_collection_ids(collections, seed=seed)
        for number, collection_id in enumerate(collection_ids):
            catalogue._collections[collection_id] = Collection(
                id=collection_id,
                name=f"Collection {number + 1}",
                created=_seeding.NEWEST - (number + 1) * 86_400_000,
                updated=_seeding.NEWEST - number * 3_600_000,
            )
        wanted: tuple[tuple[Privacy, int, tuple[str, ...]], ...] = (
            ("public", public, ()),
            ("private", private, collection_ids),
            ("unlisted", unlisted, collection_ids),
        )
        for privacy, count, ids in wanted:
            rows = _seeding.seeded_rows(
                privacy, count, seed=seed, burst=burst, odd=odd, collections=ids, owner=owner
            )
            catalogue._store.put(rows)
        catalogue._foreign.update(_seeding.seeded_foreign_ids(foreign, seed=seed))
        return catalogue

    def add(
        self,
        model_id: str | None = None,
        *,
        privacy: Privacy = "private",
        name: str | None = None,
        type: str = "flux.1-lora",  # noqa: A002 -- the name of the field
        status: str = "trained",
        tags: Iterable[str] = (),
        collection_ids: Iterable[str] = (),
        created_at: datetime | None = None,
        score: int = 0,
        fields: Mapping[str, Any] | None = None,
    ) -> str:
        """Add a model, created now unless ``created_at`` says otherwise.

        Args:
            model_id: Its id; made up if left out.
            privacy: Who sees it.
            name: Its name; made up if left out.
            type: Its type; any text, as an old client sees a new type.
            status: Its status; any text.
            tags: Its tags.
            collection_ids: The collections that it is in.
            created_at: An aware datetime; finer parts than milliseconds are cut off.
            score: Its place in listings by score, higher ones first.
            fields: Fields of the record to set or replace, as JSON values.

        Returns:
            The id.

        Raises:
            ValueError: The id is taken, or ``created_at`` has no time zone.
        """
        with self._changing():
            self._added += 1
            model_id = self._free_id() if model_id is None else model_id
            if self._taken(model_id):
                raise ValueError(f"model_id {model_id!r} is taken: choose another one")
            now = self.store_of(privacy).tick()
            created = now if created_at is None else milliseconds_of(created_at)
            row = Row(
                id=model_id,
                name=f"Added {self._added}" if name is None else name,
                privacy=privacy,
                type=type,
                status=status,
                created=created,
                updated=created,
                score=score,
                tags=tuple(tags),
                collections=tuple(collection_ids),
                content=self._added * 0x9E37_79B9_7F4A_7C15 & (1 << 60) - 1,
                fields=None if fields is None else dict(fields),
                owner=SERVICE_ID if privacy == "public" else self.owner,
            )
            self.store_of(privacy).put([row])
        return model_id

    def update(
        self,
        model_id: str,
        *,
        name: str | None = None,
        type: str | None = None,  # noqa: A002 -- the name of the field
        status: str | None = None,
        tags: Iterable[str] | None = None,
        collection_ids: Iterable[str] | None = None,
        privacy: Privacy | None = None,
        fields: Mapping[str, Any] | None = None,
        touch: bool = True,
    ) -> None:
        """Change a model; what is left out stays.

        Args:
            model_id: The model.
            name: The new name.
            type: The new type.
            status: The new status.
            tags: The new tags, all of them.
            collection_ids: The collections that it is in from now on.
            privacy: Who sees it from now on.
            fields: Fields of the record to set or replace; a field set before stays.
            touch: Whether ``updatedAt`` becomes now.

        Raises:
            KeyError: There is no such model.
        """
        with self._changing():
            row = self.get(model_id)
            before = self.store_of(row.privacy)
            after = before if privacy is None else self.store_of(privacy)
            now = after.tick()
            changed = msgspec.structs.replace(
                row,
                name=row.name if name is None else name,
                type=row.type if type is None else type,
                status=row.status if status is None else status,
                tags=row.tags if tags is None else tuple(tags),
                collections=row.collections if collection_ids is None else tuple(collection_ids),
                privacy=row.privacy if privacy is None else privacy,
                fields=row.fields if fields is None else {**(row.fields or {}), **fields},
                updated=now if touch else row.updated,
            )
            after.put([changed])
            if after is not before:
                before.drop(model_id)

    def move(self, model_id: str, *collection_ids: str) -> None:
        """Put a model into these collections and no others (none: into no collection).

        Raises:
            KeyError: There is no such model or collection.
        """
        with self._changing():
            for collection_id in collection_ids:
                if collection_id not in self._collections:
                    raise KeyError(collection_id)
            self.update(model_id, collection_ids=collection_ids)

    def delete(self, model_id: str) -> None:
        """Delete a model; ``status=deleted`` lists it for 30 days, with the time as ``deletedAt``.

        Raises:
            KeyError: There is no such model, or it is deleted already.
        """
        with self._changing():
            row = self.get(model_id)
            if row.deleted is not None:
                raise KeyError(model_id)
            store = self.store_of(row.privacy)
            store.put([msgspec.structs.replace(row, deleted=store.tick())])

    def restore(self, model_id: str) -> None:
        """Bring a deleted model back.

        Raises:
            KeyError: There is no such model.
        """
        with self._changing():
            row = self.get(model_id)
            store = self.store_of(row.privacy)
            store.tick()
            store.put([msgspec.structs.replace(row, deleted=None)])

    def add_foreign(self, model_id: str) -> None:
        """Add the id of a model that belongs to another project: reading it is forbidden (403)."""
        with self._store.lock:
            self._foreign.add(model_id)
            self._store.tick()

    def add_collection(self, name: str) -> str:
        """Add an empty collection, created now, and give its id."""
        with self._store.lock:
            now = self._store.tick()
            collection_id = f"collection_added{len(self._collections):016d}"
            self._collections[collection_id] = Collection(
                id=collection_id, name=name, created=now, updated=now
            )
        return collection_id

    def sign_again(self) -> None:
        """Renew every signed URL, which is all that changes: signatures expire on their own."""
        with self._changing() as stores:
            for store in stores:
                store.put(
                    [
                        msgspec.structs.replace(row, signature=row.signature + 1)
                        for row in store.rows()
                    ]
                )
                store.tick()

    def advance(self, by: timedelta) -> None:
        """Let time pass: deleted models leave the listing of deleted ones after 30 days."""
        with self._changing() as stores:
            for store in stores:
                store.tick(by // timedelta(milliseconds=1))

    def _free_id(self) -> str:
        # Another account may have added public models under the first of these ids.
        while self._taken(made_up := f"model_added{self._added:019d}"):
            self._added += 1
        return made_up

    def _taken(self, model_id: str) -> bool:
        return self._find(model_id) is not None or model_id in self._foreign

    @contextmanager
    def _changing(self) -> Generator[tuple[Store, ...]]:
        """Keep others from changing anything in between; give where the models are."""
        with ExitStack() as stack:
            for store in self.stores:
                stack.enter_context(store.lock)
            yield self.stores
