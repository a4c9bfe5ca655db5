"""The store: opened, queried, and told how its last runs went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import anyio
from sqlalchemy import func, select, union

from scenario_async.sync._backends.database import Database
from scenario_async.sync._backends.task import in_own_task
from scenario_async.sync._backends.urls import database_url
from scenario_async.sync._tables import SCOPE_KEY, memberships, models, rejected, runs, state

from .filters import conditions_of, limit_of
from .values import RunRecord, StoreCounts, StoredModel, as_stored, read_stored

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType

    from sqlalchemy import ColumnElement, Executable

__all__ = ["CatalogStore", "database_of", "scopes_of"]

_BATCH = 500


# Those of which a copy was begun.
_SCOPES = union(
    select(func.substr(state.c.key, len(SCOPE_KEY) + 1)).where(state.c.key.startswith(SCOPE_KEY)),
    select(memberships.c.scope),
)


class CatalogStore:
    """A copy of the catalogue in a database. Made by :meth:`open`, used with ``async with``.

    It belongs to the event loop on which it was opened.
    """

    def __init__(self, database: Database, *, create: bool) -> None:
        self._database = database
        self._create = create

    @classmethod
    def open(cls, url: str | Path, *, create: bool = True) -> CatalogStore:
        """A store, which ``async with`` opens and closes.

        Args:
            url: ``sqlite:///models.db``, or just a path, or ``postgresql://user@host/database``.
            create: Make the tables, and the file, where there are none.

        Raises:
            TypeError: The URL is neither text nor a path.
            ValueError: It is no URL, names another kind of database, or has a parameter that means
                nothing here. It is not quoted, as it may have a password.
            ModuleNotFoundError: The driver of this kind of database is not installed.
        """
        return cls(Database(database_url(url)), create=create)

    def __repr__(self) -> str:
        return f"<CatalogStore {self._database.name}>"

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            UsageError: It is open.
            StoreError: The database cannot be reached, or, without ``create``, has no store.
            StoreVersionError: Its tables are of a newer release, or not of this package.
        """
        self._database.check_closed()
        try:
            await self._open()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._end()

    def models(
        self,
        *,
        scope: str | None = None,
        type: str | None = None,  # noqa: A002 - the API's name
        status: str | None = None,
        privacy: str | None = None,
        tags: Sequence[str] = (),
        capabilities: Sequence[str] = (),
        collection: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        updated_after: datetime | None = None,
        updated_before: datetime | None = None,
        deleted: bool | None = False,
        limit: int | None = None,
    ) -> AsyncGenerator[StoredModel, None]:
        """The models of the store that fit all of these, by their ids.

        They are read in batches: what a run writes meanwhile may show or not, no model comes twice,
        and no connection is held while the caller handles one.

        Args:
            scope: Seen in this scope, as it was given to :func:`sync`.
            type: Of this type.
            status: With this status.
            privacy: ``"private"``, ``"public"`` or ``"unlisted"``.
            tags: With at least one of these tags, exact and case-sensitive, as in listings.
            capabilities: With all of these capabilities.
            collection: In this collection.
            created_after: Created after this moment, which is left out as in the API.
            created_before: Created before it.
            updated_after: Updated after it.
            updated_before: Updated before it.
            deleted: Whether they are marked as deleted; ``None`` for all.
            limit: At most so many.

        Raises:
            ValueError: A value that fits nothing, as a text that is no scope or a time without
                zone; at once, as is the next.
            TypeError: A value of the wrong type.
            StoreError: The database failed, or a model in it cannot be read.
        """
        conditions = conditions_of(
            self._database,
            scope=scope,
            type=type,
            status=status,
            privacy=privacy,
            tags=tags,
            capabilities=capabilities,
            collection=collection,
            created_after=created_after,
            created_before=created_before,
            updated_after=updated_after,
            updated_before=updated_before,
            deleted=deleted,
        )
        return self._by_id(conditions, limit_of(limit))

    @in_own_task
    async def counts(self) -> StoreCounts:
        """How much there is.

        Raises:
            StoreError: The database failed.
        """
        gone = models.c.deleted_at.is_not(None)
        by_scope = (
            select(memberships.c.scope, func.count())
            .join(models, models.c.id == memberships.c.model_id)
            .where(~gone)
            .group_by(memberships.c.scope)
        )
        async with self._database.transaction() as connection:
            count = select(func.count()).select_from
            scopes = dict.fromkeys((await connection.scalars(_SCOPES)).all(), 0)
            scopes |= {row[0]: row[1] for row in await connection.execute(by_scope)}
            return StoreCounts(
                models=await connection.scalar(count(models).where(~gone)) or 0,
                deleted=await connection.scalar(count(models).where(gone)) or 0,
                rejected=await connection.scalar(count(rejected)) or 0,
                scopes=dict(sorted(scopes.items())),
            )

    async def runs(self, limit: int = 10) -> list[RunRecord]:
        """The last runs, the latest first.

        Raises:
            StoreError: The database failed, or a run in it cannot be read.
        """
        query = select(*as_stored(runs, RunRecord)).order_by(runs.c.id.desc()).limit(limit)
        return [read_stored(row, RunRecord, self._database.name) for row in await self._rows(query)]

    async def _by_id(
        self, conditions: Sequence[ColumnElement[bool]], limit: int | None
    ) -> AsyncGenerator[StoredModel, None]:
        query = select(*as_stored(models, StoredModel)).where(*conditions).order_by(models.c.id)
        last: str | None = None
        left = limit
        while left is None or left > 0:
            size = _BATCH if left is None else min(_BATCH, left)
            batch = query if last is None else query.where(models.c.id > last)
            rows = await self._rows(batch.limit(size))
            for row in rows:
                last = row[0]
                yield read_stored(row, StoredModel, self._database.name)
            if len(rows) < size:
                return
            left = None if left is None else left - len(rows)

    @in_own_task
    async def _open(self) -> None:
        await self._database.open(create=self._create)

    async def _end(self) -> None:
        # In a scope that is cancelled, waiting for the end would raise, and hide what went wrong.
        with anyio.CancelScope(shield=True):
            await self._close()

    @in_own_task
    async def _close(self) -> None:
        await self._database.close()

    @in_own_task
    async def _rows(self, query: Executable) -> Sequence[Any]:
        async with self._database.transaction() as connection:
            return (await connection.execute(query)).all()


@in_own_task
async def scopes_of(store: CatalogStore) -> list[str]:
    """The scopes that were ever copied into a store, sorted.

    Raises:
        StoreError: The database failed.
    """
    async with database_of(store).transaction() as connection:
        return sorted((await connection.scalars(_SCOPES)).all())


def database_of(store: CatalogStore) -> Database:
    """The database behind a store, for the rest of this package.

    Raises:
        TypeError: It is no store.
    """
    if not isinstance(store, CatalogStore):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
        raise TypeError(f"store must be a CatalogStore, not {type(store).__name__}")
    return store._database  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
