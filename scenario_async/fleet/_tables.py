"""The tables of a fleet, beside those of its store. None of them has a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    Interval,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP
from sqlalchemy.schema import CreateIndex, CreateTable

from scenario_async.sync import StoreVersionError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["accounts", "make_tables", "workers"]

_metadata = MetaData()

_FIRST_RUN = text("(extract(epoch FROM now()) * 1000)::bigint")

accounts = Table(
    "fleet_accounts",
    _metadata,
    Column("name", Text, primary_key=True),
    Column("credential_ref", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("every", Interval, nullable=False),
    Column("limit_group", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="waiting"),
    Column("due_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
    Column("was_due_at", TIMESTAMP(timezone=True)),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("refusals", Integer, nullable=False, server_default="0"),
    Column("outages", Integer, nullable=False, server_default="0"),
    # Which run of it is the last one: a worker that was cut off may still tell of one before, also
    # of one before the account was removed and added again.
    Column("run", BigInteger, nullable=False, server_default=_FIRST_RUN),
    Column("worker", Text),
    Column("last_success_at", TIMESTAMP(timezone=True)),
    Column("last_error", Text),
    # Of the last run that did well.
    Column("rows", BigInteger),
    Column("changes", BigInteger),
    Column("requests", BigInteger),
    Column("seconds", Float),
)

workers = Table(
    "fleet_workers",
    _metadata,
    Column("name", Text, primary_key=True),
    Column("slots", Integer, nullable=False),
    Column("seen_at", TIMESTAMP(timezone=True), nullable=False),
)

_INDEXES = (
    Index(
        "fleet_accounts_by_due_time",
        accounts.c.due_at,
        postgresql_where=text("state IN ('waiting', 'refused')"),
    ),
    Index("fleet_accounts_by_group", accounts.c.limit_group, accounts.c.due_at),
    Index("fleet_accounts_running", accounts.c.worker, postgresql_where=text("state = 'running'")),
)

_VERSION = "scenario-async: accounts of a fleet, version 1"
# Not with to_regclass(), which may remember from before the lock that there is none.
_COMMENT = text("""
    SELECT coalesce(obj_description(oid, 'pg_class'), '') FROM pg_class
    WHERE relname = 'fleet_accounts'
        AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
""")
# IF NOT EXISTS does not cover two at once.
_ONE_AT_A_TIME = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('scenario-async fleet ' || current_schema(), 0))"
)


async def make_tables(connection: AsyncConnection, name: str) -> None:
    """Make the tables of a fleet where there are none.

    Args:
        connection: To the database of the store.
        name: What to call that in a message.

    Raises:
        StoreVersionError: They are of another version, or of another program.
    """
    if await _are_there(connection, name):
        return
    await connection.execute(_ONE_AT_A_TIME)
    if await _are_there(connection, name):
        return
    for table in _metadata.sorted_tables:
        await connection.execute(CreateTable(table))
    for index in _INDEXES:
        await connection.execute(CreateIndex(index))
    await connection.execute(text(f"COMMENT ON TABLE fleet_accounts IS '{_VERSION}'"))


async def _are_there(connection: AsyncConnection, name: str) -> bool:
    version = await connection.scalar(_COMMENT)
    if version not in (None, _VERSION):
        raise StoreVersionError(
            f"{name}: its table 'fleet_accounts' is of another release of scenario-async, or of "
            "another program"
        )
    return version is not None
