"""The database of a store: its tables, what it can do, and who may write into it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
from sqlalchemy import ColumnElement, Delete, Update, delete, literal, select, true, update

from scenario_async.sync._errors import StoreBusyError

from .many_rows import ManyRows
from .schema import version_of
from .task import in_own_task, undisturbed

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        Awaitable,
        Callable,
        Collection,
        Iterable,
        Mapping,
        Sequence,
    )

    from sqlalchemy import Executable, FromClause, Index, Select, Table
    from sqlalchemy.dialects.postgresql import Insert
    from sqlalchemy.ext.asyncio import AsyncConnection

    from scenario_async.sync._layouts import Tables

    from .backend import Lock
    from .connections import Connections

__all__ = ["Database"]

_LOOK_AGAIN = 1.0  # seconds


class Database:
    """The tables of a store, or of an account, in a database.

    Args:
        connections: To the database.
        account: Whose rows these are, in tables that have accounts; ``None`` is all of them.

    Attributes:
        name: What to call it in a message: a path, or where it is.
        account: Whose rows these are, where there are accounts.
        kept_runs: How many runs it remembers.
        later_index: An index to be made when the first full walk is complete.
        tables: What is read.
        stored: What is written into, with :meth:`insert`, :meth:`update` and :meth:`delete`.
        one_run: As of :class:`Backend`, and so are the other attributes.
    """

    def __init__(self, connections: Connections, account: str | None = None) -> None:
        backend, layout = connections.backend, connections.layout
        self.name: str = connections.name
        if account is not None:
            self.name += f", account {account!r}"
        self.account: str | None = account
        self.one_run: bool = backend.one_run or account is not None
        self.kept_runs: int = layout.kept_runs
        self.later_index: Index | None = layout.later
        self.tables: Tables[FromClause] = layout.read(account)
        self.stored: Tables[Table] = layout.tables
        self.make_index: Callable[[AsyncConnection, Index], Awaitable[None]] = backend.make_index
        self.keep_moment: Callable[[AsyncConnection], Awaitable[None]] = backend.keep_moment
        self.listed: Callable[[Sequence[str]], FromClause] = backend.listed
        self.among: Callable[
            [ColumnElement[Any], Sequence[str] | Select[tuple[str]]], ColumnElement[bool]
        ] = backend.among
        self.has: Callable[[ColumnElement[Any], str], ColumnElement[bool]] = backend.has
        self.values: Callable[[ColumnElement[Any]], FromClause] = backend.values
        self.month: Callable[[ColumnElement[Any]], ColumnElement[str]] = backend.month
        self.octets: Callable[[ColumnElement[Any]], ColumnElement[int]] = backend.octets
        self._own: Mapping[str, str] = {} if account is None else {"account": account}
        self._connections = connections
        self._backend = backend
        self._write_lock = asyncio.Lock()
        self._locks: list[Lock] = []

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
                    await self.check_locks()
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

    @in_own_task
    async def rows(self, query: Executable) -> Sequence[Any]:
        """The rows of a query, in a transaction of its own.

        Raises:
            UsageError: The database is not open.
            StoreError: It failed, or its file is not there any more.
        """
        async with self.transaction() as connection:
            return (await connection.execute(query)).all()

    async def scalars(self, query: Executable) -> list[Any]:
        """The first column of these rows."""
        return [row[0] for row in await self.rows(query)]

    async def scalar(self, query: Executable) -> Any:  # noqa: ANN401 - of any column
        """The first value of them, ``None`` where there is none."""
        return next(iter(await self.scalars(query)), None)

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
        async with self._holding() as held:
            while True:
                try:
                    await self._take_lock(scopes, held)
                    break
                except StoreBusyError:
                    if not wait:
                        raise
                await anyio.sleep(_LOOK_AGAIN)
            self._connections.ran = True
            self._connections.runs += 1
            try:
                yield
            finally:
                self._connections.runs -= 1

    @asynccontextmanager
    async def lead(self, name: str) -> AsyncGenerator[None]:
        """Be the one of all processes that leads under this name, until left or killed.

        Runs are not kept away by it.

        Raises:
            UsageError: The database is not open.
            StoreBusyError: Another one leads.
            StoreError: The lock cannot be taken, or nothing be written.
        """
        async with self._holding() as held:
            with self._connections.failures(), undisturbed():
                own = name if self.account is None else f"{self.account!r} {name}"
                self._keep(await self._backend.lead(own, held), held)
            yield

    @asynccontextmanager
    async def _holding(self) -> AsyncGenerator[AsyncExitStack]:
        """What lets go of locks in the end, whatever is cancelled meanwhile."""
        self._connections.check_open()
        self._backend.check_writable()
        held = AsyncExitStack()
        try:
            yield held
        finally:
            with undisturbed():
                await held.aclose()

    async def _take_lock(self, scopes: Collection[str], held: AsyncExitStack) -> None:
        with self._connections.failures(), undisturbed():
            async with AsyncExitStack() as taken:
                lock = await self._backend.lock(scopes, taken, account=self.account)
                self._keep(lock, taken)
                async with self._connections.begun() as connection:
                    await version_of(connection, self._connections.layout, self.name)
                held.push_async_callback(taken.pop_all().aclose)

    def _keep(self, lock: Lock, held: AsyncExitStack) -> None:
        self._locks.append(lock)
        held.callback(self._locks.remove, lock)

    async def check_locks(self) -> None:
        """See that others are still kept away by the locks that were taken here.

        Raises:
            StoreError: The connection that keeps them away was lost.
        """
        for lock in {*self._locks}:
            await lock.check()

    def insert(self, table: Table) -> Insert:
        """An ``INSERT`` that knows ``ON CONFLICT``."""
        statement = self._backend.insert(table)
        return statement.values(self._own) if self._own else statement

    def upsert(self, table: Table, replaced: Iterable[str]) -> Insert:
        """An ``INSERT`` that replaces these columns where the row is there."""
        statement = self.insert(table)
        values = {name: statement.excluded[name] for name in replaced}
        return statement.on_conflict_do_update(index_elements=table.primary_key, set_=values)

    def insert_each(self, table: Table, row: Mapping[str, ColumnElement[Any]]) -> Insert:
        """The same of all rows that a query for these values has."""
        row = {**{name: literal(value) for name, value in self._own.items()}, **row}
        # SQLite's grammar needs a WHERE between SELECT and ON CONFLICT
        # (https://www.sqlite.org/lang_upsert.html#parsing_ambiguity).
        rows = select(*row.values()).where(true())
        return self._backend.insert(table).from_select(list(row), rows)

    def update(self, table: Table) -> Update:
        """An ``UPDATE`` of rows of the store."""
        return update(table).where(*self._is_own(table))

    def delete(self, table: Table) -> Delete:
        """A ``DELETE`` of rows of the store."""
        return delete(table).where(*self._is_own(table))

    def many(self, statement: Insert, columns: Sequence[str]) -> ManyRows:
        """A statement, made by :meth:`insert`, for many rows of these columns at once."""
        dialect = self._backend.engine.dialect
        return ManyRows(statement, columns, dialect, first=tuple(self._own.values()))

    async def is_ours_alone(self, connection: AsyncConnection) -> bool:
        """Whether no other run is at work on it, for a run that is."""
        return self.account is not None or (
            self._connections.runs <= 1 and await self._backend.is_ours_alone(connection)
        )

    def size(self) -> ColumnElement[int]:
        """How many bytes it takes: with its indexes, or, of an account, the rows alone."""
        return self._backend.size(self.tables)

    def _is_own(self, table: Table) -> list[ColumnElement[bool]]:
        return [table.c[name] == value for name, value in self._own.items()]
