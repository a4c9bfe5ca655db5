"""A store in PostgreSQL: several runs at once, each with scopes of its own."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
from sqlalchemy import ColumnElement, Text, func, literal, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import URL
from sqlalchemy.schema import CreateIndex

from scenario_async.sync._errors import StoreBusyError
from scenario_async.sync._tables import state

from .postgresql_engine import postgresql_engine
from .scopes_lock import OWN, ScopesLock
from .server import Server

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection, Sequence
    from contextlib import AsyncExitStack

    from sqlalchemy import Column, FromClause, Index, Table
    from sqlalchemy.dialects.postgresql import Insert
    from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["PostgreSQL"]

_KEEP_ALL_AWAY = text(f"LOCK TABLE {state.name} IN ACCESS EXCLUSIVE MODE")


class PostgreSQL:
    """A database of PostgreSQL, as :class:`Backend` says.

    Args:
        url: As :func:`database_url` returns it.
    """

    one_run = False
    only_read = None
    new_file = None

    def __init__(self, url: URL) -> None:
        # Never who asks, or how.
        where = URL.create("postgresql", host=url.host, port=url.port, database=url.database)
        self.name = where.render_as_string()
        self.engine = postgresql_engine(url)
        self._server = Server(self.name, url)
        self._locks: list[ScopesLock] = []
        self._looking = anyio.Lock()

    async def look(self, *, create: bool) -> None:  # noqa: ARG002 - a server makes none by itself
        await self._server.look()

    async def begin(self) -> None:
        """There is nothing to do."""

    def check_same(self) -> None:
        """The server sees to that."""

    def check_writable(self) -> None:
        self._server.check_writable()

    async def lock(self, scopes: Collection[str], held: AsyncExitStack) -> None:
        lock = await ScopesLock.take(self.name, self.engine, scopes, held)
        self._locks.append(lock)
        held.push_async_callback(self._forget, lock)

    async def _forget(self, lock: ScopesLock) -> None:
        async with self._looking:  # nobody looks at it now
            self._locks.remove(lock)

    async def check_locks(self) -> None:
        async with self._looking:
            for lock in self._locks:
                await lock.check()

    async def is_ours_alone(self, connection: AsyncConnection) -> bool:
        return await ScopesLock.holders(connection) <= 1

    @asynccontextmanager
    async def upgrade(self) -> AsyncGenerator[AsyncConnection]:
        async with self.engine.begin() as connection:
            await self.change_schema(connection)
            # A run that begins now waits here, and then finds another version.
            await connection.execute(_KEEP_ALL_AWAY)
            if await ScopesLock.holders(connection):
                raise StoreBusyError(f"{self.name}: another run is at work on it")
            yield connection

    async def change_schema(self, connection: AsyncConnection) -> None:
        """Wait for others who do so: ``IF NOT EXISTS`` does not cover two at once."""
        await connection.execute(select(func.pg_advisory_xact_lock(OWN)))

    async def make_index(self, connection: AsyncConnection, index: Index) -> None:
        # Even where there is nothing to do, all writers would wait.
        there = func.to_regclass(index.name).is_not(None)
        if not await connection.scalar(select(there)):
            await self.change_schema(connection)
            await connection.execute(CreateIndex(index, if_not_exists=True))

    def insert(self, table: Table) -> Insert:
        return postgresql.insert(table)

    def listed(self, values: Sequence[str]) -> FromClause:
        array = literal(list(values), postgresql.ARRAY(Text))
        return func.unnest(array).table_valued("value").render_derived()

    def has(self, column: Column[Any], value: str) -> ColumnElement[bool]:
        return column.op("@>")(literal([value], postgresql.JSONB))
