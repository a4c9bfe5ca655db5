"""The database behind a store: opened and closed, written by one at a time, failing in one way."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import anyio
from sqlalchemy import ColumnElement, select
from sqlalchemy.exc import DBAPIError

from scenario_async import UsageError
from scenario_async.sync._errors import StoreBusyError, StoreError, StoreVersionError
from scenario_async.sync._tables import metadata

from .engine import database_errors
from .many_rows import ManyRows
from .postgresql import PostgreSQL
from .schema import is_empty, make_tables, migrate, schema_version, tables_there, version_of
from .sqlite import SQLite
from .task import undisturbed

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        Awaitable,
        Callable,
        Collection,
        Generator,
        Sequence,
    )

    from sqlalchemy import Column, FromClause, Index, Table
    from sqlalchemy.dialects.postgresql import Insert
    from sqlalchemy.engine import URL
    from sqlalchemy.ext.asyncio import AsyncConnection

    from .backend import Backend
    from .store_file import StoreFile

__all__ = ["Database"]

_LOOK_AGAIN = 1.0  # seconds


class Database:
    """One database with the tables of a store.

    Attributes:
        name: What to call it in a message: a path, or where it is.
        one_run: As of :class:`Backend`, and so are the other attributes.
    """

    def __init__(self, url: URL) -> None:
        sqlite = url.get_backend_name() == "sqlite"
        backend: Backend = SQLite(url) if sqlite else PostgreSQL(url)
        self.name: str = backend.name
        self.one_run: bool = backend.one_run
        self.insert: Callable[[Table], Insert] = backend.insert
        self.make_index: Callable[[AsyncConnection, Index], Awaitable[None]] = backend.make_index
        self.keep_moment: Callable[[AsyncConnection], Awaitable[None]] = backend.keep_moment
        self.is_ours_alone: Callable[[AsyncConnection], Awaitable[bool]] = backend.is_ours_alone
        self.listed: Callable[[Sequence[str]], FromClause] = backend.listed
        self.has: Callable[[ColumnElement[Any], str], ColumnElement[bool]] = backend.has
        self.values: Callable[[ColumnElement[Any]], FromClause] = backend.values
        self.month: Callable[[ColumnElement[Any]], ColumnElement[str]] = backend.month
        self.octets: Callable[[ColumnElement[Any]], ColumnElement[int]] = backend.octets
        self.size: Callable[[], ColumnElement[int]] = backend.size
        self._backend = backend
        self._write_lock = asyncio.Lock()
        self._opened = False
        self._runs = 0
        self._ran = False

    def check_closed(self) -> None:
        """Raises UsageError where it is open."""
        if self._opened:
            raise UsageError(f"{self.name}: the store is open: enter it once")

    async def open(self, *, create: bool) -> None:
        """Connect; make the tables where there are none, and bring earlier ones up to date.

        A database that has no store and is to have none, or is of another program, is left as it
        is, to the byte.

        Raises:
            StoreError: There is no such database, it cannot be reached, or is of a kind that
                cannot have a store.
            StoreVersionError: Its tables are not those of this release.
        """
        with self._failures():
            await self._backend.look(create=create)
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
                self._backend.check_writable()
                await self._backend.change_schema(connection)
                await make_tables(connection)
            version = await version_of(connection, self.name)
        if version < schema_version():
            await self._upgrade(version, create=create)
        with self._failures(), undisturbed():
            await self._backend.begin()
        self._opened = True

    async def _upgrade(self, version: int, *, create: bool) -> None:
        if not create:
            raise StoreVersionError(
                f"{self.name}: its tables are of version {version}, and this release of "
                f"scenario-async reads version {schema_version()}: a sync brings them up to date"
            )
        self._backend.check_writable()
        with self._failures(), undisturbed():
            async with self._backend.upgrade() as connection:
                # Another process may just have done it.
                await migrate(connection, await version_of(connection, self.name))

    async def close(self) -> None:
        """Close all connections. A new file in which a run has stored nothing goes."""
        with undisturbed():
            try:
                if self._backend.new_file is not None:
                    await self._discard(self._backend.new_file)
            finally:
                self._opened = False
                await self._backend.engine.dispose()

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
        self._check_open()
        # A new connection would make another file in the place of one that was removed.
        self._backend.check_same()
        async with self._begun() as connection:
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
        self._check_open()
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
            self._runs += 1
            held.callback(self._run_ended)
            self._ran = True
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
        self._check_open()
        self._backend.check_writable()
        held = AsyncExitStack()
        try:
            with self._failures(), undisturbed():
                await self._backend.lead(name, held)
            yield
        finally:
            with undisturbed():
                await held.aclose()

    async def _take_lock(self, scopes: Collection[str], held: AsyncExitStack) -> None:
        with self._failures(), undisturbed():
            async with AsyncExitStack() as taken:
                await self._backend.lock(scopes, taken)
                async with self._backend.engine.begin() as connection:
                    await version_of(connection, self.name)
                held.push_async_callback(taken.pop_all().aclose)

    def many(self, statement: Insert, columns: Sequence[Column[Any]]) -> ManyRows:
        """A statement for many rows of these columns at once."""
        return ManyRows(statement, columns, self._backend.engine.dialect)

    def among(self, column: Column[str], ids: Sequence[str]) -> ColumnElement[bool]:
        """Whether a column has one of these values: one parameter, however many there are."""
        return column.in_(select(self.listed(ids).c.value))

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
                    await self._backend.engine.dispose()
                    if not file.is_open_elsewhere:
                        file.remove()
        except StoreError:
            pass  # another run is at work on it, or nobody can tell

    def _run_ended(self) -> None:
        self._runs -= 1

    def _check_open(self) -> None:
        if not self._opened:
            raise UsageError(
                f"{self.name}: the store is not open: use it inside of "
                "'async with CatalogStore.open(...) as store'"
            )

    @asynccontextmanager
    async def _begun(self) -> AsyncGenerator[AsyncConnection]:
        with self._failures(), undisturbed():
            async with self._backend.engine.begin() as connection:
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
            if self._backend.only_read is not None:
                more = f" ({self._backend.only_read})"
            raise StoreError(f"{self.name}: {text}{more}") from None
