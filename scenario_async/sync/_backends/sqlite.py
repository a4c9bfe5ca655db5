"""A store in SQLite: a file with one writer, or a database in memory."""

from __future__ import annotations

import sqlite3
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any
from zlib import crc32

from sqlalchemy import ColumnElement, LargeBinary, Select, case, cast, exists, func, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError
from sqlalchemy.schema import CreateIndex

from scenario_async.sync._errors import StoreBusyError, StoreError

from .engine import json_text
from .sqlite_engine import sqlite_engine
from .store_file import StoreFile
from .urls import in_memory

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection, Iterable, Sequence
    from pathlib import Path

    from sqlalchemy import FromClause, Index, Table
    from sqlalchemy.dialects.postgresql import Insert
    from sqlalchemy.ext.asyncio import AsyncConnection

    from .backend import Lock

__all__ = ["SQLite"]

_OLDEST = (3, 31, 0)
# Since then it tells how long a text is without reading it.
_OCTETS = (3, 43, 0)


class SQLite:
    """A database of SQLite, as :class:`Backend` says.

    Args:
        url: As :func:`database_url` returns it.
    """

    one_run = True

    def __init__(self, url: URL) -> None:
        self.name = url.database or ":memory:"
        self.engine = sqlite_engine(url)
        self._file = None if in_memory(url) else StoreFile(self.name)
        self._taken: set[str] = set()

    @property
    def only_read(self) -> str | None:
        return None if self._file is None else self._file.only_read

    @property
    def new_file(self) -> StoreFile | None:
        return self._file if self._file is not None and self._file.is_new else None

    async def look(self, *, create: bool) -> None:
        if sqlite3.sqlite_version_info < _OLDEST:
            oldest = ".".join(map(str, _OLDEST))
            raise StoreError(
                f"{self.name}: this Python has SQLite {sqlite3.sqlite_version}, and a store needs "
                f"{oldest} or later: use another Python, or PostgreSQL"
            )
        if self._file is not None:
            self._file.look(create=create)
            self.engine = sqlite_engine(self._file.engine_url())

    async def begin(self) -> None:
        if self._file is None:
            return
        self._file.remember()
        if self.only_read is None:
            await self._write_ahead()

    async def _write_ahead(self) -> None:
        """Let readers go on while a run writes. The file keeps that."""
        async with self.engine.begin() as connection:
            try:
                await connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            except OperationalError as error:
                # Another program reads it at this moment: the next opening does it.
                if not _is_locked(error):
                    raise

    def check_same(self) -> None:
        if self._file is not None:
            self._file.check_same()

    def check_writable(self) -> None:
        if self._file is not None:
            self._file.check_writable()

    async def lock(
        self, scopes: Collection[str], held: AsyncExitStack, *, account: str | None
    ) -> Lock:
        del scopes, account  # it has one writer at a time, and no accounts
        busy = StoreBusyError(f"{self.name}: another run is at work on it")
        return await self._take("-lock", busy, held)

    async def lead(self, name: str, held: AsyncExitStack) -> Lock:
        busy = StoreBusyError(f"{self.name}: another one leads")
        return await self._take(f"-lead-{crc32(name.encode()):08x}", busy, held)

    async def _take(self, suffix: str, busy: StoreBusyError, held: AsyncExitStack) -> Lock:
        """Take the lock whose file has this suffix. In memory there is none but this object."""
        if self._file is not None:
            self._file.check_same()
            await self._hold(self._file.lock_path(suffix), busy, held)
        elif suffix in self._taken:
            raise busy
        else:
            self._taken.add(suffix)
            held.callback(self._taken.discard, suffix)
        return self

    async def _hold(self, path: Path, busy: StoreBusyError, held: AsyncExitStack) -> None:
        """Hold a transaction in a file beside: the operating system lets go with the process."""
        beside = URL.create("sqlite+aiosqlite", database=str(path))
        engine = sqlite_engine(beside, timeout=0)
        held.push_async_callback(engine.dispose)
        connection = await held.enter_async_context(engine.connect())
        try:
            await connection.exec_driver_sql("BEGIN EXCLUSIVE")
        except OperationalError as error:
            if not _is_locked(error):
                raise
            raise busy from None

    async def check(self) -> None:
        """The operating system takes none away."""

    async def is_ours_alone(self, connection: AsyncConnection) -> bool:  # noqa: ARG002 - as the protocol has it
        return True

    @asynccontextmanager
    async def upgrade(self) -> AsyncGenerator[AsyncConnection]:
        async with AsyncExitStack() as held:
            await self.lock((), held, account=None)
            async with self.engine.begin() as connection:
                await self.change_schema(connection)
                yield connection

    async def change_schema(self, connection: AsyncConnection) -> None:
        """Begin here: by itself Python does so before rows only.

        Each table would be committed alone, and a kill between two leave something that is not a
        store.
        """
        await connection.exec_driver_sql("BEGIN IMMEDIATE")

    async def keep_moment(self, connection: AsyncConnection) -> None:
        """Begin here: by itself Python does not do so for reading."""
        await connection.exec_driver_sql("BEGIN")

    async def make_index(self, connection: AsyncConnection, index: Index) -> None:
        await connection.execute(CreateIndex(index, if_not_exists=True))

    def insert(self, table: Table) -> Insert:
        # Two classes without a common one, the same where they are used here.
        maker: Any = sqlite.insert
        insert: Insert = maker(table)
        return insert

    def listed(self, values: Sequence[str]) -> FromClause:
        return func.json_each(json_text(values)).table_valued("value")

    def among(
        self, column: ColumnElement[Any], values: Sequence[str] | Select[tuple[str]]
    ) -> ColumnElement[bool]:
        query = values if isinstance(values, Select) else select(self.listed(values).c.value)
        return column.in_(query)

    def has(self, column: ColumnElement[Any], value: str) -> ColumnElement[bool]:
        listed = func.json_each(column).table_valued("value")
        return exists(select(1).select_from(listed).where(listed.c.value == value))

    def values(self, column: ColumnElement[Any]) -> FromClause:
        # It fails at what is not JSON, and takes anything but a list for a list of one.
        broken, is_list = func.json_valid(column) == 0, func.json_type(column) == "array"
        lists = case((broken, None), (is_list, column))
        return func.json_each(lists).table_valued("value", joins_implicitly=True)

    def month(self, column: ColumnElement[Any]) -> ColumnElement[str]:
        return func.substr(column, 1, len("2026-10"))

    def octets(self, column: ColumnElement[Any]) -> ColumnElement[int]:
        if sqlite3.sqlite_version_info >= _OCTETS:
            return func.octet_length(column)
        return func.length(cast(column, LargeBinary))

    def size(self, tables: Iterable[FromClause]) -> ColumnElement[int]:  # noqa: ARG002 - as the protocol has it
        pages, bytes_each = func.pragma_page_count(), func.pragma_page_size()
        return (
            select(pages.table_valued("page_count").c.page_count).scalar_subquery()
            * select(bytes_each.table_valued("page_size").c.page_size).scalar_subquery()
        )


def _is_locked(error: OperationalError) -> bool:
    return "locked" in str(error.orig)
