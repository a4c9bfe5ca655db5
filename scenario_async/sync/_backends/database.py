"""The database behind a store: reached by a URL, in one of two dialects, failing in one way."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import anyio
from sqlalchemy import ColumnElement, Text, exists, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.schema import CreateIndex

from scenario_async import UsageError
from scenario_async.sync._errors import StoreBusyError, StoreError, StoreVersionError
from scenario_async.sync._tables import SCHEMA_VERSION, metadata, state

from .engines import database_errors, json_text, new_engine
from .locks import ScopesLock, lock_file
from .many_rows import ManyRows
from .schema import SCHEMA, change_alone, check_version, is_empty, make_tables, tables_there
from .server import Server
from .store_file import StoreFile, check_sqlite
from .task import undisturbed
from .urls import in_memory, shown

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection, Generator, Sequence

    from sqlalchemy import Column, FromClause, Index, Table
    from sqlalchemy.dialects.postgresql import Insert
    from sqlalchemy.engine import URL
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

__all__ = ["Database"]


class Database:
    """One database with the tables of a store.

    Attributes:
        name: What to call it in a message: a path, or where it is.
    """

    def __init__(self, url: URL) -> None:
        self._url = url
        self._sqlite = url.get_backend_name() == "sqlite"
        self.name: str = shown(url)
        has_file = self._sqlite and not in_memory(url)
        self._file = StoreFile(self.name) if has_file else None
        self._server = None if self._sqlite else Server(self.name, url)
        self._engine: AsyncEngine = new_engine(url)
        self._turn = asyncio.Lock()
        self._locks: list[ScopesLock] = []
        self._opened = False
        self._runs = 0
        self._ran = False

    def check_closed(self) -> None:
        """Raises UsageError where it is open."""
        if self._opened:
            raise UsageError(f"{self.name}: the store is open: enter it once")

    async def open(self, *, create: bool) -> None:
        """Connect, and make the tables where there are none.

        A database that has no store and is to have none, or is of another program, is left as it
        is, to the byte.

        Raises:
            StoreError: There is no such database, it cannot be reached, or is of a kind that
                cannot have a store.
            StoreVersionError: Its tables are not those of this release.
        """
        if self._sqlite:
            check_sqlite(self.name)
        if self._file is not None:
            with self._failures():
                self._file.look(create=create)
            self._engine = new_engine(self._file.engine_url())
        if self._server is not None:
            with self._failures():
                await self._server.look()
        async with self._begun() as connection:
            names, own = await connection.run_sync(tables_there)
            if not own:
                taken = sorted(names & set(metadata.tables))
                if taken:
                    raise StoreVersionError(
                        f"{self.name}: there is a table {taken[0]!r} that is not of this package"
                    )
                if not create:
                    raise StoreError(f"{self.name}: this database has no store; a sync makes one")
                self._check_writable()
                await self._make_tables(connection)
            await check_version(connection, self.name)
        if self._file is not None:
            self._file.remember()
            if self._file.only_read is None:
                await self._write_ahead()
        self._opened = True

    async def close(self) -> None:
        """Close all connections. A new file in which a run has stored nothing goes."""
        with anyio.CancelScope(shield=True):
            try:
                if self._file is not None and self._file.is_new:
                    await self._discard(self._file)
            finally:
                self._opened = False
                await self._engine.dispose()

    @asynccontextmanager
    async def writing(self, *, locked: bool = True) -> AsyncGenerator[AsyncConnection]:
        """A transaction that writes: one at a time, and committed whatever is cancelled meanwhile.

        Several scopes have one database, which in SQLite has one writer. What is written ``locked``
        is not, once a lock of a run is gone.
        """
        self._check_writable()
        async with self._turn:
            with anyio.CancelScope(shield=True):
                for lock in self._locks if locked else ():
                    await lock.check()
                async with self.transaction() as connection:
                    yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[AsyncConnection]:
        """A connection whose work is committed together, or not at all.

        Raises:
            UsageError: The database is not open.
            StoreError: It failed, or its file is not there any more.
        """
        self._check_open()
        if self._file is not None:
            # A new connection would make another file in the place of one that was removed.
            self._file.check_same()
        async with self._begun() as connection:
            yield connection
        if self._file is not None:
            self._file.check_same()

    @asynccontextmanager
    async def lock(self, names: Collection[str]) -> AsyncGenerator[None]:
        """Keep other runs away, until left or until this process ends in whatever way.

        In PostgreSQL from the scopes of these names, in SQLite from the whole database: it has
        one writer at a time.

        Raises:
            UsageError: The database is not open.
            StoreBusyError: Another run has the lock.
            StoreError: The lock cannot be taken, or nothing be written.
        """
        self._check_open()
        self._check_writable()
        held = AsyncExitStack()
        try:
            with self._failures(), undisturbed():
                if self._file is not None:
                    self._file.check_same()
                    await lock_file(self.name, self._file.lock_path(), held)
                elif not self._sqlite:
                    lock = await ScopesLock.take(self.name, self._engine, names, held)
                    self._locks.append(lock)
                    held.push_async_callback(self._forget, lock)
                elif self._runs:
                    raise StoreBusyError(f"{self.name}: another run is at work on it")
            self._runs += 1
            held.callback(self._run_ended)
            self._ran = True
            yield
        finally:
            with anyio.CancelScope(shield=True):
                await held.aclose()

    async def is_ours_alone(self, connection: AsyncConnection) -> bool:
        """Whether no other run is at work on any scope, for a run that is."""
        return self._sqlite or await ScopesLock.held_by_one(connection)

    async def make_index(self, connection: AsyncConnection, index: Index) -> None:
        """Make an index where it is not there yet."""
        if not self._sqlite:
            # Even where there is nothing to do, PostgreSQL would let all writers wait.
            there = func.to_regclass(index.name).is_not(None)
            if await connection.scalar(select(there)):
                return
            await change_alone(connection)
        await connection.execute(CreateIndex(index, if_not_exists=True))

    def insert(self, table: Table) -> Insert:
        """An ``INSERT`` that knows ``ON CONFLICT``: both dialects spell it in the same way."""
        # Two classes without a common one, the same where they are used here.
        maker: Any = sqlite.insert if self._sqlite else postgresql.insert
        insert: Insert = maker(table)
        return insert

    def many(self, statement: Insert, columns: Sequence[Column[Any]]) -> ManyRows:
        """A statement for many rows of these columns at once."""
        return ManyRows(statement, columns, self._engine.dialect)

    def listed(self, values: Sequence[str]) -> FromClause:
        """These values as a table with one column, ``value``."""
        if self._sqlite:
            return func.json_each(json_text(values)).table_valued("value")
        array = literal(list(values), postgresql.ARRAY(Text))
        return func.unnest(array).table_valued("value").render_derived()

    def among(self, column: Column[str], ids: Sequence[str]) -> ColumnElement[bool]:
        """Whether a column has one of these values: one parameter, however many there are."""
        return column.in_(select(self.listed(ids).c.value))

    def has(self, column: Column[Any], value: str) -> ColumnElement[bool]:
        """Whether a list has this value."""
        if self._sqlite:
            listed = func.json_each(column).table_valued("value")
            return exists(select(1).select_from(listed).where(listed.c.value == value))
        return column.op("@>")(literal([value], postgresql.JSONB))

    async def _make_tables(self, connection: AsyncConnection) -> None:
        await make_tables(connection)
        version = {"key": SCHEMA, "version": SCHEMA_VERSION, "value": None}
        await connection.execute(self.insert(state).values(version).on_conflict_do_nothing())

    async def _write_ahead(self) -> None:
        """Let readers go on while a run writes. The file keeps that."""
        async with self._begun() as connection:
            try:
                await connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            except OperationalError as error:
                # Another program reads it at this moment: the next opening does it.
                if "locked" not in str(error.orig):
                    raise

    async def _discard(self, file: StoreFile) -> None:
        if not self._opened and file.is_empty:
            file.remove()
        if not (self._opened and self._ran):
            return
        try:
            async with self.lock(()):  # nobody else writes into it now
                async with self._begun() as connection:
                    empty = await is_empty(connection)
                if empty:
                    await self._engine.dispose()
                    file.remove()
        except StoreError:
            pass  # another run is at work on it, or nobody can tell

    async def _forget(self, lock: ScopesLock) -> None:
        async with self._turn:  # nobody looks at it now
            self._locks.remove(lock)

    def _run_ended(self) -> None:
        self._runs -= 1

    def _check_open(self) -> None:
        if not self._opened:
            raise UsageError(
                f"{self.name}: the store is not open: use it inside of "
                "'async with CatalogStore.open(...) as store'"
            )

    def _check_writable(self) -> None:
        for place in (self._file, self._server):
            if place is not None:
                place.check_writable()

    @asynccontextmanager
    async def _begun(self) -> AsyncGenerator[AsyncConnection]:
        with self._failures(), undisturbed():
            async with self._engine.begin() as connection:
                yield connection

    @contextmanager
    def _failures(self) -> Generator[None]:
        """Whatever a driver raises comes out as one kind of error that shows no data."""
        try:
            yield
        except database_errors() as error:
            cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
            text = str(cause).partition("\n")[0].rpartition(">: ")[2]
            if not text:
                unanswered = isinstance(cause, TimeoutError)
                text = "the database did not answer in time" if unanswered else type(cause).__name__
            # Not chained: what a driver says below its first line may quote a row, signed URLs
            # and all.
            whole = self._runs and "malformed" not in text
            more = "; what was committed before is whole" if whole else ""
            if self._file is not None and self._file.only_read is not None:
                more = f" ({self._file.only_read})"
            raise StoreError(f"{self.name}: {text}{more}") from None
