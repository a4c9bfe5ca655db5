"""The connections to a database: opened and closed, and failing in one way."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from scenario_async import UsageError
from scenario_async.sync._errors import StoreError, StoreVersionError
from scenario_async.sync._layouts import PLAIN, Layout

from .engine import database_errors, reason_of
from .postgresql import PostgreSQL
from .schema import has_tables, is_empty, make_tables, migrate, schema_version, version_of
from .sqlite import SQLite
from .task import in_own_task, undisturbed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from sqlalchemy.engine import URL
    from sqlalchemy.ext.asyncio import AsyncConnection

    from .backend import Backend
    from .store_file import StoreFile

__all__ = ["Connections"]


class Connections:
    """What connects to a database, for one store or for all accounts in it.

    Args:
        url: Of the database.
        layout: How its tables lie.
        most: How many connections there are at once.
        opener: The class whose ``open`` leads to it.

    Attributes:
        name: What to call it in a message: a path, or where it is.
        backend: What it does in its own way.
        layout: How its tables lie.
        runs: How many runs are under way.
        ran: Whether one ever was.
    """

    def __init__(
        self,
        url: URL,
        layout: Layout = PLAIN,
        *,
        most: int | None = None,
        opener: str = "CatalogStore",
    ) -> None:
        sqlite = url.get_backend_name() == "sqlite"
        if sqlite and layout.has_accounts:
            raise ValueError(
                "a database with accounts is one of PostgreSQL: in SQLite each account has a file "
                "of its own"
            )
        self.backend: Backend = SQLite(url) if sqlite else PostgreSQL(url, most=most)
        self.name: str = self.backend.name
        self.layout: Layout = layout
        self.runs = 0
        self.ran = False
        self._opener = opener
        self._opened = False

    def check_open(self) -> None:
        """Raises UsageError where it is not."""
        if not self._opened:
            raise UsageError(
                f"{self.name}: the store is not open: use it inside of "
                f"'async with {self._opener}.open(...) as store'"
            )

    async def enter(self, *, create: bool) -> None:
        """Connect; make the tables where there are none, and bring earlier ones up to date.

        A database that has no store and is to have none, or is of another program, is left as it
        is, to the byte. What fails leaves no connection behind.

        Raises:
            UsageError: They are open.
            StoreError: There is no such database, it cannot be reached, or is of a kind that
                cannot have a store.
            StoreVersionError: Its tables are not those of this release.
        """
        if self._opened:
            raise UsageError(f"{self.name}: the store is open: enter it once")
        try:
            await self._open(create=create)
        except BaseException:
            await self.leave()
            raise

    async def leave(self) -> None:
        """Close all connections. A new file in which a run has stored nothing goes."""
        # In a scope that is cancelled, waiting for the end would raise, and hide what went wrong.
        with undisturbed():
            await self._close()

    @in_own_task
    async def _open(self, *, create: bool) -> None:
        with self.failures():
            await self.backend.look(create=create)
        async with self.begun() as connection:
            if not await has_tables(connection, self.layout, self.name):
                if not create:
                    what = "the first account" if self.layout.has_accounts else "a sync"
                    raise StoreError(f"{self.name}: this database has no store; {what} makes one")
                self.backend.check_writable()
                await self.backend.change_schema(connection)
                await make_tables(connection, self.layout)
            version = await version_of(connection, self.layout, self.name)
        if version < schema_version(self.layout):
            await self._upgrade(version, create=create)
        with self.failures(), undisturbed():
            await self.backend.begin()
        self._opened = True

    @in_own_task
    async def _close(self) -> None:
        with undisturbed():
            try:
                if self.backend.new_file is not None:
                    await self._discard(self.backend.new_file)
            finally:
                self._opened = False
                await self.backend.engine.dispose()

    @asynccontextmanager
    async def begun(self) -> AsyncGenerator[AsyncConnection]:
        """A connection whose work is committed together, or not at all.

        Raises:
            StoreError: The database failed.
        """
        with self.failures(), undisturbed():
            async with self.backend.engine.begin() as connection:
                yield connection

    @contextmanager
    def failures(self) -> Generator[None]:
        """Whatever a driver raises comes out as one kind of error that shows no data."""
        try:
            yield
        except database_errors() as error:
            text = reason_of(error)
            whole = self.runs and "malformed" not in text
            more = "; what was committed before is whole" if whole else ""
            if self.backend.only_read is not None:
                more = f" ({self.backend.only_read})"
            # Not chained: it may quote a row.
            raise StoreError(f"{self.name}: {text}{more}") from None

    async def _upgrade(self, version: int, *, create: bool) -> None:
        if not create:
            raise StoreVersionError(
                f"{self.name}: its tables are of version {version}, and this release of scenario-"
                f"async reads version {schema_version(self.layout)}: a sync brings them up to date"
            )
        self.backend.check_writable()
        with self.failures(), undisturbed():
            async with self.backend.upgrade() as connection:
                # Another process may just have done it.
                found = await version_of(connection, self.layout, self.name)
                await migrate(connection, self.layout, found)

    async def _discard(self, file: StoreFile) -> None:
        if not self._opened and file.is_empty:
            file.remove()
        if not (self._opened and self.ran):
            return
        try:
            async with AsyncExitStack() as held:
                with self.failures():
                    # Nobody else writes into it now.
                    await self.backend.lock((), held, account=None)
                async with self.begun() as connection:
                    empty = await is_empty(connection, self.layout.tables)
                if empty:
                    await self.backend.engine.dispose()
                    if not file.is_open_elsewhere:
                        file.remove()
        except StoreError:
            pass  # another run is at work on it, or nobody can tell
