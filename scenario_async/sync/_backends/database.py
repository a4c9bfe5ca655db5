"""The database of a store: its tables, what it can do, and who may write into it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
from sqlalchemy import ColumnElement, Delete, Update, delete, select, update

from scenario_async.sync._errors import StoreBusyError

from .many_rows import ManyRows
from .schema import version_of
from .task import undisturbed

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        Awaitable,
        Callable,
        Collection,
        Sequence,
    )

    from sqlalchemy import FromClause, Index, Table
    from sqlalchemy.dialects.postgresql import Insert
    from sqlalchemy.ext.asyncio import AsyncConnection

    from scenario_async.sync._tables import Tables

    from .connections import Connections

__all__ = ["Database"]

_LOOK_AGAIN = 1.0  # seconds
# A week of runs each ten minutes. A worker that runs each minute for years must not fill the disk.
_KEPT_RUNS = 1_000


class Database:
    """One database with the tables of a store.

    Attributes:
        name: What to call it in a message: a path, or where it is.
        kept_runs: How many runs it remembers.
        tables: What is read.
        stored: What is written into, with :meth:`insert`, :meth:`update` and :meth:`delete`.
        one_run: As of :class:`Backend`, and so are the other attributes.
    """

    def __init__(self, connections: Connections) -> None:
        backend = connections.backend
        self.name: str = connections.name
        self.one_run: bool = backend.one_run
        self.kept_runs: int = _KEPT_RUNS
        self.tables: Tables[FromClause] = connections.tables
        self.stored: Tables[Table] = connections.tables
        self.make_index: Callable[[AsyncConnection, Index], Awaitable[None]] = backend.make_index
        self.keep_moment: Callable[[AsyncConnection], Awaitable[None]] = backend.keep_moment
        self.is_ours_alone: Callable[[AsyncConnection], Awaitable[bool]] = backend.is_ours_alone
        self.listed: Callable[[Sequence[str]], FromClause] = backend.listed
        self.has: Callable[[ColumnElement[Any], str], ColumnElement[bool]] = backend.has
        self.values: Callable[[ColumnElement[Any]], FromClause] = backend.values
        self.month: Callable[[ColumnElement[Any]], ColumnElement[str]] = backend.month
        self.octets: Callable[[ColumnElement[Any]], ColumnElement[int]] = backend.octets
        self.size: Callable[[], ColumnElement[int]] = backend.size
        self._connections = connections
        self._backend = backend
        self._write_lock = asyncio.Lock()

    @asynccontextmanager
    async def writing(self, *, locked: bool = True) -> AsyncGenerator[AsyncConnection]:
        """A transaction that writes: one at a time, and committed whatever is cancelled meanwhile.

        Several scopes have one database, which in SQLite has one writer. What is written ``locked``
        is not, once a lock of a run is gone.
        """
        self._backend.check_writable()
        async with self._write_lock:
            with undisturbed():
                if locked:
                    await self._backend.check_locks()
                async with self.transaction() as connection:
                    yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[AsyncConnection]:
        """A connection whose work is committed together, or not at all.

        Raises:
            UsageError: The database is not open.
            StoreError: It failed, or its file is not there any more.
        """
        self._connections.check_open()
        # A new connection would make another file in the place of one that was removed.
        self._backend.check_same()
        async with self._connections.begun() as connection:
            yield connection
        self._backend.check_same()

    @asynccontextmanager
    async def lock(self, scopes: Collection[str], *, wait: bool = False) -> AsyncGenerator[None]:
        """Keep other runs away, until left or until this process ends in whatever way.

        In PostgreSQL from these scopes, in SQLite from the whole database: it has one writer at a
        time.

        Args:
            scopes: Their names.
            wait: Wait while another run has the lock.

        Raises:
            UsageError: The database is not open.
            StoreBusyError: Another run has the lock.
            StoreVersionError: Another release has changed the tables since it was opened.
            StoreError: The lock cannot be taken, or nothing be written.
        """
        self._connections.check_open()
        self._backend.check_writable()
        held = AsyncExitStack()
        try:
            while True:
                try:
                    await self._take_lock(scopes, held)
                    break
                except StoreBusyError:
                    if not wait:
                        raise
                await anyio.sleep(_LOOK_AGAIN)
            self._connections.runs += 1
            held.callback(self._run_ended)
            self._connections.ran = True
            yield
        finally:
            with undisturbed():
                await held.aclose()

    @asynccontextmanager
    async def lead(self, name: str) -> AsyncGenerator[None]:
        """Be the one of all processes that leads under this name, until left or killed.

        Runs are not kept away by it.

        Raises:
            UsageError: The database is not open.
            StoreBusyError: Another one leads.
            StoreError: The lock cannot be taken, or nothing be written.
        """
        self._connections.check_open()
        self._backend.check_writable()
        held = AsyncExitStack()
        try:
            with self._connections.failures(), undisturbed():
                await self._backend.lead(name, held)
            yield
        finally:
            with undisturbed():
                await held.aclose()

    async def _take_lock(self, scopes: Collection[str], held: AsyncExitStack) -> None:
        with self._connections.failures(), undisturbed():
            async with AsyncExitStack() as taken:
                await self._backend.lock(scopes, taken)
                async with self._connections.begun() as connection:
                    await version_of(connection, self.name)
                held.push_async_callback(taken.pop_all().aclose)

    def insert(self, table: Table) -> Insert:
        """An ``INSERT`` that knows ``ON CONFLICT``."""
        return self._backend.insert(table)

    def update(self, table: Table) -> Update:
        """An ``UPDATE`` of rows of the store."""
        return update(table)

    def delete(self, table: Table) -> Delete:
        """A ``DELETE`` of rows of the store."""
        return delete(table)

    def many(self, statement: Insert, columns: Sequence[str]) -> ManyRows:
        """A statement for many rows of these columns at once."""
        return ManyRows(statement, columns, self._backend.engine.dialect)

    def among(self, column: ColumnElement[str], ids: Sequence[str]) -> ColumnElement[bool]:
        """Whether a column has one of these values: one parameter, however many there are."""
        return column.in_(select(self.listed(ids).c.value))

    def _run_ended(self) -> None:
        self._connections.runs -= 1
