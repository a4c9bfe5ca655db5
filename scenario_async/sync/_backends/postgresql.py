"""A store in PostgreSQL: several runs at once, each with scopes of its own.

A store holds locks and prepared statements in sessions, which a pooler may not take away, and keeps
text in any language.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
from sqlalchemy import ColumnElement, Select, Table, Text, any_, case, func, literal, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import URL
from sqlalchemy.schema import CreateIndex

from scenario_async.sync._errors import StoreBusyError, StoreError
from scenario_async.sync._tables import state, within_calendar

from .locks import LEADS, OWN, RUNS, Locks, Session, holders
from .postgresql_engine import CLOSE_TIMEOUT, close, connected, postgresql_engine

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection, Iterable, Sequence
    from contextlib import AsyncExitStack

    from sqlalchemy import FromClause, Index
    from sqlalchemy.dialects.postgresql import Insert
    from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["PostgreSQL"]

# The latter keeps bytes as they come, and these are UTF-8.
_ANY_TEXT = ("UTF8", "SQL_ASCII")
_LOOKS = 3
_ROW = 28  # bytes of a row besides its values
# Seconds for a pooler to find a second session. With none to spare it lets one wait for ever.
_SESSION_TIMEOUT = 30.0
_ONE_MOMENT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
_KEEP_ALL_AWAY = text(f"LOCK TABLE {state.name} IN ACCESS EXCLUSIVE MODE")


class PostgreSQL:
    """A database of PostgreSQL, as :class:`Backend` says.

    Args:
        url: As :func:`database_url` returns it.
        most: How many connections there are at once, besides that of a lock.
    """

    one_run = False
    only_read = None
    new_file = None

    def __init__(self, url: URL, *, most: int | None = None) -> None:
        # Never who asks, or how.
        where = URL.create("postgresql", host=url.host, port=url.port, database=url.database)
        self.name = where.render_as_string()
        self.engine = postgresql_engine(url, most=most)
        self._url = url
        self._encoding = _ANY_TEXT[0]
        self._locks = Locks(self.name, url)

    async def look(self, *, create: bool) -> None:  # noqa: ARG002 - a server makes none by itself
        looking = asyncio.ensure_future(self._look())
        try:
            await asyncio.shield(looking)
        finally:
            with anyio.CancelScope(shield=True):
                await _ended(looking)

    async def _look(self) -> None:
        async with self._connection() as connection:
            self._encoding = connection.get_settings().server_encoding
            session = await _session(connection)
            # A pooler answers with a number of its own.
            if session != connection.get_server_pid():
                await self._check_kept(connection, session)

    async def begin(self) -> None:
        """There is nothing to do."""

    def check_same(self) -> None:
        """The server sees to that."""

    def check_writable(self) -> None:
        if self._encoding not in _ANY_TEXT:
            raise StoreError(
                f"{self.name}: the encoding of this database is {self._encoding}, and models have "
                "text in any language: a store needs one that was made with ENCODING 'UTF8'"
            )

    async def lock(
        self, scopes: Collection[str], held: AsyncExitStack, *, account: str | None
    ) -> Session:
        def busy(name: str) -> str:
            if account is None:
                return f"{self.name}: another run is at work on the scope {name!r}"
            return f"{self.name}: another run is at work on the account {name!r}"

        return await self._locks.take(RUNS, scopes if account is None else [account], busy, held)

    async def lead(self, name: str, held: AsyncExitStack) -> Session:
        def busy(_: str) -> str:
            return f"{self.name}: another one leads"

        return await self._locks.take(LEADS, [name], busy, held)

    async def is_ours_alone(self, connection: AsyncConnection) -> bool:
        return await holders(connection) <= 1

    @asynccontextmanager
    async def upgrade(self) -> AsyncGenerator[AsyncConnection]:
        async with self.engine.begin() as connection:
            await self.change_schema(connection)
            # A run that begins now waits here, and then finds another version.
            await connection.execute(_KEEP_ALL_AWAY)
            if await holders(connection):
                raise StoreBusyError(f"{self.name}: another run is at work on it")
            yield connection

    async def change_schema(self, connection: AsyncConnection) -> None:
        """Wait for others who do so: ``IF NOT EXISTS`` does not cover two at once."""
        await connection.execute(select(func.pg_advisory_xact_lock(OWN)))

    async def keep_moment(self, connection: AsyncConnection) -> None:
        await connection.execute(_ONE_MOMENT)

    async def make_index(self, connection: AsyncConnection, index: Index) -> None:
        # Even where there is nothing to do, all writers would wait.
        there = func.to_regclass(index.name).is_not(None)
        if not await connection.scalar(select(there)):
            await self.change_schema(connection)
            await connection.execute(CreateIndex(index, if_not_exists=True))

    def insert(self, table: Table) -> Insert:
        return postgresql.insert(table)

    def listed(self, values: Sequence[str]) -> FromClause:
        return func.unnest(_array(values)).table_valued("value").render_derived()

    def among(
        self, column: ColumnElement[Any], values: Sequence[str] | Select[tuple[str]]
    ) -> ColumnElement[bool]:
        # Not by a join with such a table: the server would go through all of it for each row, where
        # it takes a new account for one that has hardly any.
        if isinstance(values, Select):
            return column == any_(func.array(values.scalar_subquery()))
        return column == any_(_array(values))

    def has(self, column: ColumnElement[Any], value: str) -> ColumnElement[bool]:
        return column.op("@>")(literal([value], postgresql.JSONB))

    def values(self, column: ColumnElement[Any]) -> FromClause:
        # It fails at anything but a list.
        lists = case((func.jsonb_typeof(column) == "array", column))
        values = func.jsonb_array_elements_text(lists)
        return values.table_valued("value", joins_implicitly=True).render_derived()

    def month(self, column: ColumnElement[Any]) -> ColumnElement[str]:
        return func.to_char(func.timezone("UTC", within_calendar(column)), "YYYY-MM")

    def octets(self, column: ColumnElement[Any]) -> ColumnElement[int]:
        return func.octet_length(column)

    def size(self, tables: Iterable[FromClause]) -> ColumnElement[int]:
        first, *others = map(_size, tables)
        return sum(others, start=first)

    async def _check_kept(self, connection: Any, session: int) -> None:  # noqa: ANN401 - the driver has no types
        """See that a pooler leaves a connection its session while others ask as well."""
        try:
            async with asyncio.timeout(_SESSION_TIMEOUT):
                async with self._connection() as other:
                    for _ in range(_LOOKS):
                        # What the first one has let go of is the first to be given away.
                        async with other.transaction():
                            kept = await _pid(other) != session
                            kept = kept and await _session(connection) == session
                        if not kept:
                            raise StoreError(
                                f"{self.name}: a pooler in front of this database gives each "
                                "transaction another session, and locks get lost: let it keep "
                                "sessions (PgBouncer: pool_mode = session), or connect to the "
                                "server itself"
                            )
        except TimeoutError:
            raise StoreError(
                f"{self.name}: the pooler in front of this database has no second session to "
                "spare (PgBouncer: default_pool_size): a run needs one for its lock and one for "
                "each of its scopes"
            ) from None

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[Any]:
        connection = await connected(self._url)
        try:
            yield connection
        finally:
            await close(connection)


def _array(values: Sequence[str]) -> ColumnElement[Any]:
    return literal(list(values), postgresql.ARRAY(Text))


def _size(table: FromClause) -> ColumnElement[int]:
    if isinstance(table, Table):
        # One that is cut into parts has nothing itself, and another one no parts.
        parts = func.pg_partition_tree(table.name).table_valued("relid")
        size = func.sum(func.pg_total_relation_size(parts.c.relid))
        of_parts = func.coalesce(select(size).scalar_subquery(), 0)
        return func.pg_total_relation_size(table.name) + of_parts
    columns = (func.coalesce(func.pg_column_size(column), 0) for column in table.c)
    rows = func.sum(sum(columns, start=literal(_ROW)))
    return func.coalesce(select(rows).scalar_subquery(), 0)


async def _ended(task: asyncio.Task[None]) -> None:
    """Wait until a task is over, but not long.

    The driver complains in the log where it is cancelled while it connects: it may finish that, if
    the server answers.
    """
    await asyncio.wait([task], timeout=CLOSE_TIMEOUT)
    task.cancel()
    await asyncio.wait([task])


async def _session(connection: Any) -> int:  # noqa: ANN401 - the driver has no types
    """The process that serves a transaction of this connection."""
    async with connection.transaction():
        return await _pid(connection)


async def _pid(connection: Any) -> int:  # noqa: ANN401 - the driver has no types
    pid: int = await connection.fetchval("SELECT pg_backend_pid()")
    return pid
