"""A database of many accounts, each of which has a store of its own in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from scenario_async._argument_errors import check_count
from scenario_async._query import given_flag
from scenario_async.sync._backends import (
    Connections,
    Database,
    connected,
    database_url,
    in_own_task,
)
from scenario_async.sync._layouts import ACCOUNTS

from .accounts import checked_account
from .catalog_store import CatalogStore

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

__all__ = ["FleetStore", "connected_to", "fleet_database_of"]

_CONNECTIONS = 10
_STATEMENTS = 100


class FleetStore:
    """The copies of many accounts in one database. Made by :meth:`open`, used with ``async with``.

    It belongs to the event loop on which it was opened.
    """

    def __init__(self, connections: Connections, url: URL, *, create: bool) -> None:
        self._connections = connections
        self._url = url
        self._database = Database(connections)
        self._create = create

    @classmethod
    def open(
        cls,
        url: str,
        *,
        create: bool = True,
        connections: int = _CONNECTIONS,
        partitions: int = ACCOUNTS.partitions,
    ) -> FleetStore:
        """A store of many accounts, which ``async with`` opens and closes.

        Args:
            url: ``postgresql://user@host/database``; SQLite has no accounts.
            create: Make the tables where there are none, and bring those of an earlier version up
                to date.
            connections: How many connections to the database there are at most, for all accounts,
                besides the one that keeps the locks of runs. Who wants another one waits for it.
            partitions: Into how many parts the large tables are cut when they are made, by a hash
                of the account.

        Raises:
            TypeError: The URL is not a string, a number not an int, or ``create`` not a ``bool``.
            ValueError: It is not a URL of PostgreSQL, has a parameter that means nothing here, or a
                number is below 1.
            ModuleNotFoundError: The driver is not installed.
        """
        given_flag("create", create)
        check_count("connections", connections, least=1)
        check_count("partitions", partitions, least=1)
        layout = replace(ACCOUNTS, partitions=partitions)
        where = database_url(url)
        opened = Connections(where, layout, most=connections, opener=cls.__name__)
        return cls(opened, where, create=create)

    def __repr__(self) -> str:
        return f"<FleetStore {self._connections.name}>"

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            UsageError: It is open.
            StoreError: The database cannot be reached, or, without ``create``, has no store.
            StoreVersionError: Its tables are of a newer release, have no accounts, or are not of
                this package, or, without ``create``, are of an earlier version.
        """
        await self._connections.enter(create=self._create)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connections.leave()

    def account(self, name: str) -> CatalogStore:
        """The store of one account, for all that takes a :class:`CatalogStore`.

        It uses the connections of this store, and is open as long as that is: it is not entered.
        Nothing is asked of the database: an account that was never copied is an empty store.

        Raises:
            TypeError: The name is not a string.
            ValueError: It is empty, longer than 200 bytes, or has what no database can store.
        """
        return CatalogStore(self._connections, account=checked_account(name), shared=True)

    @in_own_task
    async def delete(self, account: str) -> None:
        """Delete the copy of an account, with all that is remembered of its runs.

        Raises:
            TypeError: As for :meth:`account`, and so is ``ValueError``.
            StoreBusyError: A run is at work on it.
            StoreError: The database failed.
        """
        database = Database(self._connections, checked_account(account))
        async with database.lock(()), database.writing() as connection:
            for table in database.stored:
                await connection.execute(database.delete(table))


def fleet_database_of(store: FleetStore) -> Database:
    """The database behind a store of many accounts, for other packages: of no account.

    Raises:
        TypeError: It is not such a store.
    """
    if not isinstance(store, FleetStore):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
        raise TypeError(f"store must be a FleetStore, not {type(store).__name__}")
    return store._database  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]


async def connected_to(store: FleetStore) -> Any:  # noqa: ANN401 - the driver has no types
    """A connection of the driver to the database of a store, for other packages: it is theirs."""
    return await connected(store._url, statements=_STATEMENTS)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
