"""The store: opened, queried, and told how its last runs went."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import select

from scenario_async import UsageError
from scenario_async._iteration import Iteration
from scenario_async._query import given_flag
from scenario_async._retrieval import check_id
from scenario_async.sync._backends import Connections, Database, database_url
from scenario_async.sync._layouts import ACCOUNTS, PLAIN

from .accounts import checked_account
from .arrow import table_of
from .counts import begun_scopes, counts_of
from .filters import ModelFilters, ModelSelection, check_names, count_of, storable
from .model_query import ModelQuery, query_of
from .statistics import StoreStatistics, statistics_of
from .values import RunRecord, StoreCounts, as_stored, read_stored

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Sequence
    from datetime import datetime
    from pathlib import Path
    from typing import Unpack

    from .filters import OrderBy
    from .values import StoredModel

__all__ = ["CatalogStore", "database_of", "scopes_of"]


class CatalogStore:
    """A copy of the catalogue in a database. Made by :meth:`open`, used with ``async with``.

    It belongs to the event loop on which it was opened.
    """

    def __init__(
        self,
        connections: Connections,
        *,
        create: bool = True,
        account: str | None = None,
        shared: bool = False,
    ) -> None:
        self._connections = connections
        self._database = Database(connections, account)
        self._create = create
        self._shared = shared

    @classmethod
    def open(
        cls, url: str | Path, *, create: bool = True, account: str | None = None
    ) -> CatalogStore:
        """A store, which ``async with`` opens and closes.

        Args:
            url: ``sqlite:///models.db``, or just a path, or ``postgresql://user@host/database``.
            create: Make the tables, and the file, where there are none, and bring tables of an
                earlier version up to date, which waits for no run: :class:`StoreBusyError`.
            account: The account in a database of many, as :class:`FleetStore` makes them.

        Raises:
            TypeError: The URL is neither a string nor a path, the account not a string, or
                ``create`` not a ``bool``.
            ValueError: It is not a URL, names another kind of database, or has a parameter that
                means nothing here. It is not quoted, as it may have a password. Or the account
                is empty, longer than 200 bytes, has what no database can store, or is one in
                SQLite, which has none.
            ModuleNotFoundError: The driver of this kind of database is not installed.
        """
        given_flag("create", create)
        layout = PLAIN if account is None else ACCOUNTS
        checked = None if account is None else checked_account(account)
        return cls(Connections(database_url(url), layout), create=create, account=checked)

    def __repr__(self) -> str:
        return f"<CatalogStore {self._database.name}>"

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            UsageError: It is open, or is an account of a :class:`FleetStore`.
            StoreError: The database cannot be reached, or, without ``create``, has no store.
            StoreVersionError: Its tables are of a newer release, of many accounts where one of them
                is not named, or not of this package, or, without ``create``, of an earlier version.
        """
        if self._shared:
            raise UsageError(
                f"{self._database.name}: the store of an account is open as long as its "
                "FleetStore: use it without 'async with'"
            )
        await self._connections.enter(create=self._create)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connections.leave()

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
        ids: Iterable[str] | None = None,
        order_by: OrderBy = "id",
        offset: int = 0,
        limit: int | None = None,
    ) -> AsyncGenerator[StoredModel, None]:
        """The models of the store that fit all of these, by their ids.

        They are read in batches: what a run writes meanwhile may show or not, no model comes twice,
        and no connection is held while the caller handles one. In the order of their ids memory
        does not grow with the store. In another order, and with ``ids``, the ids of all that fit
        are read at first: some 100 bytes for each.

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
            ids: With one of these ids, of which there may be any number; no model has one of an
                empty list. What the store does not have is left out.
            order_by: ``"id"``, ``"name"``, ``"created_at"``, ``"updated_at"``, ``"deleted_at"`` or
                ``"first_seen_at"``, the smallest or earliest first; ``"-created_at"`` and the like
                the other way round. Models without the value come last, equal ones by their ids.
                Text is sorted as the database does it.
            offset: Without the first so many.
            limit: At most so many.

        Raises:
            ValueError: A value that fits nothing, as a string that is not a scope or order, a time
                without zone or a number below 0; at once, as is the next.
            TypeError: A value of the wrong type.
            StoreError: The database failed, or a model in it cannot be read.
        """
        query = query_of(
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
            ids=ids,
            order_by=order_by,
            offset=offset,
            limit=limit,
        )
        return Iteration(query.run(), "query of the store")

    async def to_arrow(
        self, columns: Iterable[str] | None = None, **selection: Unpack[ModelSelection]
    ) -> Any:  # noqa: ANN401 - pyarrow has no types
        """The models that fit, as a ``pyarrow.Table``. Needs ``scenario-async[export]``.

        The columns are those of :class:`StoredModel`, the same with the same types as in an
        :func:`export` to Parquet: strings, lists of strings, and timestamps in UTC. A table
        without rows has them as well. Rows become record batches of 500 in a thread, and no more
        of them than that are Python objects at once.

        Args:
            columns: Which ones, in this order; default: all of them. No others are read from the
                database. ``record`` and ``details`` are nearly all of the bytes.
            **selection: As for :meth:`models`, with the same order.

        Raises:
            ValueError: There is no such column, or as for :meth:`models`.
            TypeError: There is no such filter, or as for :meth:`models`.
            ModuleNotFoundError: pyarrow is not installed.
            StoreError: The database failed, or a model in it cannot be read.
        """
        check_names("to_arrow", selection, ModelSelection.__optional_keys__)
        return await table_of(query_of(self._database, **selection), columns)

    async def get(self, model_id: str) -> StoredModel | None:
        """The model of this id, ``None`` where the store has none.

        Also one that is marked as deleted: ``deleted_at`` tells.

        Raises:
            TypeError: The id is not a str.
            ValueError: It is empty.
            StoreError: The database failed, or the model in it cannot be read.
        """
        if not storable(check_id("model_id", model_id)):
            return None
        query = ModelQuery(self._database, [self._database.tables.models.c.id == model_id])
        async with aclosing(query.run()) as found:
            return await anext(found, None)

    async def counts(self) -> StoreCounts:
        """How much there is.

        Raises:
            StoreError: The database failed.
        """
        return await counts_of(self._database)

    async def statistics(self, **filters: Unpack[ModelFilters]) -> StoreStatistics:
        """How many models are of which kind, what takes how much room, and what the runs did.

        The database counts, each number in one query; no model is read.

        Args:
            **filters: Only of such models, as for :meth:`models`.

        Raises:
            ValueError: A value that fits nothing.
            TypeError: A value is of the wrong type, or there is no such filter.
            StoreError: The database failed.
        """
        check_names("statistics", filters, ModelFilters.__optional_keys__)
        return await statistics_of(self._database, filters)

    async def runs(self, limit: int = 10) -> list[RunRecord]:
        """The last runs, the latest first.

        Raises:
            TypeError: ``limit`` is not a whole number.
            ValueError: It is below 0.
            StoreError: The database failed, or a run in it cannot be read.
        """
        runs, most = self._database.tables.runs, count_of("limit", limit)
        query = select(*as_stored(runs, RunRecord)).order_by(runs.c.id.desc()).limit(most)
        rows = await self._database.rows(query)
        return [read_stored(row, RunRecord, self._database.name) for row in rows]


async def scopes_of(store: CatalogStore) -> list[str]:
    """The scopes that runs have begun to copy, sorted.

    Raises:
        StoreError: The database failed.
    """
    database = database_of(store)
    return sorted(await database.scalars(begun_scopes(database)))


def database_of(store: CatalogStore) -> Database:
    """The database behind a store, for the rest of this package.

    Raises:
        TypeError: It is not a store.
    """
    if not isinstance(store, CatalogStore):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
        raise TypeError(f"store must be a CatalogStore, not {type(store).__name__}")
    return store._database  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
